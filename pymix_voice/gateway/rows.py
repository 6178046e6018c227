"""Collecting the clients' cells into rounds, and spreading rounds over the clients.

Cells are kept by the client's *slot*; an epoch's rows are slots in the order of their set-ups.
Gathering a round is one row gather, spreading it is another.

Source: the project's protocol page, sections "Access link" and "Mix links".

Must not know: keys, sockets, what time it is.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import BadCell, Drop
from pymix_voice.geometry import CELL_BYTES
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.access import Kind
from pymix_voice.zone.rounds import AHEAD_ROUNDS


@dataclass(slots=True)
class Collected:
    """Cells of one kind and round: uint8[slots, 128], and which are there."""

    cells: NDArray[np.uint8]
    there: NDArray[np.bool_]


class Collection:
    """Cells that wait for their round.

    Args:
        slots: how many clients there can be.
        dice: for filler.
    """

    def __init__(self, slots: int, dice: Dice) -> None:
        self._slots = slots
        self._dice = dice
        self._waiting: dict[tuple[int, int], Collected] = {}
        self._spare: list[Collected] = []
        self.filled_rows = 0

    def keep(self, kind: Kind, number: int, slot: int, cell: NDArray[np.uint8], last: int) -> None:
        """Keep one cell, uint8[128].

        Args:
            kind: line or door.
            number: its round.
            slot: whose it is.
            cell: copied.
            last: the newest round that was gathered.

        Raises:
            BadCell: if the round is over, or too far ahead.
        """
        if number <= last:
            raise BadCell(Drop.LATE)
        if number > last + AHEAD_ROUNDS:
            raise BadCell(Drop.EARLY)
        collected = self._waiting.get((kind, number))
        if collected is None:
            collected = self._spare.pop() if self._spare else self._blank()
            collected.there[:] = False
            self._waiting[kind, number] = collected
        collected.cells[slot] = cell
        collected.there[slot] = True

    def _blank(self) -> Collected:
        shape = (self._slots, CELL_BYTES)
        return Collected(np.empty(shape, np.uint8), np.zeros(self._slots, np.bool_))

    def gather(self, kind: Kind, number: int, slots: NDArray[np.intp]) -> NDArray[np.uint8]:
        """The rows of these slots for one round, uint8[len(slots), 128]; absent ones are filler.

        The round is over with it.
        """
        collected = self._waiting.pop((kind, number), None)
        if collected is None:
            self.filled_rows += len(slots)
            return self._dice.matrix(len(slots), CELL_BYTES)
        cells = collected.cells[slots]
        absent = np.flatnonzero(~collected.there[slots])
        if len(absent):
            self.filled_rows += len(absent)
            cells[absent] = self._dice.matrix(len(absent), CELL_BYTES)
        self._spare.append(collected)
        return cells

    def forget_until(self, number: int) -> None:
        """Give up rounds that are not above this one."""
        for kind, old in [each for each in self._waiting if each[1] <= number]:
            self._spare.append(self._waiting.pop((kind, old)))

    def spread(self, cells: NDArray[np.uint8], slots: NDArray[np.intp]) -> NDArray[np.uint8]:
        """Rows back to their slots, uint8[all slots, 128]; others get random bytes."""
        out = self._dice.matrix(self._slots, CELL_BYTES)
        out[slots] = cells
        return out
