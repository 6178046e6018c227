"""An epoch's set-up at one mix: rows never vanish, nobody behind can tell, one shuffle."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from zones import FUZZ

from pymix_voice.errors import BadCell, Drop, Misuse
from pymix_voice.geometry import MAX_WORKERS, Geometry
from pymix_voice.mix.batch import Batch, Shuffled
from pymix_voice.onion.blocks import Blocks
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.setup import Flag, Klass, OnionMaker, open_onion, parse_payload

GEOMETRY = Geometry(3, 20)
HASH = bytes(range(32))
KEYS = [KeyPair.draw(Dice.seeded(hop)) for hop in range(3)]
PUBLIC = [key.public for key in KEYS]
EPOCH = 9
START = 90_000_000_001
SIZE = GEOMETRY.onion_bytes


SECOND = MAX_WORKERS
"""The number of the second gateway's only worker."""


def batch(hop: int = 0, gateways: int = 1, geometry: Geometry = GEOMETRY) -> Batch:
    dice = Dice.seeded(5)
    return Batch(
        geometry, hop, KEYS[hop], PUBLIC, HASH, Blocks(geometry.cell_bytes), dice, gateways
    )


def maker(number: int, klass: Klass = Klass.LINE, first_hop: int = 0) -> OnionMaker:
    dice = Dice.seeded(1000 + number)
    return OnionMaker(PUBLIC[first_hop:], HASH, klass, dice, first_hop=first_hop)


def drop_of(number: int) -> bytes:
    return bytes([number]) * 16


def onion(number: int, klass: Klass = Klass.LINE, first_hop: int = 0) -> bytes:
    flag = Flag.PLAIN if klass == Klass.LINE else Flag.HOST
    return maker(number, klass, first_hop).seal(drop_of(number), flag)


def filled(lines: list[bytes], doors: list[bytes], hop: int = 0) -> Batch:
    full = batch(hop)
    full.add(0, Klass.LINE, 0, b"".join(lines))
    full.add(0, Klass.DOOR, 0, b"".join(doors))
    full.close(0, len(lines), len(doors))
    return full


def worked(full: Batch) -> Shuffled:
    while full.work(3):
        pass
    assert full.closed
    assert full.opened
    return full.finish(EPOCH)


def through_the_rest(
    onward: dict[Klass, NDArray[np.uint8]], from_hop: int
) -> list[list[tuple[bytes, Flag]]]:
    """What lines and doors name at the switchboard, after honest mixes with nothing to replace."""
    named = []
    for klass in Klass:
        onions = [row.tobytes() for row in onward[klass]]
        for hop in range(from_hop, 3):
            onions = [open_onion(each, KEYS[hop], HASH, hop, klass)[1] for each in onions]
        named.append([parse_payload(each) for each in onions])
    return named


def refusal(attempt: Callable[[], object]) -> Drop:
    with pytest.raises(BadCell) as caught:
        attempt()
    return caught.value.reason


def test_every_onion_goes_on_one_layer_less_in_another_order() -> None:
    full = filled([onion(n) for n in range(8)], [onion(n + 50, Klass.DOOR) for n in range(8)])
    done = worked(full)
    assert done.onward[Klass.LINE].shape == (8, GEOMETRY.onion_bytes_at(1))
    lines, doors = through_the_rest(done.onward, 1)
    assert sorted(lines) == [(drop_of(n), Flag.PLAIN) for n in range(8)]
    assert sorted(doors) == [(drop_of(n + 50), Flag.HOST) for n in range(8)]
    assert [drop for drop, _ in lines] != [drop_of(n) for n in range(8)]
    assert done.shares == {0: 8}
    assert (done.circuits.epoch, done.circuits.lines, done.circuits.doors) == (EPOCH, 8, 8)
    assert not full.drops


def test_onions_go_on_in_the_very_order_that_rows_will() -> None:
    makers = [maker(n) for n in range(8)]
    onions = [each.seal(drop_of(n), Flag.PLAIN) for n, each in enumerate(makers)]
    done = worked(filled(onions, []))
    lines, _ = through_the_rest(done.onward, 1)
    zeros = np.zeros((8, 128), np.uint8)
    rows = done.circuits.peel(START, zeros)
    for (drop, _), row in zip(lines, rows, strict=True):
        of = drop[0]
        alone = worked(filled([onions[of]], []))
        assert np.array_equal(alone.circuits.peel(START, zeros[:1])[0], row)


