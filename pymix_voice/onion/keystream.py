"""The keystreams of many circuits in one direction, made ahead of the rounds that use them.

A layer is one XOR with ChaCha20: a mix peels with a row of this matrix, and nothing else. The
stream of a circuit comes in blocks of 20 steps of a cell each, one cipher call a block:

    nonce = direction 1 | block 8 | 0 0 0        step = round (lines) or door round (doors)

Two blocks are held, stored step by step (`uint8[20, n, cell]` each), so that the XOR of a whole
round runs over one piece of memory. The next block's buffer is the one before's: it is taken
over only some steps into a block, because a late round may still need the old one. The first
block's successor waits as long, so an epoch that has not begun holds one block.

Source: the project's protocol page, "Layers and set-up onions"; RFC 8439 for the cipher.

Must not know: whose circuits these are, which round it is now, orders.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import Misuse
from pymix_voice.geometry import BLOCK_ROUNDS, KEY_BYTES, TAG_BYTES
from pymix_voice.onion import sodium
from pymix_voice.onion.blocks import SLICE_ROWS, Blocks

FORWARD = 0
"""Direction byte of the way toward the switchboard."""
BACKWARD = 1
"""Direction byte of the way toward the client."""

KEEP_STEPS = 8
"""The block before is kept until so many steps into the current one."""


class _Held:
    """A block of which the first `made` circuits are made."""

    __slots__ = ("cells", "made", "number", "whole")

    def __init__(self, number: int, cells: NDArray[np.uint8]) -> None:
        self.number = number
        self.made = 0
        self.cells = cells
        self.whole: NDArray[np.void] = cells.view(_in_one(cells.shape[-1]))[:, :, 0]


class Keystream:
    """The keystreams of n circuits in one direction.

    Args:
        keys: one key of 32 bytes a circuit, in row order; there may be none. They are copied.
        direction: `FORWARD` or `BACKWARD`.
        blocks: where the memory comes from and goes back to; it says how large a cell is.

    Attributes:
        made_late: how many circuits' blocks were made only when a round already needed them.
    """

    def __init__(
        self,
        keys: Sequence[bytes] | NDArray[np.uint8],
        direction: int,
        blocks: Blocks,
    ) -> None:
        if not 0 <= direction < 256:
            raise Misuse("the direction of a keystream is one byte")
        self.made_late = 0
        self._keys = _matrix(keys)
        self._direction = direction
        self._pool = blocks
        self._held: list[_Held | None] = [None, None]
        self._floor = 0
        self._wiped = False

    def row(self, step: int) -> NDArray[np.uint8]:
        """The keystreams of all circuits for one step: uint8[n, cell].

        It is a view, valid until its block's buffer is taken for the block after the next, or
        everything is wiped. What is not made yet is made at once, and counted in `made_late`.

        Raises:
            Misuse: the step is older than what is held, or everything was wiped.
        """
        block, place = divmod(step, BLOCK_ROUNDS)
        if not self.holds(step):
            raise Misuse("this step's keystream is gone: a round this old is closed")
        held = self._hold(block)
        self.made_late += self._make(held, len(self._keys))
        row: NDArray[np.uint8] = held.cells[place]
        return row

    def holds(self, step: int) -> bool:
        """Whether `row` can still give this step (at once, or by making it)."""
        return step >= 0 and self._can_hold(step // BLOCK_ROUNDS)

    def prepare(self, step: int, items: int, end: int | None = None) -> int:
        """Make a slice of what the coming steps need.

        Args:
            step: the step that is in use now.
            items: at most so many circuits' blocks are made.
            end: the step from which on none is expected, if there is one: nothing is made
                beyond it, and what only that would overwrite is given back.

        Returns:
            How many were made, 0 if nothing is to be done for now.
        """
        block, place = divmod(step, BLOCK_ROUNDS)
        wanted = [block]
        if place >= KEEP_STEPS:
            if end is None or (block + 1) * BLOCK_ROUNDS < end:
                wanted.append(block + 1)
            else:
                self._close_below(block)
        for each in wanted:
            if self._can_hold(each):
                made = self._make(self._hold(each), items)
                if made:
                    return made
        return 0

    def _close_below(self, block: int) -> None:
        """Blocks before this one will not be asked for; their memory is for others."""
        self._floor = max(self._floor, block)
        for place, held in enumerate(self._held):
            if held is not None and held.number < self._floor:
                self._pool.give(held.cells)
                self._held[place] = None

    def wipe(self) -> None:
        """Zero the keys and give the keystreams back; nothing can be had from here any more.

        They are zeroed when their pool has time for it.
        """
        self._wiped = True
        self._keys.fill(0)
        for held in self._held:
            if held is not None:
                self._pool.give(held.cells)
        self._held = [None, None]
        self._pool.bench.wipe()

    def _can_hold(self, block: int) -> bool:
        held = self._held[block % 2]
        open_still = not self._wiped and block >= self._floor
        return open_still and (held is None or held.number <= block)

    def _hold(self, block: int) -> _Held:
        """The block with its buffer, which may be that of the block before the last."""
        held = self._held[block % 2]
        if held is None or held.number != block:
            cells = self._pool.take(len(self._keys)) if held is None else held.cells
            held = self._held[block % 2] = _Held(block, cells)
        return held

    def _make(self, held: _Held, items: int) -> int:
        """Make up to `items` more circuits of a block."""
        start, end = held.made, min(len(self._keys), held.made + max(0, items))
        if start == end:
            return 0
        bench, nonce = self._pool.bench, _nonce(self._direction, held.number)
        row_bytes, cell = self._pool.row_bytes, held.whole.dtype
        for first in range(start, end, SLICE_ROWS):
            last = min(end, first + SLICE_ROWS)
            # Pointers into the bench are remembered; those into all keys would be made anew.
            keys, streams = bench.keys[: last - first], bench.streams[: last - first]
            keys[:] = self._keys[first:last]
            sodium.stream_rows(streams, nonce, keys)
            held.whole[:, first:last] = streams[:, :row_bytes].view(cell).T
        held.made = end
        return end - start

    def __repr__(self) -> str:
        return f"Keystream({len(self._keys)} circuits)"


def combined(
    keys: Sequence[bytes], direction: int, block: int, cell_bytes: int
) -> NDArray[np.uint8]:
    """All layers of one circuit in one: the XOR of its keys' streams.

    Args:
        keys: the hops' keys for this direction, 32 bytes each.
        direction: `FORWARD` or `BACKWARD`.
        block: which 20 steps.
        cell_bytes: what a step takes.

    Returns:
        uint8[20, cell].
    """
    row_bytes = BLOCK_ROUNDS * cell_bytes
    streams = np.empty((len(keys), row_bytes + TAG_BYTES), dtype=np.uint8)
    sodium.stream_rows(streams, _nonce(direction, block), keys)
    layers: NDArray[np.uint8] = np.bitwise_xor.reduce(streams[:, :row_bytes], axis=0)
    return layers.reshape(BLOCK_ROUNDS, cell_bytes)


def _in_one(cell_bytes: int) -> np.dtype[np.void]:
    """A cell in one piece: copied so, a block takes a fifth less time than byte by byte."""
    return np.dtype((np.void, cell_bytes))


def _nonce(direction: int, block: int) -> bytes:
    return bytes([direction]) + block.to_bytes(8, "little") + bytes(3)


def _matrix(keys: Sequence[bytes] | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A copy of its own, uint8[n, 32]."""
    if not isinstance(keys, np.ndarray):
        if any(len(key) != KEY_BYTES for key in keys):
            raise Misuse("a keystream needs keys of 32 bytes")
        keys = np.frombuffer(b"".join(keys), np.uint8).reshape(-1, KEY_BYTES)
    if keys.dtype != np.uint8 or keys.ndim != 2 or keys.shape[1] != KEY_BYTES:
        raise Misuse("the keys of a keystream are uint8[n, 32]")
    return np.array(keys, order="C")
