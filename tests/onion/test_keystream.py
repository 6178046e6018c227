from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import CELL_BYTES

from pymix_voice.errors import Misuse
from pymix_voice.onion import sodium
from pymix_voice.onion.blocks import Blocks
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keystream import BACKWARD, FORWARD, KEEP_STEPS, Keystream, combined

KEYS = [bytes([number]) * 32 for number in range(1, 6)]


@cache
def straightforward(key: bytes, direction: int, step: int) -> bytes:
    """One cell of one circuit's stream, computed alone."""
    block, place = divmod(step, 20)
    nonce = bytes([direction]) + block.to_bytes(8, "little") + b"\0\0\0"
    return sodium.stream(key, nonce, 20 * 128)[place * 128 : (place + 1) * 128]


def assert_row(stream: Keystream, direction: int, step: int) -> None:
    row = stream.row(step)
    assert row.shape == (len(KEYS), 128)
    assert [bytes(cell) for cell in row] == [straightforward(k, direction, step) for k in KEYS]


@pytest.mark.parametrize("direction", [FORWARD, BACKWARD])
def test_rows_equal_the_straightforward_computation_round_by_round(direction: int) -> None:
    stream = Keystream(KEYS, direction, Blocks(CELL_BYTES))
    for step in range(1_000_035, 1_000_085):
        assert_row(stream, direction, step)
    assert stream.made_late == 4 * len(KEYS)


@settings(max_examples=40)
@given(
    start=st.integers(0, 1 << 40),
    acts=st.lists(
        st.tuples(st.integers(0, 9), st.integers(-7, 3), st.integers(0, 3)),
        max_size=20,
    ),
)
def test_any_order_of_preparing_and_asking_gives_the_same_rows(
    start: int, acts: list[tuple[int, int, int]]
) -> None:
    stream, step = Keystream(KEYS, FORWARD, Blocks(CELL_BYTES)), start
    first = (start + acts[0][2]) // 20 * 20 if acts else start
    for items, late, ahead in acts:
        step += ahead
        assert 0 <= stream.prepare(step, items) <= items
        # A late round, up to seven steps back, is still held; circuits start with a block.
        if step + late >= first:
            assert_row(stream, FORWARD, step + late)


def test_prepared_ahead_nothing_is_made_late() -> None:
    stream = Keystream(KEYS, FORWARD, Blocks(CELL_BYTES))
    assert [stream.prepare(100, 2) for _ in range(5)] == [2, 2, 1, 0, 0]
    for step in range(100, 220):
        stream.prepare(step, 1)
        assert_row(stream, FORWARD, step)
    assert stream.made_late == 0


def test_the_block_before_is_kept_until_some_steps_into_the_next() -> None:
    stream = Keystream(KEYS, FORWARD, Blocks(CELL_BYTES))
    stream.row(119)
    stream.row(120)
    assert stream.prepare(120 + KEEP_STEPS - 1, 9) == 0
    assert_row(stream, FORWARD, 100)
    assert stream.prepare(120 + KEEP_STEPS, 9) == len(KEYS)
    assert not stream.holds(119)
    with pytest.raises(Misuse):
        stream.row(119)


def test_a_jump_far_ahead_works_and_the_way_back_is_closed() -> None:
    stream = Keystream(KEYS, BACKWARD, Blocks(CELL_BYTES))
    stream.row(5)
    assert_row(stream, BACKWARD, 40_000)
    assert_row(stream, BACKWARD, 39_999)
    assert not stream.holds(5)
    assert stream.prepare(5, 9) == 0


def test_an_epoch_to_come_holds_one_block_until_some_steps_into_it() -> None:
    pool = Blocks(CELL_BYTES)
    stream = Keystream(KEYS, FORWARD, pool)
    assert stream.prepare(20 + KEEP_STEPS - 1, 9) == len(KEYS)
    assert stream.prepare(20 + KEEP_STEPS - 1, 9) == 0
    assert stream.prepare(20 + KEEP_STEPS, 9) == len(KEYS)
    assert stream.prepare(20 + KEEP_STEPS, 9) == 0
    assert stream.made_late == 0


def test_keys_may_come_as_an_array_and_are_copied() -> None:
    array = np.frombuffer(bytearray(b"".join(KEYS)), np.uint8).reshape(-1, 32)
    stream = Keystream(array, FORWARD, Blocks(CELL_BYTES))
    wide = np.repeat(array, 2, axis=1)[:, ::2]
    array.fill(0)
    assert_row(stream, FORWARD, 7)
    assert_row(Keystream(wide, BACKWARD, Blocks(CELL_BYTES)), BACKWARD, 7)
    stream.wipe()
    assert wide.all()


