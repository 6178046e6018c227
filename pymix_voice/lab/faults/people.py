"""Two people who talk without end, and what each heard of the other while something was wrong.

    caller (`phone`) --- zone --- callee (`listen --auto-answer`)

Both speak recordings that are longer than any fault. What was heard is looked at when the call is
over, since only then the clients tell at which instants their recordings begin.

Must not know: what was wrong.
"""

import signal
import wave
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.edge.clock import Clock
from pymix_voice.geometry import SAMPLE_RATE
from pymix_voice.lab.faults.gaps import Pieces, pieces
from pymix_voice.lab.processes import Part, PartError, Parts, Told
from pymix_voice.lab.zoning import START_S, ZONE_S, client
from pymix_voice.voice.recordings import Recorder

STATUS_S = 0.2
CALL_S = 30.0
END_S = 6.0
FREE = ("offline", "online", "idle")
"""States of a client without a call."""
AUDIBLE_DB = -60.0
LOOK_BACK_S = 1.6
"""Nobody pauses for so long in these recordings."""
LATEST_S = 2.0
"""The longest delay that is looked for."""
EARLIEST_S = -0.3


class Way(NamedTuple):
    """One direction of one call.

    Attributes:
        said: the recording that was spoken.
        spoken_at: the instant of its first sample, in monotonic seconds.
        heard: the recording of what came out.
        heard_at: the instant of its first sample.
        stood_s: for so long the hearer stood still, and recorded nothing, all together.
    """

    said: Path
    spoken_at: float
    heard: Path
    heard_at: float
    stood_s: float = 0.0

    def pieces(self, begin: float, end: float) -> Pieces:
        """Which speech was heard of what was said between two instants; starts are instants."""
        said_from = max(begin, self.spoken_at)
        said = read_part(self.said, said_from - self.spoken_at, end - self.spoken_at)
        low = max(0.0, said_from - self.heard_at - self.stood_s + EARLIEST_S)
        heard = read_part(self.heard, low, end - self.heard_at + LATEST_S)
        # A place in `heard` less the one in `said`, were there no delay.
        offset = said_from - self.heard_at - low
        found = pieces(said, heard, offset - self.stood_s + EARLIEST_S, offset + LATEST_S)
        return Pieces(found.starts + said_from, found.heard)


def read_part(path: Path, begin_s: float, end_s: float) -> NDArray[np.int16]:
    """What a WAV file at 48 kHz, mono, has between two times: int16 [n], less at its ends."""
    with wave.open(str(path)) as recording:
        first = min(max(0, round(begin_s * SAMPLE_RATE)), recording.getnframes())
        last = max(first, round(end_s * SAMPLE_RATE))
        recording.setpos(first)
        return np.frombuffer(recording.readframes(last - first), "<i2").astype(np.int16)


def endless(voices: list[NDArray[np.int16]], seconds: float, path: Path) -> Path:
    """Write a recording that says these, one after the other, over and over."""
    with Recorder(path) as recorder:
        recorder.write(np.resize(np.concatenate(voices), round(seconds * SAMPLE_RATE)))
    return path


