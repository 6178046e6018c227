"""What the relay has seen: when each datagram came to it, from whom, for whom, how many bytes.

That is what an observer of all links writes down, and nothing more. It is kept in memory, and
written when the relay ends.

Must not know: what is in a datagram.
"""

import warnings
import zlib
from array import array
from io import BytesIO
from pathlib import Path
from tokenize import TokenError
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import ConfigError

_WRONG = (
    *(OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile, zlib.error),
    *(NotImplementedError, RuntimeError, MemoryError, AttributeError, OverflowError),
    *(SyntaxError, TokenError, Warning),
)
"""What numpy and zipfile raise at a file that is none of theirs."""


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
    """Remembers.

    Attributes:
        fronts: what parts take for a source's port, and whose it really is: ":port" both.
    """

    def __init__(self) -> None:
        self.fronts: dict[str, str] = {}
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
        with (
            warnings.catch_warnings(action="error"),
            np.load(BytesIO(path.read_bytes()), allow_pickle=False) as kept,
        ):
            seen = _seen(kept["at"], kept["rows"], kept["ends"])
    except _WRONG as error:
        said = " ".join(str(error).split())
        raise ConfigError(f"{path} holds nothing that a relay has seen: {said}") from None
    return seen


def _seen(at: NDArray[np.float64], rows: NDArray[np.int64], names: NDArray[np.str_]) -> Seen:
    """What a file holds, looked at: any three arrays may be in it.

    Raises:
        ValueError: it is not what `Witness` writes.
    """
    shapes = (at.shape, rows.shape, names.ndim)
    if shapes != ((len(rows),), (len(rows), 3), 1) or at.dtype.kind != "f":
        raise ValueError("its arrays have other shapes")
    if (rows.dtype.kind not in "iu") and len(rows):
        raise ValueError("its arrays have other types")
    sources, destinations, sizes = rows.astype(np.intp).T
    for ends in (sources, destinations):
        if len(ends) and not 0 <= ends.min() <= ends.max() < len(names):
            raise ValueError("it names ends that are not there")
    return Seen(tuple(map(str, names)), at.astype(np.float64), sources, destinations, sizes)
