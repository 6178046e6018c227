"""Work for all processors: tasks go to processes, results come as they are done.

Must not know: what the tasks are.
"""

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from os import cpu_count
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def spread_out(
    work: Callable[[Task], Result], tasks: Sequence[Task], *, workers: int | None = None
) -> Iterator[Result]:
    """Do tasks in processes of their own, and give each result when it is there, in any order.

    Ctrl-C, or whoever takes no more results, ends what is under way.

    Args:
        work: a function of a module; it is called in another process.
        tasks: what it is called with, each of them once.
        workers: how many processes; one for each processor if not given.
    """
    # Not forked: a process with threads, or with open sockets, makes no good parent.
    context = multiprocessing.get_context("spawn")
    most = max(1, min(workers or cpu_count() or 1, len(tasks)))
    with context.Pool(most, _leave_to_parent) as pool:
        yield from pool.imap_unordered(work, tasks)


def _leave_to_parent() -> None:
    """A Ctrl-C reaches all processes of a terminal; the first of them ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
