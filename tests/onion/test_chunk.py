import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymix_voice import geometry
from pymix_voice.errors import BadCell, Drop, Misuse
from pymix_voice.onion import sodium
from pymix_voice.onion.chunk import (
    ChunkHeader,
    LinkKeys,
    link_id_of,
    open_chunk,
    open_chunks,
    seal_chunks,
)
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.noise import Handshake, Pattern

LINK, KEY = b"ln\0\0", bytes(range(32))
ROUND = (1 << 32) + 5


@pytest.mark.parametrize("rows", [0, 1, 8, 9, 10, 18, 100])
def test_a_matrix_goes_out_and_comes_back(rows: int) -> None:
    cells = Dice.seeded(rows).matrix(rows, 128)
    datagrams = seal_chunks(LINK, KEY, ROUND, 70_001, cells, -3, 0x1FF, 5)
    assert datagrams.shape == (geometry.chunks(rows), 1184)
    back = []
    for chunk, datagram in enumerate(datagrams):
        assert link_id_of(datagram) == LINK
        header, part = open_chunk(datagram, KEY, ROUND - 64)
        assert header == ChunkHeader(ROUND, 70_001 & 0xFFFF, chunk, -3, 0xFF, 5)
        back.append(part)
    whole = np.concatenate(back)
    assert np.array_equal(whole[:rows], cells)
    assert not whole[rows:].any()


def test_the_layout_is_the_one_on_the_protocol_page() -> None:
    cells = Dice.seeded(1).matrix(10, 128)
    raw = seal_chunks(LINK, KEY, ROUND, 7, cells, 16, 4, 2)[1].tobytes()
    header = LINK + bytes.fromhex("05000000 0700 0100 1000 04 02")
    assert raw[:16] == header
    nonce = ROUND.to_bytes(8, "little") + b"\x01\0\0\0"
    body = cells[9].tobytes() + bytes(8 * 128)
    assert raw[16:] == sodium.seal(KEY, nonce, body, header)


def test_many_opened_together_equal_each_opened_alone() -> None:
    cells = Dice.seeded(2).matrix(40, 128)
    wide = np.zeros((5, 1500), np.uint8)
    wide[:, :1184] = seal_chunks(LINK, KEY, 3, 7, cells, 9, 1, 0)
    wide[2, 600] ^= 1
    alone = wide[:, :1184].copy()
    many = open_chunks(wide[:, :1184], KEY, 3)
    assert many.opened.tolist() == [True, True, False, True, True]
    for row in (0, 1, 3, 4):
        header, part = open_chunk(alone[row], KEY, 3)
        fields = (many.rounds, many.epochs_low, many.chunks, many.early)
        assert tuple(field[row] for field in (*fields, many.early_rounds, many.flags)) == header
        assert np.array_equal(many.cells[row], part)
    assert np.shares_memory(many.cells, wide)
    with pytest.raises(BadCell, match=Drop.FORGED):
        open_chunk(alone[2], KEY, 3)


def test_earliness_beyond_sixteen_bits_stays_at_the_bound() -> None:
    nothing = np.zeros((0, 128), np.uint8)
    for early, sent in ((1 << 20, 32_767), (-(1 << 20), -32_768)):
        (datagram,) = seal_chunks(LINK, KEY, 1, 1, nothing, early, 0, 0)
        assert open_chunk(datagram, KEY, 1)[0].early == sent


@given(number=st.integers(0, 1 << 40), off=st.integers(-1000, 1000), seed=st.integers(0, 1000))
def test_round_numbers_are_found_again_near_a_known_one(number: int, off: int, seed: int) -> None:
    cells = Dice.seeded(seed).matrix(3, 128)
    datagrams = seal_chunks(LINK, KEY, number, 0, cells, 0, 0, 0)
    near = max(0, number + off)
    assert open_chunks(datagrams.copy(), KEY, near).rounds.tolist() == [number]
    assert open_chunk(datagrams[0], KEY, near)[0].round == number


@given(raw=st.binary(max_size=1300) | st.binary(min_size=1184, max_size=1184))
def test_any_bytes_are_a_bad_cell(raw: bytes) -> None:
    datagram = np.frombuffer(bytearray(raw), np.uint8) if raw else np.zeros(0, np.uint8)
    with pytest.raises(BadCell) as caught:
        open_chunk(datagram, KEY, 100)
    assert caught.value.reason is (Drop.FORGED if len(raw) == 1184 else Drop.MALFORMED)


def test_no_byte_can_be_changed_and_no_other_link_opens() -> None:
    (datagram,) = seal_chunks(LINK, KEY, 9, 1, Dice.seeded(3).matrix(9, 128), 0, 0, 0)
    for place in [*range(16), 16, 700, 1167, 1168, 1183]:
        forged = datagram.copy()
        forged[place] ^= 1
        with pytest.raises(BadCell, match=Drop.FORGED):
            open_chunk(forged, KEY, 9)
    with pytest.raises(BadCell, match=Drop.FORGED):
        open_chunk(datagram.copy(), KEY[::-1], 9)
    with pytest.raises(BadCell, match=Drop.FORGED):
        open_chunk(datagram.copy(), KEY, 9 + (1 << 32))


def test_wrong_shapes_and_numbers_are_our_bug() -> None:
    cells = np.zeros((2, 128), np.uint8)
    for link, number, matrix, flags in (
        (LINK[1:], 1, cells, 0),
        (LINK, -1, cells, 0),
        (LINK, 1, cells[:, :127], 0),
        (LINK, 1, cells, 256),
    ):
        with pytest.raises(Misuse):
            seal_chunks(link, KEY, number, 1, matrix, 0, 0, flags)
    with pytest.raises(BadCell, match=Drop.MALFORMED):
        open_chunks(cells, KEY, 1)


def test_both_ends_of_a_handshake_share_link_keys_and_each_key_differs() -> None:
    one, other, *ephemerals = (KeyPair.of(bytes([number]) * 32) for number in range(1, 5))
    up = Handshake(
        Pattern.KK,
        True,
        b"",
        ephemeral=ephemerals[0],
        static=one,
        remote_static=other.public,
    )
    down = Handshake(
        Pattern.KK,
        False,
        b"",
        ephemeral=ephemerals[1],
        static=other,
        remote_static=one.public,
    )
    down.read(up.write())
    up.read(down.write())
    keys = LinkKeys.of(up)
    assert keys == LinkKeys.of(down)
    assert [len(key) for key in keys] == [4, 32, 32]
    assert len({keys.forward, keys.backward, *up.split()}) == 4
    assert repr(keys) == "LinkKeys()"
