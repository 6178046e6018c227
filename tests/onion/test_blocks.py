import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from numpy.typing import NDArray
from sizes import CELL_BYTES

from pymix_voice.errors import Misuse
from pymix_voice.onion.blocks import Blocks

WHOLE = 1 << 40


class Pool(RuleBasedStateMachine):
    """Takes, gives back and works in any order; what was written must never be seen again."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = Blocks(CELL_BYTES)
        self.taken: list[NDArray[np.uint8]] = []

    @rule(rows=st.sampled_from([1, 3, 512, 513, 700]))
    def take(self, rows: int) -> None:
        block = self.pool.take(rows)
        assert block.shape == (20, rows, 128)
        assert not any(np.shares_memory(block, other) for other in self.taken)
        assert not block.any()
        block.fill(0xFF)
        self.taken.append(block)

    @precondition(lambda self: self.taken)
    @rule(data=st.data())
    def give(self, data: st.DataObject) -> None:
        block = self.taken.pop(data.draw(st.integers(0, len(self.taken) - 1)))
        self.pool.give(block)
        with pytest.raises(Misuse):
            self.pool.give(block)

    @rule(n_bytes=st.sampled_from([0, 1, 100_000, WHOLE]))
    def work(self, n_bytes: int) -> None:
        assert 0 <= self.pool.work(n_bytes) <= n_bytes

    @invariant()
    def what_is_in_use_is_left_alone(self) -> None:
        assert all(block[0, 0, 0] == block[-1, -1, -1] == 0xFF for block in self.taken)


Pool.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestPool = Pool.TestCase


def finish(pool: Blocks) -> int:
    done = 0
    while step := pool.work(100_000):
        done += step
    return done


def test_a_buffer_comes_back_only_when_all_that_was_used_is_zero() -> None:
    pool = Blocks(CELL_BYTES)
    block = pool.take(300)
    block.fill(7)
    pool.give(block)
    assert pool.work(block.nbytes - 1) == block.nbytes - 1
    assert not np.shares_memory(pool.take(300), block)
    assert pool.work(WHOLE) == 1
    assert np.shares_memory(pool.take(301), block)
    assert not block.any()


def test_the_smallest_buffer_that_is_large_enough_is_taken() -> None:
    pool = Blocks(CELL_BYTES)
    blocks = [pool.take(rows) for rows in (1500, 10, 600)]
    for block in blocks:
        pool.give(block)
    finish(pool)
    assert np.shares_memory(pool.take(512), blocks[1])
    assert np.shares_memory(pool.take(512), blocks[2])
    assert not any(np.shares_memory(pool.take(2000), block) for block in blocks)
    assert np.shares_memory(pool.take(1), blocks[0])


def test_no_more_than_sixteen_are_kept_and_the_largest_of_them() -> None:
    pool = Blocks(CELL_BYTES)
    blocks = [pool.take(512 * size) for size in (2, 1, *[2] * 16)]
    for block in blocks:
        block[0] = 9
        pool.give(block)
    # The first two were zeroed at once and let go, there being too many.
    assert not blocks[0].any()
    assert not blocks[1].any()
    assert blocks[2].any()
    assert repr(pool) == "Blocks(0 free, 16 to zero)"
    assert finish(pool) == 16 * blocks[0].nbytes
    assert repr(pool) == "Blocks(16 free, 0 to zero)"


def test_only_whole_blocks_are_given_back_and_an_empty_one_is_nothing() -> None:
    pool = Blocks(CELL_BYTES)
    block = pool.take(5)
    for part in (block[:, :4], block[:19], block[::-1], np.zeros((20, 5, 128), np.uint8)):
        with pytest.raises(Misuse):
            pool.give(part)
    pool.give(block)
    assert pool.take(0).shape == (20, 0, 128)
    pool.give(pool.take(0))
    assert pool.work(WHOLE) == block.nbytes
    pool.give(pool.take(0))
    assert repr(pool) == "Blocks(1 free, 0 to zero)"