def test_at_the_last_mix_drops_are_joined_and_nothing_goes_on() -> None:
    lines = [OnionMaker([PUBLIC[2]], HASH, Klass.LINE, Dice.seeded(n), first_hop=2).seal(
        drop_of(n % 2), Flag.PLAIN) for n in range(4)]  # fmt: skip
    done = worked(filled(lines, [], hop=2))
    assert done.onward == {}
    wrapped = done.circuits.turn(START, np.zeros((4, 128), np.uint8))
    assert wrapped.shape == (4, 128)


def test_a_repeat_is_replaced_and_the_next_hops_take_what_stands_there() -> None:
    same = onion(1)
    full = filled([same, same, onion(2)], [])
    done = worked(full)
    lines, _ = through_the_rest(done.onward, 1)
    drops = sorted(drop for drop, _ in lines)
    assert len(drops) == 3
    assert {drop_of(1), drop_of(2)} < set(drops)
    assert [flag for _, flag in lines] == [Flag.PLAIN] * 3
    assert full.drops == {Drop.REPLAYED: 1}


def test_a_repeat_from_another_neighbour_or_of_the_other_class_is_replaced_too() -> None:
    two = batch(gateways=2)
    two.add(0, Klass.LINE, 0, onion(1))
    two.add(SECOND, Klass.LINE, 0, onion(1))
    two.add(SECOND, Klass.DOOR, 0, onion(1))
    two.close(0, 1, 0)
    two.close(SECOND, 1, 1)
    done = worked(two)
    assert done.shares == {0: 1, SECOND: 1}
    assert two.drops[Drop.REPLAYED] == 2
    lines, doors = through_the_rest(done.onward, 1)
    assert sum(drop == drop_of(1) for drop, _ in [*lines, *doors]) == 1


@pytest.mark.parametrize("place", [0, 31, 32, SIZE - 17, SIZE - 1])
def test_a_broken_onion_is_replaced_and_does_not_block_the_true_one_behind_it(place: int) -> None:
    true = onion(1)
    broken = bytearray(true)
    broken[place] ^= 0x80
    full = filled([bytes(broken), true], [])
    done = worked(full)
    lines, _ = through_the_rest(done.onward, 1)
    assert len(lines) == 2
    assert drop_of(1) in [drop for drop, _ in lines]
    assert full.drops.total() == 1


@pytest.mark.parametrize("hop", [0, 1, 2])
def test_any_bytes_of_the_right_length_become_a_circuit_of_the_mix_itself(hop: int) -> None:
    size = GEOMETRY.onion_bytes_at(hop)
    junk = [bytes(size), b"\xff" * size, Dice.seeded(3).bytes(size)]
    full = filled(junk, [bytes(size)], hop)
    done = worked(full)
    assert full.drops.total() == 4
    assert (done.circuits.lines, done.circuits.doors) == (3, 1)
    if hop < 2:
        lines, doors = through_the_rest(done.onward, hop + 1)
        assert [flag for _, flag in lines] == [Flag.PLAIN] * 3
        assert [flag for _, flag in doors] == [Flag.HOST]
        assert len({drop for drop, _ in lines}) == 3


def test_an_onion_for_another_class_hop_or_list_is_broken() -> None:
    other_list = OnionMaker(PUBLIC, bytes(32), Klass.LINE, Dice.seeded(1)).seal(
        drop_of(1), Flag.PLAIN
    )
    full = filled([onion(2, Klass.DOOR), other_list], [onion(3)])
    worked(full)
    assert full.drops == {Drop.FORGED: 3}


def test_an_unknown_flag_is_replaced_at_the_last_mix() -> None:
    last = maker(1, first_hop=2)
    full = filled([last.seal(drop_of(1), 9)], [], hop=2)  # type: ignore[arg-type]  # a lie
    worked(full)
    assert full.drops == {Drop.MALFORMED: 1}


