"""The picture of delays: ours, what stands beside it, and what others published.

Two marks say what is thought of delays on telephone lines: below 150 ms most people do not mind,
above 400 ms no line should be. Source of these: ITU-T G.114 (2003).

Must not know: how delays are measured.
"""

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.lab.report import drawing
from pymix_voice.lab.report.drawing import OURS, PAPER, PLAIN, PLAIN_GREY, SMALL, SOFT, Picture
from pymix_voice.lab.report.results import Latency, Published, Run, Spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OUR_NAME: Final = "pymix-voice"
G_114: Final = ((150.0, "fine below 150 ms"), (400.0, "bad above 400 ms"))
FLOOR_MS: Final = 1.0
"""The scale doubles from line to line, so it has no nought: what is less is drawn here."""
FIRST_MS: Final = 25.0
"""One line is here, the others are at what doubles or halves it."""
MOST_NAMED: Final = 12
"""So many lines have room for their names, or every second one, and so on."""
FEW: Final = 30
"""Up to so many values are shown one by one; a shape of them would be a guess."""
SLICES: Final = 48
SMOOTHING: Final = np.array((1, 4, 6, 4, 1)) / 16
ROW_IN, LEFT_IN, RIGHT_IN, TOP_IN, BOTTOM_IN = 0.28, 1.62, 0.2, 0.82, 0.36
NOTE: Final = {
    "ha": "left",
    "style": "italic",
    "size": SMALL,
    "color": SOFT,
    "bbox": drawing.GROUND,
}
HOW: Final = (
    "Each row is one way to call, ours in bold; further left is better. The thicker the shape, the "
    "more often speech came that late; the dot is the middle: half came sooner, half later. The "
    "line ends where 95 of 100 have come. From one line of the scale to the next the delay "
    "doubles. Dotted: ITU-T G.114 finds that below 150 ms hardly anybody minds, and wants no "
    "telephone line above 400 ms."
)


class Row(NamedTuple):
    """One way to call."""

    name: str
    colour: str
    spread: Spread
    values: list[float]


class End(NamedTuple):
    """How far a row goes: delays in ms, and after the last of them words, in inches."""

    low: float
    high: float
    words_in: float


def headline(latency: Latency) -> Run | None:
    """The run that the main figure is from; the first one in which something was heard if none."""
    heard = [run for run in latency.runs if run.mouth_to_ear_ms.p50 is not None]
    same = [run for run in heard if run.mouth_to_ear_ms == latency.mouth_to_ear_ms]
    return next(iter([*same, *heard]), None)


def rows(latency: Latency, *, every_run: bool) -> list[Row]:
    """What is drawn, from top to bottom.

    Args:
        latency: what was measured.
        every_run: all of our runs; else the main one only.
    """
    beside = [each for each in latency.beside if each.mouth_to_ear_ms is not None]
    hues = drawing.colours([OUR_NAME, *(each.scheme for each in beside)])
    others = [
        Row(each.scheme, hues[each.scheme], each.mouth_to_ear_ms, each.values_ms)
        for each in beside
        if each.mouth_to_ear_ms is not None
    ]
    direct = [row for row in others if row.colour == PLAIN_GREY]
    others = [row for row in others if row.colour != PLAIN_GREY]
    if not direct and latency.direct_ms is not None:
        direct = [Row("direct call", PLAIN_GREY, latency.direct_ms, [])]
    main = headline(latency)
    runs = latency.runs[: drawing.MOST_ROWS] if every_run else [main] if main else []
    ours = [
        Row(run.name if len(runs) > 1 else OUR_NAME, OURS, run.mouth_to_ear_ms, run.values_ms)
        for run in runs
    ]
    found = (*direct, *ours, *others[: drawing.MOST_ROWS])
    return [row for row in found if row.spread.p50 is not None]


def title(latency: Latency) -> str:
    """What the picture says, in a sentence."""
    half, added = latency.mouth_to_ear_ms.p50, latency.added_ms
    if half is None:
        return "How late speech is heard"
    if added is None or added.p50 is None:
        return f"Half of all speech is heard within {half:.0f} ms"
    than = f"{abs(added.p50):.0f} ms {'later' if added.p50 >= 0 else 'sooner'}"
    return f"Speech is heard after {half:.0f} ms, {than} than in a direct call"


def draw(latency: Latency, *, every_run: bool) -> Picture | None:
    """The picture; None if nothing was heard and nothing was published.

    Args:
        latency: what was measured.
        every_run: all of our runs, not the main one only.
    """
    shown = rows(latency, every_run=every_run)
    published = sorted(latency.published, key=lambda each: each.ms)[: drawing.MOST_ROWS]
    if not shown and not published:
        return None
    count = len(shown) + len(published) + bool(published)
    below = (
        "From mouth to ear: the dot is the middle; each line of the scale is twice the last. "
        "At the top: ITU-T G.114"
    )
    figure = drawing.sheet(TOP_IN + BOTTOM_IN + ROW_IN * count, title(latency), below)
    plot = drawing.axes(figure, LEFT_IN, BOTTOM_IN, RIGHT_IN, TOP_IN)
    ends = [_measured(plot, place, row) for place, row in enumerate(shown)]
    if published:
        note = "Published by others: measured on other machines, at other scales"
        drawing.left_of(plot, len(shown) + 0.1, LEFT_IN - 0.15, note, NOTE)
    for place, each in enumerate(published, len(shown) + 1):
        ends.append(_told(plot, place, each))
    _finish(plot, count, ends)
    return Picture("delay", title(latency), below, HOW, _alt(shown, published), figure)


