"""Sessions: how many, for whom, for how long, and how they are found."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from zones import FUZZ

from pymix_voice.gateway.sessions import (
    FORGOTTEN_ROUNDS,
    NO_SLOT,
    SILENT_ROUNDS,
    UNCONFIRMED,
    Session,
    Sessions,
    Slots,
)
from pymix_voice.geometry import MAX_WORKERS
from pymix_voice.onion.dice import Dice
from pymix_voice.zone import access
from pymix_voice.zone.access import AccessKeys
from pymix_voice.zone.drain import Address
from pymix_voice.zone.link import NOT_MEASURED

ROUND = 90_000_000_000


def sessions(capacity: int = 10, per_prefix: int = 3) -> Sessions:
    return Sessions(capacity, per_prefix, lambda source: source[:1], Dice.seeded(1))


def reserved(of: Sessions, source: Address, number: int = ROUND) -> Session:
    session = of.reserve(source, number)
    assert session is not None
    return session


def slots(*held: Session) -> Slots:
    return np.array([session.slot for session in held], np.intp)


def ids(*named: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint32]]:
    return np.frombuffer(b"".join(named), "<u4")


def test_every_session_has_an_id_and_a_slot_of_its_own() -> None:
    of = sessions(per_prefix=20)
    held = [reserved(of, b"a%d" % number) for number in range(10)]
    assert len({session.session_id for session in held}) == 10
    assert {session.slot for session in held} == set(range(10))
    assert all(of.get(session.session_id) is session for session in held)
    assert all(of.at(session.slot) is session for session in held)
    assert of.reserve(b"b", ROUND) is None
    of.remove(held[4])
    assert reserved(of, b"b").slot == held[4].slot
    assert of.get(held[4].session_id) is None


def test_an_address_prefix_has_a_bound_and_gets_its_places_back() -> None:
    of = sessions(per_prefix=2)
    first = reserved(of, b"a1")
    reserved(of, b"a2")
    assert of.reserve(b"a3", ROUND) is None
    assert of.reserve(b"b1", ROUND) is not None
    of.remove(first)
    of.remove(first)
    assert of.reserve(b"a3", ROUND) is not None
    assert of.reserve(b"a4", ROUND) is None


def test_sources_without_a_prefix_have_no_bound() -> None:
    of = Sessions(10, 1, lambda _source: None, Dice.seeded(1))
    assert all(of.reserve(b"here", ROUND) for _ in range(10))


def test_of_too_many_unconfirmed_sessions_the_oldest_goes() -> None:
    of = sessions(capacity=200, per_prefix=200)
    kept = reserved(of, b"a")
    of.confirm(slots(kept))
    waiting = [reserved(of, b"a%d" % number) for number in range(UNCONFIRMED)]
    reserved(of, b"one more")
    assert of.get(waiting[0].session_id) is None
    assert of.get(waiting[1].session_id) is not None
    assert of.get(kept.session_id) is kept
    assert len(of) == 1 + UNCONFIRMED


def test_many_are_confirmed_at_once_each_as_often_as_it_was_heard() -> None:
    of = sessions(per_prefix=10)
    one, two, three = (reserved(of, source) for source in (b"a", b"b", b"c"))
    of.confirm(slots(one, three, one, one))
    of.confirm(slots(three))
    assert of.confirmed[slots(one, two, three)].tolist() == [True, False, True]
    assert of.expire(ROUND + SILENT_ROUNDS + 1) == [two]


def test_only_confirmed_sessions_heard_of_lately_are_active() -> None:
    of = sessions(per_prefix=10)
    one, two = reserved(of, b"a"), reserved(of, b"b")
    of.confirm(slots(one))
    assert of.active(ROUND + SILENT_ROUNDS).tolist() == [one.slot]
    assert of.active(ROUND + SILENT_ROUNDS + 1).tolist() == []
    of.heard[one.slot] = ROUND + 10
    assert of.active(ROUND + SILENT_ROUNDS + 1).tolist() == [one.slot]
    assert two.slot not in of.active(ROUND)


def test_sessions_not_heard_of_are_forgotten_and_unconfirmed_ones_sooner() -> None:
    of = sessions(per_prefix=10)
    one, two = reserved(of, b"a"), reserved(of, b"b")
    of.confirm(slots(one))
    assert of.expire(ROUND + SILENT_ROUNDS) == []
    assert of.expire(ROUND + SILENT_ROUNDS + 1) == [two]
    assert of.expire(ROUND + FORGOTTEN_ROUNDS) == []
    assert of.expire(ROUND + FORGOTTEN_ROUNDS + 1) == [one]
    assert len(of) == 0


def test_after_clearing_all_places_are_free_again() -> None:
    of = sessions(capacity=4, per_prefix=4)
    of.confirm(slots(reserved(of, b"a")))
    reserved(of, b"a")
    of.clear()
    assert len(of) == 0
    assert of.active(ROUND).tolist() == []
    assert sorted(reserved(of, b"a").slot for _ in range(4)) == [0, 1, 2, 3]


def test_who_gets_a_place_finds_nothing_there_of_who_had_it_before() -> None:
    of = sessions(capacity=1)
    before = reserved(of, b"a")
    of.give_keys(before, AccessKeys(b"u" * 32, b"d" * 32))
    of.confirm(slots(before))
    of.newest[0], of.setup_epochs[0] = ROUND + 7, 5
    of.early[0], of.early_rounds[0] = 77, ROUND + 7
    before.candidate, before.challenge, before.allowance = b"elsewhere", b"challenge", 3
    of.moving[0] = before
    of.remove(before)
    assert not of.up.any()
    assert not of.down.any()
    after = reserved(of, b"b", ROUND + 50)
    assert after.slot == 0
    assert (after.candidate, after.challenge, after.allowance) == (b"", b"", 0)
    assert not of.moving
    assert not of.confirmed[0]
    assert (of.heard[0], of.newest[0], of.setup_epochs[0]) == (ROUND + 50, -1, -1)
    assert (of.early[0], of.early_rounds[0]) == (NOT_MEASURED, 0)
    assert of.sources[0] == b"b"


def test_nothing_of_a_session_shows() -> None:
    assert repr(reserved(sessions(), b"a1")) == "Session()"


# ── ids ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("workers", range(1, MAX_WORKERS + 1))
def test_ids_say_which_worker_they_are_of(workers: int) -> None:
    """As the system reads them to choose a socket: the first bytes as a big-endian number."""
    for worker in range(workers):
        of = Sessions(20, 1, lambda _source: None, Dice.seeded(worker), worker, workers)
        held = [reserved(of, b"here") for _ in range(20)]
        assert {int.from_bytes(each.session_id, "big") % workers for each in held} == {worker}
        assert len({session.session_id for session in held}) == 20


@pytest.mark.parametrize("drawn", [access.NO_SESSION, b"once"])
def test_an_id_is_neither_that_of_hellos_nor_one_that_is_taken(drawn: bytes) -> None:
    draws = iter([b"once", drawn, drawn, b"good", drawn])
    of = Sessions(9, 9, lambda _source: None, Dice(lambda _count: next(draws)))
    assert reserved(of, b"a").session_id == b"once"
    assert reserved(of, b"a").session_id == b"good"


def test_among_no_sessions_none_is_found() -> None:
    assert sessions().find(ids(b"none", access.NO_SESSION)).tolist() == [NO_SLOT, NO_SLOT]
    assert sessions().find(ids()).tolist() == []


@FUZZ
@given(
    st.lists(st.sampled_from(["come", "leave", "clear"]), max_size=30),
    st.randoms(use_true_random=False),
    st.lists(st.binary(min_size=4, max_size=4), max_size=5),
)
def test_many_ids_are_found_as_in_a_dict_whoever_comes_and_goes(
    steps: list[str], random: Random, strange: list[bytes]
) -> None:
    of = Sessions(8, 8, lambda _source: None, Dice.seeded(1))
    model: dict[bytes, Session] = {}
    gone: list[bytes] = [access.NO_SESSION, *strange]
    for step in steps:
        if step == "come":
            session = of.reserve(b"here", ROUND)
            assert (session is None) == (len(model) == 8)
            if session is not None:
                model[session.session_id] = session
        elif step == "leave" and model:
            left = random.choice(list(model))
            of.remove(model.pop(left))
            gone.append(left)
        elif step == "clear" and len(model) > 5:
            gone += model
            model.clear()
            of.clear()
        asked = [*model, *gone, *model]
        random.shuffle(asked)
        slot_of = {name: session.slot for name, session in model.items()}
        assert of.find(ids(*asked)).tolist() == [slot_of.get(name, NO_SLOT) for name in asked]
        assert [of.get(name) for name in asked] == [model.get(name) for name in asked]


class SessionsKeepTheirBounds(RuleBasedStateMachine):
    """Any coming and going: bounds hold, and no place is lost or held twice."""

    def __init__(self) -> None:
        super().__init__()
        self.of = sessions(capacity=6, per_prefix=3)
        self.held: list[Session] = []
        self.number = ROUND

    def confirmed(self, session: Session) -> bool:
        return bool(self.of.confirmed[session.slot])

    @rule(source=st.sampled_from([b"a1", b"a2", b"b1", b"c1"]))
    def come(self, source: Address) -> None:
        session = self.of.reserve(source, self.number)
        same = sum(each.prefix == source[:1] for each in self.held)
        assert (session is None) == (len(self.held) == 6 or same == 3)
        if session is not None:
            assert not self.confirmed(session)
            self.held.append(session)

    @rule(which=st.sets(st.integers(0, 5)))
    def confirm(self, which: set[int]) -> None:
        chosen = [session for index, session in enumerate(self.held) if index in which]
        self.of.confirm(slots(*chosen))
        assert all(self.confirmed(session) for session in chosen)

    @rule(rounds=st.integers(1, 200))
    def wait(self, rounds: int) -> None:
        self.number += rounds
        gone = self.of.expire(self.number)
        self.held = [session for session in self.held if session not in gone]

    @rule(which=st.integers(0, 5))
    def leave(self, which: int) -> None:
        if which < len(self.held) and self.confirmed(self.held[which]):
            self.of.remove(self.held.pop(which))

    @invariant()
    def places_are_held_once(self) -> None:
        assert len(self.of) == len(self.held)
        assert len({session.slot for session in self.held}) == len(self.held)
        assert all(self.of.get(session.session_id) is session for session in self.held)
        found = self.of.find(ids(*(session.session_id for session in self.held)))
        assert found.tolist() == [session.slot for session in self.held]

    @invariant()
    def who_is_active_is_there(self) -> None:
        lately = [each.slot for each in self.held if self.confirmed(each)]
        assert set(self.of.active(self.number).tolist()) <= set(lately)
        assert self.of.active(self.number).tolist() == sorted(self.of.active(self.number))


SessionsKeepTheirBounds.TestCase.settings = FUZZ
TestSessions = SessionsKeepTheirBounds.TestCase
