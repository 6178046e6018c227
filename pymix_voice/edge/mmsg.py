"""A port of Linux for many peers: one call of the system for many datagrams.

recvmmsg and sendmmsg take an array of messages, each of which points to a cell and to an
address. The arrays are made once, as numpy arrays laid out like the kernel's: neither memory
nor Python code is needed for each datagram.

Source: recvmmsg(2), sendmmsg(2), recvmsg(2), socket(7).

Must not know: what datagrams mean, who they are for.
"""

import ctypes
import socket
import time
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pymix_voice.edge.clock import Clock
from pymix_voice.edge.places import V4_BYTES, V6_BYTES, Place
from pymix_voice.edge.port import (
    DRAIN_LIMIT,
    SO_RXQ_OVFL,
    SO_TIMESTAMPNS,
    STALE_S,
    WIDTH,
    Port,
    set_option,
)
from pymix_voice.zone.drain import ADDRESS, Addresses, Burst, Drain

_PIECE: Final = np.dtype([("base", np.uintp), ("bytes", np.uintp)])
"""struct iovec."""
_HEAD: Final = np.dtype(
    [
        ("name", np.uintp),
        ("name_bytes", np.uint32),
        ("pieces", np.uintp),
        ("piece_count", np.uintp),
        ("control", np.uintp),
        ("control_bytes", np.uintp),
        ("flags", np.int32),
    ],
    align=True,
)
"""struct msghdr."""
_MESSAGE: Final = np.dtype([("head", _HEAD), ("bytes", np.uint32)], align=True)
"""struct mmsghdr."""
_WORDS: Final = np.dtype(
    [
        ("stamp_bytes", np.uintp),
        ("stamp_level", np.int32),
        ("stamp_kind", np.int32),
        ("stamp_s", np.int64),
        ("stamp_ns", np.int64),
        ("drops_bytes", np.uintp),
        ("drops_level", np.int32),
        ("drops_kind", np.int32),
        ("drops", np.uint32),
    ],
    align=True,
)
"""What the system says beside a datagram: struct cmsghdr with a struct timespec, and another with
the count of drops, if there are any."""


MANY_LIMIT = 512
"""Datagrams of a drain: to take them costs little beside what is done once for all of them."""


