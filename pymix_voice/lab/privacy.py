"""What the switchboard's counts tell of one client, phantoms considered: differential privacy.

The last mix counts its rows by kind (`Counts`). What one client does changes the counts by a little
(`Change`), and the phantoms of one honest mix hide that change but for a factor e^epsilon, except
with probability delta:

    P(counts, if the client does this) <= e^epsilon * P(counts, if it does that) + delta

All kinds are seen each time, and an observation is one epoch's set-up. How much a
count speaks for this and against that is a whole multiple of 1 / scale for each kind, so the law of
the sum over any number of observations is a product of polynomials, and delta a sum over its terms
in place of a bound. Terms that nobody will see are counted as if they told everything; where kinds
have unlike scales, sums of very many terms are rounded upward.

Sources: van den Hooff and others, "Vuvuzela" (SOSP 2015), theorem 1: one call changes the count of
pairs by one and that of lone drops by two; the same noise, but cut at nothing only, and bounds in
place of sums. Lazar, Gilad, Zeldovich, "Karaoke" (OSDI 2018) and "Yodel" (SOSP 2019): noise of each
server by itself, one honest server. Dwork, Rothblum, Vadhan, "Boosting and Differential Privacy"
(FOCS 2010), for observations that an attacker chooses one after the other; Sommer, Meiser,
Mohammadi, "Privacy Loss Classes" (PoPETs 2019), for the exact sum.

Must not know: cells, keys, links.
"""

from dataclasses import dataclass
from math import exp, inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import Misuse
from pymix_voice.geometry import DROP_BYTES
from pymix_voice.mix.circuits import Orders
from pymix_voice.mix.phantoms import law_of
from pymix_voice.onion.setup import Flag
from pymix_voice.zone.phantoms import Phantoms, Spread

NEGLIGIBLE = 1e-20
"""Terms of less probability are cut off, and counted as if they told everything."""
MOST_TERMS = 4_000
"""Of a sum over kinds of unlike scales; if there are more, each is rounded upward."""


class Counts(NamedTuple):
    """How many of each kind the last mix sees; names as in `Phantoms`."""

    joined_pairs: int
    joined_guests: int
    lone_plains: int
    lone_guests: int
    lone_hosts: int


class Change(NamedTuple):
    """By how much each count differs when one client does this in place of that."""

    joined_pairs: int = 0
    joined_guests: int = 0
    lone_plains: int = 0
    lone_guests: int = 0
    lone_hosts: int = 0


CALL = Change(joined_pairs=1, lone_plains=2)
"""Is in a call, or is idle: two lone lines are a pair."""
DIAL = Change(joined_guests=1, lone_plains=1, lone_hosts=1)
"""Dials somebody (or tries its own door), or is idle: line and door were alone."""
DIAL_IN_VAIN = Change(lone_plains=1, lone_guests=1)
"""Dials somebody who is not there, or whose door another guest has, or is idle."""
ANSWERED = Change(joined_pairs=1, joined_guests=1, lone_plains=1, lone_hosts=1)
"""Is in a call, or still dials."""
CHANGES = {
    "a call": CALL,
    "dialing": DIAL,
    "dialing in vain": DIAL_IN_VAIN,
    "a call or dialing": ANSWERED,
}


def count(lines: NDArray[np.uint8], doors: NDArray[np.uint8], orders: Orders) -> Counts:
    """What a curious last mix counts.

    Args:
        lines: uint8 [n, 17], what the innermost layer of every line says.
        doors: the same of every door.
        orders: whom it joined with whom.
    """
    flags = np.concatenate((lines, doors))[:, DROP_BYTES]
    joined = orders.both != np.arange(len(flags))
    number = {
        (flag, is_joined): int(np.count_nonzero((flags == flag) & (joined == is_joined)))
        for flag in Flag
        for is_joined in (True, False)
    }
    return Counts(
        joined_pairs=number[Flag.PLAIN, True] // 2,
        joined_guests=number[Flag.GUEST, True],
        lone_plains=number[Flag.PLAIN, False],
        lone_guests=number[Flag.GUEST, False],
        lone_hosts=number[Flag.HOST, False],
    )


