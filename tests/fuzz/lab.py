"""What comes from other programs on this computer: terminals, engines, peers in benchmarks."""

import re
from collections.abc import Sequence

import msgspec

from fuzz.harness import Harness, Reader, is_sentence
from pymix_voice.cli.screen.facts import CAN_BE_ABSENT, WITH_SOMEBODY, Facts
from pymix_voice.cli.screen.keys import Ask, meaning
from pymix_voice.cli.screen.strokes import Key, Paste, Strokes
from pymix_voice.edge.orders import Verb, parse_order
from pymix_voice.edge.report import read_line
from pymix_voice.errors import ConfigError, PymixError
from pymix_voice.lab.peers.measured import Measured, read_measured
from pymix_voice.lab.peers.mumble_wire import (
    MOST_BYTES,
    Message,
    Messages,
    authenticate,
    message,
    put_number,
    record_in,
    take_number,
    voice,
)
from pymix_voice.lab.peers.voice_ends import Kind, pack, unpack

_STRAY = re.compile(r"[\x00-\x1f\x7f]")


def orders(data: bytes) -> None:
    """A line is an order, nothing, or a sentence that does not repeat it."""
    for line in data.split(b"\n"):
        try:
            order = parse_order(line)
        except ConfigError as error:
            is_sentence(error)
            continue
        assert order is None or order.verb in Verb


def strokes(data: bytes) -> None:
    """The same keys come of the same bytes, however they are cut; none that shows is a control."""
    whole, cut, taken = Strokes(), Strokes(), Reader(data)
    step = 1 + taken.number(1) % 7
    rest = taken.rest()
    keys = whole.feed(rest)
    pieces: list[Key] = []
    for at in range(0, len(rest), step):
        pieces += cut.feed(rest[at : at + step])
    assert keys == pieces
    assert whole.flush() == cut.flush()
    facts = Facts()
    for key in keys:
        if not isinstance(key, Paste):
            assert not _STRAY.search(key)
            assert isinstance(meaning(key, facts), str | Ask | None)


def engine_lines(data: bytes) -> None:
    """Whatever an engine tells, the screen's facts stay such as can be shown."""
    facts = Facts()
    for line in data.split(b"\n"):
        event = read_line(line)
        if event is not None:
            facts.take(event)
    for name in CAN_BE_ABSENT:
        value = getattr(facts, name)
        assert value is None or isinstance(value, str | float)
    for shown in (facts.state, facts.who, facts.ending or "", *facts.notes, *facts.afterwards):
        assert not _STRAY.search(shown)


def mumble_streams(data: bytes) -> None:
    """The same messages, however TCP cuts them; each is written as it was read."""
    taken = Reader(data)
    step = 1 + taken.number(1)
    rest = taken.rest()
    whole, cut = Messages(), Messages()
    try:
        found = whole.feed(rest)
    except PymixError as error:
        is_sentence(error)
        return
    pieces: list[tuple[int, bytes]] = []
    for at in range(0, len(rest), step):
        pieces += cut.feed(rest[at : at + step])
    assert found == pieces
    read = b"".join(kind.to_bytes(2) + len(body).to_bytes(4) + body for kind, body in found)
    assert rest.startswith(read)
    assert len(rest) - len(read) < 6 + MOST_BYTES


def mumble_voices(data: bytes) -> None:
    """A record in a packet is a part of it; numbers are read as they were written."""
    record = record_in(data)
    assert record is None or record in data
    number = int.from_bytes(data[:4], "little")
    assert take_number(put_number(number), 0) == (number, len(put_number(number)))
    said = voice(number, data[:200])
    assert record_in(said[:1] + put_number(7) + said[1:]) == data[:200]


def voice_records(data: bytes) -> None:
    """A record of a voice over another scheme is packed as it was read."""
    found = unpack(data)
    assert found is None or pack(*found) == data


def measurements(data: bytes) -> None:
    """What a peer's program measured, or a sentence."""
    try:
        found = read_measured(data)
    except PymixError as error:
        is_sentence(error)
        return
    assert read_measured(msgspec.json.encode(found)) == found


def _lines() -> Sequence[bytes]:
    status = {
        "event": "status",
        "t": 4.5,
        "state": "talking",
        "name": "Bob",
        "check": "4821 0937 5560",
        "seconds": 2.5,
        "level_in": -30,
        "volume": 100,
        "contacts": ["Bob", "Eve"],
        "input": "nothing",
    }
    told = [status, {"event": "note", "text": "hello"}, {"event": "ended", "reason": "you hung up"}]
    told += [{"event": state, "name": "Bob", "verified": True} for state in sorted(WITH_SOMEBODY)]
    told += [{"event": "summary", "frames_sent": 5}, {"event": "in zone", "population": 3}]
    return [msgspec.json.encode(each) for each in told] + [
        b"\n".join(msgspec.json.encode(each) for each in told[:6])
    ]


def _orders() -> Sequence[bytes]:
    more = {Verb.DIAL: " Bob", Verb.PUSH_TO_TALK: " on", Verb.VOLUME: " 100"}
    return [(verb + more.get(verb, "")).encode() for verb in Verb]


def _messages() -> Sequence[bytes]:
    said = message(Message.AUTHENTICATE, authenticate("a")) + message(Message.PING, b"")
    return [b"\0" + said, b"\xff" + said * 3, b"\5" + said[:-1]]


def _keys() -> Sequence[bytes]:
    paste = b"\x1b[200~pymix1\x1b[201~"
    return [b"\0adx q", b"\1\x1b[A\x1bOP\x1b", b"\2" + paste, b"\0\x1b[200~abc", "\0é二".encode()]


def _measured() -> Sequence[bytes]:
    return [msgspec.json.encode(Measured.of("mix", "naive", 9, 100, 1.5, verified=5))]


HARNESSES = (
    Harness(orders, _orders, 300, 64),
    Harness(strokes, _keys, 100, 64),
    Harness(engine_lines, _lines, 80, 500),
    Harness(mumble_streams, _messages, 150, 128),
    Harness(mumble_voices, lambda: [b"\x80\1\2\3abc", b"\x80\xf0\0\0\0\1\1\1a"], 250, 256),
    Harness(voice_records, lambda: [pack(kind, 5, bytes(111)) for kind in Kind], 1500, 130),
    Harness(measurements, _measured, 60, 300),
)
