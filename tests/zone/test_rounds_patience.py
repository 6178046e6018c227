"""Patience: when each round of an inlet is to be taken, come what may."""

from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from numpy.typing import NDArray
from zones import FUZZ, chunks_of

from pymix_voice.errors import BadCell, Drop, Drops
from pymix_voice.geometry import Geometry
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.rounds import (
    AHEAD_ROUNDS,
    EMPTY_ROUNDS,
    EMPTY_WAIT_S,
    WORKED_ROUNDS,
    PatientInlet,
)

GEOMETRY = Geometry(3, 20, patience_ms=10.0)
T = GEOMETRY.round_s
EPOCH = 7
FIRST = 90_000_000_000
NOW = 1000.0
MARK = 0xEE


def is_marked(cells: NDArray[np.uint8], mark: int = MARK) -> list[bool]:
    return [bool((row == mark).all()) for row in cells]


def patient(falls_silent: bool = True) -> PatientInlet:
    return PatientInlet(GEOMETRY, Dice.seeded(1), falls_silent=falls_silent)


def reason_of(attempt: Callable[[], object]) -> Drop:
    with pytest.raises(BadCell) as caught:
        attempt()
    return caught.value.reason


def fed(there: PatientInlet, number: int, came: float, *numbers: int, rows: int = 9) -> Drops:
    """These chunks of a round come together, or the first; what was counted."""
    drops = Drops()
    there.accept(chunks_of(number, numbers or [0], MARK), EPOCH, rows, came, drops)
    return drops


def took(there: PatientInlet, now: float, rows: int = 9) -> list[int]:
    """What is due, taken; by then the deadline is over, and after it no longer."""
    due = there.due(now)
    for number in due:
        assert there.take(number, EPOCH, rows) is not None
    assert there.deadline() > now
    return due


def test_a_complete_round_is_due_at_once() -> None:
    there = patient()
    fed(there, FIRST, NOW)
    assert there.deadline() == NOW
    assert took(there, NOW) == [FIRST]


@pytest.mark.parametrize("groups", [[[0, 1, 2]], [[2], [0], [1]], [[0, 2], [1]]], ids=str)
def test_a_complete_round_is_due_at_the_instant_at_which_its_last_chunk_came(
    groups: list[list[int]],
) -> None:
    there = patient()
    instants = [NOW + 0.002 * number for number in range(len(groups))]
    for came, numbers in zip(instants, groups, strict=True):
        assert there.deadline() == (instants[0] + 0.010 if came > NOW else float("inf"))
        fed(there, FIRST, came, *numbers, rows=20)
    last = instants[-1]
    assert there.deadline() == last
    assert there.due(last - 1e-4) == []
    assert took(there, last, rows=20) == [FIRST]


def test_chunks_whose_stamps_go_back_do_not_make_a_round_due_earlier() -> None:
    """Stamps are the system's; those of two drains may overlap."""
    there = patient()
    fed(there, FIRST, NOW + 0.003, 1, rows=20)
    fed(there, FIRST, NOW + 0.001, 0, 2, rows=20)
    assert there.deadline() == NOW + 0.003
    assert took(there, NOW + 0.003, rows=20) == [FIRST]


def test_a_repeat_does_not_put_off_a_round_that_is_complete() -> None:
    there = patient()
    fed(there, FIRST, NOW, 0, 1, 2, rows=20)
    assert fed(there, FIRST, NOW + 0.005, 1, rows=20) == {Drop.REPLAYED: 1}
    assert there.deadline() == NOW


def test_chunks_beyond_the_rows_begin_no_round() -> None:
    there = patient()
    assert fed(there, FIRST, NOW, 3, 4, rows=20) == {Drop.MALFORMED: 2}
    assert there.deadline() == float("inf")
    assert there.newest == -1


