"""Rows: each cell in its client's place, filler exactly where none came."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sizes import CELL_BYTES
from zones import FUZZ

from pymix_voice.errors import BadCell, Drop, Drops
from pymix_voice.gateway.rows import Collection, Placing
from pymix_voice.gateway.sessions import Slots
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.access import Kind
from pymix_voice.zone.rounds import AHEAD_ROUNDS

ROUND = 90_000_000_000
SLOTS = 8
MARKS = st.integers(1, 255)


def collection() -> Collection:
    return Collection(SLOTS, CELL_BYTES, Dice.seeded(1))


def cells(*marks: int) -> NDArray[np.uint8]:
    """A cell for each mark, full of it."""
    return np.repeat(np.array(marks, np.uint8)[:, np.newaxis], CELL_BYTES, axis=1)


def slots(*numbers: int) -> Slots:
    return np.array(numbers, np.intp)


def keep(
    there: Collection, kind: Kind, number: int, marks: dict[int, int], last: int = ROUND - 1
) -> Drops:
    """Keep cells of these marks, by slot; what was counted."""
    drops = Drops()
    there.keep(kind, number, slots(*marks), cells(*marks.values()), last, drops)
    return drops


def gather(there: Collection, kind: Kind, number: int, *numbers: int) -> list[int | None]:
    """The marks of the rows of these slots."""
    rows = np.full((len(numbers), CELL_BYTES), 77, np.uint8)
    there.gather(kind, number, slots(*numbers), rows)
    return marks_of(rows)


def marks_of(rows: NDArray[np.uint8]) -> list[int | None]:
    """The mark of each row; None for filler."""
    return [int(row[0]) if (row == row[0]).all() else None for row in rows]


def test_rows_come_in_the_order_of_their_slots_with_filler_for_the_absent() -> None:
    there = collection()
    assert not keep(there, Kind.LINE, ROUND, {5: 55, 2: 22, 6: 66})
    assert gather(there, Kind.LINE, ROUND, 2, 7, 5) == [22, None, 55]
    assert there.filled_rows == 1


def test_cells_of_one_round_may_come_in_several_drains() -> None:
    there = collection()
    keep(there, Kind.LINE, ROUND, {5: 55})
    keep(there, Kind.LINE, ROUND, {})
    keep(there, Kind.LINE, ROUND, {2: 22, 0: 11})
    assert gather(there, Kind.LINE, ROUND, *range(6)) == [11, None, 22, None, None, 55]


def test_lines_doors_and_rounds_are_kept_apart() -> None:
    there = collection()
    keep(there, Kind.LINE, ROUND, {1: 1})
    keep(there, Kind.DOOR, ROUND, {1: 2})
    keep(there, Kind.LINE, ROUND + 1, {1: 3})
    assert gather(there, Kind.DOOR, ROUND, 1) == [2]
    assert gather(there, Kind.LINE, ROUND + 1, 1) == [3]
    assert gather(there, Kind.LINE, ROUND, 1) == [1]


def test_of_two_cells_for_one_place_the_second_is_a_replay() -> None:
    there = collection()
    keep(there, Kind.LINE, ROUND, {1: 1, 2: 2})
    assert keep(there, Kind.LINE, ROUND, {3: 3, 2: 99, 1: 98}) == {Drop.REPLAYED: 2}
    assert gather(there, Kind.LINE, ROUND, 1, 2, 3) == [1, 2, 3]


def test_what_was_gathered_is_over() -> None:
    there = collection()
    keep(there, Kind.LINE, ROUND, {1: 1})
    gather(there, Kind.LINE, ROUND, 1)
    assert gather(there, Kind.LINE, ROUND, 1) == [None]


@pytest.mark.parametrize(
    ("number", "reason"),
    [(ROUND, Drop.LATE), (ROUND - 9, Drop.LATE), (ROUND + AHEAD_ROUNDS + 1, Drop.EARLY)],
)
def test_cells_of_rounds_that_are_over_or_far_ahead_are_dropped(number: int, reason: Drop) -> None:
    there = collection()
    with pytest.raises(BadCell) as caught:
        keep(there, Kind.LINE, number, {1: 1}, last=ROUND)
    assert caught.value.reason == reason
    keep(there, Kind.LINE, ROUND + AHEAD_ROUNDS, {1: 1}, last=ROUND)


def test_doors_have_no_cells_but_in_their_rounds() -> None:
    there = collection()
    with pytest.raises(BadCell) as caught:
        keep(there, Kind.DOOR, ROUND + 1, {1: 1})
    assert caught.value.reason == Drop.MALFORMED
    keep(there, Kind.DOOR, ROUND + 10, {1: 1})


def test_no_cell_of_an_earlier_round_shines_through_a_buffer_used_again() -> None:
    there = collection()
    for number in range(ROUND, ROUND + 10):
        keep(there, Kind.LINE, number, {number % SLOTS: 9}, last=number - 1)
        assert [mark is not None for mark in gather(there, Kind.LINE, number, *range(SLOTS))] == [
            slot == number % SLOTS for slot in range(SLOTS)
        ]


def test_rounds_given_up_are_forgotten() -> None:
    there = collection()
    keep(there, Kind.LINE, ROUND, {1: 1})
    keep(there, Kind.LINE, ROUND + 1, {1: 2})
    there.forget_until(ROUND)
    assert gather(there, Kind.LINE, ROUND, 1) == [None]
    assert gather(there, Kind.LINE, ROUND + 1, 1) == [2]


@FUZZ
@given(
    st.lists(st.tuples(st.integers(0, 5), st.dictionaries(st.integers(0, SLOTS - 1), MARKS))),
    st.permutations(range(SLOTS)),
)
def test_filler_stands_exactly_where_no_cell_came(
    came: list[tuple[int, dict[int, int]]], order: list[int]
) -> None:
    there = collection()
    model: dict[tuple[int, int], int] = {}
    for offset, marks in came:
        keep(there, Kind.LINE, ROUND + offset, marks)
        for slot, mark in marks.items():
            model.setdefault((offset, slot), mark)
    for offset in range(6):
        rows = gather(there, Kind.LINE, ROUND + offset, *order)
        assert rows == [model.get((offset, slot)) for slot in order]
    assert there.filled_rows == 6 * SLOTS - len(model)


# ── and back ─────────────────────────────────────────────────────────────────────────────


def spread(placing: Placing, rows: NDArray[np.uint8], *to: int, seed: int = 1) -> NDArray[np.uint8]:
    """What each of these slots gets; laid beside other bytes, as in a datagram."""
    wide = np.full((len(to), CELL_BYTES + 24), 77, np.uint8)
    placing.spread(rows, slots(*to), wide[:, 4 : 4 + CELL_BYTES], Dice.seeded(seed))
    assert (wide[:, :4] == 77).all()
    assert (wide[:, 4 + CELL_BYTES :] == 77).all()
    return wide[:, 4 : 4 + CELL_BYTES]


def test_rows_go_back_to_their_slots_and_all_others_get_random_bytes() -> None:
    placing = Placing(slots(6, 0), SLOTS)
    assert len(placing) == 2
    assert placing.slots.tolist() == [6, 0]
    one = spread(placing, cells(1, 2), *range(SLOTS))
    two = spread(placing, cells(1, 2), *range(SLOTS), seed=2)
    assert marks_of(one) == [2, None, None, None, None, None, 1, None]
    assert len({row.tobytes() for row in [*one, *two]}) == 2 + 2 * 6


def test_only_those_asked_for_get_something_in_the_order_asked() -> None:
    placing = Placing(slots(6, 0, 3), SLOTS)
    rows = cells(1, 2, 3)
    assert marks_of(spread(placing, rows, 3, 7, 6)) == [3, None, 1]
    assert marks_of(spread(placing, rows, 0)) == [2]
    assert spread(placing, rows).shape == (0, CELL_BYTES)


def test_a_zone_without_rows_gathers_nothing_and_gives_everybody_random_bytes() -> None:
    assert gather(collection(), Kind.LINE, ROUND) == []
    placing = Placing(slots(), SLOTS)
    given_back = spread(placing, cells(), *range(SLOTS))
    assert len({row.tobytes() for row in given_back}) == SLOTS
    assert marks_of(given_back) == [None] * SLOTS


@FUZZ
@given(
    st.lists(st.integers(0, SLOTS - 1), unique=True),
    st.lists(st.integers(0, SLOTS - 1), unique=True),
)
def test_each_row_goes_to_the_slot_it_was_gathered_from(rows: list[int], to: list[int]) -> None:
    there, matrix = collection(), cells(*rows)
    keep(there, Kind.LINE, ROUND, {slot: slot + 1 for slot in range(SLOTS)})
    there.gather(Kind.LINE, ROUND, slots(*rows), matrix)
    back = spread(Placing(slots(*rows), SLOTS), matrix, *to)
    assert marks_of(back) == [slot + 1 if slot in rows else None for slot in to]
