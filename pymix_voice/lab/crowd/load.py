"""What programs that make load have in common: one processor, priority, an end.

Must not know: what load it is.
"""

import argparse
import gc
import os
from collections.abc import Awaitable, Callable

import trio

from pymix_voice.edge.priority import ask_for_priority
from pymix_voice.edge.running import wait_for_signal

TELL_S = 1.0
"""How often such a program tells its figures."""
FIRST_PRIORITY = 2
"""One above the lowest, which all parts of a zone have."""


def add_cpu(parser: argparse.ArgumentParser) -> None:
    """The option that all of them have."""
    parser.add_argument("--cpu", type=int, help="keep to this processor")


def settle(cpu: int | None, *, goes_first: bool = False) -> None:
    """Keep this process to a processor, if one is named, and ask for priority.

    As all parts of a zone do: without it, on one computer with them, it is kept waiting by them.

    Args:
        cpu: its number.
        goes_first: whether it goes before other load on that processor. For what has little to do,
            but at its instant: among equals it would wait for milliseconds until others are done.
    """
    if cpu is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {cpu})
    if ask_for_priority() and goes_first:
        os.sched_setparam(0, os.sched_param(FIRST_PRIORITY))


async def go_on(*tasks: Callable[[], Awaitable[None]], seconds: float = float("inf")) -> None:
    """Run tasks until so much time is over, or somebody wants this process to end."""
    async with trio.open_nursery() as nursery:
        for task in tasks:
            nursery.start_soon(task)
        # What stands now stays; the datapath looks for garbage when it has time.
        gc.collect()
        gc.freeze()
        gc.disable()
        with trio.move_on_after(seconds):
            await wait_for_signal()
        nursery.cancel_scope.cancel()


async def tell_on(tell: Callable[[], None]) -> None:
    """Tell figures every second."""
    while True:
        await trio.sleep(TELL_S)
        tell()
