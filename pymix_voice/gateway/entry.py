"""The gateway's side of the access link: which session a datagram is of, and opening it.

Authenticate first, change state second: roaming, liveness and numbers move only after the AEAD
opened. One drain's cells are sorted, opened and noted together; what is said of single datagrams
here is rare.

Source: the project's protocol page, section "Access link".

Must not know: sockets, rows, the first mix, what time it is (it is told).
"""

from collections.abc import Callable, Hashable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import BadCell, Drop, Drops
from pymix_voice.gateway.porter import Porter
from pymix_voice.gateway.sessions import NO_SLOT, Session, Sessions, Slots
from pymix_voice.geometry import ACCESS_HEADER_BYTES, TAG_BYTES
from pymix_voice.onion import sodium
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.numbers import expand, expand_all
from pymix_voice.onion.sodium import Chosen
from pymix_voice.zone import access
from pymix_voice.zone.access import Kind
from pymix_voice.zone.drain import NOWHERE, Address, Addresses, Drain
from pymix_voice.zone.zonefile import Zone


class Upward(NamedTuple):
    """Datagrams of the one size up, and whose they are or say they are.

    Attributes:
        slots: intp [k], the sessions.
        kinds: uint8 [k].
        numbers: int64 [k], their rounds.
        sources: S28 [k], where they came from.
        came: float64 [k], when.
        datagrams: uint8 [k, up]; once opened, the cells lie behind the headers.
    """

    slots: Slots
    kinds: NDArray[np.uint8]
    numbers: NDArray[np.int64]
    sources: Addresses
    came: NDArray[np.float64]
    datagrams: NDArray[np.uint8]

    def only(self, mask: NDArray[np.bool_]) -> "Upward":
        """Some of them; all as they are, if all are meant."""
        if mask.all():
            return self
        return Upward(
            self.slots[mask],
            self.kinds[mask],
            self.numbers[mask],
            self.sources[mask],
            self.came[mask],
            self.datagrams[mask],
        )

    @property
    def cells(self) -> NDArray[np.uint8]:
        """uint8 [k, cell]."""
        return self.datagrams[:, ACCESS_HEADER_BYTES:-TAG_BYTES]

    def __repr__(self) -> str:
        return "Upward()"


