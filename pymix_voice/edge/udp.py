"""The datagram port: drains in, bursts out, over one non-blocking UDP socket.

Nothing the network does raises here: what could not be sent or read is counted. The receive
buffer is asked for by need and read back, since Linux gives less than asked without a word.

Source: the project's protocol page, section "Mix links" (buffers).

Must not know: what datagrams mean, who they are for, what time it is.
"""

import contextlib
import errno
import socket
from collections import Counter
from typing import Final, Self, cast

import numpy as np
import trio
from numpy.typing import NDArray

from pymix_voice.edge.clock import Clock
from pymix_voice.edge.places import Place, bind, family_of
from pymix_voice.zone.drain import Burst, Drain

DRAIN_LIMIT = 128
WIDTH = 1280
"""Longer than any datagram of ours, so that a cut-off one has a wrong length too."""

CLIENT_CHARGE = 832
"""What Linux charges the receive buffer for a datagram of a client, in bytes (measured)."""
CHUNK_CHARGE = 2304
"""The same for a chunk of a mix link."""
LEAST_BUFFER = 1 << 20

_SO_RCVBUFFORCE: Final = 33
_SO_RXQ_OVFL: Final = 40
_LINUX: Final = hasattr(socket, "SO_PRIORITY")


class Port:
    """One UDP socket.

    Args:
        place: address and port to bind to; port 0 for any.
        expected_bytes: what the receive buffer should hold, as the kernel charges it.

    Attributes:
        unsent: how many datagrams could not be sent, by the name of the reason.
        overflowed: datagrams that the kernel dropped because the buffer was full.

    Raises:
        ConfigError: if the port cannot be had.
    """

    def __init__(self, place: Place, expected_bytes: int = 0) -> None:
        self._socket = socket.socket(family_of(place[0]), socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            self.buffer_bytes = _enlarge(self._socket, max(LEAST_BUFFER, expected_bytes))
            bind(self._socket, place, "UDP")
        except BaseException:
            self._socket.close()
            raise
        self._counts_overflow = _count_overflow(self._socket)
        self._cells: NDArray[np.uint8] = np.zeros((DRAIN_LIMIT, WIDTH), np.uint8)
        self._rows = [memoryview(row) for row in self._cells]
        self._lengths: NDArray[np.int64] = np.zeros(DRAIN_LIMIT, np.int64)
        self._used = 0
        self.unsent: Counter[str] = Counter()
        self.overflowed = 0
        self.bytes_out = 0
        self.bytes_in = 0

    @property
    def place(self) -> Place:
        """Where it is bound."""
        address = self._socket.getsockname()
        return address[0], address[1]

    def fileno(self) -> int:
        """For waiting."""
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
        self._cells[: self._used] = 0
        sources: list[Place] = []
        count = 0
        for _ in range(min(limit, DRAIN_LIMIT)):
            try:
                # The kernel's count of drops is cumulative: once a drain is enough.
                if count == 0 and self._counts_overflow:
                    length, source = self._receive_counting(self._rows[0])
                else:
                    length, source = self._socket.recvfrom_into(self._rows[count])
            except BlockingIOError:
                break
            except OSError:
                continue  # word of an earlier datagram that did not arrive
            self._lengths[count] = length
            sources.append(source if len(source) == 2 else source[:2])
            count += 1
        self._used = count
        self.bytes_in += int(self._lengths[:count].sum())
        return Drain(self._cells[:count], self._lengths[:count], sources)

    def _receive_counting(self, row: memoryview) -> tuple[int, Place]:
        length, words, _, source = self._socket.recvmsg_into([row], socket.CMSG_SPACE(4))
        for level, kind, value in words:
            if level == socket.SOL_SOCKET and kind == _SO_RXQ_OVFL and len(value) == 4:
                self.overflowed = int(np.frombuffer(value, np.uint32)[0])
        return length, source

    # ── out ──────────────────────────────────────────────────────────────────────────────

    def send(self, burst: Burst, start: int = 0, limit: int = DRAIN_LIMIT) -> int:
        """Send a burst from row `start` on, at most `limit` datagrams.

        Returns:
            The row to go on with; the number of rows if all are gone.
        """
        to = destinations_of(burst)
        end = min(len(burst.datagrams), start + limit)
        self.hold(burst.at)
        for index in range(start, end):
            destination = to[index] if isinstance(to, list) else to
            try:
                self.bytes_out += self._socket.sendto(burst.datagrams[index].data, destination)
            except OSError as error:
                self.unsent[errno.errorcode.get(error.errno or 0, "unknown")] += 1
        return end

    def hold(self, at: float) -> float:
        """Stay awake until an instant, which is near; what time it is then.

        How fast a computer wakes up depends on what it did last. Who is awake, with all prepared,
        sends at the instant whatever that was.
        """
        while (now := Clock.now()) < at:
            pass
        return now


def destinations_of(burst: Burst) -> list[Place] | Place:
    """A list with one for each row, or the one for all."""
    return cast("list[Place] | Place", burst.destinations)


def _enlarge(sock: socket.socket, wanted: int) -> int:
    """Ask for a receive buffer; what it is now, in bytes as the kernel charges them."""
    # The kernel doubles what is asked for, for its own bookkeeping, and reports it doubled.
    asked = -(-wanted // 2)
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, asked)
    with contextlib.suppress(OSError):  # more than the system has
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, asked)
    if _LINUX:
        with contextlib.suppress(OSError):  # only for administrators
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, asked)
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def _count_overflow(sock: socket.socket) -> bool:
    if not _LINUX:
        return False
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
    except OSError:
        return False
    return True


def buffer_warning(buffer_bytes: int, datagrams: int, charge: int) -> str | None:
    """What to tell an operator whose buffer does not hold two rounds.

    Args:
        buffer_bytes: what the kernel gave, see `Port.buffer_bytes`.
        datagrams: how many come in two rounds, at the most.
        charge: what the kernel charges for one.

    Returns:
        A sentence with the line that helps, or None if all is well.
    """
    needed = datagrams * charge
    if buffer_bytes >= needed:
        return None
    # Without SO_RCVBUFFORCE, rmem_max bounds what is asked for, which is half of what is charged.
    return (
        f"the UDP receive buffer holds {buffer_bytes // charge} datagrams, but two full rounds "
        f"are {datagrams}: a full zone would lose some; run: "
        f"sysctl -w net.core.rmem_max={-(-needed // 2)}"
    )
