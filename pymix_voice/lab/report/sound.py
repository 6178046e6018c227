"""The picture of quality against loss: one line for each scheme, random and bursty losses apart.

Must not know: how quality is measured.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pymix_voice.lab.report import drawing
from pymix_voice.lab.report.drawing import INK, PAPER, PLAIN, SMALL, Picture
from pymix_voice.lab.report.results import Heard, Quality, Score

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HIGH_IN, LEFT_IN, RIGHT_IN, TOP_IN, BOTTOM_IN = 3.5, 0.5, 0.15, 0.95, 0.5
BETWEEN_IN: Final = 0.3
NAMES_IN: Final = 1.3
"""Room for the names of lines, right of them."""
LINE_IN: Final = 0.15
MOST_PATTERNS: Final = 3
WORST, BEST = 1.0, 4.7
"""PESQ-WB's own scale."""
DASHES: Final = ("-", "--", ":")
BELOW: Final = "How speech sounds (PESQ, 1 to 4.6) against how much is lost on the way"
HOW: Final = (
    "Left in each picture nothing is lost on the way, further right more and more. The height is "
    "PESQ, the score that a jury of listeners would give: 4.6 for the same as was said, 1 for bad. "
    "The thin bars are one standard deviation, most of it between recordings. A line that stays "
    "high is a voice that stays clear on a bad network."
)

Point = tuple[float, Score]
Line = tuple[str, float]
"""A scheme and its kbit/s."""


def lines(rows: list[Heard]) -> dict[str, dict[Line, list[Point]]]:
    """Scores by pattern of losses, then by scheme, from little loss to much.

    Where nothing is lost there is no pattern: such scores begin every line of their scheme.
    """
    scored = [(row, row.pesq) for row in rows if row.pesq is not None and row.pesq.n]
    found: dict[str, dict[Line, list[Point]]] = {}
    for row, score in scored:
        if row.loss > 0:
            some = found.setdefault(row.pattern, {})
            some.setdefault((row.scheme, row.kbit_s), []).append((row.loss, score))
    lossless = {(row.scheme, row.kbit_s): score for row, score in scored if row.loss == 0}
    if not found and lossless:
        found[next(row.pattern for row, _ in scored)] = {line: [] for line in lossless}
    for lines_of_it in found.values():
        for line, points in lines_of_it.items():
            if line in lossless:
                points.append((0.0, lossless[line]))
            points.sort(key=lambda point: point[0])
    return found


def draw(quality: Quality) -> Picture | None:
    """The picture; None if nothing was scored."""
    patterns = dict(list(lines(quality.quality).items())[:MOST_PATTERNS])
    if not patterns:
        return None
    every = list(dict.fromkeys(line for some in patterns.values() for line in some))
    looks = _looks(every)
    figure = drawing.sheet(
        HIGH_IN,
        title(patterns),
        BELOW,
    )
    gaps = BETWEEN_IN * (len(patterns) - 1)
    each = (drawing.WIDE_IN - LEFT_IN - NAMES_IN - RIGHT_IN - gaps) / len(patterns)
    most = max(loss for some in patterns.values() for line in some.values() for loss, _ in line)
    last = list(patterns.values())[-1]
    for place, (pattern, some) in enumerate(patterns.items()):
        left = LEFT_IN + place * (each + BETWEEN_IN)
        plot = drawing.axes(figure, left, BOTTOM_IN, drawing.WIDE_IN - left - each, TOP_IN)
        for line, points in some.items():
            _draw_line(plot, points, looks[line])
            if line not in last:
                _name_below(plot, points[-1], looks[line])
        _finish(plot, pattern, most or 0.01, first=place == 0)
    _names(plot, last, looks, most or 0.01)
    return Picture("quality", title(patterns), BELOW, HOW, _alt(patterns), figure)


