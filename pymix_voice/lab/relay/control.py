"""The relay's TCP side: control links between mixes and gateways, passed on byte by byte.

What is read is written so much later; nothing is lost or overtakes, as TCP would have it. When one
side ends, the other is told as much later; when one breaks, so does the other.

Must not know: what is said.
"""

import contextlib
import math

import trio

from pymix_voice.edge.clock import Clock, sleep_until
from pymix_voice.edge.control import CONNECT_S, READ_BYTES, keep_alive, listen
from pymix_voice.edge.places import Place, place_from

UNDER_WAY = 256
"""Chunks on their way; while so many are, nothing more is read."""


class Crossing:
    """All control links to one mix.

    Args:
        known: where others believe it to be.
        real: where it is.
        delay_s: one way.

    Attributes:
        links: how many stand.
        bytes: that were passed on.

    Raises:
        ConfigError: if the port cannot be had.
    """

    def __init__(self, known: Place, real: Place, delay_s: float) -> None:
        self._listener = listen(known)
        self._real = real
        self._delay_s = delay_s
        self.links = 0
        self.bytes = 0

    @property
    def place(self) -> Place:
        """Where others reach the mix."""
        return place_from(self._listener.socket.getsockname())

    async def run(self) -> None:
        """Pass on until cancelled."""
        await trio.serve_listeners(self._serve, [self._listener])

    async def _serve(self, caller: trio.SocketStream) -> None:
        """One link from its beginning to its end."""
        called: trio.SocketStream | None = None
        # If it is not there, whoever called will call again.
        with trio.move_on_after(CONNECT_S), contextlib.suppress(OSError):
            called = await trio.open_tcp_stream(*self._real)
        if called is None:
            await trio.aclose_forcefully(caller)
            return
        self.links += 1
        for stream in (caller, called):
            keep_alive(stream)
        try:
            async with caller, called, trio.open_nursery() as nursery:
                nursery.start_soon(self._pass_on, caller, called)
                nursery.start_soon(self._pass_on, called, caller)
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # a link that breaks here breaks on both sides
        finally:
            self.links -= 1

    async def _pass_on(self, source: trio.SocketStream, sink: trio.SocketStream) -> None:
        to_come, coming = trio.open_memory_channel[tuple[float, bytes]](UNDER_WAY)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._deliver, coming, sink)
            chunk = b"?"
            while chunk:
                chunk = await source.receive_some(READ_BYTES)
                await to_come.send((Clock.now() + self._delay_s, chunk))

    async def _deliver(
        self, coming: trio.MemoryReceiveChannel[tuple[float, bytes]], sink: trio.SocketStream
    ) -> None:
        """Write each chunk when it is due; an empty one is the end."""
        due = -math.inf
        async for due, chunk in coming:
            await sleep_until(due)
            if not chunk:
                await sink.send_eof()
                return
            await sink.send_all(chunk)
            self.bytes += len(chunk)
