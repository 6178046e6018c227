"""`bench quality`: one JSON object, a table, and sentences when something is missing."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pymix_voice.cli import main
from pymix_voice.lab import quality_bench
from pymix_voice.lab.hearing import COPIES, PLAIN
from pymix_voice.lab.quality_bench import FEW, Score
from pymix_voice.lab.quality_shown import Row
from pymix_voice.voice.recordings import Recorder, read_recording

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture
def speech(tmp_path: Path) -> str:
    """A folder with two seconds of speech."""
    with Recorder(tmp_path / "short.wav") as recorder:
        recorder.write(read_recording(SAMPLES / "austen-selfish.wav")[:96_000])
    return str(tmp_path)


@pytest.mark.parametrize("package", ["pesq", "pystoi"])
def test_without_a_package_that_scores_it_says_what_to_install(
    package: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["bench", "quality"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"pymix-voice: {package} was not found")
    assert "pip install 'pymix-voice[bench]'" in told.err
    assert told.err.count("\n") == 1


@pytest.mark.slow
def test_quality_gives_one_object(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, speech: str
) -> None:
    monkeypatch.setattr(quality_bench, "FEW", FEW[-2:-1])
    assert main(["bench", "quality", "--quick", "--samples", speech, "--json"]) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert set(found) >= {"bench", "quick", "whole", "seeds", "machine", "quality"}
    assert (found["bench"], found["quick"], found["whole"], found["seeds"]) == (
        *("quality", True, True, 1),
    )
    assert [row["scheme"] for row in found["quality"]] == ["copies", "opus 44"]
    for row in found["quality"]:
        assert list(row) == list(Row._fields)
        assert (row["pattern"], row["loss"]) == ("mobile", 0.0396)
        assert 1.0 <= row["pesq"]["mean"] <= 4.65
        assert 0.5 < row["stoi"]["mean"] <= 1
        assert 80 < row["delay_ms"] < 400
        assert 30 < row["r"] <= 93.2
    assert told.err == ""


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_a_ctrl_c_shows_what_was_measured(
    option: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    speech: str,
) -> None:
    def stopped(*arguments: object) -> Iterator[Score]:
        yield Score(FEW[1], COPIES, 4.19, 0.96, 151.0, 100, 2, 2)
        yield Score(FEW[1], PLAIN, 2.83, 0.91, 111.0, 100, 10, 9)
        raise KeyboardInterrupt

    monkeypatch.setattr(quality_bench, "scores", stopped)
    assert main(["bench", "quality", "--samples", speech, *option]) == 130
    told = capsys.readouterr().out
    assert "2.83" in told
    assert "4.19" in told
    if option:
        assert json.loads(told)["whole"] is False
    else:
        assert "151 ms" in told
        assert "E-model" in told


def test_no_seeds_at_all_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "quality", "--seeds", "0"]) == 2
    assert "--seeds" in capsys.readouterr().err
