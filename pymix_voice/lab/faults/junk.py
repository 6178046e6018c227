"""Junk: datagrams that nobody asked for, as many a second as are wanted, at one UDP port.

    python -m pymix_voice.lab.faults.junk ZONE-FILE PART PER-SECOND SECONDS

PART is a name in the zone file. Four kinds go by turns, from several source ports: random bytes of
the right size, random bytes of any size, and datagrams with headers as they are on the wire just
then (rounds of the present, random sessions or links), of cells and of hellos or set-ups. All are
made beforehand and sent many at once (`edge.mmsg`), and each round of turns is told.

Must not know: keys; it sends what a stranger can.
"""

import sys
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pymix_voice.edge.clock import Clock, system_dice
from pymix_voice.edge.files import read_zone
from pymix_voice.edge.mmsg import ManyPort
from pymix_voice.edge.places import address_of, resolve
from pymix_voice.edge.port import DRAIN_LIMIT
from pymix_voice.edge.report import write_line
from pymix_voice.onion.dice import Dice
from pymix_voice.zone import access
from pymix_voice.zone.access import Kind
from pymix_voice.zone.drain import Address, Burst
from pymix_voice.zone.zonefile import GatewayEntry, MixEntry, Zone

SOURCES = 4
"""Ports that it comes from."""
MOST_BYTES = 1_200
TURNS = 16
"""Bursts that are made beforehand."""

Datagrams = NDArray[np.uint8]


def for_gateway(zone: Zone, present: int, dice: Dice) -> list[Datagrams]:
    """What is thrown at a gateway: uint8 [128, size] each, of several kinds by turns."""
    low = present.to_bytes(8, "little")[:3]
    made = []
    for turn in range(TURNS):
        size = (
            zone.geometry.up_bytes,
            1 + dice.below(MOST_BYTES),
            zone.geometry.up_bytes,
            (access.HELLO_BYTES, zone.geometry.setup_bytes)[turn // 4 % 2],
        )[turn % 4]
        rows = dice.matrix(DRAIN_LIMIT, size).copy()
        if turn % 4 == 2:
            rows[:, 4:8] = np.frombuffer(bytes([Kind.LINE + turn // 4 % 2]) + low, np.uint8)
        elif size == access.HELLO_BYTES:
            rows[:, :8] = np.frombuffer(access.header(access.NO_SESSION, Kind.HELLO, 0), np.uint8)
        elif turn % 4 == 3:
            rows[:, 4] = Kind.SETUP
        made.append(rows)
    return made


def for_mix(zone: Zone, present: int, dice: Dice) -> list[Datagrams]:
    """What is thrown at a mix: uint8 [128, size] each, of several kinds by turns."""
    made = []
    for turn in range(TURNS):
        size = 1 + dice.below(MOST_BYTES) if turn % 4 == 1 else zone.geometry.chunk_bytes
        rows = dice.matrix(DRAIN_LIMIT, size).copy()
        if turn % 4 >= 2:
            # A link nobody has | the round of now | age 1 | chunk 0.
            head = (present & 0xFFFFFFFF).to_bytes(4, "little") + b"\1\0\0\0"
            rows[:, 4:12] = np.frombuffer(head, np.uint8)
        made.append(rows)
    return made


def throw(made: list[Datagrams], to: Address, per_second: float, seconds: float) -> int:
    """Send them by turns; how many were sent.

    Args:
        made: bursts.
        to: where.
        per_second: no more than this; fewer if the system does not take so many.
        seconds: how long.
    """
    ports = [ManyPort(("0.0.0.0", 0)) for _ in range(SOURCES)]  # noqa: S104
    began = Clock.now()
    sent = 0
    for port, rows in _turns(ports, made):
        now = Clock.now()
        if now - began >= seconds:
            break
        ahead = began + sent / per_second - now
        if ahead > 0:
            time.sleep(ahead)
        port.send(Burst(rows, to, "access"))
        sent += len(rows)
    sent -= sum(sum(port.unsent.values()) for port in ports)
    for port in ports:
        port.close()
    return sent


def _turns(ports: list[ManyPort], made: list[Datagrams]) -> Iterator[tuple[ManyPort, Datagrams]]:
    # A port throws each kind in its turn: their numbers have to differ by one.
    yield from zip(cycle([*ports, ports[0]]), cycle(made), strict=False)


def main() -> None:
    """Run the program."""
    zone, name = read_zone(Path(sys.argv[1])), sys.argv[2]
    per_second, seconds = float(sys.argv[3]), float(sys.argv[4])
    entries: list[GatewayEntry | MixEntry] = [*zone.gateways, *zone.mixes]
    entry = next(each for each in entries if each.name == name)
    make = for_gateway if isinstance(entry, GatewayEntry) else for_mix
    present = int(Clock().unix() / zone.geometry.round_s)
    made = make(zone, present, system_dice())
    to = address_of(resolve(entry.host, entry.port, entry.name))
    write_line({"event": "throwing", "t": Clock.now()})
    began = Clock.now()
    sent = throw(made, to, per_second, seconds)
    took = Clock.now() - began
    write_line({"event": "thrown", "t": Clock.now(), "sent": sent, "per_second": sent / took})


if __name__ == "__main__":
    main()
