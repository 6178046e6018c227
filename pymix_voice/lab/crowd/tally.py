"""What a crowd counts: cells and datagrams of each client, what did not come, and delays.

A line's round is *expected* if the cell of client and peer both went out in it, on circuits of
which the gateway said that both have a row. It is heard when the peer's cell (or one's own, in no
call) opens, and missed if it has not after `SETTLED_ROUNDS`.

Must not know: keys, sessions, what time it is (it is told).
"""

from collections import Counter
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import Drops

SETTLED_ROUNDS = 64
"""What has not come back after so many rounds is missed."""
HELD_ROUNDS = 128
"""Rounds whose instants and expectations are held; more than are ever open at once."""
BIN_S = 0.0001
"""Delays are counted by tenths of a millisecond."""
BINS = 20_000
PERCENTS = (50, 95, 99)


class Sort(IntEnum):
    """Whose cell came back, and on what."""

    PEER = 0
    LOOP = 1
    DOOR = 2


class Delays:
    """How long cells were under way.

    Attributes:
        counts: how many of each sort, by tenths of a millisecond: int64 [3, 20,000].
    """

    def __init__(self) -> None:
        self.counts: NDArray[np.int64] = np.zeros((len(Sort), BINS), np.int64)

    def add(self, sort: Sort, delays: NDArray[np.float64]) -> None:
        """Count some, in seconds; those off either end count as there."""
        bins = np.clip(delays / BIN_S, 0, BINS - 1).astype(np.intp)
        np.add.at(self.counts[sort], bins, 1)


def percentiles_ms(counts: NDArray[np.int64]) -> list[float]:
    """The delays that 50, 95 and 99 % of what was counted do not exceed, in ms.

    Args:
        counts: int64 [20,000], of one sort or of several crowds together.

    Returns:
        Three delays; none if nothing was counted.
    """
    total = np.cumsum(counts)
    if not total[-1]:
        return []
    at = [np.searchsorted(total, total[-1] * percent / 100) for percent in PERCENTS]
    return [round(float(place + 1) * BIN_S * 1000, 1) for place in at]


class Tally:
    """The counts of one crowd.

    Args:
        clients: how many light clients.

    Attributes:
        sent: line cells that went out, by client: int64 [n], as all below.
        came: authentic datagrams, lines' and doors'.
        expected: rounds in which the line should hear.
        heard: rounds in which it did hear what it should.
        missed: rounds in which it did not.
        door_heard: door rounds in which the door's own cell came back.
        wrong: cells that opened, but were of somebody else or of another round.
        surplus: cells heard that were not expected: the word about a row had not come.
        rowless: how often a client's set-up was sent, and its epoch began without its row.
        skipped: rounds that a group did not send, being behind.
        late_cells: line cells of which the gateway said that they came too late.
        lost_lists: descriptors that were refused.
        drops: datagrams that were not used, by reason.
        late_s: the furthest that a group's instant was overrun.
    """

    def __init__(self, clients: int) -> None:
        def zeros() -> NDArray[np.int64]:
            return np.zeros(clients, np.int64)

        self.sent, self.came = zeros(), zeros()
        self.expected, self.heard, self.missed = zeros(), zeros(), zeros()
        self.door_heard, self.rowless = zeros(), zeros()
        self.wrong = self.surplus = self.skipped = self.late_cells = self.lost_lists = 0
        self.hellos = self.sessions = 0
        self.drops: Drops = Counter()
        self.late_s = 0.0
        self.delays = Delays()
        self._due: NDArray[np.bool_] = np.zeros((HELD_ROUNDS, clients), np.bool_)

    def expect(self, number: int, rows: slice | NDArray[np.intp], due: NDArray[np.bool_]) -> None:
        """A round goes out for some clients; which of them should hear something in it."""
        self._due[number % HELD_ROUNDS, rows] = due
        self.expected[rows] += due

    def settle(self, number: int, first: int, end: int) -> None:
        """Of a range of clients: what has not come of this round is missed."""
        due = self._due[number % HELD_ROUNDS, first:end]
        self.missed[first:end] += due
        due[:] = False

    def hear(self, number: int, clients: NDArray[np.intp]) -> None:
        """These clients' lines heard what they should in this round."""
        open_ = self._due[number % HELD_ROUNDS]
        due = open_[clients]
        self.surplus += len(clients) - int(np.count_nonzero(due))
        open_[clients] = False
        self.heard[clients] += due

    def totals(self) -> dict[str, int]:
        """All counts, over all clients."""
        rows = ("sent", "came", "expected", "heard", "missed", "door_heard", "rowless")
        counts = ("wrong", "surplus", "skipped", "late_cells", "lost_lists", "hellos", "sessions")
        totals = {name: int(getattr(self, name).sum()) for name in rows}
        totals |= {name: int(getattr(self, name)) for name in counts}
        return totals | {f"drop {reason.value}": count for reason, count in self.drops.items()}
