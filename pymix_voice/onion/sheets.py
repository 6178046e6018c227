"""Room for matrices on their way out: taken, sent, and used again, so that no round allocates.

Must not know: what the matrices hold.
"""

import numpy as np
from numpy.typing import NDArray


class Sheets:
    """Matrices of one width.

    Args:
        width: bytes of a row.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._sheets: list[NDArray[np.uint8]] = []
        self._used = 0

    def take(self, rows: int) -> NDArray[np.uint8]:
        """A matrix uint8 [rows, width] that holds anything, and nobody else has until `reuse`."""
        if self._used == len(self._sheets):
            self._sheets.append(np.empty((0, self._width), np.uint8))
        if len(self._sheets[self._used]) < rows:
            # A little more: lines and doors take turns, and epochs grow.
            self._sheets[self._used] = np.empty((rows + rows // 4, self._width), np.uint8)
        self._used += 1
        return self._sheets[self._used - 1][:rows]

    def reuse(self) -> None:
        """All that was taken has left; its room may be taken again."""
        self._used = 0
