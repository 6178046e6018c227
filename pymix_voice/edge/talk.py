"""Running a client: its socket, its datapath, its sound, and what people do with it.

They dial, answer, hang up, mute, and wait until something is so.

Source: the project's design page, "Dialing, ringing, talking"; its protocol page, "Rules".

Must not know: what is said, how a terminal looks.
"""

import gc
from collections.abc import Awaitable, Callable
from functools import partial

import trio

from pymix_voice.client.identity import Identity
from pymix_voice.client.machine import Client
from pymix_voice.client.states import State
from pymix_voice.edge.acquaintance import Acquaintance
from pymix_voice.edge.clock import Clock, system_dice
from pymix_voice.edge.datapath import Datapath, Inlet
from pymix_voice.edge.orders import Order, Verb
from pymix_voice.edge.outfit import Outfit
from pymix_voice.edge.places import Place, address_of, resolve, wildcard
from pymix_voice.edge.status import status_of
from pymix_voice.edge.talker import Talker, Tell
from pymix_voice.edge.udp import Port
from pymix_voice.errors import ConfigError
from pymix_voice.zone.address import Address
from pymix_voice.zone.zonefile import Zone

LEAVING_S = 1.0
"""After hanging up the client stays so long, so that the other side is told."""


class Talk:
    """One client at work.

    Args:
        zone: the zone file.
        gateway: which of its gateways, from 0.
        me: who is talking.
        known: who is who to the person.
        strangers: whether others than contacts may call.
        outfit: what it speaks and hears with.
        tell: takes what happens.
        status_s: how often it tells how things stand, in seconds; 0 for never.
        make_port: makes its socket.

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
        known: Acquaintance,
        strangers: bool,
        outfit: Outfit,
        tell: Tell,
        status_s: float = 0.0,
        make_port: Callable[[Place], Port] = Port,
    ) -> None:
        entry = zone.gateways[gateway]
        where = resolve(entry.host, entry.port, entry.name)
        self.dice = system_dice()
        self.epoch_s = zone.geometry.epoch_s
        self.known = known
        self.outfit = outfit
        self.leaving = False
        """Whether the person has asked to end all of it."""
        self._tell = tell
        self._status_s = status_s

        def make(frame: Callable[[float], bytes | None]) -> Client:
            return Client(
                zone,
                gateway,
                me,
                contacts=known.identities,
                strangers=strangers,
                frame=frame,
                dice=self.dice,
                now=Clock.now(),
                where=address_of(where),
            )

        self.talker = Talker(make, outfit.sound, known, tell)
        self.client = self.talker.client
        self._port = make_port((wildcard(where[0]), 0))
        self._datapath = Datapath(
            self.talker,
            {"access": Inlet(self._port, self.talker.receive)},
            work=self.client.work,
            after=self._after,
        )
        self._waiters: list[tuple[Callable[[], bool], trio.Event]] = []
        self._nursery: trio.Nursery | None = None

    async def run(self) -> None:
        """Serve until cancelled; the recording is whole afterwards."""
        gc.collect()
        gc.freeze()
        try:
            async with trio.open_nursery() as self._nursery:
                self._nursery.start_soon(self.outfit.watch, self.note)
                if self._status_s:
                    self._nursery.start_soon(self._tell_status)
                await self._datapath.run()
        finally:
            self._nursery = None
            self.talker.close(Clock.now())
            self._port.close()

    async def _tell_status(self) -> None:
        while True:
            await trio.sleep(self._status_s)
            status = status_of(self.talker, self.known, self.outfit.names, Clock.now())
            self._tell("status", status)

    def note(self, text: str) -> None:
        """Tell the person a sentence."""
        self._tell("note", {"text": text})

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
        return self.talker.calls - (self.talker.sound.call is not None)

    @property
    def not_recorded(self) -> bool:
        """Whether a recording that was asked for ended before its call."""
        return bool(self.talker.sound.ear.failures)

    @property
    def all_said(self) -> bool:
        """Whether both recordings were spoken and heard to their ends."""
        sound = self.talker.sound
        there = sound.call is not None and sound.call.call.finished_there
        return there and sound.finished and sound.dry

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

    def obey(self, order: Order) -> None:
        """Do what a line of the person asks for.

        Raises:
            ConfigError: if it cannot be done as things stand.
        """
        sound = self.talker.sound
        match order.verb:
            case Verb.ANSWER if self.state != State.INCOMING:
                raise ConfigError("nobody is calling just now")
            case Verb.ANSWER:
                self.accept()
            case Verb.DECLINE if self.state == State.IDLE:
                raise ConfigError("nobody is calling just now")
            case Verb.DECLINE | Verb.HANG_UP:
                self.decline()
            case Verb.DIAL if self.state != State.IDLE:
                raise ConfigError("there is a call already; hang up first")
            case Verb.DIAL:
                self._soon(partial(self._look_up_and_dial, order.rest))
            case Verb.MUTE | Verb.UNMUTE:
                sound.muted = order.verb == Verb.MUTE
            case Verb.PUSH_TO_TALK:
                sound.push_to_talk = order.rest == "on"
            case Verb.TALK:
                sound.talk(Clock.now())
            case Verb.VOLUME:
                sound.volume = int(order.rest)
            case Verb.VERIFY | Verb.UNVERIFY:
                self._soon(partial(self._verify, order.verb == Verb.VERIFY))
            case Verb.QUIT:
                self.leaving = True
                self._look()

    def _soon(self, do: Callable[[], Awaitable[None]]) -> None:
        """What needs the disk is done beside the rounds."""

        async def told() -> None:
            try:
                await do()
            except ConfigError as error:
                self.note(str(error))

        if self._nursery is not None:
            self._nursery.start_soon(told)

    async def _look_up_and_dial(self, who: str) -> None:
        peer = await self.known.find(who)
        self.client.phone.know(self.known.identities)
        if self.state == State.IDLE:
            self.dial(peer)

    async def _verify(self, yes: bool) -> None:
        call = self.client.phone.call
        if call is None:
            raise ConfigError("there is no call just now whose other side could be verified")
        self.note(await self.known.verify(call.peer, yes))

    def _look(self) -> None:
        self.talker.look(Clock.now())
        self._datapath.wake()
