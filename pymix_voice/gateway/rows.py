"""Collecting the clients' cells into rounds, and spreading rounds over the clients.

Cells are kept by the client's *slot*; an epoch's rows are slots in the order of their set-ups.
Gathering a round is one row gather, spreading it is another.

Source: the project's protocol page, sections "Access link" and "Mix links".

Must not know: keys, sockets, what time it is.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import BadCell, Drop, Drops
from pymix_voice.geometry import is_door_round
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.access import Kind
from pymix_voice.zone.rounds import AHEAD_ROUNDS


@dataclass(slots=True)
class Collected:
    """Cells of one kind and round: uint8[slots, cell], and which are there."""

    cells: NDArray[np.uint8]
    there: NDArray[np.bool_]

    def __repr__(self) -> str:
        return "Collected()"


class Collection:
    """Cells that wait for their round.

    Args:
        slots: how many clients there can be.
        cell_bytes: the size of a cell in this zone.
        dice: for filler.
    """

    def __init__(self, slots: int, cell_bytes: int, dice: Dice) -> None:
        self._slots = slots
        self._cell_bytes = cell_bytes
        self._dice = dice
        self._waiting: dict[tuple[int, int], Collected] = {}
        self._spare: list[Collected] = []
        self.filled_rows = 0

    def keep(
        self,
        kind: Kind,
        number: int,
        slots: NDArray[np.intp],
        cells: NDArray[np.uint8],
        last: int,
        drops: Drops,
    ) -> None:
        """Keep cells of one kind and round.

        Args:
            kind: line or door.
            number: the round.
            slots: whose they are.
            cells: uint8 [k, cell], copied.
            last: the newest round that was gathered.
            drops: counts cells of which there is one already.

        Raises:
            BadCell: if the round is over, too far ahead, or has no cells of this kind.
        """
        if number <= last:
            raise BadCell(Drop.LATE)
        if number > last + AHEAD_ROUNDS:
            raise BadCell(Drop.EARLY)
        if kind == Kind.DOOR and not is_door_round(number):
            raise BadCell(Drop.MALFORMED)
        collected = self._waiting.get((kind, number))
        if collected is None:
            collected = self._spare.pop() if self._spare else self._blank()
            collected.there[:] = False
            self._waiting[kind, number] = collected
        again = collected.there[slots]
        if again.any():
            drops[Drop.REPLAYED] += int(np.count_nonzero(again))
            slots, cells = slots[~again], cells[~again]
        collected.cells[slots] = cells
        collected.there[slots] = True

    def _blank(self) -> Collected:
        shape = (self._slots, self._cell_bytes)
        return Collected(np.empty(shape, np.uint8), np.zeros(self._slots, np.bool_))

    def gather(
        self, kind: Kind, number: int, slots: NDArray[np.intp], out: NDArray[np.uint8]
    ) -> None:
        """Write the rows of these slots for one round to `out`, uint8 [len(slots), cell].

        Absent ones are filler. The round is over with it.
        """
        collected = self._waiting.pop((kind, number), None)
        if collected is None:
            self.filled_rows += len(slots)
            self._dice.fill(out)
            return
        np.take(collected.cells, slots, axis=0, out=out, mode="clip")
        absent = np.flatnonzero(~collected.there[slots])
        if len(absent):
            self.filled_rows += len(absent)
            out[absent] = self._dice.matrix(len(absent), self._cell_bytes)
        self._spare.append(collected)

    def forget_until(self, number: int) -> None:
        """Give up rounds that are not above this one."""
        for kind, old in [each for each in self._waiting if each[1] <= number]:
            self._spare.append(self._waiting.pop((kind, old)))


class Placing:
    """An epoch's rows: which slot each is of, and back.

    Args:
        slots: the slots in row order.
        capacity: how many slots there are.
    """

    def __init__(self, slots: NDArray[np.intp], capacity: int) -> None:
        self.slots = slots
        self._rows = np.full(capacity, -1, np.intp)
        self._rows[slots] = np.arange(len(slots))

    def __len__(self) -> int:
        return len(self.slots)

    def spread(
        self, cells: NDArray[np.uint8], slots: NDArray[np.intp], out: NDArray[np.uint8], dice: Dice
    ) -> None:
        """Rows back to these slots: `out` uint8 [len(slots), cell]; others get random bytes."""
        rows = self._rows[slots]
        if not len(cells):
            out[:] = dice.matrix(len(slots), out.shape[1])
            return
        out[:] = np.take(cells, rows, axis=0, mode="clip")
        without = np.flatnonzero(rows < 0)
        if len(without):
            out[without] = dice.matrix(len(without), out.shape[1])
