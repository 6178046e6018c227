"""A bar with the time left, for commands that measure for a while.

Must not know: what is measured.
"""

from collections.abc import Iterable
from typing import Generic, NamedTuple, Self, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

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


class Doing:
    """Says on stderr what is being done, and with what is known of it, how long it will take.

    Args:
        steps: how many there are; None if nobody can know.
    """

    def __init__(self, steps: int | None = None) -> None:
        self._console = Console(stderr=True, highlight=False)
        left = [TimeElapsedColumn()] if steps is None else [BarColumn(), TimeRemainingColumn()]
        columns = SpinnerColumn(), TextColumn("{task.description}"), *left
        shows = self._console.is_terminal
        self._bars = Progress(*columns, console=self._console, disable=not shows, transient=True)
        self._task = self._bars.add_task("", total=steps)

    def __enter__(self) -> Self:
        """From here on it shows."""
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        """It is over, whatever happened."""
        self._bars.stop()

    def advance(self) -> None:
        """One step is done."""
        self._bars.advance(self._task)

    def tell(self, text: str) -> None:
        """What comes now; a line each where there is no terminal."""
        if self._console.is_terminal:
            self._bars.update(self._task, description=text)
        else:
            self._console.print(text)
