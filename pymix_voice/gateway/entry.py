"""The gateway's side of the access link: which session a datagram is of, and opening it.

Authenticate first, change state second: roaming, liveness and numbers move only after the AEAD
opened. One drain's cells are opened together.

Source: the project's protocol page, section "Access link".

Must not know: sockets, rows, the first mix, what time it is (it is told).
"""

from collections.abc import Callable, Hashable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import BadCell, Drop, Drops
from pymix_voice.gateway.sessions import Porter, Session, Sessions
from pymix_voice.geometry import ACCESS_HEADER_BYTES, UP_BYTES
from pymix_voice.onion import sodium
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.numbers import expand
from pymix_voice.zone import access
from pymix_voice.zone.access import Kind
from pymix_voice.zone.drain import Drain
from pymix_voice.zone.zonefile import Zone


class Upward(NamedTuple):
    """A datagram of one size up: where it lies in the drain, and whose it says it is."""

    place: int
    session: Session
    kind: Kind
    number: int
    source: Hashable


class Entry:
    """Sessions, and the datagrams that name them.

    Args:
        zone: the zone file.
        index: the gateway's place among the zone's.
        key: its static key.
        capacity: how many sessions at the most.
        prefix_of: a source's prefix, None where no bound applies.
        dice: for ids, keys and challenges.
    """

    def __init__(
        self,
        zone: Zone,
        index: int,
        key: KeyPair,
        capacity: int,
        prefix_of: Callable[[Hashable], Hashable],
        dice: Dice,
    ) -> None:
        self._geometry = zone.geometry
        self._dice = dice.fork("entry")
        self.sessions = Sessions(
            capacity, zone.sessions_per_prefix, prefix_of, dice.fork("sessions")
        )
        self._porter = Porter(key, access.prologue(zone.hash, index), dice.fork("porter"))

    # ── cells ────────────────────────────────────────────────────────────────────────────

    def sort(self, drain: Drain, last: int, drops: Drops) -> tuple[list[Upward], list[int]]:
        """Tell datagrams of the one size up from the rest (as indices into the drain)."""
        upward: list[Upward] = []
        rest: list[int] = []
        heads = np.ascontiguousarray(drain.cells[:, :ACCESS_HEADER_BYTES]).tobytes()
        for index, length in enumerate(drain.lengths.tolist()):
            if length != UP_BYTES:
                rest.append(index)
                continue
            named, kind, low = access.HEADER.unpack_from(heads, index * ACCESS_HEADER_BYTES)
            session = self.sessions.get(named)
            if session is None:
                drops[Drop.UNKNOWN_SESSION] += 1
            elif kind not in (Kind.LINE, Kind.DOOR, Kind.CHALLENGE):
                drops[Drop.MALFORMED] += 1
            else:
                number = expand(int.from_bytes(low, "little"), 24, last)
                upward.append(Upward(index, session, Kind(kind), number, drain.sources[index]))
        return upward, rest

    @staticmethod
    def open(drain: Drain, upward: list[Upward]) -> NDArray[np.bool_]:
        """Open these datagrams; their cells then lie in place in the drain."""
        indices = [each.place for each in upward]
        datagrams = np.ascontiguousarray(drain.cells[indices, :UP_BYTES])
        nonces = [access.nonce(each.kind, each.number) for each in upward]
        keys = [each.session.keys.up for each in upward]
        opened = sodium.open_rows(datagrams, ACCESS_HEADER_BYTES, nonces, keys)
        drain.cells[indices, :UP_BYTES] = datagrams
        return opened

    def heard(self, session: Session, number: int, source: Hashable, last: int) -> None:
        """An authentic datagram came: the client lives, and may have moved."""
        session.heard_round = last
        if not session.confirmed:
            self.sessions.confirm(session)
        if source == session.candidate:
            session.allowance += 1
        if number <= session.newest:
            return
        session.newest = number
        if source == session.source:
            session.candidate, session.challenge, session.allowance = None, b"", 0
        elif source != session.candidate:
            session.candidate, session.allowance = source, 1
            session.challenge = self._dice.bytes(access.CHALLENGE_BYTES)

    @staticmethod
    def answer_challenge(session: Session, answer: bytes, source: Hashable) -> None:
        """A challenge came back: the client is where it says.

        Raises:
            BadCell: if it is not the one that was asked, or not from there.
        """
        if not session.challenge or answer != session.challenge or source != session.candidate:
            raise BadCell(Drop.UNEXPECTED)
        session.source = source
        session.candidate, session.challenge, session.allowance = None, b"", 0

    @staticmethod
    def destination(session: Session) -> Hashable:
        """Where the next datagram for this client goes; None if none may go now."""
        if session.candidate is None:
            return session.source
        if session.allowance < 1:
            return None
        session.allowance -= 1
        return session.candidate

    # ── set-ups and hellos ───────────────────────────────────────────────────────────────

    def open_setup(self, raw: bytes, last: int) -> tuple[Session, int, bytes]:
        """Open a set-up: whose, for which epoch, and both onions.

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
        if not session.confirmed:
            raise BadCell(Drop.UNEXPECTED)
        epoch = expand(int.from_bytes(low, "little"), 24, self._geometry.epoch_of(last))
        nonce = access.nonce(Kind.SETUP, epoch)
        onions = sodium.open_(session.keys.up, nonce, raw[ACCESS_HEADER_BYTES:], head)
        return session, epoch, onions

    def welcome(
        self, hello: bytes, source: Hashable, number: int, due_s: float, population: int, now: float
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
            session.keys = access.AccessKeys.of(handshake)
        return answer
