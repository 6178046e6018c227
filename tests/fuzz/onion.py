"""Cells, chunks, onions and handshakes: what the AEAD lets through, and what it must not."""

from collections.abc import Sequence

import numpy as np
from sizes import BODY_BYTES, CELL_BYTES, CHUNK_BYTES, TWENTY

from fuzz.harness import Harness, Reader, refused
from pymix_voice.errors import BadCell, Drop, Drops
from pymix_voice.geometry import CHUNK_HEADER_BYTES
from pymix_voice.onion import sodium
from pymix_voice.onion.cell import CellSealer, Kind, open_cell, open_dialing, seal_dialing
from pymix_voice.onion.chunk import Beside, Opener, Sealer
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.noise import Handshake, Pattern, Transport
from pymix_voice.onion.numbers import expand
from pymix_voice.onion.setup import Flag, Klass, OnionOpener, parse_payload, prologue

KEY, NUMBER = bytes(range(32)), 90_000_000_000
NONCE = NUMBER.to_bytes(8, "little") + bytes(4)


def pair(label: str) -> KeyPair:
    return KeyPair.draw(Dice.seeded(9).fork(label))


OURS, THEIRS, EPHEMERAL, OTHER = map(pair, ("ours", "theirs", "ephemeral", "other"))
HASH = bytes(32)
OPENER = OnionOpener(OURS, HASH, 1, Klass.LINE)
HEAD = prologue(HASH, 1, Klass.LINE)


def cells(data: bytes) -> None:
    """A cell from a stranger is refused; of a peer's, only the kinds there are come through."""
    assert refused(open_cell, KEY, NUMBER, data) in (Drop.MALFORMED, Drop.FORGED)
    plain = data[:112].ljust(112, b"\0")
    sealed = sodium.seal(KEY, NONCE, plain)
    try:
        kind, body = open_cell(KEY, NUMBER, sealed)
    except BadCell as bad:
        assert bad.reason == Drop.MALFORMED
        assert plain[0] not in list(Kind)
        return
    assert CellSealer(KEY, BODY_BYTES).seal(NUMBER, kind, body) == sealed


def dialing_cells(data: bytes) -> None:
    """As `cells`; and what one role sealed does not open as the other's."""
    assert refused(open_dialing, KEY, 0, NUMBER, data) in (Drop.MALFORMED, Drop.FORGED)
    taken = Reader(data)
    salt, body = taken.take(16), taken.take(96)
    sealed = seal_dialing(KEY, 0, salt, NUMBER, body, CELL_BYTES)
    assert open_dialing(KEY, 0, NUMBER, sealed) == body
    assert refused(open_dialing, KEY, 1, NUMBER, sealed) == Drop.FORGED
    assert refused(open_dialing, KEY, 0, NUMBER + 10, sealed) == Drop.FORGED


def chunks(data: bytes) -> None:
    """Datagrams with any header, sealed or not: what is sealed is given out once, in its round."""
    taken = Reader(data)
    near = taken.number(8) >> 2
    count = 1 + taken.number(1) % 6
    matrix = np.zeros((count, CHUNK_BYTES), np.uint8)
    wanted: list[tuple[int, int, int]] = []
    for index in range(count):
        genuine, header = taken.number(1) % 4 > 0, taken.take(CHUNK_HEADER_BYTES)
        row = bytes(header) + bytes([index]) * (CHUNK_BYTES - CHUNK_HEADER_BYTES - 16)
        number = expand(int.from_bytes(header[4:8], "little"), 32, near)
        nonce = number.to_bytes(8, "little") + header[10:12] + bytes(2)
        tag = sodium.seal(KEY, nonce, row[CHUNK_HEADER_BYTES:], header)
        matrix[index] = np.frombuffer(header + (tag if genuine else row[:1184]), np.uint8)
        if genuine:
            age, chunk = (int.from_bytes(header[at : at + 2], "little") for at in (8, 10))
            wanted.append((number, age, chunk))
    drops = Drops()
    rounds, found = Opener(KEY).open(matrix, near, drops)
    assert sum(drops.values()) == count - len(wanted)
    assert sorted(rounds[rounds >= 0].tolist()) == sorted(number for number, _, _ in wanted)
    given = [(part.round, part.age, int(chunk)) for part in found for chunk in part.numbers]
    assert sorted(given) == sorted(wanted), "what opened is given out once"


