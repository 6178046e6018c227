"""A stand-in for the first mix: load for a gateway, without mixes behind it.

    rounds      takes the gateways' rows at its tick, and sends the very rows back at once
    an epoch    a list of the right size, set-ups counted, batches accepted, always a switch

All that a gateway sees is what it would see of a first mix, but that its rows are back so early.
The onions are not opened, and the list is random bytes: a gateway looks at neither, and whoever
is to take part must not either (`lab.crowd.bare`). Rounds are numbered ahead to where an epoch
begins, so that the first circuits are there as soon as they can be.

Must not know: sockets, clients, what time it is (it is told).
"""

from typing import NamedTuple

from pymix_voice.errors import BadCell, Drop, Drops
from pymix_voice.geometry import Geometry, is_door_round
from pymix_voice.mix.clock import RoundClock
from pymix_voice.mix.neighbours import Neighbours
from pymix_voice.onion.chunk import Chunks, LinkKeys
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.drain import NOWHERE, Burst, Drain
from pymix_voice.zone.epochs import NO_EPOCH, Reign, age_of, epoch_of_age
from pymix_voice.zone.link import NOT_MEASURED, RoundLink, early_units
from pymix_voice.zone.records import (
    Accepted,
    BatchEnd,
    Decision,
    Hello,
    Published,
    Record,
    Setups,
    Tick,
)
from pymix_voice.zone.rounds import Inlet
from pymix_voice.zone.zonefile import Zone

SETTLE_ROUNDS = 5
"""A gateway that was told a round is there so much later: then it can be told of an epoch."""


class Counts(NamedTuple):
    """What became of the rounds so far.

    Attributes:
        rounds: ticks.
        skipped: ticks that were left out after a stall.
        rows: that went back.
        filled_rows: those of them that had not come by the tick.
        setups: onions of lines that were told.
        accepted: batches.
    """

    rounds: int
    skipped: int
    rows: int
    filled_rows: int
    setups: int
    accepted: int


class Batches:
    """Gateways' set-ups for the coming epoch, as far as they matter here: how many there are.

    Args:
        geometry: the size of an onion.
    """

    def __init__(self, geometry: Geometry) -> None:
        self._onion_bytes = geometry.onion_bytes
        self._told: dict[int, int] = {}
        self.shares: dict[int, int] = {}
        """How many rows each gateway has whose batch is complete."""

    def add(self, peer: int, record: Setups) -> int:
        """Some more; how many of them are new."""
        told, size = self._told.get(peer, 0), self._onion_bytes
        if len(record.lines) % size or len(record.lines) != len(record.doors):
            raise BadCell(Drop.MALFORMED)
        count = record.first + len(record.lines) // size
        if record.first > told or peer in self.shares:
            raise BadCell(Drop.REFUSED)
        self._told[peer] = max(told, count)
        return max(0, count - told)

    def close(self, peer: int, record: BatchEnd) -> None:
        """That was all."""
        if not record.lines == record.doors == self._told.get(peer, 0):
            raise BadCell(Drop.REFUSED)
        self.shares[peer] = record.lines


