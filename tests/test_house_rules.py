"""What the code promises about itself: who imports whom, purity, size, real time, a welcome."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "pymix_voice"
MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
MOST_LINES = 400

ABOVE = {"edge", "lab", "cli", "__main__.py"}
PURE = [path for path in MODULES if path.relative_to(PACKAGE).parts[0] not in ABOVE]
IMPURE = {
    *("asyncio", "multiprocessing", "select", "selectors", "socket", "subprocess", "threading"),
    *("trio", "concurrent", "signal"),
    *("datetime", "time"),
    *("random", "secrets", "uuid", "numpy.random", "nacl.utils"),
    *("os.urandom", "os.getrandom"),
}
"""Sockets and threads, clocks, dice: none of them below the edge, by whatever name."""

IN_REAL_TIME = {
    *("time.monotonic", "time.sleep", "trio.fail_after", "trio.move_on_after", "trio.sleep"),
    *("eventually.eventually", "fakesound.running", "soundserver.sound_server"),
    "pymix_voice.lab.processes.parts_in",
}
"""What waits by one of these may be too late on a busy machine."""


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def reached(tree: ast.Module) -> Iterator[str]:
    """Dotted names of all that a module imports or reaches through what it imported."""
    meaning: dict[str, str] = {}
    for part in ast.walk(tree):
        if isinstance(part, ast.Import):
            for alias in part.names:
                yield alias.name
                first = alias.name.split(".")[0]
                meaning[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(part, ast.ImportFrom) and part.module:
            for alias in part.names:
                yield f"{part.module}.{alias.name}"
                meaning[alias.asname or alias.name] = f"{part.module}.{alias.name}"
    for part in ast.walk(tree):
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            yield f"{meaning.get(part.value.id, '')}.{part.attr}"


def impure(name: str) -> bool:
    parts = name.split(".")
    return any(".".join(parts[:size]) in IMPURE for size in range(1, len(parts) + 1))


def test_imports_point_down_and_no_hop_knows_of_speech() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", PURE, ids=named)
def test_nothing_below_the_edge_reaches_for_sockets_clocks_or_dice(path: Path) -> None:
    assert [name for name in reached(ast.parse(path.read_text())) if impure(name)] == []


@pytest.mark.parametrize(
    "source",
    [
        "import socket",
        "from time import monotonic",
        "def f():\n    import random as dice",
        "import os\nos.urandom(4)",
        "from os import urandom",
        "import numpy as np\nnp.random.default_rng()",
        "from numpy.random import default_rng",
        "from concurrent.futures import ThreadPoolExecutor",
    ],
)
def test_the_purity_rule_sees_what_it_forbids(source: str) -> None:
    assert any(impure(name) for name in reached(ast.parse(source)))


@pytest.mark.parametrize("source", ["import os.path", "from pymix_voice.onion import dice"])
def test_the_purity_rule_leaves_other_imports_alone(source: str) -> None:
    assert not any(impure(name) for name in reached(ast.parse(source)))


@pytest.mark.parametrize("path", MODULES + TESTS, ids=named)
def test_a_file_has_at_most_four_hundred_lines(path: Path) -> None:
    lines = path.read_text().count("\n")
    assert lines <= MOST_LINES


def unmarked(source: str) -> bool:
    """Whether it waits in real time, and has no test that is marked `live` or `patient`."""
    waits = any(name in IN_REAL_TIME for name in reached(ast.parse(source)))
    return waits and not any(f"pytest.mark.{mark}" in source for mark in ("live", "patient"))


def test_what_waits_in_real_time_says_whether_it_must_be_alone() -> None:
    tests = [path for path in TESTS if path.name.startswith("test_")]
    assert [named(path) for path in tests if unmarked(path.read_text())] == []


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("import trio\ntrio.sleep(1)", True),
        ("from eventually import eventually", True),
        ("import pytest, time\ntime.sleep(1)\npytestmark = pytest.mark.live", False),
        ("import pytest, time\ntime.sleep(1)\npytestmark = pytest.mark.patient", False),
        ("from pymix_voice.lab.world import World", False),
    ],
)
def test_the_rule_of_real_time_sees_who_waits(source: str, seen: bool) -> None:
    assert unmarked(source) == seen


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_every_module_begins_by_saying_what_it_does(path: Path) -> None:
    told = ast.get_docstring(ast.parse(path.read_text())) or ""
    first = told.split("\n")[0]
    assert len(first.split()) >= 4, "the first line of a module tells what it does"
    assert first.endswith((".", "?"))
