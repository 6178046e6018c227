"""The picture of cost against population: processor time and memory, as a zone grows.

Must not know: how cost is measured.
"""

from typing import TYPE_CHECKING, Final, NamedTuple

from pymix_voice.lab.report import drawing
from pymix_voice.lab.report.drawing import INK, OTHERS, OURS, PAPER, PLAIN, SMALL, Picture
from pymix_voice.lab.report.results import Cost, Population

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HIGH_IN, LEFT_IN, RIGHT_IN, TOP_IN, BOTTOM_IN = 3.3, 0.55, 0.15, 0.95, 0.5
BETWEEN_IN, NAMES_IN = 1.35, 0.85
KIB: Final = 1024
BELOW: Final = "What each client costs against how many there are"
HOW: Final = (
    "Further right the zone is larger; equal steps are equal factors. A line that is level "
    "costs the same for each client, however many there are; one that falls gets cheaper with "
    "company. A million microseconds a second is one whole core."
)

Point = tuple[int, float]


class Line(NamedTuple):
    """One quantity as the zone grows."""

    name: str
    hue: str
    points: list[Point]


def work(rows: list[Population]) -> list[Line]:
    """Microseconds of CPU time for each client and second."""
    return _lines(
        ("gateway", OTHERS[2], [(row.clients, row.gateway_us_per_client_second) for row in rows]),
        ("a mix", OURS, [(row.clients, row.mix_us_per_client_second) for row in rows]),
    )


def memory(rows: list[Population]) -> list[Line]:
    """KiB: at a gateway for each client, at a mix for each circuit."""
    return _lines(
        ("gateway,\na client", OTHERS[2], [(r.clients, r.gateway_bytes_per_client) for r in rows]),
        ("a mix,\na circuit", OURS, [(r.clients, r.mix_bytes_per_circuit) for r in rows]),
        scale=1 / KIB,
    )


def _lines(
    *lines: tuple[str, str, list[tuple[int, float | None]]], scale: float = 1.0
) -> list[Line]:
    """Those that have a value, by size."""
    found = []
    for name, hue, points in lines:
        known = sorted((size, value * scale) for size, value in points if value is not None)
        if known:
            found.append(Line(name, hue, known))
    return found


def draw(cost: Cost) -> Picture | None:
    """The picture; None if no population was measured."""
    halves = [
        (words, lines)
        for words, lines in (
            ("CPU time, µs per client and second", work(cost.rows)),
            ("memory, KiB", memory(cost.rows)),
        )
        if lines
    ]
    if not halves:
        return None
    figure = drawing.sheet(HIGH_IN, title(cost.rows), BELOW)
    gaps = BETWEEN_IN * (len(halves) - 1)
    each = (drawing.WIDE_IN - LEFT_IN - NAMES_IN - RIGHT_IN - gaps) / len(halves)
    for place, (words, lines) in enumerate(halves):
        left = LEFT_IN + place * (each + BETWEEN_IN)
        plot = drawing.axes(figure, left, BOTTOM_IN, drawing.WIDE_IN - left - each, TOP_IN)
        _half(plot, words, lines)
    return Picture("cost", title(cost.rows), BELOW, HOW, _alt(halves), figure)


def title(rows: list[Population]) -> str:
    """What the picture says: how many clients a core has time for at the largest size."""
    known = [(row.clients, row.mix_us_per_client_second) for row in rows]
    sizes = [(size, us) for size, us in known if us is not None and us > 0]
    if not sizes:
        return "What a zone costs as it grows"
    size, us = max(sizes)
    return f"With {size:,} clients, a mix spends {us:,.0f} µs a second on each"


def _half(plot: "Axes", words: str, lines: list[Line]) -> None:
    for line in lines:
        at, values = zip(*line.points, strict=True)
        plot.plot(at, values, "o-", color=line.hue, lw=1.8, ms=5.5, mec=PAPER, mew=0.8)
    plot.set_xscale("log")
    least = min(size for line in lines for size, _ in line.points)
    most = max(size for line in lines for size, _ in line.points)
    lowest = min(0.0, *(value for line in lines for _, value in line.points))
    highest = max(1e-9, *(value for line in lines for _, value in line.points)) * 1.12
    plot.set(xlim=(least / 1.25, most * 1.15), ylim=(lowest, highest), xlabel="clients of the zone")
    plot.set_title(words, size=PLAIN, color=INK, loc="left")
    sizes = sorted({size for line in lines for size, _ in line.points})
    _ticks(plot, sizes)
    plot.yaxis.set_major_formatter("{x:,.4g}")
    plot.grid(axis="y")
    plot.spines[["left"]].set_visible(False)
    inches = HIGH_IN - TOP_IN - BOTTOM_IN
    places = drawing.apart(
        [line.points[-1][1] for line in lines], 0.28 * (highest - lowest) / inches, lowest, highest
    )
    for line, place in zip(lines, places, strict=True):
        how = {"color": line.hue, "size": SMALL, "weight": "bold"}
        drawing.right_of(plot, most * 1.15, place, 5, line.name, how)


def _ticks(plot: "Axes", sizes: list[int]) -> None:
    """Marks at the sizes that were measured, as far as their words have room."""
    from matplotlib.ticker import NullFormatter, NullLocator

    kept: list[int] = []
    for size in sizes:
        if not kept or size / kept[-1] > max(1.6, (sizes[-1] / sizes[0]) ** 0.18):
            kept.append(size)
    plot.set_xticks(kept, [_short(size) for size in kept])
    plot.xaxis.set_minor_locator(NullLocator())
    plot.xaxis.set_minor_formatter(NullFormatter())
    plot.tick_params(axis="y", length=0)


def _short(size: int) -> str:
    for unit, letter in ((10**9, "G"), (10**6, "M"), (10**4, "k")):
        if size >= unit:
            return f"{size / (1000 if letter == 'k' else unit):.3g}{letter}"
    return f"{size:,}"


def _alt(halves: list[tuple[str, list[Line]]]) -> str:
    told = [
        f"{words}, {' '.join(line.name.split())}: "
        + ", ".join(f"{value:,.4g} with {size:,} clients" for size, value in line.points)
        for words, lines in halves
        for line in lines
    ]
    return f"Cost by number of clients. {'; '.join(told)}."
