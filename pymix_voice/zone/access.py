"""The access link: every byte between a client and its gateway.

    hello, welcome, retry   0 4 | kind 1 | 0 3 | what follows
    all others              session 4 | kind 1 | number's low 3 B | sealed

AD is the header; the nonce is kind 1, part 1, 0 0, number 8. The number is a round, or for a
set-up its epoch. Keys differ up and down. One (session, direction, kind, part, number) carries
one byte string ever. There is one size up and one size down; the set-up alone has its own.

Source: the project's protocol page, section "Access link"; Noise revision 34, pattern NK.

Must not know: sockets, what time it is, what a cell carries.
"""

import struct
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import BadCell, Drop
from pymix_voice.geometry import ACCESS_HEADER_BYTES, PIECE_BYTES, STATUS_BYTES, TAG_BYTES
from pymix_voice.onion import sodium
from pymix_voice.onion.keys import derive
from pymix_voice.onion.noise import Handshake
from pymix_voice.onion.numbers import expand
from pymix_voice.zone.epochs import Outlook

HEADER = struct.Struct("<4sB3s")
WELCOME = struct.Struct("<4sQiH6x")
"""session, round, due in µs (when that round's cell is due), population."""
STATUS = struct.Struct("<hBBHBx16s")
"""early, its round's low byte, flags, population, session challenge flag, piece."""
assert STATUS.size == STATUS_BYTES
HEADERS = np.dtype([("session", "<u4"), ("kind", "u1"), ("low", "u1", 3)])
"""`HEADER` for many datagrams."""
STATUSES = np.dtype(
    [
        ("early", "<i2"),
        ("early_round", "u1"),
        ("flags", "u1"),
        ("population", "<u2"),
        ("challenged", "u1"),
        ("zero", "u1"),
        ("piece", "u1", PIECE_BYTES),
    ]
)
"""`STATUS` for many datagrams."""
NO_SESSION = bytes(4)
COOKIE_BYTES = 16
NOISE_HELLO_BYTES = 32 + TAG_BYTES
NOISE_WELCOME_BYTES = 32 + WELCOME.size + TAG_BYTES
HELLO_BYTES = ACCESS_HEADER_BYTES + COOKIE_BYTES + NOISE_HELLO_BYTES + 24
"""Padded: no reply is longer than what asked for it."""
EPHEMERAL_AT = ACCESS_HEADER_BYTES + COOKIE_BYTES
"""Where a hello's own key is: random, and the same when it comes again with a cookie."""
WELCOME_BYTES = ACCESS_HEADER_BYTES + NOISE_WELCOME_BYTES
RETRY_BYTES = ACCESS_HEADER_BYTES + COOKIE_BYTES
CHALLENGE_BYTES = 8


class Kind(IntEnum):
    """What an access datagram is."""

    LINE = 1
    DOOR = 2
    SETUP = 3
    CHALLENGE = 4
    HELLO = 8
    WELCOME = 9
    RETRY = 10


class Status(NamedTuple):
    """The gateway's word beside every cell down."""

    early: int
    """How early the cell of a named round came: int16, 1/16 ms."""
    early_round: int
    """That round's low byte."""
    outlook: Outlook
    acknowledged: bool
    """The set-up for the coming epoch has come."""
    has_row: bool
    """The coming epoch has a row for this client."""
    epoch_low: int
    """Low 4 bits of the coming epoch that the three flags speak of."""
    population: int
    challenged: bool
    """The piece is a challenge: answer it from here."""
    piece: bytes

    def pack(self) -> bytes:
        """The 24 bytes on the wire."""
        flags = self.outlook | self.acknowledged << 2 | self.has_row << 3
        flags |= (self.epoch_low & 0xF) << 4
        return STATUS.pack(
            self.early, self.early_round, flags, self.population, self.challenged, self.piece
        )


def status_flags(
    outlook: Outlook, acknowledged: NDArray[np.bool_], has_row: NDArray[np.bool_], epoch: int
) -> NDArray[np.uint8]:
    """The flags of many statuses that speak of one epoch: uint8 [k]; see `Status`."""
    flags = np.full(len(acknowledged), outlook | (epoch & 0xF) << 4, np.uint8)
    flags[acknowledged] |= 4
    flags[has_row] |= 8
    return flags


