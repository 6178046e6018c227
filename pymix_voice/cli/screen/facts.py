"""What the engine has told so far, as far as a person wants to know it.

An engine may tell less than this expects, or more, or something else in its place: what cannot be
used is passed over, and nothing here raises.

Must not know: how it is drawn, which keys there are.
"""

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pymix_voice.cli.screen.figures import SILENT_DB, Peak, clock

STARTING = "starting"
"""Before the engine has told anything."""
WITH_SOMEBODY = frozenset(
    ("dialing", "ringing", "incoming", "connecting", "talking", "reconnecting")
)
"""States in which there is somebody at the other end, or may be."""
IN_CALL = frozenset(("connecting", "talking", "reconnecting"))
UNKNOWN = "somebody unknown"

NO_DEVICE = "nothing"
"""What an engine calls the microphone of who speaks through none."""
QUIET_DB = -70.0
"""A microphone that hears a room is louder than this."""
MINE_S = 0.5
"""What a person has just set stands for so long against a status from before they did."""
NOTES = 6
CALLS = 20


def plain(value: object) -> str | None:
    """Text that a terminal can be given: no control character, no change of direction."""
    if not isinstance(value, str):
        return None
    return "".join(c if c.isprintable() else " " for c in value)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # a whole number of hundreds of digits
        return None
    return number if math.isfinite(number) else None


def _level(value: object) -> float:
    number = _number(value)
    return SILENT_DB if number is None else number


def _count(value: object) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _texts(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list | tuple):
        return None
    return tuple(text for each in value if (text := plain(each)))


CAN_BE_ABSENT: Mapping[str, Callable[[object], object]] = {
    "name": plain,
    "check": plain,
    "seconds": _number,
    "mouth_to_ear_ms": _number,
    "loss": _number,
    "loss_after": _number,
    "playout_ms": _number,
    "chain_loss": _number,
    "chain_ms": _number,
}
"""Parts of a status that may say: there is none."""
ALWAYS_THERE: Mapping[str, Callable[[object], object]] = {
    "state": plain,
    "verified": _flag,
    "level_in": _level,
    "level_out": _level,
    "muted": _flag,
    "push_to_talk": _flag,
    "speaking": _flag,
    "peer_muted": _flag,
    "volume": _count,
    "population": _count,
    "overruns": _count,
    "underruns": _count,
    "input": plain,
    "output": plain,
    "contacts": _texts,
}
"""Parts of a status that stay as they were if they are not told in a way we can read."""


