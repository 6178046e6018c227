import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pymix_voice.onion.numbers import expand, expand_all


@given(near=st.integers(0, 1 << 62), off=st.integers(-127, 127))
def test_a_number_is_found_again_from_its_low_bits(near: int, off: int) -> None:
    number = max(0, near + off)
    assert expand(number & 0xFF, 8, near) == number


@given(low=st.integers(0, (1 << 24) - 1), near=st.integers(0, 1 << 62))
def test_the_nearest_is_taken_and_never_below_zero(low: int, near: int) -> None:
    number = expand(low, 24, near)
    assert number >= 0
    assert number % (1 << 24) == low
    assert abs(number - near) <= 1 << 23 or number < 1 << 24


def test_half_way_is_taken_forward() -> None:
    assert expand(0x80, 8, 0x100) == 0x180
    assert expand(0xFF, 8, 0) == 0xFF


@given(
    words=st.lists(st.integers(0, (1 << 32) - 1), max_size=8),
    bits=st.sampled_from([4, 6, 8, 24, 32]),
    near=st.one_of(st.integers(0, 1 << 33), st.integers(0, 1 << 62)),
)
def test_many_at_once_are_what_each_is_alone(words: list[int], bits: int, near: int) -> None:
    # Half way, and just beside it, both ways round zero.
    span = 1 << bits
    edges = [0, span // 2 - 1, span // 2, span // 2 + 1, span - 1]
    low = [*(word % span for word in words), *((near + edge) % span for edge in edges), *edges]
    found = expand_all(np.array(low, np.int64), bits, near)
    assert found.dtype == np.int64
    assert found.tolist() == [expand(each, bits, near) for each in low]


def test_of_none_there_are_none() -> None:
    assert expand_all(np.empty(0, np.int64), 24, 5).shape == (0,)
