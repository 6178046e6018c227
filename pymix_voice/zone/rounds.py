"""One direction of one neighbour: chunks in, whole rounds out, each round at most once.

A round is a matrix, one row a circuit, that arrives in chunks. Whoever takes it out gets
every row: what did not come is filler. A round that was taken is closed for good. (A mix that
took one round twice would reveal its whole order: the XOR of the two inputs is the XOR of the
two outputs, permuted.)

`Inlet` leaves the time of taking to its owner (the first mix at its tick). `PatientInlet`
says itself when: complete, or a short patience after the round's first datagram, or, when
nothing at all came, a longer one after it was expected. Equal deadlines by schedule would
collapse: one late chunk at the first hop would time out every later hop.

Source: the project's protocol page, section "Mix links".

Must not know: keys, sockets, what a row carries, whose it is.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import BadCell, Drop, Drops
from pymix_voice.geometry import Geometry
from pymix_voice.onion.chunk import Chunks
from pymix_voice.onion.dice import Dice

AHEAD_ROUNDS = 64
"""A round so far beyond the newest is not kept."""
WORKED_ROUNDS = 8
"""After a stall only so many of the newest rounds are worked; older ones are closed."""
EMPTY_WAIT_S = 0.06
"""How long after its expected arrival a round of which nothing came is given up."""
JUMP_S = 1.0
"""A round so far off its expected instant tells of other numbers, not of another path."""
SPARE_SHEETS = 16
"""So many rounds' room is kept for rounds to come."""
EMPTY_ROUNDS = 50
"""After so many rounds of nothing an inlet falls silent until a datagram comes."""


class Once:
    """Numbers that are each claimed at most once, in about rising order.

    Args:
        window: how far below the highest a number may still be claimed.
    """

    def __init__(self, window: int = 64) -> None:
        self._window = window
        self._claimed: set[int] = set()
        self.floor = -1

    def __contains__(self, number: int) -> bool:
        return number <= self.floor or number in self._claimed

    def claim(self, number: int) -> bool:
        """Use a number up; False if it was used, or is too old to tell."""
        if number in self:
            return False
        self._claimed.add(number)
        if number - self._window > self.floor:
            self.close_until(number - self._window)
        while self.floor + 1 in self._claimed:
            self.floor += 1
            self._claimed.discard(self.floor)
        return True

    def close_until(self, number: int) -> None:
        """Use up every number that is not above this one."""
        if number > self.floor:
            self.floor = number
            self._claimed = {claimed for claimed in self._claimed if claimed > number}
            while self.floor + 1 in self._claimed:
                self.floor += 1
                self._claimed.discard(self.floor)


@dataclass(slots=True)
class Pending:
    """A round on its way in.

    Attributes:
        epoch: the circuit epoch it came under.
        cells: uint8 [chunks, cells · cell].
        there: bool [chunks], which came.
        missing: how many did not.
        first_at: when the first came, in seconds.
        last_at: when the last so far came.
    """

    epoch: int
    cells: NDArray[np.uint8]
    there: NDArray[np.bool_]
    missing: int
    first_at: float
    last_at: float

    def __repr__(self) -> str:
        return "Pending()"


