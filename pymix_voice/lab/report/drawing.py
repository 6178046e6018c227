"""What all pictures of a report share: colours, letters, and how a figure becomes PNG or SVG.

Every colour has a name and two values, for light and for dark pages. Figures are drawn in the
light ones; in an SVG they are then replaced by the names, as CSS variables, so that a page can
say what they mean. The hues are those of Okabe and Ito, which the colour-blind can tell apart
("Color Universal Design", 2008), darker where they are used for letters.

Must not know: what is shown.
"""

import importlib
import re
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from html import escape
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pymix_voice.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE_IN: Final = 7.0
POINTS: Final = 72
"""Of an inch."""
FRACTIONS: Final = 64
"""Of a pixel, in which FreeType reckons."""
PNG_DPI: Final = 200
BIG, PLAIN, SMALL = 11.5, 9.0, 7.8
"""Sizes of letters, in points."""
MOST_ROWS: Final = 12
"""Of one sort, in one picture; the tables have all."""
HEAD_IN: Final = 0.58
"""What the title and the line under it take, at the top of every figure."""


How = Mapping[str, Any]
"""What the library takes of looks: sizes, colours, where words are anchored."""


class Shade(NamedTuple):
    """One colour, on light and on dark pages."""

    light: str
    dark: str


PALETTE: Final = {
    "ink": Shade("#1f2328", "#e6edf3"),
    "soft": Shade("#59636e", "#9da7b1"),
    "line": Shade("#d8dee4", "#343b44"),
    "paper": Shade("#ffffff", "#0f141a"),
    "ours": Shade("#0072b2", "#56b4e9"),
    "plain": Shade("#6b7480", "#a2abb5"),
    "orange": Shade("#c75200", "#f0944d"),
    "purple": Shade("#a8488a", "#e29ac4"),
    "green": Shade("#007a5a", "#3fc79a"),
    "gold": Shade("#8f6b00", "#e0bd4f"),
    "sky": Shade("#2a8fb5", "#8fd3ee"),
}
INK, SOFT, LINE, PAPER = (PALETTE[name].light for name in ("ink", "soft", "line", "paper"))
OURS, PLAIN_GREY = (PALETTE[name].light for name in ("ours", "plain"))
OTHERS: Final = tuple(PALETTE[name].light for name in ("orange", "purple", "green", "gold", "sky"))

GROUND: Final = {"fc": PAPER, "ec": "none", "pad": 0.8}
"""Behind words that lie on lines."""

_STYLE: Final = {
    "font.family": ["DejaVu Sans"],
    "font.size": PLAIN,
    "text.color": INK,
    "text.parse_math": False,  # a name may hold dollars
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "axes.labelsize": SMALL,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": False,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "svg.fonttype": "none",  # letters stay letters: they can be searched, and are smaller
}
_LETTERS: Final = "Verdana, 'DejaVu Sans', sans-serif"
"""Verdana is as wide as what was drawn with; what else there may be is narrower."""


class Picture(NamedTuple):
    """One picture of a report.

    Attributes:
        name: of its file, without what follows the point.
        title: says what is seen.
        below: what stands softer under the title.
        how: a sentence on how to read it.
        alt: what it shows, for those who do not see it.
        figure: the picture itself.
    """

    name: str
    title: str
    below: str
    how: str
    alt: str
    figure: "Figure"


def load() -> None:
    """See whether the libraries for a report are there, which are not installed with the rest.

    Raises:
        ConfigError: if one is missing; the text has the line that installs them.
    """
    for name in ("matplotlib", "jinja2"):
        try:
            importlib.import_module(name)
        except ImportError:
            raise ConfigError(
                f"a report needs {name}; install it with `pip install 'pymix-voice[bench]'`"
            ) from None


@contextmanager
def style() -> Iterator[None]:
    """Within it, figures are drawn and rendered the same way, whatever a person has set."""
    from matplotlib import rc_context, rcParamsDefault

    wanted: dict[Any, Any] = {**rcParamsDefault, **_STYLE}
    del wanted["backend"]  # nothing is shown on a screen
    with warnings.catch_warnings(), rc_context(wanted):
        # Names may be of any script; a page's own letters will show them.
        warnings.filterwarnings("ignore", "Glyph .* missing|Matplotlib currently does not support")
        yield


