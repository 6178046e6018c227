"""Rounds: each taken once, whole, with filler exactly where nothing came, at its own time."""

from collections.abc import Callable
from contextlib import suppress

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
    WORKED_ROUNDS,
    Inlet,
    Once,
)

GEOMETRY = Geometry(3, 20, patience_ms=10.0)
EPOCH = 7
FIRST = 90_000_000_000
NOW = 1000.0
MARK = 0xEE


def marked(count: int = CHUNK_CELLS, mark: int = MARK) -> NDArray[np.uint8]:
    return np.full((count, CELL_BYTES), mark, np.uint8)


def is_marked(cells: NDArray[np.uint8], mark: int = MARK) -> list[bool]:
    return [bool((row == mark).all()) for row in cells]


def inlet() -> Inlet:
    """One whose owner begins with round `FIRST`."""
    there = Inlet(GEOMETRY, Dice.seeded(1))
    there.close_until(FIRST - 1)
    return there


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


def test_how_far_ahead_a_round_may_be_follows_the_owner_and_not_the_neighbour() -> None:
    there = inlet()
    there.accept(FIRST + 60, EPOCH, 0, marked(), 9, NOW)
    ahead = FIRST + AHEAD_ROUNDS
    assert reason_of(lambda: there.accept(ahead, EPOCH, 0, marked(), 9, NOW)) == Drop.EARLY
    there.take(FIRST, EPOCH, 9)
    assert there.accept(ahead, EPOCH, 0, marked(), 9, NOW)


def test_rounds_given_up_are_late_and_forgotten() -> None:
    there = inlet()
    there.accept(FIRST, EPOCH, 0, marked(), 20, NOW)
    there.close_until(FIRST)
    assert there.epoch_of(FIRST) is None
    assert reason_of(lambda: there.accept(FIRST, EPOCH, 1, marked(), 20, NOW)) == Drop.LATE


def test_rounds_that_a_stalled_owner_never_took_are_not_kept_forever() -> None:
    """The first mix takes only the newest few rounds after a stall, and closes the rest."""
    there = inlet()
    rounds = range(FIRST, FIRST + AHEAD_ROUNDS)
    for number in rounds:
        there.accept(number, EPOCH, 0, marked(), 9, NOW)
    newest = rounds[-WORKED_ROUNDS]
    there.take(newest, EPOCH, 9)
    there.close_until(newest)
    assert [n for n in rounds if there.epoch_of(n) is not None] == list(rounds[1 - WORKED_ROUNDS :])


def test_a_neighbour_that_runs_ahead_cannot_make_it_keep_ever_more_rounds() -> None:
    """Gateways are not trusted: each chunk may be 64 rounds beyond the one before."""
    there = inlet()
    rounds = range(FIRST, FIRST + 2000)
    for number in rounds:
        with suppress(BadCell):
            there.accept(number, EPOCH, 0, marked(), 9, NOW)
    kept = [number for number in rounds if there.epoch_of(number) is not None]
    assert len(kept) <= 4 * AHEAD_ROUNDS


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
