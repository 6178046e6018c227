"""A crowd as a program: many light clients at one gateway, as load.

    python -m pymix_voice.lab.crowd ZONE-FILE --clients 1000 --calls 0.5

With `--bare` cells and onions have the right size but nothing in them (`bare`): load for a gateway
whose rows come back as they went. Each socket has a `Crowd` and a `Datapath` of its own.

Told on stdout, a JSON object a line: once `joined` (all have sessions) and `in zone` (all have
rows); every second `figures`, counts so far and the delays of that second; at the end `ended`, the
same over all, and counts of each client.

It ends by itself after `--seconds`, or at SIGINT and SIGTERM.

A light client costs some 15 µs of a core a round here, sockets and set-ups with it (`cpu_s` over
`sent`; 600 clients beside the three mixes of their zone), a bare one 6 (1,500 clients, in groups of
128, on one socket). It is more with many sockets and small groups. When the core is full, what is
measured is the crowd: look whether `late_ms` is more than a few, and `skipped`, `made_late` and
`overflowed` more than none.

Must not know: what its figures show.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pymix_voice.edge.clock import Clock, system_dice
from pymix_voice.edge.datapath import Datapath, Inlet
from pymix_voice.edge.files import read_zone
from pymix_voice.edge.places import address_of, resolve, wildcard
from pymix_voice.edge.report import write_line
from pymix_voice.edge.running import run
from pymix_voice.edge.udp import CLIENT_CHARGE, Port
from pymix_voice.errors import PymixError
from pymix_voice.lab.crowd.bare import BareKit
from pymix_voice.lab.crowd.group import SIZE
from pymix_voice.lab.crowd.load import add_cpu, go_on, settle, tell_on
from pymix_voice.lab.crowd.machine import Crowd
from pymix_voice.lab.crowd.port import open_crowd_port
from pymix_voice.lab.crowd.sessions import AT_ONCE
from pymix_voice.lab.crowd.tally import Sort, percentiles_ms
from pymix_voice.lab.crowd.whole import WholeKit
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.zonefile import WANTED_PLACE, Zone, parse_place

GATHER_S = 0.001
"""Datagrams come in crowds: they are waited for a little, and taken together."""
CLIENTS_A_SOCKET = 250
CALLS = 0.5


@dataclass(frozen=True)
class Options:
    """What a person asks for; see `options`."""

    zone: Path
    clients: int
    gateway: int
    to: str | None
    sockets: int
    group: int
    bare: bool
    calls: float
    seed: int | None
    cpu: int | None
    seconds: float


def options(words: list[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m pymix_voice.lab.crowd")
    parser.add_argument("zone", type=Path, help="the zone file")
    parser.add_argument("--clients", type=int, default=100, help="how many light clients")
    parser.add_argument("--gateway", type=int, default=0, help="which gateway, from 0")
    parser.add_argument("--to", metavar="HOST:PORT", help="where that is, if not as the file says")
    parser.add_argument("--sockets", type=int, default=0, help="by default one for 250 clients")
    parser.add_argument("--group", type=int, default=SIZE, help="so many send at one instant")
    parser.add_argument("--bare", action="store_true", help="nothing in cells and onions")
    parser.add_argument("--calls", type=float, help="the share that is in calls; 0.5 if not bare")
    parser.add_argument("--seed", type=int, help="draw everything from it; for tests only")
    add_cpu(parser)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after so long")
    found = parser.parse_args(words)
    found.sockets = found.sockets or max(1, found.clients // CLIENTS_A_SOCKET)
    if found.calls is None:
        found.calls = 0.0 if found.bare else CALLS
    if found.clients < 1 or not 0 <= found.calls <= 1:
        parser.error("there is at least one client, and --calls is from 0 to 1")
    if found.bare and found.calls:
        parser.error("bare clients talk to themselves only: leave out --calls")
    if found.group < 2 or found.group % 2:
        parser.error("a --group is of an even number, so that two who talk are in one")
    if found.to is not None:
        try:
            parse_place(found.to)
        except ValueError as wrong:
            parser.error(f"--to {wrong}, but {WANTED_PLACE}")
    return Options(**vars(found))


def shares(clients: int, sockets: int) -> Iterator[int]:
    """How many clients each socket has: about as many, and an even number of all but the last."""
    size = -(-clients // sockets)
    size += size % 2
    while clients > 0:
        yield min(size, clients)
        clients -= size


class Program:
    """All crowds of this process.

    Args:
        zone: the zone file.
        wanted: the command line.

    Raises:
        ConfigError: if the gateway has no address, or there are no sockets to be had.
    """

    def __init__(self, zone: Zone, wanted: Options, stack: ExitStack) -> None:
        entry = zone.gateways[wanted.gateway]
        there = (entry.host, entry.port) if wanted.to is None else parse_place(wanted.to)
        where = resolve(*there, entry.name)
        dice = system_dice() if wanted.seed is None else Dice.seeded(wanted.seed)
        self._crowds: list[Crowd] = []
        self._ports: list[Port] = []
        self._datapaths: list[Datapath] = []
        sizes = list(shares(wanted.clients, wanted.sockets))
        for index, clients in enumerate(sizes):
            crowd = Crowd(
                zone,
                wanted.gateway,
                clients,
                calls=wanted.calls,
                dice=dice.fork(f"crowd {index}"),
                now=Clock.now(),
                where=address_of(where),
                at_once=max(1, AT_ONCE // len(sizes)),
                size=wanted.group,
                kit=BareKit if wanted.bare else WholeKit,
            )
            port = stack.enter_context(
                open_crowd_port((wildcard(where[0]), 0), 4 * clients * CLIENT_CHARGE)
            )
            datapath = Datapath(
                crowd,
                {"access": Inlet(port, crowd.receive)},
                work=crowd.work,
                after=lambda: None,
                gather_s=GATHER_S,
                tidies=index == 0,
            )
            self._crowds.append(crowd)
            self._ports.append(port)
            self._datapaths.append(datapath)
        self._wanted = wanted
        self._told: set[str] = set()
        self._delays: NDArray[np.int64] = self._all_delays()

    async def run(self) -> None:
        """Be a crowd until it is time to end."""
        turns = [datapath.run for datapath in self._datapaths]
        await go_on(*turns, partial(tell_on, self._tell), seconds=self._wanted.seconds)
        rows = ("sent", "came", "expected", "heard", "missed", "door_heard", "rowless")
        each = {
            name: np.concatenate([getattr(crowd.tally, name) for crowd in self._crowds]).tolist()
            for name in rows
        }
        self._write("ended", self._all_delays(), {"each": each})

    def _tell(self) -> None:
        for name, count in (("joined", self._joined), ("in zone", self._in_zone)):
            if name not in self._told and count >= self._wanted.clients:
                self._told.add(name)
                write_line({"event": name, "t": Clock.now()})
        delays = self._all_delays()
        self._write("figures", delays - self._delays, {})
        self._delays = delays

    @property
    def _joined(self) -> int:
        return sum(crowd.joined for crowd in self._crowds)

    @property
    def _in_zone(self) -> int:
        return sum(crowd.in_zone for crowd in self._crowds)

    def _all_delays(self) -> NDArray[np.int64]:
        total: NDArray[np.int64] = np.sum(
            [crowd.tally.delays.counts for crowd in self._crowds], axis=0
        )
        return total

    def _write(self, event: str, delays: NDArray[np.int64], more: dict[str, object]) -> None:
        """One line; delays are of those that the counts say."""
        totals: Counter[str] = Counter()
        for crowd in self._crowds:
            totals.update(crowd.figures())
        totals["population"] //= len(self._crowds)
        late_s = max(crowd.tally.late_s for crowd in self._crowds)
        for crowd in self._crowds:
            crowd.tally.late_s = 0.0
        write_line(
            {
                "event": event,
                "t": Clock.now(),
                **totals,
                "sockets": len(self._ports),
                "overflowed": sum(port.overflowed for port in self._ports),
                "unsent": sum(sum(port.unsent.values()) for port in self._ports),
                "late_ms": round(late_s * 1000, 2),
                "cpu_s": round(time.process_time(), 3),
                "delays_ms": {sort.name.lower(): percentiles_ms(delays[sort]) for sort in Sort},
                **more,
            }
        )


def main(words: list[str]) -> None:
    """Run the program."""
    wanted = options(words)
    settle(wanted.cpu)
    with ExitStack() as stack:
        program = Program(read_zone(wanted.zone), wanted, stack)
        run(program.run)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except PymixError as error:
        sys.exit(str(error))
