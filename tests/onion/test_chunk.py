"""Datagrams between mixes: their layout, both ciphers, and whatever bytes come instead."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sizes import CHUNK_BYTES, TWENTY
from zones import FUZZ

from pymix_voice.errors import Drop, Drops, Misuse
from pymix_voice.onion import sodium
from pymix_voice.onion.chunk import Beside, Chunks, LinkKeys, Opener, Sealer, link_ids
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.noise import Handshake, Pattern
from pymix_voice.onion.sodium import AEGIS, CHACHA, Cipher

LINK = b"ln\0\0"
KEYS = {CHACHA: bytes(range(32)), AEGIS: bytes(range(50, 66))}
ROUND = (1 << 32) + 5
NOTHING_BESIDE = Beside()
BODY_END = 16 + 9 * 128

both_ciphers = pytest.mark.parametrize("cipher", [CHACHA, AEGIS], ids=lambda each: each.name)
ciphers = st.sampled_from([CHACHA, AEGIS])


def sealer(cipher: Cipher = CHACHA, link: bytes = LINK) -> Sealer:
    return Sealer(link, KEYS[cipher], TWENTY, cipher)


def opener(cipher: Cipher = CHACHA) -> Opener:
    return Opener(KEYS[cipher], cipher)


def cells_of(rows: int, seed: int = 1) -> NDArray[np.uint8]:
    return Dice.seeded(seed).matrix(rows, 128)


def sealed(number: int, rows: int, cipher: Cipher = CHACHA, age: int = 1) -> NDArray[np.uint8]:
    """One round's datagrams; its cells follow from its number."""
    return sealer(cipher).seal(number, age, cells_of(rows, number), NOTHING_BESIDE)


def opened(
    datagrams: NDArray[np.uint8], near: int, cipher: Cipher = CHACHA
) -> tuple[list[int], list[Chunks], Drops]:
    """What an opener makes of them."""
    drops = Drops()
    rounds, chunks = opener(cipher).open(datagrams, near, drops)
    return rounds.tolist(), list(chunks), drops


# ── what is sealed ───────────────────────────────────────────────────────────────────────


@both_ciphers
@pytest.mark.parametrize("rows", [0, 1, 8, 9, 10, 18, 100])
def test_a_matrix_goes_out_and_comes_back(rows: int, cipher: Cipher) -> None:
    cells = cells_of(rows)
    datagrams = sealer(cipher).seal(ROUND, 70_001, cells, Beside(-3, 0x1FF, 5))
    count = TWENTY.chunks(rows)
    assert datagrams.shape == (count, 1200)
    assert link_ids(datagrams).tolist() == [int.from_bytes(LINK, "little")] * count
    rounds, (chunks,), drops = opened(datagrams, ROUND - 64, cipher)
    assert rounds == [ROUND] * count
    assert (chunks.round, chunks.age) == (ROUND, 70_001 & 0xFFFF)
    assert chunks.beside == (-3, 0xFF, 5)
    assert chunks.numbers.tolist() == list(range(count))
    whole = chunks.cells.reshape(-1, 128)
    assert np.array_equal(whole[:rows], cells)
    assert not whole[rows:].any()
    assert not drops


@both_ciphers
def test_the_layout_is_the_one_on_the_protocol_page(cipher: Cipher) -> None:
    cells = cells_of(10)
    raw = sealer(cipher).seal(ROUND, 7, cells, Beside(16, 4, 2))[1].tobytes()
    header = LINK + bytes.fromhex("05000000 0700 0100 1000 04 02")
    assert raw[:16] == header
    nonce = (ROUND.to_bytes(8, "little") + b"\x01\0").ljust(cipher.nonce_bytes, b"\0")
    body = cells[9].tobytes() + bytes(8 * 128)
    if cipher == CHACHA:
        # The shorter tag, and zeros before it: both ciphers have one size on the wire.
        assert raw[16:] == sodium.seal(KEYS[CHACHA], nonce, body + bytes(16), header)
    row = np.frombuffer(bytearray((header + body).ljust(1200, b"\0")), np.uint8).reshape(1, -1)
    sodium.seal_rows(row, 16, [nonce], KEYS[cipher], cipher)
    assert raw == row.tobytes()


def test_both_ciphers_have_one_size_on_the_wire_and_nothing_in_clear_but_the_header() -> None:
    one, two = (sealed(ROUND, 20, cipher) for cipher in (CHACHA, AEGIS))
    assert one.shape == two.shape == (3, CHUNK_BYTES)
    assert np.array_equal(one[:, :16], two[:, :16])
    # Padding too is sealed: nothing repeats, in one datagram or between them.
    for datagrams in (one, two):
        blocks = [row[at : at + 16].tobytes() for row in datagrams for at in range(16, 1200, 16)]
        assert len(set(blocks)) == len(blocks)


