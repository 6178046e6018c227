from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pymix_voice.onion.calls import (
    AEGIS,
    CHACHA,
    CheckedCalls,
    Chosen,
    Cipher,
    DirectCalls,
    Keys,
    Nonces,
    StreamCalls,
    choose,
    has,
)
from pymix_voice.onion.dice import Dice

both_ciphers = pytest.mark.parametrize("cipher", [CHACHA, AEGIS], ids=lambda each: each.name)


def both_calls(cipher: Cipher) -> list[CheckedCalls]:
    return [DirectCalls(cipher), CheckedCalls(cipher)]


def test_this_pynacl_has_both_ciphers_and_no_others() -> None:
    assert has(CHACHA)
    assert has(AEGIS)
    assert not has(Cipher("rot13", 1, 1, 1))


@both_ciphers
@given(
    rows=st.integers(0, 5),
    header=st.integers(0, 20),
    body=st.integers(0, 300),
    apart=st.integers(0, 9),
    seed=st.integers(0, 1000),
)
def test_direct_and_checked_calls_give_equal_bytes(
    cipher: Cipher, rows: int, header: int, body: int, apart: int, seed: int
) -> None:
    dice, tag = Dice.seeded(seed), cipher.tag_bytes
    wide = dice.matrix(rows, header + body + tag + apart)
    nonces = [dice.bytes(cipher.nonce_bytes) for _ in range(rows)]
    keys = [dice.bytes(cipher.key_bytes) for _ in range(rows)]
    size = header + body + tag
    opened = []
    for calls in both_calls(cipher):
        matrix = wide.copy()
        calls.seal_rows(matrix[:, :size], header, nonces, keys)
        opened.append(matrix.copy())
        assert np.array_equal(matrix[:, :header], wide[:, :header])
        assert np.array_equal(matrix[:, size:], wide[:, size:])
        matrix[1::2, size - 1] ^= 1
        good = calls.open_rows(matrix[:, :size], header, nonces, keys)
        assert good.tolist() == [row % 2 == 0 for row in range(rows)]
        assert np.array_equal(matrix[::2, : size - tag], wide[::2, : size - tag])
    assert np.array_equal(opened[0], opened[1])


@both_ciphers
@given(plain=st.binary(max_size=200), ad=st.binary(max_size=40))
def test_single_calls_agree_too_and_work_in_place(cipher: Cipher, plain: bytes, ad: bytes) -> None:
    nonce, key = bytes(range(cipher.nonce_bytes)), bytes(range(cipher.key_bytes))
    texts = []
    for calls in both_calls(cipher):
        out = bytearray(plain + bytes(cipher.tag_bytes))
        calls.seal_into(out, memoryview(out)[: len(plain)], ad, nonce, key)
        texts.append(bytes(out))
        back = bytearray(len(plain))
        assert calls.open_into(back, out, ad, nonce, key)
        assert bytes(back) == plain
        out[-1] ^= 1
        assert not calls.open_into(back, out, ad, nonce, key)
    assert texts[0] == texts[1]


@both_ciphers
def test_nonces_may_lie_in_an_array_or_be_one_for_all_rows(cipher: Cipher) -> None:
    keys = [bytes([row]) * cipher.key_bytes for row in range(3)]
    nonce = bytes(range(cipher.nonce_bytes))
    array = np.frombuffer(nonce * 3, np.uint8).reshape(3, -1)
    for calls in both_calls(cipher):
        sealed = [Dice.seeded(4).matrix(3, 60) for _ in range(3)]
        given_so: list[Nonces] = [[nonce] * 3, array, nonce]
        for matrix, nonces in zip(sealed, given_so, strict=True):
            calls.seal_rows(matrix, 8, nonces, keys)
        assert np.array_equal(sealed[0], sealed[1])
        assert np.array_equal(sealed[0], sealed[2])
        assert calls.open_rows(sealed[0], 8, nonce, keys).all()