def sheet(high_in: float, title: str, below: str) -> "Figure":
    """An empty figure with its title and a softer line under it, which are its first words."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDE_IN, high_in))
    for y_in, words, how in (
        (0.16, title, {"size": BIG, "weight": "bold"}),
        (0.42, below, {"size": SMALL, "color": SOFT}),
    ):
        text(figure, 0.15, high_in - y_in, words, {"va": "top", **how})
    return figure


def text(figure: "Figure", x_in: float, y_in: float, words: str, how: How) -> None:
    """Words at a place in inches from the lower left corner."""
    wide, high = figure.get_size_inches()
    figure.text(x_in / wide, y_in / high, words, **how)


def axes(figure: "Figure", left: float, bottom: float, right: float, top: float) -> "Axes":
    """Axes at a place in inches: margins from each side of the figure."""
    wide, high = figure.get_size_inches()
    place = (left / wide, bottom / high, (wide - left - right) / wide, (high - bottom - top) / high)
    return figure.add_axes(place)


def as_rows(plot: "Axes", across: tuple[float, float], down: tuple[float, float]) -> None:
    """Make axes into rows over milliseconds: no box, no marks, a soft grid."""
    plot.set(xlim=across, ylim=down, yticks=[])
    plot.grid(axis="x")
    plot.tick_params(axis="x", length=0)
    plot.spines[["left", "bottom"]].set_visible(False)
    plot.xaxis.set_major_formatter("{x:,.0f} ms")


def left_of(plot: "Axes", place: float, far_in: float, words: str, how: How) -> None:
    """Words beside a row, so many inches left of where the axes begin."""
    plot.annotate(
        words,
        (0, place),
        (-POINTS * far_in, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        va="center",
        annotation_clip=False,
        **how,
    )


def right_of(plot: "Axes", x: float, y: float, far_pt: float, words: str, how: How) -> None:
    """Words beside a point of the data, so many points right of it."""
    plot.annotate(
        words,
        (x, y),
        (far_pt, 0),
        textcoords="offset points",
        va="center_baseline",
        annotation_clip=False,
        **how,
    )


def row_name(plot: "Axes", place: float, name: str, hue: str, *, bold: bool = False) -> None:
    """What a row is called, left of it, in one line or two."""
    words = lines(name, 20 if bold else 23)
    weight, size = "bold" if bold else "normal", SMALL if len(words) > 1 else PLAIN
    how = {"color": hue, "ha": "right", "size": size, "weight": weight}
    left_of(plot, place, 0.12, "\n".join(words), how)


# ── words ────────────────────────────────────────────────────────────────────────────────────


def legible(words: str, most: int) -> str:
    """One line of printable characters; longer ones are cut."""
    line = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def lines(words: str, wide: int, most: int = 2) -> list[str]:
    """The same in at most so many lines."""
    return textwrap.wrap(legible(words, 200), wide, max_lines=most, placeholder=" …") or ["?"]


@lru_cache(maxsize=1024)
def width_in(words: str, size: float, *, bold: bool = False) -> float:
    """How wide words are when drawn, in inches."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    letters = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
    font = get_font(findfont(letters))
    font.set_size(size, POINTS)
    font.set_text(words)
    wide, _ = font.get_width_height()
    return wide / FRACTIONS / POINTS


def percent(share: float) -> str:
    """A share as per cent, with as many digits as it needs."""
    return f"{share * 100:.3g} %"


def is_ours(scheme: str) -> bool:
    """Whether a name is of a scheme of this project."""
    return "pymix" in scheme.casefold()


def colours(schemes: Iterable[str]) -> dict[str, str]:
    """A colour for each scheme: our first is blue, a direct call grey, others by their order."""
    found: dict[str, str] = {}
    others = 0
    for scheme in dict.fromkeys(schemes):
        if is_ours(scheme) and OURS not in found.values():
            found[scheme] = OURS
        elif "direct" in scheme.casefold() and PLAIN_GREY not in found.values():
            found[scheme] = PLAIN_GREY
        else:
            found[scheme] = OTHERS[others % len(OTHERS)]
            others += 1
    return found


def apart(wanted: list[float], least: float, low: float, high: float) -> list[float]:
    """Places for labels, near where they are wanted but not over one another.

    Args:
        wanted: in any order.
        least: distance between two of them.
        low: none is below, as far as there is room.
        high: none is above.

    Returns:
        As many places, in the order of `wanted`.
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    places = list(wanted)
    floor = low
    for index in order:
        places[index] = floor = max(places[index], floor)
        floor += least
    ceiling = high
    for index in reversed(order):
        places[index] = ceiling = min(places[index], ceiling)
        ceiling -= least
    return places


# ── files ────────────────────────────────────────────────────────────────────────────────────


def png(figure: "Figure") -> bytes:
    """On white, for pages that show pictures as files."""
    out = BytesIO()
    figure.savefig(out, format="png", dpi=PNG_DPI, facecolor=PAPER, metadata={"Software": None})
    return out.getvalue()


def svg(picture: Picture) -> str:
    """An element for a page: colours by name, no ground of its own, no reference to elsewhere.

    It is without its title and the line under it: on a page they are words, which wrap.
    """
    from matplotlib import rc_context

    out = StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    head = picture.figure.texts[:2]
    for words in head:
        words.set_visible(False)
    with rc_context({"svg.hashsalt": picture.name}):  # the same ids every time, its own ones
        picture.figure.savefig(out, format="svg", transparent=True, metadata=nothing)
    for words in head:
        words.set_visible(True)
    drawn = out.getvalue()
    drawn = re.sub(r"<!--.*?-->", "", drawn[drawn.index("<svg ") :], flags=re.DOTALL)
    used = set(re.findall(r"#([\w.-]+)", drawn))
    drawn = re.sub(r' id="([^"]*)"', lambda m: m[0] if m[1] in used else "", drawn)
    drawn = re.sub(r' xmlns(:xlink)?="[^"]*"', "", drawn).replace("xlink:href", "href")
    drawn = drawn.replace("'DejaVu Sans'", _LETTERS)
    for name, shade in PALETTE.items():
        drawn = drawn.replace(shade.light, f"var(--{name})")
    wide, high = (POINTS * float(inches) for inches in picture.figure.get_size_inches())
    top = POINTS * HEAD_IN
    box = f'viewBox="0 {top:.0f} {wide:.0f} {high - top:.0f}"'
    begin = f'<svg role="img" aria-label="{escape(picture.alt)}" {box}>'
    drawn = re.sub(r"<svg [^>]*>", lambda _: begin, drawn, count=1)
    return re.sub(r">\s*\n\s*<", "><", drawn).strip()
