"""The door of a gateway: whose datagram it is, and what strangers can do."""

import numpy as np
import pytest
from entries import NOW, ROUND, ZONE, client, entry, hear, snapshot, upward
from hypothesis import given
from hypothesis import strategies as st
from sizes import CELL_BYTES, UP_BYTES
from zones import FUZZ, example_keys

from pymix_voice.client.connection import Connection
from pymix_voice.errors import BadCell, Drop, Drops
from pymix_voice.gateway.entry import Entry
from pymix_voice.geometry import ACCESS_HEADER_BYTES
from pymix_voice.onion.dice import Dice
from pymix_voice.zone import access
from pymix_voice.zone.access import Kind
from pymix_voice.zone.drain import Drain

CELL = bytes(range(CELL_BYTES))
ONIONS = Dice.seeded(1).bytes(2 * ZONE.geometry.onion_bytes)


def test_cells_of_many_clients_are_opened_together_and_forged_ones_left_out() -> None:
    at = entry()
    (alice, of_alice), (bob, of_bob) = client(at), client(at, seed=3)
    line = alice.seal(Kind.LINE, ROUND, CELL)
    door = bob.seal(Kind.DOOR, ROUND + 3, CELL[::-1])
    forged = bytearray(alice.seal(Kind.LINE, ROUND + 1, CELL))
    forged[-1] ^= 1
    stranger = b"none" + line[4:]
    odd_kind = line[:4] + bytes([Kind.SETUP]) + line[5:]
    datagrams = [line, b"short", bytes(forged), door, stranger, odd_kind]
    drain, drops = Drain.of(datagrams, [b"a", b"b", b"c", b"d", b"e", b"f"], NOW, 300), Drops()
    found, rest = at.sort(drain, ROUND - 1, drops)
    assert found.slots.tolist() == [of_alice.slot, of_alice.slot, of_bob.slot]
    assert found.kinds.tolist() == [Kind.LINE, Kind.LINE, Kind.DOOR]
    assert found.numbers.tolist() == [ROUND, ROUND + 1, ROUND + 3]
    assert found.sources.tolist() == [b"a", b"c", b"d"]
    assert rest.tolist() == [1]
    assert drops == {Drop.UNKNOWN_SESSION: 1, Drop.MALFORMED: 1}
    opened = at.open(found, drops)
    assert opened.slots.tolist() == [of_alice.slot, of_bob.slot]
    assert opened.kinds.tolist() == [Kind.LINE, Kind.DOOR]
    assert opened.numbers.tolist() == [ROUND, ROUND + 3]
    assert opened.sources.tolist() == [b"a", b"d"]
    assert [cell.tobytes() for cell in opened.cells] == [CELL, CELL[::-1]]
    assert drops == {Drop.UNKNOWN_SESSION: 1, Drop.MALFORMED: 1, Drop.FORGED: 1}


def test_a_drain_of_nothing_but_good_cells_is_opened_where_it_lies() -> None:
    at = entry()
    mine, _ = client(at)
    lines = [mine.seal(Kind.LINE, ROUND + offset, CELL) for offset in range(3)]
    drain, drops = Drain.of(lines, [b"home"] * 3, NOW, 300), Drops()
    found, rest = at.sort(drain, ROUND, drops)
    opened = at.open(found, drops)
    assert not len(rest)
    assert not drops
    assert np.shares_memory(opened.datagrams, drain.cells)
    assert [cell.tobytes() for cell in opened.cells] == [CELL] * 3


def test_an_empty_drain_opens_nothing() -> None:
    at, drops = entry(), Drops()
    found, rest = at.sort(Drain.of([], [], NOW, 300), ROUND, drops)
    assert not len(rest)
    assert len(at.open(found, drops).slots) == 0
    assert at.heard(found, ROUND).tolist() == []
    assert not drops


def test_forged_datagrams_confirm_refresh_and_move_nobody() -> None:
    at = entry()
    (mine, session), (_, fresh) = client(at), client(at, seed=3)
    hear(at, session, ROUND, b"home")
    before = snapshot(at)
    good = mine.seal(Kind.LINE, ROUND + 9, CELL)
    theirs = fresh.session_id + good[4:]
    broken = [
        good[:-1] + bytes([good[-1] ^ 1]),
        good[:5] + bytes([good[5] ^ 1]) + good[6:],
        good[:4] + bytes([Kind.DOOR]) + good[5:],
        good[:4] + bytes([Kind.CHALLENGE]) + good[5:],
        good[:40] + bytes([good[40] ^ 128]) + good[41:],
        theirs,
    ]
    drain, drops = Drain.of(broken, [b"elsewhere"] * len(broken), NOW, 300), Drops()
    found, _ = at.sort(drain, ROUND + 1, drops)
    assert len(found.slots) == len(broken)
    assert at.heard(at.open(found, drops), ROUND + 1).tolist() == []
    assert drops == {Drop.FORGED: len(broken)}
    assert snapshot(at) == before


