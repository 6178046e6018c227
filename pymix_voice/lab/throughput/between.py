"""Both neighbours of a middle mix as a program, kept apart from the mix that is measured.

    python -m pymix_voice.lab.throughput.between ZONE-FOLDER --cpu 1

It has the key files of the first and the last mix of the zone, and stands in for both. Told on
stdout, a JSON object a line: `running` when the first circuits carry rounds; every second
`figures`, what has become of the rounds so far. It ends at SIGTERM.

Must not know: what its figures show.
"""

import argparse
import gc
import os
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import trio

from pymix_voice.edge.clock import Clock, system_dice
from pymix_voice.edge.control import Desk, listen
from pymix_voice.edge.datapath import Datapath, Inlet
from pymix_voice.edge.files import read_key, read_zone
from pymix_voice.edge.places import address_of, resolve, wildcard
from pymix_voice.edge.priority import ask_for_priority
from pymix_voice.edge.report import write_line
from pymix_voice.edge.running import run, wait_for_signal
from pymix_voice.edge.suite import prefers_aegis
from pymix_voice.edge.udp import CHUNK_CHARGE, open_port
from pymix_voice.errors import PymixError
from pymix_voice.lab.throughput.ends import BEFORE, BEHIND, Ends
from pymix_voice.onion.chunk import LinkKeys
from pymix_voice.onion.keys import KeyPair
from pymix_voice.zone.control import ControlLink
from pymix_voice.zone.records import Record

TELL_S = 1.0


class Neighbour:
    """One of the two, as its control link sees it; see `Side`."""

    def __init__(self, program: "Program", end: int) -> None:
        self._program = program
        self._end = end

    def link_up(self, peer: int, keys: LinkKeys) -> None:
        """The mix between has proven itself."""
        self._program.ends.link_up(self._end, keys, Clock.now())
        self._program.datapath.wake()

    def link_down(self, peer: int) -> None:
        """Its link broke: the measurement is over, and its figures show it."""

    def receive_control(self, peer: int, record: Record) -> None:
        """It said something."""
        self._program.ends.receive_control(self._end, record, Clock.now())
        self._program.datapath.wake()


class Program:
    """Both neighbours, their sockets and control links.

    Args:
        folder: with zone.toml and keys/.
        aegis: whether they would rather have AEGIS-128L for rounds.
    """

    def __init__(self, folder: Path, *, aegis: bool) -> None:
        self._zone = read_zone(folder / "zone.toml")
        keys = [read_key(folder / "keys" / f"{self._zone.mixes[hop].name}.key") for hop in (0, 2)]
        self._before, self._behind = (each.link for each in keys)
        self._places = [resolve(each.host, each.port, each.name) for each in self._zone.mixes]
        self._dice = system_dice()
        self._aegis = aegis
        middle = address_of(self._places[1])
        self.ends = Ends(self._zone, self._dice, Clock.now(), Clock().unix(), middle)
        sizes = self._zone.geometry
        room, size = 4 * sizes.chunks(sizes.rows) * CHUNK_CHARGE, sizes.chunk_bytes
        self._ports = [
            open_port((wildcard(self._places[1][0]), 0), room, size=size),
            open_port(self._places[2], room, size=size),
        ]
        self._desks = [Desk(Neighbour(self, end), lambda text: None) for end in (BEFORE, BEHIND)]
        self.datapath = Datapath(
            self.ends,
            {
                "link": Inlet(
                    self._ports[BEFORE], partial(self.ends.receive, BEFORE), before_due=True
                ),
                "access": Inlet(
                    self._ports[BEHIND], partial(self.ends.receive, BEHIND), before_due=True
                ),
            },
            work=self.ends.work,
            after=self._after,
            interrupts=False,
            tidies=True,
        )

    def _after(self) -> None:
        said, self.ends.said = self.ends.said, []
        for end, record in said:
            desk = self._desks[end]
            for peer in desk.linked:
                desk.send(peer, record)

    def _call(self) -> ControlLink:
        peers, ephemeral = [self._zone.mixes[1].link], KeyPair.draw(self._dice)
        return ControlLink(
            True, self._zone.hash, self._before, ephemeral, 0, peers, aegis=self._aegis
        )

    def _answer(self) -> ControlLink:
        peers, ephemeral = [self._zone.mixes[1].link], KeyPair.draw(self._dice)
        return ControlLink(
            False, self._zone.hash, self._behind, ephemeral, 0, peers, aegis=self._aegis
        )

    async def run(self) -> None:
        """Stand in for both until somebody wants this process to end."""
        name = self._zone.mixes[1].name
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.datapath.run)
            nursery.start_soon(
                self._desks[BEHIND].keep_listening, listen(self._places[2]), self._answer
            )
            nursery.start_soon(
                self._desks[BEFORE].keep_dialing, self._places[1], self._call, name, 0, self._dice
            )
            nursery.start_soon(self._tell)
            gc.collect()
            gc.freeze()
            gc.disable()
            await wait_for_signal()
            nursery.cancel_scope.cancel()

    async def _tell(self) -> None:
        running = False
        while True:
            await trio.sleep(TELL_S)
            counts = self.ends.counts
            if counts.returned and not running:
                running = True
                write_line({"event": "running", "t": Clock.now()})
            trips_ms = 1000 * np.array(counts.trips_s or [0.0])
            counts.trips_s.clear()
            write_line(
                {
                    "event": "figures",
                    "t": Clock.now(),
                    "sent": counts.sent,
                    "turned": counts.turned,
                    "returned": counts.returned,
                    "filled_rows": counts.filled_rows,
                    "wrong": counts.wrong,
                    "switched": counts.switched,
                    "extended": counts.extended,
                    "trip_ms": [round(float(x), 3) for x in np.percentile(trips_ms, (50, 99))],
                    "overflowed": sum(port.overflowed for port in self._ports),
                    "cpu_s": round(time.process_time(), 3),
                    "drops": dict(self.ends.drops),
                }
            )


def main(words: list[str]) -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="python -m pymix_voice.lab.throughput.between")
    parser.add_argument("folder", type=Path, help="with zone.toml and keys/")
    parser.add_argument("--cpu", type=int, help="keep to this processor")
    parser.add_argument("--chacha", action="store_true", help="links by ChaCha20-Poly1305 only")
    wanted = parser.parse_args(words)
    if wanted.cpu is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {wanted.cpu})
    ask_for_priority()
    aegis = not wanted.chacha and prefers_aegis()
    run(Program(wanted.folder, aegis=aegis).run)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except PymixError as error:
        sys.exit(str(error))
