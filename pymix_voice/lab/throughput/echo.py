"""The stand-in for the first mix as a program, kept apart from the gateway that is measured.

    python -m pymix_voice.lab.throughput.echo ZONE-FOLDER --cpu 1

It has the key file of the zone's first mix, and takes the gateways' control links and rounds in
its place; further mixes of the zone are not there, and not missed. Told on stdout, a JSON object a
line: `running` when the first rows came back; every second `figures`, what has become of the
rounds so far. It ends at SIGTERM.

Must not know: what its figures show.
"""

import argparse
import sys
import time
from functools import partial
from pathlib import Path

from pymix_voice.edge.clock import Clock, system_dice
from pymix_voice.edge.control import Desk, listen
from pymix_voice.edge.datapath import Datapath, Inlet
from pymix_voice.edge.files import read_key, read_zone
from pymix_voice.edge.places import resolve
from pymix_voice.edge.report import write_line
from pymix_voice.edge.running import run
from pymix_voice.edge.suite import prefers_aegis
from pymix_voice.edge.udp import CHUNK_CHARGE, open_port
from pymix_voice.errors import PymixError
from pymix_voice.geometry import MAX_WORKERS
from pymix_voice.lab.crowd.load import add_cpu, go_on, settle, tell_on
from pymix_voice.lab.throughput.first import First
from pymix_voice.onion.chunk import LinkKeys
from pymix_voice.onion.keys import KeyPair
from pymix_voice.zone.control import ControlLink
from pymix_voice.zone.records import Record


class Program:
    """The stand-in, its socket and its control links.

    Args:
        folder: with zone.toml and keys/.
        aegis: whether it would rather have AEGIS-128L for rounds.
    """

    def __init__(self, folder: Path, *, aegis: bool) -> None:
        self._zone = read_zone(folder / "zone.toml")
        entry = self._zone.mixes[0]
        self._keys = read_key(folder / "keys" / f"{entry.name}.key").link
        self._place = resolve(entry.host, entry.port, entry.name)
        self._dice = system_dice()
        self._aegis = aegis
        self._first = First(self._zone, self._dice, Clock().unix())
        sizes = self._zone.geometry
        room = 4 * sizes.chunks(sizes.rows) * CHUNK_CHARGE
        self._port = open_port(self._place, room, size=sizes.chunk_bytes)
        self._desk = Desk(self, lambda text: None)
        self._datapath = Datapath(
            self._first,
            {"link": Inlet(self._port, self._first.receive)},
            work=lambda: False,
            after=self._after,
            tidies=True,
        )
        self._running = False

    # ── what the desk calls ──────────────────────────────────────────────────────────────

    def link_up(self, peer: int, keys: LinkKeys) -> None:
        """See `Side`."""
        self._first.link_up(peer, keys, Clock.now())
        self._datapath.wake()

    def link_down(self, peer: int) -> None:
        """See `Side`."""
        self._first.link_down(peer, Clock.now())

    def receive_control(self, peer: int, record: Record) -> None:
        """See `Side`."""
        self._first.receive_control(peer, record, Clock.now())
        self._datapath.wake()

    # ── running ──────────────────────────────────────────────────────────────────────────

    def _after(self) -> None:
        said, self._first.said = self._first.said, []
        for peer, record in said:
            self._desk.send(peer, record)

    def _answer(self) -> ControlLink:
        # As a first mix knows them: so many numbers for each gateway.
        peers = [entry.link for entry in self._zone.gateways for _ in range(MAX_WORKERS)]
        ephemeral = KeyPair.draw(self._dice)
        return ControlLink(
            False, self._zone.hash, self._keys, ephemeral, 0, peers, aegis=self._aegis
        )

    async def run(self) -> None:
        """Stand in for the first mix until somebody wants this process to end."""
        answering = partial(self._desk.keep_listening, listen(self._place), self._answer)
        await go_on(self._datapath.run, answering, partial(tell_on, self._tell))

    def _tell(self) -> None:
        counts = self._first.counts
        if counts.rows and not self._running:
            self._running = True
            write_line({"event": "running", "t": Clock.now()})
        write_line(
            {
                "event": "figures",
                "t": Clock.now(),
                **counts._asdict(),
                "overflowed": self._port.overflowed,
                "cpu_s": round(time.process_time(), 3),
                "drops": dict(self._first.drops),
            }
        )


def main(words: list[str]) -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="python -m pymix_voice.lab.throughput.echo")
    parser.add_argument("folder", type=Path, help="with zone.toml and keys/")
    add_cpu(parser)
    wanted = parser.parse_args(words)
    settle(wanted.cpu, goes_first=True)
    run(Program(wanted.folder, aegis=prefers_aegis()).run)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except PymixError as error:
        sys.exit(str(error))
