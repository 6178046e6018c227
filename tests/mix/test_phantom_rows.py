"""Phantoms in the matrix: more rows out than in, and only those that came go back up."""

import tracemalloc
from collections import Counter
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sizes import CELL_BYTES
from zones import FUZZ

from pymix_voice.client.circuits import Circuit
from pymix_voice.errors import BadCell, Drop, Misuse
from pymix_voice.geometry import DOOR_EVERY, MAX_WORKERS, Geometry
from pymix_voice.mix.batch import Batch, Shuffled
from pymix_voice.mix.circuits import Circuits, LayerKeys, Orders
from pymix_voice.onion.blocks import Blocks
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.setup import Flag, HopKeys, Klass, OnionMaker
from pymix_voice.zone.phantoms import Phantoms, Spread

EPOCH, START = 9, 90_000_000_000
PHANTOMS = Phantoms(*[Spread(mean, 1.0) for mean in (2, 3, 2, 1, 2)])
LINES, DOORS = (PHANTOMS.most(klass) for klass in Klass)
GEOMETRY = Geometry(3, 6, phantom_lines=LINES, phantom_doors=DOORS)
HASH = bytes(range(32))
KEYS = [KeyPair.draw(Dice.seeded(hop)) for hop in range(3)]
PUBLIC = [key.public for key in KEYS]


def batch(hop: int, gateways: int = 1, phantoms: Phantoms | None = PHANTOMS) -> Batch:
    dice = Dice.seeded(40 + hop)
    return Batch(
        GEOMETRY, hop, KEYS[hop], PUBLIC, HASH, Blocks(CELL_BYTES), dice, gateways, phantoms
    )


def worked(full: Batch) -> Shuffled:
    while full.work(6):
        pass
    assert full.closed
    assert full.opened
    return full.finish(EPOCH)


# ── one mix's matrix ─────────────────────────────────────────────────────────────────────


def layer_keys(count: int, seed: int) -> list[HopKeys]:
    dice = Dice.seeded(seed)
    return [HopKeys(dice.bytes(32), dice.bytes(32)) for _ in range(count)]


def table(came: list[HopKeys], phantoms: list[HopKeys]) -> LayerKeys:
    both = LayerKeys.of([*came, *phantoms])
    return LayerKeys(both.forward, both.backward[: len(came)])


def keystream(keys: HopKeys, step: int, number: int) -> NDArray[np.uint8]:
    """This hop's layer forward, as a client adds it."""
    return np.frombuffer(
        Circuit([keys], step, CELL_BYTES).wrap(number, bytes(CELL_BYTES)), np.uint8
    )


@FUZZ
@given(
    came=st.tuples(st.integers(0, 7), st.integers(0, 5)),
    own=st.tuples(st.integers(0, 5), st.integers(0, 4)),
    number=st.integers(START, START + 19),
    seed=st.integers(0, 2**20),
)
def test_each_way_is_the_sum_that_the_design_gives(
    came: tuple[int, int], own: tuple[int, int], number: int, seed: int
) -> None:
    dice = Dice.seeded(seed)
    keys = [layer_keys(count, seed + n) for n, count in enumerate((*came, *own))]
    orders = [dice.order(came[n] + own[n]) for n in range(2)]
    tables = [table(keys[n], keys[2 + n]) for n in range(2)]
    mix = Circuits(
        EPOCH, tables[0], tables[1], Orders.apart(orders[0], orders[1], own), Blocks(CELL_BYTES)
    )
    classes = (0, 1) if number % DOOR_EVERY == 0 else (0,)
    cells = dice.matrix(sum(came[n] for n in classes), CELL_BYTES)
    assert (mix.lines, mix.doors) == came
    assert mix.rows_in(number) == len(cells)
    assert mix.rows_out(number) == sum(came[n] + own[n] for n in classes)

    wanted, first = [], 0
    for n in classes:
        streams = [keystream(key, (1, DOOR_EVERY)[n], number) for key in keys[n] + keys[2 + n]]
        zeros = np.zeros((own[n], CELL_BYTES), np.uint8)
        rows = np.concatenate((cells[first : first + came[n]], zeros))
        wanted += [rows[row] ^ streams[row] for row in orders[n].tolist()]
        first += came[n]
    out = mix.peel(number, cells)
    assert out.shape == (len(wanted), CELL_BYTES)
    assert all(np.array_equal(*pair) for pair in zip(out, wanted, strict=True))

    back = dice.matrix(len(wanted), CELL_BYTES)
    expected, first = [], 0
    for n in classes:
        places = {row: first + place for place, row in enumerate(orders[n].tolist())}
        for row in range(came[n]):
            client = Circuit([keys[n][row]], (1, DOOR_EVERY)[n], CELL_BYTES)
            expected.append(client.peel(number, back[places[row]].tobytes()))
        first += came[n] + own[n]
    assert [row.tobytes() for row in mix.wrap(number, back)] == expected


