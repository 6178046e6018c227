"""Sessions: how many, for whom, for how long; and cookies that only their true source has."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from zones import FUZZ

from pymix_voice.gateway.sessions import (
    COOKIE_SLOT_S,
    FORGOTTEN_ROUNDS,
    FREE_HELLOS,
    SILENT_ROUNDS,
    UNCONFIRMED,
    Porter,
    Session,
    Sessions,
)
from pymix_voice.geometry import ACCESS_HEADER_BYTES
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.zone import access

ROUND = 90_000_000_000
NO_COOKIE = bytes(access.COOKIE_BYTES)


def sessions(capacity: int = 10, per_prefix: int = 3) -> Sessions:
    return Sessions(capacity, per_prefix, lambda source: str(source)[0], Dice.seeded(1))


def reserved(of: Sessions, source: str, number: int = ROUND) -> Session:
    session = of.reserve(source, number)
    assert session is not None
    return session


def porter() -> Porter:
    dice = Dice.seeded(2)
    return Porter(KeyPair.draw(dice), b"prologue", dice)


def test_every_session_has_an_id_and_a_slot_of_its_own() -> None:
    of = sessions(per_prefix=20)
    held = [reserved(of, f"a{number}") for number in range(10)]
    assert len({session.session_id for session in held}) == 10
    assert {session.slot for session in held} == set(range(10))
    assert all(of.get(session.session_id) is session for session in held)
    assert of.reserve("b", ROUND) is None
    of.remove(held[4])
    assert reserved(of, "b").slot == held[4].slot
    assert of.get(held[4].session_id) is None


def test_an_address_prefix_has_a_bound_and_gets_its_places_back() -> None:
    of = sessions(per_prefix=2)
    first = reserved(of, "a1")
    reserved(of, "a2")
    assert of.reserve("a3", ROUND) is None
    assert of.reserve("b1", ROUND) is not None
    of.remove(first)
    of.remove(first)
    assert of.reserve("a3", ROUND) is not None
    assert of.reserve("a4", ROUND) is None


def test_sources_without_a_prefix_have_no_bound() -> None:
    of = Sessions(10, 1, lambda _source: None, Dice.seeded(1))
    assert all(of.reserve("here", ROUND) for _ in range(10))


def test_of_too_many_unconfirmed_sessions_the_oldest_goes() -> None:
    of = sessions(capacity=200, per_prefix=200)
    kept = reserved(of, "a")
    of.confirm(kept)
    waiting = [reserved(of, f"a{number}") for number in range(UNCONFIRMED)]
    reserved(of, "one more")
    assert of.get(waiting[0].session_id) is None
    assert of.get(waiting[1].session_id) is not None
    assert of.get(kept.session_id) is kept
    assert len(of) == 1 + UNCONFIRMED


def test_only_confirmed_sessions_heard_of_lately_are_active() -> None:
    of = sessions(per_prefix=10)
    one, two = reserved(of, "a"), reserved(of, "b")
    of.confirm(one)
    assert of.active(ROUND + SILENT_ROUNDS) == [one]
    assert of.active(ROUND + SILENT_ROUNDS + 1) == []
    one.heard_round = ROUND + 10
    assert of.active(ROUND + SILENT_ROUNDS + 1) == [one]
    assert two not in of.active(ROUND)


def test_sessions_not_heard_of_are_forgotten_and_unconfirmed_ones_sooner() -> None:
    of = sessions(per_prefix=10)
    one, two = reserved(of, "a"), reserved(of, "b")
    of.confirm(one)
    assert of.expire(ROUND + SILENT_ROUNDS) == []
    assert of.expire(ROUND + SILENT_ROUNDS + 1) == [two]
    assert of.expire(ROUND + FORGOTTEN_ROUNDS) == []
    assert of.expire(ROUND + FORGOTTEN_ROUNDS + 1) == [one]
    assert len(of) == 0


def test_after_clearing_all_places_are_free_again() -> None:
    of = sessions(capacity=4, per_prefix=4)
    of.confirm(reserved(of, "a"))
    reserved(of, "a")
    of.clear()
    assert len(of) == 0
    assert [reserved(of, "a").slot for _ in range(4)] == [0, 1, 2, 3] or len(of) == 4


def test_nothing_of_a_session_shows() -> None:
    assert repr(reserved(sessions(), "a1")) == "Session()"


class SessionsKeepTheirBounds(RuleBasedStateMachine):
    """Any coming and going: bounds hold, and no place is lost or held twice."""

    def __init__(self) -> None:
        super().__init__()
        self.of = sessions(capacity=6, per_prefix=3)
        self.held: list[Session] = []
        self.number = ROUND

    @rule(source=st.sampled_from(["a1", "a2", "b1", "c1"]))
    def come(self, source: str) -> None:
        session = self.of.reserve(source, self.number)
        same = sum(each.prefix == source[0] for each in self.held)
        assert (session is None) == (len(self.held) == 6 or same == 3)
        if session is not None:
            self.held.append(session)

    @rule(which=st.integers(0, 5))
    def confirm(self, which: int) -> None:
        if which < len(self.held) and not self.held[which].confirmed:
            self.of.confirm(self.held[which])

    @rule(rounds=st.integers(1, 200))
    def wait(self, rounds: int) -> None:
        self.number += rounds
        gone = self.of.expire(self.number)
        self.held = [session for session in self.held if session not in gone]

    @rule(which=st.integers(0, 5))
    def leave(self, which: int) -> None:
        if which < len(self.held) and self.held[which].confirmed:
            self.of.remove(self.held.pop(which))

    @invariant()
    def places_are_held_once(self) -> None:
        assert len(self.of) == len(self.held)
        assert len({session.slot for session in self.held}) == len(self.held)
        assert all(self.of.get(session.session_id) is session for session in self.held)


SessionsKeepTheirBounds.TestCase.settings = FUZZ
TestSessions = SessionsKeepTheirBounds.TestCase


# ── cookies ──────────────────────────────────────────────────────────────────────────────


def crowd(at: Porter, now: float) -> None:
    for number in range(FREE_HELLOS):
        assert at.check_load(NO_COOKIE, f"crowd {number}", now) is None


def cookie_for(at: Porter, source: str, now: float) -> bytes:
    retry = at.check_load(NO_COOKIE, source, now)
    assert retry is not None
    assert len(retry) == access.RETRY_BYTES
    return retry[ACCESS_HEADER_BYTES:]


def test_a_few_hellos_a_second_need_no_cookie() -> None:
    at = porter()
    for step in range(500):
        assert at.check_load(NO_COOKIE, "anybody", 1000.0 + step / (FREE_HELLOS - 1)) is None


def test_in_a_crowd_a_cookie_is_asked_for_and_taken_from_its_source_only() -> None:
    at = porter()
    crowd(at, 1000.0)
    cookie = cookie_for(at, "alice", 1000.1)
    assert at.check_load(cookie, "alice", 1000.2) is None
    assert at.check_load(cookie, "bob", 1000.2) is not None
    assert at.check_load(bytes([cookie[0] ^ 1]) + cookie[1:], "alice", 1000.2) is not None
    assert at.check_load(cookie[:-1], "alice", 1000.2) is not None


@pytest.mark.parametrize(("later", "valid"), [(COOKIE_SLOT_S, True), (2 * COOKIE_SLOT_S, False)])
def test_a_cookie_lives_for_its_slot_and_the_one_after(later: float, valid: bool) -> None:
    at = porter()
    crowd(at, 1000.0)
    cookie = cookie_for(at, "alice", 1000.0)
    crowd(at, 1005.0)
    for number in range(FREE_HELLOS):
        at.check_load(cookie_for(at, f"c{number}", 1005.0), f"c{number}", 1005.0)
    crowd(at, 1000.0 + later)
    assert (at.check_load(cookie, "alice", 1000.0 + later) is None) == valid


def test_another_gateway_takes_no_cookie_of_this_one() -> None:
    at, other = porter(), Porter(KeyPair.draw(Dice.seeded(5)), b"prologue", Dice.seeded(6))
    crowd(at, 1000.0)
    crowd(other, 1000.0)
    cookie = cookie_for(at, "alice", 1000.0)
    assert other.check_load(cookie, "alice", 1000.0) is not None


def test_hellos_that_are_sent_back_do_not_lengthen_the_crowd() -> None:
    at = porter()
    crowd(at, 1000.0)
    for step in range(100):
        at.check_load(NO_COOKIE, "flood", 1000.0 + step / 100)
    assert at.check_load(NO_COOKIE, "alice", 1001.001) is None


@pytest.mark.parametrize("now", [0.0, 5.0, 15.0])
def test_a_gateway_can_be_asked_in_the_first_seconds_of_its_clock(now: float) -> None:
    """The monotonic clock of a machine starts near zero; a service starts soon after it."""
    assert porter().check_load(NO_COOKIE, "alice", now) is None