class First:
    """The first mix, to gateways.

    Args:
        zone: of any length; there is nothing behind this mix.
        dice: for lists and filler.
        unix: seconds since 1970.
    """

    def __init__(self, zone: Zone, dice: Dice, unix: float) -> None:
        self._geometry = zone.geometry
        self._dice = dice
        self._start = int(unix / zone.geometry.round_s)
        self._clock = RoundClock(zone.geometry)
        self._reign = Reign(zone.geometry)
        self._neighbours = Neighbours(zone, 0)
        self._inlets: dict[int, Inlet] = {}
        self._shares: dict[int, dict[int, int]] = {NO_EPOCH: {}}
        self._coming = NO_EPOCH
        self._list = b""
        self._batches = Batches(zone.geometry)
        self._untold: dict[int, int] = {}
        """Gateways that do not have the list, and the round from which they may be told."""
        self._bursts: list[Burst] = []
        self._rounds = self._rows = self._setups = self._accepted = 0
        self.said: list[tuple[int, Record]] = []
        self.drops = Drops()

    # ── control ──────────────────────────────────────────────────────────────────────────

    def link_up(self, peer: int, keys: LinkKeys, now: float) -> None:
        """A gateway's control link stands: it is told the round."""
        inlet = self._inlets.setdefault(peer, Inlet(self._geometry, self._dice))
        self._neighbours.link_up(peer, keys, inlet, NOWHERE)
        if not self._clock.started:
            epoch = self._geometry.epoch_of(self._start) + 1
            self._clock.start(self._geometry.first_round(epoch), now)
        number = self._clock.next_round
        inlet.close_until(number - 1)
        self._untold[peer] = number + SETTLE_ROUNDS
        self.said.append((peer, Hello(number - 1, True)))
        self.said.append((peer, Tick(number, (self._clock.tick_at(number) - now) * 1000)))

    def link_down(self, peer: int, now: float) -> None:
        """It broke; rounds may go on."""
        self._neighbours.link_down(peer)

    def receive_control(self, peer: int, record: Record, now: float) -> None:
        """Take a gateway's record; what does not belong here is counted and forgotten."""
        try:
            match record:
                case Setups(epoch=epoch) if epoch == self._coming:
                    self._setups += self._batches.add(peer, record)
                case BatchEnd(epoch=epoch) if epoch == self._coming:
                    self._batches.close(peer, record)
                    self._accepted += 1
                    rows, population = record.lines, sum(self._batches.shares.values())
                    self.said.append((peer, Accepted(epoch, rows, population)))
                case Hello():
                    pass
                case _:
                    raise BadCell(Drop.UNEXPECTED)
        except BadCell as bad:
            self.drops[bad.reason] += 1

    # ── rounds ───────────────────────────────────────────────────────────────────────────

    def receive(self, drain: Drain, now: float) -> None:
        """Take gateways' rows."""
        if not self._clock.started:
            return
        near = self._clock.next_round
        for peer, link, part in self._neighbours.sort(drain, self.drops):
            for chunks in link.open(part.cells, part.sources, near, self.drops):
                try:
                    self._take(peer, link, chunks, drain.came)
                except BadCell as bad:
                    self.drops[bad.reason] += len(chunks.numbers)

    def _take(self, peer: int, link: RoundLink, chunks: Chunks, came: float) -> None:
        number = chunks.round
        if number == link.newest:
            self._measure(link, number, came)
        epoch = epoch_of_age(self._geometry, number, chunks.age)
        if epoch not in self._shares:
            raise BadCell(Drop.NO_CIRCUITS)
        link.inlet.accept(chunks, epoch, self._rows_of(peer, epoch, number), came, self.drops)

    def _measure(self, link: RoundLink, number: int, came: float) -> None:
        """How early a round came: the latest one since the last word counts.

        Rows go back right at the tick here: were it the newest one, a round that came after its
        tick would never be spoken of, since the next one has come by the next tick.
        """
        early, (_, worst) = early_units(self._clock.tick_at(number) - came), link.early
        if worst == NOT_MEASURED or early < worst:
            link.early = number, early

    def _rows_of(self, peer: int, epoch: int, number: int) -> int:
        clients = self._shares[epoch].get(peer, 0)
        return 2 * clients if is_door_round(number) else clients

    def handle_deadline(self, now: float) -> None:
        """Do what is due at `now`."""
        for number in self._clock.due(now):
            self._keep_course(number)
            self._turn(number)

    def _turn(self, number: int) -> None:
        """Every gateway's rows, as they came."""
        self._rounds += 1
        epoch, flags = self._reign.epoch_for(number), self._reign.flags(number)
        age = age_of(self._geometry, number, epoch)
        for peer, inlet in self._inlets.items():
            rows = inlet.take(number, epoch, self._rows_of(peer, epoch, number))
            inlet.close_until(number)
            link = self._neighbours.link(peer)
            if rows is not None and link is not None:
                self._rows += len(rows)
                self._bursts += link.seal(number, age, rows, flags)
                link.early = number, NOT_MEASURED

    # ── an epoch's course ────────────────────────────────────────────────────────────────

    def _keep_course(self, number: int) -> None:
        """What a first mix does at this place of an epoch."""
        geometry = self._geometry
        if self._coming <= geometry.epoch_of(number):
            self._begin(geometry.epoch_of(number) + 1, number)
        for peer in [peer for peer, start in self._untold.items() if start <= number]:
            del self._untold[peer]
            self.said.append((peer, Published(self._coming, self._list)))
        if self._reign.is_due(number):
            self._reign.decide(self._coming, switch=True)
            self._shares[self._coming] = self._batches.shares
            linked = sorted(self._neighbours.linked)
            self.said += [(peer, Decision(self._coming, True)) for peer in linked]
        if geometry.within(number) >= geometry.keys_until:
            in_force = self._reign.circuit_epoch
            for old in [epoch for epoch in self._shares if NO_EPOCH < epoch < in_force]:
                del self._shares[old]

    def _begin(self, epoch: int, number: int) -> None:
        """Start on the next epoch."""
        self._coming = epoch
        self._list = self._dice.bytes(self._geometry.descriptor_bytes)
        self._batches = Batches(self._geometry)
        for peer in self._neighbours.linked:
            self._untold[peer] = max(self._untold.get(peer, 0), number + SETTLE_ROUNDS)

    # ── out ──────────────────────────────────────────────────────────────────────────────

    def deadline(self) -> float:
        """When `handle_deadline` is to be called at the latest, in seconds."""
        return self._clock.deadline()

    def bursts(self) -> list[Burst]:
        """The datagrams to send now; each is handed out once, valid until the next call of any."""
        bursts, self._bursts = self._bursts, []
        self._neighbours.reuse()
        return bursts

    @property
    def counts(self) -> Counts:
        """What became of the rounds so far."""
        filled = sum(inlet.filled_rows for inlet in self._inlets.values())
        return Counts(
            self._rounds, self._clock.skipped, self._rows, filled, self._setups, self._accepted
        )