class Inlet:
    """Collects the rounds of one direction of one neighbour.

    Args:
        geometry: sizes and rates of the zone.
        dice: for filler.
    """

    def __init__(self, geometry: Geometry, dice: Dice) -> None:
        self.geometry = geometry
        self._dice = dice
        self._pending: dict[int, Pending] = {}
        self._closed = Once()
        self._spare: list[NDArray[np.uint8]] = []
        self._lent: NDArray[np.uint8] | None = None
        self.newest = -1
        self.filled_rows = 0

    def accept(self, chunks: Chunks, epoch: int, rows: int, came: float, drops: Drops) -> None:
        """Keep authentic chunks of one round.

        Args:
            chunks: they are copied.
            epoch: the circuit epoch that their age names.
            rows: how many rows a matrix of this epoch and round has.
            came: when the last of them came, in seconds.
            drops: counts those that are repeated or beyond the rows.

        Raises:
            BadCell: if they are all late, early, or of another epoch.
        """
        number = chunks.round
        if number in self._closed:
            self._came_late(number, came)
            raise BadCell(Drop.LATE)
        if number > self._furthest():
            raise BadCell(Drop.EARLY)
        pending = self._pending.get(number)
        if pending is not None and pending.epoch != epoch:
            raise BadCell(Drop.OTHER_EPOCH)
        # A round keeps the size it was opened with, whatever is learned of its epoch meanwhile.
        count = self.geometry.chunks(rows) if pending is None else len(pending.there)
        numbers, cells = _within(chunks, count, drops)
        if not len(numbers):
            return
        if pending is None:
            pending = self._open(number, epoch, rows, came)
        fresh = ~pending.there[numbers]
        if not fresh.all():
            numbers, cells = numbers[fresh], cells[fresh]
        pending.cells[numbers] = cells
        pending.there[numbers] = True
        were, pending.missing = pending.missing, count - int(np.count_nonzero(pending.there))
        repeated = len(fresh) - (were - pending.missing)
        if repeated:
            drops[Drop.REPLAYED] += repeated
        if pending.missing < were:
            pending.last_at = max(pending.last_at, came)

    def _came_late(self, number: int, now: float) -> None:
        """A chunk of a closed round came."""

    def _furthest(self) -> float:
        """The highest round to keep: the owner closes rounds as it takes them."""
        return self._closed.floor + AHEAD_ROUNDS

    def _open(self, number: int, epoch: int, rows: int, now: float) -> Pending:
        count = self.geometry.chunks(rows)
        pending = Pending(epoch, self._sheet(count), np.zeros(count, np.bool_), count, now, now)
        self._pending[number] = pending
        self.newest = max(self.newest, number)
        return pending

    def _sheet(self, count: int) -> NDArray[np.uint8]:
        """Room for so many chunks, used before if there is any."""
        while self._spare:
            sheet = self._spare.pop()
            if len(sheet) >= count:
                return sheet[:count]
        # A little more: lines and doors take turns, and epochs grow.
        size = self.geometry.chunk_body_bytes
        return np.empty((count + count // 4, size), np.uint8)[:count]

    def epoch_of(self, number: int) -> int | None:
        """The circuit epoch that a round came under; None if nothing of it came."""
        pending = self._pending.get(number)
        return None if pending is None else pending.epoch

    def take(self, number: int, epoch: int, rows: int) -> NDArray[np.uint8] | None:
        """Close a round and hand it out whole: uint8 [rows, cell], valid until the next one.

        Rows that did not come, or came for another epoch's circuits, are filler. None if the
        round was closed before.
        """
        if not self._closed.claim(number):
            return None
        self._give_back(self._lent)
        self._lent = None
        pending = self._pending.pop(number, None)
        count = self.geometry.chunks(rows)
        if pending is None or pending.epoch != epoch or len(pending.cells) < count:
            self.filled_rows += rows
            return self._dice.matrix(rows, self.geometry.cell_bytes)
        self._lent = pending.cells
        if pending.missing:
            self._fill(pending, rows)
        return pending.cells.reshape(-1, self.geometry.cell_bytes)[:rows]

    def _fill(self, pending: Pending, rows: int) -> None:
        holes = np.flatnonzero(~pending.there)
        pending.cells[holes] = self._dice.matrix(len(holes), self.geometry.chunk_body_bytes)
        each = self.geometry.chunk_cells
        self.filled_rows += int(np.minimum(each, rows - holes * each).sum())

    def _give_back(self, sheet: NDArray[np.uint8] | None) -> None:
        # The whole of it: a door round's room serves a round of lines, and then a door round.
        if sheet is not None and len(self._spare) < SPARE_SHEETS:
            whole = sheet if sheet.base is None else sheet.base
            self._spare.append(whole)

    def start_over(self) -> None:
        """The neighbour has new keys, and may have begun anew: any later round may be next."""
        self.newest = -1

    def close_until(self, number: int) -> None:
        """Give up every round that is not above this one."""
        self._closed.close_until(number)
        for old in [pending for pending in self._pending if pending <= number]:
            self._give_back(self._pending.pop(old).cells)


def _within(
    chunks: Chunks, count: int, drops: Drops
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """The chunks that a matrix of so many has."""
    inside = chunks.numbers < count
    if inside.all():
        return chunks.numbers, chunks.cells
    drops[Drop.MALFORMED] += len(inside) - int(np.count_nonzero(inside))
    return chunks.numbers[inside], chunks.cells[inside]


class PatientInlet(Inlet):
    """An inlet that says when each round is to be taken.

    Args:
        geometry: sizes, rates and the patience of the zone.
        dice: for filler.
        falls_silent: whether it stops giving out empty rounds after a second of nothing.
    """

    def __init__(self, geometry: Geometry, dice: Dice, *, falls_silent: bool = True) -> None:
        super().__init__(geometry, dice)
        self._falls_silent = falls_silent
        self._phase: float | None = None
        self._empty = 0
        self._given_up: deque[int] = deque(maxlen=AHEAD_ROUNDS)
        self.skipped = 0

    def expect(self, number: int, at: float) -> None:
        """Say when a round may come at the earliest.

        It counts as long as none has come that would tell better, and when numbers jump.
        """
        phase = at - number * self.geometry.round_s
        if self._phase is None or abs(phase - self._phase) > JUMP_S:
            self._phase = phase
            self.close_until(number - 1)

    def _open(self, number: int, epoch: int, rows: int, now: float) -> Pending:
        sample = now - number * self.geometry.round_s
        if self._phase is None or self._silent or abs(sample - self._phase) > JUMP_S:
            self._phase = sample
            # What came before the first sign of life was never waited for.
            self.close_until(number - 1)
        else:
            self._phase += 0.05 * (sample - self._phase)
        self._empty = 0
        return super()._open(number, epoch, rows, now)

    def _furthest(self) -> float:
        # After a silence upstream may be anywhere; the owner has looked at its clock.
        if self._phase is None or self._silent:
            return float("inf")
        return max(self.newest, self._closed.floor) + AHEAD_ROUNDS

    def start_over(self) -> None:
        """As `Inlet.start_over`; and nothing is waited for until something has come."""
        super().start_over()
        self._phase = None

    def _came_late(self, number: int, now: float) -> None:
        # The way here got longer: were only rounds in time listened to, none would ever be in
        # time again. A replay of a round that did come says nothing.
        if self._phase is not None and number in self._given_up:
            self._given_up.remove(number)
            self._phase = max(self._phase, now - number * self.geometry.round_s)
            self._empty = 0

    @property
    def _silent(self) -> bool:
        return self._falls_silent and self._empty >= EMPTY_ROUNDS

    def _due_at(self, number: int) -> float:
        pending = self._pending.get(number)
        if pending is not None:
            if not pending.missing:
                return pending.last_at
            return pending.first_at + self.geometry.patience_s
        if self._phase is None or self._silent:
            return float("inf")
        return number * self.geometry.round_s + self._phase + EMPTY_WAIT_S

    def _first_absent(self) -> int:
        """The oldest round that is neither closed nor on its way in."""
        number = self._closed.floor + 1
        while number in self._closed or number in self._pending:
            number += 1
        return number

    def deadline(self) -> float:
        """The instant of the next round to be taken, in seconds."""
        instants = [self._due_at(number) for number in self._pending]
        return min([*instants, self._due_at(self._first_absent())])

    def due(self, now: float) -> list[int]:
        """The rounds to take now, oldest first; each must then be taken, one after the other."""
        self._skip_stale(now)
        ready = [number for number in self._pending if self._due_at(number) <= now]
        absent = self._first_absent()
        while self._due_at(absent) <= now:
            ready.append(absent)
            absent += 1
            while absent in self._pending or absent in self._closed:
                absent += 1
        return sorted(ready)

    def _skip_stale(self, now: float) -> None:
        if self._phase is None or self._silent:
            # Upstream may come back slower by as long as it was gone: no round is given up.
            return
        current = int((now - self._phase) / self.geometry.round_s)
        oldest = max(self.newest, current - 3) - WORKED_ROUNDS
        if oldest - 1 > self._closed.floor:
            before = self._closed.floor
            self.close_until(oldest - 1)
            self.skipped += oldest - 1 - before

    def take(self, number: int, epoch: int, rows: int) -> NDArray[np.uint8] | None:
        """As `Inlet.take`; counts rounds of which nothing came."""
        if number not in self._pending and number not in self._closed:
            self._empty += 1
            self._given_up.append(number)
        return super().take(number, epoch, rows)