@settings(max_examples=40)
@given(
    acts=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["row", "ahead", "renew", "work"])),
        max_size=30,
    )
)
def test_keystreams_that_share_a_pool_do_not_meet(acts: list[tuple[int, str]]) -> None:
    pool, step = Blocks(CELL_BYTES), 0
    streams = [Keystream(KEYS, way, pool) for way in range(3)]
    for way, act in acts:
        step += 3
        if act == "row":
            assert_row(streams[way], way, step)
        elif act == "ahead":
            streams[way].prepare(step, 2)
        elif act == "work":
            pool.work(1000)
        else:
            streams[way].wipe()
            streams[way] = Keystream(KEYS, way, pool)
    for way, stream in enumerate(streams):
        assert_row(stream, way, step)


def test_many_circuits_in_slices_equal_many_at_once() -> None:
    keys = [number.to_bytes(32, "little") for number in range(200)]
    once, slices = (
        Keystream(keys, FORWARD, Blocks(CELL_BYTES)),
        Keystream(keys, FORWARD, Blocks(CELL_BYTES)),
    )
    while slices.prepare(3, 37):
        pass
    assert np.array_equal(once.row(3), slices.row(3))
    assert (once.made_late, slices.made_late) == (200, 0)
    assert len({bytes(cell) for cell in once.row(3)}) == 200


def test_no_circuits_are_no_rows() -> None:
    stream = Keystream([], FORWARD, Blocks(CELL_BYTES))
    assert stream.prepare(7, 10) == 0
    assert stream.row(7).shape == (0, 128)
    assert stream.made_late == 0


def test_wrap_then_peel_is_identity_and_one_xor_of_all_layers_does_the_same() -> None:
    cells = Dice.seeded(1).matrix(4, 128)
    hops = [[bytes([10 * hop + row]) * 32 for row in range(4)] for hop in range(3)]
    streams = [Keystream(keys, FORWARD, Blocks(CELL_BYTES)) for keys in hops]
    for step in (19, 20, 47):
        layers = [
            combined([keys[row] for keys in hops], FORWARD, step // 20, CELL_BYTES)
            for row in range(4)
        ]
        wrapped = cells ^ np.stack([layer[step % 20] for layer in layers])
        assert not np.array_equal(wrapped, cells)
        for stream in streams:
            wrapped = wrapped ^ stream.row(step)
        assert np.array_equal(wrapped, cells)


def test_directions_and_blocks_have_different_streams() -> None:
    streams = [
        combined(KEYS[:1], way, block, CELL_BYTES).tobytes() for way in (0, 1) for block in (0, 1)
    ]
    assert len(set(streams)) == 4


def test_a_wiped_keystream_gives_nothing() -> None:
    stream = Keystream(KEYS, FORWARD, Blocks(CELL_BYTES))
    stream.row(3)
    stream.wipe()
    assert stream.prepare(3, 5) == 0
    with pytest.raises(Misuse):
        stream.row(3)
    assert repr(stream) == "Keystream(5 circuits)"


def test_a_pool_zeroes_a_wiped_keystream_in_slices() -> None:
    pool = Blocks(CELL_BYTES)
    stream = Keystream(KEYS, FORWARD, pool)
    rows = [stream.row(3), stream.row(23)]
    assert pool.work(1 << 30) == 0
    stream.wipe()
    assert all(row.any() for row in rows)
    assert not pool.bench.keys.any()
    assert not pool.bench.streams.any()
    block = len(KEYS) * 20 * 128
    assert [pool.work(block - 1) for _ in range(5)] == [block - 1, 1, block - 1, 1, 0]
    assert not any(row.any() for row in rows)
    stream.wipe()
    assert pool.work(1) == 0
    assert not stream.holds(3)
    assert stream.prepare(3, 5) == 0


@pytest.mark.parametrize(
    "keys",
    [
        [bytes(31), bytes(33)],
        np.zeros((2, 31), np.uint8),
        np.zeros((2, 32), np.int8),
        np.zeros(32, np.uint8),
    ],
)
def test_keys_of_another_size_are_refused(keys: Any) -> None:
    with pytest.raises(Misuse):
        Keystream(keys, FORWARD, Blocks(CELL_BYTES))


def test_a_direction_is_one_byte() -> None:
    with pytest.raises(Misuse):
        Keystream(KEYS, 256, Blocks(CELL_BYTES))
