"""The limit in C: it builds here, does all of the work, and says so in numbers that agree."""

from pathlib import Path

import pytest
import trio

from pymix_voice.lab.peers import limit
from pymix_voice.lab.peers.limit import Cipher, Mode
from pymix_voice.lab.peers.measured import PeerError

pytestmark = [
    pytest.mark.live,
    pytest.mark.slow,
    pytest.mark.skipif(not limit.available(), reason="no C compiler, or not Linux"),
]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = trio.run(limit.build, tmp_path_factory.mktemp("limit"))
    assert built is not None
    return built


@pytest.mark.parametrize("mode", ["mix", "gateway"])
async def test_every_step_is_done_and_looked_at(program: Path, mode: Mode) -> None:
    ciphers: list[Cipher] = ["chacha20-poly1305", "aegis-128l"]
    for cipher in ciphers:
        # 500 rows are 56 chunks: more than one group, and a last chunk that is not full.
        measured = await limit.measure(program, mode, cipher, 500, 0.05, 0)
        assert (measured.mode, measured.cipher, measured.rows) == (mode, cipher, 500)
        assert measured.verified > measured.rounds > 0
        assert measured.ns_per_cell == pytest.approx(sum(measured.steps.values()), rel=0.01)
        cells = 2 * measured.rows * measured.rounds
        assert measured.cells_per_second == pytest.approx(cells / measured.cpu_s, rel=0.01)
        assert measured.steps["open"] > 0
        assert (measured.steps["keystream"] > 0) == (mode == "mix")


@pytest.mark.parametrize("rows", [1, 9, 10, 486, 487])
async def test_rounds_of_any_size_come_out_right(program: Path, rows: int) -> None:
    for mode in ("mix", "gateway"):
        assert (await limit.measure(program, mode, "aegis-128l", rows, 0.01)).verified


async def test_what_it_cannot_do_it_refuses(program: Path) -> None:
    with pytest.raises(PeerError, match="60,000 rows"):
        await limit.measure(program, "mix", "aegis-128l", 0, 0.01)
    with pytest.raises(PeerError, match="CPU"):
        await limit.measure(program, "mix", "aegis-128l", 10, 0.01, 1000)
