r"""The relay as a program: the network between the real processes of a zone, by a profile.

    python -m pymix_voice.lab.relay ZONE-FILE --profile mobile --seed 7 \
        --part gateway1=127.0.0.1:31000 --part mix1=127.0.0.1:31101

It listens at the addresses that the zone file has for the parts that are named, UDP for all and TCP
for mixes, and passes everything on to where they really are: start them with `--listen`. A part
that is not named is not relayed. Everybody uses the one zone file; nobody needs to know of the
relay. Each directed pair of ends has a link of its own, drawn from the seed: access laws to and
from gateways' addresses, the chain's to and from mixes'. `--access` and `--chain` change single
values, such as `--chain loss=0.01`. `--record` writes, at the end, what an observer of all links
has seen: when, from where, to where, how many bytes.

Told on stdout, a JSON object a line: `up` when all ports are open; every second `figures`, counts
so far, and `own_ms`, the median and p99 in that second from when a datagram was due until the
kernel had it: what the relay adds on its own. `drops` is what it did not pass on, but for what the
law loses. At the end, after `--seconds` or at SIGTERM, `ended`, with `own_ms` over all.

It asks for one priority above the parts': a network does not wait for who uses it. On a core of its
own it carried 20,000 datagrams of 1,200 bytes a second, in bursts of a hundred from four sources,
for 11 to 13 µs each; it added 1.2 ms without a delay (p99 1.5) and 0.35 with 15 ms (p99 1.2).

Must not know: what is in a datagram.
"""

import argparse
import dataclasses
import gc
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pymix_voice.edge.clock import Clock
from pymix_voice.edge.files import read_zone
from pymix_voice.edge.places import Place, resolve
from pymix_voice.edge.report import write_line
from pymix_voice.edge.running import run
from pymix_voice.edge.tardiness import percentiles_ms
from pymix_voice.errors import ConfigError, PymixError
from pymix_voice.lab.crowd.load import add_cpu, go_on, settle, tell_on
from pymix_voice.lab.network import Law
from pymix_voice.lab.profiles import PROFILES, Profile, changed, find
from pymix_voice.lab.relay.control import Crossing
from pymix_voice.lab.relay.course import Kind
from pymix_voice.lab.relay.ends import Ends, Part
from pymix_voice.lab.relay.witness import Witness
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.zonefile import WANTED_PLACE, GatewayEntry, MixEntry, Zone, parse_place

SHARES = (50, 99)


@dataclass(frozen=True)
class Options:
    """What a person asks for; see `options`."""

    zone: Path
    profile: str
    seed: int
    part: list[str]
    access: list[str]
    chain: list[str]
    spread: float
    record: Path | None
    cpu: int | None
    seconds: float


