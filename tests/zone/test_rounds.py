"""Rounds: each taken once, whole, with filler exactly where nothing came, at its own time."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from numpy.typing import NDArray
from zones import FUZZ

from pymix_voice.errors import BadCell, Drop
from pymix_voice.geometry import CELL_BYTES, CHUNK_CELLS, Geometry, chunks
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.rounds import (
    AHEAD_ROUNDS,
    EMPTY_ROUNDS,
    EMPTY_WAIT_S,
    WORKED_ROUNDS,
    Inlet,
    Once,
    PatientInlet,
)

GEOMETRY = Geometry(3, 20, patience_ms=10.0)
T = GEOMETRY.round_s
EPOCH = 7
FIRST = 90_000_000_000
NOW = 1000.0
MARK = 0xEE


def marked(count: int = CHUNK_CELLS, mark: int = MARK) -> NDArray[np.uint8]:
    return np.full((count, CELL_BYTES), mark, np.uint8)


def is_marked(cells: NDArray[np.uint8], mark: int = MARK) -> list[bool]:
    return [bool((row == mark).all()) for row in cells]


def inlet() -> Inlet:
    return Inlet(GEOMETRY, Dice.seeded(1))


def patient(falls_silent: bool = True) -> PatientInlet:
    return PatientInlet(GEOMETRY, Dice.seeded(1), falls_silent=falls_silent)


def reason_of(attempt: Callable[[], object]) -> Drop:
    with pytest.raises(BadCell) as caught:
        attempt()
    return caught.value.reason


# ── Once ─────────────────────────────────────────────────────────────────────────────────


class OnceEqualsASet(RuleBasedStateMachine):
    """`Once` beside a plain set of all numbers ever used up."""

    def __init__(self) -> None:
        super().__init__()
        self.once = Once(window=8)
        self.claimed: set[int] = set()
        self.closed = -1

    def used(self, number: int) -> bool:
        return number in self.claimed or number <= self.closed

    @rule(number=st.integers(0, 40))
    def claim(self, number: int) -> None:
        assert self.once.claim(number) is not self.used(number)
        if not self.used(number):
            self.claimed.add(number)
            self.closed = max(self.closed, number - 8)

    @rule(number=st.integers(-3, 45))
    def close(self, number: int) -> None:
        self.once.close_until(number)
        self.closed = max(self.closed, number)

    @invariant()
    def knows_the_same_numbers(self) -> None:
        assert [n for n in range(60) if n in self.once] == [n for n in range(60) if self.used(n)]


OnceEqualsASet.TestCase.settings = FUZZ
TestOnce = OnceEqualsASet.TestCase


def test_numbers_claimed_for_hours_leave_nothing_behind_but_the_floor() -> None:
    once = Once()
    assert all(once.claim(number) for number in range(5000))
    assert once.floor == 4999


# ── Inlet ────────────────────────────────────────────────────────────────────────────────


def test_a_round_comes_out_whole_whatever_the_order_of_its_chunks() -> None:
    there = inlet()
    cells = Dice.seeded(2).matrix(20, CELL_BYTES)
    padded = np.concatenate((cells, np.zeros((7, CELL_BYTES), np.uint8)))
    done = [
        there.accept(FIRST, EPOCH, chunk, padded[9 * chunk : 9 * chunk + 9], 20, NOW)
        for chunk in (2, 0, 1)
    ]
    assert done == [False, False, True]
    taken = there.take(FIRST, EPOCH, 20)
    assert taken is not None
    assert np.array_equal(taken, cells)
    assert there.filled_rows == 0


def test_no_round_is_given_twice() -> None:
    there = inlet()
    there.accept(FIRST, EPOCH, 0, marked(), 9, NOW)
    assert there.take(FIRST, EPOCH, 9) is not None
    assert there.take(FIRST, EPOCH, 9) is None
    assert reason_of(lambda: there.accept(FIRST, EPOCH, 0, marked(), 9, NOW)) == Drop.LATE
    assert there.take(FIRST, EPOCH, 9) is None


def test_what_is_kept_is_a_copy() -> None:
    there, cells = inlet(), marked()
    there.accept(FIRST, EPOCH, 0, cells, 9, NOW)
    cells[:] = 0
    taken = there.take(FIRST, EPOCH, 9)
    assert taken is not None
    assert all(is_marked(taken))


def test_filler_is_fresh_in_every_round() -> None:
    there = inlet()
    rows = [there.take(FIRST + number, EPOCH, 9) for number in range(3)]
    assert len({row.tobytes() for row in rows if row is not None}) == 3


def test_filled_rows_are_counted_one_by_one() -> None:
    """A last chunk holds fewer than nine rows; the padding behind them is no row."""
    there = inlet()
    there.accept(FIRST, EPOCH, 0, marked(), 10, NOW)
    there.take(FIRST, EPOCH, 10)
    assert there.filled_rows == 1


@pytest.mark.parametrize(
    ("chunk", "epoch", "number", "reason"),
    [
        (0, EPOCH, FIRST, Drop.REPLAYED),
        (1, EPOCH + 1, FIRST, Drop.OTHER_EPOCH),
        (3, EPOCH, FIRST, Drop.MALFORMED),
        (-1, EPOCH, FIRST, Drop.MALFORMED),
        (3, EPOCH, FIRST + 1, Drop.MALFORMED),
        (0, EPOCH, FIRST + AHEAD_ROUNDS + 1, Drop.EARLY),
        (0, EPOCH, FIRST - 1, Drop.LATE),
    ],
)
def test_chunks_out_of_place_are_dropped_by_reason_and_change_nothing(
    chunk: int, epoch: int, number: int, reason: Drop
) -> None:
    there = inlet()
    there.close_until(FIRST - 1)
    there.accept(FIRST, EPOCH, 0, marked(), 20, NOW)
    attempt = lambda: there.accept(number, epoch, chunk, marked(mark=1), 20, NOW)  # noqa: E731
    assert reason_of(attempt) == reason
    assert there.newest == FIRST
    assert there.epoch_of(FIRST) == EPOCH
    taken = there.take(FIRST, EPOCH, 20)
    assert taken is not None
    assert is_marked(taken) == [True] * 9 + [False] * 11


def test_cells_of_other_circuits_come_out_as_filler() -> None:
    there = inlet()
    there.accept(FIRST, EPOCH, 0, marked(), 9, NOW)
    taken = there.take(FIRST, EPOCH + 1, 9)
    assert taken is not None
    assert not any(is_marked(taken))
    assert there.filled_rows == 9


def test_more_rows_than_came_are_filler_and_none_is_left_out() -> None:
    there = inlet()
    there.accept(FIRST, EPOCH, 0, marked(), 9, NOW)
    taken = there.take(FIRST, EPOCH, 30)
    assert taken is not None
    assert taken.shape == (30, CELL_BYTES)


def test_after_a_long_gap_the_rounds_that_come_then_are_not_too_early() -> None:
    there = inlet()
    there.accept(FIRST, EPOCH, 0, marked(), 9, NOW)
    later = FIRST + 500
    assert reason_of(lambda: there.accept(later, EPOCH, 0, marked(), 9, NOW)) == Drop.EARLY
    assert there.accept(later, EPOCH, 0, marked(), 9, NOW + 500 * T)


def test_rounds_given_up_are_late_and_forgotten() -> None:
    there = inlet()
    there.accept(FIRST, EPOCH, 0, marked(), 20, NOW)
    there.close_until(FIRST)
    assert there.epoch_of(FIRST) is None
    assert reason_of(lambda: there.accept(FIRST, EPOCH, 1, marked(), 20, NOW)) == Drop.LATE


def test_rounds_that_a_stalled_owner_never_took_are_not_kept_forever() -> None:
    """The first mix takes only the newest few rounds after a stall; the rest must go."""
    there = inlet()
    for number in range(FIRST, FIRST + AHEAD_ROUNDS):
        there.accept(number, EPOCH, 0, marked(), 9, NOW)
    for number in range(FIRST + AHEAD_ROUNDS - WORKED_ROUNDS, FIRST + 2000):
        there.take(number, EPOCH, 9)
    assert [n for n in range(FIRST, FIRST + AHEAD_ROUNDS) if there.epoch_of(n) is not None] == []


@FUZZ
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 4)), max_size=60),
    st.lists(st.integers(0, 12), max_size=20),
    st.integers(0, 40),
)
def test_rows_are_filler_exactly_where_no_chunk_came(
    came: list[tuple[int, int]], taken_first: list[int], rows: int
) -> None:
    there = inlet()
    for number in taken_first:
        there.take(FIRST + number, EPOCH, rows)
    kept: set[tuple[int, int]] = set()
    for number, chunk in came:
        try:
            there.accept(FIRST + number, EPOCH, chunk, marked(), rows, NOW)
        except BadCell:
            assert number in taken_first or chunk >= chunks(rows) or (number, chunk) in kept
        else:
            kept.add((number, chunk))
    for number in range(13):
        taken = there.take(FIRST + number, EPOCH, rows)
        if number in taken_first:
            assert taken is None
            continue
        assert taken is not None
        assert is_marked(taken) == [(number, row // CHUNK_CELLS) in kept for row in range(rows)]


# ── PatientInlet: when ───────────────────────────────────────────────────────────────────


def fed(there: PatientInlet, number: int, now: float, rows: int = 9, chunk: int = 0) -> None:
    there.accept(number, EPOCH, chunk, marked(), rows, now)


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


def test_a_part_of_a_round_waits_for_the_patience_of_the_zone() -> None:
    there = patient()
    fed(there, FIRST, NOW, rows=20)
    assert took(there, NOW + 0.0099, rows=20) == []
    assert there.deadline() == pytest.approx(NOW + 0.010)
    fed(there, FIRST, NOW + 0.009, rows=20, chunk=1)
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
            try:
                fed(there, number, now)
            except BadCell as bad:
                assert bad.reason == Drop.LATE
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


class PatientInletKeepsItsPromises(RuleBasedStateMachine):
    """Any chunks at any times: rounds at most once, in bounded numbers, and no busy deadline."""

    def __init__(self) -> None:
        super().__init__()
        self.there = patient()
        self.now = NOW
        self.given: set[int] = set()
        self.kept: set[tuple[int, int]] = set()

    @rule(offset=st.integers(-20, 80), chunk=st.integers(0, 2))
    def come(self, offset: int, chunk: int) -> None:
        number = FIRST + int((self.now - NOW) / T) + offset
        try:
            self.there.accept(number, EPOCH, chunk, marked(), 20, self.now)
        except BadCell:
            return
        assert number not in self.given
        assert (number, chunk) not in self.kept
        self.kept.add((number, chunk))

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
