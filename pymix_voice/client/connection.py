"""A client's session with its gateway, and the next one when it breaks.

Hello and welcome are Noise NK. A session that brought no valid datagram for 25 rounds is
replaced, with growing pauses between tries; the old one is used on until then, so that the
client's rate never changes. Nothing here depends on what a cell held.

Source: the project's protocol page, section "Access link"; Noise revision 34, pattern NK.

Must not know: sockets, calls, what a cell carries, what time it is (it is told).
"""

from typing import NamedTuple

from pymix_voice.errors import BadCell, CallError, Drop
from pymix_voice.geometry import ACCESS_HEADER_BYTES, Geometry
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.noise import Handshake, Pattern
from pymix_voice.zone import access
from pymix_voice.zone.access import AccessKeys, Kind, Opened
from pymix_voice.zone.rounds import Once
from pymix_voice.zone.zonefile import Zone

PATIENCE_ROUNDS = 25
"""Without a valid datagram for so many rounds a new session is made."""
STOOD_STILL_S = 0.1
"""Who is asked once a round and was not for so long stood still: that time says nothing of the
session. A new one would have no rows for up to two epochs."""
FIRST_PAUSE_S = 0.5
LONGEST_TRIP_S = 0.5
"""A round trip is not believed to be longer than this."""
MAX_ROUND = 2**62
"""Numbers beyond are no rounds: nonces must not run over."""
LONGEST_PAUSE_S = 8.0


class ZoneFullError(CallError):
    """The gateway has no place for another client."""

    def __init__(self) -> None:
        super().__init__(
            "the zone is full: its gateway takes no more clients; try again later, "
            "or ask its operator for a larger one"
        )


class Session(NamedTuple):
    """What a welcome brings."""

    session_id: bytes
    keys: AccessKeys
    number: int
    """The next round that the gateway sends on."""
    due: float
    """The instant at which that round's cell must leave here to be just in time."""

    def __repr__(self) -> str:
        return "Session()"


class _Hello(NamedTuple):
    """A hello under way."""

    handshake: Handshake
    first_text: bytes
    sent_at: float

    def __repr__(self) -> str:
        return "_Hello()"


class Connection:
    """Sessions, one after the other.

    Args:
        zone: the zone file.
        gateway: the gateway's place among the zone's.
        dice: for ephemerals and pauses.
        now: seconds.
    """

    def __init__(self, zone: Zone, gateway: int, dice: Dice, now: float) -> None:
        self._geometry: Geometry = zone.geometry
        self._gateway_key = zone.gateways[gateway].link
        self._prologue = access.prologue(zone.hash, gateway)
        self._dice = dice
        self._hello: _Hello | None = None
        self._pause = FIRST_PAUSE_S
        self._next_try = now
        self._seen = {Kind.LINE: Once(), Kind.DOOR: Once()}
        self.session: Session | None = None
        self.heard_at = now
        self._asked_at = now
        self.full = False
        self.sessions = 0

    @property
    def _broken_at(self) -> float:
        """When the present session is to be given up."""
        if self.session is None:
            return self.heard_at
        return self.heard_at + PATIENCE_ROUNDS * self._geometry.round_s

    @property
    def broken(self) -> bool:
        """Whether a new session is being sought."""
        return self.session is None or self._hello is not None

    def deadline(self) -> float:
        """When `try_again` is to be called at the latest, in seconds."""
        return max(self._broken_at, self._next_try)

    def try_again(self, now: float) -> bytes | None:
        """The hello to send now, if it is time for one."""
        stood, self._asked_at = now - self._asked_at, now
        if self.session is not None and stood > STOOD_STILL_S:
            self.heard_at += stood
        if now < self.deadline():
            return None
        jitter = 0.75 + self._dice.below(501) / 1000
        self._next_try = now + self._pause * jitter
        self._pause = min(LONGEST_PAUSE_S, self._pause * 2)
        handshake = Handshake(
            Pattern.NK,
            True,
            self._prologue,
            ephemeral=KeyPair.draw(self._dice),
            remote_static=self._gateway_key,
        )
        self._hello = _Hello(handshake, handshake.write(), now)
        return self._hello_datagram(bytes(access.COOKIE_BYTES))

    def _hello_datagram(self, cookie: bytes) -> bytes:
        assert self._hello is not None
        head = access.header(access.NO_SESSION, Kind.HELLO, 0)
        return (head + cookie + self._hello.first_text).ljust(access.HELLO_BYTES, b"\0")

    def take_retry(self, datagram: bytes) -> bytes:
        """The gateway wants a cookie: the hello again, with it.

        Raises:
            BadCell: if no hello is under way.
        """
        if self._hello is None:
            raise BadCell(Drop.UNEXPECTED)
        return self._hello_datagram(datagram[ACCESS_HEADER_BYTES:])

    def take_welcome(self, datagram: bytes, now: float) -> Session | None:
        """The gateway's answer: a session, or None if the zone is full.

        Raises:
            BadCell: if no hello is under way, or it does not open.
        """
        if self._hello is None:
            raise BadCell(Drop.UNEXPECTED)
        handshake = self._hello.handshake
        payload = handshake.read(datagram[ACCESS_HEADER_BYTES:])
        session_id, number, due_us, _ = access.WELCOME.unpack(payload)
        if number > MAX_ROUND:
            raise BadCell(Drop.MALFORMED)
        # Too early is mended slowly, too late at once: a hello that waited in a stalled gateway's
        # socket must not count as a long way.
        round_trip = min(now - self._hello.sent_at, LONGEST_TRIP_S)
        self._hello = None
        self.full = session_id == access.NO_SESSION
        if self.full:
            return None
        self.heard_at = now
        self._pause, self._next_try = FIRST_PAUSE_S, now
        self.sessions += 1
        self._seen = {Kind.LINE: Once(), Kind.DOOR: Once()}
        # The welcome was under way for a part of the round trip, a cell will be for the rest.
        due = now + due_us / 1_000_000 - round_trip
        self.session = Session(session_id, AccessKeys.of(handshake), number, due)
        return self.session

    def open(self, datagram: bytes, near: int, now: float) -> Opened:
        """Open a datagram of the present session.

        Raises:
            BadCell: if it is not an authentic one, or was taken before.
        """
        if self.session is None:
            raise BadCell(Drop.UNKNOWN_SESSION)
        opened = access.open_down(self.session.keys, self.session.session_id, datagram, near)
        # A replay proves nothing: were it a sign of life, one recorded datagram said again and
        # again would keep a client from ever seeking a new session.
        if not self._seen[opened.kind].claim(opened.number):
            raise BadCell(Drop.REPLAYED)
        self.heard_at = now
        self._hello = None
        self._pause, self._next_try = FIRST_PAUSE_S, now
        return opened

    def seal(self, kind: Kind, number: int, body: bytes) -> bytes:
        """A datagram for the gateway; the caller numbers each kind only upward.

        A challenge is padded to the size of a cell.
        """
        assert self.session is not None
        if kind == Kind.CHALLENGE:
            body = body.ljust(self._geometry.cell_bytes, b"\0")
        return access.seal_up(self.session.keys, self.session.session_id, kind, number, body)
