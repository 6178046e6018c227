"""A mix: rounds in from one side, one layer off or on, rounds out at the other.

    forward    upstream's rows --> peel --> downstream   (at the last mix: switchboard, and back)
    backward   downstream's rows --> wrap --> upstream

It emits at most one matrix per direction and round, whatever comes; backward only what went
forward under the same circuits. All that costs more than an XOR and a gather is done in slices
of `work`, between rounds.

Source: the project's design, section "A round, from microphone to ear"; its protocol page,
section "Mix links".

Must not know: sockets, clients, voice, what time it is (it is told).
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import BadCell, Drop, Drops
from pymix_voice.mix.circuits import Circuits
from pymix_voice.mix.coming import Coming
from pymix_voice.mix.lists import Signer
from pymix_voice.mix.live import Live
from pymix_voice.mix.neighbours import DOWN, Neighbours, Said
from pymix_voice.mix.watch import Watch
from pymix_voice.onion.blocks import SLICE_ROWS, Blocks
from pymix_voice.onion.chunk import Chunks, LinkKeys
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.drain import NOWHERE, Address, Burst, Drain
from pymix_voice.zone.epochs import NO_EPOCH, age_of, epoch_of_age
from pymix_voice.zone.link import RoundLink
from pymix_voice.zone.mark import Mark
from pymix_voice.zone.records import Decision, Hello, Record, Tick
from pymix_voice.zone.rounds import Inlet, Once, PatientInlet
from pymix_voice.zone.zonefile import Zone

SWEEP_S = 0.5
"""How often a mix looks after what time alone ends."""
KEYSTREAM_SLICE = SLICE_ROWS
"""Circuits' blocks made in one slice of work: less than half a millisecond."""
ONION_SLICE = 6
"""Onions opened in one slice of work: less than half a millisecond."""
WIPE_SLICE_BYTES = 1 << 20
"""Keystream zeroed in one slice of work: about a tenth of a millisecond."""


