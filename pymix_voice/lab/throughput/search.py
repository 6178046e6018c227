"""Looking for the largest size at which something still goes well.

Must not know: what is tried.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

Trial = TypeVar("Trial")

NEAR = 1.07
"""The answer is that near to the smallest size at which it did not go well."""
GROWTH = 1.25


async def largest(
    attempt: Callable[[int], Awaitable[Trial]],
    is_good: Callable[[Trial], bool],
    start: int,
    most: int,
) -> Trial | None:
    """The trial of the largest size that went well, by bisection.

    A size that does not go well is tried once more: other programs may have been in the way.

    Args:
        attempt: tries a size.
        is_good: whether that went well.
        start: the first size.
        most: the largest that is tried.

    Returns:
        None if none did.
    """
    best: Trial | None = None
    good, bad, size = 0, most + 1, min(start, most)
    while size > good:
        trial = await attempt(size)
        if not is_good(trial):
            trial = await attempt(size)
        if is_good(trial):
            best, good = trial, size
        else:
            bad = size
        size = _next(good, bad, most)
    return best


def _next(good: int, bad: int, most: int) -> int:
    """The size to try now; `good` itself if it is near enough."""
    if bad > most:
        return min(most, max(good + 1, int(good * GROWTH)))
    if good == 0:
        return int(bad / GROWTH)
    return good if bad <= good * NEAR else (good + bad) // 2
