import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pymix_voice.errors import BadCell, Drop, Misuse
from pymix_voice.onion import curves, sodium
from pymix_voice.onion.dice import Dice

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "primitives.json").read_text()
)
KEY, NONCE = bytes(range(32)), bytes(range(12))


def unhex(name: str, field: str) -> bytes:
    return bytes.fromhex(VECTORS[name][field])


def test_the_aead_gives_the_bytes_of_rfc_8439() -> None:
    key, nonce, ad = unhex("aead", "key"), unhex("aead", "nonce"), unhex("aead", "ad")
    text, sealed = VECTORS["aead"]["text"].encode(), unhex("aead", "sealed")
    assert sodium.seal(key, nonce, text, ad) == sealed
    assert sodium.open_(key, nonce, sealed, ad) == text


def test_the_keystream_gives_the_bytes_of_rfc_8439() -> None:
    text, enciphered = VECTORS["stream"]["text"].encode(), unhex("stream", "enciphered")
    keys = sodium.stream(unhex("stream", "key"), unhex("stream", "nonce"), len(text))
    assert bytes(a ^ b for a, b in zip(text, keys, strict=True)) == enciphered


def test_x25519_gives_the_bytes_of_rfc_7748() -> None:
    for private, public, shared in VECTORS["x25519"]["pairs"]:
        got = curves.scalarmult(bytes.fromhex(private), bytes.fromhex(public))
        assert got.hex() == shared
    base = unhex("x25519", "base")
    assert curves.public_of(base) == unhex("x25519", "after_1")
    scalar, point = base, base
    for _ in range(1000):
        scalar, point = curves.scalarmult(scalar, point), scalar
    assert scalar == unhex("x25519", "after_1000")


def test_ed25519_gives_the_bytes_of_rfc_8032() -> None:
    seed, public = unhex("ed25519", "seed"), unhex("ed25519", "public")
    signature = unhex("ed25519", "signature")
    assert curves.sign_public(seed) == public
    assert curves.sign(seed, b"") == signature
    curves.verify(public, b"", signature)


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31)])
def test_a_point_of_low_order_is_a_forgery_and_no_crash(point: bytes) -> None:
    with pytest.raises(BadCell, match=Drop.FORGED):
        curves.scalarmult(KEY, point)


@given(public=st.binary(max_size=40), signature=st.binary(max_size=70))
def test_no_bytes_make_verify_or_scalarmult_raise_anything_else(
    public: bytes, signature: bytes
) -> None:
    with pytest.raises(BadCell):
        curves.verify(public, b"text", signature)
    with suppress(BadCell):
        assert len(curves.scalarmult(KEY, public)) == len(public) == 32


def test_a_signature_holds_for_its_text_only() -> None:
    signature = curves.sign(KEY, b"one")
    with pytest.raises(BadCell, match=Drop.FORGED):
        curves.verify(curves.sign_public(KEY), b"two", signature)


def test_this_installation_uses_the_direct_calls() -> None:
    assert sodium.calls_directly()


@given(
    rows=st.integers(0, 5),
    header=st.integers(0, 20),
    body=st.integers(0, 300),
    apart=st.integers(0, 9),
    seed=st.integers(0, 1000),
)
def test_direct_and_checked_calls_give_equal_bytes(
    rows: int, header: int, body: int, apart: int, seed: int
) -> None:
    dice = Dice.seeded(seed)
    wide = dice.matrix(rows, header + body + 16 + apart)
    nonces, keys = [dice.bytes(12) for _ in range(rows)], [dice.bytes(32) for _ in range(rows)]
    direct, checked = wide.copy(), wide.copy()
    size = header + body + 16
    sodium.DirectCalls().seal_rows(direct[:, :size], header, nonces, keys)
    sodium.CheckedCalls().seal_rows(checked[:, :size], header, nonces, keys)
    assert np.array_equal(direct, checked)
    assert np.array_equal(direct[:, :header], wide[:, :header])
    assert np.array_equal(direct[:, size:], wide[:, size:])
    direct[1::2, size - 1] ^= 1
    checked[1::2, size - 1] ^= 1
    good = sodium.DirectCalls().open_rows(direct[:, :size], header, nonces, keys)
    same = sodium.CheckedCalls().open_rows(checked[:, :size], header, nonces, keys)
    assert good.tolist() == same.tolist() == [row % 2 == 0 for row in range(rows)]
    for opened in (direct, checked):
        assert np.array_equal(opened[::2, : size - 16], wide[::2, : size - 16])


