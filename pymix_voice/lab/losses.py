"""Loss masks: which rounds of a call do not come, drawn from a seed.

Each mask has as many lost rounds as were asked for, so that two seeds differ in where the losses
are and not in how many: a score then needs fewer seeds. Bursts are those of Gilbert's two states,
given that number: geometric lengths, and every place for them as likely as every other.

Source: E. N. Gilbert, Capacity of a burst-noise channel (Bell System Technical Journal, 1960).

Must not know: frames, sound, why.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import Misuse

BURST = 2.5
"""Rounds lost at once, on average, where losses come in bursts."""

Mask = NDArray[np.bool_]
"""One entry a round, true if it is lost."""


class Losses(StrEnum):
    """How losses lie in time."""

    RANDOM = "random"
    """Each by itself."""
    BURSTY = "bursty"
    """Several at once."""


def mask(losses: Losses, share: float, count: int, rng: np.random.Generator) -> Mask:
    """Draw a mask.

    Args:
        losses: how they lie in time.
        share: of all rounds; the nearest whole number of them is lost.
        count: how many rounds there are.
        rng: the same state, the same mask.

    Returns:
        bool [count].

    Raises:
        Misuse: if the share is not 0 to 0.5; with more, bursts would touch and be longer ones.
    """
    if not 0 <= share <= 0.5:
        raise Misuse(f"a share of {share} of rounds lost is not possible here, 0 to 0.5 is")
    wanted = round(share * count)
    if losses is Losses.RANDOM:
        lost = np.zeros(count, np.bool_)
        lost[rng.choice(count, wanted, replace=False)] = True
        return lost
    return _bursty(wanted, count, rng)


def _bursty(wanted: int, count: int, rng: np.random.Generator) -> Mask:
    lengths: list[int] = []
    while (left := wanted - sum(lengths)) > 0:
        lengths.append(min(left, int(rng.geometric(1 / BURST))))
    # A burst lies before one of the rounds that come, or after the last; never two at one place.
    places = np.sort(rng.choice(count - wanted + 1, len(lengths), replace=False))
    lost = np.zeros(count, np.bool_)
    passed = 0
    for place, length in zip(places, lengths, strict=True):
        lost[place + passed : place + passed + length] = True
        passed += length
    return lost
