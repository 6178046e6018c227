"""Whose link changes at the same two instants: when a call starts and when it ends.

Every half second of every link is described by a few figures. Where they jump, something may have
started or stopped; clients are then matched by their greatest jumps, each to one other.

Sources: Danezis and Serjantov, "Statistical Disclosure or Intersection Attacks on Anonymity
Systems", IH 2004, for the idea that starts and ends tell; Kuhn, "The Hungarian Method", 1955.

Must not know: how a recording was made.
"""

import numpy as np

from pymix_voice.lab.audit.attack import Attack, Recording, Watcher
from pymix_voice.lab.audit.attacks.pairs import NOTHING, callees
from pymix_voice.lab.audit.attacks.series import (
    Links,
    Matrix,
    averaged,
    bins_in,
    mean_where,
    per_bin,
    received,
    sent,
    slots,
    summed,
)
from pymix_voice.lab.audit.guesses import Linking
from pymix_voice.onion.dice import Dice

WIDTH_S = 0.5
"""Width of what is described at once."""
SIDES = (2, 6)
"""A jump is between so many of these and as many after them."""
JUMPS = 2
"""A start and an end."""
APART = 4
"""Two jumps of one client are so many widths apart; nearer ones are one."""
NEAR = 1.0
"""Jumps of two clients so many widths apart are still much the same."""
FEW = 0.1
NOISE = 4.0
"""So many deviations are no jump yet; taller ones count by their logarithm."""


def guess(recording: Recording, dice: Dice) -> Linking | None:
    """For each caller, whose jumps are at the instants of its own."""
    from scipy.optimize import linear_sum_assignment

    capture = recording.capture
    links = (sent(capture), received(capture))
    if bins_in(links[0], WIDTH_S) <= 2 * SIDES[0]:
        return None
    described = [each for link in links for each in _described(link)]
    jumps = np.max([_jumps(each, side) for each in described for side in SIDES], axis=0)
    alike = _alike(*_tallest(jumps))
    # Equal pairs are matched at random, never by their numbers.
    numbers = np.random.default_rng(int.from_bytes(dice.bytes(8), "little"))
    cost = -alike - 1e-6 * numbers.random(alike.shape)
    np.fill_diagonal(cost, cost.max() + 1e6)
    matched = np.zeros_like(alike)
    matched[linear_sum_assignment(cost + cost.T)] = 0.2 * alike.max()
    return callees(recording, alike + matched + matched.T)


def _described(links: Links) -> list[Matrix]:
    """Counts, sizes, instants within the round and their spread, holes; [clients, bins] each."""
    offsets = links.offsets()
    mean = averaged(links, WIDTH_S, offsets)
    around = mean_where(summed(links, WIDTH_S, offsets**2), summed(links, WIDTH_S)) - mean**2
    return [
        summed(links, WIDTH_S),
        averaged(links, WIDTH_S, links.common_sizes()),
        mean,
        np.sqrt(np.maximum(around, 0.0)),
        per_bin(slots(links).missing, links, WIDTH_S),
    ]


def _jumps(described: Matrix, side: int) -> Matrix:
    """How tall a jump each link makes at each edge between bins; [clients, bins + 1]."""
    sums = np.cumsum(np.pad(described, ((0, 0), (1, 0))), axis=1)
    jumps = np.zeros_like(sums)
    if described.shape[1] < 2 * side:
        return jumps
    means = (sums[:, side:] - sums[:, :-side]) / side
    change = means[:, side:] - means[:, :-side]
    change -= np.median(change, axis=0, keepdims=True)  # what happens to all at once is no start
    scale = _usual(np.abs(change))
    if scale > NOTHING:
        tall = np.maximum(np.abs(change) / (NOISE * scale), 1.0)
        jumps[:, side : side + change.shape[1]] = np.log(tall)
    return jumps


def _usual(changes: Matrix) -> float:
    """How large changes are that mean nothing; where most links never change, the least ones."""
    typical = 1.4826 * float(np.median(changes))
    some = changes[changes > NOTHING]
    return typical if typical > NOTHING or not some.size else float(np.quantile(some, FEW))


def _tallest(jumps: Matrix) -> tuple[Matrix, Matrix]:
    """Where each client's tallest jumps are, and how tall; [clients, JUMPS] each."""
    left = jumps.copy()
    everyone = np.arange(len(left))
    places, heights = [], []
    for _ in range(JUMPS):
        place = left.argmax(axis=1)
        places.append(place * 1.0)
        heights.append(left[everyone, place])
        left[np.abs(np.arange(left.shape[1]) - place[:, None]) < APART] = 0.0
    return np.stack(places, axis=1), np.stack(heights, axis=1)


def _alike(places: Matrix, heights: Matrix) -> Matrix:
    """How much two clients' jumps are at the same instants, [clients, clients]."""
    far = places[:, None, :, None] - places[None, :, None, :]
    both = np.minimum(heights[:, None, :, None], heights[None, :, None, :])
    return np.asarray((both * np.exp(-((far / NEAR) ** 2) / 2)).sum(axis=(2, 3)))


ATTACK = Attack(
    name="start-stop",
    watcher=Watcher.OUTSIDE,
    wants="with whom each caller talks",
    way=(
        "Look for the instants at which anything about a client's link changes, and match "
        "clients whose links change at the same two instants."
    ),
    source="Danezis and Serjantov, Statistical Disclosure or Intersection Attacks, 2004",
    guess=guess,
)
