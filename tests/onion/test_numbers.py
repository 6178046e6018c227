from hypothesis import given
from hypothesis import strategies as st

from pymix_voice.onion.numbers import expand


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
