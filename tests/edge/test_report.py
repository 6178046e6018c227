"""What operators read."""

import json

import pytest

from pymix_voice.edge.clock import Clock
from pymix_voice.edge.report import Report, read_line, write_line


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


@pytest.mark.parametrize(
    "line", [b"", b"[" * 100_000, b'{"a": "\xff"}', b'{"\xff": 1}', b"[]", b"3", b"{"]
)
def test_a_line_that_nobody_of_us_wrote_is_none(line: bytes) -> None:
    assert read_line(line) is None


def test_a_line_is_read_as_it_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    write_line({"event": "note", "text": "é\n"})
    assert read_line(capsys.readouterr().out.encode()) == {"event": "note", "text": "é\n"}