def test_a_part_of_a_round_waits_for_the_patience_of_the_zone() -> None:
    there = patient()
    fed(there, FIRST, NOW, rows=20)
    assert took(there, NOW + 0.0099, rows=20) == []
    assert there.deadline() == pytest.approx(NOW + 0.010)
    fed(there, FIRST, NOW + 0.009, 1, rows=20)
    assert took(there, NOW + 0.0101, rows=20) == [FIRST]


def test_a_round_of_which_nothing_came_is_given_up_after_its_time() -> None:
    there = patient()
    fed(there, FIRST, NOW)
    took(there, NOW)
    due = NOW + T + EMPTY_WAIT_S
    assert there.deadline() == pytest.approx(due, abs=1e-5)
    assert took(there, due - 0.001) == []
    assert took(there, due + 0.001) == [FIRST + 1]
    assert there.filled_rows == 9


def test_a_hole_does_not_hold_up_the_rounds_behind_it() -> None:
    there = patient()
    fed(there, FIRST, NOW)
    took(there, NOW)
    fed(there, FIRST + 2, NOW + 2 * T)
    assert took(there, NOW + 2 * T) == [FIRST + 2]
    assert took(there, NOW + T + EMPTY_WAIT_S + 0.001) == [FIRST + 1]


def test_before_anything_came_nothing_is_due() -> None:
    there = patient()
    assert there.due(NOW) == []
    assert there.deadline() == float("inf")


def test_a_round_that_is_only_expected_is_given_up_all_the_same() -> None:
    there = patient(falls_silent=False)
    for number in range(3):
        there.expect(FIRST + number, NOW + number * T)
    assert took(there, NOW + EMPTY_WAIT_S + 0.001) == [FIRST]
    assert took(there, NOW + 2 * T + EMPTY_WAIT_S + 0.001) == [FIRST + 1, FIRST + 2]


def test_after_a_second_of_nothing_it_falls_silent_until_a_datagram_comes() -> None:
    there = patient()
    fed(there, FIRST, NOW)
    took(there, NOW)
    given = [n for step in range(500) for n in took(there, NOW + step * 0.01)]
    assert given == list(range(FIRST + 1, FIRST + 1 + EMPTY_ROUNDS))
    assert there.deadline() == float("inf")
    fed(there, FIRST + 300, NOW + 300 * T)
    assert took(there, NOW + 300 * T) == [FIRST + 300]
    assert took(there, NOW + 301 * T + EMPTY_WAIT_S + 0.001) == [FIRST + 301]


def test_one_that_never_falls_silent_gives_a_round_for_every_round_of_time() -> None:
    there = patient(falls_silent=False)
    fed(there, FIRST, NOW)
    given = [n for step in range(1000) for n in took(there, NOW + step * 0.01)]
    assert given == list(range(FIRST, FIRST + len(given)))
    assert len(given) == pytest.approx(500, abs=5)


def test_after_a_stall_only_the_newest_rounds_are_worked() -> None:
    there = patient()
    fed(there, FIRST, NOW)
    took(there, NOW)
    now = NOW + 30 * T
    for number in range(1, 31):
        fed(there, FIRST + number, now)
    due = took(there, now)
    assert due == list(range(FIRST + 30 - WORKED_ROUNDS, FIRST + 31))
    assert there.skipped == 29 - WORKED_ROUNDS
    assert reason_of(lambda: fed(there, FIRST + 5, now)) == Drop.LATE


def test_a_longer_path_is_learned_from_rounds_that_come_too_late() -> None:
    there = patient()
    longer = 0.100
    given: list[int] = []
    came = [(NOW + n * T + (longer if n >= 10 else 0.0), FIRST + n) for n in range(60)]
    for step in range(1400):
        now = NOW + step * 0.001
        while came and came[0][0] <= now:
            _, number = came.pop(0)
            with suppress(BadCell):
                fed(there, number, now)
        given += took(there, now)
    assert given == sorted(set(given))
    # The first rounds after the change are given up; then every one is waited for.
    assert there.filled_rows // 9 <= 6


