"""A ring of samples between a sound card's thread and the program: bounded, without locks.

One side only writes, the other only reads; each moves its own counter, and Python's interpreter
makes that one step. Nothing is allocated for it.

Must not know: devices, what time it is.
"""

import numpy as np
from numpy.typing import NDArray


class Ring:
    """Samples in their order.

    Args:
        size: the most that wait.

    Attributes:
        written: samples written since the beginning.
        read: samples read since the beginning.
    """

    def __init__(self, size: int) -> None:
        self._samples: NDArray[np.int16] = np.zeros(size, np.int16)
        self.written = 0
        self.read = 0

    @property
    def waiting(self) -> int:
        """How many can be read."""
        return self.written - self.read

    def write(self, samples: NDArray[np.int16]) -> int:
        """Write as many as there is room for, from the first on; how many those were."""
        size = len(self._samples)
        count = min(len(samples), size - self.waiting)
        start = self.written % size
        first = min(count, size - start)
        self._samples[start : start + first] = samples[:first]
        self._samples[: count - first] = samples[first:count]
        self.written += count
        return count

    def read_into(self, samples: NDArray[np.int16]) -> int:
        """Read as many as there are, into the beginning of an array; how many those were."""
        size = len(self._samples)
        count = min(len(samples), self.waiting)
        start = self.read % size
        first = min(count, size - start)
        samples[:first] = self._samples[start : start + first]
        samples[first:count] = self._samples[: count - first]
        self.read += count
        return count