@both_ciphers
def test_earliness_beyond_sixteen_bits_stays_at_the_bound(cipher: Cipher) -> None:
    for number, (early, sent) in enumerate(((1 << 20, 32_767), (-(1 << 20), -32_768))):
        datagrams = sealer(cipher).seal(number, 1, cells_of(0), Beside(early=early))
        _, (chunks,), _ = opened(datagrams, 1, cipher)
        assert chunks.beside.early == sent


@FUZZ
@given(
    number=st.integers(0, 1 << 40),
    off=st.integers(-1000, 1000),
    rows=st.integers(0, 20),
    cipher=ciphers,
)
def test_round_numbers_are_found_again_near_a_known_one(
    number: int, off: int, rows: int, cipher: Cipher
) -> None:
    rounds, (chunks,), _ = opened(sealed(number, rows, cipher), max(0, number + off), cipher)
    assert rounds == [number] * TWENTY.chunks(rows)
    assert chunks.round == number


def test_wrong_shapes_and_numbers_are_our_bug() -> None:
    cells = np.zeros((2, 128), np.uint8)
    cases: list[tuple[int, int, Any, int]] = [
        (-1, 1, cells, 0),
        (1 << 63, 1, cells, 0),
        (1, -1, cells, 0),
        (1, 1, cells[:, :127], 0),
        (1, 1, cells.astype(np.int8), 0),
        (1, 1, cells, 256),
        (1, 1, cells, -1),
    ]
    for number, age, matrix, flags in cases:
        with pytest.raises(Misuse):
            sealer().seal(number, age, matrix, Beside(flags=flags))
    for link in (b"", LINK[1:], LINK + b"\0"):
        with pytest.raises(Misuse):
            sealer(link=link)


def test_a_key_of_the_other_ciphers_size_is_our_bug() -> None:
    for cipher, other in ((CHACHA, AEGIS), (AEGIS, CHACHA)):
        with pytest.raises(Misuse):
            Sealer(LINK, KEYS[other], TWENTY, cipher).seal(1, 1, cells_of(1), NOTHING_BESIDE)


# ── sheets that are used again ───────────────────────────────────────────────────────────


@both_ciphers
def test_rounds_sealed_one_after_the_other_do_not_overwrite_one_another(cipher: Cipher) -> None:
    there = sealer(cipher)
    sizes = [40, 3, 0, 100, 40, 9, 200]
    held = [there.seal(n, 1, cells_of(rows, n), NOTHING_BESIDE) for n, rows in enumerate(sizes)]
    for number, (datagrams, rows) in enumerate(zip(held, sizes, strict=True)):
        assert np.array_equal(datagrams, sealed(number, rows, cipher))
        assert not any(np.shares_memory(datagrams, other) for other in held[:number])


@both_ciphers
def test_after_reuse_the_same_room_holds_others_and_all_of_them_is_new(cipher: Cipher) -> None:
    there = sealer(cipher)
    before = [there.seal(n, 1, cells_of(100, n), NOTHING_BESIDE) for n in range(2)]
    there.reuse()
    # A smaller round in the room of a larger one: no byte of the old one is left in it.
    after = there.seal(2, 1, cells_of(4, 2), NOTHING_BESIDE)
    assert np.shares_memory(after, before[0])
    assert np.array_equal(after, sealed(2, 4, cipher))
    larger = there.seal(3, 1, cells_of(300, 3), NOTHING_BESIDE)
    assert np.array_equal(larger, sealed(3, 300, cipher))
    assert np.array_equal(after, sealed(2, 4, cipher))


@FUZZ
@given(st.lists(st.one_of(st.integers(0, 60), st.none()), max_size=12), ciphers)
def test_however_rounds_and_reuse_take_turns_each_round_is_as_if_sealed_alone(
    steps: list[int | None], cipher: Cipher
) -> None:
    """A number is a round of so many rows, None is `reuse`."""
    there = sealer(cipher)
    held: list[tuple[int, int, NDArray[np.uint8]]] = []
    for number, rows in enumerate(steps):
        if rows is None:
            there.reuse()
            held.clear()
        else:
            datagrams = there.seal(number, 1, cells_of(rows, number), NOTHING_BESIDE)
            held.append((number, rows, datagrams))
        for each, of, datagrams in held:
            assert np.array_equal(datagrams, sealed(each, of, cipher))


# ── what is opened ───────────────────────────────────────────────────────────────────────


