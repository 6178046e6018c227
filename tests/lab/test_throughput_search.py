"""The largest size that goes well is found, near enough, and with few trials."""

import trio
from hypothesis import given
from hypothesis import strategies as st

from pymix_voice.lab.throughput.search import NEAR, largest


def search(limit: int, start: int, most: int, unlucky: int = 0) -> tuple[int | None, list[int]]:
    """Sizes up to `limit` go well, but for the first `unlucky` trials."""
    tried: list[int] = []

    async def attempt(size: int) -> tuple[int, bool]:
        tried.append(size)
        return size, size <= limit and len(tried) > unlucky

    async def main() -> int | None:
        found = await largest(attempt, lambda trial: trial[1], start, most)
        return None if found is None else found[0]

    return trio.run(main), tried


@given(st.integers(1, 30_000), st.integers(1, 20_000), st.integers(1, 20_000))
def test_what_is_found_goes_well_and_is_near_the_limit(limit: int, start: int, most: int) -> None:
    found, tried = search(limit, start, most)
    if found is None:
        assert limit < min(start, most)
    else:
        assert found <= min(limit, most)
        # At small sizes one more may be over the limit already.
        assert found * NEAR + 2 >= min(limit, most) or found == most
    assert len(tried) < 150


def test_a_size_that_was_unlucky_once_is_tried_again() -> None:
    found, tried = search(1_000, 1_000, 1_000, unlucky=1)
    assert (found, tried) == (1_000, [1_000, 1_000])


def test_nothing_is_found_where_nothing_goes_well() -> None:
    found, tried = search(0, 100, 1_000)
    assert found is None
    assert max(tried) == 100