@dataclass
class Facts:
    """How things stand; the names are those of the engine's status.

    Attributes:
        address: this person's own address.
        call: what others type to call it.
        notes: sentences for the person, newest last.
        ending: how the last call ended.
        afterwards: what to leave in the terminal, a line for each thing.
        told_at: when the engine told something last, in monotonic seconds.
        silent_since: from when on a microphone that should hear somebody has not.
    """

    state: str = STARTING
    name: str | None = None
    verified: bool = False
    check: str | None = None
    seconds: float | None = None
    level_in: float = SILENT_DB
    level_out: float = SILENT_DB
    mouth_to_ear_ms: float | None = None
    loss: float | None = None
    loss_after: float | None = None
    playout_ms: float | None = None
    muted: bool = False
    push_to_talk: bool = False
    speaking: bool = False
    peer_muted: bool = False
    volume: int = 100
    population: int | None = None
    chain_loss: float | None = None
    chain_ms: float | None = None
    overruns: int = 0
    underruns: int = 0
    input: str = ""
    output: str = ""
    contacts: tuple[str, ...] = ()

    address: str | None = field(default=None, repr=False)
    call: str | None = field(default=None, repr=False)
    notes: deque[str] = field(default_factory=lambda: deque(maxlen=NOTES))
    ending: str | None = None
    afterwards: deque[str] = field(default_factory=lambda: deque(maxlen=2 * CALLS))
    told_at: float | None = None
    silent_since: float | None = None
    peak_in: Peak = field(default_factory=Peak)
    peak_out: Peak = field(default_factory=Peak)
    _talking_since: float | None = None
    _mine_until: dict[str, float] = field(default_factory=dict)

    @property
    def who(self) -> str:
        """Whom it is about."""
        return self.name or UNKNOWN

    def take(self, event: Mapping[str, object]) -> None:
        """The engine told something."""
        now = _number(event.get("t"))
        if now is not None:
            self.told_at = now
        at = self.told_at or 0.0
        match event.get("event"):
            case "status":
                self._status(event, at)
            case "note":
                self.note(event.get("text"))
            case "address":
                self.address = plain(event.get("address"))
                self.call = plain(event.get("call"))
            case "online":
                self._come("online", STARTING, "offline")
            case "in zone":
                self._read("population", ALWAYS_THERE["population"], event)
                self._come("idle", STARTING, "offline", "online")
            case "ended":
                self._end(event, at)
            case "summary":
                if line := _summed_up(event):
                    self.afterwards.append(line)
            case str(state) if state in WITH_SOMEBODY:
                self._change(state, event, at)

    def note(self, text: object) -> None:
        """A sentence for the person."""
        if sentence := plain(text):
            self.notes.append(sentence)

    def set(self, now: float, **mine: bool | int) -> None:
        """The person has just set this; a status that does not know of it yet changes nothing."""
        for name, value in mine.items():
            setattr(self, name, value)
            self._mine_until[name] = now + MINE_S

    # ── what was told ────────────────────────────────────────────────────────────────────

    def _status(self, event: Mapping[str, object], now: float) -> None:
        for name, read in CAN_BE_ABSENT.items():
            if name in event:
                setattr(self, name, read(event[name]))
        for name, read in ALWAYS_THERE.items():
            if now >= self._mine_until.get(name, now):
                self._read(name, read, event)
        self.peak_in.take(self.level_in, now)
        self.peak_out.take(self.level_out, now)
        if self.state == "talking" and self._talking_since is None:
            self._talking_since = now - (self.seconds or 0.0)
        meant_to_speak = self.state == "talking" and not self.muted and self.input != NO_DEVICE
        if meant_to_speak and self.push_to_talk:
            meant_to_speak = self.speaking
        if not meant_to_speak or self.level_in >= QUIET_DB:
            self.silent_since = None
        elif self.silent_since is None:
            self.silent_since = now

    def _read(
        self, name: str, read: Callable[[object], object], event: Mapping[str, object]
    ) -> None:
        if name in event and (value := read(event[name])) is not None:
            setattr(self, name, value)

    def _come(self, state: str, *from_states: str) -> None:
        """A state that only follows on some: being online again does not end a call."""
        if self.state in from_states:
            self.state = state

    def _change(self, state: str, event: Mapping[str, object], now: float) -> None:
        if self.state not in WITH_SOMEBODY:
            self.name, self.verified = None, False
        if state in ("dialing", "incoming"):
            self.ending = self._talking_since = None
        self.state = state
        if "name" in event:
            self.name = plain(event["name"])
        self._read("verified", _flag, event)
        if state == "talking" and self._talking_since is None:
            self._talking_since = now

    def _end(self, event: Mapping[str, object], now: float) -> None:
        """Back to rest; one line of it is left."""
        who = plain(event.get("name")) or self.who
        mark = " (verified)" if self.verified else ""
        reason = plain(event.get("reason")) or "ended"
        lasted = None if self._talking_since is None else now - self._talking_since
        how = reason if lasted is None else f"{clock(lasted)}, {reason}"
        self.ending = f"{who}{mark}: {how}"
        self.afterwards.append(f"call with {self.ending}")
        self.state = "idle"
        self.name, self.verified, self._talking_since = None, False, None
        self.check = self.seconds = self.silent_since = None
        self.mouth_to_ear_ms = self.loss = self.loss_after = self.playout_ms = None
        self.peer_muted = False


def _summed_up(event: Mapping[str, object]) -> str:
    """A call's frames in a line, as people without a screen read it."""
    counts = {what: _count(event.get(f"frames_{what}")) for what in ("sent", "heard", "concealed")}
    parts = [f"{count} frames {what}" for what, count in counts.items() if count is not None]
    if output := plain(event.get("output")):
        parts.append(f"recorded in {output}")
    return ", ".join(parts)
