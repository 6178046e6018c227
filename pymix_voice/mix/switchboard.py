"""The switchboard: circuits that named the same drop are joined, all others get their row back.

Its whole work for an epoch is two orders, one for rounds with lines only, one for door rounds:

    host and guest of one drop    joined in door rounds (the host is a door)
    two plains of one drop        joined in every round that has both

Among several candidates it picks at random. Drops are random to it but for those it shares.

Source: Vuvuzela (van den Hooff and others, SOSP 2015), dead drops; the project's protocol
page, section "Layers and set-up onions".

Must not know: keys, clients, cells.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from pymix_voice.mix.circuits import Orders
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.setup import Flag

Named = tuple[bytes, Flag]
"""What a circuit's innermost layer says: its drop, and how it meets there."""


def join(lines: Sequence[Named], doors: Sequence[Named], dice: Dice) -> Orders:
    """Who gets whose cell.

    Args:
        lines: drop and flag of every line, in row order.
        doors: the same of every door.
        dice: for picking among several candidates.

    Returns:
        Orders that are their own inverse: a row's partner, or the row itself.
    """
    meeting: dict[bytes, dict[Flag, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row, (drop, flag) in enumerate([*lines, *doors]):
        meeting[drop][flag].append(row)
    both = np.arange(len(lines) + len(doors), dtype=np.intp)
    for present in meeting.values():
        for one, other in _pairs(present, dice):
            both[one], both[other] = other, one
    lines_only = both[: len(lines)].copy()
    # A line joined with a door has no partner in the rounds that doors do not take part in.
    alone = lines_only >= len(lines)
    lines_only[alone] = np.flatnonzero(alone)
    return Orders(lines_only, both)


def _pairs(present: dict[Flag, list[int]], dice: Dice) -> list[tuple[int, int]]:
    """The joins at one drop: at most one of host and guest, and one of two plains."""
    pairs = []
    hosts, guests, plains = present[Flag.HOST], present[Flag.GUEST], present[Flag.PLAIN]
    if hosts and guests:
        pairs.append((hosts[dice.below(len(hosts))], guests[dice.below(len(guests))]))
    if len(plains) >= 2:
        order = dice.order(len(plains))
        pairs.append((plains[order[0]], plains[order[1]]))
    return pairs