@both_ciphers
def test_many_opened_together_equal_each_opened_alone(cipher: Cipher) -> None:
    wide = np.zeros((5, 1500), np.uint8)
    wide[:, :CHUNK_BYTES] = sealer(cipher).seal(3, 7, cells_of(40), Beside(9, 1, 0))
    wide[2, 600] ^= 1
    alone = wide[:, :CHUNK_BYTES].copy()
    rounds, (many,), drops = opened(wide[:, :CHUNK_BYTES], 3, cipher)
    assert rounds == [3, 3, -1, 3, 3]
    assert drops == {Drop.FORGED: 1}
    assert many.numbers.tolist() == [0, 1, 3, 4]
    for place, row in enumerate((0, 1, 3, 4)):
        _, (one,), _ = opened(alone[row : row + 1], 3, cipher)
        assert (one.round, one.age, one.beside) == (many.round, many.age, many.beside)
        assert one.numbers.tolist() == [row]
        assert np.array_equal(one.cells[0], many.cells[place])
    assert opened(alone[2:3], 3, cipher) == ([-1], [], {Drop.FORGED: 1})


def test_a_whole_drain_of_one_round_is_opened_where_it_lies() -> None:
    wide = np.zeros((5, 2048), np.uint8)
    wide[:, :CHUNK_BYTES] = sealed(3, 40)
    _, (chunks,), _ = opened(wide[:, :CHUNK_BYTES], 3)
    assert np.shares_memory(chunks.cells, wide)


