"""Bytes from a terminal become keys: letters, names of keys, and what was pasted.

Arrows and other keys that come as escape sequences are passed over as a whole; their last
letter must not count as that letter (an arrow up ends in A, and A answers a call).

Must not know: what a key does.
"""

import codecs
import re
from typing import NamedTuple

PASTE_ON, PASTE_OFF = "\x1b[?2004h", "\x1b[?2004l"
"""Ask a terminal to put marks around what is pasted, so that it is not taken for keys."""
_BEGIN, _END = "\x1b[200~", "\x1b[201~"
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O[ -~]|[^\x1b\[O])", re.DOTALL)
_SEQUENCE_CHARS = 64
_PASTE_CHARS = 4096

NAMES = {
    "\r": "enter",
    "\n": "enter",
    "\t": "tab",
    "\b": "backspace",
    "\x7f": "backspace",
    "\x15": "clear",  # Ctrl-U
}


class Paste(NamedTuple):
    """Something that came in one piece from elsewhere."""

    text: str


Key = str | Paste
"""One character that shows, or one of: enter, tab, backspace, clear, escape; or a paste."""


class Strokes:
    """Makes keys of bytes, however they are cut."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._rest = ""

    @property
    def waiting(self) -> bool:
        """Whether something began that may still go on: escape, or an escape sequence?"""
        return self._rest.startswith("\x1b") and not self._rest.startswith(_BEGIN)

    def feed(self, data: bytes) -> list[Key]:
        """Take bytes as they came."""
        self._rest += self._decode(data)
        keys: list[Key] = []
        while self._rest and (size := self._one(keys)):
            self._rest = self._rest[size:]
        return keys

    def flush(self) -> list[Key]:
        """Nothing followed: what waits is the escape key, or nothing."""
        waited, self._rest = self._rest, ""
        return ["escape"] if waited == "\x1b" else []

    def _one(self, keys: list[Key]) -> int:
        """Add at most one key; how many characters that took, 0 if more must come first."""
        rest = self._rest
        if rest.startswith(_BEGIN):
            return self._paste(keys)
        if rest.startswith("\x1b\x1b"):
            keys.append("escape")
            return 1
        if rest[0] == "\x1b":
            sequence = _SEQUENCE.match(rest[:_SEQUENCE_CHARS])
            if sequence:
                return sequence.end()
            # No key's is as long: were more waited for, each byte would cost as much as all before.
            return _SEQUENCE_CHARS if len(rest) >= _SEQUENCE_CHARS else 0
        name = NAMES.get(rest[0], rest[0])
        if len(name) > 1 or name.isprintable():
            keys.append(name)
        return 1

    def _paste(self, keys: list[Key]) -> int:
        end = self._rest.find(_END)
        if end < 0:
            if len(self._rest) > _PASTE_CHARS:
                # Too long to be of use; what is still looked for is its end.
                self._rest = self._rest[: _PASTE_CHARS - len(_END)] + self._rest[-len(_END) :]
            return 0
        keys.append(Paste(self._rest[len(_BEGIN) : end]))
        return end + len(_END)
