"""Who is connected: sessions, where they are, and how one is made.

A session is made by Noise NK and begins to count when its first authentic datagram comes. Many
hellos at once are asked to come again with a cookie that only their true source can know;
unconfirmed sessions and sessions of one address prefix are bounded.

Source: the project's protocol page, section "Access link"; Noise revision 34, pattern NK.

Must not know: sockets, cells, what time it is (it is told).
"""

from collections import Counter, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from pymix_voice.geometry import ACCESS_HEADER_BYTES
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair, derive, digest
from pymix_voice.onion.noise import Handshake, Pattern
from pymix_voice.zone import access
from pymix_voice.zone.link import NOT_MEASURED
from pymix_voice.zone.rounds import Once

SILENT_ROUNDS = 25
"""After so many rounds without an uplink the gateway stops sending."""
FORGOTTEN_ROUNDS = 250
"""And after so many it forgets the session."""
UNCONFIRMED = 64
"""At most so many sessions wait for their first datagram."""
FREE_HELLOS = 32
"""So many hellos a second are answered without a cookie."""
COOKIE_SLOT_S = 10.0
COOKIE_BYTES = access.COOKIE_BYTES


NO_KEYS = access.AccessKeys(bytes(32), bytes(32))
"""Of a session that nobody has been told of yet."""


@dataclass(slots=True, eq=False)
class Session:
    """One client's connection. Times in seconds, rounds as numbers."""

    session_id: bytes
    keys: access.AccessKeys
    source: Hashable
    prefix: Hashable
    slot: int
    heard_round: int
    confirmed: bool = False
    newest: int = -1
    early: tuple[int, int] = (0, NOT_MEASURED)
    seen: dict[int, Once] = field(
        default_factory=lambda: {access.Kind.LINE: Once(), access.Kind.DOOR: Once()}
    )
    setup_epoch: int = -1
    candidate: Hashable = None
    """Where newer datagrams come from, until a challenge has come back from there."""
    challenge: bytes = b""
    allowance: int = 0
    """Datagrams that may still go to the candidate: one down for one up."""

    def __repr__(self) -> str:
        return "Session()"


class Sessions:
    """All sessions of a gateway.

    Args:
        capacity: how many at the most.
        per_prefix: how many at the most from one address prefix.
        prefix_of: a source's prefix; None where no bound applies.
        dice: for session ids.
    """

    def __init__(
        self,
        capacity: int,
        per_prefix: int,
        prefix_of: Callable[[Hashable], Hashable],
        dice: Dice,
    ) -> None:
        self._per_prefix = per_prefix
        self._prefix_of = prefix_of
        self._dice = dice
        self._free = list(range(capacity - 1, -1, -1))
        self._by_id: dict[bytes, Session] = {}
        self._prefixes: Counter[Hashable] = Counter()
        self._unconfirmed: deque[Session] = deque()

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, session_id: bytes) -> Session | None:
        """The session with this id."""
        return self._by_id.get(session_id)

    def active(self, number: int) -> list[Session]:
        """Those that were heard of lately, oldest slot first."""
        return [
            session
            for session in self._by_id.values()
            if session.confirmed and number - session.heard_round <= SILENT_ROUNDS
        ]

    def reserve(self, source: Hashable, number: int) -> Session | None:
        """A new session, unconfirmed and still without keys; None if there is no place for it."""
        prefix = self._prefix_of(source)
        if prefix is not None and self._prefixes[prefix] >= self._per_prefix:
            return None
        if len(self._unconfirmed) >= UNCONFIRMED:
            self.remove(self._unconfirmed.popleft())
        if not self._free:
            return None
        session_id = self._dice.bytes(4)
        while session_id in self._by_id or session_id == access.NO_SESSION:
            session_id = self._dice.bytes(4)
        session = Session(session_id, NO_KEYS, source, prefix, self._free.pop(), number)
        self._by_id[session_id] = session
        self._prefixes[prefix] += 1
        self._unconfirmed.append(session)
        return session

    def confirm(self, session: Session) -> None:
        """Its first authentic datagram came."""
        session.confirmed = True
        self._unconfirmed.remove(session)

    def remove(self, session: Session) -> None:
        """Forget a session."""
        if self._by_id.pop(session.session_id, None) is not None:
            self._free.append(session.slot)
            self._prefixes[session.prefix] -= 1
            if not self._prefixes[session.prefix]:
                del self._prefixes[session.prefix]

    def expire(self, number: int) -> list[Session]:
        """Forget those that have not been heard of for long; who they were."""
        limit = {True: FORGOTTEN_ROUNDS, False: SILENT_ROUNDS}
        gone = [
            session
            for session in self._by_id.values()
            if number - session.heard_round > limit[session.confirmed]
        ]
        for session in gone:
            if not session.confirmed and session in self._unconfirmed:
                self._unconfirmed.remove(session)
            self.remove(session)
        return gone

    def clear(self) -> None:
        """Forget all (the numbering of rounds starts anew)."""
        for session in list(self._by_id.values()):
            self.remove(session)
        self._unconfirmed.clear()


class Porter:
    """Answers hellos.

    Args:
        key: the gateway's static key.
        prologue: what both sides bind the handshake to.
        dice: for ephemerals and the cookie key.
    """

    def __init__(self, key: KeyPair, prologue: bytes, dice: Dice) -> None:
        self._key = key
        self._prologue = prologue
        self._dice = dice
        self._cookie_key = dice.bytes(32)
        self._recent: deque[float] = deque(maxlen=FREE_HELLOS)

    def _cookie(self, source: Hashable, slot: int) -> bytes:
        where = digest("pymix source", repr(source).encode())
        when = slot.to_bytes(8, "little", signed=True)
        return derive(self._cookie_key, "pymix cookie", where, when)[:COOKIE_BYTES]

    def check_load(self, cookie: bytes, source: Hashable, now: float) -> bytes | None:
        """None if the hello may be answered, else the datagram that asks for a cookie."""
        slot = int(now / COOKIE_SLOT_S)
        crowded = len(self._recent) == FREE_HELLOS and now - self._recent[0] < 1.0
        valid = (self._cookie(source, slot), self._cookie(source, slot - 1))
        if crowded and cookie not in valid:
            head = access.header(access.NO_SESSION, access.Kind.RETRY, 0)
            return head + valid[0]
        self._recent.append(now)
        return None

    def read(self, hello: bytes) -> Handshake:
        """Read a client's handshake.

        Raises:
            BadCell: if it does not open.
        """
        start = ACCESS_HEADER_BYTES + COOKIE_BYTES
        handshake = Handshake(
            Pattern.NK, False, self._prologue, ephemeral=KeyPair.draw(self._dice), static=self._key
        )
        handshake.read(hello[start : start + access.NOISE_HELLO_BYTES])
        return handshake

    @staticmethod
    def welcome(handshake: Handshake, payload: bytes) -> bytes:
        """The datagram that answers, with a sealed payload."""
        head = access.header(access.NO_SESSION, access.Kind.WELCOME, 0)
        return head + handshake.write(payload)
