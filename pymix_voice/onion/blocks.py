"""The memory that keystreams are written to: used again, and zeroed in slices in between.

One block of an epoch of 10,000 rows is 26 MB, and an epoch holds up to eight. To zero all
that, hand it back to the system and fault it in anew at the next epoch, in one go, would take
longer than a round lasts. So a buffer that was given back is zeroed slice by slice when there
is time, and only then handed out again.

Must not know: keys, ciphers, rounds, whose rows these are.
"""

import mmap
import sys
from bisect import bisect_left, insort
from contextlib import suppress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import Misuse
from pymix_voice.geometry import BLOCK_ROUNDS, KEY_BYTES, TAG_BYTES

SLICE_ROWS = 192
"""So many circuits' streams are laid step by step at once: half a megabyte stays in the processor's
cache, and fewer would be laid in shorter runs."""
_CAPACITY_STEP = 512
"""Buffers are for a whole number of so many rows, so that epochs of like size share them."""
_KEPT = 16
"""Two epochs of lines and doors, forward and backward, two blocks each."""


class Bench(NamedTuple):
    """Room for what is only needed during one slice of work.

    Attributes:
        keys: uint8[192, 32].
        streams: uint8[192, 20 cells + 16], the last 16 for a tag.
    """

    keys: NDArray[np.uint8]
    streams: NDArray[np.uint8]

    def wipe(self) -> None:
        """Zero what the last slice left."""
        self.keys.fill(0)
        self.streams.fill(0)

    def __repr__(self) -> str:
        return "Bench()"


class _Dirty(NamedTuple):
    """A buffer and how much of it was in use; less from slice to slice."""

    buffer: NDArray[np.uint8]
    used: int

    def __repr__(self) -> str:
        return "_Dirty()"


class Blocks:
    """A pool of blocks: uint8[20, rows, cell], for any number of rows.

    Args:
        cell_bytes: what a step of a circuit takes.

    Attributes:
        bench: shared by all who take blocks from here.
        row_bytes: one circuit's part of a block.
    """

    def __init__(self, cell_bytes: int) -> None:
        self.cell_bytes = cell_bytes
        self.row_bytes = BLOCK_ROUNDS * cell_bytes
        self.bench = Bench(
            np.zeros((SLICE_ROWS, KEY_BYTES), np.uint8),
            np.zeros((SLICE_ROWS, self.row_bytes + TAG_BYTES), np.uint8),
        )
        self._free: list[NDArray[np.uint8]] = []
        self._dirty: list[_Dirty] = []

    def take(self, rows: int) -> NDArray[np.uint8]:
        """A block of zeros: the smallest free buffer that is large enough, or new memory."""
        if not rows:
            return np.zeros((BLOCK_ROUNDS, 0, self.cell_bytes), np.uint8)
        size = rows * self.row_bytes
        at = bisect_left(self._free, size, key=_size)
        if at < len(self._free):
            buffer = self._free.pop(at)
        else:
            buffer = _memory(-(-rows // _CAPACITY_STEP) * _CAPACITY_STEP * self.row_bytes)
        return buffer[:size].reshape(BLOCK_ROUNDS, rows, self.cell_bytes)

    def give(self, block: NDArray[np.uint8]) -> None:
        """Give a block back, as it is; nobody may read or write it any more.

        Should nobody find the time to `work` until sixteen wait, one is zeroed at once.

        Raises:
            Misuse: it is here already, or is not a whole block.
        """
        if not block.size:
            return
        buffer, whole = block.base, (BLOCK_ROUNDS, block.shape[1], self.cell_bytes)
        if buffer is None or block.shape != whole or not block.flags.c_contiguous:
            raise Misuse("only whole blocks are given back")
        waiting = [dirty.buffer for dirty in self._dirty]
        if any(each is buffer for each in self._free + waiting):
            raise Misuse("a block is given back once")
        self._dirty.append(_Dirty(buffer, block.nbytes))
        if len(self._dirty) > _KEPT:
            self._zero(self._dirty[0].used)
        self._shed()

    def work(self, n_bytes: int) -> int:
        """Zero the next slice of what was given back.

        Args:
            n_bytes: at most so many.

        Returns:
            How many bytes were zeroed; 0 if nothing is left to do.
        """
        return self._zero(n_bytes) if self._dirty else 0

    def _zero(self, n_bytes: int) -> int:
        """Zero what is used of the oldest, from its end; with nothing left it is free."""
        buffer, used = self._dirty[0]
        rest = max(0, used - n_bytes)
        buffer[rest:used] = 0
        if rest:
            self._dirty[0] = _Dirty(buffer, rest)
        else:
            del self._dirty[0]
            insort(self._free, buffer, key=_size)
            self._shed()
        return used - rest

    def _shed(self) -> None:
        """Let the smallest go when there are too many."""
        del self._free[: max(0, len(self._free) + len(self._dirty) - _KEPT)]

    def __repr__(self) -> str:
        return f"Blocks({len(self._free)} free, {len(self._dirty)} to zero)"


def _memory(n_bytes: int) -> NDArray[np.uint8]:
    """Zeros, in pages of the usual size.

    `np.empty` asks for huge ones. The first slice of a block writes to twenty places far apart,
    and would wait for all its huge pages at once: 65 ms for 10,000 rows on a virtual machine.
    """
    memory = mmap.mmap(-1, n_bytes, access=mmap.ACCESS_COPY)
    if sys.platform == "linux":
        # Some kernels give huge pages unasked; some have none, and say so.
        with suppress(OSError):
            memory.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(memory, np.uint8)


def _size(buffer: NDArray[np.uint8]) -> int:
    return buffer.nbytes
