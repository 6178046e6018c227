"""A whole zone in virtual time: the real mixes, gateways and clients, on simulated links.

No trio, no sockets, no sleeping: the world steps from event to event. Everything random comes
from one seed, forked by label, so a run can be repeated byte by byte, and two worlds that
differ in one thing differ in nothing else.

A part has its turn as at the real edge (`edge/datapath.py`): it takes what has come, does what
is due, and what it then has to say and to send leaves. A gateway gathers its clients' datagrams.

Source: str0m's and quinn's emulated networks, in idea; the project's design, section "Shape of
the code".

Must not know: sockets, clocks, Opus.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from pymix_voice.client.call import PAUSE
from pymix_voice.client.identity import Identity
from pymix_voice.client.machine import Client
from pymix_voice.client.states import State
from pymix_voice.gateway.machine import Gateway
from pymix_voice.geometry import MAX_WORKERS
from pymix_voice.lab.cast import Person, cast, frame_of
from pymix_voice.lab.clocked import Rate
from pymix_voice.lab.named import Named
from pymix_voice.lab.network import Came, Law
from pymix_voice.mix.first import FirstMix
from pymix_voice.mix.machine import Mix
from pymix_voice.mix.neighbours import DOWN
from pymix_voice.onion.chunk import LinkKeys
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.drain import NOWHERE, Burst
from pymix_voice.zone.keyfile import new_key
from pymix_voice.zone.phantoms import Phantoms
from pymix_voice.zone.records import Record, encode, parse_record

START = 1003.8
UNIX = 1_800_000_003.8
"""The time of day when a world begins: shortly before an epoch of 4 s ends. Mixes sign from the
second epoch after that of their start on, and nobody has rows before that one begins."""
RETRY_S = 0.3
"""After a part is back, its neighbours' control links stand again so much later."""
GATHER_S = 0.004
"""A gateway gathers its clients' datagrams so long, as `edge/service.py` has it."""

Part = Mix | Gateway | Client
Control = tuple[str, str]
"""The control link between two neighbours, upstream first."""


