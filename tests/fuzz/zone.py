"""The access link, control links and descriptors, with the keys in the harness's own hand."""

import struct
from collections.abc import Sequence

from sizes import CELL_BYTES, DOWN_BYTES
from zones import example_keys, example_zone

from fuzz.harness import Harness, Reader, refused
from pymix_voice.errors import BadCell, Drop
from pymix_voice.geometry import PIECE_BYTES, STATUS_BYTES
from pymix_voice.onion import sodium
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.noise import Handshake, Pattern, Transport
from pymix_voice.onion.numbers import expand
from pymix_voice.zone import access
from pymix_voice.zone.access import AccessKeys, Kind, Status, open_down, parse_status
from pymix_voice.zone.control import HANDSHAKE_BYTES, PROLOGUE, ControlLink
from pymix_voice.zone.descriptor import (
    LABEL,
    Descriptor,
    PieceCollector,
    body_bytes,
    parse_descriptor,
    parse_list,
    pieces_of,
    sign_list,
)
from pymix_voice.zone.epochs import Outlook
from pymix_voice.zone.records import (
    Accepted,
    BatchEnd,
    Decision,
    Hello,
    List,
    OnionKey,
    Published,
    Ready,
    Record,
    Setups,
    Signature,
    Tick,
    encode,
    parse_record,
)

ZONE = example_zone(mixes=2)
MIX_KEYS, _ = example_keys(2)
KEYS = AccessKeys(bytes(range(32)), bytes(range(32, 64)))
SESSION, NUMBER = b"sess", 90_000_000_000
_PAD_AT = 7
"""The one byte of a status that says nothing."""


def statuses(data: bytes) -> None:
    """A gateway's word is packed as it was read."""
    raw = data[:STATUS_BYTES].ljust(STATUS_BYTES, b"\0")
    try:
        status = parse_status(raw)
    except BadCell as bad:
        assert bad.reason == Drop.MALFORMED
        return
    assert status.pack() == raw[:_PAD_AT] + b"\0" + raw[_PAD_AT + 1 :]


def downs(data: bytes) -> None:
    """Datagrams down: a stranger's is refused; a gateway's opens as the one cell it is."""
    forged = data[:DOWN_BYTES].ljust(DOWN_BYTES, b"\0")
    for junk in (data, forged, SESSION + forged[4:]):
        assert refused(open_down, KEYS, SESSION, junk, NUMBER) is not None
    taken = Reader(data)
    kind, number = taken.number(1), expand(taken.number(3), 24, NUMBER)
    body = taken.take(CELL_BYTES + STATUS_BYTES)
    head = access.header(SESSION, kind, number)
    sealed = head + sodium.seal(KEYS.down, access.nonce(kind, number), body, head)
    try:
        opened = open_down(KEYS, SESSION, sealed, NUMBER)
    except BadCell as bad:
        assert bad.reason == Drop.MALFORMED
        return
    assert (opened.kind, opened.number, opened.cell) == (kind, number, body[:CELL_BYTES])
    assert kind in (Kind.LINE, Kind.DOOR)


def records(data: bytes) -> None:
    """A record is encoded so that it is read as the same one, in one form."""
    try:
        record = parse_record(data)
    except BadCell as bad:
        assert bad.reason == Drop.MALFORMED
        return
    once = encode(record)
    assert parse_record(once) == record
    assert encode(parse_record(once)) == once
    assert len(once) < 1 << 16, "a record fits a frame"


# ── control links ────────────────────────────────────────────────────────────────────────────


def _pair(label: str) -> KeyPair:
    return KeyPair.draw(Dice.seeded(5).fork(label))


MINE, YOURS = _pair("mine"), _pair("yours")
ZONE_HASH = bytes(range(32))


def _end(initiator: bool) -> ControlLink:
    own, other = (MINE, YOURS) if initiator else (YOURS, MINE)
    ephemeral = _pair(f"ephemeral {initiator}")
    return ControlLink(initiator, ZONE_HASH, own, ephemeral, 0, [other.public])


def control_streams(data: bytes) -> None:
    """A stranger on a control link gets nothing out of it, and no room beyond a handshake."""
    taken = Reader(data)
    how = taken.number(1)
    link = _end(initiator=bool(how & 1))
    link.outgoing()
    stream, cut = taken.rest(), 1 + how // 2
    failed: Drop | None = None
    for at in range(0, len(stream), cut):
        piece = stream[at : at + cut]
        reason = refused(_hears_nothing, link, piece)
        assert failed is None or reason == failed, "a dead link says always the same"
        failed = failed or reason
    assert not link.established
    if failed is None:
        # A first text may be a replay: it is answered, and nothing more.
        assert len(link.outgoing()) in (0, 2 + HANDSHAKE_BYTES)
    else:
        link.send(Hello(1, True))
        assert link.outgoing() == b""


def _hears_nothing(link: ControlLink, piece: bytes) -> None:
    assert link.receive(piece) == [], "a stranger said something"


