"""The figures of a call, from recordings whose delay is known."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from pymix_voice.geometry import SAMPLE_RATE, Geometry
from pymix_voice.lab.outcome import Way, cells_per_second, outcome, table, unheard
from pymix_voice.lab.processes import Told
from pymix_voice.lab.zoning import CALLEE_SAYS, CALLER_SAYS, samples
from pymix_voice.voice.recordings import Recorder, read_recording

T0 = 1000.0
DELAY_S = 0.12
SILENCE_S = 0.3
"""The hearer's recording begins so long before the speaker speaks."""
GEOMETRY = Geometry(mixes=3, clients=8)


def side(role: str, **other: float | None) -> Told:
    return {
        "event": "summary",
        "role": role,
        "frames_sent": 500,
        "frames_heard": 499,
        "frames_concealed": 1,
        "frames_late": 0,
        "loss": 0.002,
        "t0": T0,
        "first_frame_sent": 7000,
        "s0": T0 + DELAY_S - SILENCE_S,
        "first_frame_played": 7010,
        "first_played_at": T0 + 0.2 + DELAY_S,
        "dialed_at": T0 - 5 if role == "caller" else None,
        **other,
    }


def heard_as(said: Path, heard: Path) -> Path:
    """What arrives `DELAY_S` late."""
    recorder = Recorder(heard)
    recorder.write(np.zeros(int(SILENCE_S * SAMPLE_RATE), np.int16))
    recorder.write(read_recording(said))
    recorder.close()
    return heard


def ways(tmp_path: Path, caller: Told, callee: Told) -> tuple[Way, Way]:
    there, back = samples() / CALLER_SAYS, samples() / CALLEE_SAYS
    return (
        Way("caller_to_callee", caller, callee, there, heard_as(there, tmp_path / "1.wav")),
        Way("callee_to_caller", callee, caller, back, heard_as(back, tmp_path / "2.wav")),
    )


@pytest.mark.slow
def test_delay_and_likeness_come_from_the_recordings(tmp_path: Path) -> None:
    mixes: list[list[Told]] = [[{"t": 1.0, "cells": 100}, {"t": 3.0, "cells": 500}]] * 3
    both = ways(tmp_path, side("caller"), side("callee"))
    summary = json.loads(json.dumps(outcome(both, mixes, GEOMETRY), allow_nan=False))
    assert summary["setup_ms"] == pytest.approx(5320, abs=0.1)
    assert summary["cells_per_second"] == 600
    assert summary["zone"] == {"mixes": 3, "clients": 8, "epoch_s": 4.0}
    for way in ("caller_to_callee", "callee_to_caller"):
        assert summary["correlation"][way] > 0.999
        assert summary["mouth_to_ear_ms"][way]["p50"] == pytest.approx(120, abs=0.1)
        assert summary["mouth_to_ear_ms"][way]["n"] > 10
        assert summary["mouth_to_ear_rounds_ms"][way] == pytest.approx(120, abs=0.1)
        assert Path(summary["received"][way]).exists()
    assert unheard(summary) is None
    shown = Console(file=io.StringIO(), record=True, width=100)
    shown.print(table({**summary}))
    assert "120 ms" in shown.export_text()


@pytest.mark.slow
def test_a_way_without_a_voice_is_told_in_a_sentence_and_has_no_delay(tmp_path: Path) -> None:
    deaf = side("caller", frames_heard=0, first_played_at=None, first_frame_played=None, s0=None)
    summary = outcome(ways(tmp_path, deaf, side("callee")), [[]], GEOMETRY)
    assert summary["setup_ms"] is None
    assert summary["mouth_to_ear_ms"]["callee_to_caller"] == {"p50": None, "p95": None, "n": 0}
    assert summary["mouth_to_ear_rounds_ms"]["callee_to_caller"] is None
    assert unheard(summary) == (
        "no voice came through from the callee to the caller: 0 frames heard, likeness 0.00 of 1"
    )
    Console(file=io.StringIO()).print(table(summary))


def test_cells_per_second_need_two_figures() -> None:
    assert cells_per_second([{"t": 1.0, "cells": 5}]) == 0.0
    assert cells_per_second([{"t": 1.0, "cells": 0}, {"t": 2.0, "cells": 40}]) == 40.0