class Pair:
    """Two who talk.

    Args:
        parts: where their programs are started.
        home: their profiles, and `zone`.
        name: what people call them.
        said: what caller and callee speak.
    """

    def __init__(self, parts: Parts, home: Path, name: str, said: tuple[Path, Path]) -> None:
        self._parts = parts
        self._home = home
        self.name = name
        self._said = said
        self._starts = 0
        self._dialed_at = 0.0
        self._stood_s: dict[Part, float] = {}
        self.talks = False
        self.callee = self._start("listen", "callee", said[1], "--auto-answer")
        self.caller = self._start_caller()

    def _start(self, verb: str, side: str, said: Path, *more: str) -> Part:
        self._starts += 1
        heard = self._home / f"heard-{self.name}-{side}-{self._starts}.wav"
        words = client(verb, self._home, f"{self.name} {side}")
        words += ["--input", str(said), "--output", str(heard), "--status", str(STATUS_S), *more]
        part = self._parts.start(f"{self.name} {side} {self._starts}", *words, lasts=False)
        part.no_longer_needed()  # whether it ends by itself is seen afterwards
        return part

    def _start_caller(self) -> Part:
        return self._start("phone", "caller", self._said[0])

    @property
    def sides(self) -> tuple[Part, Part]:
        """Caller and callee."""
        return self.caller, self.callee

    async def come_online(self) -> None:
        """Wait until both are in the zone."""
        for part in self.sides:
            await part.until("in zone", within_s=START_S + 2 * ZONE_S)

    def restart_caller(self) -> None:
        """The caller's program is there no more: start it anew."""
        self.caller = self._start_caller()

    async def dial(self) -> None:
        """Begin to talk."""
        address = str((await self.callee.until("address", within_s=START_S))["address"])
        self._stood_s = dict.fromkeys(self.sides, 0.0)
        self._dialed_at = now()
        self.caller.order(f"dial {address}")
        for part in self.sides:
            await part.until("talking", since=self._dialed_at, within_s=CALL_S)
        self.talks = True

    async def _be_free(self) -> None:
        """Nothing is left of an earlier try."""
        told = self.caller.all_told("status")
        if told and told[-1]["state"] not in FREE:
            self.caller.order("hangup")
            await self.caller.until(
                "status", since=now(), within_s=END_S, where=lambda told: told["state"] in FREE
            )

    def stood(self, part: Part, seconds: float) -> None:
        """A side's program was stopped for so long."""
        self._stood_s[part] = self._stood_s.get(part, 0.0) + seconds

    @property
    def is_over(self) -> bool:
        """Whether the call has ended, whoever ended it."""
        return self.talks and bool(self.endings(self._dialed_at))

    def is_heard(self) -> bool:
        """Whether either side hears the other just now, by what their programs tell."""
        return all(_hears(part) for part in self.sides)

    def endings(self, since: float) -> list[str]:
        """Why calls ended from an instant on."""
        told = [each for part in self.sides for each in part.all_told("ended", since=since)]
        return sorted({str(each["reason"]) for each in told})

    async def hang_up(self, *, leave: bool = False) -> list[Way]:
        """End the call; what became of both directions, as far as it can be told.

        Args:
            leave: end both programs: each tells then, also if it cannot tell the other.
        """
        since = self._dialed_at if self.is_over else now()
        self.talks = False
        if leave:
            for part in self.sides:
                part.signal(signal.SIGINT)
        elif self.caller.running:
            self.caller.order("hangup")
        told = [await self._summary(part, since) for part in self.sides]
        return list(self._ways(told[0], told[1]))

    async def _summary(self, part: Part, since: float) -> Told | None:
        with suppress(PartError):
            await part.until("summary", since=since, within_s=END_S)
        told = part.all_told("summary", since=self._dialed_at)
        return told[-1] if told else None

    def _ways(self, caller: Told | None, callee: Told | None) -> Iterator[Way]:
        if caller is None or callee is None:
            return
        there = (self._said[0], caller, callee, self.callee)
        back = (self._said[1], callee, caller, self.caller)
        for said, speaker, hearer, part in (there, back):
            if speaker["t0"] is None or hearer["s0"] is None or hearer["output"] is None:
                continue
            heard, stood_s = Path(hearer["output"]), self._stood_s.get(part, 0.0)
            yield Way(said, speaker["t0"], heard, hearer["s0"], stood_s)


def _hears(part: Part) -> bool:
    since = now() - LOOK_BACK_S
    told = part.all_told("status", since=since)
    return (
        bool(told)
        and told[-1]["state"] == "talking"
        and max(each["level_out"] for each in told) > AUDIBLE_DB
    )


def now() -> float:
    """Seconds, as programs tell them."""
    return Clock.now()
