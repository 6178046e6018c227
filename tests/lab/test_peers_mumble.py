"""What is said to Mumble's server and heard from it: lengths, numbers, and the few messages."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymix_voice.lab.peers import mumble_wire as wire
from pymix_voice.lab.peers.measured import PeerError
from pymix_voice.lab.peers.mumble import HOST, settings

BODIES = st.lists(st.tuples(st.sampled_from(wire.Message), st.binary(max_size=300)), max_size=5)


@given(BODIES, st.lists(st.integers(0, 1600), max_size=8))
def test_a_stream_gives_back_the_messages_however_it_is_cut(
    bodies: list[tuple[wire.Message, bytes]], cuts: list[int]
) -> None:
    whole = b"".join(wire.message(kind, body) for kind, body in bodies)
    messages, came, at = wire.Messages(), [], 0
    for cut in [*sorted(cuts), len(whole)]:
        came += messages.feed(whole[at:cut])
        at = max(at, cut)
    assert came == bodies


def test_a_message_longer_than_any_is_refused() -> None:
    with pytest.raises(PeerError, match="1048577"):
        wire.Messages().feed(b"\0\0" + (wire.MOST_BYTES + 1).to_bytes(4))


@given(st.integers(0, (1 << 32) - 1), st.binary(max_size=3))
def test_a_number_is_read_as_it_was_put(number: int, after: bytes) -> None:
    put = wire.put_number(number)
    assert wire.take_number(b"x" + put + after, 1) == (number, 1 + len(put))


@pytest.mark.parametrize(
    ("number", "put"),
    [
        (0x7F, "7f"),
        (0x80, "8080"),
        (0x3FFF, "bfff"),
        (0x4000, "c04000"),
        (0x20_0000, "e0200000"),
        (0x1000_0000, "f010000000"),
    ],
)
def test_numbers_are_put_as_the_documentation_has_it(number: int, put: str) -> None:
    assert wire.put_number(number).hex() == put


@given(st.integers(0, 1 << 20), st.integers(0, 1 << 31), st.binary(max_size=500))
def test_what_one_client_says_another_hears(session: int, sequence: int, record: bytes) -> None:
    said = wire.voice(sequence, record)
    passed_on = said[:1] + wire.put_number(session) + said[1:]
    assert wire.record_in(passed_on) == record


@given(st.binary(max_size=300))
def test_no_packet_is_too_odd_to_be_looked_at(packet: bytes) -> None:
    record = wire.record_in(packet)
    assert record is None or record in packet


def test_the_few_messages_are_protobuf() -> None:
    assert wire.version().hex() == "08808604"
    assert wire.authenticate("ab") == b"\x0a\x02ab\x28\x01"
    assert wire.ping(300) == b"\x08\xac\x02"


def test_a_server_is_told_to_serve_this_machine_only() -> None:
    lines = settings(Path("/net"), 7000).splitlines()
    assert f"host={HOST}" in lines
    assert "port=7000" in lines
    assert "database=/net/mumble.sqlite" in lines
