"""The keystreams of many circuits in one direction, made ahead of the rounds that use them.

A layer is one XOR with ChaCha20: a mix peels with a row of this matrix, and nothing else. The
stream of a circuit comes in blocks of 20 steps of 128 bytes, one cipher call a block:

    nonce = direction 1 | block 8 | 0 0 0        step = round (lines) or door round (doors)

Two blocks are held, stored step by step (`uint8[20, n, 128]` each), so that the XOR of a whole
round runs over one piece of memory. The next block's buffer is the one before's: it is taken
over only some steps into a block, because a late round may still need the old one.

Source: the project's protocol page, "Layers and set-up onions"; RFC 8439 for the cipher.

Must not know: whose circuits these are, which round it is now, orders.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import Misuse
from pymix_voice.geometry import BLOCK_ROUNDS, CELL_BYTES, KEY_BYTES, TAG_BYTES
from pymix_voice.onion import sodium

FORWARD = 0
"""Direction byte of the way toward the switchboard."""
BACKWARD = 1
"""Direction byte of the way toward the client."""

KEEP_STEPS = 8
"""The block before is kept until so many steps into the current one."""
_STREAM_BYTES = BLOCK_ROUNDS * CELL_BYTES
_SLICE = 64
"""Circuits in one batch of cipher calls: what is between stays in the processor's cache."""


class Keystream:
    """The keystreams of n circuits in one direction.

    Args:
        keys: one key of 32 bytes a circuit, in row order; there may be none.
        direction: `FORWARD` or `BACKWARD`.

    Attributes:
        made_late: how many circuits' blocks were made only when a round already needed them.
    """

    def __init__(self, keys: Sequence[bytes], direction: int) -> None:
        if any(len(key) != KEY_BYTES for key in keys) or not 0 <= direction < 256:
            raise Misuse("a keystream needs keys of 32 bytes and a direction of one byte")
        self.made_late = 0
        self._rows = len(keys)
        self._keys: bytearray | None = bytearray(b"".join(keys))
        self._direction = direction
        self._buffers = np.zeros((2, BLOCK_ROUNDS, self._rows, CELL_BYTES), dtype=np.uint8)
        self._blocks: list[int | None] = [None, None]
        self._made = [0, 0]

    def row(self, step: int) -> NDArray[np.uint8]:
        """The keystreams of all circuits for one step: uint8[n, 128].

        It is a view, valid until its block's buffer is taken for the block after the next. What
        is not made yet is made at once, and counted in `made_late`.

        Raises:
            Misuse: the step is older than what is held, or everything was wiped.
        """
        block = step // BLOCK_ROUNDS
        if not self.holds(step):
            raise Misuse("this step's keystream is gone: a round this old is closed")
        self._take(block)
        self.made_late += self._make(block, self._rows)
        row: NDArray[np.uint8] = self._buffers[block % 2, step % BLOCK_ROUNDS]
        return row

    def holds(self, step: int) -> bool:
        """Whether `row` can still give this step (at once, or by making it)."""
        held = self._blocks[(step // BLOCK_ROUNDS) % 2]
        return (
            self._keys is not None and step >= 0 and (held is None or held <= step // BLOCK_ROUNDS)
        )

    def prepare(self, step: int, items: int) -> int:
        """Make a slice of what the coming steps need.

        Args:
            step: the step that is in use now.
            items: at most so many circuits' blocks are made.

        Returns:
            How many were made, 0 if nothing is to be done for now.
        """
        block = step // BLOCK_ROUNDS
        for wanted in (block, block + 1):
            held = self._blocks[wanted % 2]
            if self._keys is None or (held is not None and held > wanted):
                continue
            kept = held is not None and held < wanted and wanted > block
            if kept and step % BLOCK_ROUNDS < KEEP_STEPS:
                continue
            self._take(wanted)
            made = self._make(wanted, items)
            if made:
                return made
        return 0

    def wipe(self) -> None:
        """Zero keys and keystreams; nothing can be had from here any more."""
        if self._keys is not None:
            self._keys[:] = bytes(len(self._keys))
        self._keys = None
        self._buffers.fill(0)

    def _take(self, block: int) -> None:
        if self._blocks[block % 2] != block:
            self._blocks[block % 2] = block
            self._made[block % 2] = 0

    def _make(self, block: int, items: int) -> int:
        """Make up to `items` more circuits of a block that has its buffer."""
        if self._keys is None:
            return 0
        start = self._made[block % 2]
        end = min(self._rows, start + max(0, items))
        buffer = self._buffers[block % 2]
        for first in range(start, end, _SLICE):
            last = min(end, first + _SLICE)
            keys = [
                bytes(self._keys[at : at + KEY_BYTES])
                for at in range(first * KEY_BYTES, last * KEY_BYTES, KEY_BYTES)
            ]
            buffer[:, first:last] = _blocks(keys, self._direction, block).swapaxes(0, 1)
        self._made[block % 2] = end
        return end - start

    def __repr__(self) -> str:
        return f"Keystream({self._rows} circuits)"


def combined(keys: Sequence[bytes], direction: int, block: int) -> NDArray[np.uint8]:
    """All layers of one circuit in one: the XOR of its keys' streams.

    Args:
        keys: the hops' keys for this direction, 32 bytes each.
        direction: `FORWARD` or `BACKWARD`.
        block: which 20 steps.

    Returns:
        uint8[20, 128].
    """
    streams: NDArray[np.uint8] = np.bitwise_xor.reduce(_blocks(keys, direction, block), axis=0)
    return streams


def _blocks(keys: Sequence[bytes], direction: int, block: int) -> NDArray[np.uint8]:
    """One block of each key's stream: uint8[k, 20, 128]."""
    nonce = bytes([direction]) + block.to_bytes(8, "little") + bytes(3)
    streams = np.empty((len(keys), _STREAM_BYTES + TAG_BYTES), dtype=np.uint8)
    sodium.stream_rows(streams, [nonce] * len(keys), keys)
    return streams[:, :_STREAM_BYTES].reshape(len(keys), BLOCK_ROUNDS, CELL_BYTES)
