"""Every harness over its seeds, its corpus, and a short budget of mutated inputs.

That is not coverage-guided: it needs no atheris, and finds again what was ever found. The fuzzer
itself is tested as far as it goes where atheris is installed: see docs/fuzzing.md.
"""

import importlib.util
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from fuzz.corpus import CORPUS, FOUND, MOST_BYTES, MOST_FILES, inputs, name_of, smallest
from fuzz.harness import Harness, Reader
from fuzz.mutate import inputs as some
from fuzz.registry import HARNESSES

ALL = list(HARNESSES.values())
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("harness", ALL, ids=lambda each: each.name)
def test_what_is_promised_of_bytes_holds(harness: Harness) -> None:
    base = [*dict.fromkeys([*harness.seeds(), *inputs(harness.name)])]
    seed = zlib.crc32(harness.name.encode())
    for data in some(base, harness.quick, harness.longest, seed):
        harness.run(data)


@pytest.mark.parametrize("harness", ALL, ids=lambda each: each.name)
def test_a_corpus_is_small_and_named_by_what_is_in_it(harness: Harness) -> None:
    kept = inputs(harness.name)
    assert kept, "a harness has a corpus"
    assert len(kept) <= MOST_FILES
    assert sum(map(len, kept)) <= MOST_BYTES
    names = {file.name.removeprefix(FOUND) for file in (CORPUS / harness.name).iterdir()}
    assert names == set(map(name_of, kept))


def test_no_corpus_is_left_of_a_harness_that_is_gone() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} == set(HARNESSES)


def test_every_harness_says_what_it_holds() -> None:
    assert all(harness.run.__doc__ for harness in ALL)


def test_a_corpus_keeps_what_takes_new_steps_and_nothing_else() -> None:
    payloads = HARNESSES["payloads"]
    wrong, short = bytes(17), bytes(3)
    assert smallest(payloads, [wrong, bytes([9]) * 17, short, bytes(5)]) == [short, wrong]
    assert smallest(payloads, [wrong, short], [bytes(4)]) == [wrong]


def test_a_reader_gives_zeros_beyond_the_end() -> None:
    taken = Reader(b"\1\2")
    assert (taken.number(1), taken.number(2), taken.left) == (1, 2, 0)


@pytest.mark.slow
def test_the_fuzzer_finds_its_way_and_tells_of_it(tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed: pip install -e .[fuzz]")
    words = ["--only", "payloads", "--runs", "3000", "--work", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "fuzz", *words],
        cwd=ROOT / "tests",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| `payloads` | 3,0" in done.stdout
    live = [file.read_bytes() for file in (tmp_path / "corpus" / "payloads").iterdir()]
    assert any(len(data) != 17 for data in live), "it found by itself that another length matters"
