"""Whose clock is it? Computers' clocks are slow or fast by amounts of their own.

A client that sends by its own clock drifts through the round at a steady slope. Who was measured
once is known again by that slope alone, from elsewhere and under another name.

Source: Kohno, Broido and Claffy, "Remote Physical Device Fingerprinting", S&P 2005; Murdoch, "Hot
or Not: Revealing Hidden Services by Their Clock Skew", CCS 2006.

Must not know: how a recording was made.
"""

import numpy as np
from numpy.typing import NDArray

from pymix_voice.lab.audit.attack import Attack, Recording, Watcher
from pymix_voice.lab.audit.attacks.series import Links, Matrix, mean_where, sent, summed
from pymix_voice.lab.audit.guesses import Linking
from pymix_voice.onion.dice import Dice

WIDTH_S = 0.5
LEAST_BINS = 6
SURE = 3.0
"""A slope of fewer of its own errors may be none."""


def guess(recording: Recording, dice: Dice) -> Linking | None:
    """For each client's first half, whose second half has the same slope."""
    capture = recording.capture
    middle = (capture.begin + capture.end) / 2
    first = _slopes(sent(capture, (capture.begin, middle)))
    second = _slopes(sent(capture, (middle, capture.end)))
    if first is None or second is None or len(first) < 2:
        return None
    return Linking(-np.abs(first[:, None] - second[None, :]), np.arange(len(first)))


def _slopes(links: Links) -> NDArray[np.float64] | None:
    """How much later in the round each client sends, per second; 0 where that may be chance."""
    turns = np.exp(2j * np.pi * links.at / links.round_s)
    counts = summed(links, WIDTH_S)
    if counts.shape[1] < LEAST_BINS:
        return None
    mean = mean_where(summed(links, WIDTH_S, turns.real), counts) + 1j * mean_where(
        summed(links, WIDTH_S, turns.imag), counts
    )
    phases: Matrix = np.unwrap(np.angle(mean), axis=1) * links.round_s / (2 * np.pi)
    at = WIDTH_S * np.arange(phases.shape[1])
    at = at - at.mean()
    square = float((at**2).sum())
    slopes = phases @ at / square
    rest = phases - phases.mean(axis=1, keepdims=True) - slopes[:, None] * at
    # Neighbouring bins err alike: a slope that a wandering phase makes is no clock's.
    alike = (rest[:, 1:] * rest[:, :-1]).sum(axis=1) / np.maximum((rest**2).sum(axis=1), 1e-30)
    longer = (1 + np.clip(alike, 0, 0.9)) / (1 - np.clip(alike, 0, 0.9))
    errors = np.sqrt((rest**2).sum(axis=1) * longer / (len(at) - 2) / square)
    return np.where(np.abs(slopes) > np.maximum(SURE * errors, 1e-9), slopes, 0.0)


ATTACK = Attack(
    name="clock-skew",
    watcher=Watcher.OUTSIDE,
    wants="which client is the one that was seen before",
    way=(
        "Measure how each client's instants of sending drift against true time, and find the "
        "same drift again later."
    ),
    source="Kohno, Broido and Claffy, Remote Physical Device Fingerprinting, 2005",
    guess=guess,
)
