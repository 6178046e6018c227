"""An epoch's circuits at one mix: what is left to do in a round.

    peel      out = (cells ^ forward[round])[order]
    wrap      out = cells[undone] ^ backward[round]

In a door round the doors' rows follow the lines' in the same matrix; each of the two is
shuffled apart, so a row's place never tells whether it is a line or a door more than its
half does. Phantoms are rows that begin here: forward they come out under those that came, made of
zeros and keystream; backward they are left behind.

Source: the project's design, sections "A round, from microphone to ear" and "The one idea".

Must not know: links, clients, what time it is.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.geometry import DOOR_EVERY, KEY_BYTES, is_door_round
from pymix_voice.onion.blocks import Blocks
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
    def apart(cls, lines: Order, doors: Order, phantoms: tuple[int, int] = (0, 0)) -> "Orders":
        """Lines among lines, doors among doors.

        Args:
            lines: a permutation; the last so many of its numbers stand for phantoms.
            doors: likewise.
            phantoms: how many lines and doors are phantoms. In the matrix that a round is worked
                in they stand under all that came: lines, doors, phantom lines, phantom doors.
        """
        came_lines, came_doors = len(lines) - phantoms[0], len(doors) - phantoms[1]
        line_rows = np.where(lines < came_lines, lines, lines + came_doors)
        door_rows = np.where(doors < came_doors, doors + came_lines, doors + len(lines))
        return cls(lines, np.concatenate((line_rows, door_rows)))

    @property
    def undone(self) -> "Orders":
        """The orders that bring every row back."""
        return Orders(_inverse(self.lines), _inverse(self.both))


def _inverse(order: Order) -> Order:
    """Faster than sorting, and a round may wait."""
    inverse = np.empty_like(order)
    inverse[order] = np.arange(len(order))
    return inverse


class LayerKeys(NamedTuple):
    """This hop's keys of many circuits, in row order: uint8 [n, 32] each way.

    Phantoms have a key forward only, behind the others.
    """

    forward: NDArray[np.uint8]
    backward: NDArray[np.uint8]

    @property
    def phantoms(self) -> int:
        """How many of them begin at this mix."""
        return len(self.forward) - len(self.backward)

    @classmethod
    def of(cls, keys: Sequence[HopKeys]) -> "LayerKeys":
        """Of single circuits' keys."""
        ways = (b"".join(each[way] for each in keys) for way in (FORWARD, BACKWARD))
        return cls(
            *(np.frombuffer(bytearray(way), np.uint8).reshape(-1, KEY_BYTES) for way in ways)
        )

    def __len__(self) -> int:
        return len(self.forward)

    def __repr__(self) -> str:
        return "LayerKeys()"


