"""Trials with clients: a gateway on a processor of its own, or a whole zone on all there are.

The clients are light ones (`lab.crowd`): a session each, real cells, keystreams and set-up onions
in a whole zone, no Opus; many share a socket.

Must not know: how many clients are tried next.
"""

import sys
from pathlib import Path
from statistics import median
from typing import NamedTuple

from pymix_voice.lab.processes import Part, Parts, Told, parts_in
from pymix_voice.lab.throughput.trials import (
    TELLING,
    Processors,
    Window,
    keep_to,
    pass_time,
    resident_bytes,
    serve,
)
from pymix_voice.lab.zoning import START_S, make_zone, start_zone

CROWD = (sys.executable, "-m", "pymix_voice.lab.crowd")
ECHO = (sys.executable, "-m", "pymix_voice.lab.throughput.echo")
MIXES = 3
BARE = ("--bare", "--group", "128", "--sockets", "1")
"""Clients that cost the least: the larger the groups and the fewer the sockets, the less each."""
FEW_WAKEUPS = ("--sockets", "1", "--group", "128")
JOIN_S = 0.005
"""More than the joining of one client takes."""
SETTLE_S = 2.5
"""What came late in the first rounds is not counted: send instants settle."""


class ZoneTrial(NamedTuple):
    """What a gateway, or a whole zone, did with so many clients.

    Attributes:
        clients: each sends a cell in every round and another in every tenth, and gets as many.
        online: those with a row at the end.
        sockets: that they share.
        mixes: length of the chain, as the zone file says it.
        seconds: how long it was watched.
        expected: cells that clients should have been given back, of lines.
        missed: those that did not come in the round after, or not right.
        cells: datagrams with cells that the gateway took and gave.
        cpu_s: CPU time of the gateway's processes.
        crowd_cpu_s: of the clients, for comparison.
        late_ms: from due to begun at the gateway: median and p99.
        done_ms: from due to the last datagram's being sent.
        bytes_in, bytes_out: of UDP payload, from all clients and to them.
        delay_ms: from sent to the peer, or where nobody is in a call to back: median and p99.
        resident_bytes: the gateway's memory at the end.
        empty_bytes: the same before its clients came.
    """

    clients: int
    online: int
    sockets: int
    mixes: int
    seconds: float
    expected: int
    missed: int
    cells: int
    cpu_s: float
    crowd_cpu_s: float
    bytes_in: int
    bytes_out: int
    late_ms: tuple[float, float]
    done_ms: tuple[float, float]
    delay_ms: tuple[float, float]
    resident_bytes: int
    empty_bytes: int

    @classmethod
    def none(cls, clients: int, mixes: int) -> "ZoneTrial":
        """So many that they never were all in the zone."""
        nothing = (0.0, 0.0)
        return cls(
            clients, 0, 0, mixes, 0.0, 0, 0, 0, 0.0, 0.0, 0, 0, nothing, nothing, nothing, 0, 0
        )

    @property
    def loss(self) -> float:
        """The share of cells that were late or lost."""
        return self.missed / self.expected if self.expected else 1.0

    @property
    def share_of_core(self) -> float:
        """CPU seconds of the gateway a second."""
        return self.cpu_s / self.seconds if self.seconds else 0.0

    @property
    def ns_per_cell(self) -> float:
        """CPU time of the gateway, by cells."""
        return self.cpu_s / self.cells * 1e9 if self.cells else 0.0


