"""A mix that stood still for a moment, as a busy computer lets it: what came meanwhile counts."""

import os
import signal
import sys
from pathlib import Path

import pytest
import trio

from pymix_voice.lab.processes import Part, parts_in
from pymix_voice.lab.throughput.trials import TELLING
from pymix_voice.lab.zoning import START_S, ZONE_S, make_zone, start_zone

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(sys.platform == "win32", reason="processes are stopped by a signal"),
]

CLIENTS = 20
CROWD = (sys.executable, "-m", "pymix_voice.lab.crowd")
STALLS = 10
STALL_S = 0.05


async def count(part: Part, name: str, since: int) -> int:
    """A count, told after so many rounds."""
    told = await part.until("figures", within_s=START_S, where=lambda told: told["rounds"] > since)
    return int(told[name])


async def test_rounds_that_came_while_the_first_mix_stood_still_are_not_lost(
    tmp_path: Path,
) -> None:
    async with parts_in(tmp_path) as parts:
        zone = await make_zone(parts, tmp_path / "zone", 1, CLIENTS)
        _, (mix,) = await start_zone(parts, zone, tmp_path / "zone", *TELLING)
        words = [str(tmp_path / "zone" / "zone.toml"), "--clients", str(CLIENTS), "--calls", "0"]
        crowd = parts.start("crowd", *words, command=CROWD)
        await crowd.until("in zone", within_s=2 * ZONE_S)
        rounds = int(mix.all_told("figures")[-1]["rounds"])
        before = await count(mix, "filled_rows", rounds)
        for _ in range(STALLS):
            os.kill(mix.pid, signal.SIGSTOP)
            await trio.sleep(STALL_S)
            os.kill(mix.pid, signal.SIGCONT)
            await trio.sleep(4 * STALL_S)
        rounds = int(mix.all_told("figures")[-1]["rounds"])
        lost = await count(mix, "filled_rows", rounds + 1) - before
    assert lost < STALLS * CLIENTS
