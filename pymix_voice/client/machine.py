"""A client: one cell up in every round, one down, whatever the person does.

    seal    a little before its instant: microphone -> frame -> cell -> layers -> datagram
    send    at its instant, and nothing else then
    hear    datagram -> layers -> cell -> frame

Send instants follow the gateway's word on how early cells come, and nothing else. The set-up
goes out at an own fixed instant in every epoch, and again until it is acknowledged.

Source: the project's protocol page, sections "Access link", "An epoch's timetable", "Rules".

Must not know: sockets, sound, what time it is (it is told).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from pymix_voice.client.circuits import Circuits
from pymix_voice.client.connection import Connection
from pymix_voice.client.health import Health
from pymix_voice.client.identity import Identity
from pymix_voice.client.phone import Phone
from pymix_voice.errors import BadCell, Drop, Drops
from pymix_voice.geometry import RESEND_ROUNDS, is_door_round
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.numbers import expand
from pymix_voice.zone import access
from pymix_voice.zone.access import Kind, Opened, Status
from pymix_voice.zone.drain import Address, Burst, Drain
from pymix_voice.zone.epochs import Outlook, Reign
from pymix_voice.zone.link import steer
from pymix_voice.zone.mark import Mark
from pymix_voice.zone.steering import Steering
from pymix_voice.zone.zonefile import Zone

SEAL_AHEAD_S = 0.005
"""Cells are sealed so long before they are sent: sending then takes the same time always."""
EMIT_AHEAD_S = 0.0003
"""They are handed out so long before: whoever sends them only has to wait for the instant. Awake,
that costs 1.6 % of a core."""
BEHIND_ROUNDS = 2
"""After a stall, rounds further behind than this are not sent any more."""
AHEAD_ROUNDS = 96
"""A gateway that asks for cells further ahead than this is not followed."""

Frame = Callable[[float], bytes | None]
"""Asked once a round, a little before the send instant: the newest whole frames of voice, a body;
None when a recording has nothing more to say."""


class Sealed(NamedTuple):
    """A round's datagrams, ready to go."""

    number: int
    datagrams: list[bytes]

    def __repr__(self) -> str:
        return "Sealed()"


