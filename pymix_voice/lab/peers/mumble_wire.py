"""What a headless client and Mumble's server say to each other: just enough to carry records.

    message   type 2 | length 4 | body, big-endian, over TLS
    voice     kind and target 1 | session, from the server only | sequence | size | record

Voice goes as "UDPTunnel" messages, as Mumble itself does it where UDP does not get through. The
server passes on what stands in the place of an Opus frame without looking at it. Of protobuf, three
messages of a few fields each are written, and none is read.

Source: Mumble's protocol documentation (control and voice packets, variable-length integers).

Must not know: sockets, TLS, what a record holds.
"""

from enum import IntEnum
from struct import Struct

from pymix_voice.lab.peers.measured import PeerError

MOST_BYTES = 1 << 20
"""No message of a server with two users is as long."""
_HEAD = Struct(">HI")
_OPUS = 4 << 5
_MOST_SIZE = (1 << 13) - 1
"""The bit above says that somebody ends to speak."""
_VERSION_1_3 = 1 << 16 | 3 << 8


class Message(IntEnum):
    """Types of messages, those that are used."""

    VERSION = 0
    UDP_TUNNEL = 1
    AUTHENTICATE = 2
    PING = 3
    REJECT = 4
    SERVER_SYNC = 5


def message(kind: Message, body: bytes) -> bytes:
    """A message as it goes over the stream."""
    return _HEAD.pack(kind, len(body)) + body


class Messages:
    """Cuts a stream into messages again."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, piece: bytes) -> list[tuple[int, bytes]]:
        """Type and body of each message that is whole with this piece.

        Raises:
            PeerError: at a length that no message has.
        """
        self._rest += piece
        found, at = [], 0
        while len(self._rest) >= at + _HEAD.size:
            kind, length = _HEAD.unpack_from(self._rest, at)
            if length > MOST_BYTES:
                raise PeerError(f"Mumble's server began a message of {length} bytes")
            body, end = at + _HEAD.size, at + _HEAD.size + length
            if len(self._rest) < end:
                break
            found.append((kind, bytes(self._rest[body:end])))
            at = end
        del self._rest[:at]
        return found


# ── protobuf ─────────────────────────────────────────────────────────────────────────────────


def version() -> bytes:
    """We speak as a client of 1.3 does: field 1, a number."""
    return b"\x08" + _proto_number(_VERSION_1_3)


def authenticate(name: str) -> bytes:
    """Field 1, the name; field 5, that we have Opus."""
    text = name.encode()
    return b"\x0a" + _proto_number(len(text)) + text + b"\x28\x01"


def ping(number: int) -> bytes:
    """Field 1, a number that comes back."""
    return b"\x08" + _proto_number(number)


def _proto_number(number: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


# ── voice ────────────────────────────────────────────────────────────────────────────────────


def voice(sequence: int, record: bytes) -> bytes:
    """A record as a client says it to all in its channel."""
    return bytes([_OPUS]) + put_number(sequence) + put_number(len(record)) + record


def record_in(packet: bytes) -> bytes | None:
    """The record in a voice packet from the server; None if there is none."""
    if not packet or packet[0] & 0xE0 != _OPUS:
        return None
    try:
        _session, at = take_number(packet, 1)
        _sequence, at = take_number(packet, at)
        size, at = take_number(packet, at)
    except IndexError:
        return None
    record = packet[at : at + (size & _MOST_SIZE)]
    return record if len(record) == size & _MOST_SIZE else None


def put_number(number: int) -> bytes:
    """A number below 2**32; leading ones of the first byte say how many bytes follow."""
    if number < 1 << 7:
        return number.to_bytes(1)
    if number < 1 << 14:
        return (number | 0x8000).to_bytes(2)
    if number < 1 << 21:
        return (number | 0xC0_0000).to_bytes(3)
    if number < 1 << 28:
        return (number | 0xE000_0000).to_bytes(4)
    return b"\xf0" + number.to_bytes(4)


def take_number(packet: bytes, at: int) -> tuple[int, int]:
    """A number, and where it ends.

    Raises:
        IndexError: if it is not all there, or longer than 2**32.
    """
    first = packet[at]
    more = next((size for size, mark in enumerate((0x80, 0xC0, 0xE0, 0xF0)) if first < mark), 4)
    if first > 0xF0 or at + 1 + more > len(packet):
        raise IndexError
    rest = int.from_bytes(packet[at + 1 : at + 1 + more])
    own = first & (0x7F >> more) if more < 4 else 0
    return own << 8 * more | rest, at + 1 + more
