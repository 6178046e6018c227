"""Running a client: its socket, its datapath, its voice, and what it tells the person.

A `Talker` is a client machine with sound, in the shape that the datapath serves. A `Talk` adds
what people do: dial, answer, hang up, wait until something is so.

Source: the project's design page, "Dialing, ringing, talking"; its protocol page, "Rules".

Must not know: what is said, how a terminal looks.
"""

import gc
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import trio
from numpy.typing import NDArray

from pymix_voice.client.identity import Identity
from pymix_voice.client.machine import Client
from pymix_voice.client.states import Event, State
from pymix_voice.edge.clock import Clock, system_dice
from pymix_voice.edge.datapath import Datapath, Inlet
from pymix_voice.edge.places import resolve, wildcard
from pymix_voice.edge.sound import CallSound, Voice, numbered
from pymix_voice.edge.udp import Port
from pymix_voice.zone.address import Address
from pymix_voice.zone.drain import Burst, Drain
from pymix_voice.zone.zonefile import Zone

LEAVING_S = 1.0
"""After hanging up the client stays so long, so that the other side is told."""

Tell = Callable[[str, dict[str, object]], None]
"""Takes the name of what happened, and more about it."""


class Talker:
    """A client machine with sound.

    Args:
        make: makes the machine, given what it asks for frames.
        pcm: what is spoken in each call; None for nothing.
        output: where each call is recorded.
        tell: takes what happens.
    """

    def __init__(
        self,
        make: Callable[[Callable[[float], bytes | None]], Client],
        pcm: NDArray[np.int16] | None,
        output: Path | None,
        tell: Tell,
    ) -> None:
        self._voice = Voice()
        self._pcm = pcm
        self._output = output
        self._tell = tell
        self.calls = 0
        self._sessions = 0
        self._in_zone = False
        self._told_full = False
        self.sound: CallSound | None = None
        self.dialed_at: float | None = None
        self.events: list[Event] = []
        """All endings so far, for who waits for one."""
        self.client = make(self._frame)

    def _frame(self, now: float) -> bytes | None:
        return self._voice.frame(self.sound, self.client.number, now)

    # ── a machine, as the datapath knows it ──────────────────────────────────────────────

    def receive(self, drain: Drain, now: float) -> None:
        """Take datagrams."""
        self.client.receive(drain, now)
        self.look(now)

    def handle_deadline(self, now: float) -> None:
        """Do what is due: cells first."""
        if self.client.deadline() <= now:
            self.client.handle_deadline(now)
        if self.sound is not None:
            self.sound.pull(now)
        self.look(now)

    def deadline(self) -> float:
        """When something is due next."""
        due = self.client.deadline()
        return due if self.sound is None else min(due, self.sound.deadline())

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
        heard = self.client.phone.heard
        if not heard:
            return
        if self.sound is None:
            self._follow_call(now)
        if self.sound is not None:
            for number, frame in heard:
                self.sound.push(number, frame, now)
        heard.clear()

    def _follow_call(self, now: float) -> None:
        """Sound for the call that is on now, and for no other."""
        call = self.client.phone.call
        if self.sound is not None and self.sound.call is not call:
            self._end_sound(now)
        if self.sound is None and call is not None and call.talking:
            self.calls += 1
            self.sound = CallSound(call, self._pcm, numbered(self._output, self.calls))

    def _end_sound(self, now: float) -> None:
        sound, self.sound = self.sound, None
        if sound is not None:
            sound.close(now)
            self._tell("summary", sound.summary(self.dialed_at if sound.call.caller else None))

    def _take(self, event: Event, now: float) -> None:
        if event.ending is None:
            if event.state != State.IDLE:
                self._tell(event.state.value, {})
            return
        self._tell("ended", {"reason": event.ending.value})
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


class Talk:
    """One client at work.

    Args:
        zone: the zone file.
        gateway: which of its gateways, from 0.
        me: who is talking.
        contacts: identity keys that may call.
        strangers: whether others may.
        pcm: what is spoken in each call; None for nothing.
        output: where each call is recorded.
        tell: takes what happens.

    Raises:
        ConfigError: if the gateway's host has no address.
        SoundError: if there is no codec.
    """

    def __init__(
        self,
        zone: Zone,
        gateway: int,
        *,
        me: Identity,
        contacts: Sequence[bytes],
        strangers: bool,
        pcm: NDArray[np.int16] | None,
        output: Path | None,
        tell: Tell,
    ) -> None:
        entry = zone.gateways[gateway]
        where = resolve(entry.host, entry.port, entry.name)
        self.dice = system_dice()
        self.epoch_s = zone.geometry.epoch_s

        def make(frame: Callable[[float], bytes | None]) -> Client:
            return Client(
                zone,
                gateway,
                me,
                contacts=contacts,
                strangers=strangers,
                frame=frame,
                dice=self.dice,
                now=Clock.now(),
                where=where,
            )

        self.talker = Talker(make, pcm, output, tell)
        self.client = self.talker.client
        self._port = Port((wildcard(where[0]), 0))
        self._datapath = Datapath(
            self.talker,
            {"access": Inlet(self._port, self.talker.receive)},
            work=self.client.work,
            after=self._after,
        )
        self._waiters: list[tuple[Callable[[], bool], trio.Event]] = []

    async def run(self) -> None:
        """Serve until cancelled; the recording is whole afterwards."""
        gc.collect()
        gc.freeze()
        try:
            await self._datapath.run()
        finally:
            self.talker.close(Clock.now())
            self._port.close()

    def _after(self) -> None:
        for holds, event in self._waiters:
            if holds():
                event.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something is so; looked at after each turn of the datapath."""
        if holds():
            await trio.lowlevel.checkpoint()
            return
        waiter = holds, trio.Event()
        self._waiters.append(waiter)
        try:
            await waiter[1].wait()
        finally:
            self._waiters.remove(waiter)

    # ── what a person does ───────────────────────────────────────────────────────────────

    @property
    def state(self) -> State:
        """How things stand."""
        return self.client.phone.state

    @property
    def online(self) -> bool:
        """Whether there is a session with the gateway."""
        return self.client.connection.session is not None

    @property
    def calls_done(self) -> int:
        """How many calls in which both talked are over."""
        return self.talker.calls - (self.talker.sound is not None)

    @property
    def all_said(self) -> bool:
        """Whether both recordings were spoken and heard to their ends."""
        sound = self.talker.sound
        return sound is not None and sound.finished and sound.call.finished_there and sound.dry

    def dial(self, peer: Address) -> None:
        """Call somebody."""
        self.talker.dialed_at = Clock.now()
        self.client.phone.dial(peer, self.client.number)
        self._look()

    def accept(self) -> None:
        """Answer the call that rings here."""
        self.client.phone.accept(self.client.number)
        self._look()

    def decline(self) -> None:
        """End whatever is on, without waiting."""
        self.client.phone.hang_up(self.client.number)
        self._look()

    async def hang_up(self) -> None:
        """End, decline or cancel whatever is on, and stay until the other side knows."""
        if self.state == State.IDLE:
            return
        self.decline()
        await trio.sleep(LEAVING_S)

    def _look(self) -> None:
        self.talker.look(Clock.now())
        self._datapath.wake()
