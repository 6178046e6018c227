"""A crowd of light clients: on the wire each is a real one, inside they are rows of matrices.

    each group's instant    cells of its members --> layers --> datagrams --> burst
    each drain              datagrams --> statuses, cells --> layers off --> counts and delays

A light client has a session, circuits and set-ups of its own, sends a cell in every round, and
talks to its neighbour or to itself. What all clients of a zone are told alike is kept once for
the crowd: the epoch's list, what was decided about epochs, which circuits a round uses.

Source: the project's protocol page, sections "Access link", "An epoch's timetable".

Must not know: sockets, sound, what time it is (it is told).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pymix_voice.client.connection import Session
from pymix_voice.client.machine import AHEAD_ROUNDS
from pymix_voice.errors import BadCell, Drop
from pymix_voice.lab.crowd.cells import Cells
from pymix_voice.lab.crowd.circuits import peers_of
from pymix_voice.lab.crowd.down import Opened, Opener
from pymix_voice.lab.crowd.group import SIZE, Group, Words
from pymix_voice.lab.crowd.kit import KitMaker
from pymix_voice.lab.crowd.sessions import AT_ONCE, Joining, Table, Welcomed
from pymix_voice.lab.crowd.tally import HELD_ROUNDS, Sort, Tally
from pymix_voice.lab.crowd.told import Told
from pymix_voice.lab.crowd.up import Upward
from pymix_voice.lab.crowd.whole import WholeKit
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.numbers import expand
from pymix_voice.zone import access
from pymix_voice.zone.access import Kind
from pymix_voice.zone.drain import Address, Burst, Drain
from pymix_voice.zone.link import NOT_MEASURED
from pymix_voice.zone.zonefile import Zone

SEALED_AT_ONCE = 4
"""Groups that are late with sealing are sealed so many at a time: others may have to send."""


class Crowd:
    """Many light clients with one address.

    Args:
        zone: the zone file.
        gateway: which gateway they use.
        clients: how many.
        calls: this share of them is in a call, two and two.
        dice: for everything random.
        now: seconds on any monotonic clock; all later instants are on the same.
        where: the gateway's address.
        at_once: how many may be on their way into a session.
        size: clients in a group; even, so that two who talk are in one.
        kit: makes their circuits and onions.
    """

    def __init__(
        self,
        zone: Zone,
        gateway: int,
        clients: int,
        *,
        calls: float,
        dice: Dice,
        now: float,
        where: Address,
        at_once: int = AT_ONCE,
        size: int = SIZE,
        kit: KitMaker = WholeKit,
    ) -> None:
        self._geometry = zone.geometry
        self._where = where
        self.peers = peers_of(clients, calls)
        self.tally = Tally(clients)
        self.table = Table(clients, zone.geometry)
        self._kit = kit(zone, self.peers, dice)
        self.told = Told(zone.geometry, self._kit, self.table.by_setup, self.tally)
        self.population = 0
        starts = range(0, clients, size)
        self._words = Words(len(starts))
        self.groups = [
            Group(zone.geometry, first, min(first + size, clients), where, self._words, place)
            for place, first in enumerate(starts)
        ]
        self._group_of = np.arange(clients) // size
        self._joining = Joining(zone, gateway, self.table, dice.fork("joining"), now, at_once)
        self._opener = Opener(zone.geometry, self.table, clients, where)
        self._cells = Cells(zone.geometry, self.peers, dice.fork("filler"))
        self._upward = Upward(
            zone.geometry, self.peers, self.table, self.told, self._cells, self.tally, size
        )
        self._bursts: list[Burst] = []
        self._now = now

    @property
    def joined(self) -> int:
        """How many have a session."""
        return int(np.count_nonzero(self.table.live))

    @property
    def in_zone(self) -> int:
        """How many have circuits now."""
        present = self.told.present
        return 0 if present is None else int(np.count_nonzero(present.has_row))

    # ── in ───────────────────────────────────────────────────────────────────────────────

    def receive(self, drain: Drain, now: float) -> None:
        """Take datagrams; what is not authentic is counted and forgotten."""
        self._now = now
        cells, others = self._opener.sort(drain, self.tally.drops)
        for datagram in others:
            try:
                self._take_other(datagram, now)
            except BadCell as bad:
                self.tally.drops[bad.reason] += 1
        opened = self._opener.open(cells, self.told.newest, self.tally.drops)
        if opened is not None and len(opened.clients):
            self.table.heard_at[opened.clients] = now
            self.tally.came += np.bincount(opened.clients, minlength=len(self.peers))
            self._take_statuses(opened)
            self._take_cells(opened, drain.came)

    def _take_other(self, datagram: bytes, now: float) -> None:
        length = len(datagram)
        kind = datagram[4] if datagram[:4] == access.NO_SESSION and length > 4 else 0
        if (kind, length) not in (
            (Kind.RETRY, access.RETRY_BYTES),
            (Kind.WELCOME, access.WELCOME_BYTES),
        ):
            raise BadCell(Drop.MALFORMED)
        self._joining.keep(datagram, now)

    def _read_answer(self) -> None:
        """Read one answer to a hello."""
        try:
            answer = self._joining.read()
        except BadCell as bad:
            self.tally.drops[bad.reason] += 1
            return
        if isinstance(answer, Welcomed):
            self._enter(*answer)
        elif answer is not None:
            self._send_one(answer)

    def _enter(self, client: int, session: Session, at: float) -> None:
        """A new session: go with its rounds, but never back."""
        if session.number + AHEAD_ROUNDS < self.told.newest:
            self._forget_rounds()
        group = self.groups[self._group_of[client]]
        if not group.steering.started or self.table.all_broken(group.first, group.end, at):
            group.start(session.number, session.due)
        self.table.put(client, session, at)
        self._opener.forget(client)
        self._upward.begin(client)
        group.join(client, session.number)
        if self.told.mint is not None:
            self.told.mint.want([client])

    def _forget_rounds(self) -> None:
        """Rounds went back: all sessions have ended, and circuits for higher ones are of no use."""
        self.table.clear()
        self._joining.start_over()
        self._upward.forget_all()
        self.told.forget_all()
        for group in self.groups:
            group.leave_all()

    def _take_statuses(self, opened: Opened) -> None:
        """What stands beside the cells."""
        fields, clients = opened.fields, opened.clients
        flags = fields["flags"]
        self.population = int(fields["population"][-1])
        challenged = fields["challenged"] == 1
        for place in np.flatnonzero(challenged).tolist():
            answer = fields["piece"][place, : access.CHALLENGE_BYTES].tobytes()
            self._upward.challenge(int(clients[place]), answer)
        for word, places in _apart(flags):
            coming = expand(word >> 4, 4, self.told.coming)
            self.told.hear_outlook(coming, word & 3)
            if word & 4:
                self._upward.acknowledge(clients[places], coming)
            if word & 8:
                self.told.hear_rows(coming, clients[places])
            if coming > self.told.listed:
                wanted = np.flatnonzero((flags == word) & ~challenged)
                self._take_pieces(opened, coming, wanted)
        early = fields["early"]
        measured = (early != NOT_MEASURED) & (opened.kinds == Kind.LINE)
        self.tally.late_cells += int(np.count_nonzero(measured & (early < 0)))
        groups = self._group_of[clients[measured]]
        self._words.hear(groups, fields["early_round"][measured], early[measured])

    def _take_pieces(self, opened: Opened, coming: int, wanted: NDArray[np.intp]) -> None:
        """All are told the same list: one piece of each round in a drain is enough."""
        for place in wanted[np.unique(opened.numbers[wanted], return_index=True)[1]].tolist():
            piece = opened.fields["piece"][place].tobytes()
            self.told.hear_piece(int(opened.numbers[place]), coming, piece)

    def _take_cells(self, opened: Opened, came: float) -> None:
        """Read the cells of each kind and round together."""
        for key, those in _apart(opened.numbers * 4 + opened.kinds):
            number, kind = divmod(key, 4)
            circuits = self.told.circuits_of(number)
            if circuits is None:
                continue
            clients = opened.clients[those]
            heard = self._cells.read(opened.cells[those], kind, number, clients, circuits)
            if heard is not None:
                self.tally.wrong += int(np.count_nonzero(~heard.right))
                clients = clients[heard.places[heard.right]]
                self._count(kind, number, clients, heard.senders[heard.right], came)

    def _count(
        self,
        kind: int,
        number: int,
        clients: NDArray[np.intp],
        senders: NDArray[np.int64],
        came: float,
    ) -> None:
        """Cells of a round were heard."""
        delays = came - self._words.sent_at[self._group_of[senders], number % HELD_ROUNDS]
        if kind == Kind.DOOR:
            self.tally.door_heard[clients] += 1
            self.tally.delays.add(Sort.DOOR, delays)
            return
        self.tally.hear(number, clients)
        talks = self.peers[clients] != clients
        self.tally.delays.add(Sort.PEER, delays[talks])
        self.tally.delays.add(Sort.LOOP, delays[~talks])

    # ── rounds ───────────────────────────────────────────────────────────────────────────

    def handle_deadline(self, now: float) -> None:
        """Do what is due at `now`."""
        self._now = now
        due = sorted((each for each in self.groups if each.due <= now), key=lambda each: each.due)
        for group in [each for each in due if each.sealed]:
            self._emit(group, now)
        for group in [each for each in due if each.idle and each.due <= now][:SEALED_AT_ONCE]:
            self._upward.seal(group, group.next_number(now))
        self._joining.look(now)
        hello = self._joining.hello(now)
        if hello is not None:
            self._send_one(hello)

    def _emit(self, group: Group, now: float) -> None:
        self._bursts += group.emit(now)
        self.tally.sent[group.senders.rows] += 1
        self.tally.late_s = max(self.tally.late_s, group.late_s)
        group.late_s = 0.0

    def work(self) -> bool:
        """One slice of work that can wait; False if there is none."""
        waiting = [group for group in self.groups if group.idle and group.due > self._now]
        if waiting:
            group = min(waiting, key=lambda each: each.due)
            self._upward.seal(group, group.last + 1)
            return True
        if self._joining.answers:
            self._read_answer()
            return True
        return self.told.work()

    # ── out ──────────────────────────────────────────────────────────────────────────────

    def _send_one(self, datagram: bytes) -> None:
        row = np.frombuffer(datagram, np.uint8).reshape(1, -1)
        self._bursts.append(Burst(row, self._where, "access"))

    def deadline(self) -> float:
        """When `handle_deadline` is to be called at the latest, in seconds."""
        return min(*(group.due for group in self.groups), self._joining.deadline())

    def bursts(self) -> list[Burst]:
        """The datagrams to send now; each is handed out once."""
        bursts, self._bursts = self._bursts, []
        return bursts

    def figures(self) -> dict[str, int]:
        """Counts so far."""
        self.tally.skipped = sum(group.skipped for group in self.groups)
        self.tally.hellos, self.tally.sessions = self._joining.hellos, self._joining.sessions
        now = {"joined": self.joined, "in_zone": self.in_zone, "population": self.population}
        return now | self.tally.totals() | {"made_late": self._kit.made_late}


def _apart(values: NDArray[Any]) -> Iterator[tuple[int, slice | NDArray[np.intp]]]:
    """Each whole number among some, and where it stands; mostly there is one only."""
    if (values == values[0]).all():
        yield int(values[0]), slice(None)
        return
    for value in np.unique(values).tolist():
        yield value, np.flatnonzero(values == value)
