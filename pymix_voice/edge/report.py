"""What an operator reads: notes as plain lines on stderr, or all as JSON lines on stdout.

Must not know: addresses, keys, drops, who is a client. It prints what it is given.
"""

import logging
import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from pymix_voice.edge.clock import Clock


def write_line(event: Mapping[str, object]) -> None:
    """One object on one line of stdout."""
    sys.stdout.write(msgspec.json.encode(event).decode() + "\n")
    sys.stdout.flush()


def read_line(line: bytes) -> dict[str, Any] | None:
    """What `write_line` wrote, in another process; None for whatever else a line may be."""
    try:
        event = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


class Report:
    """One process's word to its operator.

    Args:
        name: of the mix or gateway in the zone file.
        as_json: lines of JSON on stdout in place of text on stderr.
        every_s: how often figures are wanted; None for once an epoch.
    """

    def __init__(self, name: str, *, as_json: bool, every_s: float | None = None) -> None:
        self._as_json = as_json
        self.every_s = every_s
        self._log = logging.getLogger(name)
        self._log.setLevel(logging.INFO)
        self._log.propagate = False
        if not self._log.handlers:
            handler = logging.StreamHandler(sys.stderr)
            handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
            self._log.addHandler(handler)

    def note(self, text: str) -> None:
        """Something happened."""
        if self._as_json:
            write_line({"event": "note", "text": text})
        else:
            self._log.info("%s", text)

    def figures(self, figures: Mapping[str, int | float | list[int]]) -> None:
        """Counts so far; in text only those that are one number, and not zero."""
        if self._as_json:
            write_line({"event": "figures", "t": Clock.now(), **figures})
            return
        single = ((name, value) for name, value in figures.items() if not isinstance(value, list))
        self._log.info("%s", ", ".join(f"{name} {value:g}" for name, value in single if value))