def test_phantom_rows_are_random_and_of_every_round_anew() -> None:
    keys = [table(layer_keys(2, 1), layer_keys(3, 2)), table([], [])]
    mix = Circuits(
        EPOCH,
        keys[0],
        keys[1],
        Orders.apart(np.arange(5), np.arange(0), (3, 0)),
        Blocks(CELL_BYTES),
    )
    zeros = np.zeros((2, CELL_BYTES), np.uint8)
    rows = np.concatenate([mix.peel(START + n, zeros)[2:].copy() for n in range(40)])
    assert len({row.tobytes() for row in rows}) == 120
    counts = np.bincount(rows.reshape(-1), minlength=256)
    assert counts.min() > 20
    assert counts.max() < 120


def test_a_round_with_phantoms_asks_for_no_memory() -> None:
    """Only views: nothing as large as a row of cells."""
    keys = [table(layer_keys(300, 1), layer_keys(200, 2)), table(layer_keys(300, 3), [])]
    orders = Orders.apart(Dice.seeded(1).order(500), Dice.seeded(2).order(300), (200, 0))
    mix = Circuits(EPOCH, keys[0], keys[1], orders, Blocks(CELL_BYTES))
    cells, back = (np.zeros((n, CELL_BYTES), np.uint8) for n in (600, 800))
    for number in (START, START + 1):
        while mix.prepare(number, number, 500, START + 200):
            pass
    tracemalloc.start()
    try:
        for number in (START, START + 1):
            lines_only = number == START + 1
            mix.peel(number, cells[: 300 if lines_only else 600])
            mix.wrap(number, back[: 500 if lines_only else 800])
        assert tracemalloc.get_traced_memory()[1] < 50 * CELL_BYTES
    finally:
        tracemalloc.stop()


def test_after_wiping_no_phantom_is_sent() -> None:
    keys = [table([], layer_keys(3, 2)), table([], [])]
    mix = Circuits(
        EPOCH,
        keys[0],
        keys[1],
        Orders.apart(np.arange(3), np.arange(0), (3, 0)),
        Blocks(CELL_BYTES),
    )
    nothing = np.empty((0, CELL_BYTES), np.uint8)
    assert mix.peel(START + 1, nothing).any(axis=1).all()
    mix.wipe()
    with pytest.raises(Misuse):
        mix.peel(START + 1, nothing)


# ── a batch, and a chain of them ─────────────────────────────────────────────────────────


def onion(number: int, klass: Klass) -> tuple[OnionMaker, bytes]:
    """Lines 0 and 1 talk, 2 is idle, 3 is guest at the door of 4; 5 names nobody's door."""
    drop = {0: 200, 1: 200, 3: 104}.get(number, number) if klass == Klass.LINE else 100 + number
    flag = Flag.HOST if klass == Klass.DOOR else Flag.GUEST if number in (3, 5) else Flag.PLAIN
    maker = OnionMaker(PUBLIC, HASH, klass, Dice.seeded(1000 + 10 * number + klass))
    return maker, maker.seal(bytes([drop]) * 16, flag)


PARTNERS = {0: 1, 1: 0, 3: 6 + 4, 6 + 4: 3}
"""By row at the first mix, in door rounds."""


class Chain:
    """Three mixes with phantoms, and six clients at one gateway or two."""

    def __init__(self, shares: dict[int, int]) -> None:
        makers = [[onion(number, klass) for number in range(6)] for klass in Klass]
        self.clients = [
            Circuit(maker.hops, step, CELL_BYTES)
            for step, klass in zip((1, DOOR_EVERY), Klass, strict=True)
            for maker, _ in makers[klass]
        ]
        first, row = batch(0, len(shares)), 0
        for share, count in shares.items():
            for klass in Klass:
                some = b"".join(each for _, each in makers[klass][row : row + count])
                first.add(share, klass, 0, some)
            first.close(share, count, count)
            row += count
        self.done = [worked(first)]
        for hop in (1, 2):
            onward, mix = self.done[-1].onward, batch(hop)
            for klass in Klass:
                mix.add(0, klass, 0, onward[klass].tobytes())
            mix.close(0, *(len(onward[klass]) for klass in Klass))
            self.done.append(worked(mix))
            assert not mix.drops
        self.mixes = [done.circuits for done in self.done]

    def carry(self, number: int, cells: NDArray[np.uint8]) -> list[bytes]:
        rows = np.stack(
            [
                np.frombuffer(client.wrap(number, cell.tobytes()), np.uint8)
                for client, cell in zip(self.clients, cells, strict=False)
            ]
        )
        for mix in self.mixes[:-1]:
            rows = mix.peel(number, rows)
            assert len(rows) == mix.rows_out(number)
        rows = self.mixes[-1].turn(number, rows)
        for mix in reversed(self.mixes[:-1]):
            assert len(rows) == mix.rows_out(number)
            rows = mix.wrap(number, rows)
        return [
            client.peel(number, row.tobytes())
            for client, row in zip(self.clients, rows, strict=False)
        ]


