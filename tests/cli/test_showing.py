"""The commands that measure delay and cost: one object, a table, a report, and Ctrl-C."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from pymix_voice.cli import INTERRUPTED, main
from pymix_voice.lab.calls import bench
from pymix_voice.lab.calls.bench import Bench
from pymix_voice.lab.peers.voices import Voice, missing
from pymix_voice.lab.throughput.cost import Cost


def stand_still() -> None:
    """No step is shown."""


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that measured only what stands beside; nobody waits for it."""

    async def run(self: Bench, advance: Callable[[], None] = stand_still) -> None:
        await trio.lowlevel.checkpoint()
        self.found.beside = [
            Voice("direct", "hides nothing", [50.0, 51.0], 0.0, 0.99),
            missing("timers", "a timer a hop", "mix 1 ended with exit code 1"),
        ]
        advance()
        self.found.whole = True

    monkeypatch.setattr(bench.Bench, "run", run)


@pytest.mark.usefixtures("measured")
def test_latency_gives_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "latency", "--quick", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"mouth_to_ear_ms", "direct_ms", "added_ms"} <= set(told)
    assert told["direct_ms"]["n"] == 2


@pytest.mark.usefixtures("measured")
def test_latency_says_what_is_missing_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "latency", "--quick"]) == 0
    out = capsys.readouterr().out
    assert "Not measured: timers: mix 1 ended with exit code 1." in out


@pytest.mark.slow
@pytest.mark.usefixtures("measured")
def test_a_report_keeps_what_other_benchmarks_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert main(["bench", "latency", "--quick", "--report", str(tmp_path), "--json"]) == 0
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["latency"]["beside"][0]["scheme"] == "direct"
    assert (tmp_path / "index.html").exists()
    (tmp_path / "results.json").write_text("{")
    assert main(["bench", "latency", "--quick", "--report", str(tmp_path), "--json"]) == 1
    assert "does not hold results" in capsys.readouterr().err


def test_ctrl_c_shows_what_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run(self: object, advance: Callable[[], None] = stand_still) -> None:
        await trio.lowlevel.checkpoint()
        raise KeyboardInterrupt

    monkeypatch.setattr(bench.Bench, "run", run)
    monkeypatch.setattr(Cost, "run", run)
    for command in ("latency", "cost"):
        words = ["bench", command, "--quick", "--json", "--report", str(tmp_path)]
        assert main(words) == INTERRUPTED
        assert json.loads(capsys.readouterr().out)["whole"] is False
    assert list(tmp_path.iterdir()) == [], "where nothing was measured nothing is reported"


def test_a_folder_without_recordings_is_told_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "latency", "--quick", "--samples", str(tmp_path)]) == 1
    assert "has 0 WAV files, but two are wanted" in capsys.readouterr().err