class Streams:
    """The keystreams of one direction: `streams[round]` is uint8 [rows, cell].

    Args:
        lines: keys of the lines.
        doors: keys of the doors.
        direction: forward or backward.
        blocks: room for keystream.
        phantoms: how many of the lines and doors, at their ends, stand under all others.
    """

    def __init__(
        self,
        lines: NDArray[np.uint8],
        doors: NDArray[np.uint8],
        direction: int,
        blocks: Blocks,
        phantoms: tuple[int, int] = (0, 0),
    ) -> None:
        self._lines = Keystream(lines, direction, blocks)
        self._doors = Keystream(doors, direction, blocks)
        self._both = np.empty((len(lines) + len(doors), blocks.cell_bytes), np.uint8)
        self._came_lines, self._came_doors = len(lines) - phantoms[0], len(doors) - phantoms[1]

    def __getitem__(self, number: int) -> NDArray[np.uint8]:
        lines = self._lines.row(number)
        if not is_door_round(number):
            return lines
        doors = self._doors.row(number // DOOR_EVERY)
        came = lines[: self._came_lines], doors[: self._came_doors]
        phantoms = lines[self._came_lines :], doors[self._came_doors :]
        return np.concatenate((*came, *phantoms), out=self._both)

    def holds(self, number: int) -> bool:
        """Whether this round's keystream is there, or can be made."""
        lines = self._lines.holds(number)
        return lines and (not is_door_round(number) or self._doors.holds(number // DOOR_EVERY))

    def prepare(self, number: int, items: int, end: int) -> int:
        """Make keystream ahead for at most so many circuits; how many were made."""
        made = self._lines.prepare(number, items, end)
        return made or self._doors.prepare(number // DOOR_EVERY, items, end // DOOR_EVERY)

    @property
    def made_late(self) -> int:
        """How many blocks were not ready when their round came."""
        return self._lines.made_late + self._doors.made_late

    def wipe(self) -> None:
        """Forget keys and keystream."""
        self._lines.wipe()
        self._doors.wipe()
        self._both.fill(0)


class Circuits:
    """The rows of one epoch. What its methods give is valid until the next call of one.

    Args:
        epoch: the circuit epoch; 0 is the empty one of a zone without circuits.
        lines: keys of the lines, in the order of their rows; phantoms behind them.
        doors: keys of the doors, likewise.
        orders: this mix's secret order; at the last mix, the switchboard's.
        blocks: room for keystream.

    Attributes:
        lines: how many came from upstream, without the phantoms that begin here.
        doors: the same of doors.
    """

    def __init__(
        self, epoch: int, lines: LayerKeys, doors: LayerKeys, orders: Orders, blocks: Blocks
    ) -> None:
        self.epoch = epoch
        self.lines, self.doors = len(lines.backward), len(doors.backward)
        phantoms = lines.phantoms, doors.phantoms
        self._forward = Streams(lines.forward, doors.forward, FORWARD, blocks, phantoms)
        self._backward = Streams(lines.backward, doors.backward, BACKWARD, blocks)
        self._order = orders
        undone = orders.undone
        # Phantoms come back as well, and nobody upstream has a row for them.
        self._undone = Orders(undone.lines[: self.lines], undone.both[: self.lines + self.doors])
        # Used in every round, so that none asks for memory.
        self._mixed = np.empty((len(orders.both), blocks.cell_bytes), np.uint8)
        self._out = np.empty_like(self._mixed)

    def rows_in(self, number: int) -> int:
        """How many rows a matrix of this round has between upstream and here."""
        return len(self._undone(number))

    def rows_out(self, number: int) -> int:
        """How many it has between here and downstream: phantoms are among them."""
        return len(self._order(number))

    def peel(self, number: int, cells: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Forward: take off this mix's layer, then permute.

        out = (cells ^ keystream[round])[order]        a phantom's cell is zeros here

        Args:
            number: the round.
            cells: uint8 [rows in, cell].

        Returns:
            uint8 [rows out, cell].
        """
        keystream, came = self._forward[number], len(cells)
        peeled = self._mixed[: len(keystream)]
        np.bitwise_xor(cells, keystream[:came], out=peeled[:came])
        peeled[came:] = keystream[came:]
        return _in_order(peeled, self._order(number), self._out[: len(peeled)])

    def wrap(self, number: int, cells: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Backward: undo the permutation, then add this mix's layer.

        out = cells[undone] ^ keystream[round]

        Args:
            number: the round.
            cells: uint8 [rows out, cell].

        Returns:
            uint8 [rows in, cell].
        """
        order = self._undone(number)
        undone = _in_order(cells, order, self._mixed[: len(order)])
        return np.bitwise_xor(undone, self._backward[number], out=self._out[: len(order)])

    def turn(self, number: int, cells: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """At the last mix a round peels, crosses the switchboard, and is wrapped again."""
        crossed = self.peel(number, cells)
        return np.bitwise_xor(crossed, self._backward[number], out=crossed)

    def holds(self, number: int) -> bool:
        """Whether a round can still go through; one that a stall left far behind cannot."""
        return self._forward.holds(number) and self._backward.holds(number)

    def holds_back(self, number: int) -> bool:
        """Whether a round can still go back."""
        return self._backward.holds(number)

    def prepare(self, forward: int, backward: int, items: int, end: int) -> int:
        """Make a slice of keystream ahead.

        Args:
            forward: the round that is in use now, on its way forward.
            backward: the same on its way back.
            items: at most so many circuits' blocks are made.
            end: the round from which on these circuits are not expected to carry any.

        Returns:
            How many were made, 0 if nothing is to be done for now.
        """
        made = self._forward.prepare(forward, items, end)
        return made or self._backward.prepare(backward, items, end)

    @property
    def made_late(self) -> int:
        """How many blocks of keystream were not ready when their round came."""
        return self._forward.made_late + self._backward.made_late

    def wipe(self) -> None:
        """Forget everything. Blocks of keystream go back to where they came from, to be zeroed."""
        self._forward.wipe()
        self._backward.wipe()
        self._mixed.fill(0)
        self._out.fill(0)


def _in_order(cells: NDArray[np.uint8], order: Order, out: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`cells[order]`, into memory that is there; an order has no row that could be clipped."""
    return np.take(cells, order, axis=0, out=out, mode="clip")


def no_circuits(cell_bytes: int) -> Circuits:
    """Epoch 0: a zone that runs, but has no rows."""
    nothing = np.empty(0, np.intp)
    orders, blocks = Orders(nothing, nothing), Blocks(cell_bytes)
    return Circuits(0, LayerKeys.of([]), LayerKeys.of([]), orders, blocks)
