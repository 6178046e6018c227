"""Circuits in force: never those of an epoch before again, and none kept beyond its time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sizes import CELL_BYTES
from zones import FUZZ

from pymix_voice.errors import Misuse
from pymix_voice.geometry import MAX_EXTENSIONS, Geometry
from pymix_voice.mix.circuits import Circuits, LayerKeys, Orders
from pymix_voice.mix.live import Live
from pymix_voice.onion.blocks import Blocks
from pymix_voice.onion.setup import HopKeys
from pymix_voice.zone.epochs import NO_EPOCH

GEOMETRY = Geometry(3, 20)
EPOCH = 450_000
FIRST = GEOMETRY.first_round(EPOCH)
ROUNDS = GEOMETRY.epoch_rounds
DRAINED = GEOMETRY.keys_until


def circuits(epoch: int = EPOCH, lines: int = 2) -> Circuits:
    keys = LayerKeys.of([HopKeys(bytes([n] * 32), bytes([n + 9] * 32)) for n in range(lines)])
    orders = Orders.apart(np.arange(lines), np.arange(0))
    return Circuits(epoch, keys, LayerKeys.of([]), orders, Blocks(CELL_BYTES))


def is_wiped(of: Circuits) -> bool:
    try:
        of.peel(GEOMETRY.first_round(of.epoch) + 1, np.zeros((of.lines, CELL_BYTES), np.uint8))
    except Misuse:
        return True
    return False


def test_before_there_are_circuits_every_round_is_empty() -> None:
    live = Live(GEOMETRY)
    assert live.epoch == live.without_word(FIRST) == NO_EPOCH
    assert NO_EPOCH in live
    assert EPOCH not in live
    assert live.find(EPOCH) is None
    assert live.get(EPOCH) is live.get(NO_EPOCH) is live.find(NO_EPOCH)
    assert live.get(EPOCH).rows_in(FIRST) == 0
    assert live.prepare(FIRST, FIRST, 10) == 0


def test_circuits_in_force_are_those_of_their_epoch_and_of_no_other() -> None:
    live, old, new = Live(GEOMETRY), circuits(), circuits(EPOCH + 1)
    live.adopt(old)
    assert (live.epoch, live.since) == (EPOCH, FIRST)
    live.adopt(new)
    assert (live.epoch, live.since) == (EPOCH + 1, FIRST + ROUNDS)
    assert live.find(EPOCH) is live.get(EPOCH) is old
    assert live.find(EPOCH + 1) is live.get(EPOCH + 1) is new
    assert live.find(EPOCH + 2) is None


def test_a_round_after_the_switch_is_none_of_the_circuits_before_it() -> None:
    live = Live(GEOMETRY)
    live.adopt(circuits())
    live.adopt(circuits(EPOCH + 1))
    switch = FIRST + ROUNDS
    assert [live.is_over(EPOCH, number) for number in (switch - 1, switch)] == [False, True]
    assert not live.is_over(EPOCH + 1, switch)
    assert not live.is_over(NO_EPOCH, switch), "a zone may have lost its circuits"


def test_a_round_of_which_nothing_came_goes_by_those_in_force_then() -> None:
    live = Live(GEOMETRY)
    live.adopt(circuits())
    live.adopt(circuits(EPOCH + 1))
    switch = FIRST + ROUNDS
    assert [live.without_word(number) for number in (switch - 1, switch)] == [EPOCH, EPOCH + 1]
    last = GEOMETRY.first_round(EPOCH + 2 + MAX_EXTENSIONS) - 1
    assert [live.without_word(number) for number in (last, last + 1)] == [EPOCH + 1, EPOCH]
    live.sweep(switch + DRAINED)
    assert live.without_word(last + 1) == NO_EPOCH
    live.sweep(last + 1)
    assert live.without_word(last) == NO_EPOCH


def test_circuits_are_wiped_once_their_last_rounds_have_drained() -> None:
    live, old, new = Live(GEOMETRY), circuits(), circuits(EPOCH + 1)
    live.adopt(old)
    live.adopt(new)
    live.sweep(FIRST + ROUNDS + DRAINED - 1)
    assert not is_wiped(old)
    live.sweep(FIRST + ROUNDS + DRAINED)
    assert is_wiped(old)
    assert not is_wiped(new)
    assert EPOCH not in live
    assert EPOCH + 1 in live


def test_circuits_that_nothing_follows_are_wiped_when_they_can_be_extended_no_more() -> None:
    live, only = Live(GEOMETRY), circuits()
    live.adopt(only)
    end = GEOMETRY.first_round(EPOCH + 1 + MAX_EXTENSIONS)
    live.sweep(end - 1)
    assert not is_wiped(only)
    live.sweep(end)
    assert is_wiped(only)
    assert live.prepare(end, end, 10) == 0


def made(live: Live, number: int) -> int:
    """How many circuits' blocks are made ahead, with this round the newest both ways."""
    return sum(iter(lambda: live.prepare(number, number, 1), 0))


def test_keystream_is_made_ahead_as_far_as_it_is_decided_that_rounds_will_be() -> None:
    live = Live(GEOMETRY)
    live.adopt(circuits(lines=3))
    assert made(live, 0) == 2 * 3, "the first block, long before the first round"
    assert made(live, FIRST + 10) == 2 * 3
    last = FIRST + ROUNDS - 1
    made(live, last - 10)
    assert made(live, last) == 0
    live.extend()
    assert made(live, last) == 2 * 3
    assert live.get(EPOCH).made_late == 0


@pytest.mark.parametrize("extensions", range(MAX_EXTENSIONS + 1))
def test_however_often_they_are_extended_no_round_waits_for_keystream(extensions: int) -> None:
    live, only = Live(GEOMETRY), circuits()
    live.adopt(only)
    cells = np.zeros((2, CELL_BYTES), np.uint8)
    for number in range(FIRST, FIRST + (extensions + 1) * ROUNDS):
        made(live, number)
        only.turn(number, cells)
        within, epoch = GEOMETRY.within(number), GEOMETRY.epoch_of(number) - EPOCH
        if within == GEOMETRY.decide_at and epoch < extensions:
            live.extend()
    assert only.made_late == 0


@FUZZ
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3 * ROUNDS)), max_size=12))
def test_the_circuit_epoch_never_falls_and_what_is_in_force_is_not_wiped(
    steps: list[tuple[bool, int]],
) -> None:
    """Each step: whether the next epoch's circuits follow, and how many rounds go by."""
    live, number = Live(GEOMETRY), FIRST
    adopted = []
    for follows, rounds in steps:
        coming = GEOMETRY.epoch_of(number) + 1
        if follows and coming > live.epoch:
            adopted.append(circuits(coming))
            live.adopt(adopted[-1])
        before = live.epoch
        number += rounds
        live.sweep(number)
        assert live.epoch == before
        for each in adopted:
            assert (each.epoch in live) != is_wiped(each)
        assert sum(each.epoch in live for each in adopted) <= 3
        there = live.get(live.without_word(number))
        assert there.epoch == NO_EPOCH or not is_wiped(there)
