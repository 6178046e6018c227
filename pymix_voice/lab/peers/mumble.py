"""The same voice over Mumble's server, as two headless clients.

    python -m pymix_voice.lab.peers.mumble SAID HEARD HUM_ROUNDS PORT NAME

The server is Debian's, if it is installed, alone on this machine; the clients are ours, and keep
to `mumble_wire`. Records go over TLS, as Mumble has it where UDP does not get through: on loopback
that costs next to nothing.

Must not know: what is compared with it.
"""

import os
import ssl
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import trio

from pymix_voice.edge.clock import Clock
from pymix_voice.edge.priority import ask_for_priority
from pymix_voice.edge.report import write_line
from pymix_voice.edge.running import run
from pymix_voice.lab.peers import mumble_wire as wire
from pymix_voice.lab.peers.carriers import Take
from pymix_voice.lab.peers.local import find, free_ports
from pymix_voice.lab.peers.measured import PeerError
from pymix_voice.lab.peers.voice_ends import talk
from pymix_voice.lab.peers.voices import Said, Voice, missing, talk_over, voice_of
from pymix_voice.lab.processes import parts_in

SCHEME = "mumble"
SENTENCE = "Mumble's server, voice over TLS: its server hears all, and sees who talks with whom"
NOT_INSTALLED = "Mumble's server is not installed; `apt-get install mumble-server` does that"

HOST = "127.0.0.1"
SERVED_WITHIN_S = 15.0
PING_S = 10.0
"""The server gives up who is silent for 30 s."""
SERVERS = ("mumble-server", "murmurd")
"""Names of the server's program."""
_AGAIN_S = 0.2
_WAITING = 500
_PIECE_BYTES = 65_536
_PROGRAM = (sys.executable, "-m", "pymix_voice.lab.peers.mumble")


async def measure(said: Said, folder: Path) -> Voice:
    """A server of its own, and two clients.

    Args:
        said: what the two speak.
        folder: existing, for recordings and logs.

    Raises:
        PeerError: if a voice did not come through.
        ExceptionGroup: of `PartError`, if a process fails.
    """
    program = find(*SERVERS)
    if program is None:
        return missing(SCHEME, SENTENCE, NOT_INSTALLED)
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="pymix-mumble-") as home:
        ini = Path(home) / "mumble.ini"
        ini.write_text(settings(Path(home), port))
        async with parts_in(folder, command=[program]) as parts:
            parts.start("server", "-fg", "-ini", str(ini))
            words = (str(port), "first"), (str(port), "second")
            ways = await talk_over(said, folder, *words, ready="joined", command=_PROGRAM)
    return voice_of(SCHEME, SENTENCE, ways)


def settings(folder: Path, port: int) -> str:
    """What the server is told: on this machine only, speech of any rate, and to stay who it is.

    If root starts it, it would become a user who cannot write to our folder.
    """
    return f"""\
database={folder / "mumble.sqlite"}
logfile=
pidfile=
host={HOST}
port={port}
bandwidth=200000
users=4
bonjour=False
{"uname=root" if os.geteuid() == 0 else ""}
"""


class Tunnel:
    """Records through the server, to all who are there: the other client.

    Args:
        stream: to the server, which has let us in.
    """

    def __init__(self, stream: trio.SSLStream[trio.SocketStream]) -> None:
        self._stream = stream
        self._put, self._get = trio.open_memory_channel[bytes](_WAITING)
        self._sequence = 0

    def send(self, record: bytes) -> None:
        """Send a record when those before it are gone."""
        packet = wire.voice(self._sequence, record)
        self._sequence += 2  # of 10 ms each
        self._say(wire.Message.UDP_TUNNEL, packet)

    def _say(self, kind: wire.Message, body: bytes) -> None:
        with suppress(trio.WouldBlock):  # lost, as a datagram would be
            self._put.send_nowait(wire.message(kind, body))

    async def run(self, take: Take) -> None:
        """Work until cancelled.

        Raises:
            PeerError: if the server ends it.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._send_all)
            nursery.start_soon(self._ping)
            messages = wire.Messages()
            while piece := await self._stream.receive_some(_PIECE_BYTES):
                for kind, body in messages.feed(bytes(piece)):
                    record = wire.record_in(body) if kind == wire.Message.UDP_TUNNEL else None
                    if record is not None:
                        take(record)
        raise PeerError("Mumble's server closed the connection")

    async def _send_all(self) -> None:
        async for packet in self._get:
            await self._stream.send_all(packet)

    async def _ping(self) -> None:
        number = 0
        while True:
            number += 1
            self._say(wire.Message.PING, wire.ping(number))
            await trio.sleep(PING_S)


async def join(port: int, name: str) -> Tunnel:
    """Come in, as soon as the server serves.

    Args:
        port: the server's, on this machine.
        name: what we are called there.

    Raises:
        PeerError: if it does not let us in in time.
    """
    # The server has made its own certificate a moment ago; nobody vouches for it.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with trio.move_on_after(SERVED_WITHIN_S):
        bare = await _stream(port)
        stream = trio.SSLStream(bare, context, server_hostname=HOST)
        hello = wire.message(wire.Message.VERSION, wire.version())
        await stream.send_all(
            hello + wire.message(wire.Message.AUTHENTICATE, wire.authenticate(name))
        )
        messages = wire.Messages()
        while piece := await stream.receive_some(_PIECE_BYTES):
            kinds = [kind for kind, _ in messages.feed(bytes(piece))]
            if wire.Message.SERVER_SYNC in kinds:
                return Tunnel(stream)
            if wire.Message.REJECT in kinds:
                break
        raise PeerError("Mumble's server did not let us in")
    raise PeerError(f"Mumble's server was not there within {SERVED_WITHIN_S:.0f} s")


async def _stream(port: int) -> trio.SocketStream:
    while True:
        try:
            return await trio.open_tcp_stream(HOST, port)
        except OSError:
            await trio.sleep(_AGAIN_S)


def main(said: str, heard: str, hum_rounds: str, port: str, name: str) -> None:
    """Be one client."""

    async def joined() -> Tunnel:
        tunnel = await join(int(port), name)
        write_line({"event": "joined", "t": Clock.now()})
        return tunnel

    async def whole() -> None:
        await talk(joined, Path(said), Path(heard), int(hum_rounds))

    ask_for_priority()
    run(whole)


if __name__ == "__main__":
    main(*sys.argv[1:])
