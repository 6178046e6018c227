"""A gateway: clients' cells in, one matrix a round to the first mix, and back to the clients.

    up      each client's cell --> its slot --> the round's rows --> first mix
    down    first mix --> rows --> one datagram to every client, each round, row or no row

It is steered to the first mix's tick by the same code that steers clients to it. Without a
first mix it runs on by itself, and clients still get their datagrams.

Source: the project's design, section "A round, from microphone to ear"; its protocol page,
sections "Access link" and "Who numbers rounds".

Must not know: sockets, voice, who talks with whom, what time it is (it is told).
"""

from collections.abc import Callable, Hashable

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import BadCell, Drop, Drops
from pymix_voice.gateway.entry import Entry, Upward
from pymix_voice.gateway.intake import Intake, capacity_of
from pymix_voice.gateway.rows import Collection, Placing
from pymix_voice.gateway.sessions import SILENT_ROUNDS, Slots
from pymix_voice.geometry import (
    ACCESS_HEADER_BYTES,
    PIECE_BYTES,
    STATUS_BYTES,
    TAG_BYTES,
    is_door_round,
)
from pymix_voice.onion import sodium
from pymix_voice.onion.chunk import Chunks, LinkKeys, link_ids
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.sheets import Sheets
from pymix_voice.onion.sodium import Chosen
from pymix_voice.zone import access
from pymix_voice.zone.access import Kind
from pymix_voice.zone.drain import Address, Burst, Drain
from pymix_voice.zone.epochs import NO_EPOCH, age_of, epoch_of_age
from pymix_voice.zone.link import RoundLink, all_early_units, steer, whole_chunks
from pymix_voice.zone.mark import Mark
from pymix_voice.zone.records import Hello, Record, Tick, joined
from pymix_voice.zone.rounds import AHEAD_ROUNDS, PatientInlet
from pymix_voice.zone.steering import Steering
from pymix_voice.zone.zonefile import Zone

OWN_DELAY_S = 0.005
"""So much later than it was due a round may be sent on a busy gateway; what is more is a stall."""
LEAD_S = 0.009
"""A gateway's round carries all its clients' cells, and a busy one is some milliseconds late."""
EARLIER_STEP_S = 0.001
"""Its clients are steered to its instants: did it go earlier at once, all their cells were late."""
STALLED_ROUNDS = 15
"""A gateway so far behind stood still. The hellos that it finds are of clients that heard nothing
meanwhile: their sessions are good still, and new ones would have no rows for up to two epochs."""
KEPT_TURNS = 512
"""Rounds that did not come back in so many rounds never will."""
BACKWARD_JUMP_ROUNDS = 25
"""If the zone's rounds are so far behind this gateway's, numbering starts anew."""


