"""Carriers: what brings one end's records to the other end, without any zone.

    UDP      a record is a datagram
    stream   length 2, big-endian | record: over TCP, through SOCKS or not

A carrier is told to send and never waits: a round's instant must not hang on how fast the one
before went away.

Must not know: what a record holds, who speaks.
"""

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import trio

HOST = "127.0.0.1"
MOST_BYTES = 2048
"""Longer records there are none; a length beyond it is no record's."""
_LENGTH_BYTES = 2
_PIECE_BYTES = 65_536
_WAITING = 500
"""So many records may wait for a stream, 10 s of rounds; more are lost."""

Take = Callable[[bytes], None]
"""Takes a record that came."""


class Carrier(Protocol):
    """Brings records from here to there, and back."""

    def send(self, record: bytes) -> None:
        """Send a record, sooner or later; at once if possible."""

    async def run(self, take: Take) -> None:
        """Work until cancelled, or until the other end is gone."""


class Datagrams:
    """Records over UDP on this machine.

    Args:
        port: our own.
        peer: the other end's.
    """

    def __init__(self, port: int, peer: int) -> None:
        self._peer = HOST, peer
        self._sender = socket.socket(type=socket.SOCK_DGRAM)
        self._sender.bind((HOST, port))
        self._socket = trio.socket.from_stdlib_socket(self._sender)

    def send(self, record: bytes) -> None:
        """Send a record; what the system has no room for is lost, as UDP is."""
        with suppress(BlockingIOError):
            self._sender.sendto(record, self._peer)

    async def run(self, take: Take) -> None:
        """Take what comes from the other end, until cancelled."""
        with self._socket:
            while True:
                record, source = await self._socket.recvfrom(MOST_BYTES)
                if source == self._peer:
                    take(record)


class BadStreamError(ValueError):
    """A stream says that its next record is longer than any."""


class Framing:
    """Cuts a stream into records again."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[bytes]:
        """The records that are whole with this piece.

        Raises:
            BadStreamError: at a length that no record has.
        """
        self._rest += piece
        records = []
        while len(self._rest) >= _LENGTH_BYTES:
            end = _LENGTH_BYTES + int.from_bytes(self._rest[:_LENGTH_BYTES])
            if end > _LENGTH_BYTES + MOST_BYTES:
                raise BadStreamError(f"a record of {end - _LENGTH_BYTES} bytes")
            if len(self._rest) < end:
                break
            records.append(self._rest[_LENGTH_BYTES:end])
            self._rest = self._rest[end:]
        return records


def framed(record: bytes) -> bytes:
    """A record as it goes over a stream."""
    return len(record).to_bytes(_LENGTH_BYTES) + record


class Stream:
    """Records over a stream.

    Args:
        stream: it; trio's own has no Nagle delay (TCP_NODELAY).
    """

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._put, self._get = trio.open_memory_channel[bytes](_WAITING)

    def send(self, record: bytes) -> None:
        """Send a record when those before it are gone."""
        with suppress(trio.WouldBlock):
            self._put.send_nowait(framed(record))

    async def run(self, take: Take) -> None:
        """Send and take, until cancelled or the other end closes.

        Raises:
            BadStreamError: if what comes is no stream of records.
        """
        async with self._stream, trio.open_nursery() as nursery:
            nursery.start_soon(self._send_all)
            framing = Framing()
            with suppress(trio.BrokenResourceError):
                while piece := await self._stream.receive_some(_PIECE_BYTES):
                    for record in framing.feed(piece):
                        take(record)
            nursery.cancel_scope.cancel()

    async def _send_all(self) -> None:
        with suppress(trio.BrokenResourceError):
            async for record in self._get:
                await self._stream.send_all(record)


async def accepted(port: int, listening: Callable[[], None]) -> trio.SocketStream:
    """The first stream that comes to a port of loopback.

    Args:
        port: which.
        listening: called as soon as others may come.
    """
    listener, *_ = await trio.open_tcp_listeners(port, host=HOST)
    async with listener:
        listening()
        return await listener.accept()