def title(patterns: Mapping[str, Mapping[Line, list[Point]]]) -> str:
    """What the picture says: ours and the first other scheme, under the most loss they share."""
    pattern, some = next(iter(patterns.items()))
    ours = [line for line in some if drawing.is_ours(line[0])][:1]
    others = [line for line in some if not drawing.is_ours(line[0])]
    ordered = [*ours, *others][:2]
    shared = set.intersection(*({loss for loss, _ in some[line]} for line in ordered))
    if not shared:
        return "How clear speech stays when cells get lost"
    most = max(shared)
    scores = (next(score for loss, score in some[line] if loss == most) for line in ordered)
    said = ", ".join(
        f"{_brief(line[0])} {score.mean:.1f}" for line, score in zip(ordered, scores, strict=True)
    )
    lost = f"With {drawing.percent(most)} {drawing.legible(pattern, 10)} loss"
    return f"{lost}: {said}"


def _brief(scheme: str) -> str:
    return "pymix-voice" if drawing.is_ours(scheme) else drawing.legible(scheme, 16)


class Look(NamedTuple):
    """How a line is drawn, and what it is called."""

    hue: str
    dashes: str
    name: str


def _looks(every: list[Line]) -> dict[Line, Look]:
    """A colour for each scheme; if one has several rates, dashes tell them apart."""
    hues = drawing.colours(scheme for scheme, _ in every)
    found = {}
    for scheme, kbit_s in every:
        rates = [rate for name, rate in every if name == scheme]
        dashes = DASHES[rates.index(kbit_s) % len(DASHES)]
        name = f"{scheme}, {kbit_s:g} kbit/s" if len(rates) > 1 else scheme
        found[scheme, kbit_s] = Look(hues[scheme], dashes, name)
    return found


def _draw_line(plot: "Axes", points: list[Point], look: Look) -> None:
    across, up = [loss for loss, _ in points], [score.mean for _, score in points]
    spread = [max(0.0, score.sd) for _, score in points]
    looks: dict[str, Any] = {"lw": 1.8, "ms": 5.5, "mec": PAPER, "mew": 0.8}
    looks |= {"capsize": 2.0, "capthick": 0.9, "elinewidth": 0.9}
    plot.errorbar(across, up, spread, fmt="o", ls=look.dashes, color=look.hue, **looks)


def _finish(plot: "Axes", pattern: str, most: float, *, first: bool) -> None:
    plot.set(xlim=(-0.04 * most, most * 1.05), ylim=(WORST - 0.15, BEST))
    plot.set_title(f"{drawing.legible(pattern, 24)} loss", size=PLAIN, color=INK, loc="left")
    plot.set_xlabel("lost on the way")
    plot.xaxis.set_major_formatter(lambda share, _: drawing.percent(share))
    plot.locator_params(axis="x", nbins=5)
    plot.set_yticks([1, 2, 3, 4], ["1 bad", "2", "3", "4 good"] if first else [""] * 4)
    plot.tick_params(length=0)
    plot.grid(axis="y")
    plot.spines[["left"]].set_visible(False)


def _names(
    plot: "Axes", some: Mapping[Line, list[Point]], looks: Mapping[Line, Look], most: float
) -> None:
    """The name of each line where it ends, right of the last picture."""
    ends = [points[-1][1].mean for points in some.values()]
    names = [drawing.lines(looks[line].name, 19) for line in some]
    room = LINE_IN * max(map(len, names)) * (BEST - WORST) / (HIGH_IN - TOP_IN - BOTTOM_IN)
    for line, words, place in zip(some, names, drawing.apart(ends, room, WORST, BEST), strict=True):
        how = {"color": looks[line].hue, "size": SMALL, "weight": "bold"}
        drawing.right_of(plot, most * 1.05, place, 5, "\n".join(words), how)


def _name_below(plot: "Axes", end: Point, look: Look) -> None:
    """The name of a line that the last picture does not have, under its end."""
    plot.annotate(
        drawing.legible(look.name, 24),
        (end[0], end[1].mean),
        (4, -17),
        textcoords="offset points",
        ha="right",
        size=SMALL,
        color=look.hue,
    )


def _alt(patterns: Mapping[str, Mapping[Line, list[Point]]]) -> str:
    told = [
        f"{pattern}, {scheme}: " + ", ".join(f"{s.mean:.2f} at {loss:.1%}" for loss, s in points)
        for pattern, some in patterns.items()
        for (scheme, _), points in some.items()
    ]
    return f"PESQ by share of cells lost. {'; '.join(told)}."