# ── how much a count tells ───────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Losses:
    """The law of how much is told: ln(P(seen, if this) / P(seen, if that)), if this is true.

    Attributes:
        values: float64 [n], rising.
        chances: float64 [n], how probable each is.
        certain: the probability of the rest: something is seen that only this can cause.
    """

    values: NDArray[np.float64]
    chances: NDArray[np.float64]
    certain: float

    def times(self, count: int) -> "Losses":
        """Of so many observations; only for values at equal distances, as one kind's are."""
        if count == 1:
            return self
        half = self.times(count // 2)
        twice = half.beside(half)
        return twice.beside(self) if count % 2 else twice

    def beside(self, other: "Losses") -> "Losses":
        """Of two counts whose values lie at the same distances, as those of one kind do."""
        chances = np.convolve(self.chances, other.chances)
        both = self.values, other.values
        values = np.linspace(sum(v[0] for v in both), sum(v[-1] for v in both), len(chances))
        return Losses(values, chances, _either(self.certain, other.certain)).cut()

    def with_(self, other: "Losses") -> "Losses":
        """Of two kinds that are seen side by side."""
        if _is_step(self.step, other.step):
            return self.beside(other)
        values = np.add.outer(self.values, other.values).reshape(-1)
        chances = np.multiply.outer(self.chances, other.chances).reshape(-1)
        certain = _either(self.certain, other.certain)
        if len(values) > MOST_TERMS:
            grid = np.linspace(values[0], values[-1], MOST_TERMS)
            # A value between two terms counts for the greater: more is told, not less.
            places = np.searchsorted(grid, values)
            summed = np.bincount(places, chances, MOST_TERMS).astype(np.float64)
            return Losses(grid, summed, certain).cut()
        order = np.argsort(values, kind="stable")
        return Losses(values[order], chances[order], certain).cut()

    @property
    def step(self) -> float:
        """The distance of its values if it is one and the same, else 0."""
        steps = np.diff(self.values)
        return float(steps[0]) if len(steps) and np.allclose(steps, steps[0], 1e-9) else 0.0

    def cut(self) -> "Losses":
        """Without terms that nobody will see."""
        kept = np.flatnonzero(self.chances > NEGLIGIBLE)
        inside = slice(kept[0], kept[-1] + 1)
        lost = float(self.chances[: kept[0]].sum() + self.chances[kept[-1] + 1 :].sum())
        return Losses(self.values[inside], self.chances[inside], self.certain + lost)


def _either(one: float, other: float) -> float:
    return one + other - one * other


def _is_step(one: float, other: float) -> bool:
    return one > 0 and abs(one - other) < 1e-9 * one


def losses_of(spread: Spread, change: int) -> Losses:
    """How much one count of one kind tells of a change; the same whichever way it changes."""
    law, mean = law_of(spread), spread.mean
    weight: dict[int, int] = {}
    for number, each in enumerate(law.weights):
        # What is seen is `number` if nothing changed, and would be `number - change` phantoms else.
        if number >= change:
            off = abs(number - change - mean) - abs(number - mean)
            weight[off] = weight.get(off, 0) + each
    steps = sorted(weight)
    values = np.array(steps, float) / spread.scale
    chances = np.array([weight[each] / law.total for each in steps])
    return Losses(values, chances, sum(law.weights[:change]) / law.total)


def _in_two(phantoms: Phantoms, change: Change, observations: int) -> tuple[Losses, Losses, float]:
    """The losses of all kinds in two parts, so that the longest sums are never written out."""
    if observations < 1 or min(change) < 0:
        raise Misuse("changes are counted upward, and observations from one")
    parts = [
        losses_of(phantoms.spreads[kind], by).times(observations)
        for kind, by in change._asdict().items()
        if by
    ]
    # Those of like scale first: their sum is exact, and short.
    parts.sort(key=lambda part: part.step)
    whole, last = Losses(np.zeros(1), np.ones(1), 0.0), parts.pop()
    while parts and _is_step(parts[-1].step, last.step):
        last = last.beside(parts.pop())
    for part in reversed(parts):
        whole = whole.with_(part)
    return whole, last, _either(whole.certain, last.certain)


def _delta(one: Losses, other: Losses, certain: float, epsilon: float) -> float:
    """The sum of P(this) - e^epsilon * P(that) over all that speaks more than epsilon for this."""
    here = np.append(np.cumsum(other.chances[::-1])[::-1], 0.0)
    there = np.append(np.cumsum((other.chances * np.exp(-other.values))[::-1])[::-1], 0.0)
    first = np.searchsorted(other.values, epsilon - one.values, side="right")
    # Far beyond all that is there the factor is huge, and what it multiplies is zero.
    factor = np.exp(np.minimum(epsilon - one.values, 700.0))
    gains = here[first] - factor * there[first]
    return min(1.0, certain + float(one.chances @ np.maximum(gains, 0.0)))


def delta(phantoms: Phantoms, change: Change, observations: int, epsilon: float) -> float:
    """How probable it is at most that more than epsilon is told.

    Args:
        phantoms: of the one honest mix.
        change: what one client does differently in each of the observed epochs.
        observations: how many epochs' counts are seen.
        epsilon: what may be told.
    """
    return _delta(*_in_two(phantoms, change, observations), epsilon)


def epsilon(phantoms: Phantoms, change: Change, observations: int, delta: float) -> float:
    """How much is told at most, except with probability delta; infinite if that cannot be said.

    Args:
        phantoms: of the one honest mix.
        change: what one client does differently in each of the observed epochs.
        observations: how many epochs' counts are seen.
        delta: the exception.
    """
    one, other, certain = _in_two(phantoms, change, observations)
    if certain > delta:
        return inf
    low, high = 0.0, float(one.values[-1] + other.values[-1])
    if _delta(one, other, certain, low) <= delta:
        return low
    for _ in range(60):
        middle = (low + high) / 2
        if _delta(one, other, certain, middle) > delta:
            low = middle
        else:
            high = middle
    return high


def odds(epsilon: float) -> float:
    """Who thought this as likely as that before is sure to this probability at most afterwards."""
    return 1 / (1 + exp(-epsilon))
