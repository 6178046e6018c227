from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sizes import BODY_BYTES, CELL_BYTES

from pymix_voice.errors import BadCell, Drop, Misuse
from pymix_voice.onion import sodium
from pymix_voice.onion.cell import CellSealer, Kind, open_cell, open_dialing, seal_dialing

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
SALT = bytes(range(16))


@pytest.mark.parametrize("kind", list(Kind))
def test_a_cell_of_any_kind_has_128_bytes_and_opens_in_its_round(kind: Kind) -> None:
    cell = CellSealer(KEY, BODY_BYTES).seal(1 << 40, kind, bytes(111))
    assert len(cell) == 128
    assert open_cell(KEY, 1 << 40, cell) == (kind, bytes(111))


def test_a_cell_opens_with_no_other_key_and_in_no_other_round() -> None:
    cell = CellSealer(KEY, BODY_BYTES).seal(7, Kind.VOICE, bytes(111))
    for key, number in ((OTHER, 7), (KEY, 8)):
        with pytest.raises(BadCell, match=Drop.FORGED):
            open_cell(key, number, cell)


def test_a_sealer_refuses_a_round_not_after_its_last() -> None:
    sealer = CellSealer(KEY, BODY_BYTES)
    sealer.seal(0, Kind.VOICE, bytes(111))
    sealer.seal(5, Kind.VOICE, bytes(111))
    for number in (5, 4, 0, -1):
        with pytest.raises(Misuse):
            sealer.seal(number, Kind.LOOP, bytes(111))
    sealer.seal(6, Kind.LOOP, bytes(111))


def test_wrong_sizes_rounds_and_wiped_keys_are_our_bug() -> None:
    sealer = CellSealer(KEY, BODY_BYTES)
    with pytest.raises(Misuse):
        sealer.seal(1, Kind.VOICE, bytes(112))
    with pytest.raises(Misuse):
        sealer.seal(1 << 64, Kind.VOICE, bytes(111))
    sealer.seal(1, Kind.VOICE, bytes(111))
    sealer.wipe()
    with pytest.raises(Misuse):
        sealer.seal(2, Kind.VOICE, bytes(111))
    assert repr(sealer) == "CellSealer()"


def test_an_unknown_kind_is_malformed() -> None:
    cell = sodium.seal(KEY, (3).to_bytes(8, "little") + bytes(4), b"\x09" + bytes(111))
    with pytest.raises(BadCell, match=Drop.MALFORMED):
        open_cell(KEY, 3, cell)


@given(cell=st.binary(max_size=160) | st.binary(min_size=128, max_size=128))
def test_any_bytes_are_a_bad_cell(cell: bytes) -> None:
    with pytest.raises(BadCell, match=Drop.FORGED if len(cell) > 16 else Drop.MALFORMED):
        open_cell(KEY, 3, cell)
    with pytest.raises(BadCell, match=Drop.FORGED if len(cell) >= 32 else Drop.MALFORMED):
        open_dialing(KEY, 0, 3, cell)


@given(
    body=st.binary(min_size=111, max_size=111),
    number=st.integers(0, (1 << 64) - 1),
    place=st.integers(0, 127),
    bit=st.integers(0, 7),
)
def test_one_flipped_bit_is_a_forgery(body: bytes, number: int, place: int, bit: int) -> None:
    cell = bytearray(CellSealer(KEY, BODY_BYTES).seal(number, Kind.VOICE, body))
    cell[place] ^= 1 << bit
    with pytest.raises(BadCell, match=Drop.FORGED):
        open_cell(KEY, number, bytes(cell))


@pytest.mark.parametrize("pair_key", [KEY, KEY[:16]])
def test_a_dialing_cell_opens_for_its_role_round_and_key_alone(pair_key: bytes) -> None:
    body = bytes(range(96))
    cell = seal_dialing(pair_key, 1, SALT, 30, body, CELL_BYTES)
    assert len(cell) == 128
    assert open_dialing(pair_key, 1, 30, cell) == body
    for key, role, number in ((OTHER, 1, 30), (pair_key, 0, 30), (pair_key, 1, 40)):
        with pytest.raises(BadCell, match=Drop.FORGED):
            open_dialing(key, role, number, cell)
    with pytest.raises(BadCell, match=Drop.FORGED):
        open_dialing(pair_key, 1, 30, bytes(16) + cell[16:])


def test_what_is_too_long_for_a_dialing_cell_is_our_bug() -> None:
    for salt, body in ((SALT[1:], bytes(96)), (SALT, bytes(97))):
        with pytest.raises(Misuse):
            seal_dialing(KEY, 0, salt, 10, body, CELL_BYTES)


def test_only_a_sealed_cell_moves_the_sealer_on() -> None:
    sealer = CellSealer(KEY, BODY_BYTES)
    with suppress(Misuse):
        sealer.seal(9, Kind.VOICE, bytes(112))
    assert open_cell(KEY, 9, sealer.seal(9, Kind.VOICE, bytes(111))) == (Kind.VOICE, bytes(111))
