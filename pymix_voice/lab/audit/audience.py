"""Many people in one process, each with a whole client, a socket and a life of their own.

    python -m pymix_voice.lab.audit.audience ZONE-FILE --people 50 --seed 1

They are real clients but for the sound: in place of Opus there are frames of its size, by turns of
speech and silence. Some call each other, answer after a while, talk, hang up, and call again;
some are idle all the time; now and then somebody goes, and comes back. When, is drawn from the
seed. It serves an audit: what they do is told on stdout, a JSON object a line, for whoever judges
what an observer of their links guesses.

    here     who, port, door    somebody is at this UDP port now; the key of their door, in hex
    gone     who
    pair     who, peer          the first will call the second
    talking  who                a call stands for this one
    silent   who                it no longer does

It ends after `--seconds`, or at SIGINT and SIGTERM.

Must not know: who watches.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import trio

from pymix_voice.client.call import PAUSE
from pymix_voice.client.identity import Identity
from pymix_voice.client.machine import Client
from pymix_voice.client.states import State
from pymix_voice.edge.clock import Clock, system_dice
from pymix_voice.edge.datapath import Datapath, Inlet
from pymix_voice.edge.files import read_zone
from pymix_voice.edge.places import Place, address_of, resolve, wildcard
from pymix_voice.edge.report import write_line
from pymix_voice.edge.running import run
from pymix_voice.edge.udp import CLIENT_CHARGE, open_port
from pymix_voice.errors import PymixError
from pymix_voice.lab.crowd.load import go_on, settle
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.keyfile import new_key
from pymix_voice.zone.zonefile import Zone

COME_S = 0.05
"""One after the other they come online."""
SPURT = 0.02
"""The chance in each round that somebody who speaks stops, or who is silent starts."""
TALKERS = 0.5
"""The share of people who call each other."""
GOERS = 0.1
"""The share that goes and comes back: none of them calls."""


class Spans(NamedTuple):
    """How long people take, in seconds: from, to."""

    before: tuple[float, float] = (0.0, 25.0)
    """Between two calls of a pair."""
    ringing: tuple[float, float] = (0.5, 3.0)
    talking: tuple[float, float] = (10.0, 40.0)
    here: tuple[float, float] = (15.0, 40.0)
    gone: tuple[float, float] = (5.0, 15.0)


@dataclass(frozen=True)
class Options:
    """What is asked for; see `options`."""

    zone: Path
    people: int
    gateway: int
    seed: int
    seconds: float


def options(words: list[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m pymix_voice.lab.audit.audience")
    parser.add_argument("zone", type=Path, help="the zone file")
    parser.add_argument("--people", type=int, default=50, help="how many")
    parser.add_argument("--gateway", type=int, default=0, help="which gateway, from 0")
    parser.add_argument("--seed", type=int, default=1, help="of what they do, and when")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after so long")
    found = parser.parse_args(words)
    if found.people < 1:
        parser.error("there is at least one of them")
    return Options(**vars(found))


class Speech:
    """Speech and silence by turns: a frame for every round.

    Args:
        dice: when it changes.
        size: bytes of a body.
    """

    def __init__(self, dice: Dice, size: int) -> None:
        self._dice, self._size = dice, size
        self._speaks = False

    def __call__(self, now: float) -> bytes:
        """The next frame."""
        if self._dice.chance(SPURT):
            self._speaks = not self._speaks
        return self._dice.bytes(self._size) if self._speaks else PAUSE


class Person:
    """Somebody with a client, who is there until they go.

    Args:
        zone: the zone file.
        gateway: which gateway.
        who: their number.
        me: identity and door.
        where: the gateway's place.
        dice: of how they speak.
    """

    def __init__(
        self, zone: Zone, gateway: int, who: int, me: Identity, where: Place, dice: Dice
    ) -> None:
        self.who, self.me = who, me
        self._zone, self._gateway, self._where, self._dice = zone, gateway, where, dice
        self._talked = False
        self._waiters: list[tuple[Callable[[], bool], trio.Event]] = []
        self.client: Client | None = None
        self._datapath: Datapath | None = None

    async def be_there(self, *, task_status: trio.TaskStatus[None]) -> None:
        """Be online until cancelled."""
        client = self.client = Client(
            self._zone,
            self._gateway,
            self.me,
            frame=Speech(self._dice, self._zone.geometry.body_bytes),
            dice=system_dice(),
            now=Clock.now(),
            where=address_of(self._where),
        )
        with open_port((wildcard(self._where[0]), 0), 8 * CLIENT_CHARGE) as port:
            self._datapath = Datapath(
                client,
                {"access": Inlet(port, client.receive)},
                work=client.work,
                after=self._look,
            )
            self._tell("here", port=port.place[1], door=self.me.address.door_key.hex())
            task_status.started()
            try:
                await self._datapath.run()
            finally:
                self._talk(False)
                self._tell("gone")
                self.client = None

    @property
    def state(self) -> State:
        """How things stand."""
        return State.IDLE if self.client is None else self.client.phone.state

    async def dial(self, peer: "Person") -> None:
        """Call somebody, once this client has circuits."""
        await self.until(lambda: self.client is not None and self.client.in_zone)
        assert self.client is not None
        self.client.phone.dial(peer.me.address, self.client.number)
        self._wake()

    def answer(self) -> None:
        """Take the call that rings."""
        if self.client is not None:
            self.client.phone.accept(self.client.number)
            self._wake()

    def hang_up(self) -> None:
        """End what is on."""
        if self.client is not None:
            self.client.phone.hang_up(self.client.number)
            self._wake()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something is so; looked at after each turn of the datapath."""
        waiter = holds, trio.Event()
        self._waiters.append(waiter)
        self._wake()
        await waiter[1].wait()
        self._waiters.remove(waiter)

    def _wake(self) -> None:
        if self._datapath is not None:
            self._datapath.wake()

    def _look(self) -> None:
        """What the client has told is of no use but for one thing."""
        assert self.client is not None
        phone = self.client.phone
        phone.events.clear()
        phone.heard.clear()
        phone.looped.clear()
        call = phone.call
        self._talk(call is not None and phone.state == State.TALKING)
        for holds, event in self._waiters:
            if holds():
                event.set()

    def _talk(self, talks: bool) -> None:
        if talks != self._talked:
            self._talked = talks
            self._tell("talking" if talks else "silent")

    def _tell(self, event: str, **more: int | str) -> None:
        write_line({"event": event, "t": Clock.now(), "who": self.who, **more})


