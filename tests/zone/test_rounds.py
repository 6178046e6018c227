"""Rounds: each taken once, whole, with filler exactly where nothing came, at its own time."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from numpy.typing import NDArray
from sizes import CELL_BYTES, CHUNK_CELLS, TWENTY
from zones import FUZZ, chunks_of

from pymix_voice.errors import BadCell, Drop, Drops
from pymix_voice.geometry import Geometry
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.rounds import (
    AHEAD_ROUNDS,
    SPARE_SHEETS,
    WORKED_ROUNDS,
    Inlet,
)

GEOMETRY = Geometry(3, 20, patience_ms=10.0)
EPOCH = 7
FIRST = 90_000_000_000
NOW = 1000.0
MARK = 0xEE


def is_marked(cells: NDArray[np.uint8], mark: int = MARK) -> list[bool]:
    return [bool((row == mark).all()) for row in cells]


def inlet() -> Inlet:
    """One whose owner begins with round `FIRST`."""
    there = Inlet(GEOMETRY, Dice.seeded(1))
    there.close_until(FIRST - 1)
    return there


def come(
    there: Inlet,
    number: int,
    *numbers: int,
    rows: int = 9,
    epoch: int = EPOCH,
    mark: int = MARK,
    now: float = NOW,
) -> Drops:
    """These chunks of a round come together, all of one byte; what was counted."""
    drops = Drops()
    there.accept(chunks_of(number, numbers, mark), epoch, rows, now, drops)
    return drops


def taken(there: Inlet, number: int, rows: int = 9, epoch: int = EPOCH) -> NDArray[np.uint8]:
    cells = there.take(number, epoch, rows)
    assert cells is not None
    assert cells.shape == (rows, CELL_BYTES)
    return cells


def reason_of(attempt: Callable[[], object]) -> Drop:
    with pytest.raises(BadCell) as caught:
        attempt()
    return caught.value.reason


@pytest.mark.parametrize("groups", [[[2], [0], [1]], [[1, 2], [0]], [[2, 0, 1]]], ids=str)
def test_a_round_comes_out_whole_whatever_the_order_of_its_chunks(groups: list[list[int]]) -> None:
    there = inlet()
    cells = Dice.seeded(2).matrix(20, CELL_BYTES)
    padded = np.zeros((27, CELL_BYTES), np.uint8)
    padded[:20] = cells
    for numbers in groups:
        part = chunks_of(FIRST, numbers, padded.reshape(3, -1)[numbers])
        there.accept(part, EPOCH, 20, NOW, Drops())
    assert np.array_equal(taken(there, FIRST, 20), cells)
    assert there.filled_rows == 0


def test_no_round_is_given_twice() -> None:
    there = inlet()
    come(there, FIRST, 0)
    taken(there, FIRST)
    assert there.take(FIRST, EPOCH, 9) is None
    assert reason_of(lambda: come(there, FIRST, 0)) == Drop.LATE
    assert there.take(FIRST, EPOCH, 9) is None


def test_what_is_kept_is_a_copy() -> None:
    there, part = inlet(), chunks_of(FIRST, [0], MARK)
    there.accept(part, EPOCH, 9, NOW, Drops())
    part.cells[:] = 0
    part.numbers[:] = 7
    assert all(is_marked(taken(there, FIRST)))


def test_filler_is_fresh_in_every_round() -> None:
    there = inlet()
    rows = [taken(there, FIRST + number).tobytes() for number in range(3)]
    assert len(set(rows)) == 3


def test_a_hole_shows_nothing_of_the_round_that_lay_there_before() -> None:
    there = inlet()
    seen = set()
    for number in range(FIRST, FIRST + 20):
        come(there, number, *([0, 2] if number % 2 else [0, 1, 2]), rows=27)
        cells = taken(there, number, 27)
        assert is_marked(cells) == [True] * 9 + [number % 2 == 0] * 9 + [True] * 9
        seen |= {row.tobytes() for row in cells[9:18]}
    assert len(seen) == 10 * 9 + 1


def test_filled_rows_are_counted_one_by_one() -> None:
    """A last chunk holds fewer than nine rows; the padding behind them is no row."""
    there = inlet()
    come(there, FIRST, 0, rows=10)
    taken(there, FIRST, 10)
    assert there.filled_rows == 1


@pytest.mark.parametrize(
    ("chunk", "epoch", "number", "reason"),
    [
        (0, EPOCH, FIRST, Drop.REPLAYED),
        (1, EPOCH + 1, FIRST, Drop.OTHER_EPOCH),
        (3, EPOCH + 1, FIRST, Drop.OTHER_EPOCH),
        (3, EPOCH, FIRST, Drop.MALFORMED),
        (0xFFFF, EPOCH, FIRST, Drop.MALFORMED),
        (3, EPOCH, FIRST + 1, Drop.MALFORMED),
        (0, EPOCH, FIRST + AHEAD_ROUNDS + 1, Drop.EARLY),
        (0, EPOCH, FIRST - 1, Drop.LATE),
    ],
)
def test_chunks_out_of_place_are_dropped_by_reason_and_change_nothing(
    chunk: int, epoch: int, number: int, reason: Drop
) -> None:
    there = inlet()
    come(there, FIRST, 0, rows=20)
    try:
        drops = come(there, number, chunk, rows=20, epoch=epoch, mark=1)
    except BadCell as bad:
        drops = Drops([bad.reason])
    assert drops == {reason: 1}
    assert there.newest == FIRST
    assert there.epoch_of(FIRST) == EPOCH
    assert is_marked(taken(there, FIRST, 20)) == [True] * 9 + [False] * 11


def test_of_chunks_that_come_together_the_good_ones_are_kept_and_the_others_counted() -> None:
    there = inlet()
    come(there, FIRST, 0, rows=40)
    drops = come(there, FIRST, 3, 0, 9, 1, 3, 77, rows=40)
    assert drops == {Drop.REPLAYED: 2, Drop.MALFORMED: 2}
    expected = [True] * 18 + [False] * 9 + [True] * 9 + [False] * 4
    assert is_marked(taken(there, FIRST, 40)) == expected


def test_cells_of_other_circuits_come_out_as_filler() -> None:
    there = inlet()
    come(there, FIRST, 0)
    assert not any(is_marked(taken(there, FIRST, epoch=EPOCH + 1)))
    assert there.filled_rows == 9


def test_more_rows_than_came_are_filler_and_none_is_left_out() -> None:
    there = inlet()
    come(there, FIRST, 0)
    taken(there, FIRST, 30)
    assert there.filled_rows == 30


@pytest.mark.parametrize(("before", "after"), [(0, 20), (20, 0), (9, 40), (40, 9)])
def test_a_round_of_which_another_size_is_learned_while_it_comes_keeps_its_own(
    before: int, after: int
) -> None:
    """A gateway may hear only now that its set-ups were accepted: its rounds get rows at once."""
    there = inlet()
    come(there, FIRST, 0, rows=before)
    drops = come(there, FIRST, *range(TWENTY.chunks(after)), rows=after)
    late = max(0, TWENTY.chunks(after) - TWENTY.chunks(before))
    assert drops[Drop.MALFORMED] == late
    assert drops[Drop.REPLAYED] == 1
    taken(there, FIRST, after)


def test_how_far_ahead_a_round_may_be_follows_the_owner_and_not_the_neighbour() -> None:
    there = inlet()
    come(there, FIRST + 60, 0)
    ahead = FIRST + AHEAD_ROUNDS
    assert reason_of(lambda: come(there, ahead, 0)) == Drop.EARLY
    taken(there, FIRST)
    assert not come(there, ahead, 0)
    assert all(is_marked(taken(there, ahead)))


def test_rounds_given_up_are_late_and_forgotten() -> None:
    there = inlet()
    come(there, FIRST, 0, rows=20)
    there.close_until(FIRST)
    assert there.epoch_of(FIRST) is None
    assert reason_of(lambda: come(there, FIRST, 1, rows=20)) == Drop.LATE


def test_rounds_that_a_stalled_owner_never_took_are_not_kept_forever() -> None:
    """The first mix takes only the newest few rounds after a stall, and closes the rest."""
    there = inlet()
    rounds = range(FIRST, FIRST + AHEAD_ROUNDS)
    for number in rounds:
        come(there, number, 0)
    newest = rounds[-WORKED_ROUNDS]
    taken(there, newest)
    there.close_until(newest)
    assert [n for n in rounds if there.epoch_of(n) is not None] == list(rounds[1 - WORKED_ROUNDS :])


def test_a_neighbour_that_runs_ahead_cannot_make_it_keep_ever_more_rounds() -> None:
    """Gateways are not trusted: each chunk may be 64 rounds beyond the one before."""
    there = inlet()
    rounds = range(FIRST, FIRST + 2000)
    for number in rounds:
        with suppress(BadCell):
            come(there, number, 0)
    kept = [number for number in rounds if there.epoch_of(number) is not None]
    assert len(kept) <= 4 * AHEAD_ROUNDS


def test_what_was_taken_holds_until_the_next_is_taken_whatever_comes_meanwhile() -> None:
    there = inlet()
    for number in range(FIRST, FIRST + 300, 10):
        come(there, number, 0, 1, rows=18, mark=1)
        cells = taken(there, number, 18)
        for later in range(number + 1, number + 9):
            come(there, later, 0, 1, rows=18, mark=2)
            # Room that was given back is taken for others.
            there.close_until(later - 3)
            assert all(is_marked(cells, 1))
        there.close_until(number + 9)
        assert all(is_marked(cells, 1))


def test_room_is_used_again_and_little_of_it_is_kept() -> None:
    there = inlet()
    places = set()
    for number in range(FIRST, FIRST + 200):
        # Lines, and in every tenth round the doors too.
        rows = 40 if number % 10 else 80
        come(there, number, *range(TWENTY.chunks(rows)), rows=rows)
        cells = taken(there, number, rows)
        assert all(is_marked(cells))
        places.add(cells.__array_interface__["data"][0])
    assert len(places) <= 4
    for number in range(FIRST + 200, FIRST + 260):
        come(there, number, 0)
    there.close_until(FIRST + 260)
    assert len(there._spare) <= SPARE_SHEETS


@dataclass
class SlowInlet:
    """What an inlet promises, one chunk at a time."""

    kept: dict[int, tuple[int, dict[int, int]]] = field(default_factory=dict)
    """By round: its epoch, and the byte of each chunk that came."""
    closed: set[int] = field(default_factory=set)
    drops: Drops = field(default_factory=Drops)

    def floor(self) -> int:
        """The last round before the first that is not closed."""
        return next(number for number in count(FIRST) if number not in self.closed) - 1

    def accept(self, number: int, numbers: list[int], mark: int, epoch: int, rows: int) -> None:
        if number in self.closed:
            self.drops[Drop.LATE] += len(numbers)
        elif number > self.floor() + AHEAD_ROUNDS:
            self.drops[Drop.EARLY] += len(numbers)
        elif number in self.kept and self.kept[number][0] != epoch:
            self.drops[Drop.OTHER_EPOCH] += len(numbers)
        else:
            for chunk in numbers:
                if chunk >= TWENTY.chunks(rows):
                    self.drops[Drop.MALFORMED] += 1
                    continue
                _, came = self.kept.setdefault(number, (epoch, {}))
                if chunk in came:
                    self.drops[Drop.REPLAYED] += 1
                came.setdefault(chunk, mark)

    def take(self, number: int, epoch: int, rows: int) -> list[int | None] | None:
        """The byte of each row, None where it is filler."""
        if number in self.closed:
            return None
        self.closed.add(number)
        of, came = self.kept.pop(number, (epoch, {}))
        if of != epoch:
            return [None] * rows
        return [came.get(row // CHUNK_CELLS) for row in range(rows)]


ROWS = {EPOCH: 40, EPOCH + 1: 22}
"""Two epochs' circuits, of different numbers."""


