"""The relay's UDP side: a port at each address of the zone file, and one for each who comes there.

    source --> port at the part's address --way up--> the source's own port --> the part itself
    source <-- port at the part's address <-way down- the source's own port <-- the part itself

To a part, each source is a place of its own, and its answers find their way back, as behind a NAT.
Each drain's stamps are the kernel's, so what waits in a socket here counts as under way already.

Source: RFC 4787, sections 4.1 and 5 (mappings by address and port; only the part may answer).

Must not know: what is in a datagram.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import groupby
from typing import NamedTuple

import numpy as np
import trio

from pymix_voice.edge.alarm import Alarm
from pymix_voice.edge.clock import Clock
from pymix_voice.edge.mmsg import MANY_LIMIT
from pymix_voice.edge.places import Place, address_of, place_of, wildcard
from pymix_voice.edge.port import WIDTH, Port
from pymix_voice.edge.tardiness import Tardiness
from pymix_voice.edge.udp import CHUNK_CHARGE
from pymix_voice.errors import ConfigError
from pymix_voice.lab.crowd.port import CrowdPort
from pymix_voice.lab.network import Law
from pymix_voice.lab.relay.course import Course, Kind, Way
from pymix_voice.lab.relay.witness import Witness
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.drain import Address, Burst, Drain
from pymix_voice.zone.zonefile import Zone

MOST_SOURCES = 4096
"""Each has a socket here; who comes after them is not served."""
FEW = 64
"""Datagrams of a drain from a part to one source of a gateway: many have a port here."""


class Outlet(Way):
    """A way, and where it leads out of the relay."""

    port: Port
    to: Address
    witnessed: tuple[int, int]
    """Where it comes from and leads to, as the witness numbers them."""


class Part(NamedTuple):
    """A mix or gateway of the zone.

    Attributes:
        name: in the zone file.
        kind: of the links that lead to it.
        known: where others believe it to be.
        real: where it is.
    """

    name: str
    kind: Kind
    known: Place
    real: Place


@dataclass
class _Source:
    """Somebody who sends to a part."""

    port: Port
    up: Outlet
    down: Outlet


class _Front:
    """A port at a part's address, and all who come there."""

    def __init__(self, part: Part, port: Port) -> None:
        self.part = part
        self.port = port
        self.to = address_of(part.real)
        self.sources: dict[Address, _Source] = {}


