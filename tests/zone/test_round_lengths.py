"""Cells, layers, chunks and rounds of every length of round: nothing hangs on 20 ms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zones import FUZZ

from pymix_voice.client.circuits import Circuit
from pymix_voice.errors import Drops
from pymix_voice.geometry import DOOR_EVERY, ROUNDS_MS, Geometry, is_door_round
from pymix_voice.mix.circuits import Circuits, LayerKeys, Orders
from pymix_voice.onion.blocks import Blocks
from pymix_voice.onion.cell import CellSealer, Kind, open_cell, open_dialing, seal_dialing
from pymix_voice.onion.chunk import Beside, Opener, Sealer
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.setup import HopKeys
from pymix_voice.onion.sodium import AEGIS, CHACHA, Cipher
from pymix_voice.zone.rounds import Inlet

EPOCH, FIRST, NOW = 7, 30_000_000_000, 1000.0
zones = st.builds(Geometry, st.just(3), st.just(40), st.sampled_from(ROUNDS_MS))
each_length = pytest.mark.parametrize("round_ms", ROUNDS_MS)


@FUZZ
@given(
    zone=zones,
    rows=st.integers(0, 60),
    lost=st.sets(st.integers(0, 14), max_size=6),
    cipher=st.sampled_from([CHACHA, AEGIS]),
    seed=st.integers(0, 99),
)
def test_a_round_crosses_a_link_whole_but_for_the_rows_of_lost_chunks(
    zone: Geometry, rows: int, lost: set[int], cipher: Cipher, seed: int
) -> None:
    dice = Dice.seeded(seed)
    key, cells = dice.bytes(cipher.key_bytes), dice.matrix(rows, zone.cell_bytes)
    sheet = Sealer(b"link", key, zone, cipher).seal(FIRST, 1, cells, Beside())
    assert sheet.shape == (zone.chunks(rows), zone.chunk_bytes)
    came = [chunk for chunk in range(len(sheet)) if chunk not in lost]
    inlet, drops = Inlet(zone, dice), Drops()
    inlet.close_until(FIRST - 1)
    _, opened = Opener(key, cipher).open(sheet[came], FIRST, drops)
    for chunks in opened:
        inlet.accept(chunks, EPOCH, rows, NOW, drops)
    taken = inlet.take(FIRST, EPOCH, rows)
    assert taken is not None
    assert taken.shape == (rows, zone.cell_bytes)
    assert not drops
    there = np.isin(np.arange(rows) // zone.chunk_cells, came)
    assert np.array_equal(taken[there], cells[there])
    assert not (taken[~there] == cells[~there]).all(axis=1).any()
    assert inlet.filled_rows == int(np.count_nonzero(~there))


@each_length
@pytest.mark.parametrize("number", [FIRST, FIRST + 1])
def test_what_clients_wrap_a_mix_peels_and_the_other_way_round(round_ms: int, number: int) -> None:
    zone, dice = Geometry(1, 40, round_ms), Dice.seeded(3)
    keys = [HopKeys(dice.bytes(32), dice.bytes(32)) for _ in range(12)]
    lines, doors = (LayerKeys.of(some) for some in (keys[:8], keys[8:]))
    orders = Orders.apart(dice.order(8), dice.order(4))
    mix = Circuits(EPOCH, lines, doors, orders, Blocks(zone.cell_bytes))
    every = [1] * 8 + ([DOOR_EVERY] * 4 if is_door_round(number) else [])
    clients = [Circuit([keys[row]], each, zone.cell_bytes) for row, each in enumerate(every)]
    said = dice.matrix(len(every), zone.cell_bytes)
    wrapped = [each.wrap(number, cell.tobytes()) for each, cell in zip(clients, said, strict=True)]
    peeled = mix.peel(number, np.frombuffer(b"".join(wrapped), np.uint8).reshape(said.shape))
    assert np.array_equal(peeled, said[orders(number)])
    back = mix.wrap(number, peeled.copy())
    heard = [each.peel(number, row.tobytes()) for each, row in zip(clients, back, strict=True)]
    assert heard == [row.tobytes() for row in said]


@each_length
def test_all_kinds_of_cells_have_one_size_however_little_they_say(round_ms: int) -> None:
    zone, key = Geometry(3, 40, round_ms), bytes(range(32))
    sealer = CellSealer(key, zone.body_bytes)
    bodies = [b"", b"\x05", bytes(zone.body_bytes)]
    cells = [sealer.seal(FIRST + place, Kind.CONTROL, body) for place, body in enumerate(bodies)]
    texts = [bytes(96), bytes(48)]
    knocks = [seal_dialing(key, 0, bytes(16), FIRST, text, zone.cell_bytes) for text in texts]
    assert {len(cell) for cell in cells + knocks} == {zone.cell_bytes}
    for place, cell in enumerate(cells):
        padded = bodies[place].ljust(zone.body_bytes, b"\0")
        assert open_cell(key, FIRST + place, cell) == (Kind.CONTROL, padded)
    for text, knock in zip(texts, knocks, strict=True):
        assert open_dialing(key, 0, FIRST, knock) == text.ljust(zone.cell_bytes - 32, b"\0")
