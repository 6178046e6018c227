"""A batch is a matrix: peel, turn and wrap along a chain give the partner's cell."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sizes import CELL_BYTES
from zones import FUZZ, Named, payloads

from pymix_voice.client.circuits import Circuit
from pymix_voice.errors import Misuse
from pymix_voice.geometry import DOOR_EVERY, is_door_round
from pymix_voice.mix.circuits import Circuits, LayerKeys, Orders, no_circuits
from pymix_voice.mix.switchboard import join
from pymix_voice.onion.blocks import Blocks
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.setup import Flag, HopKeys

EPOCH = 9
START = 90_000_000_000


def circuits(lines: Sequence[HopKeys], doors: Sequence[HopKeys], orders: Orders) -> Circuits:
    return Circuits(EPOCH, LayerKeys.of(lines), LayerKeys.of(doors), orders, Blocks(CELL_BYTES))


def layer_keys(count: int, seed: int = 1) -> list[HopKeys]:
    dice = Dice.seeded(seed)
    return [HopKeys(dice.bytes(32), dice.bytes(32)) for _ in range(count)]


def no_order(lines: int, doors: int = 0) -> Orders:
    return Orders.apart(np.arange(lines), np.arange(doors))


class Chain:
    """Mixes and clients that agreed on keys: line `i` and door `i` belong to client `i`."""

    def __init__(self, mixes: int, lines: list[Named], doors: list[Named], seed: int) -> None:
        dice = Dice.seeded(seed)
        self.keys = [
            [HopKeys(dice.bytes(32), dice.bytes(32)) for _ in range(mixes)]
            for _ in range(len(lines) + len(doors))
        ]
        self.clients = [
            Circuit(keys, 1 if row < len(lines) else DOOR_EVERY, CELL_BYTES)
            for row, keys in enumerate(self.keys)
        ]
        self.mixes: list[Circuits] = []
        rows_of_lines, rows_of_doors = np.arange(len(lines)), np.arange(len(doors))
        for hop in range(mixes):
            of_lines = [self.keys[row][hop] for row in rows_of_lines]
            of_doors = [self.keys[len(lines) + row][hop] for row in rows_of_doors]
            if hop == mixes - 1:
                orders = join(
                    payloads([lines[row] for row in rows_of_lines]),
                    payloads([doors[row] for row in rows_of_doors]),
                    dice,
                )
            else:
                line_order, door_order = dice.order(len(lines)), dice.order(len(doors))
                orders = Orders.apart(line_order, door_order)
                rows_of_lines, rows_of_doors = rows_of_lines[line_order], rows_of_doors[door_order]
            self.mixes.append(circuits(of_lines, of_doors, orders))

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
    dice, keys = Dice.seeded(5), layer_keys(12)
    orders = Orders.apart(dice.order(8), dice.order(4))
    mix = circuits(keys[:8], keys[8:], orders)
    layers = circuits(keys[:8], keys[8:], no_order(8, 4))
    for number in (START, START + 1):
        zeros = np.zeros((mix.rows_in(number), CELL_BYTES), np.uint8)
        forward, backward = layers.peel(number, zeros).copy(), layers.wrap(number, zeros)
        cells = dice.matrix(mix.rows_in(number), CELL_BYTES)
        assert np.array_equal(mix.wrap(number, mix.peel(number, cells)), cells ^ forward ^ backward)


def test_lines_stay_among_lines_and_doors_among_doors() -> None:
    dice = Dice.seeded(6)
    orders = Orders.apart(dice.order(30), dice.order(20))
    assert sorted(orders.both[:30].tolist()) == list(range(30))
    assert sorted(orders.both[30:].tolist()) == list(range(30, 50))
    assert np.array_equal(orders.both[:30], orders.lines)


def test_the_input_is_left_as_it_was() -> None:
    mix = circuits(layer_keys(3), [], no_order(3))
    cells = Dice.seeded(7).matrix(3, CELL_BYTES)
    before = cells.copy()
    for work in (mix.peel, mix.wrap, mix.turn):
        work(START, cells)
    assert np.array_equal(cells, before)


@pytest.mark.parametrize("number", [START, START + 1])
def test_each_way_is_the_sum_that_the_design_gives(number: int) -> None:
    """Forward out = (cells ^ keystream)[order], backward the reverse; row by row here."""
    dice, keys = Dice.seeded(12), layer_keys(12)
    lines, doors = dice.order(8), dice.order(4)
    mix = circuits(keys[:8], keys[8:], Orders.apart(lines, doors))
    rows = mix.rows_in(number)
    order = [*lines.tolist(), *(8 + doors).tolist()][:rows]
    cells = dice.matrix(rows, CELL_BYTES)
    clients = [
        Circuit([each], 1 if row < 8 else DOOR_EVERY, CELL_BYTES) for row, each in enumerate(keys)
    ]
    # A client adds forward what the mix takes off, and takes off what the mix adds backward.
    off = [
        client.wrap(number, cell.tobytes()) for client, cell in zip(clients, cells, strict=False)
    ]
    assert [row.tobytes() for row in mix.peel(number, cells)] == [off[row] for row in order]
    undone = [cells[order.index(row)].tobytes() for row in range(rows)]
    on = [client.peel(number, cell) for client, cell in zip(clients, undone, strict=False)]
    assert [row.tobytes() for row in mix.wrap(number, cells)] == on
    crossed = [client.peel(number, off[row]) for client, row in zip(clients, order, strict=False)]
    assert [row.tobytes() for row in mix.turn(number, cells)] == crossed


def test_what_a_mix_gives_may_be_given_to_it_again() -> None:
    """Its results lie in memory that it uses again; they are right even as its own input."""
    keys, dice = layer_keys(12), Dice.seeded(13)
    orders = Orders.apart(dice.order(8), dice.order(4))
    mix, other = (circuits(keys[:8], keys[8:], orders) for _ in range(2))
    ways = [(mix.peel, other.peel), (mix.wrap, other.wrap), (mix.turn, other.turn)]
    for number in (START, START + 1):
        for first, _ in ways:
            for second, apart in ways:
                cells = dice.matrix(mix.rows_in(number), CELL_BYTES)
                copied = apart(number, first(number, cells).copy()).copy()
                assert np.array_equal(second(number, first(number, cells)), copied)


def test_rounds_of_lines_and_door_rounds_take_turns_in_the_same_memory() -> None:
    keys = layer_keys(12)
    mix = circuits(keys[:8], keys[8:], no_order(8, 4))
    places = set()
    for number in range(START, START + 40):
        out = mix.peel(number, np.zeros((mix.rows_in(number), CELL_BYTES), np.uint8))
        alone = circuits(keys[:8], keys[8:], no_order(8, 4))
        assert np.array_equal(out, alone.peel(number, np.zeros_like(out)))
        places.add(out.__array_interface__["data"][0])
    assert len(places) == 1


def test_keys_in_one_matrix_are_each_circuits_keys_in_row_order_and_show_nothing() -> None:
    keys = layer_keys(5)
    table = LayerKeys.of(keys)
    assert [row.tobytes() for row in table.forward] == [each.forward for each in keys]
    assert [row.tobytes() for row in table.backward] == [each.backward for each in keys]
    assert len(table) == 5
    assert len(LayerKeys.of([])) == 0
    assert repr(table) == "LayerKeys()"


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
    mix = circuits([HopKeys(bytes(32), bytes(32))], [], no_order(1))
    nothing = np.zeros((1, CELL_BYTES), np.uint8)
    streams = [mix.peel(START + n, nothing).tobytes() for n in range(40)]
    streams += [mix.wrap(START + n, nothing).tobytes() for n in range(40)]
    assert len(set(streams)) == 80


def test_keystream_made_ahead_is_the_same_and_none_is_made_late() -> None:
    keys = [HopKeys(bytes([n] * 32), bytes([n + 50] * 32)) for n in range(6)]
    ahead, late = (circuits(keys[:4], keys[4:], no_order(4, 2)) for _ in range(2))
    cells = Dice.seeded(9).matrix(6, CELL_BYTES)
    end = START + 600
    for number in range(START, end):
        while ahead.prepare(number, number, 3, end):
            pass
        rows = ahead.rows_in(number)
        one = ahead.wrap(number, ahead.peel(number, cells[:rows]))
        assert np.array_equal(one, late.wrap(number, late.peel(number, cells[:rows])))
    assert ahead.made_late == 0
    assert late.made_late > 0


def made_at(mix: Circuits, number: int, end: int) -> list[int]:
    """The slices of four that are made when this round is the newest."""
    made = []
    while step := mix.prepare(number, number, 4, end):
        made.append(step)
    return made


def test_a_slice_of_keystream_is_no_more_than_was_asked_for() -> None:
    keys = [HopKeys(bytes(32), bytes(32))] * 10
    mix = circuits(keys, keys, no_order(10, 10))
    made = made_at(mix, START, START + 600)
    assert max(made) == 4
    assert sum(made) == 2 * (10 + 10), "one block of lines and doors each way"
    assert sum(made_at(mix, START + 10, START + 600)) == 2 * 10, "and the lines' next"
    assert sum(made_at(mix, START + 100, START + 600)) == 2 * (10 + 10), "and the doors'"


def test_no_keystream_is_made_for_rounds_that_are_not_expected() -> None:
    keys = layer_keys(4)
    mix, end = circuits(keys[:2], keys[2:], no_order(2, 2)), START + 200
    made_at(mix, START + 100, end)
    assert made_at(mix, end - 1, end) == [2, 2]
    # Should the circuits be extended after all, their next rounds go through as ever.
    rows = Dice.seeded(14).matrix(4, CELL_BYTES)
    alone = circuits(keys[:2], keys[2:], no_order(2, 2))
    assert np.array_equal(mix.peel(end, rows), alone.peel(end, rows))
    assert made_at(mix, end + 10, end + 200)


def test_after_wiping_nothing_can_be_peeled() -> None:
    mix = circuits([HopKeys(bytes(32), bytes(32))], [], no_order(1))
    mix.wipe()
    with pytest.raises(Misuse):
        mix.peel(START + 1, np.zeros((1, CELL_BYTES), np.uint8))


def test_a_zone_without_circuits_passes_empty_rounds() -> None:
    nobody = no_circuits(CELL_BYTES)
    nothing = np.empty((0, CELL_BYTES), np.uint8)
    for number in (START, START + 1):
        assert nobody.rows_in(number) == 0
        assert nobody.peel(number, nothing).shape == nobody.wrap(number, nothing).shape == (0, 128)
    assert nobody.prepare(START, START, 10, START + 200) == 0


def test_the_orders_of_two_batches_have_nothing_in_common() -> None:
    dice = Dice.seeded(11)
    orders = [dice.order(100) for _ in range(4)]
    assert all((one == two).sum() < 10 for one, two in pairwise(orders))
