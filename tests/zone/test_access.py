"""The access link: sizes, round trips, and what any bytes can do (nothing but a BadCell)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sizes import CELL_BYTES, DOWN_BYTES, UP_BYTES
from zones import FUZZ

from pymix_voice.errors import BadCell, Drop
from pymix_voice.geometry import ACCESS_HEADER_BYTES, PIECE_BYTES, STATUS_BYTES, Geometry
from pymix_voice.onion import sodium
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.noise import Handshake, Pattern
from pymix_voice.zone import access
from pymix_voice.zone.access import AccessKeys, Kind, Status
from pymix_voice.zone.epochs import Outlook

KEYS = AccessKeys(bytes([1] * 32), bytes([2] * 32))
SESSION = b"four"
ROUND = 90_000_000_000
CELL = bytes(range(CELL_BYTES))

statuses = st.builds(
    Status,
    early=st.integers(-(2**15), 2**15 - 1),
    early_round=st.integers(0, 255),
    outlook=st.sampled_from(Outlook),
    acknowledged=st.booleans(),
    has_row=st.booleans(),
    epoch_low=st.integers(0, 15),
    population=st.integers(0, 0xFFFF),
    challenged=st.booleans(),
    piece=st.binary(min_size=PIECE_BYTES, max_size=PIECE_BYTES),
)
STATUS = Status(-5, 9, Outlook.SWITCH, True, False, 3, 12, False, bytes(16))


def seal_down(
    number: int,
    *,
    kind: int = Kind.LINE,
    session: bytes = SESSION,
    status: bytes | None = None,
    key: bytes = KEYS.down,
) -> bytes:
    head = access.header(session, kind, number)
    body = CELL + (STATUS.pack() if status is None else status)
    return head + sodium.seal(key, access.nonce(kind, number), body, head)


@FUZZ
@given(statuses)
def test_a_status_comes_back_as_it_was_packed(status: Status) -> None:
    raw = status.pack()
    assert len(raw) == STATUS_BYTES
    assert access.parse_status(raw) == status


@FUZZ
@given(st.binary(min_size=STATUS_BYTES, max_size=STATUS_BYTES))
def test_any_status_is_read_or_refused(raw: bytes) -> None:
    if raw[3] & 3 == 3 or raw[6] > 1:
        with pytest.raises(BadCell) as caught:
            access.parse_status(raw)
        assert caught.value.reason == Drop.MALFORMED
    else:
        status = access.parse_status(raw)
        assert access.parse_status(status.pack()) == status


@FUZZ
@given(statuses, st.integers(0, 2**62), st.integers(-(2**23) + 1, 2**23), st.sampled_from([1, 2]))
def test_a_datagram_down_opens_to_what_was_sealed(
    status: Status, number: int, off: int, kind: int
) -> None:
    datagram = seal_down(number, kind=kind, status=status.pack())
    assert len(datagram) == DOWN_BYTES
    opened = access.open_down(KEYS, SESSION, datagram, max(0, number - off))
    assert opened == (Kind(kind), number, CELL, status)


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (seal_down(ROUND)[:47], Drop.MALFORMED),
        (seal_down(ROUND)[:-1], Drop.FORGED),
        (seal_down(ROUND) + b"\0", Drop.FORGED),
        (seal_down(ROUND, session=b"none"), Drop.UNKNOWN_SESSION),
        (seal_down(ROUND, kind=Kind.SETUP), Drop.MALFORMED),
        (seal_down(ROUND, kind=77), Drop.MALFORMED),
        (seal_down(ROUND, key=KEYS.up), Drop.FORGED),
        (seal_down(ROUND + 2**24), Drop.FORGED),
        (seal_down(ROUND, status=b"\0\0\0\x03".ljust(24, b"\0")), Drop.MALFORMED),
    ],
)
def test_what_is_no_datagram_of_this_session_is_dropped_by_reason(
    datagram: bytes, reason: Drop
) -> None:
    with pytest.raises(BadCell) as caught:
        access.open_down(KEYS, SESSION, datagram, ROUND)
    assert caught.value.reason == reason


@FUZZ
@given(st.integers(0, DOWN_BYTES - 1), st.integers(1, 255))
def test_no_byte_of_a_datagram_can_be_changed(place: int, change: int) -> None:
    datagram = bytearray(seal_down(ROUND))
    datagram[place] ^= change
    with pytest.raises(BadCell):
        access.open_down(KEYS, SESSION, bytes(datagram), ROUND)


@FUZZ
@given(st.binary(max_size=DOWN_BYTES + 1), st.integers(0, 2**62))
def test_any_bytes_are_a_bad_cell(raw: bytes, near: int) -> None:
    for datagram in (raw, (SESSION + b"\x01" + raw).ljust(DOWN_BYTES, b"\0")[:DOWN_BYTES]):
        with pytest.raises(BadCell):
            access.open_down(KEYS, SESSION, datagram, near)


def test_every_datagram_up_has_one_size_but_the_set_up() -> None:
    line = access.seal_up(KEYS, SESSION, Kind.LINE, ROUND, CELL)
    door = access.seal_up(KEYS, SESSION, Kind.DOOR, ROUND, CELL)
    assert len(line) == len(door) == UP_BYTES
    assert line[8:] != door[8:]
    geometry = Geometry(3, 20)
    onions = bytes(2 * geometry.onion_bytes)
    setup = access.seal_up(KEYS, SESSION, Kind.SETUP, 9, onions)
    assert len(setup) == geometry.setup_bytes


def test_sizes_on_the_wire_never_let_two_kinds_be_confused() -> None:
    sizes = {
        UP_BYTES,
        DOWN_BYTES,
        access.HELLO_BYTES,
        access.WELCOME_BYTES,
        access.RETRY_BYTES,
        *(Geometry(mixes, 20).setup_bytes for mixes in range(1, 9)),
    }
    assert len(sizes) == 5 + 8


def test_no_reply_to_a_hello_is_longer_than_the_hello() -> None:
    assert max(access.WELCOME_BYTES, access.RETRY_BYTES) <= access.HELLO_BYTES


@FUZZ
@given(
    st.tuples(st.sampled_from(Kind), st.integers(0, 2**62)),
    st.tuples(st.sampled_from(Kind), st.integers(0, 2**62)),
)
def test_two_kinds_or_numbers_never_share_a_nonce(
    one: tuple[int, int], two: tuple[int, int]
) -> None:
    assert (access.nonce(*one) == access.nonce(*two)) == (one == two)
    assert len(access.nonce(*one)) == sodium.NONCE_BYTES


@FUZZ
@given(st.lists(st.tuples(st.sampled_from(Kind), st.integers(0, 2**62)), max_size=6))
def test_nonces_of_many_are_what_each_is_alone_whatever_was_there(
    named: list[tuple[int, int]],
) -> None:
    out = Dice.seeded(1).matrix(len(named), sodium.NONCE_BYTES)
    kinds = np.array([kind for kind, _ in named], np.uint8)
    numbers = np.array([number for _, number in named], np.int64)
    assert access.nonces(kinds, numbers, out) is out
    assert [row.tobytes() for row in out] == [access.nonce(*each) for each in named]


@FUZZ
@given(st.sampled_from(Kind), st.integers(0, 2**62), st.integers(0, 4))
def test_one_kind_and_number_serve_all_rows(kind: int, number: int, rows: int) -> None:
    out = Dice.seeded(2).matrix(rows, sodium.NONCE_BYTES)
    found = [row.tobytes() for row in access.nonces(kind, number, out)]
    assert found == [access.nonce(kind, number)] * rows


@FUZZ
@given(
    st.lists(
        st.tuples(st.binary(min_size=4, max_size=4), st.sampled_from(Kind), st.integers(0, 2**62)),
        max_size=6,
    )
)
def test_headers_of_many_say_what_each_says_alone(named: list[tuple[bytes, Kind, int]]) -> None:
    raw = b"".join(access.header(*each) for each in named)
    heads = np.frombuffer(raw, access.HEADERS)
    assert heads.dtype.itemsize == ACCESS_HEADER_BYTES
    assert heads["session"].tolist() == [int.from_bytes(each[0], "little") for each in named]
    assert heads["kind"].tolist() == [each[1] for each in named]
    assert access.lows(heads["low"]).tolist() == [each[2] % (1 << 24) for each in named]


@FUZZ
@given(st.lists(statuses, min_size=1, max_size=5))
def test_statuses_written_together_are_what_each_packs_alone(said: list[Status]) -> None:
    # Outlook and epoch are one for all of a round's statuses, as the gateway's are.
    said = [each._replace(outlook=said[0].outlook, epoch_low=said[0].epoch_low) for each in said]
    out = Dice.seeded(3).matrix(len(said), STATUS_BYTES)
    fields = out.view(access.STATUSES)[:, 0]
    for name in ("early", "early_round", "population", "challenged"):
        fields[name] = [getattr(each, name) for each in said]
    fields["zero"] = 0
    fields["piece"] = [np.frombuffer(each.piece, np.uint8) for each in said]
    acknowledged = np.array([each.acknowledged for each in said])
    has_row = np.array([each.has_row for each in said])
    epoch = 0x7FFF0 + said[0].epoch_low
    fields["flags"] = access.status_flags(said[0].outlook, acknowledged, has_row, epoch)
    assert [row.tobytes() for row in out] == [each.pack() for each in said]


def test_where_a_hellos_own_key_is_nothing_but_its_header_and_cookie_come_before() -> None:
    client = Handshake(
        Pattern.NK,
        True,
        access.prologue(bytes(32), 0),
        ephemeral=KeyPair.draw(Dice.seeded(4)),
        remote_static=KeyPair.draw(Dice.seeded(5)).public,
    )
    text = client.write()
    assert len(text) == access.NOISE_HELLO_BYTES
    head = access.header(access.NO_SESSION, Kind.HELLO, 0)
    hello = (head + bytes(access.COOKIE_BYTES) + text).ljust(access.HELLO_BYTES, b"\0")
    key = hello[access.EPHEMERAL_AT : access.EPHEMERAL_AT + 32]
    assert key == KeyPair.draw(Dice.seeded(4)).public


def test_the_header_carries_the_low_three_bytes_of_the_number() -> None:
    head = access.header(SESSION, Kind.DOOR, 0x0102030405)
    assert head == b"four\x02\x05\x04\x03"
    assert len(head) == ACCESS_HEADER_BYTES


def test_both_sides_of_a_handshake_derive_the_same_two_keys() -> None:
    dice = Dice.seeded(3)
    static = KeyPair.draw(dice)
    words = access.prologue(bytes(32), 1)
    client = Handshake(
        Pattern.NK, True, words, ephemeral=KeyPair.draw(dice), remote_static=static.public
    )
    gateway = Handshake(Pattern.NK, False, words, ephemeral=KeyPair.draw(dice), static=static)
    gateway.read(client.write())
    client.read(gateway.write())
    assert AccessKeys.of(client) == AccessKeys.of(gateway)
    assert AccessKeys.of(client).up != AccessKeys.of(client).down


def test_a_handshake_is_bound_to_its_zone_and_gateway() -> None:
    assert len({access.prologue(bytes([z] * 32), g) for z in range(3) for g in range(3)}) == 9
