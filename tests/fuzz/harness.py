"""What a harness is, and what all of them are made with.

A harness is a function of bytes that raises only where a promise was broken. It builds all it
needs from those bytes and from seeded dice, so that one input always does one thing.
"""

import atexit
import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from pymix_voice.errors import BadCell, Drop, PymixError

Run = Callable[[bytes], None]
LONGEST_SENTENCE = 500
"""An error for people is a sentence: whatever was in the file, it stays one that can be read."""


class Harness(NamedTuple):
    """One function under test.

    Attributes:
        run: raises if a promise is broken.
        seeds: good inputs, by which a fuzzer finds what is beyond the first check.
        weight: its share of a big run's inputs; the slow ones have less.
        longest: bytes of an input.
        quick: mutated inputs in the normal tests.
    """

    run: Run
    seeds: Callable[[], Sequence[bytes]]
    weight: int = 100
    longest: int = 512
    quick: int = 1200

    @property
    def name(self) -> str:
        """As it is called on the command line; the folder of its corpus, too."""
        return self.run.__name__


class Reader:
    """Takes an input apart; where it has ended, zeros come."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        """So many bytes."""
        taken = self._data[self._at : self._at + size]
        self._at += len(taken)
        return taken.ljust(size, b"\0")

    def number(self, size: int) -> int:
        """An unsigned number, little-endian."""
        return int.from_bytes(self.take(size), "little")

    def signed(self, size: int) -> int:
        """A signed one."""
        return int.from_bytes(self.take(size), "little", signed=True)

    def text(self) -> bytes:
        """A length of one byte (in pairs of bytes), and as much of it as is there."""
        size = min(2 * self.number(1), max(0, self.left))
        return self.take(size)

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(max(0, self.left))


def refused(call: Callable[..., object], *arguments: object) -> Drop | None:
    """Why bytes were refused; None if they were taken."""
    try:
        call(*arguments)
    except BadCell as bad:
        return bad.reason
    return None


def is_sentence(error: PymixError) -> None:
    """What a person is told is one short line without anything a terminal would obey."""
    said = str(error)
    assert 0 < len(said) <= LONGEST_SENTENCE, f"{len(said)} characters are no sentence"
    assert said.isprintable(), "a person is told something that does not print"


@cache
def _folder() -> Path:
    memory = Path("/dev/shm")  # a disk would take ten times as long
    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=memory if memory.is_dir() else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def file_of(data: bytes, name: str) -> Path:
    """A file that holds the input."""
    path = _folder() / name
    path.write_bytes(data)
    return path
