"""Pictures of an audit: attacks against builds, the build as it is, and what more time brings.

Must not know: how anything was recorded or attacked.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pymix_voice.lab.audit.bench import SOUND
from pymix_voice.lab.audit.findings import Row
from pymix_voice.lab.audit.shown import last
from pymix_voice.lab.processes import Told
from pymix_voice.lab.report import drawing
from pymix_voice.lab.report.drawing import INK, LINE, OTHERS, OURS, PAPER, SMALL, Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

ROW_IN: Final = 0.3
LEFT_IN, RIGHT_IN, TOP_IN, BOTTOM_IN = 1.45, 0.25, 0.8, 0.45
ACROSS_IN: Final = 0.95
"""Room for the names of builds, which stand askew."""
TIME_IN: Final = 3.4


def matrix(rows: Sequence[Row]) -> Picture:
    """Attacks down, builds across: the darker, the more an attack finds out."""
    final = last(rows)
    attacks = list(dict.fromkeys(row.name for row in final))
    variants = list(dict.fromkeys(row.variant for row in final))
    values = np.zeros((len(attacks), len(variants)))
    for row in final:
        if row.caught:
            place = attacks.index(row.name), variants.index(row.variant)
            values[place] = max(0.0, row.judged.advantage)
    broken = [place for place, variant in enumerate(variants) if variant not in SOUND]
    noticed = int((values[:, broken].max(axis=0, initial=0.0) > 0).sum())
    title = f"{noticed} of {len(broken)} broken builds give something away"
    below = "In per cent, how far above chance each attack (left) is on each build (above)"
    high = TOP_IN + ACROSS_IN + ROW_IN * len(attacks) + 0.15
    figure = drawing.sheet(high, title, below)
    plot = drawing.axes(figure, LEFT_IN, 0.15, RIGHT_IN + 0.5, TOP_IN + ACROSS_IN - 0.2)
    plot.pcolormesh(values, cmap=_shades(), vmin=0.0, vmax=1.0, edgecolors=LINE, linewidth=0.6)
    plot.invert_yaxis()
    for down, across in np.argwhere(values > 0).tolist():
        value = values[down, across]
        how: dict[str, Any] = {"ha": "center", "va": "center_baseline", "size": SMALL}
        hue = PAPER if value > 0.5 else INK
        plot.text(across + 0.5, down + 0.5, f"{value:.0%}", color=hue, weight="bold", **how)
    plot.set_yticks(np.arange(len(attacks)) + 0.5, attacks)
    plot.set_xticks(np.arange(len(variants)) + 0.5, variants, rotation=40, ha="left")
    plot.tick_params(length=0, top=False, bottom=False, labeltop=True, labelbottom=False)
    plot.spines[:].set_visible(False)
    how_to = (
        "Each row is an attack, each column a build: first the project as it is, then builds in "
        "which one thing was broken on purpose. An empty field means no better than chance. "
        "A column without any field is a build that gives nothing away to these attacks."
    )
    told = [
        f"{row.name} on {row.variant}: {row.judged.advantage:.0%}" for row in final if row.caught
    ]
    alt = f"Attacks against builds. Above chance: {'; '.join(told) or 'none'}."
    return Picture("matrix", title, below, how_to, alt, figure)


def _shades() -> "Colormap":
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("audit", [PAPER, OTHERS[0]])


def healthy(rows: Sequence[Row], variant: str) -> Picture | None:
    """How often each attack is right on one build, beside what chance gets."""
    final = [row for row in last(rows) if row.variant == variant]
    if not final:
        return None
    luck = sum(not row.caught for row in final)
    name = variant.capitalize()
    title = f"{name}: {luck} of {len(final)} attacks do no better than chance"
    below = (
        "How often each attack is right (dot, and its 95 % interval) and what chance gets (line)"
    )
    high = TOP_IN + ROW_IN * len(final) + BOTTOM_IN
    figure = drawing.sheet(high, title, below)
    plot = drawing.axes(figure, LEFT_IN, BOTTOM_IN, RIGHT_IN, TOP_IN)
    for place, row in enumerate(final):
        found = row.judged
        hue = OTHERS[0] if row.caught else OURS
        plot.plot([found.low, found.high], [place, place], color=hue, lw=2.2, alpha=0.45)
        plot.plot(found.success, place, "o", color=hue, ms=6, mec=PAPER, mew=0.8)
        plot.plot([found.null] * 2, [place - 0.34, place + 0.34], color=INK, lw=1.6)
        drawing.row_name(plot, place, row.name, INK)
    plot.set(xlim=(-0.02, 1.02), ylim=(len(final) - 0.5, -0.5), yticks=[])
    plot.xaxis.set_major_formatter("{x:.0%}")
    plot.grid(axis="x")
    plot.tick_params(axis="x", length=0)
    plot.spines[["left", "bottom"]].set_visible(False)
    how_to = (
        "Where the line of chance lies within the interval, the attack has found nothing out. "
        "Attacks that name a partner are right by chance once in as many tries as there are "
        "people; those that say whether somebody talks, half of the time."
    )
    told = [f"{row.name} {row.judged.success:.2f} (chance {row.judged.null:.2f})" for row in final]
    return Picture(
        variant.replace(" ", "-").replace(",", ""),
        title,
        below,
        how_to,
        f"{below}. {'; '.join(told)}.",
        figure,
    )


def in_time(rows: Sequence[Row], healthy_name: str) -> Picture | None:
    """What more time brings: the best attack on each build."""
    best: dict[str, Row] = {}
    for row in last(rows):
        if row.variant not in best or _order(row) < _order(best[row.variant]):
            best[row.variant] = row
    lines = {
        variant: sorted(
            (row for row in rows if (row.variant, row.name) == (variant, found.name)),
            key=lambda row: row.seconds,
        )
        for variant, found in best.items()
    }
    lines = {variant: some for variant, some in lines.items() if len(some) > 1}
    if not lines:
        return None
    title = "What more time brings whoever watches"
    below = "How far above chance the best attack on each build is, against how long it watches"
    figure = drawing.sheet(TIME_IN, title, below)
    plot = drawing.axes(figure, 0.6, BOTTOM_IN + 0.1, 2.0, TOP_IN)
    for number, (variant, some) in enumerate(lines.items()):
        hue = OURS if variant == healthy_name else OTHERS[number % len(OTHERS)]
        wide = 2.6 if variant == healthy_name else 1.3
        at = [row.seconds for row in some]
        plot.plot(at, [row.judged.advantage for row in some], "o-", color=hue, lw=wide, ms=4)
    _name_lines(plot, lines, healthy_name)
    plot.set(ylim=(-0.15, 1.05), xlabel="seconds of recording")
    _in_per_cent(plot)
    how_to = (
        "The line of the project as it is should stay at nothing however long one watches; those "
        "of broken builds rise as more is seen."
    )
    told = [
        f"{variant} ({some[-1].name}): "
        + ", ".join(f"{row.judged.advantage:.0%} after {row.seconds:.0f} s" for row in some)
        for variant, some in lines.items()
    ]
    return Picture("time", title, below, how_to, f"{below}. {'; '.join(told)}.", figure)


def limits(found: Sequence[Told]) -> Picture | None:
    """How often attacks that work are right, against how long they are tried."""
    lines: dict[str, list[Told]] = {}
    for each in found:
        if each["unit"] == "epochs" and each["phantoms"] != "any":
            lines.setdefault(f"{each['name']}, {each['phantoms']}", []).append(each)
    if not lines:
        return None
    title = "What phantoms do to attacks that work"
    below = "How often dropping and n-1 are right, against the epochs of it; 50 % is chance"
    figure = drawing.sheet(TIME_IN, title, below)
    plot = drawing.axes(figure, 0.6, BOTTOM_IN + 0.1, 1.7, TOP_IN)
    ends = [some[-1]["success"] for some in lines.values()]
    places = drawing.apart(ends, 0.035, 0.46, 1.0)
    for number, ((name, some), place) in enumerate(zip(lines.items(), places, strict=True)):
        hue, at = OTHERS[number % len(OTHERS)], [each["watched"] for each in some]
        plot.plot(at, [each["success"] for each in some], "o-", color=hue, lw=1.6, ms=4)
        how = {"color": hue, "size": SMALL, "weight": "bold"}
        drawing.right_of(plot, at[-1], place, 8, name, how)
    plot.set(ylim=(0.45, 1.02), xscale="log", xlabel="epochs")
    plot.xaxis.set_major_formatter("{x:g}")
    _in_per_cent(plot)
    how_to = (
        "Without phantoms one epoch is enough. The more phantoms mixes add, the longer it takes; "
        "each epoch in which it is done costs the victim some seconds of silence."
    )
    told = [
        f"{name}: " + ", ".join(f"{each['success']:.0%} in {each['watched']}" for each in some)
        for name, some in lines.items()
    ]
    return Picture("limits", title, below, how_to, f"{below}. {'; '.join(told)}.", figure)


def _in_per_cent(plot: "Axes") -> None:
    """Shares upward, without a box or marks."""
    plot.yaxis.set_major_formatter("{x:.0%}")
    plot.grid(axis="y")
    plot.tick_params(length=0)
    plot.spines[["left"]].set_visible(False)


def _order(row: Row) -> tuple[float, float]:
    """The surest first, and of those the one that finds out most."""
    return row.judged.p, -row.judged.advantage


def _name_lines(plot: "Axes", lines: dict[str, list[Row]], healthy_name: str) -> None:
    """Each line's name where it ends, right of the picture."""
    ends = [some[-1].judged.advantage for some in lines.values()]
    furthest = max(some[-1].seconds for some in lines.values())
    places = drawing.apart(ends, 0.095, -0.12, 1.02)
    for number, ((variant, some), place) in enumerate(zip(lines.items(), places, strict=True)):
        hue = OURS if variant == healthy_name else OTHERS[number % len(OTHERS)]
        how = {"color": hue, "size": SMALL, "weight": "bold"}
        drawing.right_of(plot, furthest, place, 8, f"{variant}: {some[-1].name}", how)