def test_of_several_datagrams_in_one_drain_those_newer_than_all_before_them_are_told() -> None:
    at = entry()
    (_, one), (_, two) = client(at), client(at, seed=3)
    hear(at, one, ROUND + 3, b"home")
    came = [(one, 2), (two, 1), (one, 4), (one, 3), (one, 5), (two, 0)]
    newer = at.heard(
        upward(*((session, ROUND + offset, b"home") for session, offset in came)), ROUND + 8
    )
    assert newer.tolist() == [False, True, True, False, True, False]
    assert at.sessions.newest[[one.slot, two.slot]].tolist() == [ROUND + 5, ROUND + 1]
    assert at.sessions.heard[[one.slot, two.slot]].tolist() == [ROUND + 8, ROUND + 8]


def test_a_datagram_that_is_not_newer_is_no_sign_of_life() -> None:
    at = entry()
    _, session = client(at)
    hear(at, session, ROUND, b"home")
    assert at.heard(upward((session, ROUND, b"home")), ROUND + 20).tolist() == [False]
    assert at.sessions.heard[session.slot] == ROUND


# ── set-ups and hellos ───────────────────────────────────────────────────────────────────


def test_a_set_up_opens_for_its_session_and_epoch() -> None:
    at = entry()
    mine, session = client(at)
    with pytest.raises(BadCell) as caught:
        at.open_setup(setup_of(mine), ROUND)
    assert caught.value.reason == Drop.UNEXPECTED
    hear(at, session, ROUND, b"home")
    epoch = ZONE.geometry.epoch_of(ROUND) + 1
    raw = setup_of(mine)
    assert len(raw) == ZONE.geometry.setup_bytes
    assert at.open_setup(raw, ROUND) == (session.slot, epoch, ONIONS)
    cases = [
        (b"none" + raw[4:], Drop.UNKNOWN_SESSION),
        (raw[:4] + bytes([Kind.LINE]) + raw[5:], Drop.MALFORMED),
        (raw[:5] + b"\1" + raw[6:], Drop.FORGED),
        (raw[:-1] + bytes([raw[-1] ^ 1]), Drop.FORGED),
    ]
    for bad, reason in cases:
        with pytest.raises(BadCell) as caught:
            at.open_setup(bad, ROUND)
        assert caught.value.reason == reason


def setup_of(mine: Connection) -> bytes:
    return mine.seal(Kind.SETUP, ZONE.geometry.epoch_of(ROUND) + 1, ONIONS)


def test_a_full_gateway_refuses_under_seal_and_keeps_no_session() -> None:
    at = entry(capacity=1)
    client(at)
    other = Connection(ZONE, 0, Dice.seeded(9), NOW)
    hello = other.try_again(NOW)
    assert hello is not None
    assert other.take_welcome(at.welcome(hello, b"there", ROUND, 0.0, 0, NOW), NOW) is None
    assert len(at.sessions) == 1


def test_a_worker_gives_ids_that_lead_to_it_and_its_part_of_what_a_prefix_may_have() -> None:
    _, keys = example_keys(3)
    at = Entry(ZONE, 0, keys[0].link, 64, lambda source: source[:4], Dice.seeded(1), 2, 3)
    for seed in range(-(-ZONE.sessions_per_prefix // 3)):
        _, session = client(at, b"home %d" % seed, seed)
        assert int.from_bytes(session.session_id, "big") % 3 == 2
    assert at.sessions.reserve(b"home too", ROUND) is None
    assert at.sessions.reserve(b"next door", ROUND) is not None


@FUZZ
@given(st.binary(min_size=access.HELLO_BYTES, max_size=access.HELLO_BYTES))
def test_any_hello_is_a_bad_cell_and_takes_no_place(raw: bytes) -> None:
    at = entry()
    named = access.header(access.NO_SESSION, Kind.HELLO, 0) + raw[ACCESS_HEADER_BYTES:]
    for hello in (raw, named):
        with pytest.raises(BadCell):
            at.welcome(hello, b"anybody", ROUND, 0.0, 0, NOW)
    assert len(at.sessions) == 0


@FUZZ
@given(st.lists(st.binary(max_size=UP_BYTES + 2), max_size=6), st.integers(0, 2**62))
def test_any_datagrams_are_sorted_and_none_opens(raw: list[bytes], last: int) -> None:
    at = entry()
    _, session = client(at)
    aimed = [(session.session_id + b"\1" + each).ljust(UP_BYTES, b"\0")[:UP_BYTES] for each in raw]
    drain = Drain.of([*raw, *aimed], [b"x"] * (2 * len(raw)), NOW, 300)
    drops = Drops()
    found, rest = at.sort(drain, last, drops)
    opened = at.open(found, drops)
    assert len(opened.slots) == 0
    assert len(rest) + drops.total() == 2 * len(raw)
    assert not at.sessions.confirmed[session.slot]
