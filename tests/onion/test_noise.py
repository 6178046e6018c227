import hmac as reference_hmac
import json
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymix_voice.errors import BadCell, Drop, Misuse
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.noise import (
    MAX_BYTES,
    Handshake,
    OneWayReader,
    Pattern,
    Transport,
    hkdf,
    hmac,
)

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "noise.json").read_text()
)["vectors"]
ALICE, BOB, EVE = (KeyPair.of(bytes([number]) * 32) for number in (1, 2, 3))
FIRST, SECOND = (KeyPair.of(bytes([number]) * 32) for number in (4, 5))


def side_of(vector: dict[str, Any], side: str) -> Handshake:
    def pair(field: str) -> KeyPair | None:
        text = vector.get(f"{side}_{field}")
        return None if text is None else KeyPair.of(bytes.fromhex(text))

    remote = vector.get(f"{side}_remote_static")
    return Handshake(
        Pattern[vector["protocol_name"].split("_")[1]],
        side == "init",
        bytes.fromhex(vector[f"{side}_prologue"]),
        ephemeral=pair("ephemeral"),
        static=pair("static"),
        remote_static=None if remote is None else bytes.fromhex(remote),
    )


def both(pattern: Pattern, prologue: bytes = b"here") -> tuple[Handshake, Handshake]:
    """Alice and Bob, before the first text."""
    alice = Handshake(
        pattern,
        True,
        prologue,
        ephemeral=FIRST,
        static=ALICE if pattern.initiator_static else None,
        remote_static=BOB.public,
    )
    bob = Handshake(
        pattern,
        False,
        prologue,
        ephemeral=SECOND,
        static=BOB,
        remote_static=ALICE.public if pattern.knows_initiator else None,
    )
    return alice, bob


def run(alice: Handshake, bob: Handshake) -> None:
    for writer, reader in cycle([(alice, bob), (bob, alice)]):
        if alice.finished and bob.finished:
            return
        assert reader.read(writer.write(b"hello")) == b"hello"


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["protocol_name"] for vector in VECTORS])
def test_every_public_vector_is_met_transport_included(vector: dict[str, Any]) -> None:
    init, resp = side_of(vector, "init"), side_of(vector, "resp")
    one_way = "_N_" in vector["protocol_name"]
    transports: list[Transport] = []
    for number, text in enumerate(vector["messages"]):
        payload, sealed = bytes.fromhex(text["payload"]), bytes.fromhex(text["ciphertext"])
        turn = 0 if one_way else number % 2
        if not init.finished:
            writer, reader = (init, resp)[turn], (resp, init)[turn]
            assert writer.write(payload) == sealed
            assert reader.read(sealed) == payload
            continue
        if not transports:
            there, back = init.split()
            transports = [Transport(there, back), Transport(back, there)]
        assert transports[turn].seal(payload) == sealed
        assert transports[1 - turn].open(sealed) == payload
    assert transports
    assert init.hash.hex() == resp.hash.hex() == vector["handshake_hash"]
    assert init.split() == resp.split()


def test_all_four_patterns_have_a_vector() -> None:
    assert {vector["protocol_name"].split("_")[1] for vector in VECTORS} == set(Pattern.__members__)


@given(key=st.binary(max_size=128), text=st.binary(max_size=300))
def test_hmac_equals_the_standard_librarys(key: bytes, text: bytes) -> None:
    assert hmac(key, text) == reference_hmac.new(key, text, "blake2b").digest()


@given(key=st.binary(min_size=64, max_size=64), material=st.binary(max_size=64))
def test_hkdf_is_three_of_these(key: bytes, material: bytes) -> None:
    secret = hmac(key, material)
    first = hmac(secret, b"\x01")
    assert hkdf(key, material) == (first, hmac(secret, first + b"\x02"))


@pytest.mark.parametrize("pattern", list(Pattern))
def test_a_text_in_two_halves_equals_the_whole(pattern: Pattern) -> None:
    whole, halves = both(pattern)[0], both(pattern)[0]
    assert halves.write_keys() + halves.write_payload(b"later") == whole.write(b"later")


def test_a_first_text_of_ik_without_payload_has_96_bytes() -> None:
    assert len(both(Pattern.IK)[0].write()) == 96


def test_the_responder_learns_who_it_is_in_ik() -> None:
    alice, bob = both(Pattern.IK)
    assert bob.remote_static is None
    bob.read(alice.write())
    assert bob.remote_static == ALICE.public


@pytest.mark.parametrize("pattern", list(Pattern))
@given(noise=st.binary(max_size=200))
def test_any_bytes_are_a_bad_cell_and_leave_the_handshake_as_it_was(
    pattern: Pattern, noise: bytes
) -> None:
    alice, bob = both(pattern)
    with pytest.raises(BadCell):
        bob.read(noise)
    run(alice, bob)
    assert alice.split() == bob.split()


@pytest.mark.parametrize("pattern", list(Pattern))
def test_a_flipped_bit_anywhere_is_refused_and_the_genuine_text_still_read(
    pattern: Pattern,
) -> None:
    alice, bob = both(pattern)
    text = alice.write(b"hello")
    for place in range(0, len(text), 5):
        forged = bytearray(text)
        forged[place] ^= 1 << place % 8
        with pytest.raises(BadCell):
            bob.read(bytes(forged))
    with pytest.raises(BadCell, match=Drop.MALFORMED):
        bob.read(text[:31])
    with pytest.raises(BadCell, match=Drop.FORGED):
        bob.read(bytes(32) + text[32:])
    assert bob.read(text) == b"hello"


