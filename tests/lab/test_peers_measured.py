"""What a peer's run told: read well, or a plain word of what went wrong."""

import sys

import msgspec
import pytest

from pymix_voice.lab.peers.measured import Measured, PeerError, measured_by, read_measured


def test_rates_follow_from_cells_and_time() -> None:
    measured = Measured.of("mix", "some cipher", rows=10, cells=400, cpu_s=0.2, verified=3)
    assert measured.rounds == 20
    assert measured.ns_per_cell == pytest.approx(500_000)
    assert measured.cells_per_second == pytest.approx(2_000)


@pytest.mark.parametrize(("cells", "cpu_s"), [(0, 1.0), (5, 0.0)])
def test_a_run_in_which_nothing_came_through_is_no_measurement(cells: int, cpu_s: float) -> None:
    with pytest.raises(PeerError, match="not one cell"):
        Measured.of("mix", "some cipher", 10, cells, cpu_s, verified=0)


async def run(program: str) -> Measured:
    return await measured_by([sys.executable, "-c", program], seconds=0.0)


async def test_what_a_peer_prints_is_read() -> None:
    printed = Measured("mix", "c", 1, 2, 3.0, 4.0, 5.0, 6, {"open": 7.0})
    assert await run(f"print({msgspec.json.encode(printed).decode()!r})") == printed


async def test_a_peer_that_fails_is_told_by_its_last_word() -> None:
    with pytest.raises(PeerError, match="no such cipher"):
        await run("import sys; sys.exit('first\\nno such cipher')")


async def test_a_peer_that_tells_nothing_of_use_is_refused() -> None:
    with pytest.raises(PeerError, match="cannot be read"):
        await run("print('{}')")


@pytest.mark.parametrize("told", [b"", b"3", b'{"a": ' + b"[" * 100_000, b'{"mode": "\xff"}'])
def test_what_is_no_measurement_is_told(told: bytes) -> None:
    with pytest.raises(PeerError, match="cannot be read"):
        read_measured(told)
