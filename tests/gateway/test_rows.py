"""Rows: each cell in its client's place, filler exactly where none came."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from zones import FUZZ

from pymix_voice.errors import BadCell, Drop
from pymix_voice.gateway.rows import Collection
from pymix_voice.geometry import CELL_BYTES
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.access import Kind
from pymix_voice.zone.rounds import AHEAD_ROUNDS

ROUND = 90_000_000_000
SLOTS = 8


def collection() -> Collection:
    return Collection(SLOTS, Dice.seeded(1))


def cell(mark: int) -> NDArray[np.uint8]:
    return np.full(CELL_BYTES, mark, np.uint8)


def slots(*numbers: int) -> NDArray[np.intp]:
    return np.array(numbers, np.intp)


def marks(rows: NDArray[np.uint8]) -> list[int | None]:
    """The mark of each row; None for filler."""
    return [int(row[0]) if (row == row[0]).all() else None for row in rows]


def test_rows_come_in_the_order_of_their_slots_with_filler_for_the_absent() -> None:
    there = collection()
    there.keep(Kind.LINE, ROUND, 5, cell(55), ROUND - 1)
    there.keep(Kind.LINE, ROUND, 2, cell(22), ROUND - 1)
    rows = there.gather(Kind.LINE, ROUND, slots(2, 7, 5))
    assert marks(rows) == [22, None, 55]
    assert there.filled_rows == 1


def test_lines_doors_and_rounds_are_kept_apart() -> None:
    there = collection()
    there.keep(Kind.LINE, ROUND, 1, cell(1), ROUND - 1)
    there.keep(Kind.DOOR, ROUND, 1, cell(2), ROUND - 1)
    there.keep(Kind.LINE, ROUND + 1, 1, cell(3), ROUND - 1)
    assert marks(there.gather(Kind.DOOR, ROUND, slots(1))) == [2]
    assert marks(there.gather(Kind.LINE, ROUND + 1, slots(1))) == [3]
    assert marks(there.gather(Kind.LINE, ROUND, slots(1))) == [1]


def test_what_was_gathered_is_over() -> None:
    there = collection()
    there.keep(Kind.LINE, ROUND, 1, cell(1), ROUND - 1)
    there.gather(Kind.LINE, ROUND, slots(1))
    assert marks(there.gather(Kind.LINE, ROUND, slots(1))) == [None]


@pytest.mark.parametrize(
    ("number", "reason"),
    [(ROUND, Drop.LATE), (ROUND - 9, Drop.LATE), (ROUND + AHEAD_ROUNDS + 1, Drop.EARLY)],
)
def test_cells_of_rounds_that_are_over_or_far_ahead_are_dropped(number: int, reason: Drop) -> None:
    there = collection()
    with pytest.raises(BadCell) as caught:
        there.keep(Kind.LINE, number, 1, cell(1), ROUND)
    assert caught.value.reason == reason
    there.keep(Kind.LINE, ROUND + AHEAD_ROUNDS, 1, cell(1), ROUND)


def test_no_cell_of_an_earlier_round_shines_through_a_buffer_used_again() -> None:
    there = collection()
    for number in range(ROUND, ROUND + 10):
        there.keep(Kind.LINE, number, number % SLOTS, cell(9), number - 1)
        rows = there.gather(Kind.LINE, number, slots(*range(SLOTS)))
        assert [mark is not None for mark in marks(rows)] == [
            slot == number % SLOTS for slot in range(SLOTS)
        ]


def test_rounds_given_up_are_forgotten() -> None:
    there = collection()
    there.keep(Kind.LINE, ROUND, 1, cell(1), ROUND - 1)
    there.keep(Kind.LINE, ROUND + 1, 1, cell(2), ROUND - 1)
    there.forget_until(ROUND)
    assert marks(there.gather(Kind.LINE, ROUND, slots(1))) == [None]
    assert marks(there.gather(Kind.LINE, ROUND + 1, slots(1))) == [2]


def test_rows_go_back_to_their_slots_and_all_others_get_random_bytes() -> None:
    there = collection()
    rows = np.stack([cell(1), cell(2)])
    one = there.spread(rows, slots(6, 0))
    two = there.spread(rows, slots(6, 0))
    assert marks(one) == [2, None, None, None, None, None, 1, None]
    assert len({row.tobytes() for row in [*one, *two]}) == 2 + 2 * 6


def test_a_zone_without_rows_gathers_nothing_and_gives_everybody_random_bytes() -> None:
    there = collection()
    assert there.gather(Kind.LINE, ROUND, slots()).shape == (0, CELL_BYTES)
    spread = there.spread(np.empty((0, CELL_BYTES), np.uint8), slots())
    assert len({row.tobytes() for row in spread}) == SLOTS


@FUZZ
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, SLOTS - 1), st.integers(1, 255))),
    st.permutations(range(SLOTS)),
)
def test_filler_stands_exactly_where_no_cell_came(
    came: list[tuple[int, int, int]], order: list[int]
) -> None:
    there, model = collection(), {}
    for offset, slot, mark in came:
        there.keep(Kind.LINE, ROUND + offset, slot, cell(mark), ROUND - 1)
        model[offset, slot] = mark
    for offset in range(6):
        rows = there.gather(Kind.LINE, ROUND + offset, slots(*order))
        assert marks(rows) == [model.get((offset, slot)) for slot in order]
    assert there.filled_rows == 6 * SLOTS - len(model)
