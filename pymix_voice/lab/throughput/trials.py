"""One trial: parts of a zone as processes, each kept to a processor, watched for a while.

Must not know: which parts, what a trial is for.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import trio

from pymix_voice.edge.tardiness import percentiles_ms
from pymix_voice.lab import zoning
from pymix_voice.lab.processes import Part, Parts, Told
from pymix_voice.lab.zoning import START_S

TELL_S = 1.0
"""How often the parts tell their figures."""
TELLING = ("--tell-every", str(TELL_S))


class Processors(NamedTuple):
    """Where what is measured runs, and everything else."""

    measured: int
    others: int


def processors() -> Processors:
    """Two of this computer's; the same one twice if there is only one."""
    free = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    return Processors(free[0], free[-1])


def keep_to(part: Part, cpu: int) -> None:
    """From now on a part runs on one processor."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(part.pid, {cpu})


def resident_bytes(part: Part) -> int:
    """How much memory a part has."""
    status = Path(f"/proc/{part.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def serve(parts: Parts, role: str, folder: Path, name: str, port: int, *more: str) -> Part:
    """Start a mix or gateway that tells its figures often."""
    return parts.start(name, *zoning.serve(role, folder, port, *TELLING, *more))


class Window:
    """What parts told between two instants, by the differences of their figures.

    Args:
        part: whose figures.
        since: the first figures told after this instant begin the window.
    """

    def __init__(self, part: Part, since: float) -> None:
        self._part = part
        self._since = since

    @property
    def _told(self) -> Sequence[Told]:
        return self._part.all_told("figures", since=self._since)

    async def open(self) -> None:
        """Wait for the figures that begin it."""
        await self._part.until("figures", since=self._since, within_s=4 * TELL_S + START_S)

    @property
    def seconds(self) -> float:
        """From the first figures to the last."""
        return float(self._told[-1]["t"] - self._told[0]["t"])

    def gained(self, name: str) -> float:
        """By how much a count has risen."""
        return float(self._told[-1].get(name, 0) - self._told[0].get(name, 0))

    def ms(self, name: str) -> tuple[float, float]:
        """How long after it was due something happened: median and 99th percentile.

        Args:
            name: 'late' for its beginning, 'done' for the last datagram of what came of it.
        """
        first, last = (np.array(self._told[end][f"{name}_counts"]) for end in (0, -1))
        p50, p99 = percentiles_ms(last - first, (50, 99))
        return p50, p99

    def last(self, name: str) -> float:
        """What was told last."""
        return float(self._told[-1].get(name, 0))


async def pass_time(seconds: float) -> None:
    """Let a trial run."""
    await trio.sleep(seconds)