def test_a_forged_answer_does_not_break_the_caller() -> None:
    alice, bob = both(Pattern.IK)
    bob.read(alice.write())
    answer = bob.write(b"yes")
    with pytest.raises(BadCell):
        alice.read(answer[:32] + bytes(len(answer) - 32))
    assert alice.read(answer) == b"yes"
    assert alice.split() == bob.split()


@pytest.mark.parametrize("pattern", list(Pattern))
def test_another_prologue_or_key_does_not_open(pattern: Pattern) -> None:
    text = both(pattern, b"there")[0].write()
    with pytest.raises(BadCell, match=Drop.FORGED):
        both(pattern)[1].read(text)
    stranger = Handshake(Pattern.N, False, b"here", static=EVE)
    with pytest.raises(BadCell, match=Drop.FORGED):
        stranger.read(both(Pattern.N)[0].write())


def test_a_text_out_of_turn_or_too_long_is_a_bad_cell() -> None:
    alice, bob = both(Pattern.NK)
    with pytest.raises(BadCell, match=Drop.UNEXPECTED):
        alice.read(bytes(48))
    with pytest.raises(BadCell, match=Drop.MALFORMED):
        bob.read(bytes(MAX_BYTES + 1))
    run(alice, bob)
    with pytest.raises(BadCell, match=Drop.UNEXPECTED):
        bob.read(bytes(48))


def test_writing_out_of_turn_or_early_results_are_our_bug() -> None:
    alice, bob = both(Pattern.NK)
    for wrong in (bob.write_keys, alice.write_payload, alice.split, lambda: alice.hash):
        with pytest.raises(Misuse):
            wrong()
    alice.write_keys()
    with pytest.raises(Misuse):
        alice.write_keys()
    with pytest.raises(Misuse):
        alice.write_payload(bytes(MAX_BYTES))
    alice.write_payload()
    with pytest.raises(Misuse):
        alice.write()


def test_keys_that_do_not_fit_the_pattern_are_our_bug() -> None:
    with pytest.raises(Misuse):
        Handshake(Pattern.NK, True, b"", ephemeral=FIRST, static=ALICE, remote_static=BOB.public)
    with pytest.raises(Misuse):
        Handshake(Pattern.KK, False, b"", ephemeral=FIRST, static=BOB)
    with pytest.raises(Misuse):
        Handshake(Pattern.N, True, b"", remote_static=BOB.public).write()


def test_a_low_order_key_of_the_other_side_is_a_bad_cell_when_writing() -> None:
    with pytest.raises(BadCell, match=Drop.FORGED):
        Handshake(Pattern.N, True, b"", ephemeral=FIRST, remote_static=bytes(32)).write()


def test_transport_opens_only_the_next_genuine_text() -> None:
    there, back = bytes([1]) * 32, bytes([2]) * 32
    alice, bob = Transport(there, back), Transport(back, there)
    first, second = alice.seal(b"one"), alice.seal(b"two")
    for wrong in (second, b"", bytes(20), alice.seal(b"")[:-1], bytes(MAX_BYTES + 1)):
        with pytest.raises(BadCell):
            bob.open(wrong)
    assert bob.open(first) == b"one"
    with pytest.raises(BadCell):
        bob.open(first)
    assert bob.open(second) == b"two"
    assert alice.open(bob.seal(b"back")) == b"back"
    with pytest.raises(Misuse):
        alice.seal(bytes(MAX_BYTES - 15))


def test_a_reader_of_one_way_texts_meets_the_public_vector() -> None:
    (vector,) = (each for each in VECTORS if "_N_" in each["protocol_name"])
    static = KeyPair.of(bytes.fromhex(vector["resp_static"]))
    text = vector["messages"][0]
    handshake = side_of(vector, "resp")
    handshake.read(bytes.fromhex(text["ciphertext"]))
    payload, keys, seen = OneWayReader(bytes.fromhex(vector["resp_prologue"]), static).read(
        bytes.fromhex(text["ciphertext"])
    )
    assert payload.hex() == text["payload"]
    assert seen.hex() == vector["handshake_hash"]
    assert keys == handshake.split()


@given(
    payload=st.binary(max_size=100),
    prologue=st.binary(max_size=50),
    flip=st.none() | st.integers(0, 80 * 8 - 1),
    cut=st.integers(0, 60),
)
def test_a_reader_of_one_way_texts_does_as_a_handshake_for_each(
    payload: bytes, prologue: bytes, flip: int | None, cut: int
) -> None:
    text = bytearray(both(Pattern.N, prologue)[0].write(payload))
    genuine = bytes(text)
    if flip is not None and flip // 8 < len(text):
        text[flip // 8] ^= 1 << flip % 8
    reader, forged = OneWayReader(prologue, BOB), bytes(text[: len(text) - cut])
    handshake = both(Pattern.N, prologue)[1]
    if forged != genuine:
        with pytest.raises(BadCell) as one:
            handshake.read(forged)
        with pytest.raises(BadCell) as other:
            reader.read(forged)
        assert one.value.reason is other.value.reason
    assert handshake.read(genuine) == payload
    for _ in range(2):
        assert reader.read(genuine) == (payload, handshake.split(), handshake.hash)


def test_a_reader_of_one_way_texts_refuses_what_is_too_long() -> None:
    with pytest.raises(BadCell, match=Drop.MALFORMED):
        OneWayReader(b"", BOB).read(bytes(MAX_BYTES + 1))


def test_nothing_shows_in_a_repr() -> None:
    alice, bob = both(Pattern.IK)
    run(alice, bob)
    shown = repr(alice) + repr(Transport(*alice.split())) + repr(OneWayReader(b"", BOB))
    assert shown == "Handshake(IK)Transport()OneWayReader()"