class World(Named):
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
        phantoms: likewise.
        gather_s: how long a gateway gathers its clients' datagrams.
        round_ms: length of a round.
        rates: of parts' clocks.
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
        phantoms: Phantoms | None = None,
        gather_s: float = GATHER_S,
        round_ms: int = 20,
        rates: Mapping[str, Rate] = {},
    ) -> None:
        super().__init__(START, UNIX, Dice.seeded(seed), gather_s)
        self.name_parts(mixes, gateways, workers)
        self.rates.update(rates)
        self._laws = {"access": access, "link": chain}
        self.signed: dict[str, int] = {}
        """What each mix's disk says: the highest epoch it signed."""
        self._wakes: dict[str, float] = {}
        self.parts: dict[str, Part] = {}
        self.people: dict[str, Person] = {}
        self._stalled: dict[str, float] = {}
        self._control_cuts: set[Control] = set()
        dice = self.dice.fork("zone keys")
        self.zone, self._keys = cast(
            self.mix_names,
            self.gateway_names,
            clients,
            min_rows,
            dice,
            round_ms,
            phantoms,
        )
        for name in [*self.mix_names, *self._numbers]:
            self._start(name)
        for one, other in self.neighbours():
            self._connect(one, other)

    # ── building ─────────────────────────────────────────────────────────────────────────

    gateway_kind: type[Gateway] = Gateway
    client_kind: type[Client] = Client

    def mix_kind(self, hop: int) -> type[Mix]:
        """What a mix at this place of the chain is; a dishonest part may be another."""
        return FirstMix if hop == 0 else Mix

    def _start(self, name: str) -> None:
        now, unix = self.time_of(name), self.unix_of(name)
        dice = self.dice.fork(f"{name} from {self.now}")
        keys = self._keys[name.partition(".")[0]]
        if name in self._numbers:
            index, worker = divmod(self._numbers[name], MAX_WORKERS)
            self.parts[name] = self.gateway_kind(
                self.zone,
                index,
                keys.link,
                prefix_of=lambda source: None,
                dice=dice,
                now=now,
                unix=unix,
                mix=self.mix_names[0].encode(),
                worker=worker,
                workers=self._workers,
            )
        else:
            hop = self.mix_names.index(name)
            after = self.mix_names[hop + 1 : hop + 2]
            assert keys.sign is not None
            self.parts[name] = self.mix_kind(hop)(
                self.zone,
                hop,
                keys.sign.reveal(),
                dice=dice,
                now=now,
                unix=unix,
                signed=self.signed.get(name, -1),
                down=after[0].encode() if after else NOWHERE,
            )
        self._schedule(name)

    def _connect(self, up: str, down: str) -> None:
        """A control link comes to stand between two neighbours."""
        if up not in self.parts or down not in self.parts or (up, down) in self._control_cuts:
            return
        dice = self.dice.fork(f"link {up} {down} {self.now}")
        keys = LinkKeys(dice.bytes(4), dice.bytes(32), dice.bytes(32))
        above, below = self.parts[up], self.parts[down]
        if isinstance(above, Gateway):
            above.link_up(keys, self.time_of(up))
        elif isinstance(above, Mix):
            above.link_up(DOWN, keys, self.time_of(up))
        if isinstance(below, Mix):
            below.link_up(self._peer(down, up), keys, self.time_of(down))
        self._flush(up)
        self._flush(down)

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

        self.parts[name] = machine = self.client_kind(
            self.zone,
            gateway,
            identity,
            contacts=[person.identity.key.public for person in contacts],
            strangers=strangers,
            frame=lambda now: self.frame(name),
            dice=self.dice.fork(f"{name} from {self.now}"),
            now=self.time_of(name),
            where=self._name_of(self.mix_names[0], gateway * MAX_WORKERS + worker).encode(),
        )
        person = self.people[name] = Person(name, machine, identity, [], [])
        self._schedule(name)
        return person

    def frame(self, name: str) -> bytes | None:
        """What a person says in a round."""
        person = self.people[name]
        if person.machine.phone.state == State.TALKING:
            person.frames += 1
        size = self.zone.geometry.body_bytes
        return PAUSE if person.muted else frame_of(name, person.frames, size)

    # ── faults ───────────────────────────────────────────────────────────────────────────

    def kill(self, name: str) -> None:
        """A part stops at once, and forgets everything but its key and signed epoch."""
        del self.parts[name]
        self._wakes.pop(name, None)
        self.taken(name)
        for up, down in self.neighbours():
            if name in (up, down):
                self._break(up, down)

    def _break(self, up: str, down: str) -> None:
        above, below = self.parts.get(up), self.parts.get(down)
        if isinstance(above, Gateway):
            above.link_down(self.time_of(up))
        elif isinstance(above, Mix):
            above.link_down(DOWN, self.time_of(up))
        if isinstance(below, Mix):
            below.link_down(self._peer(down, up), self.time_of(down))
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

    def cut_control(self, *links: Control) -> None:
        """These control links break, or all; rounds go on."""
        for up, down in links or self.neighbours():
            self._control_cuts.add((up, down))
            self._break(up, down)

    def mend_control(self, *links: Control) -> None:
        """They come to stand again."""
        for up, down in links or self.neighbours():
            self._control_cuts.discard((up, down))
            self._connect(up, down)

    def restart(self, name: str) -> None:
        """A part that was killed starts again."""
        self._start(name)
        for up, down in self.neighbours():
            if name in (up, down):
                self.at(self.now + RETRY_S, partial(self._connect, up, down))

    # ── running ──────────────────────────────────────────────────────────────────────────

    def _schedule(self, name: str) -> None:
        part = self.parts[name]
        deadline = part.deadline()
        if deadline == self._wakes.get(name) or deadline == float("inf"):
            return
        self._wakes[name] = deadline
        at = max(self.instant_of(name, deadline), self.now)
        self.at(at, partial(self._wake, name, part, deadline))

    def _wake(self, name: str, part: Part, deadline: float) -> None:
        if self.parts.get(name) is part and self._wakes.get(name) == deadline:
            self.turn(name)

    def turn(self, name: str) -> None:
        """A part takes what has come, does what is due, and what it has to send leaves."""
        part = self.parts.get(name)
        if part is None:
            self.taken(name)
            return
        if self._later(name, partial(self.turn, name)):
            return
        if isinstance(part, FirstMix):
            # What lies in its socket at a tick has missed it.
            self._do_due(name, part)
        came = self.taken(name)
        if came:
            self._take(name, part, came)
        self._do_due(name, part)
        self._flush(name)

    def _do_due(self, name: str, part: Part) -> None:
        now = self.time_of(name)
        if part.deadline() <= now:
            self._wakes.pop(name, None)
            part.handle_deadline(now)
            self._work(part)

    def _take(self, name: str, part: Part, came: list[Came]) -> None:
        """A part gets what has come for it, in order."""
        now = self.time_of(name)
        if name in self.rates:
            came = [each._replace(at=self.time_of(name, each.at)) for each in came]
        if not isinstance(part, Gateway):
            part.receive(self.drain(came), now)
            return
        chunks = [each for each in came if each.source in self.mix_names]
        others = [each for each in came if each.source not in self.mix_names]
        if chunks:
            part.receive_link(self.drain(chunks), now)
        if others:
            part.receive_clients(self.drain(others), now)

    def _work(self, part: Part) -> None:
        """All slices of work that can wait: here there is time."""
        while not isinstance(part, Gateway) and part.work():
            pass

    def _flush(self, name: str) -> None:
        """What a part has to send and to say leaves; and when it is to have its next turn."""
        part = self.parts[name]
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

    def _listen(self, name: str, machine: Client) -> None:
        person = self.people[name]
        phone = machine.phone
        person.events += [(self.now, event) for event in phone.events]
        person.heard += [(self.now, heard) for heard in phone.heard]
        phone.events.clear()
        phone.heard.clear()
        phone.looped.clear()

    def touch(self, name: str) -> None:
        """After a person, a test or a neighbour has asked something of a part."""
        self._work(self.parts[name])
        self._flush(name)

    # ── the network ──────────────────────────────────────────────────────────────────────

    def law_of(self, source: str, destination: str) -> Law:
        """See `Traffic`."""
        ends = {source, destination}
        return self._laws["link" if ends.isdisjoint(self.people) else "access"]

    def gathers(self, name: str, source: str) -> bool:
        """See `Traffic`: a gateway does so for its clients."""
        return name in self._numbers and source not in self.mix_names

    def _send(self, source: str, burst: Burst) -> None:
        one = burst.to if isinstance(burst.to, bytes) else None
        for index, row in enumerate(burst.datagrams):
            where = one or bytes(burst.to[index])
            post = partial(self.post, source, where.decode(), row.tobytes())
            at = self.instant_of(source, burst.at)
            if at > self.now:
                self.at(at, post)
            else:
                post()

    def _say(self, source: str, destination: str, record: Record) -> None:
        """A control record: in order, never lost while both live and their link stands."""
        raw, to = encode(record), self.parts.get(destination)
        delay = self._laws["link"].delay
        hear = partial(self._hear, source, destination, to)
        self.at(self.now + delay, lambda: hear(parse_record(raw)))

    def _hear(self, source: str, destination: str, to: Part | None, record: Record) -> None:
        part = self.parts.get(destination)
        again = partial(self._hear, source, destination, to, record)
        cut = not self._control_cuts.isdisjoint([(source, destination), (destination, source)])
        # Who died meanwhile and was started again has another connection.
        if cut or part is not to or self._later(destination, again):
            return
        now = self.time_of(destination)
        if isinstance(part, Gateway):
            part.receive_control(record, now)
        elif isinstance(part, Mix):
            part.receive_control(self._peer(destination, source), record, now)
        else:
            return
        self.touch(destination)