def shape(values: list[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How often each delay came up: a histogram with slices of equal width in the picture.

    Args:
        values: ms, at least one.

    Returns:
        Delays in ms [m], and how often they came, 1 at the most often one [m].
    """
    known = np.log(np.maximum(values, FLOOR_MS))
    low, high = known.min() - 1e-3, known.max() + 1e-3
    counted, edges = np.histogram(known, SLICES, (low, high))
    smooth = np.convolve(np.pad(counted, 1), SMOOTHING)
    step = edges[1] - edges[0]
    at = edges[0] + step * (np.arange(len(smooth)) - (len(smooth) - SLICES - 1) / 2)
    return np.exp(at), smooth / smooth.max()


def marks(low: float, high: float) -> list[float]:
    """The lines of the scale, each at the double of the one before.

    Args:
        low: the first is not above, in ms.
        high: the last is not above.
    """
    first, last = (math.floor(math.log2(ms / FIRST_MS)) for ms in (low, high))
    return [FIRST_MS * 2.0**power for power in range(first, last + 1)]


# ── rows ─────────────────────────────────────────────────────────────────────────────────────


def _measured(plot: "Axes", place: int, row: Row) -> End:
    """One measured way: its shape, its middle, where most of it ends."""
    half, most, hue = row.spread.p50, row.spread.p95, row.colour
    assert half is not None
    ends = [half, half if most is None else most]
    if len(row.values) > FEW:
        at, often = shape(row.values)
        thick = 0.44 * often
        plot.fill_between(at, place - thick, place + thick, color=hue, alpha=0.3, lw=0)
        ends += [float(at[0]), float(at[-1])]
    elif row.values:
        known = [max(FLOOR_MS, ms) for ms in row.values]
        plot.plot(known, [place] * len(known), "|", color=hue, ms=11, alpha=0.6)
        ends += known
    if most is not None:
        line = [max(FLOOR_MS, half), max(FLOOR_MS, most)]
        plot.plot(line, [place] * 2, color=hue, lw=1.6, solid_capstyle="butt")
        plot.plot(line[1:] * 2, [place - 0.17, place + 0.17], color=hue, lw=1.6)
    plot.plot(max(FLOOR_MS, half), place, "o", ms=6.5, color=hue, mec=PAPER, mew=1.0)
    drawing.row_name(plot, place, row.name, hue, bold=hue == OURS)
    under = "" if most is None else f"95 % in {most:,.0f}"
    return _figures(plot, (min(ends), max(ends)), place, f"{half:,.0f} ms", under, hue)


def _told(plot: "Axes", place: int, each: Published) -> End:
    """One figure of others, hollow, so that nobody takes it for one of ours."""
    at = max(FLOOR_MS, each.ms)
    plot.axhline(place, ls=(0, (1, 2.5)), lw=0.9, color=SOFT, zorder=0.6)
    plot.plot(at, place, "D", ms=5, mfc=PAPER, mec=SOFT, mew=1.2)
    drawing.row_name(plot, place, each.scheme, SOFT)
    return _figures(plot, (at, at), place, f"{each.ms:,.0f} ms", "", SOFT)


def _figures(
    plot: "Axes", ends: tuple[float, float], place: int, half: str, under: str, hue: str
) -> End:
    """The middle in bold, and what nearly all stay within, right of all that is drawn."""
    low, high = (max(FLOOR_MS, end) for end in ends)
    far = 7 / drawing.POINTS
    for words, size, weight, colour in ((half, PLAIN, "bold", hue), (under, SMALL, None, SOFT)):
        if words:
            how = {"size": size, "weight": weight, "color": colour, "bbox": drawing.GROUND}
            drawing.right_of(plot, high, place, drawing.POINTS * far, words, how)
            far += drawing.width_in(words, size, bold=weight == "bold") + 6 / drawing.POINTS
    return End(low, high, far)


def _finish(plot: "Axes", count: int, ends: list[End]) -> None:
    """Scales: as far as all words have room."""
    from matplotlib.ticker import NullLocator

    plot.set_xscale("log")
    wide = drawing.WIDE_IN - LEFT_IN - RIGHT_IN
    first = marks(min(end.low for end in ends), max(end.high for end in ends))[0]
    doublings = max(
        (1e-3 + math.log2(end.high / first)) / max(0.2, 1 - end.words_in / wide) for end in ends
    )
    last = first * 2.0**doublings
    drawing.as_rows(plot, (first, last), (count - 0.5, -0.6))
    lines = marks(first, last)
    step = 1 + len(lines) // MOST_NAMED
    names = [_short(ms) if place % step == 0 else "" for place, ms in enumerate(lines)]
    plot.set_xticks(lines, names)
    plot.xaxis.set_minor_locator(NullLocator())
    for (ms, words), side, far in zip(G_114, ("right", "left"), (-3, 3), strict=True):
        if first < ms < last:
            plot.axvline(ms, color=SOFT, lw=0.9, ls=(0, (1, 2)), zorder=0.5)
            plot.annotate(
                words,
                (ms, 1),
                (far, 2),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                ha=side,
                size=SMALL - 0.6,
                color=SOFT,
            )


def _short(ms: float) -> str:
    return f"{ms:.4g} ms" if ms < 1000 else f"{ms / 1000:,.4g} s"


def _alt(shown: list[Row], published: list[Published]) -> str:
    here = [f"{row.name} {row.spread.p50:.0f} ms" for row in shown]
    there = [f"{each.scheme} {each.ms:.0f} ms" for each in published]
    told = f"Delays from mouth to ear, the middle of each: {', '.join(here) or 'none measured'}."
    return told + (f" Published by others: {', '.join(there)}." if there else "")
