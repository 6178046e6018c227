"""The switchboard: who is joined with whom, when, and that choice is fair."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zones import FUZZ, Named, payloads

from pymix_voice.mix.circuits import Orders
from pymix_voice.mix.switchboard import join
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.setup import Flag

A, B, C = (bytes([letter]) * 16 for letter in b"ABC")
HALVES = [bytes(8), b"\xff" * 8, b"one half", b"\0one hal"]
ALIKE = [first + second for first in HALVES for second in HALVES]
"""Drops that have a half in common, or the same halves the other way round."""
DOOR_ROUND, OTHER_ROUND = 10, 11

flags = st.sampled_from(Flag)
named = st.lists(st.tuples(st.sampled_from([A, B, C]), flags), max_size=12)
many_drops = st.lists(
    st.tuples(st.one_of(st.sampled_from(ALIKE), st.sampled_from([A, B])), flags), max_size=30
)
lines_as_meant = st.lists(
    st.tuples(st.sampled_from([A, B, C]), st.sampled_from([Flag.PLAIN, Flag.GUEST])), max_size=12
)
doors_as_meant = st.lists(st.tuples(st.sampled_from([A, B, C]), st.just(Flag.HOST)), max_size=12)


def joined(lines: Sequence[Named], doors: Sequence[Named], dice: Dice) -> Orders:
    return join(payloads(lines), payloads(doors), dice)


def first_of_all() -> Dice:
    """Dice that choose the first of any candidates, so that one outcome is right."""
    return Dice(bytes)


def model(lines: Sequence[Named], doors: Sequence[Named]) -> tuple[list[int], list[int]]:
    """Partners in other rounds and in door rounds, drop by drop, the first candidates chosen."""
    everybody = [*lines, *doors]
    both = list(range(len(everybody)))
    for drop in {drop for drop, _ in everybody}:
        hosts, guests, plains = (
            [row for row, each in enumerate(everybody) if each == (drop, flag)] for flag in Flag
        )
        pairs = [(hosts[0], guests[0])] if hosts and guests else []
        pairs += [(plains[0], plains[1])] if len(plains) > 1 else []
        for one, other in pairs:
            both[one], both[other] = other, one
    alone = [row if partner >= len(lines) else partner for row, partner in enumerate(both)]
    return alone[: len(lines)], both


@FUZZ
@given(many_drops, many_drops)
def test_joining_all_at_once_is_joining_drop_by_drop(
    lines: list[Named], doors: list[Named]
) -> None:
    orders = joined(lines, doors, first_of_all())
    assert (orders.lines.tolist(), orders.both.tolist()) == model(lines, doors)
    assert orders.lines.dtype == orders.both.dtype == np.intp


@FUZZ
@given(st.integers(0, 2**32), st.integers(0, 40), st.integers(0, 40))
def test_a_zone_as_it_is_with_nearly_all_at_drops_of_two_is_joined_drop_by_drop(
    seed: int, pairs: int, idle: int
) -> None:
    dice = Dice.seeded(seed)
    lines: list[Named] = [(dice.bytes(16), Flag.PLAIN) for _ in range(pairs)] * 2
    lines += [(dice.bytes(16), Flag.PLAIN) for _ in range(idle)]
    doors = [(dice.bytes(16), Flag.HOST) for _ in lines]
    lines += [(doors[0][0], Flag.GUEST), (doors[-1][0], Flag.GUEST)] if len(doors) > 1 else []
    lines = [lines[row] for row in dice.order(len(lines))]
    orders = joined(lines, doors, dice)
    # Where nobody has a choice, dice make no difference.
    assert (orders.lines.tolist(), orders.both.tolist()) == model(lines, doors)


@FUZZ
@given(named, named, st.integers(0, 2**32))
def test_orders_are_their_own_inverse(lines: list[Named], doors: list[Named], seed: int) -> None:
    orders = joined(lines, doors, Dice.seeded(seed))
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
    orders = joined(lines, doors, Dice.seeded(seed))
    pairs: Counter[tuple[bytes, bool]] = Counter()
    for row, partner in enumerate(orders.both.tolist()):
        if row < partner:
            (drop, one), (other_drop, two) = everybody[row], everybody[partner]
            assert drop == other_drop
            assert {one, two} in ({Flag.HOST, Flag.GUEST}, {Flag.PLAIN})
            pairs[drop, one == Flag.PLAIN] += 1
    assert max(pairs.values(), default=0) <= 1
    present: dict[bytes, Counter[Flag]] = defaultdict(Counter)
    for drop, flag in everybody:
        present[drop][flag] += 1
    for drop, there in present.items():
        assert pairs[drop, True] == (there[Flag.PLAIN] >= 2)
        assert pairs[drop, False] == bool(there[Flag.HOST] and there[Flag.GUEST])


@FUZZ
@given(lines_as_meant, doors_as_meant, st.integers(0, 2**32))
def test_without_doors_only_plain_lines_are_joined_and_just_as_with_them(
    lines: list[Named], doors: list[Named], seed: int
) -> None:
    orders = joined(lines, doors, Dice.seeded(seed))
    assert orders(OTHER_ROUND) is orders.lines
    assert orders(DOOR_ROUND) is orders.both
    for row, partner in enumerate(orders.lines.tolist()):
        if lines[row][1] == Flag.PLAIN:
            assert partner == orders.both[row]
        else:
            assert partner == row, "a guest gets its own row back until doors take part again"


def test_a_guest_and_a_host_meet_in_door_rounds_only() -> None:
    orders = joined([(A, Flag.GUEST), (B, Flag.GUEST)], [(A, Flag.HOST)], Dice.seeded(1))
    assert orders.both.tolist() == [2, 1, 0]
    assert orders.lines.tolist() == [0, 1]


def test_two_plain_lines_meet_in_every_round() -> None:
    orders = joined([(A, Flag.PLAIN), (B, Flag.PLAIN), (A, Flag.PLAIN)], [], Dice.seeded(1))
    assert orders.lines.tolist() == orders.both.tolist() == [2, 1, 0]


def test_two_hosts_or_two_guests_are_strangers_to_each_other() -> None:
    for flag in (Flag.HOST, Flag.GUEST):
        orders = joined([(A, flag), (A, flag)], [(A, flag)], Dice.seeded(1))
        assert orders.both.tolist() == [0, 1, 2]


def test_a_drop_can_hold_a_pair_of_each_kind() -> None:
    lines = [(A, Flag.GUEST), (A, Flag.PLAIN), (A, Flag.PLAIN)]
    assert joined(lines, [(A, Flag.HOST)], Dice.seeded(1)).both.tolist() == [3, 2, 1, 0]


def test_nobody_at_all_is_a_switchboard_too() -> None:
    orders = joined([], [], Dice.seeded(1))
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
        order = joined(lines, doors, dice).both
        seen[tuple(np.flatnonzero(order != np.arange(len(order))).tolist())] += 1
    assert chi_square(seen, kinds) < bound
