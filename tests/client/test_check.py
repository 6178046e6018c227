"""Check digits of a call."""

import re

from hypothesis import given
from hypothesis import strategies as st

from pymix_voice.client.check import check_digits


@given(st.binary(min_size=64, max_size=64))
def test_they_are_twelve_digits_in_three_groups(handshake_hash: bytes) -> None:
    assert re.fullmatch(r"\d{4} \d{4} \d{4}", check_digits(handshake_hash))


def test_they_are_the_same_on_both_sides_and_others_elsewhere() -> None:
    one, other = bytes(64), bytes(63) + b"\1"
    assert check_digits(one) == check_digits(one)
    assert check_digits(one) != check_digits(other)
