from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymix_voice.errors import Misuse
from pymix_voice.onion.dice import Dice


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert Dice.seeded(7).bytes(100) == Dice.seeded(7).bytes(100)
    assert len({Dice.seeded(seed).bytes(20) for seed in (7, b"7", -7, 8, b"", 10**40)}) == 6


@given(cuts=st.lists(st.integers(0, 5000), max_size=8))
def test_the_tape_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    whole, parts = Dice.seeded(1), Dice.seeded(1)
    assert whole.bytes(sum(cuts)) == b"".join(parts.bytes(cut) for cut in cuts)


def test_a_fork_depends_on_seed_and_label_but_not_on_what_was_drawn() -> None:
    drawn, fresh = Dice.seeded(1), Dice.seeded(1)
    drawn.bytes(999)
    drawn.fork("other").bytes(5)
    assert drawn.fork("rows").bytes(32) == fresh.fork("rows").bytes(32)
    firsts = {
        Dice.seeded(1).bytes(32),
        Dice.seeded(1).fork("rows").bytes(32),
        Dice.seeded(2).fork("rows").bytes(32),
        Dice.seeded(1).fork("orders").bytes(32),
        Dice.seeded(1).fork("rows").fork("rows").bytes(32),
    }
    assert len(firsts) == 5


def test_unseeded_dice_draw_from_what_they_were_given_also_after_a_fork() -> None:
    asked: list[int] = []

    def draw(count: int) -> bytes:
        asked.append(count)
        return bytes(count)

    dice = Dice(draw)
    assert dice.bytes(3) == bytes(3)
    assert dice.fork("any").matrix(2, 4).tolist() == [[0] * 4] * 2
    assert asked == [3, 8]


def test_a_matrix_can_be_written_and_a_part_of_one_filled() -> None:
    dice = Dice.seeded(4)
    matrix = dice.matrix(3, 128)
    assert matrix.dtype == np.uint8
    before = matrix.copy()
    dice.fill(matrix[1:2])
    assert np.array_equal(matrix[::2], before[::2])
    assert not np.array_equal(matrix[1], before[1])
    assert dice.matrix(0, 128).shape == (0, 128)
    with pytest.raises(Misuse):
        dice.fill(matrix[:, ::2])


def test_orders_are_permutations_and_equally_likely() -> None:
    dice = Dice.seeded(5)
    assert sorted(dice.order(1000).tolist()) == list(range(1000))
    assert dice.order(0).tolist() == []
    counts = Counter(tuple(dice.order(3).tolist()) for _ in range(3000))
    assert len(counts) == 6
    assert all(400 < count < 600 for count in counts.values())


def test_below_is_equally_likely_and_stays_below() -> None:
    dice = Dice.seeded(6)
    counts = Counter(dice.below(5) for _ in range(5000))
    assert sorted(counts) == list(range(5))
    assert all(880 < count < 1120 for count in counts.values())
    assert dice.below(1) == 0
    assert 0 <= dice.below(10**30) < 10**30
    with pytest.raises(Misuse):
        dice.below(0)


def test_a_chance_comes_about_as_often_as_asked() -> None:
    dice = Dice.seeded(8)
    assert not any(dice.chance(0.0) for _ in range(100))
    assert all(dice.chance(1.0) for _ in range(100))
    assert 220 < sum(dice.chance(1 / 16) for _ in range(4000)) < 280


def test_fewer_than_no_bytes_are_refused() -> None:
    with pytest.raises(Misuse):
        Dice.seeded(1).bytes(-1)
