"""Patterns: when the rounds of a call arrive over ways that are good, bad, or change.

Every pattern is drawn from a seed and is the same each time. Jitter is correlated in time, as that
of real queues is, and no round overtakes another but in the pattern that is about that.

Must not know: frames, sound, playout.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.geometry import FRAME_S
from pymix_voice.lab.losses import BURST, Losses, mask
from pymix_voice.lab.network import Law, Link
from pymix_voice.onion.dice import Dice

SEED = 20
WAY_S = 0.050
"""What every round takes at least."""
MEMORY_ROUNDS = 5
"""After so many rounds jitter is like itself by 1/e: 100 ms."""
CHAIN_PASSES = 6
"""From gateway to the last of three mixes, and back."""
OVERTAKEN_S = 0.030
"""A round that is overtaken is so much later, at most."""


class Row(NamedTuple):
    """One round."""

    number: int
    at: float | None
    """Seconds after round 0 was sent; None if it is lost."""


class Pattern(NamedTuple):
    """How the rounds of a call came."""

    name: str
    sentence: str
    rows: list[Row]


@dataclass(frozen=True)
class Way:
    """What a way does to rounds; seconds, and shares from 0 to 1."""

    name: str
    sentence: str
    jitter: float = 0.0003
    """Exponential with this mean, correlated in time."""
    held_every: float = 0.0
    """On average so often nothing comes for a while; 0 for never."""
    held: tuple[float, float] = (0.0, 0.0)
    """For how long, uniform."""
    held_gap: float = 0.0002
    """Then what was held comes so close to each other."""
    longer: float = 0.0
    """From the middle of the call on."""
    loss: float = 0.0
    losses: Losses = Losses.RANDOM
    drift_ppm: float = 0.0
    """By how much the zone's clock is slower than that of who hears."""
    overtaken: float = 0.0
    """This share may be overtaken."""


WAYS = (
    Way("steady", "a wire and nobody else on it"),
    Way("small jitter", "2 ms on average", jitter=0.002),
    Way("large jitter", "15 ms on average", jitter=0.015),
    Way("bursts", "60 to 100 ms of nothing every 2 s", held_every=2.0, held=(0.060, 0.100)),
    Way(
        *("spikes", "0.2 to 0.3 s late every 10 s, caught up in steps"),
        held_every=10.0,
        held=(0.200, 0.300),
        held_gap=0.005,
    ),
    Way("route longer", "60 ms longer from the middle on", jitter=0.001, longer=0.060),
    Way("route shorter", "60 ms shorter from the middle on", jitter=0.001, longer=-0.060),
    Way("loss 1 %", "each round by itself", jitter=0.001, loss=0.01),
    Way("loss 5 %", "each round by itself", jitter=0.001, loss=0.05),
    Way("loss 10 %", "each round by itself", jitter=0.001, loss=0.10),
    Way("loss 20 %", "each round by itself", jitter=0.001, loss=0.20),
    Way(
        *("loss runs", f"5 % lost, {BURST:g} at once on average"),
        jitter=0.001,
        loss=0.05,
        losses=Losses.BURSTY,
    ),
    Way("drift +200 ppm", "the zone's clock is slower", jitter=0.001, drift_ppm=200),
    Way("drift -200 ppm", "the zone's clock is faster", jitter=0.001, drift_ppm=-200),
    Way(
        *("mobile", "10 ms of jitter, bursts every 4 s, 2 % lost"),
        jitter=0.010,
        held_every=4.0,
        held=(0.060, 0.120),
        loss=0.02,
    ),
    Way("reordering", "5 % come up to 30 ms later than others", jitter=0.001, overtaken=0.05),
)


def patterns(seconds: float, seed: int = SEED) -> list[Pattern]:
    """The whole corpus.

    Args:
        seconds: how long each is.
        seed: the same seed, the same rows.
    """
    return [
        Pattern(way.name, way.sentence, rows(way, seconds, np.random.default_rng([seed, place])))
        for place, way in enumerate(WAYS)
    ]


def rows(way: Way, seconds: float, rng: np.random.Generator) -> list[Row]:
    """Draw one pattern: a row for every round, in the order of rounds."""
    count = round(seconds / FRAME_S)
    sent = np.arange(count) * FRAME_S * (1 + way.drift_ppm / 1_000_000)
    at = sent + WAY_S + max(0.0, -way.longer) + _jitter(way.jitter, count, rng)
    at[count // 2 :] += way.longer
    _hold(at, way, seconds, rng)
    at = np.maximum.accumulate(at)
    overtaken = rng.random(count) < way.overtaken
    at += np.where(overtaken, rng.uniform(0, OVERTAKEN_S, count), 0.0)
    lost = mask(way.losses, way.loss, count, rng)
    return [
        Row(number, None if gone else float(instant))
        for number, (instant, gone) in enumerate(zip(at, lost, strict=True))
    ]


# ── over links ───────────────────────────────────────────────────────────────────────────────


def laws_of(access: Law, chain: Law) -> list[Law]:
    """Those of all links that a call's cells pass: up, along the chain and back, down."""
    return [access, *[chain] * CHAIN_PASSES, access]


def links_of(access: Law, chain: Law, dice: Dice) -> list[Link]:
    """The links that a call's cells pass: up, along the chain and back, down.

    Args:
        access: between a client and its gateway.
        chain: between gateway and mixes, and between mixes.
        dice: each link draws from a fork of its own.
    """
    laws = enumerate(laws_of(access, chain))
    return [Link(law, dice.fork(f"link {place}")) for place, law in laws]


def pattern_of(name: str, sentence: str, links: Sequence[Link], seconds: float) -> Pattern:
    """How the rounds of a call come that pass links, one after the other.

    Nobody on the way waits for the rest of a round, or gives up what comes late: what the links do
    is all that happens.

    Args:
        name: of the pattern.
        sentence: for people, what comes.
        links: in the order in which they are passed.
        seconds: how long it is.
    """
    count = round(seconds / FRAME_S)
    sent = [(number * FRAME_S, number) for number in range(count)]
    for link in links:
        # In the order of time, in which a link is asked; of two copies the sooner one goes on.
        came = ((link.arrivals(at), number) for at, number in sent)
        sent = sorted((min(instants), number) for instants, number in came if instants)
    at = {number: instant for instant, number in sent}
    return Pattern(name, sentence, [Row(number, at.get(number)) for number in range(count)])


# ── what ways do ─────────────────────────────────────────────────────────────────────────────


def _jitter(mean: float, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Exponential, correlated in time: half the sum of squares of two normal processes."""
    keep = np.exp(-1 / MEMORY_ROUNDS)
    steps = rng.normal(size=(count, 2))
    steps[1:] *= np.sqrt(1 - keep**2)
    for place in range(1, count):
        steps[place] += keep * steps[place - 1]
    jitter: NDArray[np.float64] = mean * (steps**2).sum(axis=1) / 2
    return jitter


def _hold(at: NDArray[np.float64], way: Way, seconds: float, rng: np.random.Generator) -> None:
    """Let the way stop for a while, now and then; afterwards what was held comes at once."""
    if not way.held_every:
        return
    begin = float(rng.uniform(0.5, 1.5)) * way.held_every
    while begin < seconds:
        end = begin + float(rng.uniform(*way.held))
        held = np.flatnonzero(at >= begin)
        free = end + np.arange(len(held)) * way.held_gap
        at[held] = np.maximum(at[held], free)
        begin += float(rng.uniform(0.5, 1.5)) * way.held_every