def parse_status(raw: bytes) -> Status:
    """Read 24 authentic bytes.

    Raises:
        BadCell: if a value is out of its range.
    """
    early, early_round, flags, population, challenged, piece = STATUS.unpack(raw)
    if flags & 3 == 3 or challenged > 1:
        raise BadCell(Drop.MALFORMED)
    return Status(
        early,
        early_round,
        Outlook(flags & 3),
        bool(flags & 4),
        bool(flags & 8),
        flags >> 4,
        population,
        bool(challenged),
        piece,
    )


def prologue(zone_hash: bytes, gateway: int) -> bytes:
    """What both sides bind the handshake to: this zone, this gateway."""
    return b"pymix access" + zone_hash + bytes([gateway])


class AccessKeys(NamedTuple):
    """The two keys of a session."""

    up: bytes
    down: bytes

    @classmethod
    def of(cls, handshake: Handshake) -> "AccessKeys":
        """Derive them from a finished Noise NK handshake."""
        to_gateway, to_client = handshake.split()
        return cls(
            derive(to_gateway, "pymix up", handshake.hash),
            derive(to_client, "pymix down", handshake.hash),
        )

    def __repr__(self) -> str:
        return "AccessKeys()"


def nonce(kind: int, number: int) -> bytes:
    """Kind 1, part 1 (always 0: every datagram is one part), 0 0, number 8."""
    return struct.pack("<BBxxQ", kind, 0, number)


def nonces(
    kinds: NDArray[np.uint8] | int, numbers: NDArray[np.int64] | int, out: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """`nonce` for many, written into `out`: uint8 [k, 12]."""
    out[:, 0] = kinds
    out[:, 1:4] = 0
    out[:, 4:].view("<u8")[:, 0] = numbers
    return out


def lows(numbers: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The low parts of numbers as headers carry them, uint8 [k, 3], as int64 [k]."""
    wide = numbers.astype(np.int64)
    whole: NDArray[np.int64] = wide[:, 0] | wide[:, 1] << 8 | wide[:, 2] << 16
    return whole


def header(session: bytes, kind: int, number: int) -> bytes:
    """The 8 bytes in clear."""
    return HEADER.pack(session, kind, (number & 0xFFFFFF).to_bytes(3, "little"))


def seal_up(keys: AccessKeys, session: bytes, kind: Kind, number: int, body: bytes) -> bytes:
    """A datagram to the gateway; its body is a cell, or a set-up."""
    head = header(session, kind, number)
    return head + sodium.seal(keys.up, nonce(kind, number), body, head)


class Opened(NamedTuple):
    """A datagram down, opened."""

    kind: Kind
    number: int
    cell: bytes
    status: Status

    def __repr__(self) -> str:
        return "Opened()"


def open_down(keys: AccessKeys, session: bytes, datagram: bytes, near: int) -> Opened:
    """Open a datagram from the gateway.

    Args:
        keys: of the session.
        session: 4 bytes.
        datagram: as it came.
        near: a round that its number is near to.

    Raises:
        BadCell: if it is not an authentic cell of this session.
    """
    if len(datagram) < ACCESS_HEADER_BYTES + STATUS_BYTES + TAG_BYTES:
        raise BadCell(Drop.MALFORMED)
    head = datagram[:ACCESS_HEADER_BYTES]
    named, kind, low = HEADER.unpack(head)
    if named != session:
        raise BadCell(Drop.UNKNOWN_SESSION)
    if kind not in (Kind.LINE, Kind.DOOR):
        raise BadCell(Drop.MALFORMED)
    number = expand(int.from_bytes(low, "little"), 24, near)
    sealed = datagram[ACCESS_HEADER_BYTES:]
    body = sodium.open_(keys.down, nonce(kind, number), sealed, head)
    cell, status = body[:-STATUS_BYTES], body[-STATUS_BYTES:]
    return Opened(Kind(kind), number, cell, parse_status(status))


NO_PIECE = bytes(PIECE_BYTES)