def options(words: list[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m pymix_voice.lab.relay")
    parser.add_argument("zone", type=Path, help="the zone file")
    parser.add_argument("--profile", default="none", help=", ".join(PROFILES))
    parser.add_argument("--seed", type=int, default=1, help="of all that is drawn")
    wanted = "NAME=HOST:PORT"
    parser.add_argument("--part", action="append", default=[], metavar=wanted, help="where it is")
    for kind in ("access", "chain"):
        text = f"change a value of the {kind} law"
        parser.add_argument(
            f"--{kind}", action="append", default=[], metavar="VALUE=NUMBER", help=text
        )
    parser.add_argument(
        "--spread",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="each client is up to so much further away",
    )
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="write what an observer of all links saw"
    )
    add_cpu(parser)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after so long")
    found = parser.parse_args(words)
    if not found.part:
        parser.error(f"name at least one part that is behind the relay: --part {wanted}")
    return Options(**vars(found))


def laws(profile: Profile, wanted: Options) -> dict[Kind, Law]:
    """The laws by kind of link.

    Raises:
        ConfigError: if a change is none.
    """
    return {
        "access": changed(profile.access, wanted.access),
        "chain": changed(profile.chain, wanted.chain),
    }


def parts_of(zone: Zone, words: list[str]) -> list[Part]:
    """The parts that are behind the relay.

    Args:
        zone: the zone file.
        words: such as "mix1=127.0.0.1:31101".

    Raises:
        ConfigError: if a word names no part, or no place.
    """
    kinds: dict[str, Kind] = {entry.name: "access" for entry in zone.gateways}
    kinds |= {entry.name: "chain" for entry in zone.mixes}
    everyone: list[GatewayEntry | MixEntry] = [*zone.gateways, *zone.mixes]
    entries = {entry.name: entry for entry in everyone}
    parts = []
    for word in words:
        name, _, text = word.partition("=")
        if name not in entries:
            raise ConfigError(f"the zone has no part '{name}'; it has {', '.join(entries)}")
        try:
            host, port = parse_place(text)
        except ValueError as wrong:
            raise ConfigError(f"the place of {name} {wrong}, but {WANTED_PLACE}") from None
        entry = entries[name]
        known: Place = resolve(entry.host, entry.port, name)
        parts.append(Part(name, kinds[name], known, resolve(host, port, name)))
    return parts


class Program:
    """The relay and its word to whoever started it.

    Args:
        wanted: the command line.
        stack: closes what was opened here.

    Raises:
        ConfigError: if the zone file, profile or places are no good, or a port cannot be had.
    """

    def __init__(self, wanted: Options, stack: ExitStack) -> None:
        zone, profile = read_zone(wanted.zone), find(wanted.profile)
        self._wanted = wanted
        by_kind = laws(profile, wanted)
        parts = parts_of(zone, wanted.part)
        self._witness = None if wanted.record is None else Witness()
        dice = Dice.seeded(wanted.seed)
        self._ends = Ends(zone, parts, by_kind, dice, stack, self._witness, wanted.spread)
        self._crossings = [
            Crossing(part.known, part.real, by_kind["chain"].delay)
            for part in parts
            if part.kind == "chain"
        ]
        self._told = self._ends.tardiness.counts.copy()

    async def run(self) -> None:
        """Pass on until it is time to end."""
        write_line(
            {
                "event": "up",
                "t": Clock.now(),
                "profile": self._wanted.profile,
                "seed": self._wanted.seed,
                "parts": [word.partition("=")[0] for word in self._wanted.part],
            }
        )
        turns = [self._ends.run, *(crossing.run for crossing in self._crossings)]
        await go_on(*turns, partial(tell_on, self._tell), seconds=self._wanted.seconds)
        self._told[:] = 0
        fronts: dict[str, str] = {}
        if self._witness is not None and self._wanted.record is not None:
            self._witness.write(self._wanted.record)
            fronts = self._witness.fronts
        self._write("ended", fronts=fronts)

    def _tell(self) -> None:
        self._write("figures")
        gc.collect(1)  # nobody else does here: see `go_on`

    def _write(self, event: str, **more: object) -> None:
        counts, by_kind = self._ends.tardiness.counts, self._ends.course.counts
        own_ms = percentiles_ms(counts - self._told, SHARES)
        self._told = counts.copy()
        write_line(
            {
                "event": event,
                "t": Clock.now(),
                "forwarded": sum(each.given for each in by_kind.values()),
                "lost": sum(each.lost for each in by_kind.values()),
                "reordered": sum(each.reordered for each in by_kind.values()),
                **{kind: dataclasses.asdict(each) for kind, each in by_kind.items()},
                "own_ms": own_ms,
                "under_way": self._ends.course.waiting,
                "sources": self._ends.sources,
                "links": sum(crossing.links for crossing in self._crossings),
                "link_bytes": sum(crossing.bytes for crossing in self._crossings),
                "drops": self._ends.all_drops(),
                "cpu_s": round(time.process_time(), 3),
                **more,
            }
        )


def main(words: list[str]) -> None:
    """Run the program."""
    wanted = options(words)
    settle(wanted.cpu, goes_first=True)
    with ExitStack() as stack:
        run(Program(wanted, stack).run)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except PymixError as error:
        sys.exit(str(error))