class Gateway:
    """One gateway.

    Args:
        zone: the zone file.
        index: its place among the zone's gateways.
        key: its static key.
        prefix_of: a client source's address prefix, None where no bound applies.
        dice: for filler, ids and keys.
        now: seconds on any monotonic clock; all later instants are on the same.
        unix: seconds since 1970 at `now`.
        mix: where the first mix takes rounds.
        worker: which of the processes that share this gateway's port this one is; each has clients
            of its own, and is to the first mix a neighbour of its own.
        workers: how many there are.
    """

    def __init__(
        self,
        zone: Zone,
        index: int,
        key: KeyPair,
        *,
        prefix_of: Callable[[Address], Hashable],
        dice: Dice,
        now: float,
        unix: float,
        mix: Address,
        worker: int = 0,
        workers: int = 1,
    ) -> None:
        self.zone = zone
        self._geometry = zone.geometry
        self._capacity = capacity_of(zone, workers)
        self._filler = dice.fork("filler")
        self._entry = Entry(zone, index, key, self._capacity, prefix_of, dice, worker, workers)
        self._collection = Collection(self._capacity, self._geometry.cell_bytes, self._filler)
        self._intake = Intake(zone, self._entry.sessions, self._capacity)
        # Used in every round, so that none asks for memory.
        self._rows = np.empty((2 * self._capacity, self._geometry.cell_bytes), np.uint8)
        self._sheets = Sheets(self._geometry.down_bytes)
        self._nonces = np.empty((self._capacity, sodium.NONCE_BYTES), np.uint8)
        self._steering = Steering(self._geometry, LEAD_S, EARLIER_STEP_S)
        first = int(unix / self._geometry.round_s) + 1
        self._steering.start(first, now + 2 * self._geometry.round_s)
        self._last = first - 1
        self._inlet = PatientInlet(self._geometry, self._filler, falls_silent=False)
        self._mix = mix
        self._link: RoundLink | None = None
        self._ticked = False
        """Whether the first mix has said which round it is since its keys are in use."""
        self._knows_rounds = False
        """Whether it ever has: until then there is nothing to welcome a client to."""
        self._turns: dict[int, int] = {}
        self._bursts: list[Burst] = []
        self.said_records: list[Record] = []
        self.notes: list[str] = []
        self.drops = Drops()
        self._went = self._came_back = Mark()
        self.rounds = 0
        self.cells = 0

    # ── the first mix ────────────────────────────────────────────────────────────────────

    def link_up(self, keys: LinkKeys, now: float) -> None:
        """The control link to the first mix stands."""
        self._inlet.start_over()
        self._link = RoundLink(keys, upstream=False, inlet=self._inlet, source=self._mix)
        self._ticked = False
        self.notes.append(f"linked with {self.zone.mixes[0].name}")
        self.said_records.append(Hello(self._last, True))
        self.said_records += self._intake.again()

    def link_down(self, now: float) -> None:
        """It broke; rounds may go on."""
        self.notes.append(f"waiting for {self.zone.mixes[0].name}")

    def receive_control(self, record: Record, now: float) -> None:
        """Take a record of the first mix; what does not belong here is counted and forgotten."""
        try:
            if isinstance(record, Tick):
                self._take_tick(record, now)
            elif not isinstance(record, Hello):
                self._intake.receive(record, self._geometry.epoch_of(self._last))
        except BadCell as bad:
            self.drops[bad.reason] += 1

    def _take_tick(self, tick: Tick, now: float) -> None:
        """The zone's rounds: go with them, and never give a client a number twice."""
        if tick.round + BACKWARD_JUMP_ROUNDS < self._last:
            if self._ticked:
                # Rounds may be numbered anew only under new keys.
                raise BadCell(Drop.REFUSED)
            self._start_anew(tick.round - 1)
        self._ticked = self._knows_rounds = True
        self._steering.start(tick.round, now + tick.due_ms / 1000)

    def _start_anew(self, last: int) -> None:
        """The zone's rounds went back: every session knows higher ones, so all must come again."""
        self.notes.append("the zone's rounds went back; clients have to connect again")
        self._entry.sessions.clear()
        self._collection.forget_until(self._last + AHEAD_ROUNDS)
        self._intake = Intake(self.zone, self._entry.sessions, self._capacity)
        self._inlet = PatientInlet(self._geometry, self._filler, falls_silent=False)
        if self._link is not None:
            self._link.inlet = self._inlet
        self._turns.clear()
        self._last = last

    # ── in ───────────────────────────────────────────────────────────────────────────────

    def receive_link(self, drain: Drain, now: float) -> None:
        """Take datagrams of the first mix. A round that is complete is due at once."""
        drain = whole_chunks(drain, self._geometry.chunk_bytes, self.drops)
        if self._link is None:
            self.drops[Drop.UNKNOWN_SESSION] += len(drain.lengths)
            return
        ours = link_ids(drain.cells) == self._link.link_id
        if not ours.all():
            self.drops[Drop.UNKNOWN_SESSION] += len(ours) - int(np.count_nonzero(ours))
        cells, sources = drain.cells[ours], drain.sources[ours]
        for chunks in self._link.open(cells, sources, self._last, self.drops):
            try:
                self._take_chunks(self._link, chunks, drain.came)
            except BadCell as bad:
                self.drops[bad.reason] += len(chunks.numbers)

    def _take_chunks(self, link: RoundLink, chunks: Chunks, came: float) -> None:
        """Authentic chunks of one round."""
        if chunks.round == link.newest:
            steer(self._steering, chunks.beside.early_round, chunks.beside.early)
            self._intake.reign.take_flags(chunks.beside.flags, self._last)
        epoch = epoch_of_age(self._geometry, chunks.round, chunks.age)
        if self._turns.get(chunks.round) != epoch:
            raise BadCell(Drop.OTHER_EPOCH)
        rows = self._rows_of(self._intake.placing(epoch), chunks.round)
        self._inlet.accept(chunks, epoch, rows, came, self.drops)

    @staticmethod
    def _rows_of(placing: Placing, number: int) -> int:
        return 2 * len(placing) if is_door_round(number) else len(placing)

    def receive_clients(self, drain: Drain, now: float) -> None:
        """Take datagrams of clients: open all cells at once, then place them."""
        upward, rest = self._entry.sort(drain, self._last, self.drops)
        if len(upward.slots):
            self._take_up(self._entry.open(upward, self.drops))
        for index in self._entry.of_use(rest, drain, self.drops):
            try:
                self._take_other(drain.datagram(index), drain.source(index), now)
            except BadCell as bad:
                self.drops[bad.reason] += 1

    def _take_up(self, upward: Upward) -> None:
        """Authentic line, door and challenge datagrams: what they carry, by kind and round."""
        challenges = upward.kinds == Kind.CHALLENGE
        if challenges.any():
            self._take_challenges(upward.only(challenges))
            upward = upward.only(~challenges)
        newer = self._entry.heard(upward, self._last)
        # From the newest round on: what is as high as a number may be cannot be shifted.
        groups = upward.numbers - self._last << 4 | upward.kinds
        for group in np.unique(groups).tolist():
            those = groups == group
            number, kind = self._last + (group >> 4), Kind(group & 0xF)
            if kind == Kind.LINE:
                first = those & newer
                self._measure(number, upward.slots[first], upward.came[first])
            part = upward.only(those)
            try:
                self._collection.keep(kind, number, part.slots, part.cells, self._last, self.drops)
            except BadCell as bad:
                self.drops[bad.reason] += len(part.slots)

    def _measure(self, number: int, slots: Slots, came: NDArray[np.float64]) -> None:
        """How early these clients' cells of a round are, for their steering."""
        sessions = self._entry.sessions
        early = all_early_units(self._steering.send_at(number) - came)
        # A late one must not be forgotten for the next that came before the word could leave.
        counts = sessions.early_told[slots] | (early < sessions.early[slots])
        slots = slots[counts]
        sessions.early[slots], sessions.early_rounds[slots] = early[counts], number
        sessions.early_told[slots] = False

    def _take_challenges(self, upward: Upward) -> None:
        for index, slot in enumerate(upward.slots.tolist()):
            answer = upward.cells[index, : access.CHALLENGE_BYTES].tobytes()
            try:
                self._entry.answer_challenge(slot, answer, bytes(upward.sources[index]))
            except BadCell as bad:
                self.drops[bad.reason] += 1

    def _take_other(self, datagram: NDArray[np.uint8], source: Address, now: float) -> None:
        """A hello or a set-up."""
        raw = datagram.tobytes()
        if len(raw) == self._geometry.setup_bytes:
            slot, epoch, onions = self._entry.open_setup(raw, self._last)
            self.said_records += self._intake.take(slot, epoch, onions, self._last)
        elif not self._knows_rounds:
            raise BadCell(Drop.UNEXPECTED)
        else:
            # Welcomed to a round of the past, a client would believe that rounds went back.
            number = self._steering.next_after(self._last, now)
            if number - self._last > STALLED_ROUNDS:
                raise BadCell(Drop.LATE)
            due_s = self._steering.send_at(number) - now
            reply = self._entry.welcome(raw, source, number, due_s, self._intake.population, now)
            datagrams = np.frombuffer(reply, np.uint8).reshape(1, -1)
            self._bursts.append(Burst(datagrams, source, "access"))

    # ── rounds ───────────────────────────────────────────────────────────────────────────

    def handle_deadline(self, now: float) -> None:
        """Do what is due at `now`."""
        while self._steering.send_at(self._last + 1) <= now:
            behind = now - self._steering.send_at(self._last + 1)
            # After a stall only the newest rounds are of use to anyone.
            self._last += max(0, int(behind / self._geometry.round_s) - 8)
            self._go(self._last + 1, now)
        self._give_back(now)

    def _go(self, number: int, now: float) -> None:
        """One round's rows to the first mix."""
        self._last = number
        epoch = self._intake.reign.epoch_for(number)
        placing = self._intake.placing(epoch)
        clients, cells = len(placing), self._rows[: self._rows_of(placing, number)]
        self._collection.gather(Kind.LINE, number, placing.slots, cells[:clients])
        if is_door_round(number):
            self._collection.gather(Kind.DOOR, number, placing.slots, cells[clients:])
        if self._link is not None and self._ticked:
            age = age_of(self._geometry, number, epoch)
            self._bursts += self._link.seal(number, age, cells)
        # What this gateway itself was late with, taking in what came, is part of the way.
        due = self._steering.send_at(number)
        self._steering.sent(number, due if now - due < OWN_DELAY_S else now)
        self._went = Mark(number, now)
        self._turns[number] = epoch
        self._inlet.expect(number, now)
        self._collection.forget_until(number)
        self.rounds += 1
        self.cells += len(cells)
        self.said_records += self._intake.keep_time(number)
        if number % SILENT_ROUNDS == 0:
            self._entry.sessions.expire(number)
            for old in [turn for turn in self._turns if turn < number - KEPT_TURNS]:
                del self._turns[old]

    def _give_back(self, now: float) -> None:
        for number in self._inlet.due(now):
            epoch = self._turns.get(number)
            placing = self._intake.placing(NO_EPOCH if epoch is None else epoch)
            rows = self._rows_of(placing, number)
            cells = self._inlet.take(number, NO_EPOCH if epoch is None else epoch, rows)
            if cells is not None and epoch is not None:
                self._came_back = Mark(number, now)
                self.cells += len(cells)
                self._send_down(Kind.LINE, number, cells[: len(placing)], placing)
                if is_door_round(number):
                    self._send_down(Kind.DOOR, number, cells[len(placing) :], placing)

    def _send_down(
        self, kind: Kind, number: int, cells: NDArray[np.uint8], placing: Placing
    ) -> None:
        """One datagram to every client that was heard of lately."""
        slots, where = self._entry.destinations(self._last)
        if not len(slots):
            return
        out = self._sheets.take(len(slots))
        head = out[:, :ACCESS_HEADER_BYTES].view(access.HEADERS)[:, 0]
        head["session"] = self._entry.sessions.ids[slots]
        head["kind"] = kind
        head["low"] = np.frombuffer((number & 0xFFFFFF).to_bytes(3, "little"), np.uint8)
        body = out[:, ACCESS_HEADER_BYTES:-TAG_BYTES]
        placing.spread(cells, slots, body[:, :-STATUS_BYTES], self._filler)
        self._write_status(body[:, -STATUS_BYTES:], slots, number)
        nonces = access.nonces(kind, number, self._nonces[: len(slots)])
        keys = Chosen(self._entry.sessions.down, slots)
        sodium.seal_rows(out, ACCESS_HEADER_BYTES, nonces, keys)
        self._bursts.append(Burst(out, where, "access"))

    def _write_status(self, out: NDArray[np.uint8], slots: Slots, number: int) -> None:
        """The word beside each cell: uint8 [k, 24]."""
        coming = self._geometry.epoch_of(self._last) + 1
        sessions, status = self._entry.sessions, out.view(access.STATUSES)[:, 0]
        acknowledged = self._intake.acknowledged(slots, coming)
        has_row = acknowledged & self._intake.accepted(coming)
        outlook = self._intake.reign.outlook(coming)
        status["early"] = sessions.early[slots]
        status["early_round"] = sessions.early_rounds[slots] & 0xFF
        sessions.early_told[slots] = True
        status["flags"] = access.status_flags(outlook, acknowledged, has_row, coming)
        status["population"] = min(0xFFFF, self._intake.population)
        status["challenged"] = status["zero"] = 0
        status["piece"] = np.frombuffer(self._intake.piece(number), np.uint8)
        for slot, session in sessions.moving.items():
            asked = slots == slot
            status["challenged"][asked] = 1
            padded = session.challenge.ljust(PIECE_BYTES, b"\0")
            status["piece"][asked] = np.frombuffer(padded, np.uint8)

    # ── out ──────────────────────────────────────────────────────────────────────────────

    def deadline(self) -> float:
        """When `handle_deadline` is to be called at the latest, in seconds."""
        return min(self._steering.send_at(self._last + 1), self._inlet.deadline())

    def bursts(self) -> list[Burst]:
        """The datagrams to send now; each is handed out once, valid until the next call of any."""
        bursts, self._bursts = self._bursts, []
        self._sheets.reuse()
        if self._link is not None:
            self._link.reuse()
        return bursts

    def said(self) -> list[Record]:
        """The records to send to the first mix now; each is handed out once.

        Set-ups come in crowds, and each record costs both sides more than what is in it.
        """
        records, self.said_records = self.said_records, []
        return joined(records, self._geometry.onion_bytes) if len(records) > 1 else records

    def figures(self) -> dict[str, int | float]:
        """Counts and marks for an operator: no address, key, drop or row among them."""
        return {
            "rounds": self.rounds,
            "cells": self.cells,
            "clients": len(self._entry.sessions),
            "filled_rows": self._collection.filled_rows + self._inlet.filled_rows,
            **self._went.figures("forward"),
            **self._came_back.figures("backward"),
            **{f"dropped: {reason}": count for reason, count in sorted(self.drops.items())},
        }
