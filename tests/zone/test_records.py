import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zones import FUZZ

from pymix_voice.errors import BadCell, Drop
from pymix_voice.zone.records import (
    MAX_SETUPS_BYTES,
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
    joined,
    parse_record,
)

EXAMPLES: list[Record] = [
    Hello(0, False),
    Hello(2**62, True),
    OnionKey(5, 7, bytes(32)),
    List(5, b"body"),
    Signature(5, 0, bytes(64)),
    Published(5, bytes(1024)),
    Setups(5, 3, bytes(MAX_SETUPS_BYTES), b""),
    BatchEnd(5, 40_000, 0),
    Accepted(5, 200, 100),
    Ready(5),
    Decision(5, True),
    Tick(5, -3.25),
]


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: type(record).__name__)
def test_every_record_comes_back_as_it_was(record: Record) -> None:
    assert parse_record(encode(record)) == record


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: type(record).__name__)
def test_every_record_is_refused_when_cut_or_lengthened(record: Record) -> None:
    raw = encode(record)
    for wrong in (raw[:-1], raw + b"\0", b"", raw[1:]):
        with pytest.raises(BadCell, match="malformed"):
            parse_record(wrong)


@pytest.mark.parametrize(
    "fields",
    [
        [1],
        [1, 1],
        [1, -1, True],
        [1, 2**62 + 1, True],
        [1, 1, 1],
        [1, 1, True, 1],
        [1, 1.5, True],
        [0, 1],
        [12, 1],
        ["Hello", 1, True],
        {"type": 1},
        [2, 5, 8, bytes(32)],
        [2, 5, 0, bytes(31)],
        [2, 5, 0, "a" * 32],
        [4, 5, 0, bytes(65)],
        [5, 5, bytes(1025)],
        [6, 5, 0, bytes(MAX_SETUPS_BYTES), b"x"],
        [6, 5, 40_001, b"", b""],
        [7, 5, 40_001, 0],
        [10, 5, 1],
        [11, 5, float("nan")],
        [11, 5, float("inf")],
        [11, 5, 1e300],
        None,
    ],
    ids=str,
)
def test_values_out_of_range_are_malformed(fields: object) -> None:
    with pytest.raises(BadCell) as caught:
        parse_record(msgspec.msgpack.encode(fields))
    assert caught.value.reason is Drop.MALFORMED


def test_text_that_is_not_utf8_and_deep_nesting_are_malformed() -> None:
    for raw in (b"\x93\x01\x01\xa1\xff", b"\x91" * 100_000, b"\x92\xa1\xff\x01"):
        with pytest.raises(BadCell):
            parse_record(raw)


def test_no_record_shows_keys_or_onions_in_its_repr() -> None:
    assert [repr(record) for record in EXAMPLES] == [type(record).__name__ for record in EXAMPLES]


def read(raw: bytes) -> Record | Drop:
    try:
        return parse_record(raw)
    except BadCell as error:
        return error.reason


@FUZZ
@given(st.binary(max_size=200))
def test_any_bytes_are_a_record_or_malformed(raw: bytes) -> None:
    found = read(raw)
    assert found is Drop.MALFORMED or (not isinstance(found, Drop) and read(encode(found)) == found)


@FUZZ
@given(st.sampled_from(EXAMPLES), st.data())
def test_any_flipped_byte_gives_a_record_or_malformed(record: Record, draw: st.DataObject) -> None:
    raw = bytearray(encode(record)[:200])
    raw[draw.draw(st.integers(0, len(raw) - 1))] ^= draw.draw(st.integers(1, 255))
    found = read(bytes(raw))
    assert found is Drop.MALFORMED or not isinstance(found, Drop)


@FUZZ
@given(st.lists(st.tuples(st.integers(1, 300), st.booleans()), max_size=12))
def test_set_ups_that_follow_one_another_are_said_together_and_say_the_same(
    parts: list[tuple[int, bool]],
) -> None:
    records: list[Record] = []
    size, first = 161, 0
    for count, breaks in parts:
        onions = bytes(count * size % 251 for _ in range(min(count, 140) * size))
        count = len(onions) // size
        records.append(Setups(7, first, onions, onions[::-1]))
        first += count
        if breaks:
            records.append(Ready(7))
    together = joined(records, size)
    assert b"".join(each.lines for each in together if isinstance(each, Setups)) == b"".join(
        each.lines for each in records if isinstance(each, Setups)
    )
    at = 0
    for each in together:
        if isinstance(each, Setups):
            assert each.first == at
            assert len(each.lines) + len(each.doors) <= MAX_SETUPS_BYTES
            at += len(each.lines) // size
    assert sum(isinstance(each, Ready) for each in together) == sum(breaks for _, breaks in parts)
    assert len(together) <= len(records)
