"""A private Tor network on loopback, and what its relays spend on a cell.

Four relays (one of them the authority) and a client, all on 127.0.0.1, in a folder that is
deleted. A few streams go through three relays each to an echo and back, as fast as they can; what
the relays spent stands in /proc. Tor is no mix: it carries its cells of 498 bytes over TLS,
reliably, and delays none on purpose.

Must not know: our own chain.
"""

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

import trio

from pymix_voice.edge.running import first
from pymix_voice.errors import PymixError
from pymix_voice.lab.peers.measured import PeerError
from pymix_voice.lab.peers.tor_settings import (
    AUTHORITY,
    CLIENT,
    HOST,
    RELAYS,
    Node,
    all_listed,
    authority_line,
    fingerprint_in,
    identity_in,
    text,
)
from pymix_voice.lab.processes import parts_in

PAYLOAD_BYTES = 498
"""What a cell of 514 bytes carries of a stream."""
HOPS = 3
STREAMS = 4
"""One is held back by the round trip; more than these spend the same on a cell."""
STARTED_WITHIN_S = 90.0
WARM_S = 1.0
_PIECE_BYTES = 65_536
_AGAIN_S = 0.5
_GRANTED = b"\x5a"
_SPEAK_UP = ("sh", "-c", 'exec "$0" "$@" >&2')
"""Tor says on stdout what is wrong with its settings; words are looked for on stderr."""


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


def find(name: str) -> str | None:
    """A program of Tor's; Debian puts one of them where not everybody looks."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def available() -> bool:
    """Whether Tor is installed."""
    return find("tor") is not None and find("tor-gencert") is not None


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
    ports = free_ports(2 * (len(RELAYS) + 1))
    nodes = [Node(name, folder / name, ports.pop(), ports.pop()) for name in (*RELAYS, CLIENT)]
    for node in nodes:
        node.folder.mkdir(mode=0o700)
    *relays, client = nodes
    line = await _make_authority(nodes[0])
    for node in nodes:
        (node.folder / "torrc").write_text(text(node, line))
    since = time.monotonic()
    async with parts_in(folder, command=[*_SPEAK_UP, str(find("tor"))]) as parts:
        for node in relays:
            parts.start(node.name, "-f", str(node.folder / "torrc"))
        await _listed(relays[-1].consensus)
        parts.start(client.name, "-f", str(client.folder / "torrc"))
        return await _through(client.port, [node.pid_file for node in relays], seconds, since)
    raise PeerError("Tor's processes ended at once")


# ── before it runs ───────────────────────────────────────────────────────────────────────


async def _make_authority(node: Node) -> str:
    """Make the authority's keys; the line that tells everybody of it."""
    assert node.name == AUTHORITY
    keys = node.folder / "keys"
    keys.mkdir(mode=0o700)
    certificate = keys / "authority_certificate"
    files = {"-i": "authority_identity_key", "-s": "authority_signing_key", "-c": certificate.name}
    made = [word for option, name in files.items() for word in (option, str(keys / name))]
    at = ["-a", f"{HOST}:{node.dir_port}", "--create-identity-key", "--passphrase-fd", "0"]
    await _told("tor-gencert", *made, *at, said=b"-\n")
    options = {"--DataDirectory": node.folder, "--Nickname": node.name, "--ORPort": node.port}
    given = [str(word) for option in options.items() for word in option]
    alone = ["-f", os.devnull, "--ignore-missing-torrc", "--DisableNetwork", "1", "--quiet"]
    told = await _told("tor", "--list-fingerprint", *alone, *given)
    return authority_line(node, identity_in(certificate.read_text()), fingerprint_in(told))


async def _told(name: str, *arguments: str, said: bytes = b"") -> str:
    """Run a program of Tor's; what it wrote."""
    done = await trio.run_process(
        [str(find(name)), *arguments],
        stdin=said,
        capture_stdout=True,
        capture_stderr=True,
        check=False,
    )
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise PeerError(f"{name} failed: {''.join(last)}")
    return done.stdout.decode()


def free_ports(count: int) -> list[int]:
    """TCP ports that nobody has now."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((HOST, 0))
        return [int(each.getsockname()[1]) for each in sockets]


# ── while it runs ────────────────────────────────────────────────────────────────────────


async def _listed(consensus: Path) -> None:
    """Wait until a relay has a list with all of them: a client that comes earlier may get stuck.

    Raises:
        PeerError: if it has not in time.
    """
    with trio.move_on_after(STARTED_WITHIN_S):
        while True:
            if all_listed(_text_of(consensus)):
                return
            await trio.sleep(_AGAIN_S)
    raise PeerError(f"its relays were not listed within {STARTED_WITHIN_S:.0f} s")


def _text_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""


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
            stream = await _connected(socks_port, port, user)
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


async def _connected(socks_port: int, port: int, user: int) -> trio.SocketStream:
    """A stream through the network, once there is one.

    Raises:
        PeerError: if there is none in time.
    """
    with trio.move_on_after(STARTED_WITHIN_S):
        while True:
            stream = await _try_socks(socks_port, port, user)
            if stream is not None:
                return stream
            await trio.sleep(_AGAIN_S)
    raise PeerError(f"no stream stood within {STARTED_WITHIN_S:.0f} s")


async def _try_socks(socks_port: int, port: int, user: int) -> trio.SocketStream | None:
    """SOCKS 4, whose answer has eight bytes, the second 90; each user has circuits of its own."""
    try:
        stream = await trio.open_tcp_stream(HOST, socks_port)
    except OSError:
        return None
    request = b"\x04\x01" + port.to_bytes(2) + socket.inet_aton(HOST) + b"%d\0" % user
    answer = b""
    try:
        await stream.send_all(request)
        while len(answer) < 8 and (more := await stream.receive_some(8 - len(answer))):
            answer += more
    except trio.BrokenResourceError:
        pass
    finally:
        if answer[1:2] != _GRANTED:
            await trio.aclose_forcefully(stream)
    return stream if answer[1:2] == _GRANTED else None


def _cpu_s(pid_file: Path) -> float:
    """CPU seconds of a process with all its threads, to a hundredth."""
    words = Path("/proc", pid_file.read_text().strip(), "stat").read_text().rpartition(")")[2]
    user, system = words.split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
