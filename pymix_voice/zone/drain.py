"""The border to the edge: arrays of datagrams in (drains) and out (bursts).

One read of a socket gives many datagrams; machines take and return them as one matrix, so
that no Python object is made for each. The simulated world passes the same arrays. Source:
the project's design page, section "Shape of the code".

Must not know: sockets, keys, what the bytes mean, what an address is.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

Via = Literal["link", "access"]
"""Which of its sockets a machine means: the one to its neighbours or the one to its clients."""

ADDRESS_BYTES = 28
"""Room for any address as the system writes it; shorter ones end in zeros that do not count."""
ADDRESS = np.dtype(f"S{ADDRESS_BYTES}")

Address = bytes
"""Where a datagram came from or goes to: opaque, only compared, hashed and handed back."""
Addresses = NDArray[np.bytes_]
"""Many of them: S28 [k]."""

NOWHERE = b""
"""An address that is not known yet."""


class Drain(NamedTuple):
    """What one read of a socket brings.

    Attributes:
        cells: uint8 [k, size]; one datagram a row, whatever after its end. May be opened in
            place by whoever takes the drain; valid until the next drain.
        lengths: int64 [k]; how many bytes of each row were received.
        sources: S28 [k]; where each came from.
        came: the instant at which the last of them came, in seconds; by the system's own stamp
            where it gives one.
        stamps: float64 [k]; when each of them came, if that is known.
    """

    cells: NDArray[np.uint8]
    lengths: NDArray[np.int64]
    sources: Addresses
    came: float
    stamps: NDArray[np.float64] | None = None

    @classmethod
    def of(
        cls, datagrams: Sequence[bytes], sources: Sequence[Address], came: float, size: int = 0
    ) -> Self:
        """A drain made of single datagrams.

        Args:
            datagrams: the bytes of each.
            sources: as many sources, in the same order.
            came: seconds.
            size: width of the matrix in bytes; the longest datagram if that is longer.
        """
        width = max([size, *map(len, datagrams)])
        joined = bytearray().join(datagram.ljust(width, b"\0") for datagram in datagrams)
        cells = np.frombuffer(joined, np.uint8).reshape(len(datagrams), width)
        lengths = np.array([len(datagram) for datagram in datagrams], np.int64)
        return cls(cells, lengths, np.array(sources, ADDRESS), came)

    def datagram(self, index: int) -> NDArray[np.uint8]:
        """A view of one datagram without what is after it: uint8 [its length]."""
        return self.cells[index, : self.lengths[index]]

    def source(self, index: int) -> Address:
        """Where one datagram came from."""
        return bytes(self.sources[index])

    def __repr__(self) -> str:
        return "Drain()"


class Burst(NamedTuple):
    """What a machine wants sent at once, in the order of its rows.

    Attributes:
        datagrams: uint8 [k, size]; all of one burst have one length, and the rows follow one
            another in memory. Valid until something comes or is due again.
        to: S28 [k], or the one address that all go to.
        via: the socket to send from.
        at: the instant before which it is not sent; 0 for at once.
    """

    datagrams: NDArray[np.uint8]
    to: Addresses | Address
    via: Via
    at: float = 0.0

    def __repr__(self) -> str:
        return "Burst()"
