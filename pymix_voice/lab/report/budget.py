"""The picture of what a delay is made of: a bar for each run, a piece for each part of the way.

Must not know: how the parts are measured.
"""

from typing import TYPE_CHECKING, Final

from pymix_voice.lab.report import drawing
from pymix_voice.lab.report.drawing import (
    INK,
    OTHERS,
    OURS,
    PAPER,
    PLAIN,
    PLAIN_GREY,
    SMALL,
    Picture,
)
from pymix_voice.lab.report.results import Latency, Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_IN, LEFT_IN, RIGHT_IN, BOTTOM_IN = 0.46, 1.62, 0.75, 0.36
KEY_IN: Final = 0.74
"""From the top to the words that name the pieces."""
KEY_LINE_IN: Final = 0.2
MARGIN_IN: Final = 0.05
"""Room left and right of a figure in a piece."""
MIXES: Final = "mixes"
HUES: Final = {
    "frame": OTHERS[1],
    "sealing": OTHERS[4],
    "client to gateway": OTHERS[3],
    "before the tick": PLAIN_GREY,
    MIXES: OURS,
    "gateway to client": OTHERS[2],
    "playout": OTHERS[0],
    "codec": INK,
}
MORE_HUES: Final = (OTHERS[3], OTHERS[4])
MIDDLE: Final = {"va": "center_baseline"}
INSIDE: Final = {"color": PAPER, "size": SMALL, "weight": "bold", "ha": "center"} | MIDDLE
HOW: Final = (
    "Each bar is one run. Its length is the delay in the middle; its pieces are where the time "
    "went, in the order in which speech passes. The widest piece is what to shorten first."
)


def kind(part: str) -> str:
    """What a part is called in the key: all mixes are one."""
    return MIXES if part.casefold().split()[:1] == ["mix"] else part


def draw(latency: Latency) -> Picture | None:
    """The picture; None if no run tells its parts."""
    told = [run for run in latency.runs if any(ms > 0 for ms in run.parts_ms.values())]
    runs = told[: drawing.MOST_ROWS]
    if not runs:
        return None
    hues = _hues(_kinds(runs))
    widths = [drawing.width_in(_named(each), SMALL) + 0.32 for each in hues]
    places = flow(widths, drawing.WIDE_IN - 0.3)
    top = KEY_IN + KEY_LINE_IN * (places[-1][0] + 1)
    high = top + BOTTOM_IN + ROW_IN * len(runs)
    below = "Where the delay in the middle comes from, in milliseconds"
    figure = drawing.sheet(high, title(runs[0]), below)
    _key(figure, high - KEY_IN, hues, places)
    plot = drawing.axes(figure, LEFT_IN, BOTTOM_IN, RIGHT_IN, top)
    furthest = max(_drawn(run) for run in runs)
    for place, run in enumerate(runs):
        _bar(plot, place, run, hues, (drawing.WIDE_IN - LEFT_IN - RIGHT_IN) / furthest)
    drawing.as_rows(plot, (0.0, furthest), (len(runs) - 0.5, -0.5))
    return Picture("budget", title(runs[0]), below, HOW, _alt(runs), figure)


def title(run: Run) -> str:
    """What the picture says of a run: its widest piece."""
    pieces: dict[str, float] = {}
    for part, ms in run.parts_ms.items():
        pieces[kind(part)] = pieces.get(kind(part), 0.0) + ms
    widest = max(pieces, key=lambda name: pieces[name])
    whole = sum(pieces.values())
    return (
        f"The largest part of the delay: {_named(widest)}, {pieces[widest]:.0f} of {whole:.0f} ms"
    )


def flow(widths: list[float], room: float) -> list[tuple[int, float]]:
    """Where pieces come when they are set like words.

    Args:
        widths: inches, each with the space after it.
        room: inches of a line.

    Returns:
        For each its line and the inches from where the line begins.
    """
    found, line, at = [], 0, 0.0
    for width in widths:
        if at and at + width > room:
            line, at = line + 1, 0.0
        found.append((line, at))
        at += width
    return found


def _drawn(run: Run) -> float:
    """The length of its bar: what came out below nothing cannot be drawn; the table has it."""
    return sum(max(0.0, ms) for ms in run.parts_ms.values())


def _named(part: str) -> str:
    return drawing.legible(part, 28) or "?"


def _kinds(runs: list[Run]) -> list[str]:
    """All kinds of parts, in the order of the run that has the most of them."""
    by_count = sorted(runs, key=lambda run: -len(run.parts_ms))
    return list(dict.fromkeys(kind(part) for run in by_count for part in run.parts_ms))


def _hues(kinds: list[str]) -> dict[str, str]:
    """Colours by what a part is; for names that are not known, those that are left."""
    known = {each: HUES.get(each) for each in kinds}
    strange = [each for each in kinds if known[each] is None]
    left = {each: MORE_HUES[place % len(MORE_HUES)] for place, each in enumerate(strange)}
    return {each: known[each] or left[each] for each in kinds}


def _key(
    figure: "Figure", y_in: float, hues: dict[str, str], places: list[tuple[int, float]]
) -> None:
    """A small square and a name for each kind, in the order of the pieces."""
    for (each, hue), (line, at) in zip(hues.items(), places, strict=True):
        y = y_in - KEY_LINE_IN * line
        for x, words, size in ((0.15, "■", PLAIN), (0.3, _named(each), SMALL)):
            drawing.text(figure, x + at, y, words, {"size": size, "color": hue} | MIDDLE)


def _bar(plot: "Axes", place: int, run: Run, hues: dict[str, str], inches_per_ms: float) -> None:
    """One run; a figure in each piece that has room for it."""
    at = 0.0
    for part, ms in run.parts_ms.items():
        if ms <= 0:
            continue
        plot.barh(place, ms, 0.62, at, color=hues[kind(part)], edgecolor=PAPER, lw=0.8)
        words = f"{ms:,.0f}"
        if drawing.width_in(words, SMALL, bold=True) + 2 * MARGIN_IN < ms * inches_per_ms:
            plot.text(at + ms / 2, place, words, INSIDE)
        at += ms
    whole = f"{sum(run.parts_ms.values()):,.0f} ms"
    drawing.right_of(plot, at, place, 6, whole, {"color": INK, "size": PLAIN, "weight": "bold"})
    drawing.row_name(plot, place, run.name, INK)


def _alt(runs: list[Run]) -> str:
    told = [
        f"{run.name}: " + ", ".join(f"{part} {ms:.0f}" for part, ms in run.parts_ms.items())
        for run in runs
    ]
    return f"What the delay is made of, in milliseconds. {'; '.join(told)}."
