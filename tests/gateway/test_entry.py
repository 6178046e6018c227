"""The door of a gateway: whose datagram it is, where clients are, and what strangers can do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zones import FUZZ, example_keys, example_zone

from pymix_voice.client.connection import Connection
from pymix_voice.errors import BadCell, Drop, Drops
from pymix_voice.gateway.entry import Entry
from pymix_voice.gateway.sessions import Session
from pymix_voice.geometry import ACCESS_HEADER_BYTES, CELL_BYTES, UP_BYTES
from pymix_voice.onion.dice import Dice
from pymix_voice.zone import access
from pymix_voice.zone.access import Kind
from pymix_voice.zone.drain import Drain

ZONE = example_zone(mixes=3)
ROUND = 90_000_000_000
NOW = 1000.0
CELL = bytes(range(CELL_BYTES))


def entry(capacity: int = 5) -> Entry:
    _, keys = example_keys(3)
    return Entry(ZONE, 0, keys[0].link, capacity, lambda _source: None, Dice.seeded(1))


def client(at: Entry, source: str = "home", seed: int = 2) -> tuple[Connection, Session]:
    mine = Connection(ZONE, 0, Dice.seeded(seed), NOW)
    hello = mine.try_again(NOW)
    assert hello is not None
    made = mine.take_welcome(at.welcome(hello, source, ROUND, 0.0, 0, NOW), NOW)
    assert made is not None
    held = at.sessions.get(made.session_id)
    assert held is not None
    return mine, held


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
    drain, drops = Drain.of(datagrams, list("abcdef"), 300), Drops()
    upward, rest = at.sort(drain, ROUND - 1, drops)
    assert [(each.place, each.session, each.kind, each.number, each.source) for each in upward] == [
        (0, of_alice, Kind.LINE, ROUND, "a"),
        (2, of_alice, Kind.LINE, ROUND + 1, "c"),
        (3, of_bob, Kind.DOOR, ROUND + 3, "d"),
    ]
    assert rest == [1]
    assert drops == {Drop.UNKNOWN_SESSION: 1, Drop.MALFORMED: 1}
    assert at.open(drain, upward).tolist() == [True, False, True]
    body = slice(ACCESS_HEADER_BYTES, ACCESS_HEADER_BYTES + CELL_BYTES)
    assert drain.cells[0, body].tobytes() == CELL
    assert drain.cells[3, body].tobytes() == CELL[::-1]


def test_an_empty_drain_opens_nothing() -> None:
    at = entry()
    drain = Drain.of([], [], 300)
    assert at.sort(drain, ROUND, Drops()) == ([], [])
    assert at.open(drain, []).tolist() == []


# ── roaming ──────────────────────────────────────────────────────────────────────────────


def test_a_client_that_is_heard_from_home_is_answered_there() -> None:
    at = entry()
    _, session = client(at)
    at.heard(session, ROUND, "home", ROUND)
    assert session.confirmed
    assert [at.destination(session) for _ in range(3)] == ["home"] * 3


def test_elsewhere_gets_one_datagram_for_one_until_the_challenge_comes_back() -> None:
    at = entry()
    _, session = client(at)
    at.heard(session, ROUND, "home", ROUND)
    at.heard(session, ROUND + 1, "elsewhere", ROUND)
    challenge = session.challenge
    assert len(challenge) == access.CHALLENGE_BYTES
    assert [at.destination(session) for _ in range(2)] == ["elsewhere", None]
    at.heard(session, ROUND + 2, "elsewhere", ROUND)
    assert session.challenge == challenge
    assert [at.destination(session) for _ in range(2)] == ["elsewhere", None]
    at.answer_challenge(session, challenge, "elsewhere")
    assert [at.destination(session) for _ in range(3)] == ["elsewhere"] * 3
    assert session.challenge == b""


def test_a_challenge_counts_only_whole_from_there_and_while_it_is_asked() -> None:
    at = entry()
    _, session = client(at)
    for answer, source in ((b"", "home"), (bytes(8), "home")):
        with pytest.raises(BadCell):
            at.answer_challenge(session, answer, source)
    at.heard(session, ROUND, "elsewhere", ROUND)
    challenge = session.challenge
    for answer, source in ((challenge, "home"), (bytes(8), "elsewhere"), (b"", "elsewhere")):
        with pytest.raises(BadCell) as caught:
            at.answer_challenge(session, answer, source)
        assert caught.value.reason == Drop.UNEXPECTED
    assert session.source == "home"


def test_who_is_heard_at_home_again_has_not_moved() -> None:
    at = entry()
    _, session = client(at)
    at.heard(session, ROUND, "elsewhere", ROUND)
    challenge = session.challenge
    at.heard(session, ROUND + 1, "home", ROUND)
    assert at.destination(session) == "home"
    with pytest.raises(BadCell):
        at.answer_challenge(session, challenge, "elsewhere")


def test_an_older_round_from_elsewhere_moves_nobody() -> None:
    at = entry()
    _, session = client(at)
    at.heard(session, ROUND + 5, "home", ROUND)
    at.heard(session, ROUND + 4, "elsewhere", ROUND)
    at.heard(session, ROUND + 5, "elsewhere", ROUND)
    assert session.candidate is None
    assert at.destination(session) == "home"


def test_each_move_has_a_challenge_of_its_own() -> None:
    at = entry()
    _, session = client(at)
    at.heard(session, ROUND, "one", ROUND)
    first = session.challenge
    at.heard(session, ROUND + 1, "two", ROUND)
    assert session.challenge != first
    with pytest.raises(BadCell):
        at.answer_challenge(session, first, "one")


@FUZZ
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 12)), max_size=40))
def test_an_unproved_place_never_gets_more_than_came_from_it(steps: list[tuple[bool, int]]) -> None:
    at = entry()
    _, session = client(at)
    up = down = 0
    for says, offset in steps:
        if says:
            at.heard(session, ROUND + offset, "elsewhere", ROUND)
            up += 1
        else:
            down += at.destination(session) == "elsewhere"
    assert down <= up


# ── set-ups and hellos ───────────────────────────────────────────────────────────────────


def test_a_set_up_opens_for_its_session_and_epoch() -> None:
    at = entry()
    mine, session = client(at)
    mine_confirmed(at, session)
    epoch = ZONE.geometry.epoch_of(ROUND) + 1
    onions = Dice.seeded(1).bytes(2 * ZONE.geometry.onion_bytes)
    raw = mine.seal(Kind.SETUP, epoch, onions)
    assert len(raw) == ZONE.geometry.setup_bytes
    assert at.open_setup(raw, ROUND) == (session, epoch, onions)
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


def mine_confirmed(at: Entry, session: Session) -> None:
    at.heard(session, ROUND, "home", ROUND)


def test_a_full_gateway_refuses_under_seal_and_keeps_no_session() -> None:
    at = entry(capacity=1)
    client(at)
    other = Connection(ZONE, 0, Dice.seeded(9), NOW)
    hello = other.try_again(NOW)
    assert hello is not None
    assert other.take_welcome(at.welcome(hello, "there", ROUND, 0.0, 0, NOW), NOW) is None
    assert len(at.sessions) == 1


@FUZZ
@given(st.binary(min_size=access.HELLO_BYTES, max_size=access.HELLO_BYTES))
def test_any_hello_is_a_bad_cell_and_takes_no_place(raw: bytes) -> None:
    at = entry()
    named = access.header(access.NO_SESSION, Kind.HELLO, 0) + raw[ACCESS_HEADER_BYTES:]
    for hello in (raw, named):
        with pytest.raises(BadCell):
            at.welcome(hello, "anybody", ROUND, 0.0, 0, NOW)
    assert len(at.sessions) == 0


@FUZZ
@given(st.lists(st.binary(max_size=UP_BYTES + 2), max_size=6), st.integers(0, 2**62))
def test_any_datagrams_are_sorted_and_none_opens(raw: list[bytes], last: int) -> None:
    at = entry()
    _, session = client(at)
    aimed = [(session.session_id + b"\1" + each).ljust(UP_BYTES, b"\0")[:UP_BYTES] for each in raw]
    drain = Drain.of([*raw, *aimed], ["x"] * (2 * len(raw)), 300)
    upward, rest = at.sort(drain, last, Drops())
    assert not np.any(at.open(drain, upward))
    assert len(upward) + len(rest) >= len(aimed)
    assert not session.confirmed
