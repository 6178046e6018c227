"""Hellos: first messages to a gateway from very many clients that never come.

    python -m pymix_voice.lab.faults.hellos ZONE-FILE HOW-MANY SECONDS

Each is a real one, with a handshake of its own that the gateway can read, and they come from many
source ports. Who is asked for a cookie says hello again with it, as a client does: so all that the
gateway keeps of strangers is asked for. A session that is given is never used.

Must not know: what the gateway does about it.
"""

import sys
from pathlib import Path

import numpy as np
import trio

from pymix_voice.edge.clock import Clock, system_dice
from pymix_voice.edge.files import read_zone
from pymix_voice.edge.places import Place, address_of, resolve, wildcard
from pymix_voice.edge.port import Port
from pymix_voice.edge.report import write_line
from pymix_voice.edge.running import run
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.noise import Handshake, Pattern
from pymix_voice.zone import access
from pymix_voice.zone.access import Kind
from pymix_voice.zone.drain import Burst
from pymix_voice.zone.zonefile import Zone

SOURCES = 250
"""Ports that they come from."""
LISTEN_S = 1.0
"""So long answers are waited for after the last."""
_COOKIE = slice(8, 8 + access.COOKIE_BYTES)


def hello(zone: Zone, dice: Dice) -> bytes:
    """A client's first message, without a cookie."""
    handshake = Handshake(
        Pattern.NK,
        True,
        access.prologue(zone.hash, 0),
        ephemeral=KeyPair.draw(dice),
        remote_static=zone.gateways[0].link,
    )
    head = access.header(access.NO_SESSION, Kind.HELLO, 0)
    whole = head + bytes(access.COOKIE_BYTES) + handshake.write()
    return whole.ljust(access.HELLO_BYTES, b"\0")


class Crowd:
    """Clients that only say hello.

    Args:
        hellos: the datagrams; shared out among the ports.
        where: the gateway.

    Attributes:
        sent: hellos so far, those with a cookie too.
        retries: how often a cookie was asked for.
        welcomes: answers with or without a session; they are sealed alike.
    """

    def __init__(self, hellos: list[bytes], where: Place) -> None:
        self._hellos = hellos
        self._to = address_of(where)
        self._ports = [Port((wildcard(where[0]), 0)) for _ in range(min(SOURCES, len(hellos)))]
        self._said = [b""] * len(self._ports)
        self.sent = self.retries = self.welcomes = 0

    async def run(self, seconds: float) -> None:
        """Say all hellos, evenly, and answer what is asked."""
        began = Clock.now()
        for number, datagram in enumerate(self._hellos):
            place = number % len(self._ports)
            self._said[place] = datagram
            self._say(place, datagram)
            self._hear(place)
            ahead = began + seconds * (number + 1) / len(self._hellos) - Clock.now()
            if ahead > 0:
                await trio.sleep(ahead)
        until = Clock.now() + LISTEN_S
        while Clock.now() < until:
            for place in range(len(self._ports)):
                self._hear(place)
            await trio.sleep(0.02)
        for port in self._ports:
            port.close()

    def _say(self, place: int, datagram: bytes) -> None:
        rows = np.frombuffer(datagram, np.uint8).reshape(1, -1)
        self._ports[place].send(Burst(rows, self._to, "access"))
        self.sent += 1

    def _hear(self, place: int) -> None:
        drain = self._ports[place].drain()
        for index in range(len(drain.lengths)):
            answer = drain.datagram(index).tobytes()
            if answer[4] == Kind.RETRY:
                self.retries += 1
                again = bytearray(self._said[place])
                again[_COOKIE] = answer[_COOKIE]
                self._say(place, bytes(again))
            elif answer[4] == Kind.WELCOME:
                self.welcomes += 1


def main() -> None:
    """Run the program."""
    zone, count, seconds = read_zone(Path(sys.argv[1])), int(sys.argv[2]), float(sys.argv[3])
    entry, dice = zone.gateways[0], system_dice()
    hellos = [hello(zone, dice) for _ in range(count)]
    crowd = Crowd(hellos, resolve(entry.host, entry.port, entry.name))
    write_line({"event": "throwing", "t": Clock.now()})

    async def say() -> None:
        await crowd.run(seconds)

    began = Clock.now()
    run(say)
    told = {"sent": crowd.sent, "retries": crowd.retries, "welcomes": crowd.welcomes}
    took = Clock.now() - began - LISTEN_S
    write_line({"event": "thrown", "t": Clock.now(), "per_second": crowd.sent / took, **told})


if __name__ == "__main__":
    main()
