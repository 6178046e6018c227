"""Figures as a person reads them: level bars, durations, and whether a number is a good one.

Must not know: where the figures come from, what is beside them.
"""

from enum import StrEnum
from typing import NamedTuple

from rich.text import Text

SILENT_DB = -90.0
"""Levels from here down are silence."""
FLOOR_DB = -60.0
"""A bar is empty from here down, and full at 0 dBFS."""
HIGH_DB, TOO_LOUD_DB = -12.0, -1.0
HOLD_S, FALL_DB_S = 1.0, 12.0
"""A peak stands still for so long and then falls so fast, so that an eye can follow it."""

FILLED, EMPTY, PEAK, CHECK = "█", "·", "│", "✓"
ASCII = str.maketrans({FILLED: "#", EMPTY: ".", PEAK: "|", CHECK: "*", "→": ">", "…": "~"})
"""What stands for them where the terminal's encoding has no more than ASCII."""


class Peak:
    """The loudest of late."""

    def __init__(self) -> None:
        self._level = SILENT_DB
        self._at = 0.0

    def take(self, level: float, now: float) -> None:
        """A level, in dBFS, at an instant."""
        if level >= self.at(now):
            self._level, self._at = level, now

    def at(self, now: float) -> float:
        """What is shown at an instant, in dBFS."""
        fallen = FALL_DB_S * max(0.0, now - self._at - HOLD_S)
        return max(SILENT_DB, self._level - fallen)


def bar(level: float, peak: float, cells: int, *, lit: bool = True) -> Text:
    """A level as a bar with a mark at its peak.

    Args:
        level: dBFS.
        peak: dBFS.
        cells: how wide, at least 1.
        lit: whether it counts at all; one that does not is drawn dim.
    """
    filled = _cells(level, cells)
    mark = _cells(peak, cells) - 1
    style = "dim" if not lit else "yellow" if level > HIGH_DB else "green"
    rest = EMPTY * (cells - filled)
    if mark >= filled:
        before = mark - filled
        rest = rest[:before] + PEAK + rest[before + 1 :]
    return Text.assemble((FILLED * filled, style), (rest, "dim"))


def _cells(level: float, cells: int) -> int:
    share = (level - FLOOR_DB) / -FLOOR_DB
    return round(min(1.0, max(0.0, share)) * cells)


def decibels(level: float) -> str:
    """A level in eight columns, unit and all."""
    return "  silent" if level <= SILENT_DB else f"{level:5.0f} dB"


def clock(seconds: float) -> str:
    """A duration: mm:ss, with hours if there are any."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def percent(share: float) -> str:
    """A share of 0 to 1."""
    return f"{100 * share:.1f} %"


class Grade(StrEnum):
    """How good a figure is, in a word, so that nobody needs to see its colour."""

    GOOD = ""
    FAIR = "so-so"
    POOR = "poor"


STYLES = {Grade.GOOD: "dim", Grade.FAIR: "yellow", Grade.POOR: "bold red"}


class Limits(NamedTuple):
    """Above the first a figure is no longer good, above the second it is poor."""

    fair: float
    poor: float


DELAY_MS = Limits(400, 800)
"""From 400 ms on people begin to talk into each other (ITU-T G.114)."""
LOSS = Limits(0.05, 0.20)
"""Before repair: what Opus can hide in part."""
LOSS_AFTER = Limits(0.01, 0.05)
"""What is lost for good: one per cent is heard by who listens for it, five by everyone."""
CHAIN_LOSS = Limits(0.01, 0.05)
"""Nothing repairs a loop cell."""


def judged(words: str, figure: float, limits: Limits) -> Text:
    """Words about a figure, in the colour of its grade and with its word."""
    grade = (
        Grade.POOR if figure > limits.poor else Grade.FAIR if figure > limits.fair else Grade.GOOD
    )
    return Text.assemble((words + (f" ({grade})" if grade else ""), STYLES[grade]))
