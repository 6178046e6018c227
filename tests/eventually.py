"""Waiting for something to become so, for tests on the real clock."""

from collections.abc import Callable

import trio


async def eventually(holds: Callable[[], bool], within_s: float = 5.0) -> None:
    """Look again every two milliseconds; AssertionError if it never becomes so."""
    for _ in range(int(within_s / 0.002)):
        if holds():
            return
        await trio.sleep(0.002)
    raise AssertionError("it never became so")