@cache
def chain(two: bool = False) -> Chain:
    return Chain({0: 3, MAX_WORKERS: 3} if two else {0: 6})


@pytest.mark.parametrize("two", [False, True])
@pytest.mark.parametrize("number", [START, START + 1, START + 10, START + 39])
def test_with_phantoms_on_the_way_everybody_gets_the_partners_cell(two: bool, number: int) -> None:
    rows = 12 if number % DOOR_EVERY == 0 else 6
    cells = Dice.seeded(number).matrix(rows, CELL_BYTES)
    partners = [PARTNERS.get(row, row) for row in range(rows)]
    partners = [row if partner >= rows else partner for row, partner in enumerate(partners)]
    assert chain(two).carry(number, cells) == [cells[each].tobytes() for each in partners]


def test_rows_grow_from_mix_to_mix_but_not_at_the_last() -> None:
    rows = [(mix.rows_in(START), mix.rows_out(START)) for mix in chain().mixes]
    assert rows[0][0] == 12
    assert rows[0][0] < rows[0][1] == rows[1][0] < rows[1][1] == rows[2][0] == rows[2][1]
    assert all(rows[hop][0] <= GEOMETRY.rows_at(hop) for hop in range(3))


def test_clients_are_told_how_many_they_are_and_gateways_have_their_own_rows() -> None:
    done = chain(two=True).done[0]
    assert done.shares == {0: 3, MAX_WORKERS: 3}
    assert (done.circuits.lines, done.circuits.doors) == (6, 6)


def test_the_place_of_a_row_tells_nothing_of_what_it_is() -> None:
    """Phantoms come out anywhere among the lines and doors."""
    places = Counter[int]()
    for seed in range(200):
        orders = Orders.apart(
            Dice.seeded(seed).order(5), Dice.seeded(seed + 999).order(4), phantoms=(2, 1)
        )
        # Rows that came: three lines, three doors; then two phantom lines and a phantom door.
        places.update(np.flatnonzero(orders.both >= 6).tolist())
        assert sorted(orders.both[:5].tolist()) == [0, 1, 2, 6, 7]
        assert sorted(orders.both[5:].tolist()) == [3, 4, 5, 8]
        lines = np.where(orders.lines < 3, orders.lines, orders.lines + 3)
        assert np.array_equal(orders.both[:5], lines), "lines stand alike in every round"
    assert all(50 < places[row] < 110 for row in range(5))
    assert all(25 < places[row] < 75 for row in range(5, 9))


def test_a_mix_has_room_for_the_most_phantoms_of_all_mixes_before_it_and_no_more() -> None:
    size = GEOMETRY.onion_bytes_at(2)
    for klass, most in ((Klass.LINE, 6 + 2 * LINES), (Klass.DOOR, 6 + 2 * DOORS)):
        there = batch(2)
        there.add(0, klass, 0, bytes(most * size))
        with pytest.raises(BadCell) as caught:
            there.add(0, klass, most, bytes(size))
        assert caught.value.reason == Drop.FULL
    with pytest.raises(BadCell):
        batch(0).add(0, Klass.LINE, 0, bytes(7 * GEOMETRY.onion_bytes))


def test_phantoms_are_made_while_a_mix_waits_and_a_batch_is_not_done_without_them() -> None:
    there = batch(0)
    slices = []
    while spent := there.work(6):
        slices.append(spent)
    assert len(slices) > 3
    assert max(slices) <= 6
    assert not there.closed
    early = batch(0)
    early.close(0, 0, 0)
    assert early.closed
    assert not early.opened


def test_an_empty_batch_has_phantoms_all_the_same() -> None:
    there = batch(0)
    there.leave_out_open()
    done = worked(there)
    assert done.circuits.rows_in(START) == 0
    assert done.circuits.rows_out(START) > 0
    nothing = np.empty((0, CELL_BYTES), np.uint8)
    rows = done.circuits.peel(START, nothing)
    assert done.circuits.wrap(START, rows).shape == (0, CELL_BYTES)


def test_the_last_mix_and_a_mix_of_a_zone_without_phantoms_add_none() -> None:
    for there in (batch(2), batch(0, phantoms=None)):
        there.leave_out_open()
        assert worked(there).circuits.rows_out(START) == 0