class Client:
    """One client of a zone.

    Args:
        zone: the zone file.
        gateway: which gateway it uses.
        me: identity and door key.
        contacts: identity keys that may call.
        strangers: whether others may call, too.
        frame: where voice comes from; asked in every round, in a call or not.
        dice: for everything random, forked by label.
        now: seconds on any monotonic clock; all later instants are on the same.
        where: the gateway's address.
    """

    def __init__(
        self,
        zone: Zone,
        gateway: int,
        me: Identity,
        *,
        contacts: Sequence[bytes] = (),
        strangers: bool = True,
        frame: Frame,
        dice: Dice,
        now: float,
        where: Address,
    ) -> None:
        self._zone = zone
        self._geometry = zone.geometry
        self._where = where
        self._frame = frame
        self._filler = dice.fork("filler")
        self.connection = Connection(zone, gateway, dice.fork("connection"), now)
        self.phone = Phone(
            zone.geometry, me, contacts=contacts, strangers=strangers, dice=dice.fork("phone")
        )
        self._onion_dice = dice.fork("onions")
        self._circuits = Circuits(zone, self._onion_dice)
        self._reign = Reign(zone.geometry)
        self._steering = Steering(zone.geometry)
        self._last = -1
        self._sealed: Sealed | None = None
        self._setup: tuple[int, bytes] | None = None
        self._setup_done = -1
        self._turns: dict[int, int] = {}
        self._tidied = -1
        """The newest epoch in which those before the present circuits were given up."""
        self._challenge: bytes | None = None
        self._bursts: list[Burst] = []
        self.rows_in = -1
        """The newest epoch in which the zone has a row for this client."""
        self.population = 0
        self.health = Health()
        self.loops_back = 0
        """Cells to oneself that came back."""
        self.cells_sent = 0
        self.cells_heard = 0
        self.sent = self.came = Mark()
        """The newest of its lines' rounds that left here, and that came back."""
        self.drops = Drops()

    @property
    def number(self) -> int:
        """The newest round that was sealed."""
        return self._last

    @property
    def in_zone(self) -> bool:
        """Whether this client has circuits now, and can be called."""
        circuit_epoch = self._reign.circuit_epoch
        return not self.connection.broken and 0 < circuit_epoch <= self.rows_in

    # ── in ───────────────────────────────────────────────────────────────────────────────

    def receive(self, drain: Drain, now: float) -> None:
        """Take datagrams; what is not authentic is counted and forgotten."""
        for index in range(len(drain.lengths)):
            try:
                if drain.source(index) != self._where:
                    raise BadCell(Drop.UNEXPECTED)
                self._take(drain.datagram(index).tobytes(), now)
            except BadCell as bad:
                self.drops[bad.reason] += 1

    def _take(self, datagram: bytes, now: float) -> None:
        if len(datagram) == self._geometry.down_bytes:
            self._take_cell(self.connection.open(datagram, self._last, now), now)
            return
        kind = datagram[4] if datagram[:4] == access.NO_SESSION and len(datagram) > 4 else 0
        if (kind, len(datagram)) == (Kind.RETRY, access.RETRY_BYTES):
            self._send(self.connection.take_retry(datagram))
        elif (kind, len(datagram)) == (Kind.WELCOME, access.WELCOME_BYTES):
            self._enter(datagram, now)
        else:
            raise BadCell(Drop.MALFORMED)

    def _enter(self, datagram: bytes, now: float) -> None:
        """A new session: go with its rounds, but never back."""
        session = self.connection.take_welcome(datagram, now)
        if session is None:
            return
        if session.number + AHEAD_ROUNDS < self._last:
            self.phone.give_up_keys(self._last)
            self._circuits.wipe()
            self._circuits = Circuits(self._zone, self._onion_dice)
            self._reign = Reign(self._geometry)
            self._turns.clear()
            self.rows_in = -1
            self._last = session.number - 1
        self._steering.start(session.number, session.due)
        self._last = max(self._last, session.number - 1)
        self._sealed = None
        self._setup, self._setup_done = None, -1
        self._challenge = None

    def _take_cell(self, opened: Opened, now: float) -> None:
        """An authentic datagram of the gateway: its word first, then the cell."""
        self.cells_heard += 1
        if opened.kind == Kind.LINE:
            self.came = Mark(opened.number, now)
        self._take_status(opened.number, opened.status)
        epoch = self._turns.get(opened.number)
        pair = None if epoch is None else self._circuits.get(epoch)
        if epoch is None or pair is None:
            return
        if opened.kind == Kind.LINE:
            self.phone.hear_line(epoch, opened.number, pair.line.peel(opened.number, opened.cell))
        else:
            self.phone.hear_door(epoch, opened.number, pair.door.peel(opened.number, opened.cell))
        for name in self.phone.loops_back:
            self.health.back(name, now)
            self.loops_back += 1
        self.phone.loops_back.clear()

    def _take_status(self, number: int, status: Status) -> None:
        coming = expand(status.epoch_low, 4, self._geometry.epoch_of(self._last) + 1)
        steer(self._steering, status.early_round, status.early)
        if status.outlook != Outlook.UNDECIDED:
            self._reign.decide(coming, switch=status.outlook == Outlook.SWITCH)
        if status.acknowledged and self._setup is not None and self._setup[0] == coming:
            self._setup_done = coming
        if status.has_row:
            self.rows_in = max(self.rows_in, coming)
        self.population = status.population
        if status.challenged:
            self._challenge = status.piece[: access.CHALLENGE_BYTES]
        else:
            self._take_piece(number, coming, status.piece)

    def _take_piece(self, number: int, coming: int, piece: bytes) -> None:
        try:
            self._circuits.take_piece(number, coming, piece)
        except BadCell as bad:
            # A wrong list costs its epoch, not the cell beside it.
            self.drops[bad.reason] += 1

    # ── rounds ───────────────────────────────────────────────────────────────────────────

    def handle_deadline(self, now: float) -> None:
        """Do what is due at `now`."""
        hello = self.connection.try_again(now)
        if hello is not None:
            self._send(hello)
        while self._steering.started:
            if self._sealed is None:
                if now < self._seal_at():
                    break
                self._seal(now)
            elif now >= self._send_at(self._sealed.number) - EMIT_AHEAD_S:
                self._emit(now)
            else:
                break

    def _send_at(self, number: int) -> float:
        return self._steering.send_at(number)

    def _seal_at(self) -> float:
        return self._send_at(self._last + 1) - SEAL_AHEAD_S

    def _seal(self, now: float) -> None:
        """Make the next round's datagrams."""
        behind = int((now - self._send_at(self._last + 1)) / self._geometry.round_s)
        number = self._last + 1 + max(0, behind - BEHIND_ROUNDS + 1)
        self._last = number
        frame = self._frame(now)
        epoch = self._reign.epoch_for(number)
        self._turns[number] = epoch
        datagrams = [self._seal_cell(Kind.LINE, epoch, number, frame)]
        if is_door_round(number):
            datagrams.append(self._seal_cell(Kind.DOOR, epoch, number, frame))
        datagrams += self._seal_setup(number)
        if self._challenge is not None:
            datagrams.append(self.connection.seal(Kind.CHALLENGE, number, self._challenge))
            self._challenge = None
        self._sealed = Sealed(number, datagrams)
        for name in self.phone.loops_said:
            self.health.said(name, self._send_at(number))
        self.phone.loops_said.clear()
        self.phone.pass_round(number)
        # Not only in that very round: who stands still may miss it.
        drained = self._geometry.within(number) >= self._geometry.keys_until
        if drained and self._tidied != self._geometry.epoch_of(number):
            self._tidied = self._geometry.epoch_of(number)
            self._forget(number)

    def _seal_cell(self, kind: Kind, epoch: int, number: int, frame: bytes | None) -> bytes:
        say = self.phone.say_line if kind == Kind.LINE else self.phone.say_door
        pair = self._circuits.get(epoch)
        cell = say(epoch, number, frame)
        if pair is None or cell is None:
            wrapped = self._filler.bytes(self._geometry.cell_bytes)
        else:
            circuit = pair.line if kind == Kind.LINE else pair.door
            wrapped = circuit.wrap(number, cell)
        return self.connection.seal(kind, number, wrapped)

    def _seal_setup(self, number: int) -> list[bytes]:
        """The set-up for the coming epoch, if this is an instant for it."""
        assert self.connection.session is not None
        coming = self._geometry.epoch_of(number) + 1
        within = self._geometry.within(number)
        session = int.from_bytes(self.connection.session.session_id, "little")
        start = self._geometry.setup_at(session)
        on_time = within >= start and (within - start) % RESEND_ROUNDS == 0
        if not on_time or within >= self._geometry.cutoff_at or self._setup_done == coming:
            return []
        if self._setup is None or self._setup[0] != coming:
            if self._circuits.ready_for != coming:
                return []
            line, door = self.phone.name_drops(coming)
            onions = self._circuits.seal(line, door)
            self._setup = coming, self.connection.seal(Kind.SETUP, coming, onions)
        return [self._setup[1]]

    def _forget(self, number: int) -> None:
        """What was of the epochs before the present circuits has drained."""
        present = self._reign.circuit_epoch or self._geometry.epoch_of(number)
        self._circuits.forget_before(present)
        self.phone.forget_before(present)
        for old in [turn for turn in self._turns if turn < number - 4 * AHEAD_ROUNDS]:
            del self._turns[old]

    def _emit(self, now: float) -> None:
        """Hand out what is ready; nothing else happens until it is sent."""
        assert self._sealed is not None
        send_at = self._send_at(self._sealed.number)
        for datagram in self._sealed.datagrams:
            self._send(datagram, send_at)
        self.cells_sent += 1
        self.sent = Mark(self._sealed.number, max(now, send_at))
        self._steering.sent(*self.sent)
        self._sealed = None

    def _send(self, datagram: bytes, at: float = 0.0) -> None:
        row = np.frombuffer(datagram, np.uint8).reshape(1, -1)
        self._bursts.append(Burst(row, self._where, "access", at))

    def work(self) -> bool:
        """One slice of work that can wait; False if there is none."""
        return self._circuits.work()

    # ── out ──────────────────────────────────────────────────────────────────────────────

    def deadline(self) -> float:
        """When `handle_deadline` is to be called at the latest, in seconds."""
        if not self._steering.started:
            return self.connection.deadline()
        if self._sealed is not None:
            emit_at = self._send_at(self._sealed.number) - EMIT_AHEAD_S
            return min(self.connection.deadline(), emit_at)
        return min(self.connection.deadline(), self._seal_at())

    def bursts(self) -> list[Burst]:
        """The datagrams to send now; each is handed out once."""
        bursts, self._bursts = self._bursts, []
        return bursts
