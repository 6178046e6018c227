"""What operators read."""

import json

import pytest

from pymix_voice.edge.clock import Clock
from pymix_voice.edge.report import Report, write_line


def test_notes_are_plain_lines_with_a_name(capfd: pytest.CaptureFixture[str]) -> None:
    report = Report("mix-plain", as_json=False)
    report.note("linked with mix2")
    report.figures({"rounds": 200, "dropped: late": 0, "late_counts": [3, 4], "cells": 4000})
    out, err = capfd.readouterr()
    assert out == ""
    assert err == "mix-plain: linked with mix2\nmix-plain: rounds 200, cells 4000\n"


def test_with_json_everything_is_one_object_a_line_on_stdout(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = Report("mix-json", as_json=True)
    report.note("linked with mix2")
    before = Clock.now()
    report.figures({"rounds": 200, "dropped: late": 0, "late_counts": [3, 4]})
    out, err = capsys.readouterr()
    assert err == ""
    note, figures = (json.loads(line) for line in out.splitlines())
    assert note == {"event": "note", "text": "linked with mix2"}
    assert before <= figures.pop("t") <= Clock.now()
    assert figures == {
        "event": "figures",
        "rounds": 200,
        "dropped: late": 0,
        "late_counts": [3, 4],
    }


def test_a_line_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    write_line({"event": "note", "text": "two\nlines"})
    assert capsys.readouterr().out.count("\n") == 1