async def try_gateway(folder: Path, clients: int, cpus: Processors, *, seconds: float) -> ZoneTrial:
    """Run a gateway with so many clients on a processor of its own.

    It is of a zone of three mixes, but in their place stands a program that gives rows back as they
    came (`echo`), and the clients are bare (`lab.crowd.bare`): both must do with one processor, and
    to the gateway it makes no difference.

    Args:
        folder: new, for the zone and what the parts say.
        clients: how many.
        cpus: where the gateway runs, and where everything else.
        seconds: how long it is watched.
    """
    async with parts_in(folder) as parts:
        zone = await make_zone(parts, folder / "zone", MIXES, with_room(clients))
        gateway = serve(parts, "gateway", folder / "zone", "gateway", zone.gateways[0].port)
        keep_to(gateway, cpus.measured)
        words = [str(folder / "zone"), "--cpu", str(cpus.others)]
        first = parts.start("first mix", *words, command=ECHO)
        await first.until("figures", within_s=2 * START_S, where=lambda told: told["rounds"] > 0)
        empty = resident_bytes(gateway)
        crowd = await _come(parts, folder, clients, *BARE, "--cpu", str(cpus.others))
        trial = await _watch(gateway, crowd, clients, seconds, "loop")
        return trial._replace(empty_bytes=empty)


async def try_zone(folder: Path, clients: int, *, seconds: float) -> ZoneTrial:
    """Run a gateway, three mixes and so many clients, half of them in calls, on this computer.

    Args:
        folder: new, for the zone and what the parts say.
        clients: how many.
        seconds: how long it is watched.
    """
    async with parts_in(folder) as parts:
        zone = await make_zone(parts, folder / "zone", MIXES, with_room(clients))
        gateway, _ = await start_zone(parts, zone, folder / "zone", *TELLING)
        empty = resident_bytes(gateway)
        crowd = await _come(parts, folder, clients, "--calls", "0.5", *FEW_WAKEUPS)
        trial = await _watch(gateway, crowd, clients, seconds, "peer")
        return trial._replace(empty_bytes=empty)


def with_room(clients: int) -> int:
    """A zone for so many, in which a client that comes again finds room beside its old session."""
    return clients + clients // 20 + 20


async def _come(parts: Parts, folder: Path, clients: int, *more: str) -> Part:
    """Let so many clients come until all of them have rows: the crowd."""
    words = [str(folder / "zone" / "zone.toml"), "--clients", str(clients), *more]
    crowd = parts.start("crowd", *words, command=CROWD)
    await crowd.until("in zone", within_s=4 * START_S + clients * JOIN_S)
    return crowd


async def _watch(gateway: Part, crowd: Part, clients: int, seconds: float, sort: str) -> ZoneTrial:
    """Watch a gateway and a crowd whose clients all have rows.

    Args:
        gateway: it.
        crowd: its clients.
        clients: how many.
        seconds: how long.
        sort: whose delays are told, by its name in the crowd's figures.
    """
    since = crowd.all_told("in zone")[0]["t"] + SETTLE_S
    own, theirs = Window(gateway, since), Window(crowd, since)
    await own.open()
    await theirs.open()
    await pass_time(seconds)
    # Each tells at instants of its own: so what clients counted is brought to the gateway's time.
    share = own.seconds / theirs.seconds if theirs.seconds else 0.0
    return ZoneTrial(
        clients=clients,
        online=int(theirs.last("in_zone")),
        sockets=int(theirs.last("sockets")),
        mixes=MIXES,
        seconds=own.seconds,
        expected=int(theirs.gained("expected")),
        missed=int(theirs.gained("missed")),
        cells=int(share * (theirs.gained("sent") + theirs.gained("came"))),
        cpu_s=own.gained("cpu_s"),
        crowd_cpu_s=share * theirs.gained("cpu_s"),
        bytes_in=int(own.gained("access_bytes_in")),
        bytes_out=int(own.gained("access_bytes_out")),
        late_ms=own.ms("late"),
        done_ms=own.ms("done"),
        delay_ms=_delay(crowd.all_told("figures", since=since), sort),
        resident_bytes=resident_bytes(gateway),
        empty_bytes=0,
    )


def _delay(told: list[Told], sort: str) -> tuple[float, float]:
    """Of such cells: the median of the seconds' medians, and their worst p99."""
    delays = [each["delays_ms"][sort] for each in told if each["delays_ms"][sort]]
    if not delays:
        return 0.0, 0.0
    middles, _, highs = zip(*delays, strict=True)
    return median(middles), max(highs)