class ManyPort(Port):
    """A port whose peers are many.

    Datagrams of any length are taken; see `Port` for the rest.

    Args:
        place: address and port to bind to; port 0 for any.
        expected_bytes: what the receive buffer should hold, as the kernel charges it.
        sock: a socket that is bound already, to be used and closed in place of a new one.
        most: datagrams of a drain; each has its room in memory.
    """

    def __init__(
        self,
        place: Place,
        expected_bytes: int = 0,
        *,
        sock: socket.socket | None = None,
        most: int = MANY_LIMIT,
    ) -> None:
        self._most = most
        libc = ctypes.CDLL(None, use_errno=True)
        self._recvmmsg, self._sendmmsg = libc.recvmmsg, libc.sendmmsg
        number, pointer, count = ctypes.c_int, ctypes.c_void_p, ctypes.c_uint
        self._recvmmsg.argtypes = (number, pointer, count, number, pointer)
        self._sendmmsg.argtypes = (number, pointer, count, number)
        super().__init__(place, expected_bytes, sock=sock)

    def _make_room(self) -> None:
        self._cells: NDArray[np.uint8] = np.zeros((self._most, WIDTH), np.uint8)
        self._in = _Messages(self._socket.family, self._most)
        self._in.pieces["base"] = _pointers(self._cells)
        self._in.pieces["bytes"] = WIDTH
        self._out = _Messages(self._socket.family, DRAIN_LIMIT)
        self._words: NDArray[Any] = np.zeros(self._most, _WORDS)
        self._in.heads["control"] = _pointers(self._words)
        self._stamped = set_option(self._socket, SO_TIMESTAMPNS)

    def drain(self, limit: int = MANY_LIMIT) -> Drain:
        """What has come, at most `limit` datagrams; valid until the next drain.

        Each is stamped: who takes many at once wants to know all the same when each came.
        """
        count = self._take(min(limit, self._most))
        lengths = self._in.lengths[:count].astype(np.int64)
        self.bytes_in += int(lengths.sum())
        stamps = self._stamps(count)
        came = float(stamps[-1]) if count else Clock.now()
        return Drain(self._cells[:count], lengths, self._in.names[:count].copy(), came, stamps)

    def _take(self, limit: int) -> int:
        # What the call finds here is the room for words; what it leaves, how much they took.
        self._in.heads["control_bytes"][:limit] = _WORDS.itemsize
        count: int = self._recvmmsg(self.fileno(), self._in.pointer, limit, 0, None)
        if count <= 0:
            return 0  # nothing came, or word of an earlier datagram that did not arrive
        last = self._words[count - 1]
        if (last["drops_level"], last["drops_kind"]) == (socket.SOL_SOCKET, SO_RXQ_OVFL):
            self.overflowed = int(last["drops"])
        return count

    def _stamps(self, count: int) -> NDArray[np.float64]:
        """When each of them came; now, where that cannot be: the clock may have been set."""
        now = Clock.now()
        if not self._stamped:
            return np.full(count, now)
        words = self._words[:count]
        ago = time.time() - words["stamp_s"] - words["stamp_ns"] / 1e9
        likely = (words["stamp_kind"] == SO_TIMESTAMPNS) & (ago >= 0.0) & (ago <= STALE_S)
        stamps: NDArray[np.float64] = now - np.where(likely, ago, 0.0)
        return stamps

    def send(self, burst: Burst, start: int = 0, limit: int = DRAIN_LIMIT) -> int:
        """Send a burst from row `start` on, at most `limit` datagrams.

        Returns:
            The row to go on with; the number of rows if all are gone.
        """
        rows = np.ascontiguousarray(burst.datagrams[start : start + min(limit, DRAIN_LIMIT)])
        count, size = len(rows), rows.shape[1]
        end = start + count
        self._out.pieces["base"][:count] = _pointers(rows)
        self._out.pieces["bytes"][:count] = size
        self._out.names[:count] = burst.to if isinstance(burst.to, bytes) else burst.to[start:end]
        self.hold(burst.at)
        done = 0
        while done < count:
            at = self._out.pointer + done * _MESSAGE.itemsize
            sent: int = self._sendmmsg(self.fileno(), at, count - done, 0)
            if sent <= 0:  # the first of them cannot be sent
                self._count_unsent(ctypes.get_errno())
            else:
                self.bytes_out += sent * size
            done += max(sent, 1)
        return end


class _Messages:
    """As many messages as go at once, of one piece each.

    Args:
        family: of the socket; its addresses have one length, and zeros behind stay zeros.
        most: how many.

    Attributes:
        names: S28 [k]; the addresses.
        pieces: where the datagrams are, and their lengths or the room for them.
        heads: one for each message.
        lengths: uint32 [k]; how much came of each.
        pointer: to the first message.
    """

    def __init__(self, family: int, most: int) -> None:
        self.names: Addresses = np.zeros(most, ADDRESS)
        self.pieces: NDArray[Any] = np.zeros(most, _PIECE)
        messages: NDArray[Any] = np.zeros(most, _MESSAGE)
        self.heads: NDArray[Any] = messages["head"]
        self.lengths: NDArray[np.uint32] = messages["bytes"]
        self.pointer = _pointer(messages)
        self.heads["name"] = _pointers(self.names)
        self.heads["name_bytes"] = V6_BYTES if family == socket.AF_INET6 else V4_BYTES
        self.heads["pieces"] = _pointers(self.pieces)
        self.heads["piece_count"] = 1


def _pointer(array: NDArray[Any]) -> int:
    """Where it begins; keeps nothing alive."""
    return int(array.ctypes.data)


def _pointers(array: NDArray[Any]) -> NDArray[np.uintp]:
    """Where each row begins."""
    steps = np.arange(len(array), dtype=np.uintp) * np.uintp(array.strides[0])
    return steps + np.uintp(_pointer(array))
