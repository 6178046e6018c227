"""Corpora: the few inputs of each harness that together go everywhere that was ever got to.

One file an input, named by its hash. `smallest` keeps those that add a step of the project's own
code, the shortest first; it needs no fuzzer. Files whose name begins with `found-` once broke a
promise, and stay.
"""

import sys
from collections.abc import Iterable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from types import FrameType
from typing import Any

from fuzz.harness import Harness

CORPUS = Path(__file__).parent / "corpus"
MOST_FILES = 40
MOST_BYTES = 24_000
"""Of one harness: all corpora together stay well under a megabyte."""
_OURS = str(Path(__file__).parents[2] / "pymix_voice")

FOUND = "found-"

Step = tuple[str, int, int]
"""From line to line of a file."""


def name_of(data: bytes) -> str:
    """An input's file name."""
    return blake2b(data, digest_size=8).hexdigest()


def inputs(name: str, folder: Path = CORPUS) -> list[bytes]:
    """What is kept of a harness, always in the same order."""
    place = folder / name
    files = sorted(place.iterdir()) if place.is_dir() else []
    return [file.read_bytes() for file in files if file.is_file()]


def found(name: str, folder: Path = CORPUS) -> list[bytes]:
    """What once broke a promise."""
    return [file.read_bytes() for file in sorted((folder / name).glob(f"{FOUND}*"))]


def write(name: str, kept: Iterable[bytes], folder: Path = CORPUS) -> None:
    """Keep these in place of those that were kept, beside what once broke a promise."""
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    for file in place.iterdir():
        if not file.name.startswith(FOUND):
            file.unlink()
    for data in kept:
        (place / name_of(data)).write_bytes(data)


def steps_of(harness: Harness, data: bytes) -> frozenset[Step]:
    """The steps that an input takes through the project's code."""
    steps: set[Step] = set()
    before: dict[int, int] = {}

    def in_frame(frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            last = before.get(id(frame), frame.f_code.co_firstlineno)
            steps.add((frame.f_code.co_filename, last, frame.f_lineno))
            before[id(frame)] = frame.f_lineno
        elif event == "return":
            before.pop(id(frame), None)
        return in_frame

    def on_call(frame: FrameType, _event: str, _argument: Any) -> Any:
        return in_frame if frame.f_code.co_filename.startswith(_OURS) else None

    older = sys.gettrace()
    sys.settrace(on_call)
    try:
        with suppress(Exception):  # a finding is kept for the way it takes
            harness.run(data)
    finally:
        sys.settrace(older)
    return frozenset(steps)


def smallest(harness: Harness, found: Iterable[bytes], beside: Iterable[bytes] = ()) -> list[bytes]:
    """Those that add a step, the shortest first, within the bounds on files and bytes.

    Args:
        harness: whose.
        found: to choose among.
        beside: what is kept in any case.
    """
    kept: list[bytes] = []
    size, seen = 0, set[Step]()
    always = [*beside]
    for data in always:
        seen |= steps_of(harness, data)
    for data in sorted({*found, *harness.seeds()} - {*always}, key=lambda each: (len(each), each)):
        if len(kept) == MOST_FILES or size + len(data) > MOST_BYTES:
            break
        fresh = steps_of(harness, data) - seen
        if fresh:
            seen |= fresh
            size += len(data)
            kept.append(data)
    return kept