def test_saying_again_what_was_said_changes_nothing_and_new_onions_join() -> None:
    there = batch()
    onions = [onion(n) for n in range(4)]
    there.add(0, Klass.LINE, 0, b"".join(onions[:2]))
    there.work(10)
    there.add(0, Klass.LINE, 0, b"".join(onions[:3]))
    there.add(0, Klass.LINE, 1, b"".join(onions[1:]))
    there.close(0, 4, 0)
    there.add(0, Klass.LINE, 0, b"".join(onions))
    there.close(0, 4, 0)
    done = worked(there)
    assert done.circuits.lines == 4
    assert not there.drops


def test_batches_that_break_the_rules_are_refused_and_leave_what_was_there() -> None:
    there = batch(geometry=Geometry(3, 3))
    there.add(0, Klass.LINE, 0, onion(1))
    cases: list[tuple[Callable[[], None], Drop]] = [
        (lambda: there.add(0, Klass.LINE, 1, onion(2)[:-1]), Drop.MALFORMED),
        (lambda: there.add(0, Klass.LINE, 2, onion(2)), Drop.MALFORMED),
        (lambda: there.add(0, Klass.LINE, 0, onion(2)), Drop.REFUSED),
        (lambda: there.add(0, Klass.LINE, 0, onion(2) + onion(1)), Drop.REFUSED),
        (lambda: there.add(0, Klass.LINE, 1, onion(2) * 3), Drop.FULL),
        (lambda: there.close(0, 2, 0), Drop.MALFORMED),
        (lambda: there.close(0, 1, 1), Drop.MALFORMED),
    ]
    for attempt, reason in cases:
        assert refusal(attempt) == reason
        assert not there.closed
    there.close(0, 1, 0)
    assert refusal(lambda: there.add(0, Klass.LINE, 1, onion(2))) == Drop.LATE
    assert worked(there).circuits.lines == 1


def test_no_gateway_can_take_the_places_of_another() -> None:
    there = batch(gateways=2, geometry=Geometry(3, 4))
    there.add(0, Klass.LINE, 0, onion(1) + onion(2))
    assert refusal(lambda: there.add(0, Klass.LINE, 2, onion(3))) == Drop.FULL
    there.add(SECOND, Klass.LINE, 0, onion(3) + onion(4))
    assert refusal(lambda: there.add(SECOND, Klass.LINE, 2, onion(5))) == Drop.FULL


def test_the_places_of_a_gateway_are_for_all_its_workers_together() -> None:
    """However many processes a gateway says it is, it gets no more of the zone."""
    there = batch(gateways=2, geometry=Geometry(3, 8))
    workers = range(SECOND, SECOND + MAX_WORKERS)
    for number, worker in enumerate(workers[:3]):
        there.add(worker, Klass.LINE, 0, onion(number))
    two = onion(3) + onion(4)
    assert refusal(lambda: there.add(workers[-1], Klass.LINE, 0, two)) == Drop.FULL
    there.add(workers[-1], Klass.LINE, 0, onion(3))
    for worker in workers:
        first = int(worker in (*workers[:3], workers[-1]))
        again = lambda w=worker, f=first: there.add(w, Klass.LINE, f, onion(9))  # noqa: E731
        assert refusal(again) == Drop.FULL
    # Doors are counted apart, and the other gateway is not touched by it.
    there.add(workers[0], Klass.DOOR, 0, onion(10, Klass.DOOR))
    there.add(0, Klass.LINE, 0, b"".join(onion(11 + number) for number in range(4)))


def test_rows_stand_in_the_order_of_the_neighbours_numbers_whoever_came_first() -> None:
    """Gateways in the zone file's order, each one's workers behind one another."""
    groups = {SECOND + 1: [7], 1: [3, 4], SECOND: [5, 6], 0: [1, 2]}
    there = batch(gateways=2)
    for share, numbers in groups.items():
        there.add(share, Klass.LINE, 0, b"".join(onion(n) for n in numbers))
        there.add(share, Klass.DOOR, 0, b"".join(onion(n + 50, Klass.DOOR) for n in numbers))
        there.close(share, len(numbers), len(numbers))
    done = worked(there)
    assert done.shares == {0: 2, 1: 2, SECOND: 2, SECOND + 1: 1}
    # Each row's own layer: with a wrap the order is undone, so rows stand as they came.
    zeros = np.zeros((7, 128), np.uint8)
    layers = done.circuits.wrap(START, zeros)
    for row, number in enumerate(range(1, 8)):
        alone = worked(filled([onion(number)], []))
        assert np.array_equal(alone.circuits.wrap(START, zeros[:1])[0], layers[row])


