"""One picture of the screen: rows in a panel, as many as there is room for, and lines below it.

What does not fit is left out, the least wanted first, so that the lines below are always seen.
Two pictures can be compared, so that nothing is drawn twice.

Must not know: what the rows tell.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.console import Console, ConsoleOptions, RenderResult
from rich.panel import Panel
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from pymix_voice.cli.screen.figures import ASCII

LABEL_COLUMNS = 8
EDGES = 4
"""Columns that the panel takes from its rows, and the two lines that it takes."""
EDGE_LINES = 2


class Row(NamedTuple):
    """One thing that is told.

    Attributes:
        text: what is told; long texts go on in the next line.
        label: what it is, at the left; none if empty.
        right: something beside it at the right edge.
        spare: how well it can be spared: 0 not at all, 9 before all others.
    """

    text: Text
    label: str = ""
    right: Text = Text()
    spare: int = 0


class Frame(NamedTuple):
    """A picture.

    Attributes:
        title: at the top.
        rows: in the panel.
        below: lines under it.
        height: lines to fill, and not to exceed; None for as many as it takes.
    """

    title: str
    rows: tuple[Row, ...]
    below: tuple[Text, ...]
    height: int | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it."""
        below = [
            line
            for text in self.below
            for line in console.render_lines(_fit(text, options), options.update(height=None))
        ]
        height = self.height
        yield Panel(
            _Body(self.rows),
            title=self.title,
            title_align="left",
            border_style="dim",
            height=None if height is None else max(EDGE_LINES + 1, height - len(below)),
        )
        yield from _lines(below)


class _Body(NamedTuple):
    rows: tuple[Row, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        free = options.update(height=None)
        drawn = [console.render_lines(_grid(row, options), free) for row in self.rows]
        kept = list(range(len(drawn)))
        if options.height is not None:
            kept = _kept(self.rows, [len(lines) for lines in drawn], options.height)
        for each in kept:
            yield from _lines(drawn[each])


def _kept(rows: Sequence[Row], heights: Sequence[int], room: int) -> list[int]:
    """Which rows stay: of those that can be spared equally well, the upper one goes first."""
    kept = list(range(len(rows)))
    while kept and sum(heights[each] for each in kept) > room:
        most = max(rows[each].spare for each in kept)
        if most == 0:
            break
        kept.remove(next(each for each in kept if rows[each].spare == most))
    return kept


def _grid(row: Row, options: ConsoleOptions) -> Table:
    grid = Table.grid(expand=True)
    cells = []
    if row.label:
        grid.add_column(width=LABEL_COLUMNS)
        cells.append(Text(row.label, style="dim"))
    grid.add_column(ratio=1, overflow="fold")
    cells.append(_fit(row.text, options))
    if row.right:
        grid.add_column(justify="right", no_wrap=True)
        cells.append(_fit(row.right, options))
    grid.add_row(*cells)
    return grid


def _fit(text: Text, options: ConsoleOptions) -> Text:
    """A text that the terminal's encoding can show."""
    fitting = text.copy()
    fitting.overflow = "fold"
    if options.ascii_only:
        shown = text.plain.translate(ASCII)
        fitting.plain = shown.encode("ascii", "replace").decode()
    return fitting


def _lines(lines: Iterable[list[Segment]]) -> Iterable[Segment]:
    for line in lines:
        yield from line
        yield Segment.line()
