"""A client machine with sound, in the shape that the datapath serves.

What the machine hears goes to the sound, what it asks for comes from there, and what has changed
for the person is told.

Source: the project's design page, section "A round, from microphone to ear".

Must not know: sockets, what a person does, how a terminal looks.
"""

from collections.abc import Callable

from pymix_voice.client.machine import Client
from pymix_voice.client.states import Event, State
from pymix_voice.edge.acquaintance import Acquaintance
from pymix_voice.edge.sound import Sound
from pymix_voice.voice.tones import Tone
from pymix_voice.zone.drain import Burst, Drain

TONES = {State.INCOMING: Tone.RING, State.RINGING: Tone.RINGBACK}

Tell = Callable[[str, dict[str, object]], None]
"""Takes the name of what happened, and more about it."""


class Talker:
    """A client machine with sound.

    Args:
        make: makes the machine, given what it asks for frames.
        sound: what it says and hears.
        known: who is who to the person.
        tell: takes what happens.
    """

    def __init__(
        self,
        make: Callable[[Callable[[float], bytes | None]], Client],
        sound: Sound,
        known: Acquaintance,
        tell: Tell,
    ) -> None:
        self.sound = sound
        self._known = known
        self._tell = tell
        self.calls = 0
        self._sessions = 0
        self._in_zone = False
        self._told_full = False
        self._failures_told = 0
        self.dialed_at: float | None = None
        self.talking_since: float | None = None
        self.events: list[Event] = []
        """All endings so far, for who waits for one."""
        self.client = make(self._frame)

    def _frame(self, now: float) -> bytes | None:
        return self.sound.frame(self.client.number, now)

    # ── a machine, as the datapath knows it ──────────────────────────────────────────────

    def receive(self, drain: Drain, now: float) -> None:
        """Take datagrams."""
        self.client.receive(drain, now)
        self.look(now)

    def handle_deadline(self, now: float) -> None:
        """Do what is due: cells first, and nothing else before they are sent."""
        if self.client.deadline() <= now:
            self.client.handle_deadline(now)
        else:
            self.sound.pull(now)
            self._tell_failures()
            self.look(now)

    def deadline(self) -> float:
        """When something is due next."""
        return min(self.client.deadline(), self.sound.deadline())

    def bursts(self) -> list[Burst]:
        """What is to be sent."""
        return self.client.bursts()

    # ── what happened ────────────────────────────────────────────────────────────────────

    def look(self, now: float) -> None:
        """See what has changed, and tell it."""
        phone = self.client.phone
        self._hear(now)
        if phone.events:
            events = list(phone.events)
            phone.events.clear()
            for event in events:
                self._take(event, now)
        self._follow_call(now)
        self._look_at_zone()

    def _hear(self, now: float) -> None:
        heard, looped = self.client.phone.heard, self.client.phone.looped
        for number, body in looped:
            self.sound.push_loop(number, body, now)
        looped.clear()
        if not heard:
            return
        if self.sound.call is None:
            self._follow_call(now)
        for number, frame in heard:
            self.sound.push(number, frame, now)
        heard.clear()

    def _follow_call(self, now: float) -> None:
        """Sound for the call that is on now, and for no other."""
        call = self.client.phone.call
        if self.sound.call is not None and self.sound.call.call is not call:
            self._end_sound(now)
        if self.sound.call is None and call is not None and call.talking:
            self.calls += 1
            self.talking_since = now
            self.sound.begin(call, now)

    def _end_sound(self, now: float) -> None:
        ended = self.sound.end(now)
        self._tell_failures()
        self.talking_since = None
        if ended is not None:
            dialed_at = self.dialed_at if ended.call.caller else None
            self._tell("summary", ended.summary(dialed_at, self.sound.mouth, self.sound.ear))

    def _tell_failures(self) -> None:
        """A recording that ended early is told at once, and ends nothing else."""
        failures = self.sound.ear.failures
        for text in failures[self._failures_told :]:
            self._tell("note", {"text": text})
        self._failures_told = len(failures)

    def _take(self, event: Event, now: float) -> None:
        self.sound.tone = TONES.get(event.state)
        who = self._known.who(event.peer)
        if event.ending is None:
            call = self.client.phone.call
            if event.state == State.TALKING and call is not None:
                who["check"] = call.check
            if event.state != State.IDLE:
                self._tell(event.state.value, who)
            return
        self._tell("ended", {"reason": event.ending.value, **who})
        self._follow_call(now)
        self.events.append(event)

    def _look_at_zone(self) -> None:
        client = self.client
        if client.connection.sessions != self._sessions:
            self._sessions = client.connection.sessions
            self._tell("online", {})
        if client.in_zone != self._in_zone:
            self._in_zone = client.in_zone
            if self._in_zone:
                self._tell("in zone", {"population": client.population})
            else:
                self._tell("note", {"text": "no row in the zone just now; trying again"})
        if client.connection.full and not self._told_full:
            self._tell("note", {"text": "the zone is full; trying again"})
        self._told_full = client.connection.full

    def close(self, now: float) -> None:
        """Nothing more comes: finish the recording."""
        self._end_sound(now)
