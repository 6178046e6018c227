"""A life of a whole zone in virtual time, and all that its watchers have of it.

    0 s     people come online; the first calls are dialed
    4.2 s   everybody has circuits: from here on it is attacked
    8.2 s   the first calls stand; more follow with the next epochs, some end, people come and go;
            for two epochs the last mix spoils rows, and from now on some rounds are sent twice
    16.2 s  watchers delay and drop what some clients send

Those who are struck are as often idle as in a call: else being struck would tell.

Must not know: how a recording is attacked.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from pymix_voice.client.call import PAUSE
from pymix_voice.client.identity import door_drop
from pymix_voice.client.states import State
from pymix_voice.gateway.machine import Gateway
from pymix_voice.lab.audit.attack import Recording, Watermark
from pymix_voice.lab.audit.capture import Call, Capture, Truth
from pymix_voice.lab.audit.corrupt import REPLAYS_EVERY, CorruptFirst, CorruptLast, spoil
from pymix_voice.lab.audit.notes import Known, Pad, Pages, insiders
from pymix_voice.lab.audit.script import between, script
from pymix_voice.lab.audit.variants import Variant
from pymix_voice.lab.cast import Person, frame_of
from pymix_voice.lab.network import Law
from pymix_voice.lab.world import START, UNIX, World
from pymix_voice.mix.machine import Mix
from pymix_voice.onion.dice import Dice

ACCESS: Final = Law(0.006, 0.003, loss=0.01)
CHAIN: Final = Law(0.0008, 0.0004)
FIRST_ROWS_S: Final = 4.2
"""When everybody has circuits, from the start of a world."""
EARLY_S: Final = 4.0
"""Calls that are dialed before stand when watchers begin to act."""
SPOIL_S: Final = 8.2
STRIKE_S: Final = 16.2
SPOILT_EPOCHS: Final = 2
SLOT_S: Final = 0.5
LATER_S: Final = 0.003
"""How long a struck client's datagrams are delayed in a slot; they are still in time mostly."""
PEOPLE: Final = 36
ENDS_S: Final = 24.0
TURN: Final = 0.01
"""The chance in each round that the other of two begins to speak."""
LOOK_S: Final = 0.1


class Watched(World):
    """A world of one variant, whose every datagram is written down.

    Args:
        variant: what its parts are.
        seed: of everything.
        clients: the zone's size.
    """

    def __init__(self, variant: Variant, seed: int, clients: int) -> None:
        self.variant = variant
        self.gateway_kind, self.client_kind = variant.gateway, variant.client
        self._turns: dict[str, tuple[Speech, bool]] = {}
        self._arrived = False
        super().__init__(clients=clients, seed=seed, access=ACCESS, chain=CHAIN)
        self.trace = []
        self.lost: list[bool] = []

    def mix_kind(self, hop: int) -> type[Mix]:
        """See `World`."""
        return self.variant.mixes[hop]

    def post(self, source: str, destination: str, datagram: bytes) -> None:
        """See `Traffic`; and see whether it arrives."""
        self._arrived = False
        super().post(source, destination, datagram)
        self.lost.append(not self._arrived)

    def bring(self, at: float, source: str, destination: str, datagram: bytes) -> None:
        """See `Traffic`."""
        self._arrived = True
        super().bring(at, source, destination, datagram)

    def converse(self, one: str, other: str, dice: Dice) -> None:
        """Two who talk speak by turns."""
        speech = Speech(self, dice)
        self._turns[one], self._turns[other] = (speech, True), (speech, False)

    def frame(self, name: str) -> bytes | None:
        """See `World`: what a person says, if it is their turn."""
        person = self.people[name]
        speech, first = self._turns.get(name, (None, False))
        speaks = speech is not None and speech.first_speaks() == first
        if speaks and person.machine.phone.state == State.TALKING:
            person.frames += 1
        size = self.zone.geometry.body_bytes
        return frame_of(name, person.frames, size) if speaks else PAUSE


class Speech:
    """Whose turn it is to speak, of two.

    Args:
        world: for what time it is.
        dice: when it changes.
    """

    def __init__(self, world: World, dice: Dice) -> None:
        self._world, self._dice = world, dice
        self._first, self._at = dice.chance(0.5), world.now

    def first_speaks(self) -> bool:
        """Whether it is the first's."""
        while self._at + self._world.zone.geometry.round_s <= self._world.now:
            self._at += self._world.zone.geometry.round_s
            if self._dice.chance(TURN):
                self._first = not self._first
        return self._first


