"""A port of Linux for few peers: the system cuts many rows into datagrams, and joins them again.

To send, one call hands over the rows of a burst as one text and the length to cut it at (generic
segmentation offload); what comes from one source is given joined, with the length to cut it at
(GRO). All that is of use has one length. Where the system does not cut, datagrams are sent singly.

Source: udp(7), UDP_SEGMENT and UDP_GRO; socket(7), SO_TIMESTAMPNS.

Must not know: what datagrams mean, who they are for.
"""

import errno
import socket
import struct
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np
import trio
from numpy.typing import NDArray

from pymix_voice.edge.clock import Clock
from pymix_voice.edge.places import Place, SocketPlace, address_of, for_socket, place_from, place_of
from pymix_voice.edge.port import COUNT, SO_TIMESTAMPNS, STALE_S, Port, Words, set_option
from pymix_voice.zone.drain import ADDRESS, Address, Addresses, Burst, Drain

SEGMENTS = 54
"""So many chunks go with one call; the system takes 64, and `LONGEST` bytes."""
LONGEST = 65_507
"""What the length field of UDP allows over IPv4."""
LINK_LIMIT = 8 * SEGMENTS
"""Rows of a drain or a slice of a burst."""
RECEIVES = 128
"""Calls in a drain, should nothing come joined."""

_SOL_UDP: Final = 17
_UDP_SEGMENT: Final = 103
_UDP_GRO: Final = 104
_CUT: Final = struct.Struct("=H")
_JOINED: Final = struct.Struct("=i")
_STAMP: Final = struct.Struct("@ll")
_ROOM: Final = 1 << 16
"""No joined datagrams are longer."""

_REFUSALS: Final = {*(errno.EIO, errno.EINVAL, errno.ENOPROTOOPT, errno.EOPNOTSUPP, errno.EMSGSIZE)}
"""What the system says when it does not cut."""


