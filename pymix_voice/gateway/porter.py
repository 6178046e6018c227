"""Answering hellos: a session's handshake, and cookies for when there are too many.

Many hellos at once are asked to come again with a cookie that only their true source can know. And
since a handshake takes as long as many cells, few are answered within a round, cookie or not, and
not very many are even asked: who is in a call must not hear how many others come.

Source: the project's protocol page, section "Access link"; Noise revision 34, pattern NK.

Must not know: sockets, sessions, what time it is (it is told).
"""

from collections import deque

from pymix_voice.errors import BadCell, Drop
from pymix_voice.geometry import ACCESS_HEADER_BYTES
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair, derive, digest
from pymix_voice.onion.noise import Handshake, Pattern
from pymix_voice.zone import access
from pymix_voice.zone.drain import Address

FREE_HELLOS = 32
"""So many hellos a second are answered without a cookie."""
MOST_AT_ONCE, AT_ONCE_S = 10, 0.020
"""So many hellos within so many seconds are answered; whose is not says hello again by itself."""
MOST_ASKED = 100
"""So many within the same time are asked for a cookie; and of so many theirs is looked at."""
COOKIE_SLOT_S = 10.0
COOKIE_BYTES = access.COOKIE_BYTES
NO_COOKIE = bytes(COOKIE_BYTES)


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
        self._at_once: deque[float] = deque(maxlen=MOST_AT_ONCE)
        self._asked: deque[float] = deque(maxlen=MOST_ASKED)
        self._checked: deque[float] = deque(maxlen=MOST_ASKED)

    def _cookie(self, where: bytes, slot: int) -> bytes:
        when = slot.to_bytes(8, "little", signed=True)
        return derive(self._cookie_key, "pymix cookie", where, when)[:COOKIE_BYTES]

    def check_load(self, cookie: bytes, source: Address, now: float) -> bytes | None:
        """None if the hello may be answered, else the datagram that asks for a cookie.

        Raises:
            BadCell: if others take all the time there is for hellos just now.
        """
        if len(self._recent) == FREE_HELLOS and now - self._recent[0] < 1.0:
            none = cookie == NO_COOKIE
            _count(self._asked if none else self._checked, now)
            where, slot = digest("pymix source", source), int(now / COOKIE_SLOT_S)
            valid = self._cookie(where, slot)
            if none or (cookie != valid and cookie != self._cookie(where, slot - 1)):
                return access.header(access.NO_SESSION, access.Kind.RETRY, 0) + valid
        _count(self._at_once, now)
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


def _count(instants: deque[float], now: float) -> None:
    """Note one more, if there were not too many of them just now."""
    if len(instants) == instants.maxlen and now - instants[0] < AT_ONCE_S:
        raise BadCell(Drop.BUSY)
    instants.append(now)