class Mix:
    """Any mix of the chain; `FirstMix` adds the round clock.

    Args:
        zone: the zone file.
        hop: its place in the chain, from 0.
        seed: its Ed25519 seed.
        dice: for orders, filler and keys.
        now: seconds on any monotonic clock; all later instants are on the same.
        unix: seconds since 1970 at `now`, by this machine's own clock.
        signed: the highest epoch it may have signed before it was started, -1 for none.
        down: where the next mix is, if there is one.
    """

    def __init__(
        self,
        zone: Zone,
        hop: int,
        seed: bytes,
        *,
        dice: Dice,
        now: float,
        unix: float,
        signed: int = -1,
        down: Address = NOWHERE,
    ) -> None:
        self.zone = zone
        self.hop = hop
        self._geometry = zone.geometry
        self._watch = Watch(zone.geometry, now, unix)
        self._down = down
        self._filler = dice.fork("filler")
        signer = Signer(zone, hop, seed, signed, dice.fork("onion keys"))
        self._blocks = Blocks(zone.geometry.cell_bytes)
        self.coming = Coming(zone, hop, signer, self._blocks, dice.fork("coming"))
        self._neighbours = Neighbours(zone, hop)
        self._live = Live(zone.geometry)
        self._upstream: Mapping[int, Inlet] = self._make_inlets()
        self._downstream = self._make_inlet()
        inlets = (*self._upstream.values(), self._downstream)
        self._patient = [inlet for inlet in inlets if isinstance(inlet, PatientInlet)]
        self._forwarded = Once()
        self._returned = Once()
        self._turns: dict[int, int] = {}
        self._newest = -1
        self._newest_back = -1
        self._below = Hello(self._watch.floor(signed, now), self._is_last)
        self._started_at = now
        self._sweep_at = now + SWEEP_S
        self._bursts: list[Burst] = []
        self.notes: list[str] = []
        self.drops = Drops()
        self.rounds = 0
        self.cells = 0
        self._went = self._came_back = Mark()

    def _make_inlets(self) -> Mapping[int, Inlet]:
        return {0: self._make_inlet()}

    def _make_inlet(self) -> PatientInlet:
        """For the rounds of one direction."""
        return PatientInlet(self._geometry, self._filler)

    @property
    def _is_last(self) -> bool:
        return self.hop == self._geometry.mixes - 1

    def set_clock(self, now: float, unix: float) -> None:
        """What this machine's clock says; told again now and then, as it may be set."""
        self._watch.set(now, unix)

    def now_round(self, now: float) -> int:
        """The round it would be now by what this mix has processed; 0 if it has not any."""
        return self._watch.now_round(now)

    # ── links ────────────────────────────────────────────────────────────────────────────

    def link_up(self, peer: int, keys: LinkKeys, now: float) -> None:
        """A neighbour's control link stands; its new keys take the place of the old."""
        inlet = self._downstream if peer == DOWN else self._upstream[peer]
        self._neighbours.link_up(peer, keys, inlet, self._down if peer == DOWN else NOWHERE)
        self.notes.append(f"linked with {self._neighbours.name_of(peer)}")
        self._say_hello(peer, now)
        if peer == DOWN and self.now_round(now):
            self._tell_tick(DOWN, self.now_round(now))
        self.coming.say_again(peer)

    def link_down(self, peer: int, now: float) -> None:
        """A neighbour's control link broke; its rounds may go on."""
        self._neighbours.link_down(peer)
        self.notes.append(f"waiting for {self._neighbours.name_of(peer)}")
        if peer == DOWN:
            self._below = Hello(self._below.now_round, False)
            self._say_hello(0, now)

    def _say_hello(self, peer: int, now: float) -> None:
        """Tell a neighbour which round it would be, and whether the chain below stands."""
        number = max(self.now_round(now), self._below.now_round)
        self._say(peer, Hello(number, self._below.whole))

    def _tell_tick(self, peer: int, number: int, due_ms: float = 0.0) -> None:
        self._say(peer, Tick(number, due_ms))

    def _say(self, peer: int, record: Record) -> None:
        if peer in self._neighbours.linked:
            self.coming.outgoing.append((peer, record))

    # ── in ───────────────────────────────────────────────────────────────────────────────

    def receive(self, drain: Drain, now: float) -> None:
        """Take datagrams; what is not authentic or not in place is counted and forgotten.

        A round that is complete with them is due at once, see `deadline`.
        """
        near = self.now_round(now) or self._watch.unix_round(now)
        for peer, link, part in self._neighbours.sort(drain, self.drops):
            for chunks in link.open(part.cells, part.sources, near, self.drops):
                try:
                    self._take(peer, link, chunks, drain.came)
                except BadCell as bad:
                    self.drops[bad.reason] += len(chunks.numbers)

    def _take(self, peer: int, link: RoundLink, chunks: Chunks, came: float) -> None:
        """Authentic chunks of one round."""
        number = chunks.round
        self._check_clock(number, came)
        epoch = epoch_of_age(self._geometry, number, chunks.age)
        if peer == DOWN:
            if self._turns.get(number) != epoch:
                raise BadCell(Drop.LATE)
        else:
            if number == link.newest:
                self._heard_from(peer, number, came)
            self._admit(epoch, number)
        circuits = self._live.find(epoch)
        if circuits is None:
            raise BadCell(Drop.NO_CIRCUITS)
        rows = self._rows_from(peer, circuits, number)
        link.inlet.accept(chunks, epoch, rows, came, self.drops)

    def _check_clock(self, number: int, now: float) -> None:
        """A mix whose rounds are far off its own clock is being misled, or its clock is wrong."""
        if self._watch.is_far(number, now):
            note = self._watch.complaint()
            self.notes += [note] if note else []
            raise BadCell(Drop.CLOCK)

    def _heard_from(self, peer: int, number: int, now: float) -> None:
        """An authentic chunk came from upstream."""

    def _rows_from(self, peer: int, circuits: Circuits, number: int) -> int:
        """How many rows this neighbour has in a round."""
        return circuits.rows_out(number) if peer == DOWN else circuits.rows_in(number)

    def _admit(self, epoch: int, number: int) -> None:
        """Circuits come into force by upstream's word, and never fall back."""
        if epoch == self.coming.epoch:
            self._switch()
        if self._live.is_over(epoch, number):
            raise BadCell(Drop.OTHER_EPOCH)

    def _switch(self) -> None:
        """The coming epoch's circuits are put in place."""
        circuits = self.coming.adopt()
        if circuits is not None:
            self._live.adopt(circuits)
            self.notes.append(f"circuits of a new epoch: {circuits.lines} lines")

    def receive_control(self, peer: int, record: Record, now: float) -> None:
        """Take a neighbour's record; what does not belong here is counted and forgotten."""
        try:
            match record:
                case Hello():
                    self._take_hello(peer, record, now)
                case Decision(epoch=epoch, switch=switch):
                    self._take_decision(peer, epoch, switch)
                case Tick(round=number):
                    self._take_tick(peer, number, now)
                case _:
                    self.coming.receive(peer, record)
        except BadCell as bad:
            self.drops[bad.reason] += 1

    def _take_hello(self, peer: int, record: Hello, now: float) -> None:
        if peer == DOWN:
            self._below = Hello(max(record.now_round, self._below.now_round), record.whole)
            if self.hop > 0:
                self._say_hello(0, now)

    def _take_tick(self, peer: int, number: int, now: float) -> None:
        """Upstream says which round it is: the next epoch is made even while no rounds come."""
        if peer == DOWN or self.hop == 0:
            raise BadCell(Drop.UNEXPECTED)
        self._check_clock(number, now)
        self._watch.see(number, now)
        self._tell_tick(DOWN, number)
        self._keep_time(number, now)

    def _take_decision(self, peer: int, epoch: int, switch: bool) -> None:
        if peer == DOWN or self.hop == 0:
            raise BadCell(Drop.UNEXPECTED)
        self._say(DOWN, Decision(epoch, switch))
        if epoch != self.coming.epoch:
            return
        if switch:
            self._switch()
        else:
            self._extend()

    def _extend(self) -> None:
        """The circuits in force run on through the coming epoch."""
        self.notes.append(f"the epoch is extended; was waiting for {self.coming.waits_for}")
        self._live.extend()
        self.coming.discard()

    # ── rounds ───────────────────────────────────────────────────────────────────────────

    def handle_deadline(self, now: float) -> None:
        """Do what is due at `now`."""
        self._work_rounds(now)
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_S
            self._sweep(self.now_round(now))

    def _work_rounds(self, now: float) -> None:
        for number in self._forward_due(now):
            self._forward(number, now)
        for number in self._downstream.due(now):
            self._backward(number, now)

    def _forward_due(self, now: float) -> list[int]:
        inlet = self._upstream[0]
        return inlet.due(now) if isinstance(inlet, PatientInlet) else []

    def _forward(self, number: int, now: float) -> None:
        epoch = self._upstream[0].epoch_of(number)
        if epoch is None:
            epoch = self._live.without_word(number)
        circuits = self._live.get(epoch)
        cells = self._upstream[0].take(number, circuits.epoch, circuits.rows_in(number))
        if cells is not None:
            self._pass_on(number, circuits, cells, now)

    def _pass_on(
        self, number: int, circuits: Circuits, cells: NDArray[np.uint8], now: float
    ) -> None:
        """One round forward, once, and only while there is keystream for both its ways."""
        if not self._forwarded.claim(number) or not circuits.holds(number):
            return
        self.rounds += 1
        self._went = Mark(number, now)
        self.cells += len(cells)
        self._newest = max(self._newest, number)
        self._watch.see(number, now)
        if self._is_last:
            self._returned.claim(number)
            self._newest_back = max(self._newest_back, number)
            self._send_up(number, circuits, circuits.turn(number, cells))
        else:
            self._turns[number] = circuits.epoch
            self._send(DOWN, number, circuits.epoch, circuits.peel(number, cells))

    def _backward(self, number: int, now: float) -> None:
        epoch = self._turns.get(number)
        circuits = None if epoch is None else self._live.find(epoch)
        if epoch is None or circuits is None:
            self._downstream.take(number, NO_EPOCH, 0)
            return
        cells = self._downstream.take(number, epoch, circuits.rows_out(number))
        if cells is None or not self._returned.claim(number) or not circuits.holds_back(number):
            return
        self._came_back = Mark(number, now)
        self.cells += len(cells)
        self._newest_back = max(self._newest_back, number)
        self._send_up(number, circuits, circuits.wrap(number, cells))

    def _send_up(self, number: int, circuits: Circuits, cells: NDArray[np.uint8]) -> None:
        self._send(0, number, circuits.epoch, cells)

    def _send(
        self, peer: int, number: int, epoch: int, cells: NDArray[np.uint8], flags: int = 0
    ) -> None:
        link = self._neighbours.link(peer)
        if link is not None:
            age = age_of(self._geometry, number, epoch)
            self._bursts += link.seal(number, age, cells, flags)

    # ── an epoch's course ────────────────────────────────────────────────────────────────

    def _keep_time(self, number: int, now: float) -> None:
        """What hangs on the place of a round in its epoch."""
        # Upstream may be wrong about the time as well as this machine's clock: the later counts.
        since = int((now - self._started_at) / self._geometry.round_s)
        began = max(number, self._watch.unix_round(now)) - since
        self.coming.know_start(self._geometry.epoch_of(began))
        if self._geometry.within(number) <= self._geometry.late_keys_until:
            self.coming.begin(self._geometry.epoch_of(number) + 1)

    def _sweep(self, number: int) -> None:
        """Wipe what has had its time, also when no rounds come any more."""
        self._live.sweep(number)
        self.coming.expire(number)
        for old_turn in [turn for turn in self._turns if turn < number - 128]:
            del self._turns[old_turn]

    def work(self) -> bool:
        """One slice of work that can wait, half a millisecond at most; False if there is none."""
        if self._live.prepare(self._newest, self._newest_back, KEYSTREAM_SLICE):
            return True
        coming = self.coming.circuits
        if coming is not None:
            first = self._geometry.first_round(coming.epoch)
            until = first + self._geometry.epoch_rounds
            if coming.prepare(first, first, KEYSTREAM_SLICE, until):
                return True
        return self.coming.work(ONION_SLICE) or self._blocks.work(WIPE_SLICE_BYTES) > 0

    # ── out ──────────────────────────────────────────────────────────────────────────────

    def deadline(self) -> float:
        """When `handle_deadline` is to be called at the latest, in seconds."""
        return min([self._sweep_at, *(inlet.deadline() for inlet in self._patient)])

    def bursts(self) -> list[Burst]:
        """The datagrams to send now; each is handed out once, valid until the next call of any."""
        bursts, self._bursts = self._bursts, []
        self._neighbours.reuse()
        return bursts

    def said(self) -> Said:
        """The records to send now; each is handed out once."""
        records, self.coming.outgoing = self.coming.outgoing, []
        to_keep, self.coming.to_keep = self.coming.to_keep, None
        return Said(to_keep, records)

    def figures(self) -> dict[str, int | float]:
        """Counts and marks for an operator: no address, key, drop or row among them."""
        circuits = self._live.get(self._live.epoch)
        return {
            "rounds": self.rounds,
            "cells": self.cells,
            "lines": circuits.lines,
            "filled_rows": sum(inlet.filled_rows for inlet in self._upstream.values())
            + self._downstream.filled_rows,
            "keystream_late": circuits.made_late,
            **self._went.figures("forward"),
            **self._came_back.figures("backward"),
            **{f"dropped: {reason}": count for reason, count in sorted(self.drops.items())},
        }