def test_a_replay_of_a_round_that_did_come_changes_no_deadline() -> None:
    there = patient()
    fed(there, FIRST, NOW)
    took(there, NOW)
    before = there.deadline()
    assert reason_of(lambda: fed(there, FIRST, NOW + 0.05)) == Drop.LATE
    assert there.deadline() == before


def test_a_jump_of_numbers_is_followed_and_what_lies_between_is_closed() -> None:
    there = patient()
    fed(there, FIRST, NOW)
    took(there, NOW)
    ahead = FIRST + 60
    fed(there, ahead, NOW + T)
    assert took(there, NOW + T) == [ahead]
    assert reason_of(lambda: fed(there, ahead - 1, NOW + T)) == Drop.LATE
    assert took(there, NOW + 2 * T + EMPTY_WAIT_S + 0.001) == [ahead + 1]


def test_after_new_keys_any_later_round_may_be_next_and_none_that_was_taken() -> None:
    there = patient()
    fed(there, FIRST, NOW)
    took(there, NOW)
    there.start_over()
    assert there.deadline() == float("inf")
    assert reason_of(lambda: fed(there, FIRST, NOW + T)) == Drop.LATE
    fed(there, FIRST + 5000, NOW + T)
    assert took(there, NOW + T) == [FIRST + 5000]


@FUZZ
@given(
    st.lists(
        st.tuples(st.floats(0, 0.009), st.lists(st.integers(0, 4), min_size=1, max_size=4)),
        min_size=1,
        max_size=8,
    )
)
def test_the_deadline_of_a_round_is_its_last_chunk_or_the_end_of_patience(
    groups: list[tuple[float, list[int]]],
) -> None:
    there, first, last = patient(), 0.0, 0.0
    missing = set(range(5))
    for after, (came, numbers) in enumerate(groups):
        first = first if after else came
        last = max(last, came) if missing & set(numbers) else last
        missing -= set(numbers)
        fed(there, FIRST, NOW + came, *numbers, rows=45)
        due = first + 0.010 if missing else last
        assert there.deadline() == pytest.approx(NOW + due, abs=1e-9)


class PatientInletKeepsItsPromises(RuleBasedStateMachine):
    """Any chunks at any times: rounds at most once, in bounded numbers, and no busy deadline."""

    def __init__(self) -> None:
        super().__init__()
        self.there = patient()
        self.now = NOW
        self.given: set[int] = set()
        self.kept: set[tuple[int, int]] = set()

    @rule(offset=st.integers(-20, 80), numbers=st.lists(st.integers(0, 3), min_size=1, max_size=5))
    def come(self, offset: int, numbers: list[int]) -> None:
        number = FIRST + int((self.now - NOW) / T) + offset
        try:
            drops = fed(self.there, number, self.now, *numbers, rows=20)
        except BadCell:
            return
        assert number not in self.given
        came = {(number, chunk) for chunk in numbers if chunk < 3}
        assert drops[Drop.MALFORMED] == numbers.count(3)
        assert len(numbers) - drops.total() == len(came - self.kept)
        self.kept |= came

    @rule()
    def get_new_keys(self) -> None:
        self.there.start_over()

    @rule(seconds=st.sampled_from([0.0, 0.001, 0.011, 0.02, 0.07, 0.5, 3.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        due = self.there.due(self.now)
        assert due == sorted(set(due))
        assert len(due) <= AHEAD_ROUNDS + 2 * WORKED_ROUNDS
        for number in due:
            cells = self.there.take(number, EPOCH, 20)
            assert cells is not None, "what is due can be taken"
            assert is_marked(cells) == [(number, row // 9) in self.kept for row in range(20)]
        assert self.given.isdisjoint(due)
        self.given |= set(due)
        assert self.there.deadline() > self.now, "else its owner would never rest"


PatientInletKeepsItsPromises.TestCase.settings = FUZZ
TestPatientInlet = PatientInletKeepsItsPromises.TestCase
