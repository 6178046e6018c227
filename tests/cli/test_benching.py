"""Commands that measure: one JSON object, a table, and sentences when something is missing."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pymix_voice.cli import main
from pymix_voice.geometry import SAMPLE_RATE
from pymix_voice.lab import echo, redundancy
from pymix_voice.lab.losses import Losses
from pymix_voice.lab.patterns import WAYS
from pymix_voice.lab.playing import Figures
from pymix_voice.lab.redundancy import Condition, Score
from pymix_voice.voice.recordings import Recorder, read_recording

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture
def speech(tmp_path: Path) -> str:
    """A folder with two seconds of speech."""
    with Recorder(tmp_path / "short.wav") as recorder:
        recorder.write(read_recording(SAMPLES / "austen-selfish.wav")[:96_000])
    return str(tmp_path)


def test_redundancy_without_pesq_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pesq", None)
    assert main(["bench", "redundancy"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("pymix-voice: pesq was not found")
    assert "pip install 'pymix-voice[bench]'" in told.err
    assert told.err.count("\n") == 1


def test_echo_without_its_library_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", None)
    assert main(["bench", "echo"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("pymix-voice: pywebrtc-audio was not found")
    assert told.err.count("\n") == 1


@pytest.mark.slow
def test_redundancy_gives_one_object(capsys: pytest.CaptureFixture[str], speech: str) -> None:
    assert main(["bench", "redundancy", "--quick", "--samples", speech, "--json"]) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert (found["bench"], found["seeds"], found["whole"]) == ("redundancy", 1, True)
    assert len(found["rows"]) == 2 * len(redundancy.FEW)
    for row in found["rows"]:
        assert list(row) == ["scheme", "pattern", "loss", "pesq", "n", "spread"]
        assert 1.0 <= row["pesq"] <= 4.65
        assert row["n"] == 1
    assert told.err == ""


@pytest.mark.slow
def test_echo_gives_one_object(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    far, near = echo.voices(SAMPLES)
    short = far[: 8 * SAMPLE_RATE], near[: 4 * SAMPLE_RATE]
    monkeypatch.setattr(echo, "voices", lambda folder: short)
    assert main(["bench", "echo", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["bench"], found["whole"]) == ("echo", True)
    assert found["echoes"][0]["erle_db"] >= 20
    assert found["near_alone"]["delay_ms"] > 0


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_a_ctrl_c_shows_what_was_measured(
    option: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    speech: str,
) -> None:

    def stopped(*arguments: object) -> Iterator[Score]:
        yield Score(Condition(Losses.RANDOM, 0.05), 2.83, 4.19)
        raise KeyboardInterrupt

    monkeypatch.setattr(redundancy, "scores", stopped)
    assert main(["bench", "redundancy", "--samples", speech, *option]) == 130
    told = capsys.readouterr().out
    assert "2.83" in told
    assert "4.19" in told
    if option:
        assert json.loads(told)["whole"] is False
    else:
        assert "+1.36" in told


def test_no_seeds_at_all_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "redundancy", "--seeds", "0"]) == 2
    assert "--seeds" in capsys.readouterr().err


@pytest.mark.slow
def test_playout_gives_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "playout", "--seconds", "5", "--json"]) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert (found["bench"], found["seconds"], found["whole"]) == ("playout", 5.0, True)
    assert [each["name"] for each in found["patterns"]] == [way.name for way in WAYS]
    for each in found["patterns"]:
        assert list(each) == list(Figures._fields)
        assert 30 < each["delay_p50_ms"] <= each["delay_p95_ms"] < 400
        assert 0 <= each["loss_after_repair"] <= each["loss"] < 0.25
    assert told.err == ""


@pytest.mark.slow
def test_playout_shows_a_line_for_each_pattern(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "playout", "--seconds", "5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for way, line in zip(WAYS, lines[1:], strict=False):
        assert line.startswith(way.name)
        assert " ms" in line
    assert any(line.startswith("guessed") for line in lines)


def test_playout_without_a_resampler_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "samplerate", None)
    assert main(["bench", "playout", "--seconds", "5"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("pymix-voice: samplerate was not found")
    assert told.err.count("\n") == 1


@pytest.mark.parametrize("seconds", ["0", "-1", "1e9", "nan", "soon"])
def test_times_that_no_pattern_has_are_wrong_usage(
    seconds: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "playout", "--seconds", seconds]) == 2
    assert "--seconds" in capsys.readouterr().err
