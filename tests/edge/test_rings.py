"""Rings: samples in their order, as many as fit."""

from collections import deque

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pymix_voice.edge.rings import Ring

SIZE = 7
STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, SIZE + 3)), max_size=60)


@given(STEPS)
def test_a_ring_is_a_queue_that_takes_as_many_samples_as_there_is_room_for(
    steps: list[tuple[bool, int]],
) -> None:
    ring, model, next_sample = Ring(SIZE), deque[int](), 1
    written = read = 0
    for writes, count in steps:
        if writes:
            samples = np.arange(next_sample, next_sample + count, dtype=np.int16)
            next_sample += count
            fits = min(count, SIZE - len(model))
            assert ring.write(samples) == fits
            model.extend(samples[:fits].tolist())
            written += fits
        else:
            space = np.full(count, -1, np.int16)
            there = min(count, len(model))
            assert ring.read_into(space) == there
            assert space.tolist() == [model.popleft() for _ in range(there)] + [-1] * (
                count - there
            )
            read += there
        assert (ring.written, ring.read, ring.waiting) == (written, read, len(model))


def test_a_ring_keeps_its_own_copy_of_what_is_written() -> None:
    ring, samples = Ring(4), np.array([1, 2], np.int16)
    ring.write(samples)
    samples[:] = 0
    space = np.zeros(2, np.int16)
    ring.read_into(space)
    assert space.tolist() == [1, 2]
