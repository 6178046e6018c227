"""A row for each fault: how long nobody was heard, what it cost, and whether that is well.

Must not know: how faults are inflicted, how rows are shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pymix_voice.lab.faults.gaps import AUDIBLE_S, gaps
from pymix_voice.lab.faults.inflicting import Fault, Inflicted
from pymix_voice.lab.faults.people import Way
from pymix_voice.lab.faults.watching import MOST_GROWTH, MOST_LINES, Look
from pymix_voice.lab.processes import Told

BEFORE_S = 1.0
"""What is listened to begins so long before a fault."""

SURELY_S = 1.0
"""Who is not heard for so long at the end of what was listened to, is not heard any more."""


@dataclass
class Draft:
    """What is known of a fault before anybody has listened.

    Attributes:
        fault: what it was.
        done: what was done.
        until: the instant until which is listened.
        looks: what gateway and mixes were like before and after, by name.
        failed: what should not have happened.
        measured, bystander: both directions of both calls; None until those are over.
    """

    fault: Fault
    done: Inflicted
    until: float
    looks: Mapping[str, tuple[Look, Look]]
    failed: list[str] = field(default_factory=list)
    measured: list[Way] | None = None
    bystander: list[Way] | None = None


class Listened(NamedTuple):
    """What a call was like.

    Attributes:
        gap_s: the longest time without the other's speech, in the worse direction; None if there
            is no recording.
        recovery_s: from the end of the fault until speech is heard again for good; None if never.
        frames: speech that was not heard, in frames of 20 ms, both directions together.
    """

    gap_s: float | None
    recovery_s: float | None
    frames: int


def listen(ways: Iterable[Way], begin: float, end: float, until: float) -> Listened:
    """Find the gaps of a call.

    Args:
        ways: its directions that were recorded.
        begin: the instant at which the fault began.
        end: at which it was over.
        until: the last instant that counts.
    """
    longest, recovered, frames, known = 0.0, 0.0, 0, False
    lost = False
    for way in ways:
        found = way.pieces(begin - BEFORE_S, until)
        known |= len(found.starts) > 0
        for gap in gaps(found):
            length = gap.length_s
            frames += gap.frames
            longest = max(longest, length)
            if length >= AUDIBLE_S:
                # What is missing at the very end may be the beginning of anything.
                lost |= gap.end is None and length >= SURELY_S
                recovered = max(recovered, 0.0 if gap.end is None else gap.end - end)
    if not known:
        return Listened(None, None, 0)
    return Listened(round(longest, 2), None if lost else round(recovered, 2), frames)


def row(draft: Draft) -> Told:
    """All figures of one fault."""
    fault, done = draft.fault, draft.done
    instants = done.begin, done.end, draft.until
    measured = listen(draft.measured or [], *instants)
    if done.gap_s and measured.gap_s is not None:
        # What is there of the new call begins when it does.
        measured = measured._replace(gap_s=round(max(measured.gap_s, done.gap_s), 2))
    others = listen(draft.bystander or [], *instants)
    failed = [*done.failed, *draft.failed]
    if fault.heals:
        failed += _too_long("the call", measured, fault.allowed_s)
        failed += _too_long("the bystanders", others, fault.allowed_s)
    failed += list(_grown(draft.looks))
    return {
        "fault": fault.name,
        "part": fault.part,
        "gap_s": measured.gap_s,
        "recovery_s": measured.recovery_s,
        "bystander_gap_s": others.gap_s,
        "bystander_recovery_s": others.recovery_s,
        "frames_lost": measured.frames,
        "bystander_frames_lost": others.frames,
        "memory_mb": {
            name: [round(look.memory / 2**20, 1) for look in looks]
            for name, looks in draft.looks.items()
        },
        "lines": max(
            (after.lines - before.lines for before, after in draft.looks.values()), default=0
        ),
        "ok": not failed,
        "failed": failed,
        "notes": list(done.notes),
    }


def _too_long(who: str, listened: Listened, allowed_s: float) -> Sequence[str]:
    if listened.gap_s is None:
        return [f"{who} could not be listened to"]
    if listened.recovery_s is None:
        return [f"{who} did not recover"]
    if listened.gap_s > allowed_s:
        return [f"{who}: {listened.gap_s:.1f} s without speech"]
    return []


def _grown(looks: Mapping[str, tuple[Look, Look]]) -> Iterable[str]:
    for name, (before, after) in looks.items():
        if before.memory and after.memory - before.memory > MOST_GROWTH:
            yield f"{name} took {(after.memory - before.memory) / 2**20:.0f} MB more"
        if after.lines - before.lines > MOST_LINES:
            yield f"{name} said {after.lines - before.lines} sentences"
