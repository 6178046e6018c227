"""Running an edge program: trio at the outside, one plain error, signals that end it cleanly.

Must not know: what runs.
"""

import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from pymix_voice.errors import Misuse, PymixError

T = TypeVar("T")

ENDING = (signal.SIGINT, signal.SIGTERM)


def run(main: Callable[[], Awaitable[T]]) -> T:
    """Run to the end; of several errors at once, one that is nobody's bug.

    Raises:
        PymixError: if there was one, and nothing worse.
        KeyboardInterrupt: Ctrl-C before the program was ready for it.
        BrokenPipeError: nobody reads what it prints.
    """
    try:
        return trio.run(main)
    except BaseExceptionGroup as group:
        told, rest = group.split(_is_no_bug)
        if told is None or rest is not None:
            raise
        raise first(told) from None


def _is_no_bug(error: BaseException) -> bool:
    plain = isinstance(error, PymixError | KeyboardInterrupt | BrokenPipeError)
    return plain and not isinstance(error, Misuse)


def first(error: BaseException) -> BaseException:
    """The first single error of a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def wait_for_signal() -> int:
    """Wait until somebody wants this process to end; which signal it was."""
    with trio.open_signal_receiver(*ENDING) as signals:
        async for number in signals:
            return number
    raise Misuse("signals ended")
