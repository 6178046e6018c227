"""Watching parts from outside: their memory, what they logged, and what must never be in a log.

Must not know: what was wrong.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from pymix_voice.lab.processes import Part
from pymix_voice.lab.throughput.trials import resident_bytes

PLACE = re.compile(r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b|\[[0-9a-f:]{3,}\]")
LONG_NUMBER = re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b", re.IGNORECASE)
"""A session, a link or a key in hexadecimal."""
LONG_WORD = re.compile(r"[A-Za-z0-9+/_=-]{32,}")
"""A key in Base64, or a client's address."""
PATTERNS = {"an address": PLACE, "a number like a key's": LONG_NUMBER, "a key's word": LONG_WORD}
FRAMES = ("Traceback", 'File "')
"""What our own bugs leave; they name files of the program."""
MOST_LINES = 40
"""A part may say so much for a person in one fault."""
MOST_GROWTH = 32 * 2**20


class Look(NamedTuple):
    """What a part is like at an instant.

    Attributes:
        memory: bytes that it has; 0 if it is not there.
        lines: sentences for a person so far.
    """

    memory: int
    lines: int


def look(part: Part) -> Look:
    """Look at a part."""
    try:
        memory = resident_bytes(part) if part.running else 0
    except (OSError, StopIteration):
        memory = 0
    return Look(memory, len(sentences(part)))


def sentences(part: Part) -> list[str]:
    """All that a part has said for a person."""
    notes = [str(told["text"]) for told in part.all_told("note")]
    return [*notes, *part.log_lines()]


def leaks(said: Iterable[str], secrets: Mapping[str, str]) -> list[str]:
    """What is in sentences of mixes and gateways that must not be; none if all is well.

    Args:
        said: sentences.
        secrets: words that no part may say, by what they are.
    """
    found = set()
    for sentence in said:
        if any(mark in sentence for mark in FRAMES):
            found.add("a traceback")
            continue
        found |= {what for what, pattern in PATTERNS.items() if pattern.search(sentence)}
        found |= {what for what, word in secrets.items() if word in sentence}
    return sorted(found)


def words_of(keys: Path) -> dict[str, str]:
    """All private words of a folder of key files, by the files' names."""
    found: dict[str, str] = {}
    for path in keys.glob("*.key"):
        for word in LONG_WORD.findall(path.read_text()):
            found[f"a word of {path.name}: {len(found)}"] = word
    return found
