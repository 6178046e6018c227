"""A whole zone in virtual time: the real mixes, gateways and clients, on simulated links.

No trio, no sockets, no sleeping: the world steps from event to event. Everything random comes
from one seed, forked by label, so a run can be repeated byte by byte, and two worlds that
differ in one thing differ in nothing else.

Source: str0m's and quinn's emulated networks, in idea; the project's design, section "Shape of
the code".

Must not know: sockets, clocks, Opus.
"""

import heapq
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count

from pymix_voice.client.call import PAUSE
from pymix_voice.client.identity import Identity
from pymix_voice.client.machine import Client
from pymix_voice.client.states import State
from pymix_voice.errors import Misuse
from pymix_voice.gateway.machine import Gateway
from pymix_voice.geometry import MAX_WORKERS
from pymix_voice.lab.cast import Person, cast, frame_of, numbered
from pymix_voice.lab.network import Law, Link, Sent
from pymix_voice.mix.first import FirstMix
from pymix_voice.mix.machine import Mix
from pymix_voice.mix.neighbours import DOWN
from pymix_voice.onion.chunk import LinkKeys
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.drain import NOWHERE, Burst, Drain
from pymix_voice.zone.keyfile import new_key
from pymix_voice.zone.records import Record, encode, parse_record

START = 1000.0
UNIX = 1_800_000_000.0
"""The time of day when a world begins."""
RETRY_S = 0.3
"""After a part is back, its neighbours' control links stand again so much later."""

Part = Mix | Gateway | Client


