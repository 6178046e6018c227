"""A batch is a matrix: peel, turn and wrap along a chain give the partner's cell."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from zones import FUZZ

from pymix_voice.client.circuits import Circuit
from pymix_voice.errors import Misuse
from pymix_voice.geometry import CELL_BYTES, DOOR_EVERY, is_door_round
from pymix_voice.mix.circuits import Circuits, Orders, no_circuits
from pymix_voice.mix.switchboard import Named, join
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.setup import Flag, HopKeys

EPOCH = 9
START = 90_000_000_000


class Chain:
    """Mixes and clients that agreed on keys: line `i` and door `i` belong to client `i`."""

    def __init__(self, mixes: int, lines: list[Named], doors: list[Named], seed: int) -> None:
        dice = Dice.seeded(seed)
        self.keys = [
            [HopKeys(dice.bytes(32), dice.bytes(32)) for _ in range(mixes)]
            for _ in range(len(lines) + len(doors))
        ]
        self.clients = [
            Circuit(keys, 1 if row < len(lines) else DOOR_EVERY)
            for row, keys in enumerate(self.keys)
        ]
        self.mixes: list[Circuits] = []
        rows_of_lines, rows_of_doors = np.arange(len(lines)), np.arange(len(doors))
        for hop in range(mixes):
            of_lines = [self.keys[row][hop] for row in rows_of_lines]
            of_doors = [self.keys[len(lines) + row][hop] for row in rows_of_doors]
            if hop == mixes - 1:
                orders = join(
                    [lines[row] for row in rows_of_lines],
                    [doors[row] for row in rows_of_doors],
                    dice,
                )
            else:
                line_order, door_order = dice.order(len(lines)), dice.order(len(doors))
                orders = Orders.apart(line_order, door_order)
                rows_of_lines, rows_of_doors = rows_of_lines[line_order], rows_of_doors[door_order]
            self.mixes.append(Circuits(EPOCH, of_lines, of_doors, orders))

    def carry(self, number: int, cells: NDArray[np.uint8]) -> list[bytes]:
        """A round from the clients to the switchboard and back to them."""
        rows = np.stack(
            [
                np.frombuffer(client.wrap(number, cell.tobytes()), np.uint8)
                for client, cell in zip(self.clients, cells, strict=False)
            ]
        )
        for mix in self.mixes[:-1]:
            rows = mix.peel(number, rows)
        rows = self.mixes[-1].turn(number, rows)
        for mix in reversed(self.mixes[:-1]):
            rows = mix.wrap(number, rows)
        return [
            client.peel(number, row.tobytes())
            for client, row in zip(self.clients, rows, strict=False)
        ]


def drop(letter: str) -> bytes:
    return letter.encode() * 16


LINES = [(drop(letter), Flag.PLAIN) for letter in "abcba"] + [(drop("d"), Flag.GUEST)]
DOORS = [(drop("d"), Flag.HOST), (drop("e"), Flag.HOST)]
PARTNERS = [4, 3, 2, 1, 0, 6, 5, 7]


@pytest.mark.parametrize("mixes", range(1, 9))
def test_through_any_chain_everybody_gets_the_partners_cell(mixes: int) -> None:
    chain = Chain(mixes, LINES, DOORS, seed=mixes)
    for number in range(START, START + 45):
        rows = 8 if is_door_round(number) else 6
        cells = Dice.seeded(number).matrix(rows, CELL_BYTES)
        got = chain.carry(number, cells)
        partners = PARTNERS if rows == 8 else [4, 3, 2, 1, 0, 5]
        assert got == [cells[partner].tobytes() for partner in partners]


@FUZZ
@given(st.integers(1, 4), st.integers(0, 9), st.integers(0, 5), st.integers(0, 2**20))
def test_layers_and_orders_cancel_whatever_the_rows(
    mixes: int, lines: int, doors: int, seed: int
) -> None:
    dice = Dice.seeded(seed)
    chain = Chain(
        mixes,
        [(dice.bytes(16), Flag.PLAIN) for _ in range(lines)],
        [(dice.bytes(16), Flag.HOST) for _ in range(doors)],
        seed,
    )
    number = START + 10 * (seed % 2)
    if lines + doors:
        cells = dice.matrix(lines + doors, CELL_BYTES)
        assert chain.carry(number, cells) == [cell.tobytes() for cell in cells]


def test_a_wrap_brings_every_row_back_to_where_a_peel_took_it_from() -> None:
    dice = Dice.seeded(5)
    keys = [HopKeys(dice.bytes(32), dice.bytes(32)) for _ in range(12)]
    orders = Orders.apart(dice.order(8), dice.order(4))
    mix = Circuits(EPOCH, keys[:8], keys[8:], orders)
    layers = Circuits(EPOCH, keys[:8], keys[8:], Orders.apart(np.arange(8), np.arange(4)))
    for number in (START, START + 1):
        zeros = np.zeros((mix.rows(number), CELL_BYTES), np.uint8)
        forward, backward = layers.peel(number, zeros), layers.wrap(number, zeros)
        cells = dice.matrix(mix.rows(number), CELL_BYTES)
        assert np.array_equal(mix.wrap(number, mix.peel(number, cells)), cells ^ forward ^ backward)


def test_lines_stay_among_lines_and_doors_among_doors() -> None:
    dice = Dice.seeded(6)
    orders = Orders.apart(dice.order(30), dice.order(20))
    assert sorted(orders.both[:30].tolist()) == list(range(30))
    assert sorted(orders.both[30:].tolist()) == list(range(30, 50))
    assert np.array_equal(orders.both[:30], orders.lines)


def test_the_input_is_left_as_it_was() -> None:
    dice = Dice.seeded(7)
    mix = Circuits(EPOCH, [HopKeys(dice.bytes(32), dice.bytes(32))] * 3, [], no_order(3))
    cells = dice.matrix(3, CELL_BYTES)
    before = cells.copy()
    for work in (mix.peel, mix.wrap, mix.turn):
        work(START, cells)
    assert np.array_equal(cells, before)


def no_order(rows: int) -> Orders:
    return Orders.apart(np.arange(rows), np.arange(0))


def test_a_lost_cell_heals_after_one_honest_layer() -> None:
    """Filler in place of a cell is no more like filler than any other row, further on."""
    chain = Chain(3, LINES, DOORS, seed=8)
    one = Dice.seeded(1).matrix(6, CELL_BYTES)
    number = START + 1
    first = chain.mixes[0].peel(number, one)
    again = Chain(3, LINES, DOORS, seed=8)
    changed = one.copy()
    changed[2] = 0
    differs = (again.mixes[0].peel(number, changed) != first).any(axis=1)
    assert differs.sum() == 1
    assert again.mixes[0].peel(number, changed)[differs].any()


def test_every_round_has_keystream_of_its_own_in_both_directions() -> None:
    mix = Circuits(EPOCH, [HopKeys(bytes(32), bytes(32))], [], no_order(1))
    nothing = np.zeros((1, CELL_BYTES), np.uint8)
    streams = [mix.peel(START + n, nothing).tobytes() for n in range(40)]
    streams += [mix.wrap(START + n, nothing).tobytes() for n in range(40)]
    assert len(set(streams)) == 80


def test_keystream_made_ahead_is_the_same_and_none_is_made_late() -> None:
    keys = [HopKeys(bytes([n] * 32), bytes([n + 50] * 32)) for n in range(6)]
    ahead, late = (
        Circuits(EPOCH, keys[:4], keys[4:], Orders.apart(np.arange(4), np.arange(2)))
        for _ in range(2)
    )
    cells = Dice.seeded(9).matrix(6, CELL_BYTES)
    for number in range(START, START + 450):
        while ahead.prepare(number, number, 3):
            pass
        rows = ahead.rows(number)
        one = ahead.wrap(number, ahead.peel(number, cells[:rows]))
        assert np.array_equal(one, late.wrap(number, late.peel(number, cells[:rows])))
    assert ahead.made_late == 0
    assert late.made_late > 0


def test_a_slice_of_keystream_is_no_more_than_was_asked_for() -> None:
    keys = [HopKeys(bytes(32), bytes(32))] * 10
    mix = Circuits(EPOCH, keys, keys, Orders.apart(np.arange(10), np.arange(10)))
    made = []
    while step := mix.prepare(START, START, 4):
        made.append(step)
    assert max(made) == 4
    assert sum(made) == 2 * 2 * (10 + 10)


def test_after_wiping_nothing_can_be_peeled() -> None:
    mix = Circuits(EPOCH, [HopKeys(bytes(32), bytes(32))], [], no_order(1))
    mix.wipe()
    with pytest.raises(Misuse):
        mix.peel(START + 1, np.zeros((1, CELL_BYTES), np.uint8))


def test_a_zone_without_circuits_passes_empty_rounds() -> None:
    nobody = no_circuits()
    nothing = np.empty((0, CELL_BYTES), np.uint8)
    for number in (START, START + 1):
        assert nobody.rows(number) == 0
        assert nobody.peel(number, nothing).shape == nobody.wrap(number, nothing).shape == (0, 128)
    assert nobody.prepare(START, START, 10) == 0


def test_the_orders_of_two_batches_have_nothing_in_common() -> None:
    dice = Dice.seeded(11)
    orders = [dice.order(100) for _ in range(4)]
    assert all((one == two).sum() < 10 for one, two in pairwise(orders))
