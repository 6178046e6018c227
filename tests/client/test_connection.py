"""A client's session with its gateway: hello, cookie, welcome, refusal, and trying again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sizes import CELL_BYTES, UP_BYTES
from zones import FUZZ, example_keys, example_zone

from pymix_voice.client.connection import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    PATIENCE_ROUNDS,
    Connection,
    Session,
)
from pymix_voice.errors import BadCell, Drop
from pymix_voice.gateway.entry import Entry
from pymix_voice.gateway.porter import FREE_HELLOS
from pymix_voice.onion import sodium
from pymix_voice.onion.dice import Dice
from pymix_voice.zone import access
from pymix_voice.zone.access import Kind, Status
from pymix_voice.zone.drain import Address
from pymix_voice.zone.epochs import Outlook

ZONE = example_zone(mixes=3)
T = ZONE.geometry.round_s
ROUND = 90_000_000_000
NOW = 1000.0
STATUS = Status(0, 0, Outlook.UNDECIDED, False, False, 0, 5, False, bytes(16)).pack()


def entry(capacity: int = 5, seed: int = 1) -> Entry:
    _, keys = example_keys(3)
    return Entry(ZONE, 0, keys[0].link, capacity, lambda _source: None, Dice.seeded(seed))


def connection(seed: int = 2) -> Connection:
    return Connection(ZONE, 0, Dice.seeded(seed), NOW)


def hello_of(mine: Connection, now: float = NOW) -> bytes:
    hello = mine.try_again(now)
    assert hello is not None
    return hello


def welcome(at: Entry, hello: bytes, now: float = NOW, source: Address = b"here") -> bytes:
    return at.welcome(hello, source, ROUND, 0.012, 7, now)


def entered(mine: Connection, at: Entry, now: float = NOW) -> Session:
    session = mine.take_welcome(welcome(at, hello_of(mine, now)), now)
    assert session is not None
    return session


def down(session: Session, number: int) -> bytes:
    head = access.header(session.session_id, Kind.LINE, number)
    nonce = access.nonce(Kind.LINE, number)
    return head + sodium.seal(session.keys.down, nonce, bytes(CELL_BYTES) + STATUS, head)


def test_hello_and_welcome_make_a_session_that_both_sides_hold() -> None:
    mine, gateway = connection(), entry()
    hello = hello_of(mine)
    assert len(hello) == access.HELLO_BYTES
    reply = welcome(gateway, hello)
    assert len(reply) == access.WELCOME_BYTES
    session = mine.take_welcome(reply, NOW + 0.030)
    assert session is not None
    held = gateway.sessions.get(session.session_id)
    assert held is not None
    keys = gateway.sessions.up[held.slot], gateway.sessions.down[held.slot]
    assert session.keys == tuple(key.tobytes() for key in keys)
    assert session.number == ROUND
    # 12 ms were left when the welcome was sent; 30 ms go for the way there and back.
    assert session.due == pytest.approx(NOW + 0.030 + 0.012 - 0.030)
    assert not mine.broken
    assert mine.sessions == 1
    assert repr(session) == "Session()"


def test_a_full_gateway_says_so_under_seal_and_it_is_tried_again() -> None:
    mine, gateway = connection(), entry(capacity=1)
    entered(connection(3), gateway)
    assert mine.take_welcome(welcome(gateway, hello_of(mine)), NOW) is None
    assert mine.full
    assert mine.broken
    assert mine.try_again(NOW + 0.1) is None
    assert mine.try_again(NOW + 1.0) is not None


def test_pauses_double_with_jitter_up_to_eight_seconds() -> None:
    mine, now, pauses = connection(), NOW, []
    hello_of(mine)
    for _ in range(8):
        later = mine.deadline()
        pauses.append(later - now)
        now = later
        assert mine.try_again(now - 1e-6) is None
        hello_of(mine, now)
    wanted = [min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**n) for n in range(8)]
    for pause, middle in zip(pauses, wanted, strict=True):
        assert 0.74 * middle <= pause <= 1.26 * middle
    other = connection(seed=3)
    hello_of(other)
    assert other.deadline() - NOW != pauses[0]


def test_every_hello_has_an_ephemeral_of_its_own_and_one_length() -> None:
    mine = connection()
    hellos = [hello_of(mine, NOW + 20 * n) for n in range(4)]
    assert len(set(hellos)) == 4
    assert {len(hello) for hello in hellos} == {access.HELLO_BYTES}


def test_a_crowded_gateway_asks_for_a_cookie_and_takes_it() -> None:
    mine, gateway = connection(), entry()
    for number in range(FREE_HELLOS):
        welcome(gateway, hello_of(connection(10 + number)), NOW - 0.9 + number / 40)
    hello = hello_of(mine)
    retry = welcome(gateway, hello)
    assert len(retry) == access.RETRY_BYTES
    again = mine.take_retry(retry)
    assert len(again) == access.HELLO_BYTES
    assert again[access.EPHEMERAL_AT :] == hello[access.EPHEMERAL_AT :]
    assert len(welcome(gateway, again)) == access.WELCOME_BYTES
    assert len(welcome(gateway, again, source=b"elsewhere")) == access.RETRY_BYTES


def test_retries_and_welcomes_that_were_not_asked_for_are_unexpected() -> None:
    mine, gateway = connection(), entry()
    reply = welcome(gateway, hello_of(connection(3)))
    for attempt in (lambda: mine.take_welcome(reply, NOW), lambda: mine.take_retry(bytes(24))):
        with pytest.raises(BadCell) as caught:
            attempt()
        assert caught.value.reason == Drop.UNEXPECTED


def test_a_forged_welcome_changes_nothing_and_the_true_one_is_taken_after() -> None:
    mine, gateway = connection(), entry()
    reply = welcome(gateway, hello_of(mine))
    others = welcome(gateway, hello_of(connection(3)))
    for forged in (others, reply[:-1] + bytes([reply[-1] ^ 1]), bytes(len(reply))):
        with pytest.raises(BadCell):
            mine.take_welcome(forged, NOW)
    assert mine.session is None
    assert mine.take_welcome(reply, NOW) is not None
    with pytest.raises(BadCell):
        mine.take_welcome(reply, NOW)


def test_numbers_beyond_all_rounds_are_malformed() -> None:
    mine, gateway = connection(), entry()
    reply = gateway.welcome(hello_of(mine), b"here", 2**62 + 5, 0.0, 0, NOW)
    with pytest.raises(BadCell) as caught:
        mine.take_welcome(reply, NOW)
    assert caught.value.reason == Drop.MALFORMED


def test_who_stood_still_does_not_take_its_session_for_broken() -> None:
    """A computer that slept heard nothing meanwhile, and asks for nothing when it is awake."""
    mine = connection()
    entered(mine, entry())
    wait(mine, NOW, NOW + 0.3)
    awake = NOW + 3.3
    assert mine.try_again(awake) is None
    # It was silent there for 0.3 s before: the rest of its patience counts from now on.
    left = PATIENCE_ROUNDS * T - 0.3
    wait(mine, awake, awake + left - 0.001)
    hello_of(mine, awake + left + 0.001)


def wait(mine: Connection, since: float, until: float) -> None:
    """Time passes, and there is nothing to say."""
    for step in range(int((until - since) / T) + 1):
        assert mine.try_again(since + step * T) is None
    assert mine.try_again(until) is None


def test_after_25_rounds_without_a_datagram_a_new_session_is_sought_and_the_old_one_used() -> None:
    mine, gateway = connection(), entry()
    session = entered(mine, gateway)
    quiet = NOW + PATIENCE_ROUNDS * T
    wait(mine, NOW, quiet - 0.001)
    assert mine.deadline() == pytest.approx(quiet)
    hello = hello_of(mine, quiet)
    assert mine.broken
    assert len(mine.seal(Kind.LINE, ROUND + 25, bytes(CELL_BYTES))) == UP_BYTES
    assert len(mine.seal(Kind.CHALLENGE, ROUND + 25, b"8 bytes.")) == UP_BYTES
    new = mine.take_welcome(welcome(gateway, hello, quiet), quiet)
    assert new is not None
    assert new.session_id != session.session_id
    assert mine.sessions == 2
    assert not mine.broken


def test_a_datagram_of_the_old_session_ends_the_search() -> None:
    mine = connection()
    session = entered(mine, entry())
    wait(mine, NOW, NOW + PATIENCE_ROUNDS * T - 0.001)
    hello_of(mine, NOW + PATIENCE_ROUNDS * T)
    opened = mine.open(down(session, ROUND + 50), ROUND, NOW + 1.1)
    assert (opened.kind, opened.number) == (Kind.LINE, ROUND + 50)
    assert not mine.broken
    assert mine.deadline() == pytest.approx(NOW + 1.1 + PATIENCE_ROUNDS * T)


def test_a_replayed_datagram_does_not_keep_a_dead_session_alive() -> None:
    """Whoever once saw a datagram could say it again forever, and so keep a client offline."""
    mine = connection()
    session = entered(mine, entry())
    old = down(session, ROUND)
    mine.open(old, ROUND, NOW)
    for step in range(1, 100):
        with pytest.raises(BadCell) as caught:
            mine.open(old, ROUND, NOW + 0.1 * step)
        assert caught.value.reason == Drop.REPLAYED
    assert mine.deadline() <= NOW + PATIENCE_ROUNDS * T + 1e-9


def test_forged_datagrams_are_no_sign_of_life() -> None:
    mine = connection()
    session = entered(mine, entry())
    before = mine.deadline()
    datagram = down(session, ROUND)
    for bad in (datagram[:-1] + b"\0", datagram[:-1], bytes(len(datagram))):
        with pytest.raises(BadCell):
            mine.open(bad, ROUND, NOW + 0.3)
    assert mine.deadline() == before


def test_without_a_session_no_datagram_opens() -> None:
    with pytest.raises(BadCell) as caught:
        connection().open(bytes(176), ROUND, NOW)
    assert caught.value.reason == Drop.UNKNOWN_SESSION


@FUZZ
@given(st.binary(max_size=200))
def test_any_bytes_are_a_bad_cell_or_a_hello_again(raw: bytes) -> None:
    mine = connection()
    hello_of(mine)
    with pytest.raises(BadCell):
        mine.take_welcome(raw, NOW)
    with pytest.raises(BadCell):
        mine.open(raw, ROUND, NOW)
    assert len(mine.take_retry(raw[:24].ljust(24, b"\0"))) == access.HELLO_BYTES
