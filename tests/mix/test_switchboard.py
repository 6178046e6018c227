"""The switchboard: who is joined with whom, when, and that choice is fair."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zones import FUZZ

from pymix_voice.mix.switchboard import Named, join
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.setup import Flag

A, B, C = (bytes([letter]) * 16 for letter in b"ABC")
DOOR_ROUND, OTHER_ROUND = 10, 11

flags = st.sampled_from(Flag)
named = st.lists(st.tuples(st.sampled_from([A, B, C]), flags), max_size=12)
lines_as_meant = st.lists(
    st.tuples(st.sampled_from([A, B, C]), st.sampled_from([Flag.PLAIN, Flag.GUEST])), max_size=12
)
doors_as_meant = st.lists(st.tuples(st.sampled_from([A, B, C]), st.just(Flag.HOST)), max_size=12)


@FUZZ
@given(named, named, st.integers(0, 2**32))
def test_orders_are_their_own_inverse(lines: list[Named], doors: list[Named], seed: int) -> None:
    orders = join(lines, doors, Dice.seeded(seed))
    for order, rows in ((orders.lines, len(lines)), (orders.both, len(lines) + len(doors))):
        assert np.array_equal(order[order], np.arange(rows))
    assert np.array_equal(orders.undone.both, orders.both)
    assert np.array_equal(orders.undone.lines, orders.lines)


@FUZZ
@given(named, named, st.integers(0, 2**32))
def test_only_those_at_one_drop_that_fit_are_joined_and_one_pair_of_each_kind(
    lines: list[Named], doors: list[Named], seed: int
) -> None:
    everybody = [*lines, *doors]
    orders = join(lines, doors, Dice.seeded(seed))
    joined: Counter[tuple[bytes, bool]] = Counter()
    for row, partner in enumerate(orders.both.tolist()):
        if row < partner:
            (drop, one), (other_drop, two) = everybody[row], everybody[partner]
            assert drop == other_drop
            assert {one, two} in ({Flag.HOST, Flag.GUEST}, {Flag.PLAIN})
            joined[drop, one == Flag.PLAIN] += 1
    assert max(joined.values(), default=0) <= 1
    present: dict[bytes, Counter[Flag]] = defaultdict(Counter)
    for drop, flag in everybody:
        present[drop][flag] += 1
    for drop, there in present.items():
        assert joined[drop, True] == (there[Flag.PLAIN] >= 2)
        assert joined[drop, False] == bool(there[Flag.HOST] and there[Flag.GUEST])


@FUZZ
@given(lines_as_meant, doors_as_meant, st.integers(0, 2**32))
def test_without_doors_only_plain_lines_are_joined_and_just_as_with_them(
    lines: list[Named], doors: list[Named], seed: int
) -> None:
    orders = join(lines, doors, Dice.seeded(seed))
    assert orders(OTHER_ROUND) is orders.lines
    assert orders(DOOR_ROUND) is orders.both
    for row, partner in enumerate(orders.lines.tolist()):
        if lines[row][1] == Flag.PLAIN:
            assert partner == orders.both[row]
        else:
            assert partner == row, "a guest gets its own row back until doors take part again"


def test_a_guest_and_a_host_meet_in_door_rounds_only() -> None:
    orders = join([(A, Flag.GUEST), (B, Flag.GUEST)], [(A, Flag.HOST)], Dice.seeded(1))
    assert orders.both.tolist() == [2, 1, 0]
    assert orders.lines.tolist() == [0, 1]


def test_two_plain_lines_meet_in_every_round() -> None:
    orders = join([(A, Flag.PLAIN), (B, Flag.PLAIN), (A, Flag.PLAIN)], [], Dice.seeded(1))
    assert orders.lines.tolist() == orders.both.tolist() == [2, 1, 0]


def test_two_hosts_or_two_guests_are_strangers_to_each_other() -> None:
    for flag in (Flag.HOST, Flag.GUEST):
        orders = join([(A, flag), (A, flag)], [(A, flag)], Dice.seeded(1))
        assert orders.both.tolist() == [0, 1, 2]


def test_a_drop_can_hold_a_pair_of_each_kind() -> None:
    lines = [(A, Flag.GUEST), (A, Flag.PLAIN), (A, Flag.PLAIN)]
    assert join(lines, [(A, Flag.HOST)], Dice.seeded(1)).both.tolist() == [3, 2, 1, 0]


def test_nobody_at_all_is_a_switchboard_too() -> None:
    orders = join([], [], Dice.seeded(1))
    assert len(orders.lines) == len(orders.both) == 0


def chi_square(seen: Counter[tuple[int, ...]], kinds: int) -> float:
    expected = seen.total() / kinds
    assert len(seen) <= kinds
    rest = (kinds - len(seen)) * expected
    return rest + sum((count - expected) ** 2 / expected for count in seen.values())


@pytest.mark.parametrize(
    ("lines", "doors", "kinds", "bound"),
    [
        # Bounds: chi square with kinds - 1 degrees of freedom, exceeded once in 10^4 draws.
        ([(A, Flag.PLAIN)] * 4, [], 6, 25.7),
        ([(A, Flag.GUEST)] * 5, [(A, Flag.HOST)], 5, 23.5),
        ([(A, Flag.GUEST)], [(A, Flag.HOST)] * 3, 3, 18.4),
        ([(A, Flag.GUEST)] * 3, [(A, Flag.HOST)] * 2, 6, 25.7),
    ],
)
def test_every_candidate_is_as_likely_as_any_other(
    lines: list[Named], doors: list[Named], kinds: int, bound: float
) -> None:
    dice = Dice.seeded(4)
    seen: Counter[tuple[int, ...]] = Counter()
    for _ in range(3000):
        order = join(lines, doors, dice).both
        seen[tuple(np.flatnonzero(order != np.arange(len(order))).tolist())] += 1
    assert chi_square(seen, kinds) < bound