@both_ciphers
def test_rounds_and_ages_that_come_together_are_told_apart_in_rising_order(cipher: Cipher) -> None:
    """As after a stall: what waited in the socket comes at once, in any order."""
    there = sealer(cipher)
    words = {(9, 1): 5, (7, 2): -6, (7, 1): 7, (8, 1): 8}
    parts = [
        there.seal(number, age, cells_of(20, 10 * number + age), Beside(word, number, age))
        for (number, age), word in words.items()
    ]
    # One round goes out under one age only; here the sealer is asked to break that rule.
    order = [0, 5, 10, 3, 9, 1, 11, 4, 2, 7, 8, 6]
    datagrams = np.concatenate(parts)[order]
    rounds, groups, drops = opened(datagrams, 8, cipher)
    assert rounds == [list(words)[each // 3][0] for each in order]
    assert [(group.round, group.age) for group in groups] == sorted(words)
    for group in groups:
        place = list(words).index((group.round, group.age))
        chunk_of = [each % 3 for each in order if each // 3 == place]
        assert group.numbers.tolist() == chunk_of, "in the order in which they came"
        assert group.beside == (words[group.round, group.age], group.round, group.age)
        cells = np.zeros((27, 128), np.uint8)
        cells[:20] = cells_of(20, 10 * group.round + group.age)
        assert np.array_equal(group.cells, cells.reshape(3, -1)[chunk_of])
    assert not drops


def test_the_word_beside_a_round_is_that_of_the_last_chunk_that_came() -> None:
    there = sealer()
    early, late = (there.seal(n, 1, cells_of(9), Beside(early=n)) for n in (1, 2))
    other = sealer().seal(1, 1, cells_of(18), Beside(early=77))[1:]
    _, (one, two), _ = opened(np.concatenate((early, late, other)), 1)
    assert (one.beside.early, two.beside.early) == (77, 2)


@both_ciphers
def test_nothing_came_is_nothing_opened(cipher: Cipher) -> None:
    assert opened(np.zeros((0, CHUNK_BYTES), np.uint8), 5, cipher) == ([], [], {})


@both_ciphers
def test_no_byte_can_be_changed_and_no_other_link_opens(cipher: Cipher) -> None:
    (datagram,) = sealed(9, 9, cipher)
    places = [*range(16), 16, 700, BODY_END - 1, BODY_END, BODY_END + 15, BODY_END + 16, 1199]
    forged = np.repeat(datagram[None], len(places), axis=0)
    forged[np.arange(len(places)), places] ^= 1
    assert opened(forged, 9, cipher) == ([-1] * len(places), [], {Drop.FORGED: len(places)})
    drops = Drops()
    other = Opener(KEYS[cipher][::-1], cipher)
    rounds, chunks = other.open(datagram[None].copy(), 9, drops)
    assert (rounds.tolist(), list(chunks), drops) == ([-1], [], {Drop.FORGED: 1})
    assert opened(datagram[None].copy(), 9 + (1 << 32), cipher)[2] == {Drop.FORGED: 1}
    assert opened(datagram[None].copy(), 9, cipher)[0] == [9]


@FUZZ
@given(
    heads=st.lists(st.binary(min_size=16, max_size=16), max_size=6),
    near=st.integers(0, 1 << 62),
    seed=st.integers(0, 1 << 20),
    width=st.sampled_from([CHUNK_BYTES, 1500, 2048]),
    cipher=ciphers,
)
def test_whatever_bytes_come_they_are_counted_as_forged_and_yield_nothing(
    heads: list[bytes], near: int, seed: int, width: int, cipher: Cipher
) -> None:
    wide = Dice.seeded(seed).matrix(len(heads), width)
    for row, head in zip(wide, heads, strict=True):
        row[:16] = np.frombuffer(head, np.uint8)
    rounds, chunks, drops = opened(wide[:, :CHUNK_BYTES], near, cipher)
    assert rounds == [-1] * len(heads)
    assert chunks == []
    assert drops[Drop.FORGED] == drops.total() == len(heads)


@FUZZ
@given(
    came=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans(), st.integers(0, 1199)),
        max_size=20,
    ),
    cipher=ciphers,
)
def test_what_opens_is_what_was_sealed_and_the_rest_is_counted(
    came: list[tuple[int, int, bool, int]], cipher: Cipher
) -> None:
    """Chunks of four rounds in any order, some with a changed byte, some twice."""
    there = sealer(cipher)
    rounds = [there.seal(n, n // 2, cells_of(20, n), NOTHING_BESIDE) for n in range(4)]
    drain = np.zeros((len(came), CHUNK_BYTES), np.uint8)
    for row, (number, chunk, whole, place) in zip(drain, came, strict=True):
        row[:] = rounds[number][chunk]
        row[place] ^= 0 if whole else 0x10
    numbers, groups, drops = opened(drain, 2, cipher)
    assert numbers == [number if whole else -1 for number, _, whole, _ in came]
    assert drops[Drop.FORGED] == drops.total() == sum(not whole for _, _, whole, _ in came)
    good = [(number, chunk) for number, chunk, whole, _ in came if whole]
    assert [group.round for group in groups] == sorted({number for number, _ in good})
    for group in groups:
        assert group.age == group.round // 2
        assert group.numbers.tolist() == [c for number, c in good if number == group.round]
        cells = np.zeros((27, 128), np.uint8)
        cells[:20] = cells_of(20, group.round)
        assert np.array_equal(group.cells, cells.reshape(3, -1)[group.numbers])


@pytest.mark.parametrize("near", [0, 1 << 37, 1 << 50, 1 << 62])
def test_rounds_of_any_height_that_come_together_are_told_apart(near: int) -> None:
    """A neighbour may say that it is any round: none that opened is lost or named another."""
    drain = np.concatenate([sealed(number, 9) for number in (near + 3, near, near + 3)])
    drain[2, -1] ^= 1
    numbers, groups, drops = opened(drain, near)
    assert numbers == [near + 3, near, -1]
    assert [(group.round, group.age) for group in groups] == [(near, 1), (near + 3, 1)]
    assert drops == {Drop.FORGED: 1}


def test_an_opener_serves_drains_of_any_size_one_after_the_other() -> None:
    there, drops = opener(), Drops()
    for number, rows in enumerate([9, 200, 0, 18]):
        rounds, chunks = there.open(sealed(number, rows), number, drops)
        assert rounds.tolist() == [number] * TWENTY.chunks(rows)
        assert [group.round for group in chunks] == [number]
    assert not drops


# ── keys ─────────────────────────────────────────────────────────────────────────────────


def handshakes() -> tuple[Handshake, Handshake]:
    """Both ends of one that is finished."""
    one, other, *ephemerals = (KeyPair.of(bytes([number]) * 32) for number in range(1, 5))
    up = Handshake(
        Pattern.KK, True, b"", ephemeral=ephemerals[0], static=one, remote_static=other.public
    )
    down = Handshake(
        Pattern.KK, False, b"", ephemeral=ephemerals[1], static=other, remote_static=one.public
    )
    down.read(up.write())
    up.read(down.write())
    return up, down


@both_ciphers
def test_both_ends_of_a_handshake_share_link_keys_and_each_key_differs(cipher: Cipher) -> None:
    up, down = handshakes()
    keys = LinkKeys.of(up, cipher)
    assert keys == LinkKeys.of(down, cipher)
    assert keys.cipher == cipher
    assert len(keys.link_id) == 4
    assert len(keys.forward) == len(keys.backward) == cipher.key_bytes
    assert len({keys.forward, keys.backward, *up.split()}) == 4


def test_keys_for_one_cipher_say_nothing_of_those_for_the_other() -> None:
    up, _ = handshakes()
    chacha, aegis = LinkKeys.of(up, CHACHA), LinkKeys.of(up, AEGIS)
    assert chacha.link_id == aegis.link_id
    starts = {key[:16] for keys in (chacha, aegis) for key in (keys.forward, keys.backward)}
    assert len(starts) == 4


def test_nothing_shows_in_a_repr() -> None:
    up, _ = handshakes()
    assert repr(LinkKeys.of(up, CHACHA)) == "LinkKeys()"
    assert [repr(sealer()), repr(opener())] == ["Sealer()", "Opener()"]
