"""Both neighbours of a middle mix in one machine: load for it, and a check of what it does.

    as the mix before    ticks, rounds of real size forward, set-ups, the decision
    as the mix behind    takes its rounds, and sends each back as it came

Everything that the mix between sees is what it would see in a zone of three: control records,
set-up onions that open, sealed chunks, epochs of the length that the zone's size gives. Only the
beginning is shorter: rounds are numbered ahead to where its first circuits can begin.

Must not know: sockets, what time it is (it is told), the orders of the mix.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import BadCell, Drops, Misuse
from pymix_voice.geometry import BLOCK_ROUNDS, Geometry, is_door_round
from pymix_voice.lab.throughput.setups import MIDDLE, Check, Setup
from pymix_voice.onion.chunk import LinkKeys
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.zone.descriptor import Descriptor
from pymix_voice.zone.drain import Address, Burst, Drain
from pymix_voice.zone.epochs import age_of
from pymix_voice.zone.link import RoundLink, whole_chunks
from pymix_voice.zone.records import (
    BatchEnd,
    Decision,
    Hello,
    List,
    OnionKey,
    Ready,
    Record,
    Tick,
)
from pymix_voice.zone.rounds import PatientInlet
from pymix_voice.zone.zonefile import Zone

BEFORE, BEHIND = 0, 1
"""The two links, by whom this machine stands in for."""
ONIONS_A_SLICE = 4
BEFORE_CUTOFF = 100
"""The first epoch begins so many rounds before its cut-off: earlier nothing happens."""
AHEAD_S = 0.2
"""From the decision for the first circuits to their first round."""


def skipped_rounds(geometry: Geometry) -> int:
    """How many rounds of the first epoch are left out."""
    return max(0, (geometry.cutoff_at - BEFORE_CUTOFF) // BLOCK_ROUNDS * BLOCK_ROUNDS)


class Counts:
    """What became of the rounds."""

    def __init__(self) -> None:
        self.sent = self.turned = self.returned = 0
        self.filled_rows = self.wrong = self.extended = self.switched = 0
        self.trips_s: list[float] = []
        """From the tick until the round was back, whole."""


class Ends:
    """Both neighbours.

    Args:
        zone: of three mixes; the middle one is measured.
        dice: for everything random.
        now: seconds on any monotonic clock.
        unix: seconds since 1970 at `now`.
        middle: where the mix between takes rounds.
    """

    def __init__(self, zone: Zone, dice: Dice, now: float, unix: float, middle: Address) -> None:
        self._zone = zone
        self._geometry = zone.geometry
        self._dice = dice
        self._unix_offset = unix - now
        self._middle = middle
        self._inlets = [PatientInlet(zone.geometry, dice) for _ in range(2)]
        self._links: dict[int, RoundLink] = {}
        self._cells = dice.matrix(zone.geometry.rows, zone.geometry.cell_bytes)
        self._bursts: list[Burst] = []
        self.said: list[tuple[int, Record]] = []
        self._setup: Setup | None = None
        self._telling: Iterator[Record] = iter(())
        self._told = self._ready = False
        self._allowed = 0
        """Onions that may be made until the next tick: in one go they would keep rounds waiting."""
        self._checks: dict[int, Check] = {}
        self._epoch = -1
        """Whose circuits carry the rounds."""
        self._coming = -1
        self._origin = -1
        self._origin_at = 0.0
        self._next = -1
        self.counts = Counts()
        self.drops = Drops()

    # ── control ──────────────────────────────────────────────────────────────────────────

    def link_up(self, end: int, keys: LinkKeys, now: float) -> None:
        """A control link stands."""
        before = end == BEFORE
        source = self._middle if before else b""
        self._inlets[end].start_over()
        self._links[end] = RoundLink(
            keys, upstream=not before, inlet=self._inlets[end], source=source
        )
        self.said.append((end, Hello(0, True)))
        if len(self._links) == 2 and self._coming < 0:
            self._begin_ahead(now)

    def _begin_ahead(self, now: float) -> None:
        """A mix signs from two epochs after its start on: the one between is skipped."""
        present = int((now + self._unix_offset) / self._geometry.round_s)
        between = self._geometry.epoch_of(present) + 1
        self.said.append((BEFORE, Tick(present, 0.0)))
        self.said.append((BEFORE, Tick(self._geometry.first_round(between) + 1, 0.0)))
        self._coming = between + 1

    def receive_control(self, end: int, record: Record, now: float) -> None:
        """Take a record of the mix between."""
        match record:
            case OnionKey(epoch=epoch, mix=hop, key=key) if epoch == self._coming and hop == MIDDLE:
                self._list(key)
            case BatchEnd(epoch=epoch) if end == BEHIND:
                self.said.append((BEHIND, Ready(epoch)))
            case Ready(epoch=epoch) if end == BEFORE and epoch == self._coming:
                self._ready = True
                if self._epoch < 0:
                    self._start_rounds(now)

    def _list(self, key: bytes) -> None:
        if self._setup is not None and self._setup.epoch == self._coming:
            return
        keys = [key if hop == MIDDLE else KeyPair.draw(self._dice).public for hop in range(3)]
        first = self._geometry.first_round(self._coming)
        listed = Descriptor(self._zone.hash, self._coming, first, tuple(keys), ())
        self.said.append((BEFORE, List(self._coming, listed.body)))
        self._setup = Setup(self._geometry, self._coming, key, listed.hash, self._dice)
        self._told = self._ready = False

    def _start_rounds(self, now: float) -> None:
        self._decide(switch=True)
        first = self._geometry.first_round(self._epoch)
        self._begin_epoch(first)
        self._origin = self._next = first + skipped_rounds(self._geometry)
        self._origin_at = now + AHEAD_S

    def _begin_epoch(self, number: int) -> None:
        """Its first round: the next one is made from now on."""
        self._coming = self._geometry.epoch_of(number) + 1
        self.said.append((BEFORE, Tick(number, 0.0)))

    def _decide(self, *, switch: bool) -> None:
        self.said.append((BEFORE, Decision(self._coming, switch)))
        if not switch:
            self.counts.extended += 1
            return
        if self._setup is None:
            raise Misuse("an epoch without set-ups is not switched to")
        self._epoch = self._coming
        self._checks[self._epoch] = Check(self._cells, self._setup.checked())
        self.counts.switched += 1

    # ── rounds ───────────────────────────────────────────────────────────────────────────

    def _circuits(self, number: int) -> int:
        """The circuit epoch of a round."""
        return max(epoch for epoch in self._checks if epoch <= self._geometry.epoch_of(number))

    def _rows(self, number: int) -> int:
        return self._geometry.rows if is_door_round(number) else self._geometry.clients

    def _tick_at(self, number: int) -> float:
        return self._origin_at + (number - self._origin) * self._geometry.round_s

    def receive(self, end: int, drain: Drain, now: float) -> None:
        """Take rounds of the mix between, at one of the two sockets."""
        link = self._links.get(end)
        if link is None or self._next < 0:
            return
        drain = whole_chunks(drain, self._geometry.chunk_bytes, self.drops)
        for chunks in link.open(drain.cells, drain.sources, self._next, self.drops):
            epoch, rows = self._circuits(chunks.round), self._rows(chunks.round)
            try:
                link.inlet.accept(chunks, epoch, rows, drain.came, self.drops)
            except BadCell as bad:
                self.drops[bad.reason] += len(chunks.numbers)

    def handle_deadline(self, now: float) -> None:
        """Do what is due at `now`."""
        while self._next >= 0 and self._tick_at(self._next) <= now:
            self._tick(self._next)
            self._next += 1
        for number in self._inlets[BEHIND].due(now):
            rows = self._take(BEHIND, number)
            if rows is not None:
                self._turn(number, rows)
        for number in self._inlets[BEFORE].due(now):
            rows = self._take(BEFORE, number)
            if rows is not None:
                self._finish(number, rows, now)

    def _tick(self, number: int) -> None:
        self._keep_course(number)
        self._allowed = 2 * self._geometry.rows // self._geometry.cutoff_at + ONIONS_A_SLICE
        epoch = self._circuits(number)
        age = age_of(self._geometry, number, epoch)
        cells = self._cells[: self._rows(number)]
        self._bursts += self._links[BEFORE].seal(number, age, cells)
        self.counts.sent += 1

    def _take(self, end: int, number: int) -> NDArray[np.uint8] | None:
        """A whole round; what did not come is counted."""
        inlet = self._inlets[end]
        before = inlet.filled_rows
        rows = inlet.take(number, self._circuits(number), self._rows(number))
        missing = inlet.filled_rows - before
        self.counts.filled_rows += missing
        return None if missing else rows

    def _turn(self, number: int, rows: NDArray[np.uint8]) -> None:
        """As the last mix: what came goes back."""
        self.counts.turned += 1
        epoch = self._circuits(number)
        self.counts.wrong += not self._checks[epoch].forward(number, rows)
        age = age_of(self._geometry, number, epoch)
        self._bursts += self._links[BEHIND].seal(number, age, rows)

    def _finish(self, number: int, rows: NDArray[np.uint8], now: float) -> None:
        self.counts.returned += 1
        self.counts.wrong += not self._checks[self._circuits(number)].backward(number, rows)
        self.counts.trips_s.append(now - self._tick_at(number))

    # ── an epoch's course ────────────────────────────────────────────────────────────────

    def _keep_course(self, number: int) -> None:
        """What a mix before does at this place of an epoch."""
        geometry, within = self._geometry, self._geometry.within(number)
        if within == 0 and number != self._origin:
            self._begin_epoch(number)
        if within == geometry.keys_until:
            for old in [epoch for epoch in self._checks if epoch < self._circuits(number)]:
                del self._checks[old]
        if within == geometry.cutoff_at + geometry.open_rounds:
            self._tell_setups()
        if within == geometry.decide_at:
            self._decide(switch=self._ready)

    def _tell_setups(self) -> None:
        if self._setup is not None and self._setup.made and not self._told:
            self._told = True
            self._telling = self._setup.records()

    def work(self) -> bool:
        """One slice of making set-ups, or of telling them."""
        record = next(self._telling, None)
        if record is not None:
            self.said.append((BEFORE, record))
            return True
        if self._setup is None or self._told:
            return False
        if self._epoch >= 0 and self._allowed <= 0:
            return False
        self._allowed -= ONIONS_A_SLICE
        if self._setup.work(ONIONS_A_SLICE):
            return True
        if self._epoch < 0:
            self._tell_setups()
        return self._told

    # ── out ──────────────────────────────────────────────────────────────────────────────

    def deadline(self) -> float:
        """When `handle_deadline` is to be called at the latest, in seconds."""
        tick = float("inf") if self._next < 0 else self._tick_at(self._next)
        return min(tick, *(inlet.deadline() for inlet in self._inlets))

    def bursts(self) -> list[Burst]:
        """The datagrams to send now."""
        bursts, self._bursts = self._bursts, []
        for link in self._links.values():
            link.reuse()
        return bursts
