"""What the relays of a private Tor network spend on a cell.

A few streams go through three relays each to an echo and back, as fast as they can; what
the relays spent stands in /proc. Tor is no mix: it carries its cells of 498 bytes over TLS,
reliably, and delays none on purpose.

Must not know: our own chain.
"""

import os
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import trio

from pymix_voice.edge.running import first
from pymix_voice.errors import PymixError
from pymix_voice.lab.peers.measured import PeerError
from pymix_voice.lab.peers.socks import connected
from pymix_voice.lab.peers.tor_network import available, network_in
from pymix_voice.lab.peers.tor_settings import HOST

PAYLOAD_BYTES = 498
"""What a cell of 514 bytes carries of a stream."""
HOPS = 3
STREAMS = 4
"""One is held back by the round trip; more than these spend the same on a cell."""
WARM_S = 1.0
_PIECE_BYTES = 65_536


class Relayed(NamedTuple):
    """What a few streams through three relays each came to.

    Attributes:
        started_s: until all streams stood.
        seconds: of measuring.
        cells: of 498 bytes, both directions together; each went through three relays.
        cells_per_second: of them by the clock; six processes and ours share the machine.
        relay_cpu_s: CPU seconds of each relay.
        us_per_cell: CPU of a relay for a cell, in microseconds.
        cells_per_cpu_second: the same the other way round.
    """

    started_s: float
    seconds: float
    cells: int
    cells_per_second: float
    relay_cpu_s: tuple[float, ...]
    us_per_cell: float
    cells_per_cpu_second: float


async def measure(seconds: float) -> Relayed | None:
    """Start a network, push streams through it, and end everything.

    Args:
        seconds: of measuring; starting takes 10 to 30 more.

    Returns:
        None if Tor is not installed.

    Raises:
        PeerError: if a process ends, or no stream stands in time, or one breaks.
    """
    if not available():
        return None
    with tempfile.TemporaryDirectory(prefix="pymix-tor-") as folder:
        try:
            return await _measure_in(Path(folder), seconds)
        except BaseExceptionGroup as group:
            told, rest = group.split((PymixError, trio.BrokenResourceError))
            if told is None or rest is not None:
                raise
            raise PeerError(f"Tor could not be measured: {first(told)}") from None


async def _measure_in(folder: Path, seconds: float) -> Relayed:
    since = time.monotonic()
    async with network_in(folder) as network:
        pid_files = [node.pid_file for node in network.relays]
        return await _through(network.client.port, pid_files, seconds, since)
    raise PeerError("Tor's processes ended at once")


async def _through(
    socks_port: int, pid_files: Sequence[Path], seconds: float, since: float
) -> Relayed:
    """Measure streams through the client to an echo in this process."""
    back = 0

    async def echo(stream: trio.SocketStream) -> None:
        async for piece in stream:
            await stream.send_all(piece)

    async def push(stream: trio.SocketStream) -> None:
        while True:
            await stream.send_all(bytes(_PIECE_BYTES))

    async def take(stream: trio.SocketStream) -> None:
        nonlocal back
        async with stream:
            async for piece in stream:
                back += len(piece)

    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_tcp, echo, 0, host=HOST)
        listeners: list[trio.SocketListener] = await nursery.start(serve)
        port = listeners[0].socket.getsockname()[1]
        for user in range(STREAMS):
            stream = await connected(socks_port, HOST, port, user)
            nursery.start_soon(push, stream)
            nursery.start_soon(take, stream)
        started = time.monotonic() - since
        await trio.sleep(WARM_S)
        begin, before, spent = time.monotonic(), back, [_cpu_s(file) for file in pid_files]
        await trio.sleep(seconds)
        took = time.monotonic() - begin
        cpu = [_cpu_s(file) - was for file, was in zip(pid_files, spent, strict=True)]
        nursery.cancel_scope.cancel()
    return relayed(started, took, back - before, cpu)


def relayed(started: float, seconds: float, back: int, cpu: Sequence[float]) -> Relayed:
    """Rates from the bytes that came back: all of them had gone there as well.

    Raises:
        PeerError: if none did.
    """
    cells = 2 * back // PAYLOAD_BYTES
    if not cells or not sum(cpu):
        raise PeerError("nothing came back in the time of the measurement")
    each = sum(cpu) / HOPS / cells
    return Relayed(started, seconds, cells, cells / seconds, tuple(cpu), each * 1e6, 1 / each)


def _cpu_s(pid_file: Path) -> float:
    """CPU seconds of a process with all its threads, to a hundredth."""
    words = Path("/proc", pid_file.read_text().strip(), "stat").read_text().rpartition(")")[2]
    user, system = words.split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
