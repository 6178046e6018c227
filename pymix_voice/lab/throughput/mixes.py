"""Trials of a middle mix: the real program on a processor of its own, its neighbours on another.

Must not know: how many circuits are tried next.
"""

import sys
from pathlib import Path
from statistics import median
from typing import NamedTuple

from pymix_voice.lab.processes import parts_in
from pymix_voice.lab.throughput.ends import skipped_rounds
from pymix_voice.lab.throughput.trials import (
    Processors,
    Window,
    keep_to,
    pass_time,
    resident_bytes,
    serve,
)
from pymix_voice.lab.zoning import START_S, make_zone

NEIGHBOURS = (sys.executable, "-m", "pymix_voice.lab.throughput.between")
SETUP_S = 0.0008
"""More than the making, telling and opening of a client's two onions takes, both sides together."""
SETTLE_S = 1.5
BEYOND_S = 2.0
"""It is watched for so long after the first change of epoch."""


class MixTrial(NamedTuple):
    """What a mix did with so many circuits.

    Attributes:
        clients: each has a line in every round, and a door in every tenth.
        links: the cipher of its links.
        seconds: how long it was watched.
        rounds: how many went forward and back, whole, in that time.
        cells: rows of all rounds, forward and backward, that went through.
        cpu_s: CPU time it took for everything, set-ups included.
        lost_rows: rows that were filler, anywhere.
        wrong: rounds in which rows that were looked at did not come out right.
        epochs: how many times circuits changed in that time.
        late_ms: from due (the last datagram of the round came) to begun: median and p99.
        done_ms: from due to the last datagram's being sent.
        trip_ms: from the tick until a round was back through the mix twice, median and p99.
        resident_bytes: its memory at the end.
        empty_bytes: the same before it had circuits.
        loss_free: no row was filler, nothing wrong, no epoch extended.
    """

    clients: int
    links: str
    seconds: float
    rounds: int
    cells: int
    cpu_s: float
    lost_rows: int
    wrong: int
    epochs: int
    late_ms: tuple[float, float]
    done_ms: tuple[float, float]
    trip_ms: tuple[float, float]
    resident_bytes: int
    empty_bytes: int
    loss_free: bool

    @classmethod
    def none(cls, clients: int, *, aegis: bool) -> "MixTrial":
        """So many that the first circuits were not there in time."""
        nothing, links = (0.0, 0.0), _links(aegis=aegis)
        return cls(clients, links, 0.0, 0, 0, 0.0, 0, 0, 0, nothing, nothing, nothing, 0, 0, False)

    @property
    def share_of_core(self) -> float:
        """CPU seconds a second."""
        return self.cpu_s / self.seconds if self.seconds else 0.0

    @property
    def ns_per_cell(self) -> float:
        """CPU time of everything, by cells."""
        return self.cpu_s / self.cells * 1e9 if self.cells else 0.0


async def try_mix(
    folder: Path, clients: int, cpus: Processors, *, aegis: bool, seconds: float = 0.0
) -> MixTrial:
    """Run a middle mix with so many clients' circuits, over one change of epoch at least.

    Args:
        folder: new, for the zone and what the parts say.
        clients: how many.
        cpus: where.
        aegis: whether its links use AEGIS-128L (both ends must have it in hardware).
        seconds: at least so long; until a little after a change of epoch if that is longer.
    """
    async with parts_in(folder) as parts:
        zone = await make_zone(parts, folder / "zone", 3, clients)
        mix = serve(parts, "mix", folder / "zone", "mix 2", zone.mixes[1].port)
        keep_to(mix, cpus.measured)
        await mix.until("note", within_s=START_S)
        empty = resident_bytes(mix)
        words = [str(folder / "zone"), "--cpu", str(cpus.others)]
        words += [] if aegis else ["--chacha"]
        around = parts.start("neighbours", *words, command=NEIGHBOURS)
        began = await around.until("running", within_s=2 * START_S + clients * SETUP_S)
        since = began["t"] + SETTLE_S
        own, outer = Window(mix, since), Window(around, since)
        await own.open()
        await outer.open()
        rounds = zone.geometry.epoch_rounds - skipped_rounds(zone.geometry)
        await pass_time(max(seconds, rounds * zone.geometry.round_s + BEYOND_S))
        return MixTrial(
            clients=clients,
            links=_links(aegis=aegis),
            seconds=own.seconds,
            rounds=int(outer.gained("returned")),
            cells=int(own.gained("cells")),
            cpu_s=own.gained("cpu_s"),
            lost_rows=int(own.gained("filled_rows") + outer.gained("filled_rows")),
            wrong=int(outer.gained("wrong")),
            epochs=int(outer.gained("switched")),
            late_ms=own.ms("late"),
            done_ms=own.ms("done"),
            trip_ms=_trip(around.all_told("figures", since=since)),
            resident_bytes=resident_bytes(mix),
            empty_bytes=empty,
            loss_free=_loss_free(own, outer),
        )


def _links(*, aegis: bool) -> str:
    return "aegis-128l" if aegis else "chacha20-poly1305"


def _trip(told: list[dict[str, object]]) -> tuple[float, float]:
    pairs = [each["trip_ms"] for each in told]
    middle, high = zip(*pairs, strict=True)
    return median(middle), max(high)


def _loss_free(own: Window, outer: Window) -> bool:
    lost = ("filled_rows", "wrong", "extended")
    return not any(own.gained(name) + outer.gained(name) for name in lost)
