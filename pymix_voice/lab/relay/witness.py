"""What the relay has seen: when each datagram came to it, from whom, for whom, how many bytes.

That is what an observer of all links writes down, and nothing more. It is kept in memory, and
written when the relay ends.

Must not know: what is in a datagram.
"""

from array import array
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import ConfigError


class Seen(NamedTuple):
    """A recording of all links.

    Attributes:
        ends: names of all ends: parts by their names, all others by ":port".
        at: when, in seconds by the monotonic clock, float64 [n]; in the order of taking.
        sources: numbers of ends, intp [n].
        destinations: likewise.
        sizes: bytes, intp [n].
    """

    ends: tuple[str, ...]
    at: NDArray[np.float64]
    sources: NDArray[np.intp]
    destinations: NDArray[np.intp]
    sizes: NDArray[np.intp]


class Witness:
    """Remembers."""

    def __init__(self) -> None:
        self._ends: dict[str, int] = {}
        self._at = array("d")
        self._rows = array("l")

    def end(self, name: str) -> int:
        """The number of an end."""
        return self._ends.setdefault(name, len(self._ends))

    def saw(self, source: int, destination: int, size: int, at: float) -> None:
        """A datagram came."""
        self._at.append(at)
        self._rows.extend((source, destination, size))

    def write(self, path: Path) -> None:
        """Write all that was seen.

        Raises:
            ConfigError: if that cannot be done.
        """
        rows = np.array(self._rows, np.int64).reshape(-1, 3)
        try:
            with path.open("wb") as file:
                np.savez(file, at=np.array(self._at), rows=rows, ends=np.array([*self._ends]))
        except OSError as error:
            raise ConfigError(f"{path} cannot be written: {error.strerror}") from None


def read_seen(path: Path) -> Seen:
    """Read what a relay has seen.

    Raises:
        ConfigError: if it cannot be read, or is something else.
    """
    try:
        with np.load(BytesIO(path.read_bytes()), allow_pickle=False) as kept:
            rows = np.asarray(kept["rows"], np.intp)
            ends = tuple(str(end) for end in kept["ends"])
            at = np.asarray(kept["at"], np.float64)
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise ConfigError(f"{path} holds nothing that a relay has seen: {error}") from None
    sources, destinations, sizes = rows.T
    return Seen(ends, at, sources, destinations, sizes)