class Audience:
    """All people of this process, and what they do.

    Args:
        zone: the zone file.
        wanted: the command line.

    Attributes:
        pairs: who calls whom.
        goers: who comes and goes, and calls nobody.

    Raises:
        ConfigError: if the gateway has no address.
    """

    def __init__(self, zone: Zone, wanted: Options) -> None:
        entry = zone.gateways[wanted.gateway]
        where = resolve(entry.host, entry.port, entry.name)
        self._dice = Dice.seeded(wanted.seed)
        self._people = []
        for who in range(wanted.people):
            # Whoever they are is drawn by the system: only what they do follows from the seed.
            key = new_key("identity", f"person{who}", system_dice())
            assert key.door is not None
            me = Identity(key.link, key.door.reveal(), zone.hash)
            dice = self._dice.fork(f"speech {who}")
            self._people.append(Person(zone, wanted.gateway, who, me, where, dice))
        # Who calls is dealt: nothing about a client may go with it, not even when it was started.
        order = self._dice.fork("roles").order(len(self._people)).tolist()
        dealt = [self._people[place] for place in order]
        self.pairs = list(_pairs(dealt))
        self.goers = dealt[len(dealt) - round(GOERS * len(dealt)) :]

    async def run(self) -> None:
        """Be there, call and go, until cancelled."""
        async with trio.open_nursery() as nursery:
            for person in self._people:
                if person in self.goers:
                    nursery.start_soon(self._come_and_go, person)
                else:
                    await nursery.start(person.be_there)
                await trio.sleep(COME_S)
            for caller, callee in self.pairs:
                write_line({"event": "pair", "who": caller.who, "peer": callee.who})
                nursery.start_soon(self._call_again, caller, callee)

    async def _come_and_go(self, person: Person) -> None:
        dice = self._dice.fork(f"goes {person.who}")
        while True:
            with trio.move_on_after(_between(dice, Spans().here)):
                async with trio.open_nursery() as nursery:
                    await nursery.start(person.be_there)
            await trio.sleep(_between(dice, Spans().gone))

    async def _call_again(self, caller: Person, callee: Person) -> None:
        dice, spans = self._dice.fork(f"calls {caller.who}"), Spans()
        while True:
            await trio.sleep(_between(dice, spans.before))
            await caller.dial(callee)
            # A call that does not come about ends by itself, and is tried again.
            await callee.until(lambda: callee.state == State.INCOMING or caller.state == State.IDLE)
            await trio.sleep(_between(dice, spans.ringing))
            callee.answer()
            await trio.sleep(_between(dice, spans.talking))
            (caller if dice.chance(0.5) else callee).hang_up()
            await caller.until(lambda: caller.state == callee.state == State.IDLE)


def _pairs(people: list[Person]) -> Iterator[tuple[Person, Person]]:
    """Who calls whom: the first half of them, two and two."""
    half = int(TALKERS * len(people) / 2)
    yield from zip(people[:half], people[half : 2 * half], strict=True)


def _between(dice: Dice, span: tuple[float, float]) -> float:
    low, high = span
    return low + (high - low) * dice.below(1 << 20) / (1 << 20)


def main(words: list[str]) -> None:
    """Run the program."""
    wanted = options(words)
    settle(None)
    audience = Audience(read_zone(wanted.zone), wanted)
    run(partial(go_on, audience.run, seconds=wanted.seconds))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except PymixError as error:
        sys.exit(str(error))
