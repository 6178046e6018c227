"""An epoch's circuits at one mix: what is left to do in a round.

    peel      out = (cells ^ forward[round])[order]
    wrap      out = cells[undone] ^ backward[round]

In a door round the doors' rows follow the lines' in the same matrix; each of the two is
shuffled apart, so a row's place never tells whether it is a line or a door more than its
half does.

Source: the project's design, sections "A round, from microphone to ear" and "The one idea".

Must not know: links, clients, what time it is.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.geometry import CELL_BYTES, DOOR_EVERY, is_door_round
from pymix_voice.onion.keystream import Keystream
from pymix_voice.onion.setup import HopKeys

Order = NDArray[np.intp]

FORWARD, BACKWARD = 0, 1


class Orders(NamedTuple):
    """Where rows go: `lines` in every round, `both` (lines, then doors) in door rounds."""

    lines: Order
    both: Order

    def __call__(self, number: int) -> Order:
        """The order for this round."""
        return self.both if is_door_round(number) else self.lines

    @classmethod
    def apart(cls, lines: Order, doors: Order) -> "Orders":
        """Lines among lines, doors among doors."""
        return cls(lines, np.concatenate((lines, len(lines) + doors)))

    @property
    def undone(self) -> "Orders":
        """The orders that bring every row back."""
        return Orders(np.argsort(self.lines), np.argsort(self.both))


class Streams:
    """The keystreams of one direction: `streams[round]` is uint8[rows, 128]."""

    def __init__(self, lines: Sequence[HopKeys], doors: Sequence[HopKeys], direction: int) -> None:
        self._lines = Keystream([keys[direction] for keys in lines], direction)
        self._doors = Keystream([keys[direction] for keys in doors], direction)
        self._both = np.empty((len(lines) + len(doors), CELL_BYTES), np.uint8)

    def __getitem__(self, number: int) -> NDArray[np.uint8]:
        lines = self._lines.row(number)
        if not is_door_round(number):
            return lines
        doors = self._doors.row(number // DOOR_EVERY)
        return np.concatenate((lines, doors), out=self._both)

    def holds(self, number: int) -> bool:
        """Whether this round's keystream is there, or can be made."""
        lines = self._lines.holds(number)
        return lines and (not is_door_round(number) or self._doors.holds(number // DOOR_EVERY))

    def prepare(self, number: int, items: int) -> int:
        """Make keystream ahead for at most so many circuits; how many were made."""
        made = self._lines.prepare(number, items)
        return made or self._doors.prepare(number // DOOR_EVERY, items)

    @property
    def made_late(self) -> int:
        """How many blocks were not ready when their round came."""
        return self._lines.made_late + self._doors.made_late

    def wipe(self) -> None:
        """Forget keys and keystream."""
        self._lines.wipe()
        self._doors.wipe()


class Circuits:
    """The rows of one epoch.

    Args:
        epoch: the circuit epoch; 0 is the empty one of a zone without circuits.
        lines: keys of the lines, in the order of their rows.
        doors: keys of the doors, likewise.
        orders: this mix's secret order; at the last mix, the switchboard's.
    """

    def __init__(
        self, epoch: int, lines: Sequence[HopKeys], doors: Sequence[HopKeys], orders: Orders
    ) -> None:
        self.epoch = epoch
        self.lines, self.doors = len(lines), len(doors)
        self._forward = Streams(lines, doors, FORWARD)
        self._backward = Streams(lines, doors, BACKWARD)
        self._order = orders
        self._undone = orders.undone

    def rows(self, number: int) -> int:
        """How many rows a matrix of this round has."""
        return self.lines + self.doors if is_door_round(number) else self.lines

    def peel(self, number: int, cells: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Forward: take off this mix's layer, then permute. uint8[rows, 128], both."""
        return (cells ^ self._forward[number])[self._order(number)]

    def wrap(self, number: int, cells: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Backward: undo the permutation, then add this mix's layer. uint8[rows, 128], both."""
        return cells[self._undone(number)] ^ self._backward[number]

    def turn(self, number: int, cells: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """At the last mix a round peels, crosses the switchboard, and is wrapped again."""
        return self.peel(number, cells) ^ self._backward[number]

    def holds(self, number: int) -> bool:
        """Whether a round can still go through; one that a stall left far behind cannot."""
        return self._forward.holds(number) and self._backward.holds(number)

    def holds_back(self, number: int) -> bool:
        """Whether a round can still go back."""
        return self._backward.holds(number)

    def prepare(self, forward: int, backward: int, items: int) -> int:
        """Make keystream ahead, from these rounds on; how many circuits' blocks were made."""
        made = self._forward.prepare(forward, items)
        return made or self._backward.prepare(backward, items)

    @property
    def made_late(self) -> int:
        """How many blocks of keystream were not ready when their round came."""
        return self._forward.made_late + self._backward.made_late

    def wipe(self) -> None:
        """Forget everything."""
        self._forward.wipe()
        self._backward.wipe()


def no_circuits() -> Circuits:
    """Epoch 0: a zone that runs, but has no rows."""
    nothing = np.empty(0, np.intp)
    return Circuits(0, [], [], Orders(nothing, nothing))
