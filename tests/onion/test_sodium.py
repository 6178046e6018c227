import json
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
from pymix_voice.onion.sodium import AEGIS, CHACHA, Chosen, Cipher

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


def test_this_installation_uses_the_fast_calls_and_has_aegis() -> None:
    assert sodium.calls_directly()
    assert sodium.streams_directly()
    assert sodium.has_aegis()


def test_aegis_gives_the_bytes_of_its_draft() -> None:
    # draft-irtf-cfrg-aegis-aead, appendix "AEGIS-128L Test Vectors", vector 4.
    key = bytes.fromhex("10010000000000000000000000000000")
    nonce = bytes.fromhex("10000200000000000000000000000000")
    ad, text = bytes(range(8)), bytes(range(14))
    sealed = "79d94593d8c2119d7e8fd9b8fc77"
    tag = "86f1b80bfb463aba711d15405d094baf4a55a15dbfec81a76f35ed0b9c8b04ac"
    rows = np.frombuffer(bytearray(ad + text + bytes(32)), np.uint8).reshape(1, -1)
    sodium.seal_rows(rows, len(ad), [nonce], key, AEGIS)
    assert rows.tobytes() == ad + bytes.fromhex(sealed + tag)
    assert sodium.open_rows(rows, len(ad), [nonce], key, AEGIS).all()
    assert rows.tobytes()[:-32] == ad + text


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


def test_the_keystream_of_rows_gives_the_bytes_of_rfc_8439() -> None:
    text, enciphered = VECTORS["stream"]["text"].encode(), unhex("stream", "enciphered")
    out = np.empty((1, len(text) + 16), np.uint8)
    sodium.stream_rows(out, [unhex("stream", "nonce")], unhex("stream", "key"))
    assert bytes(a ^ b for a, b in zip(text, bytes(out[0, :-16]), strict=True)) == enciphered


READ_ONLY = np.zeros((2, 40), np.uint8)
READ_ONLY.setflags(write=False)
TABLE = np.zeros((5, 32), np.uint8)


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
        (np.zeros((2, 40), np.uint8), 4, np.zeros((2, 13), np.uint8), KEY),
        (np.zeros((2, 40), np.uint8), 4, np.zeros(24, np.uint8), KEY),
        (np.zeros((2, 40), np.uint8), 4, np.zeros((2, 12), np.int8), KEY),
        (np.zeros((2, 40), np.uint8), 4, np.zeros((2, 24), np.uint8)[:, ::2], KEY),
        (np.zeros((2, 40), np.uint8), 4, [NONCE] * 2, KEY[1:]),
        (np.zeros((2, 40), np.uint8), 4, [NONCE] * 2, [KEY]),
        (np.zeros((2, 40), np.uint8), 4, [NONCE] * 2, [KEY, KEY + b"x"]),
        (np.zeros((2, 40), np.uint8), 4, NONCE, np.zeros((3, 32), np.uint8)),
        (np.zeros((2, 40), np.uint8), 4, NONCE, np.zeros((2, 31), np.uint8)),
        (np.zeros((2, 40), np.uint8), 4, NONCE, np.zeros((2, 32), np.int8)),
        (np.zeros((2, 40), np.uint8), 4, NONCE, np.zeros((2, 64), np.uint8)[:, ::2]),
        (np.zeros((2, 40), np.uint8), 4, NONCE, Chosen(TABLE, np.array([0, 5]))),
        (np.zeros((2, 40), np.uint8), 4, NONCE, Chosen(TABLE, np.array([-1, 0]))),
        (np.zeros((2, 40), np.uint8), 4, NONCE, Chosen(TABLE, np.array([0]))),
        (np.zeros((2, 40), np.uint8), 4, NONCE, Chosen(TABLE, np.array([[0, 1]]))),
        (np.zeros((2, 40), np.uint8), 4, NONCE, Chosen(TABLE[:0], np.array([0, 0]))),
        (np.zeros((2, 40), np.uint8), 4, NONCE, Chosen(TABLE[:, :16], np.array([0, 1]))),
        (np.zeros((2, 40), np.uint8), 4, NONCE, Chosen(TABLE.T, np.array([0, 1]))),
        (np.zeros((2, 40), np.uint8), 4, NONCE, Chosen(TABLE, np.array([0.0, 1.0]))),
        (np.zeros((2, 40), np.uint8), 4, NONCE, Chosen(TABLE, np.array([0, 1], np.int32))),
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
    if 0 <= header <= 24:
        with pytest.raises(Misuse):
            sodium.stream_rows(matrix, nonces, keys)


@pytest.mark.parametrize(
    ("size", "nonce", "key", "cipher"),
    [
        (35, 16, 16, AEGIS),
        (36, 12, 16, AEGIS),
        (36, 16, 32, AEGIS),
        (36, 16, 16, CHACHA),
        (36, 16, 16, Cipher("rot13", 16, 16, 32)),
    ],
)
def test_sizes_go_by_the_cipher_and_it_must_be_there(
    size: int, nonce: int, key: int, cipher: Cipher
) -> None:
    matrix, table = np.zeros((2, size), np.uint8), np.zeros((3, key), np.uint8)
    one_a_row: list[sodium.Nonces] = [[bytes(nonce)] * 2, np.zeros((2, nonce), np.uint8)]
    of_each: list[sodium.Keys] = [[bytes(key)] * 2, table[:2], Chosen(table, np.array([2, 0]))]
    for nonces in one_a_row:
        for keys in [*of_each, bytes(key)]:
            with pytest.raises(Misuse):
                sodium.seal_rows(matrix, 4, nonces, keys, cipher)
            with pytest.raises(Misuse):
                sodium.open_rows(matrix, 4, nonces, keys, cipher)


@pytest.mark.parametrize("cipher", [CHACHA, AEGIS], ids=lambda each: each.name)
def test_a_choice_of_none_one_or_all_keys_of_a_table_is_fine(cipher: Cipher) -> None:
    table = Dice.seeded(5).matrix(4, cipher.key_bytes)
    for rows in ([], [3], [3, 0, 2, 1]):
        keys = Chosen(table, np.array(rows, np.intp))
        matrix, nonce = np.ones((len(rows), 60), np.uint8), bytes(cipher.nonce_bytes)
        sodium.seal_rows(matrix, 4, nonce, keys, cipher)
        assert sodium.open_rows(matrix, 4, nonce, table[rows], cipher).tolist() == [True] * len(
            rows
        )
        assert matrix[:, : -cipher.tag_bytes].all()


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


def test_a_batch_survives_the_end_of_every_other_name_for_its_array() -> None:
    def sealed() -> NDArray[np.uint8]:
        matrix = np.zeros((500, 200), np.uint8)
        sodium.seal_rows(matrix[:, :180], 16, [NONCE] * 500, [KEY] * 500)
        return matrix

    assert all(np.array_equal(sealed(), sealed()) for _ in range(5))
