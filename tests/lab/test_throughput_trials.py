"""Trials of real parts as processes, small ones: that they measure, not how fast they are."""

from pathlib import Path

import pytest

from pymix_voice.lab.throughput.idle import idle_timer
from pymix_voice.lab.throughput.mixes import try_mix
from pymix_voice.lab.throughput.trials import processors
from pymix_voice.lab.throughput.zones import try_gateway, try_zone

pytestmark = [pytest.mark.live, pytest.mark.slow]


async def test_a_middle_mix_between_its_neighbours_turns_rounds_over_a_change_of_epoch(
    tmp_path: Path,
) -> None:
    trial = await try_mix(tmp_path, 40, processors(), aegis=False)
    assert trial.epochs >= 1
    assert trial.rounds > 100
    assert trial.wrong == 0
    assert trial.cells > 0
    assert trial.cpu_s > 0
    assert trial.resident_bytes > 1 << 20


async def test_a_gateway_serves_clients_who_get_their_own_cells_back(tmp_path: Path) -> None:
    trial = await try_gateway(tmp_path, 30, processors(), seconds=2.0)
    assert trial.online == 30
    assert trial.expected > 1_000
    assert trial.loss < 0.5
    assert trial.cells > 0


async def test_a_whole_zone_carries_calls_of_light_clients(tmp_path: Path) -> None:
    trial = await try_zone(tmp_path, 30, seconds=2.0)
    assert (trial.online, trial.mixes) == (30, 3)
    assert trial.sockets >= 1
    assert trial.loss < 0.5
    assert trial.delay_ms[0] > 0


async def test_an_idle_timer_wakes_when_it_should() -> None:
    idle = await idle_timer(5)
    assert idle.n == 5
    assert 0 <= idle.p50 <= idle.p99
