"""The first mix: it takes every gateway's rows at its tick, and says when circuits change.

Gateways' rows stand one behind the other, in the order of the zone file. A gateway is told how
early its rows came, and steers by that; what is not there at the tick is filler, so a slow or
dead gateway costs only its own clients.

Source: the project's protocol page, sections "Who numbers rounds" and "An epoch's timetable".

Must not know: sockets, clients, voice, what time it is (it is told).
"""

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pymix_voice.geometry import is_door_round
from pymix_voice.mix.circuits import Circuits
from pymix_voice.mix.clock import RoundClock
from pymix_voice.mix.machine import Mix
from pymix_voice.mix.neighbours import DOWN
from pymix_voice.onion.chunk import LinkKeys
from pymix_voice.zone.epochs import NO_EPOCH, Reign
from pymix_voice.zone.link import early_units
from pymix_voice.zone.records import Decision, Hello
from pymix_voice.zone.rounds import Inlet

BATCH_GRACE_ROUNDS = 5
"""So long after the cut-off a gateway's batch is waited for."""
PAUSE_S = 2.0
"""A first mix so far behind what the chain remembers goes on from there."""
FAR_S = 1.0
"""A gateway this far from its tick is told the round anew."""


class FirstMix(Mix):
    """The mix that owns the round clock. Arguments as of `Mix`, with `hop` 0."""

    _clock: RoundClock
    _reign: Reign
    _shares: dict[int, dict[int, int]]
    _told_tick: dict[int, float]
    _rows: NDArray[np.uint8]

    def _make_inlets(self) -> Mapping[int, Inlet]:
        self._clock = RoundClock(self._geometry)
        self._reign = Reign(self._geometry)
        self._shares = {NO_EPOCH: {}}
        self._told_tick = {}
        self._rows = np.empty((0, self._geometry.cell_bytes), np.uint8)
        return defaultdict(lambda: Inlet(self._geometry, self._filler))

    def now_round(self, now: float) -> int:
        """The round that ticked last."""
        return self._clock.next_round - 1 if self._clock.started else 0

    def _check_clock(self, number: int, now: float) -> None:
        """The round clock is this mix's own; it may differ from the time of day."""

    # ── gateways ─────────────────────────────────────────────────────────────────────────

    def link_up(self, peer: int, keys: LinkKeys, now: float) -> None:
        """As `Mix.link_up`; a gateway is told the round, or the clock starts."""
        super().link_up(peer, keys, now)
        if peer != DOWN and self._clock.started:
            self._tell_gateway(peer, now)
        self._start_clock(now)

    def _take_hello(self, peer: int, record: Hello, now: float) -> None:
        super()._take_hello(peer, record, now)
        behind = self._below.now_round - self._clock.next_round
        slept = self._clock.started and behind * self._geometry.round_s > PAUSE_S
        if slept and not self._watch.is_far(self._below.now_round, now):
            # This machine's monotonic clock stood still for a while, the chain's went on.
            self.notes.append("the chain's rounds are ahead of this mix's: going on from there")
            self._number_from(self._below.now_round + 1, now)
        self._start_clock(now)

    def _start_clock(self, now: float) -> None:
        if self._clock.started or not self._below.whole:
            return
        self.notes.append("the chain stands; rounds begin")
        self._number_from(max(self._watch.unix_round(now), self._below.now_round) + 1, now)

    def _number_from(self, start: int, now: float) -> None:
        self._clock.start(start, now)
        for inlet in self._upstream.values():
            inlet.close_until(start - 1)
        for peer in self._neighbours.linked - {DOWN}:
            self._tell_gateway(peer, now)

    def _tell_gateway(self, peer: int, now: float) -> None:
        self._told_tick[peer] = now
        number = self._clock.next_round
        self._tell_tick(peer, number, (self._clock.tick_at(number) - now) * 1000)

    def _heard_from(self, peer: int, number: int, now: float) -> None:
        if not self._clock.started:
            return
        early = self._clock.tick_at(number) - now
        link = self._neighbours.link(peer)
        if link is not None:
            link.note_early(number, early_units(early))
        if abs(early) > FAR_S and now - self._told_tick.get(peer, 0.0) > FAR_S:
            self._tell_gateway(peer, now)

    def _rows_from(self, peer: int, circuits: Circuits, number: int) -> int:
        if peer == DOWN:
            return circuits.rows_out(number)
        clients = self._shares[circuits.epoch].get(peer, 0)
        return 2 * clients if is_door_round(number) else clients

    # ── rounds ───────────────────────────────────────────────────────────────────────────

    def _forward_due(self, now: float) -> list[int]:
        return self._clock.due(now)

    def _forward(self, number: int, now: float) -> None:
        self._decide(number)
        circuits = self._circuits_for(number)
        cells = self._gather(number, circuits)
        self._pass_on(number, circuits, cells, now)
        self._keep_time(number, now)

    def _circuits_for(self, number: int) -> Circuits:
        return self._live.get(self._reign.epoch_for(number))

    def _admit(self, epoch: int, number: int) -> None:
        """Circuits come into force by this mix's own decision, not by a gateway's word."""

    def _gather(self, number: int, circuits: Circuits) -> NDArray[np.uint8]:
        """All gateways' rows of one round: lines of all, then doors of all."""
        rows = circuits.rows_in(number)
        if len(self._rows) < rows:
            self._rows = np.empty((rows, self._geometry.cell_bytes), np.uint8)
        shares, line = self._shares[circuits.epoch], 0
        for peer in sorted(self._upstream.keys() | shares.keys()):
            inlet, clients = self._upstream[peer], shares.get(peer, 0)
            own = self._rows_from(peer, circuits, number)
            cells = inlet.take(number, circuits.epoch, own)
            inlet.close_until(number)
            if cells is None:
                cells = self._filler.matrix(own, self._geometry.cell_bytes)
            door = circuits.lines + line
            self._rows[line : line + clients] = cells[:clients]
            self._rows[door : door + own - clients] = cells[clients:]
            line += clients
        return self._rows[:rows]

    def _send_up(self, number: int, circuits: Circuits, cells: NDArray[np.uint8]) -> None:
        """Every gateway's own rows back to it, if there are any; and how early it is."""
        flags = self._reign.flags(self._newest)
        shares, line = self._shares[circuits.epoch], 0
        for peer in sorted(self._upstream):
            clients = shares.get(peer, 0)
            own = cells[line : line + clients]
            if is_door_round(number):
                door = circuits.lines + line
                own = np.concatenate((own, cells[door : door + clients]))
            self._send(peer, number, circuits.epoch, own, flags)
            line += clients

    # ── an epoch's course ────────────────────────────────────────────────────────────────

    def _keep_time(self, number: int, now: float) -> None:
        within, coming = self._geometry.within(number), self.coming.epoch
        super()._keep_time(number, now)
        if self.coming.epoch != coming:
            self._tell_tick(DOWN, number)
        if within >= self._geometry.cutoff_at + BATCH_GRACE_ROUNDS:
            self.coming.leave_out_open()

    def _decide(self, number: int) -> None:
        if not self._reign.is_due(number):
            return
        ready = self.coming.ready and self.coming.epoch == self._geometry.epoch_of(number) + 1
        epoch, switch = self._geometry.epoch_of(number) + 1, ready
        self._reign.decide(epoch, switch=switch)
        for peer in sorted(self._neighbours.linked):
            self._say(peer, Decision(epoch, switch))
        if switch:
            self._shares[epoch] = self.coming.shares
            self._switch()
        else:
            self._extend()

    def _sweep(self, number: int) -> None:
        super()._sweep(number)
        for epoch in [each for each in self._shares if each not in self._live]:
            del self._shares[epoch]

    def deadline(self) -> float:
        """As `Mix.deadline`, and the next tick."""
        return min(super().deadline(), self._clock.deadline())

    def figures(self) -> dict[str, int | float]:
        """As `Mix.figures`, and ticks that a stall cost."""
        return {**super().figures(), "ticks_skipped": self._clock.skipped}
