"""The page of a report: one file, without scripts, that asks nobody for anything.

What is shown is put into `page.html.jinja` beside this file; all of it is escaped but our own
pictures.

Must not know: what is shown, how pictures are drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Final

from pymix_voice.lab.report.drawing import PALETTE, Picture
from pymix_voice.lab.report.grids import Grid
from pymix_voice.lab.report.results import Published

TEMPLATE: Final = "page.html.jinja"
ADDRESS: Final = ("https://", "http://")


@dataclass(frozen=True)
class Drawn:
    """A picture, and what stands for it in the page.

    Attributes:
        svg: an element of our own making, put in as it is.
    """

    picture: Picture
    svg: str


@dataclass(frozen=True)
class Link:
    """A figure of others."""

    figure: Published

    @property
    def ms(self) -> str:
        """The figure in words."""
        return f"{self.figure.ms:,.0f} ms"

    @property
    def href(self) -> str:
        """Where it stands; empty if the source is no address."""
        return self.figure.source if self.figure.source.startswith(ADDRESS) else ""


@dataclass(frozen=True)
class Chapter:
    """What one bench found.

    Attributes:
        name: of its anchor.
        title: what it is about.
        about: when and on what it was measured; None if it was not.
        warnings: what to keep in mind.
        sentences: what was found, in plain words.
        pictures: each with its element.
        grids: tables.
        published: figures of others.
    """

    name: str
    title: str
    about: str | None = None
    warnings: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    pictures: list[Drawn] = field(default_factory=list)
    grids: list[Grid] = field(default_factory=list)
    published: list[Link] = field(default_factory=list)


@dataclass(frozen=True)
class Head:
    """What stands above all chapters.

    Attributes:
        title: of the page.
        words: a few sentences for who knows nothing of it.
    """

    title: str
    words: str


MEASURED: Final = Head(
    "pymix-voice: what was measured",
    "pymix-voice carries calls through a chain of computers, the mixes, so that whoever watches "
    "the network cannot tell who talks with whom. That takes time, and it takes work. This page "
    "shows how much of both, and what is left of a voice when the network is bad.",
)


def rendered(
    chapters: Sequence[Chapter],
    tiles: Sequence[tuple[str, str]],
    tables: Sequence[str],
    head: Head = MEASURED,
) -> str:
    """The whole page, as HTML.

    Args:
        chapters: from top to bottom.
        tiles: the figures to see first, each with what it means.
        tables: names of the files beside the page.
        head: what stands above.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    source = resources.files("pymix_voice.lab.report").joinpath(TEMPLATE).read_text("utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    # Nothing else of the page is markup: names, sentences and sources are escaped.
    environment.filters["ours"] = Markup
    return environment.from_string(source).render(
        chapters=chapters, tiles=tiles, tables=tables, head=head, palette=PALETTE
    )