class Ends:
    """All ports of the relay.

    Args:
        zone: for the size of buffers.
        parts: whose addresses it takes.
        laws: of links, by kind.
        dice: for the laws.
        stack: closes what was opened here.
        witness: remembers what comes; None if nobody wants to know.
        spread_s: each source on access links is up to so much further away, both ways.

    Attributes:
        course: what is under way.
        tardiness: from due to handed to the kernel.
        drops: datagrams not passed on for the relay's own reasons.

    Raises:
        ConfigError: if a port cannot be had, or this system has no alarms.
    """

    def __init__(
        self,
        zone: Zone,
        parts: list[Part],
        laws: Mapping[Kind, Law],
        dice: Dice,
        stack: ExitStack,
        witness: Witness | None = None,
        spread_s: float = 0.0,
    ) -> None:
        self._spread_s = spread_s
        self._witness = witness
        self.course: Course[Outlet] = Course()
        self.tardiness = Tardiness()
        self.drops: Counter[str] = Counter()
        self._laws = laws
        self._dice = dice
        self._stack = stack
        self._alarm = Alarm()
        stack.callback(self._alarm.close)
        if not self._alarm.works:
            raise ConfigError("the relay needs Linux, whose timers wake it in time")
        self._set_for = 0.0
        self._room = 4 * zone.geometry.chunks(2 * zone.geometry.most_rows) * CHUNK_CHARGE
        self._names = {address_of(part.real): part.name for part in parts}
        self._fronts = [_Front(part, self._open(part.known)) for part in parts]
        self._watched: trio.Nursery | None = None

    def _open(self, place: Place, most: int = MANY_LIMIT) -> Port:
        return self._stack.enter_context(CrowdPort(place, self._room, most=most))

    @property
    def sources(self) -> int:
        """How many have a port here."""
        return sum(len(front.sources) for front in self._fronts)

    def place(self, name: str) -> Place:
        """Where others reach a part."""
        return next(front.port.place for front in self._fronts if front.part.name == name)

    def all_drops(self) -> dict[str, int]:
        """What was not passed on, by reason, but for what the laws lose."""
        ports = [front.port for front in self._fronts]
        ports += [source.port for front in self._fronts for source in front.sources.values()]
        drops = Counter(self.drops)
        drops["no room in a socket"] = sum(port.overflowed for port in ports)
        drops["not taken by the system"] = sum(sum(port.unsent.values()) for port in ports)
        drops["no room in a queue"] = sum(each.dropped for each in self.course.counts.values())
        return {reason: count for reason, count in drops.items() if count}

    async def run(self) -> None:
        """Pass on until cancelled."""
        async with trio.open_nursery() as self._watched:
            for front in self._fronts:
                self._watch(front.port, self._taker(front))
            while True:
                await self._alarm.ring()
                self._hand_on()

    # ── in ───────────────────────────────────────────────────────────────────────────────

    def _watch(self, port: Port, take: Callable[[Drain], None]) -> None:
        async def keep_taking() -> None:
            while True:
                await port.readable()
                take(port.drain())
                self._hand_on()

        assert self._watched is not None
        self._watched.start_soon(keep_taking)

    def _taker(self, front: _Front) -> Callable[[Drain], None]:
        """Takes what comes to a part's address."""

        def take(drain: Drain) -> None:
            for address, datagram, came in self._whole(drain):
                source = front.sources.get(address) or self._welcome(front, address)
                if source is not None:
                    self._take(source.up, datagram, came)

        return take

    def _answers(self, front: _Front, source: _Source) -> Callable[[Drain], None]:
        """Takes what a part sends to a source."""

        def take(drain: Drain) -> None:
            for address, datagram, came in self._whole(drain):
                if address == front.to:
                    self._take(source.down, datagram, came)
                else:
                    self.drops["from strangers"] += 1

        return take

    def _take(self, way: Outlet, datagram: bytes, came: float) -> None:
        if self._witness is not None:
            self._witness.saw(*way.witnessed, len(datagram), came)
        self.course.take(way, datagram, came)

    def _whole(self, drain: Drain) -> list[tuple[Address, bytes, float]]:
        """Datagrams that are whole: where each came from, what it is, and when it came."""
        lengths, sources = drain.lengths.tolist(), drain.sources.tolist()
        stamps = [drain.came] * len(lengths) if drain.stamps is None else drain.stamps.tolist()
        fits = [0 < length < WIDTH for length in lengths]
        self.drops["empty or too long"] += fits.count(False)
        return [
            (sources[index], drain.cells[index, : lengths[index]].tobytes(), stamps[index])
            for index, fit in enumerate(fits)
            if fit
        ]

    def _welcome(self, front: _Front, address: Address) -> _Source | None:
        """A source that is new: it gets a port of its own, and a link in each direction."""
        if self.sources >= MOST_SOURCES:
            self.drops["too many sources"] += 1
            return None
        part = front.part
        # Parts are known; all others are numbered, in the order in which they come.
        known = self._names.get(address)
        name = known or f"source {len(front.sources) + 1} of {part.name}"
        most = FEW if part.kind == "access" else MANY_LIMIT
        try:
            port = self._open((wildcard(part.real[0]), 0), most)
        except OSError:
            self.drops["no socket for a new source"] += 1
            return None
        law = self._law(part.kind, name)
        up = self._way(part.kind, law, name, part.name, port, front.to)
        down = self._way(part.kind, law, part.name, name, front.port, address)
        if self._witness is not None:
            seen = known or f":{place_of(address)[1]}"
            self._witness.fronts[f":{port.place[1]}"] = seen
            there, here = self._witness.end(seen), self._witness.end(part.name)
            up.witnessed, down.witnessed = (there, here), (here, there)
        source = front.sources[address] = _Source(port, up, down)
        self._watch(port, self._answers(front, source))
        return source

    def _law(self, kind: Kind, source: str) -> Law:
        law = self._laws[kind]
        if kind != "access" or not self._spread_s:
            return law
        far = self._dice.fork(f"far {source}").below(1 << 20) / (1 << 20)
        return replace(law, delay=law.delay + far * self._spread_s)

    def _way(
        self, kind: Kind, law: Law, source: str, destination: str, port: Port, to: Address
    ) -> Outlet:
        # Named as in the simulated world.
        way = Outlet(kind, law, self._dice.fork(f"net {source} {destination}"))
        way.port, way.to = port, to
        return way

    # ── out ──────────────────────────────────────────────────────────────────────────────

    def _hand_on(self) -> None:
        """Give the kernel what is due, and set the alarm for what is not."""
        while self.course.deadline() <= Clock.now():
            for way, datagrams, dues in self.course.due(Clock.now()):
                for size, run in groupby(datagrams, len):
                    rows = np.frombuffer(b"".join(run), np.uint8).reshape(-1, size)
                    burst, start = Burst(rows, way.to, "link"), 0
                    while start < len(rows):
                        start = way.port.send(burst, start)
                self.tardiness.note_all(Clock.now() - np.array(dues))
        deadline = self.course.deadline()
        if deadline != self._set_for:
            self._set_for = deadline
            self._alarm.set(deadline)
