"""The command that breaks a zone: what it says, gives back, and keeps after Ctrl-C."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pymix_voice.cli import main
from pymix_voice.lab.faults import bench
from pymix_voice.lab.processes import Told

ROW: Told = {
    "fault": "kill",
    "part": "mix 2",
    "gap_s": 6.0,
    "recovery_s": 5.0,
    "bystander_gap_s": 5.5,
    "bystander_recovery_s": 5.0,
    "frames_lost": 300,
    "bystander_frames_lost": 271,
    "memory_mb": {"mix 2": [48.0, 48.5]},
    "lines": 4,
    "ok": True,
    "failed": [],
    "notes": ["gone for 0.7 s"],
}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="mixes run on Linux")


@pytest.fixture(params=[None, KeyboardInterrupt], ids=["whole", "stopped"])
def code(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """A run that finds one row, and is then over or stopped; the exit code that belongs to it."""

    async def run(self: bench.Bench, advance: Callable[[], None]) -> None:
        self.found.rows.append(ROW)
        if request.param is not None:
            raise request.param
        self.found.whole = True

    monkeypatch.setattr(bench.Bench, "run", run)
    return 0 if request.param is None else 130


def test_rows_are_one_object_or_a_table_also_after_ctrl_c(
    code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["bench", "faults", "--json", "--quick"]) == code
    found = json.loads(capsys.readouterr().out)
    assert (found["bench"], found["whole"], found["rows"]) == ("faults", code == 0, [ROW])
    assert main(["bench", "faults", "--only", "kill/mix 2", "disk"]) == code
    text = capsys.readouterr().out
    assert "6.00 s" in text
    assert "gone for 0.7 s" in text


def test_what_is_not_well_is_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run(self: bench.Bench, advance: Callable[[], None]) -> None:
        self.found.rows.append({**ROW, "ok": False, "failed": ["the call did not recover"]})
        self.found.whole = True

    monkeypatch.setattr(bench.Bench, "run", run)
    assert main(["bench", "faults", "--quick"]) == 1
    assert "did not recover" in " ".join(capsys.readouterr().out.split())


def test_a_fault_that_there_is_not_is_told_with_those_that_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["bench", "faults", "--only", "flood"]) == 1
    told = capsys.readouterr().err
    assert "there is no fault 'flood'; there are none, kill" in told
    assert told.count("\n") == 1


@pytest.mark.live
@pytest.mark.slow
def test_a_stopped_run_tells_what_calls_heard_until_then(tmp_path: Path) -> None:
    """Real parts and real calls: nothing is wrong at first, and is heard to be so."""
    words = ["bench", "faults", "--only", "none", "kill/mix 3", "--json"]
    command = [sys.executable, "-m", "pymix_voice", *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("kill"):
                break
        time.sleep(0.5)  # in the midst of it
        process.send_signal(signal.SIGINT)
        told = json.loads(process.stdout.read())
        assert process.wait(20) == 130
    assert told["whole"] is False
    assert told["leaks"] == []
    (row,) = told["rows"]
    assert (row["fault"], row["ok"]) == ("none", True)
    assert row["gap_s"] < 0.3
    assert row["bystander_gap_s"] < 0.3
    assert 20 < row["memory_mb"]["gateway"][0] < 300