def control_records(data: bytes) -> None:
    """Behind the AEAD: what is no record ends the link, however TCP cuts the stream."""
    taken = Reader(data)
    cut = 1 + 8 * taken.number(1)
    mine = Handshake(
        Pattern.KK,
        True,
        PROLOGUE + ZONE_HASH + b"\0\0",
        ephemeral=_pair("by hand"),
        static=MINE,
        remote_static=YOURS.public,
    )
    link = _end(initiator=False)
    text = mine.write(b"\1")
    link.receive(b"\0\0" + struct.pack("<H", len(text)) + text)
    mine.read(link.outgoing()[2:])
    transport = Transport(*mine.split())
    wanted: list[Record] = []
    bad, stream = False, b""
    while taken.left > 0 and not bad:
        plain = taken.text()
        frame = transport.seal(plain)
        stream += struct.pack("<H", len(frame)) + frame
        try:
            wanted.append(parse_record(plain))
        except BadCell:
            bad = True
    found: list[Record] = []
    failed = False
    for at in range(0, len(stream), cut):
        try:
            found += link.receive(stream[at : at + cut])
        except BadCell:
            failed = True
            break
    assert failed == bad
    assert found == wanted[: len(found)]
    assert bad or found == wanted


# ── descriptors ──────────────────────────────────────────────────────────────────────────────


def lists(data: bytes) -> None:
    """A list is encoded as it was read; with all signatures it is a descriptor."""
    assert refused(parse_list, data, ZONE) is not None or data.startswith(LABEL)
    keys = data[16:80].ljust(64, b"\0")
    body = LABEL + ZONE.hash + data[:16].ljust(16, b"\0") + keys
    try:
        found = parse_list(body, ZONE)
    except BadCell as bad:
        assert bad.reason == Drop.REFUSED
        return
    assert found.body == body
    assert found.first_round == ZONE.geometry.first_round(found.epoch)


def descriptors(data: bytes) -> None:
    """One changed signature, or anything else, and it is none; and it comes whole in pieces."""
    taken = Reader(data)
    epoch, wrong = taken.number(6), taken.number(1)
    keys = (taken.take(32), taken.take(32))
    first = ZONE.geometry.first_round(epoch)
    body = Descriptor(ZONE.hash, epoch, first, keys).body
    seeds = [key.sign.reveal() for key in MIX_KEYS if key.sign is not None]
    raw = bytearray(body + b"".join(sign_list(body, seed) for seed in seeds))
    if wrong:
        raw[taken.number(2) % len(raw)] ^= wrong
        assert refused(parse_descriptor, bytes(raw), ZONE) is not None
        return
    assert parse_descriptor(bytes(raw), ZONE).encode() == raw
    collector, whole = PieceCollector(ZONE.geometry), None
    parts = pieces_of(bytes(raw))
    for index, piece in enumerate(parts):
        whole = collector.add(index, piece) or whole
    assert whole == bytes(raw) or not all(map(any, parts))


def pieces(data: bytes) -> None:
    """Pieces in any order: what is offered has one length, and the newest of each place."""
    taken, collector = Reader(data), PieceCollector(ZONE.geometry)
    newest: dict[int, bytes] = {}
    while taken.left > 0:
        index, piece = taken.signed(1), taken.take(2) * (PIECE_BYTES // 2)
        try:
            whole = collector.add(index, piece)
        except BadCell:
            assert not 0 <= index < ZONE.geometry.pieces
            continue
        if any(piece):
            newest[index] = piece
        if whole is not None:
            joined = b"".join(newest[each] for each in range(ZONE.geometry.pieces))
            assert whole == joined[: ZONE.geometry.descriptor_bytes]


SOME: tuple[Record, ...] = (
    Hello(NUMBER, True),
    OnionKey(450_000, 1, YOURS.public),
    List(450_000, bytes(body_bytes(2))),
    Signature(450_000, 1, bytes(64)),
    Published(450_000, bytes(ZONE.geometry.descriptor_bytes)),
    Setups(450_000, 0, bytes(113), bytes(113)),
    BatchEnd(450_000, 1, 1),
    Accepted(450_000, 1, 1),
    Ready(450_000),
    Decision(450_001, True),
    Tick(NUMBER + 1, 12.5),
)


def _framed() -> Sequence[bytes]:
    said = [encode(record) for record in SOME]
    texts = [bytes([-(-len(each) // 2)]) + each for each in said if len(each) % 2 == 0]
    return [b"\0" + each for each in texts] + [b"\5" + b"".join(texts[:3])]


def _streams() -> Sequence[bytes]:
    first = _end(initiator=True).outgoing()
    return [b"\x10" + first, b"\x11" + first[2:], b"\x0e\0\0" + struct.pack("<H", 5)]


def _downs() -> Sequence[bytes]:
    status = Status(5, 6, Outlook.SWITCH, True, True, 3, 9, False, bytes(16)).pack()
    return [bytes([kind, 1, 0, 0]) + bytes(CELL_BYTES) + status for kind in Kind]


def _lists() -> Sequence[bytes]:
    epoch = 450_000
    head = struct.pack("<QQ", epoch, ZONE.geometry.first_round(epoch))
    return [head + YOURS.public + MINE.public, head, bytes(16)]


def _pieces() -> Sequence[bytes]:
    all_of_them = b"".join(bytes([index, index, 1]) for index in range(ZONE.geometry.pieces))
    return [all_of_them, all_of_them + bytes([3, 9, 9])]


HARNESSES = (
    Harness(statuses, lambda: [each[132:] for each in _downs()], 1000, 32),
    Harness(downs, _downs, 200, 200),
    Harness(records, lambda: [encode(record) for record in SOME], 1500, 400),
    Harness(control_streams, _streams, 50, 200, 400),
    Harness(control_records, _framed, 14, 600, 240),
    Harness(lists, _lists, 400, 100),
    Harness(descriptors, lambda: [bytes(6) + b"\0" + bytes(range(64)), b"\1" * 80], 40, 100, 240),
    Harness(pieces, _pieces, 100, 200),
)