class Life:
    """One life, and its recording.

    Args:
        variant: which build.
        seed: of everything.
        people: how many.
        ends: when it ends, in seconds.
    """

    def __init__(self, variant: Variant, seed: int, people: int, ends: float) -> None:
        self._dice = Dice.seeded(seed).fork("life")
        self.script = script(people, ends, self._dice.fork("script"))
        self.world = Watched(variant, seed, 2 * people)
        self.names = [f"person{number}" for number in range(people)]
        self._talks: dict[tuple[int, int], list[list[float]]] = {}
        self._watermarks: list[Watermark] = []
        parts = *self.world.gateway_names, *self.world.mix_names
        self._pads = [Pad(self._part(name)) for name in parts]

    # ── what people do ───────────────────────────────────────────────────────────────────

    def live(self) -> None:
        """Live it."""
        world, dice = self.world, self._dice.fork("people")
        for number, name in enumerate(self.names):
            comes = self.script.comes.get(number, between(dice, 0.0, 0.6))
            self._at(comes, self._joining(name))
        for number, leaves in self.script.leaves.items():
            self._at(leaves, self._leaving(self.names[number]))
        for number, call in enumerate(self.script.calls):
            one, other = self.names[call.caller], self.names[call.callee]
            world.converse(one, other, self._dice.fork(f"speech {number}"))
            self._at(call.dials, self._dialing(one, other, call.answers))
            if call.hangs_up < self.script.ends:
                self._at(call.hangs_up, self._hanging_up(one))
        self._act()
        at = LOOK_S
        while at < self.script.ends:
            self._at(at, self._look)
            at += LOOK_S
        world.run(self.script.ends)

    def _at(self, seconds: float, what: Callable[[], None]) -> None:
        self.world.at(START + seconds, what)

    def _joining(self, name: str) -> Callable[[], None]:
        def join() -> None:
            self.world.join(name)

        return join

    def _leaving(self, name: str) -> Callable[[], None]:
        def leave() -> None:
            self.world.kill(name)

        return leave

    def _dialing(self, caller: str, callee: str, answers: float) -> Callable[[], None]:
        world = self.world

        def answer() -> None:
            person = world.people[callee]
            if person.machine.phone.state != State.INCOMING:
                world.at(world.now + LOOK_S, answer)
                return
            world.at(world.now + answers, accept)

        def accept() -> None:
            person = world.people[callee]
            person.machine.phone.accept(person.machine.number)
            world.touch(callee)

        def dial() -> None:
            person = world.people[caller]
            person.machine.phone.dial(world.people[callee].identity.address, person.machine.number)
            world.touch(caller)
            answer()

        return dial

    def _hanging_up(self, name: str) -> Callable[[], None]:
        def hang_up() -> None:
            person = self.world.people[name]
            person.machine.phone.hang_up(person.machine.number)
            self.world.touch(name)

        return hang_up

    def _look(self) -> None:
        """Note who talks, and what insiders note."""
        epoch_s = self.world.zone.geometry.epoch_s
        for pad in self._pads:
            pad.look(int((UNIX + self.world.now - START) / epoch_s))
        for caller, callee, *_ in self.script.calls:
            both = [self._person(caller), self._person(callee)]
            spans = self._talks.setdefault((caller, callee), [])
            now = self.world.now
            if all(p is not None and p.machine.phone.state == State.TALKING for p in both):
                if spans and spans[-1][1] > now - 1.5 * LOOK_S:
                    spans[-1][1] = now
                else:
                    spans.append([now, now])

    def _person(self, number: int) -> Person | None:
        return self.world.people.get(self.names[number])

    # ── what watchers do ─────────────────────────────────────────────────────────────────

    def _act(self) -> None:
        """Strike some callers whose calls last, and as many who are idle and stay."""
        lasting = [call for call in self.script.calls if call.lasts and call.dials < EARLY_S]
        busy = {client for call in self.script.calls for client in call[:2]}
        moving = {*self.script.leaves, *self.script.comes}
        idle = [each for each in range(self.script.people) if each not in busy | moving]
        for place, (call, other) in enumerate(zip(lasting, idle, strict=False)):
            for client in (call.caller, other):
                self._strike(client, drops=place % 2 == 1)
        self._at(SPOIL_S - 0.5, self._plan)

    def _strike(self, client: int, *, drops: bool) -> None:
        """Press a pattern on what a client sends."""
        dice = self._dice.fork(f"strike {client}")
        begins = np.arange(STRIKE_S, self.script.ends, SLOT_S)
        struck = np.array([dice.chance(0.5) for _ in begins])
        name = self.names[client]
        for begin, strikes in zip(begins.tolist(), struck.tolist(), strict=True):
            self._at(begin, self._striking(name, drops=drops and strikes, delays=strikes))
        at = START + begins
        self._watermarks.append(Watermark(client, drops, at, SLOT_S, struck))

    def _striking(self, name: str, *, drops: bool, delays: bool) -> Callable[[], None]:
        def strike() -> None:
            link = self.world.link(name, self.world.gateway_names[0])
            link.cut = drops
            later = LATER_S if delays and not drops else 0.0
            link.law = replace(ACCESS, delay=ACCESS.delay + later)

        return strike

    def _plan(self) -> None:
        """The first mix will send some rounds twice, the last spoil some rows for two epochs."""
        world, geometry = self.world, self.world.zone.geometry
        first, last = world.parts[world.mix_names[0]], world.parts[world.mix_names[-1]]
        assert isinstance(first, CorruptFirst)
        assert isinstance(last, CorruptLast)
        number = first.now_round(world.now)
        rounds = round((self.script.ends - SPOIL_S) / geometry.round_s)
        first.again_in.update(range(number, number + rounds, REPLAYS_EVERY))
        for ahead in range(SPOILT_EPOCHS):
            # This is shortly before the first of them begins.
            epoch = geometry.epoch_of(number) + 1 + ahead
            self._at(SPOIL_S + geometry.epoch_s * ahead + 0.05, self._spoiling(last, epoch))

    def _spoiling(self, last: CorruptLast, epoch: int) -> Callable[[], None]:
        return lambda: spoil(last, epoch, self._dice.fork(f"spoil {epoch}"))

    # ── what watchers have ───────────────────────────────────────────────────────────────

    def recording(self) -> Recording:
        """All of it."""
        capture = self._capture()
        truth = Truth(
            tuple(
                Call(caller, callee, begin, end)
                for (caller, callee), spans in self._talks.items()
                for begin, end in spans
                if end > begin
            ),
            tuple(sorted({*self.script.leaves, *self.script.comes})),
        )
        told = insiders(Pages(*(pad.page() for pad in self._pads)), self._known())
        return Recording(capture, truth, told, tuple(self._watermarks))

    def _part(self, name: str) -> Mix | Gateway:
        part = self.world.parts[name]
        assert isinstance(part, Mix | Gateway)
        return part

    def _known(self) -> Known:
        """The zone, as insiders know it."""
        seats = {name: seat for seat, name in enumerate(self.names)}
        people, epoch_s = self.world.people, self.world.zone.geometry.epoch_s
        return Known(
            seats,
            lambda epoch: {
                door_drop(person.identity.address.door_key, epoch): seats[name]
                for name, person in people.items()
            },
            lambda epoch: START + epoch * epoch_s - UNIX,
            epoch_s,
        )

    def _capture(self) -> Capture:
        trace, geometry = self.world.trace or [], self.world.zone.geometry
        ends = [*self.names, *self.world.mix_names, *self.world.gateway_names]
        numbers = {name: number for number, name in enumerate(ends)}
        return Capture(
            ends,
            np.arange(len(self.names)),
            np.array([sent.at for sent in trace]),
            np.array([numbers[sent.source] for sent in trace], np.intp),
            np.array([numbers[sent.destination] for sent in trace], np.intp),
            np.array([sent.size for sent in trace], np.intp),
            round_s=geometry.round_s,
            epoch_s=geometry.epoch_s,
            epoch_at=START + FIRST_ROWS_S,
            begin=START + FIRST_ROWS_S,
            end=START + self.script.ends,
            lost=np.array(self.world.lost, np.bool_),
        )


def record(variant: Variant, seed: int, *, people: int = PEOPLE, ends: float = ENDS_S) -> Recording:
    """Live one life, and give all that its watchers have of it.

    Args:
        variant: which build.
        seed: of everything; the same seed gives the same life.
        people: how many.
        ends: when it ends, in seconds.
    """
    life = Life(variant, seed, people, ends)
    life.live()
    return life.recording()
