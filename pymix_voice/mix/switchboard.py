"""The switchboard: circuits that named the same drop are joined, all others get their row back.

Its whole work for an epoch is two orders, one for rounds with lines only, one for door rounds:

    host and guest of one drop    joined in door rounds (the host is a door)
    two plains of one drop        joined in every round that has both

Among several candidates it picks at random. Drops are random to it but for those it shares.

Source: Vuvuzela (van den Hooff and others, SOSP 2015), dead drops; the project's protocol
page, section "Layers and set-up onions".

Must not know: keys, clients, cells.
"""

import numpy as np
from numpy.typing import NDArray

from pymix_voice.geometry import DROP_BYTES
from pymix_voice.mix.circuits import Orders
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.setup import Flag

PAYLOAD_BYTES = DROP_BYTES + 1


def join(lines: NDArray[np.uint8], doors: NDArray[np.uint8], dice: Dice) -> Orders:
    """Who gets whose cell.

    Args:
        lines: uint8 [n, 17], what the innermost layer of every line says, in row order: its
            drop, and the flag that says how it meets there.
        doors: the same of every door.
        dice: for picking among several candidates.

    Returns:
        Orders that are their own inverse: a row's partner, or the row itself.
    """
    named = np.concatenate((lines, doors))
    both = np.arange(len(named), dtype=np.intp)
    order, firsts, lasts = _meetings(named)
    ones, others = _couples(order, firsts, lasts, named[:, DROP_BYTES])
    both[ones], both[others] = others, ones
    for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
        if last > first + 1:
            rows = np.sort(order[first : last + 1])
            for one, other in _pairs(rows, named[rows, DROP_BYTES], dice):
                both[one], both[other] = other, one
    lines_only = both[: len(lines)].copy()
    # A line joined with a door has no partner in the rounds that doors do not take part in.
    alone = lines_only >= len(lines)
    lines_only[alone] = np.flatnonzero(alone)
    return Orders(lines_only, both)


def _meetings(
    named: NDArray[np.uint8],
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Rows sorted by drop, and where in that order each run of one drop begins and ends."""
    high, low = np.ascontiguousarray(named[:, :DROP_BYTES]).view("<u8").T
    order = np.lexsort((low, high))
    high, low = high[order], low[order]
    same = (high[1:] == high[:-1]) & (low[1:] == low[:-1])
    edges = np.diff(np.concatenate(([0], same.astype(np.int8), [0])))
    return order, np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def _couples(
    order: NDArray[np.intp],
    firsts: NDArray[np.intp],
    lasts: NDArray[np.intp],
    flags: NDArray[np.uint8],
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Drops that just two named, as nearly all are: who is joined there, all at once."""
    two = lasts == firsts + 1
    ones, others = order[firsts[two]], order[lasts[two]]
    plain = (flags[ones] == Flag.PLAIN) & (flags[others] == Flag.PLAIN)
    # A host and a guest, whichever is first.
    met = plain | ((flags[ones] ^ flags[others]) == (Flag.HOST ^ Flag.GUEST))
    return ones[met], others[met]


def _pairs(rows: NDArray[np.intp], flags: NDArray[np.uint8], dice: Dice) -> list[tuple[int, int]]:
    """The joins at one drop: at most one of host and guest, and one of two plains."""
    pairs = []
    hosts, guests, plains = (rows[flags == flag].tolist() for flag in Flag)
    if hosts and guests:
        pairs.append((hosts[dice.below(len(hosts))], guests[dice.below(len(guests))]))
    if len(plains) >= 2:
        order = dice.order(len(plains))
        pairs.append((plains[order[0]], plains[order[1]]))
    return pairs
