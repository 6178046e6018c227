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
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import BadCell, Drop, Drops
from pymix_voice.gateway.entry import Entry
from pymix_voice.gateway.intake import Intake, capacity_of
from pymix_voice.gateway.rows import Collection
from pymix_voice.gateway.sessions import SILENT_ROUNDS, Session
from pymix_voice.geometry import (
    ACCESS_HEADER_BYTES,
    CELL_BYTES,
    DOWN_BYTES,
    TAG_BYTES,
    UP_BYTES,
    is_door_round,
)
from pymix_voice.onion import sodium
from pymix_voice.onion.chunk import LinkKeys, link_id_of
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.zone import access
from pymix_voice.zone.access import Kind
from pymix_voice.zone.drain import Burst, Drain
from pymix_voice.zone.epochs import NO_EPOCH, age_of, epoch_of_age
from pymix_voice.zone.link import RoundLink, early_units, steer, take_chunks
from pymix_voice.zone.records import Hello, Record, Tick
from pymix_voice.zone.rounds import AHEAD_ROUNDS, PatientInlet
from pymix_voice.zone.steering import Steering
from pymix_voice.zone.zonefile import Zone

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
    """

    def __init__(
        self,
        zone: Zone,
        index: int,
        key: KeyPair,
        *,
        prefix_of: Callable[[Hashable], Hashable],
        dice: Dice,
        now: float,
        unix: float,
        mix: Hashable,
    ) -> None:
        self.zone = zone
        self._geometry = zone.geometry
        capacity = capacity_of(zone)
        self._filler = dice.fork("filler")
        self._entry = Entry(zone, index, key, capacity, prefix_of, dice)
        self._collection = Collection(capacity, self._filler)
        self._intake = Intake(zone)
        self._steering = Steering(self._geometry)
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
        self._intake = Intake(self.zone)
        self._inlet = PatientInlet(self._geometry, self._filler, falls_silent=False)
        if self._link is not None:
            self._link.inlet = self._inlet
        self._turns.clear()
        self._last = last

    # ── in ───────────────────────────────────────────────────────────────────────────────

    def receive_link(self, drain: Drain, now: float) -> None:
        """Take datagrams of the first mix."""
        take_chunks(drain, partial(self._take_chunk, now), self.drops)
        self._give_back(now)

    def _take_chunk(self, now: float, datagram: NDArray[np.uint8], source: Hashable) -> None:
        if self._link is None or link_id_of(datagram) != self._link.link_id:
            raise BadCell(Drop.UNKNOWN_SESSION)
        header, cells = self._link.open(datagram, source, self._last)
        if header.round == self._link.newest:
            steer(self._steering, header.early_round, header.early)
            self._intake.reign.take_flags(header.flags, self._last)
        epoch = epoch_of_age(self._geometry, header.round, header.epoch_low)
        if self._turns.get(header.round) != epoch:
            raise BadCell(Drop.OTHER_EPOCH)
        rows = self._rows(epoch, header.round)
        self._inlet.accept(header.round, epoch, header.chunk, cells, rows, now)

    def _rows(self, epoch: int, number: int) -> int:
        clients = len(self._intake.slots(epoch))
        return 2 * clients if is_door_round(number) else clients

    def receive_clients(self, drain: Drain, now: float) -> None:
        """Take datagrams of clients: open all cells at once, then place them."""
        upward, rest = self._entry.sort(drain, self._last, self.drops)
        opened = self._entry.open(drain, upward)
        for each, is_open in zip(upward, opened, strict=True):
            try:
                if not is_open:
                    raise BadCell(Drop.FORGED)
                body = drain.cells[each.place, ACCESS_HEADER_BYTES : UP_BYTES - TAG_BYTES]
                self._take_up(each.session, each.kind, each.number, body, each.source, now)
            except BadCell as bad:
                self.drops[bad.reason] += 1
        for index in rest:
            try:
                self._take_other(drain.datagram(index), drain.sources[index], now)
            except BadCell as bad:
                self.drops[bad.reason] += 1

    def _take_up(
        self,
        session: Session,
        kind: Kind,
        number: int,
        body: NDArray[np.uint8],
        source: Hashable,
        now: float,
    ) -> None:
        """An authentic line, door or challenge datagram."""
        if kind == Kind.CHALLENGE:
            self._entry.answer_challenge(session, body[:8].tobytes(), source)
            return
        if not session.seen[kind].claim(number):
            raise BadCell(Drop.REPLAYED)
        if kind == Kind.DOOR and not is_door_round(number):
            raise BadCell(Drop.MALFORMED)
        self._entry.heard(session, number, source, self._last)
        if kind == Kind.LINE and number >= session.early[0]:
            early = self._steering.send_at(number) - now
            session.early = number, early_units(early)
        self._collection.keep(kind, number, session.slot, body[:CELL_BYTES], self._last)

    def _take_other(self, datagram: NDArray[np.uint8], source: Hashable, now: float) -> None:
        """A hello or a set-up."""
        raw = datagram.tobytes()
        if len(raw) == self._geometry.setup_bytes:
            session, epoch, onions = self._entry.open_setup(raw, self._last)
            self.said_records += self._intake.take(session, epoch, onions, self._last)
        elif len(raw) == access.HELLO_BYTES and self._knows_rounds:
            due_s = self._steering.send_at(self._last + 1) - now
            reply = self._entry.welcome(
                raw, source, self._last + 1, due_s, self._intake.population, now
            )
            datagrams = np.frombuffer(reply, np.uint8).reshape(1, -1)
            self._bursts.append(Burst(datagrams, source, "access"))
        else:
            raise BadCell(Drop.MALFORMED if self._knows_rounds else Drop.UNEXPECTED)

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
        slots = self._intake.slots(epoch)
        cells = self._collection.gather(Kind.LINE, number, slots)
        if is_door_round(number):
            doors = self._collection.gather(Kind.DOOR, number, slots)
            cells = np.concatenate((cells, doors))
        if self._link is not None and self._ticked:
            age = age_of(self._geometry, number, epoch)
            self._bursts += self._link.seal(number, age, cells)
        self._steering.sent(number, now)
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
            slots = self._intake.slots(NO_EPOCH if epoch is None else epoch)
            rows = len(slots) * (2 if is_door_round(number) else 1)
            cells = self._inlet.take(number, NO_EPOCH if epoch is None else epoch, rows)
            if cells is not None and epoch is not None:
                self.cells += len(cells)
                self._send_down(Kind.LINE, number, cells[: len(slots)], slots)
                if is_door_round(number):
                    self._send_down(Kind.DOOR, number, cells[len(slots) :], slots)

    def _send_down(
        self, kind: Kind, number: int, cells: NDArray[np.uint8], slots: NDArray[np.intp]
    ) -> None:
        """One datagram to every client that was heard of lately."""
        to = [
            (session, self._entry.destination(session))
            for session in self._entry.sessions.active(self._last)
        ]
        to = [(session, where) for session, where in to if where is not None]
        if not to:
            return
        by_slot = self._collection.spread(cells, slots)
        out = np.zeros((len(to), DOWN_BYTES), np.uint8)
        body = out[:, ACCESS_HEADER_BYTES:-TAG_BYTES]
        body[:, :CELL_BYTES] = by_slot[[session.slot for session, _ in to]]
        beside = [self._beside(session, kind, number) for session, _ in to]
        out[:, :ACCESS_HEADER_BYTES] = _matrix([header for header, _ in beside])
        body[:, CELL_BYTES:] = _matrix([status for _, status in beside])
        nonce = access.nonce(kind, number)
        keys = [session.keys.down for session, _ in to]
        sodium.seal_rows(out, ACCESS_HEADER_BYTES, [nonce] * len(to), keys)
        self._bursts.append(Burst(out, [where for _, where in to], "access"))

    def _beside(self, session: Session, kind: Kind, number: int) -> tuple[bytes, bytes]:
        """Header and status of a datagram down."""
        early_round, early = session.early
        coming = self._geometry.epoch_of(self._last) + 1
        status = access.Status(
            early=early,
            early_round=early_round & 0xFF,
            outlook=self._intake.reign.outlook(coming),
            acknowledged=session.setup_epoch == coming,
            has_row=self._intake.has_row(session, coming),
            epoch_low=coming & 0xF,
            population=min(0xFFFF, self._intake.population),
            challenged=bool(session.challenge),
            piece=session.challenge.ljust(16, b"\0")
            if session.challenge
            else self._intake.piece(number),
        )
        return access.header(session.session_id, kind, number), status.pack()

    # ── out ──────────────────────────────────────────────────────────────────────────────

    def deadline(self) -> float:
        """When `handle_deadline` is to be called at the latest, in seconds."""
        return min(self._steering.send_at(self._last + 1), self._inlet.deadline())

    def bursts(self) -> list[Burst]:
        """The datagrams to send now; each is handed out once."""
        bursts, self._bursts = self._bursts, []
        return bursts

    def said(self) -> list[Record]:
        """The records to send to the first mix now; each is handed out once."""
        records, self.said_records = self.said_records, []
        return records

    def figures(self) -> dict[str, int]:
        """Counts for an operator: no address, key, drop or row among them."""
        return {
            "rounds": self.rounds,
            "cells": self.cells,
            "clients": len(self._entry.sessions),
            "filled_rows": self._collection.filled_rows + self._inlet.filled_rows,
            **{f"dropped: {reason}": count for reason, count in sorted(self.drops.items())},
        }


def _matrix(rows: list[bytes]) -> NDArray[np.uint8]:
    """Byte strings of one length as uint8[k, length]."""
    return np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), -1)