@given(plain=st.binary(max_size=200), ad=st.binary(max_size=40))
def test_single_calls_agree_too_and_work_in_place(plain: bytes, ad: bytes) -> None:
    for calls in (sodium.DirectCalls(), sodium.CheckedCalls()):
        out = bytearray(plain + bytes(16))
        calls.seal_into(out, memoryview(out)[: len(plain)], ad, NONCE, KEY)
        assert bytes(out) == sodium.seal(KEY, NONCE, plain, ad)
        back = bytearray(len(plain))
        assert calls.open_into(back, out, ad, NONCE, KEY)
        assert bytes(back) == plain
        out[-1] ^= 1
        assert not calls.open_into(back, out, ad, NONCE, KEY)


def test_rows_equal_single_texts_and_one_key_may_serve_all() -> None:
    dice = Dice.seeded(2)
    matrix = dice.matrix(3, 40)
    plain = matrix.copy()
    nonces = [dice.bytes(12) for _ in range(3)]
    sodium.seal_rows(matrix, 4, nonces, KEY)
    for row, text, nonce in zip(matrix, plain, nonces, strict=True):
        assert bytes(row[4:]) == sodium.seal(KEY, nonce, bytes(text[4:24]), bytes(text[:4]))
    assert sodium.open_rows(matrix, 4, nonces, KEY).all()
    assert np.array_equal(matrix[:, :24], plain[:, :24])


def test_streams_of_rows_equal_single_streams() -> None:
    out = Dice.seeded(3).matrix(4, 100 + 16)
    keys = [bytes([row]) * 32 for row in range(4)]
    sodium.stream_rows(out, [NONCE] * 4, keys)
    for row, key in zip(out, keys, strict=True):
        assert bytes(row[:100]) == sodium.stream(key, NONCE, 100)


@given(sealed=st.binary(max_size=64))
def test_any_bytes_open_to_a_bad_cell(sealed: bytes) -> None:
    with pytest.raises(BadCell) as caught:
        sodium.open_(KEY, NONCE, sealed)
    assert caught.value.reason is (Drop.MALFORMED if len(sealed) < 16 else Drop.FORGED)


READ_ONLY = np.zeros((2, 40), np.uint8)
READ_ONLY.setflags(write=False)


@pytest.mark.parametrize(
    ("matrix", "header", "nonces", "keys"),
    [
        (np.zeros((2, 40), np.uint8), 25, [NONCE] * 2, KEY),
        (np.zeros((2, 40), np.uint8), -1, [NONCE] * 2, KEY),
        (np.zeros((2, 40), np.uint8), 4, [NONCE], KEY),
        (np.zeros((2, 40), np.uint8), 4, [NONCE, NONCE[1:]], KEY),
        (np.zeros((2, 40), np.uint8), 4, NONCE, KEY),
        (np.zeros((2, 40), np.uint8), 4, NONCE[1:], [KEY] * 2),
        (np.zeros((2, 40), np.uint8), 4, np.zeros((1, 12), np.uint8), KEY),
        (np.zeros((2, 40), np.uint8), 4, np.zeros((2, 12), np.int8), KEY),
        (np.zeros((2, 40), np.uint8), 4, np.zeros((2, 24), np.uint8)[:, ::2], KEY),
        (np.zeros((2, 40), np.uint8), 4, [NONCE] * 2, KEY[1:]),
        (np.zeros((2, 40), np.uint8), 4, [NONCE] * 2, [KEY]),
        (np.zeros((2, 40), np.uint8), 4, [NONCE] * 2, [KEY, KEY + b"x"]),
        (np.zeros(40, np.uint8), 4, [NONCE] * 40, KEY),
        (np.zeros((2, 40), np.int8), 4, [NONCE] * 2, KEY),
        (np.zeros((40, 2), np.uint8).T, 4, [NONCE] * 2, KEY),
        (np.zeros((2, 80), np.uint8)[:, ::2], 4, [NONCE] * 2, KEY),
        (np.zeros((2, 40), np.uint8)[::-1], 4, [NONCE] * 2, KEY),
        (np.broadcast_to(np.zeros(40, np.uint8), (2, 40)), 4, [NONCE] * 2, KEY),
        (READ_ONLY, 4, [NONCE] * 2, KEY),
    ],
)
def test_no_wrong_shape_or_length_reaches_a_raw_call(
    matrix: NDArray[np.uint8], header: int, nonces: sodium.Nonces, keys: sodium.Keys
) -> None:
    with pytest.raises(Misuse):
        sodium.seal_rows(matrix, header, nonces, keys)
    with pytest.raises(Misuse):
        sodium.open_rows(matrix, header, nonces, keys)