class LinkPort(Port):
    """A port whose peers are few and send much.

    Args:
        place: address and port to bind to; port 0 for any.
        expected_bytes: what the receive buffer should hold, as the kernel charges it.
        size: the one length of datagrams that are of use.
        sock: a socket that is bound already, to be used and closed in place of a new one.

    Attributes:
        cuts: whether the system cuts what is sent, for all that is known.
    """

    def __init__(
        self,
        place: Place,
        expected_bytes: int = 0,
        *,
        size: int,
        sock: socket.socket | None = None,
    ) -> None:
        self._row_bytes = size
        super().__init__(place, expected_bytes, size=size, sock=sock)
        set_option(self._socket, _UDP_GRO, _SOL_UDP)
        set_option(self._socket, SO_TIMESTAMPNS)
        self.cuts = True

    def _make_room(self) -> None:
        size = self._row_bytes
        room: NDArray[np.uint8] = np.zeros(LINK_LIMIT * size + _ROOM, np.uint8)
        most = len(room) // size
        self._room = room.data
        self._cells = room[: most * size].reshape(most, size)
        self._lengths: NDArray[np.int64] = np.full(most, size, np.int64)
        self._lengths.flags.writeable = False
        self._sources: Addresses = np.zeros(most, ADDRESS)
        words = (_STAMP.size, COUNT.size, _JOINED.size)
        self._words_room = sum(socket.CMSG_SPACE(each) for each in words)
        self._given = self._taken = 0
        self._came = 0.0

    # ── in ───────────────────────────────────────────────────────────────────────────────

    async def readable(self) -> None:
        """Wait until there is something to drain."""
        if self._given < self._taken:
            await trio.lowlevel.checkpoint()
        else:
            await super().readable()

    def drain(self, limit: int = LINK_LIMIT) -> Drain:
        """What has come, at most `limit` datagrams; valid until the next drain.

        More may have come joined: the next drain gives it.
        """
        if self._given == self._taken:
            self._given = self._taken = 0
            self._take(min(limit, LINK_LIMIT))
        start, end = self._given, min(self._taken, self._given + limit)
        self._given = end
        self.bytes_in += (end - start) * self._row_bytes
        sources = self._sources[start:end].copy()
        return Drain(self._cells[start:end], self._lengths[start:end], sources, self._came)

    def _take(self, limit: int) -> None:
        told: Words = ()
        for _ in range(RECEIVES):
            if self._taken >= limit:
                break
            start = self._taken * self._row_bytes
            into = self._room[start : start + _ROOM]
            try:
                length, words, _, source = self._socket.recvmsg_into([into], self._words_room)
            except BlockingIOError:
                break
            except OSError:
                continue  # word of an earlier datagram that did not arrive
            self._note_overflow(words)
            if rows := self._rows_in(length, words):
                end = self._taken + rows
                self._sources[self._taken : end] = address_of(place_from(source))
                self._taken = end
                told = words
        self._came = _instant(told)

    def _rows_in(self, length: int, words: Words) -> int:
        """How many rows came; the next are written over what is not one."""
        each = _joined_at(words) or length
        if each != self._row_bytes:
            self.misfits += -(-length // each) if each else 1
            return 0
        rows, rest = divmod(length, each)
        self.misfits += bool(rest)  # only the last can be shorter
        return rows

    # ── out ──────────────────────────────────────────────────────────────────────────────

    def send(self, burst: Burst, start: int = 0, limit: int = LINK_LIMIT) -> int:
        """Send a burst from row `start` on, at most `limit` datagrams.

        Returns:
            The row to go on with; the number of rows if all are gone.
        """
        rows = np.ascontiguousarray(burst.datagrams[start : start + limit])
        end = start + len(rows)
        to = burst.to if isinstance(burst.to, bytes) else burst.to[start:end]
        runs = list(_runs(rows, to))
        self.hold(burst.at)
        for run, place in runs:
            self._send_run(run, place)
        return end

    def _send_run(self, rows: NDArray[np.uint8], place: SocketPlace) -> None:
        refused = 0
        if self.cuts and len(rows) > 1 and rows.size:
            cut = (_SOL_UDP, _UDP_SEGMENT, _CUT.pack(rows.shape[1]))
            try:
                self.bytes_out += self._socket.sendmsg([rows.data], [cut], 0, place)
            except OSError as error:
                refused = error.errno or 0
                if refused not in _REFUSALS:
                    self._count_unsent(refused, len(rows))
                    return
            else:
                return
        gone = sum([self._send_one(row, place) for row in rows])
        # Too long is too long for one way there; and a place where nothing goes proves nothing.
        if refused not in (0, errno.EMSGSIZE) and gone:
            self.cuts = False


def _runs(
    rows: NDArray[np.uint8], to: Addresses | Address
) -> Iterator[tuple[NDArray[np.uint8], SocketPlace]]:
    """Rows that can go with one call, and where to: they follow each other and share a place."""
    at_once = max(1, min(SEGMENTS, LONGEST // max(1, rows.shape[1])))
    edges = [0, len(rows)] if len(rows) else []
    if edges and not isinstance(to, bytes):
        edges[1:1] = (np.flatnonzero(to[1:] != to[:-1]) + 1).tolist()
    for begin, end in pairwise(edges):
        place = for_socket(place_of(to if isinstance(to, bytes) else bytes(to[begin])))
        for first in range(begin, end, at_once):
            yield rows[first : min(first + at_once, end)], place


def _joined_at(words: Words) -> int:
    """How long each of the datagrams is that came joined; 0 if it is one alone."""
    for level, kind, value in words:
        if (level, kind, len(value)) == (_SOL_UDP, _UDP_GRO, _JOINED.size):
            return int(_JOINED.unpack(value)[0])
    return 0


def _instant(words: Words) -> float:
    """When the system says it came, as seconds of `Clock.now`; now, if that cannot be."""
    now = Clock.now()
    for level, kind, value in words:
        if (level, kind, len(value)) == (socket.SOL_SOCKET, SO_TIMESTAMPNS, _STAMP.size):
            seconds, nanoseconds = _STAMP.unpack(value)
            came: float = seconds + nanoseconds / 1e9 - (time.time() - now)
            if 0.0 <= now - came <= STALE_S:
                return came
    return now