def test_a_batch_waits_for_every_neighbour_that_is_expected() -> None:
    there = batch(gateways=2)
    assert not there.closed, "nobody has said anything yet"
    for share in (0, 1, SECOND):
        there.expect(share)
    there.expect(0)
    there.close(0, 0, 0)
    there.close(SECOND, 0, 0)
    assert not there.closed
    there.expect(0)
    there.close(1, 0, 0)
    assert worked(there).shares == {0: 0, 1: 0, SECOND: 0}


def test_a_neighbour_that_was_not_expected_is_waited_for_once_it_begins() -> None:
    there = batch(gateways=2)
    there.expect(0)
    there.add(1, Klass.LINE, 0, onion(1))
    there.close(0, 0, 0)
    assert not there.closed
    there.close(1, 1, 0)
    assert worked(there).shares == {0: 0, 1: 1}


def test_neighbours_that_have_not_finished_can_be_left_out() -> None:
    there = batch(gateways=2)
    there.add(0, Klass.LINE, 0, onion(1) + onion(2))
    there.add(SECOND, Klass.LINE, 0, onion(3))
    there.expect(SECOND + 1)
    there.close(SECOND, 1, 0)
    there.work(1)
    there.leave_out_open()
    assert there.closed
    assert refusal(lambda: there.add(0, Klass.LINE, 2, onion(4))) == Drop.MALFORMED
    assert refusal(lambda: there.add(0, Klass.LINE, 0, onion(4))) == Drop.LATE
    done = worked(there)
    assert done.shares == {0: 0, SECOND: 1, SECOND + 1: 0}
    assert done.circuits.lines == 1


def test_when_time_is_up_nobody_can_join_or_finish_and_what_was_said_may_be_said_again() -> None:
    there = batch(gateways=2)
    there.add(0, Klass.LINE, 0, onion(1))
    there.close(0, 1, 0)
    there.leave_out_open()
    for share in (1, SECOND):
        join = lambda share=share: there.add(share, Klass.LINE, 0, onion(2))  # noqa: E731
        assert refusal(join) == Drop.LATE
        assert refusal(lambda share=share: there.close(share, 0, 0)) == Drop.LATE  # type: ignore[misc]
    assert refusal(lambda: there.add(0, Klass.LINE, 1, onion(2))) == Drop.LATE
    there.add(0, Klass.LINE, 0, onion(1))
    there.close(0, 1, 0)
    there.leave_out_open()
    assert worked(there).circuits.lines == 1


def test_without_anybody_time_is_up_all_the_same() -> None:
    there = batch()
    there.leave_out_open()
    assert there.closed
    assert worked(there).circuits.lines == 0


def test_a_batch_is_shuffled_once() -> None:
    there = filled([onion(1)], [])
    worked(there)
    with pytest.raises(Misuse, match="once"):
        there.finish(EPOCH)


def test_a_slice_of_work_opens_no_more_than_was_asked_for() -> None:
    there = filled([onion(n) for n in range(3)], [onion(9, Klass.DOOR)])
    assert [there.work(3), there.work(3), there.work(3)] == [3, 1, 0]


def test_an_empty_batch_is_a_batch() -> None:
    done = worked(filled([], []))
    assert done.circuits.lines == done.circuits.doors == 0
    shapes = {klass: onions.shape for klass, onions in done.onward.items()}
    assert shapes == dict.fromkeys(Klass, (0, GEOMETRY.onion_bytes_at(1)))


@FUZZ
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), max_size=12))
def test_however_it_is_said_the_batch_is_the_onions_in_order_without_holes(
    said: list[tuple[int, int]],
) -> None:
    onions = [bytes([n]) * SIZE for n in range(12)]
    there, kept = batch(), 0
    for first, count in said:
        part = b"".join(onions[first : first + count])
        if first > kept:
            with pytest.raises(BadCell):
                there.add(0, Klass.LINE, first, part)
        else:
            there.add(0, Klass.LINE, first, part)
            kept = max(kept, first + count)
    there.close(0, kept, 0)
