"""A bar with the time left, for commands that measure for a while.

Must not know: what is measured.
"""

from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

Thing = TypeVar("Thing")


class Followed(NamedTuple, Generic[Thing]):
    """What was gathered."""

    things: list[Thing]
    whole: bool
    """False if a person stopped it with Ctrl-C."""


def follow(things: Iterable[Thing], total: int, what: str) -> Followed[Thing]:
    """Gather things that are made one by one, and show on stderr how far it is.

    Args:
        things: a Ctrl-C while one is made keeps those before it.
        total: how many there will be.
        what: the words beside the bar.
    """
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    gathered: list[Thing] = []
    with Progress(
        *columns, console=console, disable=not console.is_terminal, transient=True
    ) as bars:
        bar = bars.add_task(what, total=total)
        try:
            for thing in things:
                gathered.append(thing)
                bars.advance(bar)
        except KeyboardInterrupt:
            return Followed(gathered, whole=False)
    return Followed(gathered, whole=True)