def onions(data: bytes) -> None:
    """A layer that nobody sealed is refused; of one that was, all comes out again."""
    assert refused(OPENER.open, data) is not None
    maker = Handshake(Pattern.N, True, HEAD, ephemeral=EPHEMERAL, remote_static=OURS.public)
    _, inner = OPENER.open(maker.write(data))
    assert inner == data


def payloads(data: bytes) -> None:
    """What the last mix finds is a drop and a flag, or nothing."""
    try:
        drop, flag = parse_payload(data)
    except BadCell as bad:
        assert bad.reason == Drop.MALFORMED
        return
    assert drop + bytes([flag]) == data


def _sides(pattern: Pattern) -> tuple[Handshake, Handshake]:
    static = THEIRS if pattern.initiator_static else None
    knows = THEIRS.public if pattern.knows_initiator else None
    one = Handshake(
        pattern, True, b"", ephemeral=EPHEMERAL, static=static, remote_static=OURS.public
    )
    return one, Handshake(pattern, False, b"", ephemeral=OTHER, static=OURS, remote_static=knows)


PATTERNS = (Pattern.N, Pattern.NK, Pattern.KK, Pattern.IK)


def handshakes(data: bytes) -> None:
    """Junk in the place of a text changes nothing: the genuine one is still read."""
    taken = Reader(data)
    which = taken.number(1)
    one, other = _sides(PATTERNS[which % 4])
    junk = taken.rest()
    said = junk[:40]
    genuine = one.write(said)
    if which & 4 and len(junk) > 40:  # the genuine text, with some bytes of it changed
        at = junk[40] % len(genuine)
        junk = genuine[:at] + junk[41:42] + genuine[at + 1 :]
    if junk != genuine:
        assert refused(other.read, junk) is not None
    assert other.read(genuine) == said
    if not one.finished:
        answer = other.write()
        if junk != answer:
            assert refused(one.read, junk) is not None
        one.read(answer)
    assert one.split() == other.split()


def transports(data: bytes) -> None:
    """Junk on an ordered stream is refused, and costs no number."""
    one, other = Transport(KEY, KEY[::-1]), Transport(KEY[::-1], KEY)
    assert refused(other.open, data) in (Drop.MALFORMED, Drop.FORGED)
    assert other.open(one.seal(data)) == data


def _cells() -> Sequence[bytes]:
    return [bytes([kind]) + bytes(111) for kind in Kind] + [bytes(CELL_BYTES)]


def _chunks() -> Sequence[bytes]:
    sealer = Sealer(b"link", KEY, TWENTY)
    headers = [
        bytes(row[:CHUNK_HEADER_BYTES])
        for number in (NUMBER, NUMBER + 1)
        for row in sealer.seal(number, 1, np.zeros((18, CELL_BYTES), np.uint8), Beside(3, 4, 5))
    ]
    near = (NUMBER << 2).to_bytes(8, "little")
    return [
        near + b"\3" + b"".join(b"\1" + header for header in headers),
        near + b"\3" + b"".join(b"\1" + header for header in headers[:2] * 2),
        bytes(8) + b"\1" + b"\1" + headers[0],
    ]


HARNESSES = (
    Harness(cells, _cells, weight=150, longest=160),
    Harness(dialing_cells, lambda: [bytes(112), bytes(128)], weight=80, longest=160),
    Harness(chunks, _chunks, weight=40, longest=128),
    Harness(onions, lambda: [bytes(17), bytes(65), bytes(113)], weight=30, longest=200),
    Harness(payloads, lambda: [bytes(16) + bytes([flag]) for flag in Flag], 1500, 32),
    Harness(
        handshakes,
        lambda: [bytes([which]) + bytes(60) for which in range(8)],
        weight=15,
        longest=160,
        quick=400,
    ),
    Harness(transports, lambda: [bytes(20)], weight=100, longest=160),
)