class Entry:
    """Sessions, and the datagrams that name them.

    Args:
        zone: the zone file.
        index: the gateway's place among the zone's.
        key: its static key.
        capacity: how many sessions at the most.
        prefix_of: a source's prefix, None where no bound applies.
        dice: for ids, keys and challenges.
        worker: which of the processes that share the port this is.
        workers: how many there are.
    """

    def __init__(
        self,
        zone: Zone,
        index: int,
        key: KeyPair,
        capacity: int,
        prefix_of: Callable[[Address], Hashable],
        dice: Dice,
        worker: int = 0,
        workers: int = 1,
    ) -> None:
        self._geometry = zone.geometry
        self._dice = dice.fork("entry")
        self.sessions = Sessions(
            capacity,
            -(-zone.sessions_per_prefix // workers),
            prefix_of,
            dice.fork("sessions"),
            worker,
            workers,
        )
        self._porter = Porter(key, access.prologue(zone.hash, index), dice.fork("porter"))

    # ── cells ────────────────────────────────────────────────────────────────────────────

    def sort(self, drain: Drain, last: int, drops: Drops) -> tuple[Upward, NDArray[np.intp]]:
        """Tell datagrams of the one size up from the rest (intp [k], their places in the drain)."""
        size = self._geometry.up_bytes
        fits = drain.lengths == size
        whole = bool(fits.all())
        datagrams = drain.cells[:, :size] if whole else drain.cells[fits, :size]
        sources = drain.sources if whole else drain.sources[fits]
        came = np.full(len(fits), drain.came) if drain.stamps is None else drain.stamps
        rest = np.flatnonzero(~fits)
        heads = datagrams[:, :ACCESS_HEADER_BYTES].view(access.HEADERS)[:, 0]
        numbers = expand_all(access.lows(heads["low"]), 24, last)
        slots, kinds = self.sessions.find(heads["session"]), heads["kind"].copy()
        upward = Upward(slots, kinds, numbers, sources, came[fits], datagrams)
        known = slots != NO_SLOT
        wanted = known & ((kinds == Kind.LINE) | (kinds == Kind.DOOR) | (kinds == Kind.CHALLENGE))
        if not known.all():
            drops[Drop.UNKNOWN_SESSION] += int(np.count_nonzero(~known))
        if not wanted[known].all():
            drops[Drop.MALFORMED] += int(np.count_nonzero(known & ~wanted))
        return upward.only(wanted), rest

    def of_use(self, rest: NDArray[np.intp], drain: Drain, drops: Drops) -> list[int]:
        """Those that may be hellos or set-ups: junk must cost no more than a look at its head."""
        if not len(rest):
            return []
        lengths = drain.lengths[rest]
        heads = drain.cells[rest, :ACCESS_HEADER_BYTES].view(access.HEADERS)[:, 0]
        hellos = (lengths == access.HELLO_BYTES) & (heads["kind"] == Kind.HELLO)
        setups = (lengths == self._geometry.setup_bytes) & (heads["kind"] == Kind.SETUP)
        known = hellos | (self.sessions.find(heads["session"]) != NO_SLOT)
        well = hellos | setups
        if not well.all():
            drops[Drop.MALFORMED] += len(well) - int(np.count_nonzero(well))
        if not known[well].all():
            drops[Drop.UNKNOWN_SESSION] += int(np.count_nonzero(well & ~known))
        of_use: list[int] = rest[well & known].tolist()
        return of_use

    def open(self, upward: Upward, drops: Drops) -> Upward:
        """Open these datagrams in place; those that are authentic."""
        nonces = np.empty((len(upward.slots), sodium.NONCE_BYTES), np.uint8)
        access.nonces(upward.kinds, upward.numbers, nonces)
        keys = Chosen(self.sessions.up, upward.slots)
        opened = sodium.open_rows(upward.datagrams, ACCESS_HEADER_BYTES, nonces, keys)
        if not opened.all():
            drops[Drop.FORGED] += len(opened) - int(np.count_nonzero(opened))
        return upward.only(opened)

    def heard(self, upward: Upward, last: int) -> NDArray[np.bool_]:
        """Authentic datagrams came: these clients live, and may have moved.

        Returns:
            Which datagrams are of a newer round than any before of their session: bool [k].
        """
        sessions, slots = self.sessions, upward.slots
        newer = self._newer(slots, upward.numbers)
        sessions.confirm(slots)
        moved = upward.sources != sessions.sources[slots]
        if moved.any() or sessions.moving:
            # All that came of these clients, in order: a copy from elsewhere of what came from
            # home moves nobody.
            moved = np.isin(slots, [*slots[moved].tolist(), *sessions.moving])
        for index in np.flatnonzero(moved).tolist():
            self._look_where(
                int(slots[index]), int(upward.numbers[index]), bytes(upward.sources[index])
            )
        np.maximum.at(sessions.newest, slots, upward.numbers)
        sessions.heard[slots[newer]] = last
        return newer

    def _newer(self, slots: Slots, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which are newer than any before of their session, in this drain too: bool [k]."""
        newest = self.sessions.newest[slots]
        order = np.argsort(slots, kind="stable")
        again = slots[order[1:]] == slots[order[:-1]]
        # Of those that come several times, as with a door: one after the other.
        for before, index in zip(
            order[:-1][again].tolist(), order[1:][again].tolist(), strict=True
        ):
            newest[index] = max(newest[before], numbers[before])
        newer: NDArray[np.bool_] = numbers > newest
        return newer

    def _look_where(self, slot: int, number: int, source: Address) -> None:
        """A datagram came from elsewhere, or from a client that is on the move."""
        session = self.sessions.at(slot)
        if source == session.candidate:
            session.allowance += 1
        if number <= self.sessions.newest[slot]:
            return
        self.sessions.newest[slot] = number
        if source == self.sessions.sources[slot]:
            self._settle(session)
        elif source != session.candidate:
            session.candidate, session.allowance = source, 1
            session.challenge = self._dice.bytes(access.CHALLENGE_BYTES)
            self.sessions.moving[slot] = session

    def _settle(self, session: Session) -> None:
        session.candidate, session.challenge, session.allowance = NOWHERE, b"", 0
        self.sessions.moving.pop(session.slot, None)

    def answer_challenge(self, slot: int, answer: bytes, source: Address) -> None:
        """A challenge came back: the client is where it says.

        Raises:
            BadCell: if it is not the one that was asked, or not from there.
        """
        session = self.sessions.at(slot)
        if not session.challenge or answer != session.challenge or source != session.candidate:
            raise BadCell(Drop.UNEXPECTED)
        self.sessions.sources[slot] = source
        self._settle(session)

    def destinations(self, last: int) -> tuple[Slots, Addresses]:
        """The clients that get a datagram now, and where."""
        slots = self.sessions.active(last)
        if not self.sessions.moving:
            return slots, self.sessions.sources[slots]
        may = np.ones(len(self.sessions.ids), np.bool_)
        where = self.sessions.sources.copy()
        for slot, session in self.sessions.moving.items():
            where[slot] = session.candidate
            may[slot] = session.allowance > 0
            session.allowance -= slot in slots and session.allowance > 0
        slots = slots[may[slots]]
        return slots, where[slots]

    # ── set-ups and hellos ───────────────────────────────────────────────────────────────

    def open_setup(self, raw: bytes, last: int) -> tuple[int, int, bytes]:
        """Open a set-up: the slot of whoever sent it, for which epoch, and both onions.

        Raises:
            BadCell: if it is not an authentic set-up of a session.
        """
        head = raw[:ACCESS_HEADER_BYTES]
        named, kind, low = access.HEADER.unpack(head)
        session = self.sessions.get(named)
        if session is None:
            raise BadCell(Drop.UNKNOWN_SESSION)
        if kind != Kind.SETUP:
            raise BadCell(Drop.MALFORMED)
        slot = session.slot
        if not self.sessions.confirmed[slot]:
            raise BadCell(Drop.UNEXPECTED)
        epoch = expand(int.from_bytes(low, "little"), 24, self._geometry.epoch_of(last))
        nonce = access.nonce(Kind.SETUP, epoch)
        key = self.sessions.up[slot].tobytes()
        onions = sodium.open_(key, nonce, raw[ACCESS_HEADER_BYTES:], head)
        return slot, epoch, onions

    def welcome(
        self, hello: bytes, source: Address, number: int, due_s: float, population: int, now: float
    ) -> bytes:
        """Answer a hello: with a session, with a sealed refusal, or by asking for a cookie.

        Args:
            hello: the datagram.
            source: where it came from.
            number: the next round to go to the first mix.
            due_s: how long until then.
            population: clients with rows in the zone.
            now: seconds.

        Raises:
            BadCell: if the hello does not open.
        """
        named, kind, _ = access.HEADER.unpack(hello[:ACCESS_HEADER_BYTES])
        if named != access.NO_SESSION or kind != Kind.HELLO:
            raise BadCell(Drop.MALFORMED)
        cookie = hello[ACCESS_HEADER_BYTES : ACCESS_HEADER_BYTES + access.COOKIE_BYTES]
        retry = self._porter.check_load(cookie, source, now)
        if retry is not None:
            return retry
        handshake = self._porter.read(hello)
        # The answer names the session and finishes the handshake that the session's keys come
        # from: so the place is taken first, and gets its keys after.
        session = self.sessions.reserve(source, number - 1)
        session_id = access.NO_SESSION if session is None else session.session_id
        due_us = max(-(2**31), min(2**31 - 1, round(due_s * 1_000_000)))
        answer = self._porter.welcome(
            handshake, access.WELCOME.pack(session_id, number, due_us, min(population, 0xFFFF))
        )
        if session is not None:
            self.sessions.give_keys(session, access.AccessKeys.of(handshake))
        return answer