class World:
    """A zone that runs.

    Args:
        mixes: length of the chain.
        gateways: how many.
        workers: how many processes each gateway is; "gateway1.2" is the second of the first.
        clients: the zone's size.
        seed: of everything random.
        access: law of the links between clients and gateways.
        chain: law of the links between gateways and mixes, and of control links' delay.
        min_rows: as in the zone file.
    """

    def __init__(
        self,
        *,
        mixes: int = 3,
        gateways: int = 1,
        workers: int = 1,
        clients: int = 20,
        seed: int = 1,
        access: Law = Law(),  # noqa: B008 - frozen
        chain: Law = Law(),  # noqa: B008 - frozen
        min_rows: int = 0,
    ) -> None:
        self.now = START
        self.dice = Dice.seeded(seed)
        self._laws = {"access": access, "link": chain}
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._links: dict[tuple[str, str], Link] = {}
        self.signed: dict[str, int] = {}
        """What each mix's disk says: the highest epoch it signed."""
        self._wakes: dict[str, float] = {}
        self.parts: dict[str, Part] = {}
        self.people: dict[str, Person] = {}
        self.unix_skew: dict[str, float] = {}
        self.trace: list[Sent] | None = None
        self.tap: Callable[[str, str, bytes], bytes | None] | None = None
        """A dishonest link: sees (source, destination, datagram), may change or swallow it."""
        self.seen_as: dict[str, str] = {}
        """The source that others see for a part, if it is not its name: as behind a NAT."""
        self._stalled: dict[str, float] = {}
        self.control_cut = False
        """Whether control records between mixes and gateways are swallowed; rounds go on."""
        self.mix_names = [f"mix{number + 1}" for number in range(mixes)]
        self.gateway_names = [f"gateway{number + 1}" for number in range(gateways)]
        self.zone, self._keys = cast(
            self.mix_names, self.gateway_names, clients, min_rows, self.dice.fork("zone keys")
        )
        self._workers, self._numbers = workers, numbered(self.gateway_names, workers)
        for name in [*self.mix_names, *self._numbers]:
            self._start(name)
        for one, other in self.neighbours():
            self._connect(one, other)

    # ── building ─────────────────────────────────────────────────────────────────────────

    def neighbours(self) -> list[tuple[str, str]]:
        """Who is linked with whom, upstream first."""
        chain = list(zip(self.mix_names, self.mix_names[1:], strict=False))
        return [(gateway, self.mix_names[0]) for gateway in self._numbers] + chain

    def _start(self, name: str) -> None:
        unix = UNIX + (self.now - START) + self.unix_skew.get(name, 0.0)
        dice = self.dice.fork(f"{name} from {self.now}")
        keys = self._keys[name.partition(".")[0]]
        if name in self._numbers:
            index, worker = divmod(self._numbers[name], MAX_WORKERS)
            self.parts[name] = Gateway(
                self.zone,
                index,
                keys.link,
                prefix_of=lambda source: None,
                dice=dice,
                now=self.now,
                unix=unix,
                mix=self.mix_names[0].encode(),
                worker=worker,
                workers=self._workers,
            )
        else:
            hop = self.mix_names.index(name)
            after = self.mix_names[hop + 1 : hop + 2]
            assert keys.sign is not None
            self.parts[name] = (FirstMix if hop == 0 else Mix)(
                self.zone,
                hop,
                keys.sign.reveal(),
                dice=dice,
                now=self.now,
                unix=unix,
                signed=self.signed.get(name, -1),
                down=after[0].encode() if after else NOWHERE,
            )
        self._schedule(name)

    def _connect(self, up: str, down: str) -> None:
        """A control link comes to stand between two neighbours."""
        if up not in self.parts or down not in self.parts:
            return
        dice = self.dice.fork(f"link {up} {down} {self.now}")
        keys = LinkKeys(dice.bytes(4), dice.bytes(32), dice.bytes(32))
        above, below = self.parts[up], self.parts[down]
        if isinstance(above, Gateway):
            above.link_up(keys, self.now)
        elif isinstance(above, Mix):
            above.link_up(DOWN, keys, self.now)
        if isinstance(below, Mix):
            below.link_up(self._peer(down, up), keys, self.now)
        self._flush(up)
        self._flush(down)

    def _peer(self, me: str, other: str) -> int:
        """How a mix numbers a neighbour."""
        if other in self._numbers:
            return self._numbers[other]
        return DOWN if self.mix_names.index(other) > self.mix_names.index(me) else 0

    def join(
        self,
        name: str,
        *,
        gateway: int = 0,
        worker: int = 0,
        contacts: Sequence["Person"] = (),
        strangers: bool = True,
    ) -> Person:
        """A client comes online."""
        keys = self._keys.get(name) or new_key("identity", name, self.dice.fork(f"keys {name}"))
        self._keys[name] = keys
        assert keys.door is not None
        identity = Identity(keys.link, keys.door.reveal(), self.zone.hash)

        def frame(now: float) -> bytes:
            person = self.people[name]
            if person.machine.phone.state == State.TALKING:
                person.frames += 1
            return PAUSE if person.muted else frame_of(name, person.frames)

        machine = Client(
            self.zone,
            gateway,
            identity,
            contacts=[person.identity.key.public for person in contacts],
            strangers=strangers,
            frame=frame,
            dice=self.dice.fork(f"{name} from {self.now}"),
            now=self.now,
            where=self._name_of(self.mix_names[0], gateway * MAX_WORKERS + worker).encode(),
        )
        person = self.people[name] = Person(name, machine, identity, [], [])
        self.parts[name] = machine
        self._schedule(name)
        return person

    # ── faults ───────────────────────────────────────────────────────────────────────────

    def kill(self, name: str) -> None:
        """A part stops at once, and forgets everything but its key and signed epoch."""
        del self.parts[name]
        for up, down in self.neighbours():
            if name in (up, down):
                self._break(up, down)

    def _break(self, up: str, down: str) -> None:
        above, below = self.parts.get(up), self.parts.get(down)
        if isinstance(above, Gateway):
            above.link_down(self.now)
        elif isinstance(above, Mix):
            above.link_down(DOWN, self.now)
        if isinstance(below, Mix):
            below.link_down(self._peer(down, up), self.now)
        for name in (up, down):
            if name in self.parts:
                self._flush(name)

    def stall(self, name: str, seconds: float) -> None:
        """A part does nothing for a while; what comes for it waits in its socket."""
        self._stalled[name] = self.now + seconds

    def _later(self, name: str, what: Callable[[], None]) -> bool:
        """Put something off while a part is stalled; whether it was."""
        until = self._stalled.get(name, 0.0)
        if until > self.now:
            self.at(until, what)
        return until > self.now

    def cut_control(self) -> None:
        """All control links break; rounds go on."""
        self.control_cut = True
        for up, down in self.neighbours():
            self._break(up, down)

    def mend_control(self) -> None:
        """They come to stand again."""
        self.control_cut = False
        for up, down in self.neighbours():
            self._connect(up, down)

    def restart(self, name: str) -> None:
        """A part that was killed starts again."""
        self._start(name)
        for up, down in self.neighbours():
            if name in (up, down):
                self.at(self.now + RETRY_S, partial(self._connect, up, down))

    def link(self, source: str, destination: str) -> Link:
        """One direction between two parts."""
        if (source, destination) not in self._links:
            kind = "access" if source in self.people or destination in self.people else "link"
            dice = self.dice.fork(f"net {source} {destination}")
            self._links[source, destination] = Link(self._laws[kind], dice)
        return self._links[source, destination]

    # ── running ──────────────────────────────────────────────────────────────────────────

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Do something at an instant."""
        heapq.heappush(self._events, (when, next(self._order), what))

    def run(self, seconds: float) -> None:
        """Go on for so long."""
        end = self.now + seconds
        while self._events and self._events[0][0] <= end:
            when, _, what = heapq.heappop(self._events)
            self.now = max(self.now, when)
            what()
        self.now = end

    def run_until(self, condition: Callable[[], bool], limit: float) -> None:
        """Go on until something holds, looked at every 10 ms.

        Raises:
            Misuse: if it did not come to hold within the limit, in seconds.
        """
        end = self.now + limit
        while not condition():
            if self.now >= end:
                raise Misuse(f"it did not come to hold within {limit} s of virtual time")
            self.run(0.01)

    def _schedule(self, name: str) -> None:
        part = self.parts[name]
        deadline = part.deadline()
        if deadline == self._wakes.get(name) or deadline == float("inf"):
            return
        self._wakes[name] = deadline
        self.at(max(deadline, self.now), lambda: self._wake(name, part, deadline))

    def _wake(self, name: str, part: Part, deadline: float) -> None:
        if self.parts.get(name) is not part or self._wakes.get(name) != deadline:
            return
        if self._later(name, lambda: self._wake(name, part, deadline)):
            return
        del self._wakes[name]
        part.handle_deadline(self.now)
        self._flush(name)

    def _flush(self, name: str) -> None:
        """Drain a part after it was touched: bursts, records, work, its next deadline."""
        part = self.parts[name]
        if not isinstance(part, Gateway):
            while part.work():
                pass
        for burst in part.bursts():
            self._send(name, burst)
        if isinstance(part, Mix):
            said = part.said()
            if said.to_keep is not None:
                self.signed[name] = said.to_keep
            for peer, record in said.records:
                self._say(name, self._name_of(name, peer), record)
        elif isinstance(part, Gateway):
            for record in part.said():
                self._say(name, self.mix_names[0], record)
        else:
            self._listen(name, part)
        self._schedule(name)

    def _name_of(self, me: str, peer: int) -> str:
        if me == self.mix_names[0] and peer >= 0:
            return next(name for name, number in self._numbers.items() if number == peer)
        return self.mix_names[self.mix_names.index(me) + (1 if peer == DOWN else -1)]

    def _listen(self, name: str, machine: Client) -> None:
        person = self.people[name]
        phone = machine.phone
        person.events += [(self.now, event) for event in phone.events]
        person.heard += [(self.now, heard) for heard in phone.heard]
        phone.events.clear()
        phone.heard.clear()
        phone.looped.clear()

    def touch(self, name: str) -> None:
        """After a person or a test has asked something of a part."""
        self._flush(name)

    # ── the network ──────────────────────────────────────────────────────────────────────

    def _send(self, source: str, burst: Burst) -> None:
        one = burst.to if isinstance(burst.to, bytes) else None
        for index, row in enumerate(burst.datagrams):
            where = one or bytes(burst.to[index])
            post = partial(self.post, source, where.decode(), row.tobytes())
            if burst.at > self.now:
                self.at(burst.at, post)
            else:
                post()

    def post(self, source: str, destination: str, datagram: bytes) -> None:
        """Put a datagram on its link."""
        if self.trace is not None:
            self.trace.append(Sent(self.now, source, destination, len(datagram)))
        changed = datagram if self.tap is None else self.tap(source, destination, datagram)
        for arrival in self.link(source, destination).arrivals(self.now, len(datagram)):
            if changed is not None:
                self.at(arrival, partial(self.deliver, source, destination, changed))

    def deliver(self, source: str, destination: str, datagram: bytes) -> None:
        """A datagram arrives."""
        source = self.seen_as.get(source, source)
        behind = [name for name, seen in self.seen_as.items() if seen == destination]
        destination = behind[0] if behind else destination
        part = self.parts.get(destination)
        again = partial(self.deliver, source, destination, datagram)
        if part is None or self._later(destination, again):
            return
        drain = Drain.of([datagram], [source.encode()], self.now, 2048)
        if not isinstance(part, Gateway):
            part.receive(drain, self.now)
        elif source in self.mix_names:
            part.receive_link(drain, self.now)
        else:
            part.receive_clients(drain, self.now)
        self._flush(destination)

    def _say(self, source: str, destination: str, record: Record) -> None:
        """A control record: in order, never lost while both live."""
        raw = encode(record)
        delay = self._laws["link"].delay
        self.at(self.now + delay, lambda: self._hear(source, destination, parse_record(raw)))

    def _hear(self, source: str, destination: str, record: Record) -> None:
        part = self.parts.get(destination)
        again = partial(self._hear, source, destination, record)
        if self.control_cut or self._later(destination, again):
            return
        if isinstance(part, Gateway):
            part.receive_control(record, self.now)
        elif isinstance(part, Mix):
            part.receive_control(self._peer(destination, source), record, self.now)
        else:
            return
        self._flush(destination)