class InletEqualsASlowOne(RuleBasedStateMachine):
    """Any chunks, repeated, beyond the rows and of two epochs, together in any way."""

    def __init__(self) -> None:
        super().__init__()
        self.there, self.slow = inlet(), SlowInlet(closed=set(range(FIRST - 5, FIRST)))
        self.drops = Drops()
        self.marks = 0

    @rule(
        number=st.one_of(st.integers(-2, 5), st.integers(60, 70)),
        numbers=st.lists(st.integers(0, 6), min_size=1, max_size=8),
        epoch=st.sampled_from(sorted(ROWS)),
    )
    def accept(self, number: int, numbers: list[int], epoch: int) -> None:
        # Each call has a byte of its own: a chunk that was kept is not written over later.
        self.marks = self.marks % 250 + 1
        part = chunks_of(FIRST + number, numbers, self.marks)
        try:
            self.there.accept(part, epoch, ROWS[epoch], NOW, self.drops)
        except BadCell as bad:
            self.drops[bad.reason] += len(numbers)
        self.slow.accept(FIRST + number, numbers, self.marks, epoch, ROWS[epoch])

    @rule(number=st.integers(0, 5), epoch=st.sampled_from(sorted(ROWS)))
    def take_in_any_order(self, number: int, epoch: int) -> None:
        filled = self.there.filled_rows
        cells = self.there.take(FIRST + number, epoch, ROWS[epoch])
        expected = self.slow.take(FIRST + number, epoch, ROWS[epoch])
        if expected is None:
            assert cells is None
            return
        assert cells is not None
        assert self.there.filled_rows - filled == expected.count(None)
        for row, mark in zip(cells, expected, strict=True):
            assert len(set(row.tolist())) > 1 if mark is None else set(row.tolist()) == {mark}

    @invariant()
    def counts_the_same(self) -> None:
        assert +self.drops == +self.slow.drops


InletEqualsASlowOne.TestCase.settings = FUZZ
TestInlet = InletEqualsASlowOne.TestCase


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
            drops = come(there, FIRST + number, chunk, rows=rows)
        except BadCell:
            assert number in taken_first
            continue
        assert (drops == {Drop.MALFORMED: 1}) == (chunk >= TWENTY.chunks(rows))
        assert (drops == {Drop.REPLAYED: 1}) == ((number, chunk) in kept)
        if not drops:
            kept.add((number, chunk))
    for number in range(13):
        cells = there.take(FIRST + number, EPOCH, rows)
        if number in taken_first:
            assert cells is None
            continue
        assert cells is not None
        assert is_marked(cells) == [(number, row // CHUNK_CELLS) in kept for row in range(rows)]
