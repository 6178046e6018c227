"""When clients hand their cells to the socket: idle and in a call, against the same schedule.

A zone of processes, the echo test as the peer, and two clients that are watched (`watched.py`).
While one is idle the other is in a call; then they change places, some times over. So whatever
else the computer does, and however fast it just is, falls on both alike. For every round it is
noted how long after its instant the first datagram was handed over. The two-sample
Kolmogorov-Smirnov test then says how likely it is that idle offsets and those of calls come from
one law.

Must not know: sockets, sound.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import trio
from rich.table import Table

from pymix_voice.lab.measure import percentiles
from pymix_voice.lab.processes import Part, Parts, Told, parts_in
from pymix_voice.lab.zoning import START_S, ZONE_S, client, make_zone, start_zone

MIXES = 3
TURNS = 4
"""So often the two change places."""
SETTLE_S = 1.0
"""Not watched at the beginning of each turn."""
DIAL_S = 40.0
SPARE_S = 10.0
"""Until a client that has watched for its time says so."""
RESOLUTION_S = 1e-7
"""Reading the clock takes about half of this; finer differences are those of reading it."""
ALIKE = 0.01
"""Below this probability the two laws are told apart."""
WATCHED = (sys.executable, "-m", "pymix_voice.lab.watched")

Tell = Callable[[str], None]
"""Takes what goes on."""


async def measure(seconds: float, tell: Tell, turns: int = TURNS) -> Told:
    """Measure in a zone of its own.

    Args:
        seconds: of idleness, and of calls; 50 rounds each.
        tell: is told what goes on.
        turns: how often the two clients change places.

    Returns:
        Figures for each of "idle" and "call" in milliseconds, the KS statistic and probability.

    Raises:
        PartError: if a part ended, or no call came to stand.
    """
    offsets: dict[str, list[float]] = {"idle": [], "call": []}
    with tempfile.TemporaryDirectory(prefix="pymix-voice-") as home:
        logs = Path(home) / "logs"
        logs.mkdir()
        async with parts_in(logs) as parts:
            tell("starting a gateway, three mixes, an echo and two clients")
            pair = await _start(parts, Path(home))
            for turn in range(turns):
                talker, idler = pair[turn % 2], pair[1 - turn % 2]
                tell(f"turn {turn + 1} of {turns}: one of them dials")
                await _ask(talker, "call", "talking", DIAL_S)
                tell(f"turn {turn + 1} of {turns}: one is in a call, one is idle")
                for name, told in (await _watch(talker, idler, seconds / turns)).items():
                    offsets[name] += told
                await _ask(talker, "hangup", "idle", SPARE_S)
    return figures(offsets)


async def _start(parts: Parts, home: Path) -> tuple[Part, Part]:
    """A zone with an echo, and the two clients that are watched."""
    zone = await make_zone(parts, home / "zone", MIXES)
    await start_zone(parts, zone, home / "zone")
    echo = parts.start("echo", *client("echo", home, "echo"))
    address = str((await echo.until("address", within_s=START_S))["address"])
    words = str(home / "zone" / "zone.toml"), address
    pair = (
        parts.start("one", *words, "0", command=WATCHED),
        parts.start("other", *words, "1", command=WATCHED),
    )
    for part in (echo, *pair):
        await part.until("in zone", within_s=START_S + ZONE_S)
    return pair


async def _ask(part: Part, line: str, event: str, within_s: float) -> Told:
    """Tell a client what to do, and wait until it is done."""
    told = len(part.all_told(event))
    part.order(line)
    return await part.until(event, within_s=within_s, where=lambda each: nth(part, each) >= told)


def nth(part: Part, told: Told) -> int:
    """How many of its kind a part had told before."""
    return part.all_told(told["event"]).index(told)


async def _watch(talker: Part, idler: Part, seconds: float) -> dict[str, list[float]]:
    """Watch both at the same time."""
    await trio.sleep(SETTLE_S)
    watched: dict[str, list[float]] = {}

    async def watch(part: Part, name: str) -> None:
        line = f"watch {name} {seconds}"
        told = await _ask(part, line, "watched", seconds + SPARE_S)
        watched[name] = told["offsets"]

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch, talker, "call")
        nursery.start_soon(watch, idler, "idle")
    return watched


# ── figures ──────────────────────────────────────────────────────────────────────────────────


def figures(offsets: dict[str, list[float]]) -> Told:
    """What the offsets were like, in milliseconds, and whether they can be told apart.

    Args:
        offsets: seconds, for "idle" and for "call".
    """
    from scipy.stats import ks_2samp

    told: Told = {name: _figures(values) for name, values in offsets.items()}
    idle, call = (np.round(np.array(offsets[name]) / RESOLUTION_S) for name in ("idle", "call"))
    test = ks_2samp(idle, call, method="asymp")  # many offsets are the same
    told["ks"] = {"statistic": round(float(test.statistic), 4), "p": float(test.pvalue)}
    told["alike"] = bool(test.pvalue > ALIKE)
    return told


def _figures(values: Sequence[float]) -> Told:
    array = np.array(values)
    names = ("p5", "p50", "p95", "p99")
    points = zip(names, percentiles(array, 5, 50, 95, 99), strict=True)
    return {"n": len(array), **{name: round(value * 1000, 4) for name, value in points}}


def table(told: Told) -> Table:
    """The figures for people."""
    shown = Table(box=None, padding=(0, 3, 0, 0))
    for column in ("handed over after its instant", "cells", "5 %", "median", "95 %", "99 %"):
        shown.add_column(column, justify="left" if column.startswith("handed") else "right")
    for name, label in (("idle", "idle"), ("call", "in a call")):
        row = told[name]
        values = (f"{row[point] * 1000:.1f} µs" for point in ("p5", "p50", "p95", "p99"))
        shown.add_row(label, str(row["n"]), *values)
    return shown


def sentence(told: Told) -> str:
    """What the test says."""
    p = told["ks"]["p"]
    verdict = "cannot be told apart" if told["alike"] else "can be told apart"
    return f"Kolmogorov-Smirnov: p = {p:.3f}; idle and in a call {verdict} (p > {ALIKE} wanted)"