@both_ciphers
@given(chosen=st.lists(st.integers(0, 6), max_size=9), apart=st.integers(0, 3))
def test_keys_in_an_array_or_chosen_from_a_table_equal_listed_ones(
    cipher: Cipher, chosen: list[int], apart: int
) -> None:
    wide = Dice.seeded(7).matrix(7, cipher.key_bytes + apart)
    table, rows = wide[:, : cipher.key_bytes], np.array(chosen, np.intp)
    listed = [bytes(table[row]) for row in chosen]
    # Each row has a nonce of its own: rows may have the same key.
    nonces = Dice.seeded(8).matrix(len(chosen), cipher.nonce_bytes)
    for calls in both_calls(cipher):
        sealed = [Dice.seeded(9).matrix(len(chosen), 60) for _ in range(3)]
        ways: list[Keys] = [listed, table[rows], Chosen(table, rows)]
        for matrix, keys in zip(sealed, ways, strict=True):
            calls.seal_rows(matrix, 8, nonces, keys)
        assert np.array_equal(sealed[0], sealed[1])
        assert np.array_equal(sealed[0], sealed[2])
        assert calls.open_rows(sealed[0], 8, nonces, Chosen(table, rows)).all()


def test_a_remembered_table_is_read_anew_each_time() -> None:
    calls, rows = DirectCalls(), np.array([1, 0])
    wide = np.zeros((4, 64), np.uint8)
    nonce = bytes(12)

    def sealed(keys: Keys) -> bytes:
        matrix = np.zeros((2, 40), np.uint8)
        calls.seal_rows(matrix, 4, nonce, keys)
        return matrix.tobytes()

    for filling in (0, 1):
        wide[:] = np.arange(4)[:, None] + 7 * filling
        # The same address with another stride and another count of rows.
        for table in (wide[:, :32], wide[::2, :32], wide[:2, :32], wide.reshape(8, 32)):
            assert sealed(Chosen(table, rows)) == sealed([bytes(table[1]), bytes(table[0])])


@given(rows=st.integers(0, 9), length=st.integers(0, 1500), seed=st.integers(0, 99))
def test_every_way_to_a_keystream_gives_the_same(rows: int, length: int, seed: int) -> None:
    dice = Dice.seeded(seed)
    keys, nonces = dice.matrix(rows, 32), dice.matrix(rows, 12)
    streams = []
    for calls in (StreamCalls(), DirectCalls(), CheckedCalls()):
        matrix = dice.matrix(rows, length + 16)
        calls.stream_rows(matrix, nonces, keys)
        streams.append(matrix[:, :length])
    assert np.array_equal(streams[0], streams[1])
    assert np.array_equal(streams[0], streams[2])


class Forgetful(CheckedCalls):
    """Does nothing to rows."""

    def seal_rows(self, matrix: NDArray[np.uint8], header: int, nonces: Nonces, keys: Keys) -> None:
        """Leave them plain."""


class Trusting(CheckedCalls):
    """Takes a forged row for good."""

    def open_rows(
        self, matrix: NDArray[np.uint8], header: int, nonces: Nonces, keys: Keys
    ) -> NDArray[np.bool_]:
        return super().open_rows(matrix, header, nonces, keys) | True


class Early(CheckedCalls):
    """Begins its keystream a block too early."""

    def stream_rows(self, matrix: NDArray[np.uint8], nonces: Nonces, keys: Keys) -> None:
        super().stream_rows(matrix, nonces, keys)
        matrix[:, 64:] = matrix[:, :-64].copy()


def missing(error: type[Exception]) -> CheckedCalls:
    raise error("no such name")


@both_ciphers
@pytest.mark.parametrize("wrong", [Forgetful, Trusting, Early])
def test_calls_that_fail_the_self_test_are_not_used(
    cipher: Cipher, wrong: Callable[[Cipher], CheckedCalls]
) -> None:
    assert type(choose(cipher, partial(wrong, cipher))) is CheckedCalls
    chosen = choose(cipher, partial(wrong, cipher), partial(DirectCalls, cipher))
    assert type(chosen) is DirectCalls
    assert chosen.cipher is cipher


@pytest.mark.parametrize("error", [ImportError, AttributeError, OSError, TypeError, ValueError])
def test_calls_that_this_pynacl_does_not_have_are_not_used(error: type[Exception]) -> None:
    assert type(choose(CHACHA, partial(missing, error))) is CheckedCalls
