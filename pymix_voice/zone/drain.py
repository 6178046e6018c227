"""The border to the edge: arrays of datagrams in (drains) and out (bursts).

One read of a socket gives many datagrams; machines take and return them as one matrix, so
that no Python object is made for each. The simulated world passes the same arrays. Source:
the project's design page, section "Shape of the code".

Must not know: sockets, keys, what the bytes mean, what a source is.
"""

from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

Via = Literal["link", "access"]
"""Which of its sockets a machine means: the one to its neighbours or the one to its clients."""


class Drain(NamedTuple):
    """What one read of a socket brings.

    Attributes:
        cells: uint8 [k, size]; one datagram a row, zeros after its end. May be opened in
            place by whoever takes the drain; valid until the next call of the edge.
        lengths: int64 [k]; how many bytes of each row were received.
        sources: k values to send back to; opaque, only compared and hashed.
    """

    cells: NDArray[np.uint8]
    lengths: NDArray[np.int64]
    sources: Sequence[Hashable]

    @classmethod
    def of(cls, datagrams: Sequence[bytes], sources: Sequence[Hashable], size: int = 0) -> Self:
        """A drain made of single datagrams.

        Args:
            datagrams: the bytes of each.
            sources: as many sources, in the same order.
            size: width of the matrix in bytes; the longest datagram if that is longer.
        """
        width = max([size, *map(len, datagrams)])
        cells = np.zeros((len(datagrams), width), np.uint8)
        for row, datagram in zip(cells, datagrams, strict=True):
            row[: len(datagram)] = np.frombuffer(datagram, np.uint8)
        lengths = np.array([len(datagram) for datagram in datagrams], np.int64)
        return cls(cells, lengths, sources)

    def datagram(self, index: int) -> NDArray[np.uint8]:
        """A view of one datagram without the zeros after it: uint8 [its length]."""
        return self.cells[index, : self.lengths[index]]


class Burst(NamedTuple):
    """What a machine wants sent at once, in the order of its rows.

    Attributes:
        datagrams: uint8 [k, size]; all of one burst have one length. Valid until the machine
            is called again.
        destinations: k destinations, or a single one (not in a list) that all go to.
        via: the socket to send from.
        at: the instant before which it is not sent; 0 for at once.
    """

    datagrams: NDArray[np.uint8]
    destinations: Sequence[Hashable] | Hashable
    via: Via
    at: float = 0.0
