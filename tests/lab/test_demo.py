"""The demo as a person runs it: a zone and a call in real processes, and nothing left behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from pymix_voice.voice.recordings import read_recording

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
WAYS = ("caller_to_callee", "callee_to_caller")
PER_WAY = (
    "frames_sent",
    "frames_heard",
    "loss",
    "mouth_to_ear_ms",
    "mouth_to_ear_rounds_ms",
    "correlation",
    "received",
)

pytestmark = [
    pytest.mark.live,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]


def parts_of(folder: Path) -> dict[int, str]:
    """Running processes of the demo that writes into this folder: number and command line."""
    # Every process of a demo inherits this variable, and only those do.
    mark = f"PYMIX_DEMO_TEST={folder}".encode()
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (place / "environ").read_bytes().split(b"\0"):
                found[int(place.name)] = (place / "cmdline").read_bytes().replace(b"\0", b" ")
        except OSError:
            continue  # it ended meanwhile
    return {number: line.decode() for number, line in found.items()}


def wait_until(look: Callable[[], T], within_s: float) -> T:
    until = time.monotonic() + within_s
    while not (seen := look()) and time.monotonic() < until:
        time.sleep(0.05)
    return seen


@contextmanager
def demo(folder: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "pymix_voice", "demo", "--json", "--out", str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYMIX_DEMO_TEST": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def part_named(folder: Path, words: str) -> int | None:
    return next((pid for pid, line in parts_of(folder).items() if words in line), None)


def test_two_people_hear_each_other_over_three_mixes(tmp_path: Path) -> None:
    began = time.monotonic()
    with demo(tmp_path) as running:
        out, told = running.communicate(timeout=100)
    assert running.returncode == 0, told
    assert time.monotonic() - began < 60
    assert parts_of(tmp_path) == {}
    summary = json.loads(out)
    for name in PER_WAY:
        assert set(summary[name]) == set(WAYS)
    for way in WAYS:
        assert summary["frames_sent"][way] > 400
        assert summary["frames_heard"][way] > 0.94 * summary["frames_sent"][way]
        assert summary["loss"][way] < 0.05
        assert summary["correlation"][way] >= 0.95
        delay = summary["mouth_to_ear_ms"][way]
        assert 40 < delay["p50"] <= delay["p95"] < 400
        assert delay["n"] > 10
        assert 40 < summary["mouth_to_ear_rounds_ms"][way] < 400
        # The codec's look-ahead of 2.5 ms is heard, but is in no round number.
        assert abs(delay["p50"] - summary["mouth_to_ear_rounds_ms"][way]) < 30
        assert len(read_recording(Path(summary["received"][way]))) > 8 * 48_000
    assert 0 < summary["setup_ms"] < 20_000
    assert summary["cells_per_second"] > 500
    assert summary["zone"]["mixes"] == 3


def test_a_mix_that_is_killed_ends_the_demo_which_names_it(tmp_path: Path) -> None:
    with demo(tmp_path) as running:
        bystander = wait_until(lambda: part_named(tmp_path, "bystander"), 30)
        mix = part_named(tmp_path, " mix --port")
        assert bystander is not None
        assert mix is not None
        os.kill(mix, signal.SIGKILL)
        out, told = running.communicate(timeout=20)
    assert running.returncode == 1
    assert out == ""
    assert re.search(r"mix \d was ended by SIGKILL", told)
    assert parts_of(tmp_path) == {}


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)],
    ids=lambda value: str(value),
)
def test_a_demo_that_is_stopped_leaves_nothing_running(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    with demo(tmp_path) as running:
        assert wait_until(lambda: part_named(tmp_path, " gateway --port"), 30)
        running.send_signal(number)
        running.communicate(timeout=20)
    assert running.returncode == code
    assert wait_until(lambda: parts_of(tmp_path) == {}, 5)