def test_no_wrong_buffer_reaches_a_raw_call() -> None:
    with pytest.raises(Misuse):
        sodium.seal_into(bytearray(19), b"abcd", b"", NONCE, KEY)
    with pytest.raises(Misuse):
        sodium.open_into(bytearray(5), bytes(20), b"", NONCE, KEY)
    with pytest.raises(Misuse):
        sodium.seal_into(bytearray(20), np.zeros(8, np.uint8)[::2], b"", NONCE, KEY)
    with pytest.raises(Misuse):
        sodium.seal_into(READ_ONLY[0, :20], b"abcd", b"", NONCE, KEY)
    with pytest.raises(Misuse):
        sodium.seal(KEY, NONCE[1:], b"")
    with pytest.raises(Misuse):
        sodium.open_(KEY[1:], NONCE, bytes(16))


def test_nonces_may_lie_in_an_array_or_be_one_for_all_rows() -> None:
    keys = [bytes([row]) * 32 for row in range(3)]
    for calls in (sodium.DirectCalls(), sodium.CheckedCalls()):
        listed, array, one = (Dice.seeded(4).matrix(3, 60) for _ in range(3))
        calls.seal_rows(listed, 8, [NONCE] * 3, keys)
        calls.seal_rows(array, 8, np.frombuffer(NONCE * 3, np.uint8).reshape(3, 12), keys)
        calls.seal_rows(one, 8, NONCE, keys)
        assert np.array_equal(listed, array)
        assert np.array_equal(listed, one)
        assert calls.open_rows(one, 8, NONCE, keys).all()


class Forgetful(sodium.CheckedCalls):
    """Does nothing to rows."""

    def seal_rows(
        self, matrix: NDArray[np.uint8], header: int, nonces: sodium.Nonces, keys: Iterable[bytes]
    ) -> None:
        """Leave them plain."""


class Trusting(sodium.CheckedCalls):
    """Takes a forged row for good."""

    def open_rows(
        self, matrix: NDArray[np.uint8], header: int, nonces: sodium.Nonces, keys: Iterable[bytes]
    ) -> NDArray[np.bool_]:
        return super().open_rows(matrix, header, nonces, keys) | True


def missing() -> sodium.CheckedCalls:
    raise ImportError("no such name")


@pytest.mark.parametrize("make", [Forgetful, Trusting, missing])
def test_calls_that_fail_the_self_test_are_not_used(make: Any) -> None:
    assert type(sodium.choose(make)) is sodium.CheckedCalls


def test_a_batch_survives_the_end_of_every_other_name_for_its_array() -> None:
    def sealed() -> NDArray[np.uint8]:
        matrix = np.zeros((500, 200), np.uint8)
        sodium.seal_rows(matrix[:, :180], 16, [NONCE] * 500, [KEY] * 500)
        return matrix

    assert all(np.array_equal(sealed(), sealed()) for _ in range(5))
