"""One non-blocking UDP socket: drains in, bursts out, a datagram at a time.

Works on every system. Others do the same faster where the system can take many at once
(`mmsg`, `gso`); they build on this one. Nothing the network does raises here: what could not
be sent or read is counted. The receive buffer is asked for by need and read back, since Linux
gives less than asked without a word.

Source: the project's protocol page, section "Mix links" (buffers); socket(7) of Linux.

Must not know: what datagrams mean, who they are for.
"""

import contextlib
import errno
import socket
import struct
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Final, Self

import numpy as np
import trio
from numpy.typing import NDArray

from pymix_voice.edge.clock import Clock
from pymix_voice.edge.places import (
    Place,
    SocketPlace,
    address_of,
    bind,
    family_of,
    for_socket,
    place_from,
    place_of,
)
from pymix_voice.geometry import MOST_CHUNK_BYTES
from pymix_voice.zone.drain import ADDRESS, Address, Burst, Drain

DRAIN_LIMIT = 128
WIDTH = -(-(MOST_CHUNK_BYTES + 1) // 64) * 64
"""Longer than any datagram of ours, so that a cut-off one has a wrong length too."""
LEAST_BUFFER = 1 << 20

_LINUX: Final = sys.platform == "linux"
_SO_SNDBUFFORCE: Final = 32
_SO_RCVBUFFORCE: Final = 33
SO_RXQ_OVFL: Final = 40
"""Asks for, and marks, the number of datagrams that found no room since the socket was opened."""
SO_TIMESTAMPNS: Final = 35
"""Asks for, and marks, the instant at which a datagram came."""
STALE_S = 1.0
"""An older stamp is of a clock that has been set since."""
COUNT = struct.Struct("=I")
"""How the system writes that number."""
Words = Iterable[tuple[int, int, bytes]]
"""What the system says beside a datagram: level, kind, value."""


class Port:
    """One UDP socket.

    Args:
        place: address and port to bind to; port 0 for any.
        expected_bytes: what the receive buffer should hold, as the kernel charges it.
        size: the one length of datagrams that are of use; None for any.
        sock: a socket that is bound already, to be used and closed in place of a new one.

    Attributes:
        buffer_bytes: what the receive buffer holds, as the kernel charges it.
        unsent: how many datagrams could not be sent, by the name of the reason.
        overflowed: datagrams that the kernel dropped because the buffer was full.
        misfits: datagrams of another length than `size`, which were dropped.
        bytes_in: what drains have brought.
        bytes_out: what was sent.

    Raises:
        ConfigError: if the port cannot be had.
    """

    def __init__(
        self,
        place: Place,
        expected_bytes: int = 0,
        *,
        size: int | None = None,
        sock: socket.socket | None = None,
    ) -> None:
        self._socket = sock or socket.socket(family_of(place[0]), socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            self.buffer_bytes = enlarge(self._socket, max(LEAST_BUFFER, expected_bytes))
            if sock is None:
                bind(self._socket, place, "UDP")
        except BaseException:
            self._socket.close()
            raise
        self._counts_overflow = _LINUX and set_option(self._socket, SO_RXQ_OVFL)
        self._size = size
        self.unsent: Counter[str] = Counter()
        self.overflowed = 0
        self.misfits = 0
        self.bytes_out = 0
        self.bytes_in = 0
        self._make_room()

    def _make_room(self) -> None:
        """For what comes in, once: no memory is asked for while datagrams come."""
        width = WIDTH if self._size is None else self._size
        # A byte more than a row: a datagram that is too long shows, and the next goes over it.
        spare = 0 if self._size is None else 1
        room: NDArray[np.uint8] = np.zeros(DRAIN_LIMIT * width + spare, np.uint8)
        self._cells = room[: DRAIN_LIMIT * width].reshape(DRAIN_LIMIT, width)
        self._rows = [
            room[start : start + width + spare].data
            for start in range(0, DRAIN_LIMIT * width, width)
        ]

    @property
    def place(self) -> Place:
        """Where it is bound."""
        return place_from(self._socket.getsockname())

    @property
    def address(self) -> Address:
        """Where it is bound, as datagrams say it."""
        return address_of(self.place)

    def fileno(self) -> int:
        """For the system."""
        return self._socket.fileno()

    async def readable(self) -> None:
        """Wait until there is something to drain."""
        await trio.lowlevel.wait_readable(self._socket)

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()

    def __enter__(self) -> Self:
        """The port is open already."""
        return self

    def __exit__(self, *error: object) -> None:
        """It is closed, whatever happened."""
        self.close()

    # ── in ───────────────────────────────────────────────────────────────────────────────

    def drain(self, limit: int = DRAIN_LIMIT) -> Drain:
        """What has come, at most `limit` datagrams; valid until the next drain."""
        lengths: list[int] = []
        sources: list[Address] = []
        # The kernel's count of drops is cumulative: once a drain is enough.
        receive = self._receive_counting if self._counts_overflow else self._receive
        for _ in range(min(limit, DRAIN_LIMIT)):
            try:
                length, source = receive(self._rows[len(lengths)])
            except BlockingIOError:
                break
            except OSError:
                continue  # word of an earlier datagram that did not arrive
            receive = self._receive
            if self._size is None or length == self._size:
                lengths.append(length)
                sources.append(address_of(place_from(source)))
            else:
                self.misfits += 1
        self.bytes_in += sum(lengths)
        return Drain(
            self._cells[: len(lengths)],
            np.array(lengths, np.int64),
            np.array(sources, ADDRESS),
            Clock.now(),
        )

    def _receive(self, row: memoryview) -> tuple[int, Place]:
        return self._socket.recvfrom_into(row)

    def _receive_counting(self, row: memoryview) -> tuple[int, Place]:
        length, words, _, source = self._socket.recvmsg_into([row], socket.CMSG_SPACE(COUNT.size))
        self._note_overflow(words)
        return length, source

    def _note_overflow(self, words: Words) -> None:
        """It is said only if there were any."""
        for level, kind, value in words:
            if (level, kind, len(value)) == (socket.SOL_SOCKET, SO_RXQ_OVFL, COUNT.size):
                (self.overflowed,) = COUNT.unpack(value)

    # ── out ──────────────────────────────────────────────────────────────────────────────

    def send(self, burst: Burst, start: int = 0, limit: int = DRAIN_LIMIT) -> int:
        """Send a burst from row `start` on, at most `limit` datagrams.

        Returns:
            The row to go on with; the number of rows if all are gone.
        """
        rows = burst.datagrams[start : start + limit]
        if isinstance(burst.to, bytes):
            places = [for_socket(place_of(burst.to))] * len(rows)
        else:
            to = burst.to[start : start + limit].tolist()
            places = [for_socket(place_of(each)) for each in to]
        self.hold(burst.at)
        for row, place in zip(rows, places, strict=True):
            self._send_one(row, place)
        return start + len(rows)

    def _send_one(self, row: NDArray[np.uint8], place: SocketPlace) -> bool:
        try:
            self.bytes_out += self._socket.sendto(row.data, place)
        except OSError as error:
            self._count_unsent(error.errno)
            return False
        return True

    def _count_unsent(self, reason: int | None, datagrams: int = 1) -> None:
        self.unsent[errno.errorcode.get(reason or 0, "unknown")] += datagrams

    def hold(self, at: float) -> float:
        """Stay awake until an instant, which is near; what time it is then.

        How fast a computer wakes up depends on what it did last. Who is awake, with all prepared,
        sends at the instant whatever that was.
        """
        while (now := Clock.now()) < at:
            pass
        return now


def set_option(sock: socket.socket, option: int, level: int = socket.SOL_SOCKET) -> bool:
    """Turn on what not every system has; whether this one does."""
    try:
        sock.setsockopt(level, option, 1)
    except OSError:
        return False
    return True


def enlarge(sock: socket.socket, wanted: int) -> int:
    """Ask for a receive buffer; what it is now, in bytes as the kernel charges them."""
    # The kernel doubles what is asked for, for its own bookkeeping, and reports it doubled.
    asked = -(-wanted // 2)
    options = [socket.SO_SNDBUF, socket.SO_RCVBUF]
    if _LINUX:
        options += [_SO_SNDBUFFORCE, _SO_RCVBUFFORCE]
    for option in options:
        # More than the system has, or only for administrators.
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, option, asked)
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
