"""What phantoms hide and what they cost, as a table for the page about them.

Must not know: how the figures are reckoned.
"""

from math import ceil, isinf
from typing import NamedTuple

from pymix_voice.errors import ConfigError
from pymix_voice.geometry import Geometry
from pymix_voice.lab.privacy import CALL, DIAL, Change, epsilon, odds
from pymix_voice.onion.setup import Klass
from pymix_voice.zone.phantoms import PRESETS, Phantoms, blur

DELTA = 1e-6
"""The exception that the table allows."""
OBSERVATIONS = (1, 100, 10_000)
SURE = 0.999
"""Above this it is not told how sure somebody would be."""
MIXES, CLIENTS = 3, 100
"""The zone whose epochs the table tells: that of `zone new`."""


class Choice(NamedTuple):
    """Phantoms, by what an operator would write."""

    scale: float
    scales: int

    @property
    def phantoms(self) -> Phantoms:
        """Of all kinds."""
        return blur(*self)


CHOICES = [Choice(2, 15), Choice(5, 20), Choice(20, 20), Choice(20, 25), Choice(100, 25)]

_HEAD = [
    "scale × means",
    "rows a mix: mean, most",
    "epoch",
    *(f"a call, {count:,} seen" for count in OBSERVATIONS),
    *(f"dialing, {count:,} seen" for count in OBSERVATIONS),
]


def table() -> str:
    """Markdown: a line for each choice."""
    rows = [_HEAD, ["---"] * len(_HEAD), *(_row(choice) for choice in CHOICES)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(choice: Choice) -> list[str]:
    phantoms = choice.phantoms
    most = sum(phantoms.most(klass) for klass in Klass)
    words = [word for word, preset in PRESETS.items() if preset == phantoms]
    name = f"{choice.scale:g} × {choice.scales}" + "".join(f" (`{word}`)" for word in words)
    told = [_told(phantoms, change, count) for change in (CALL, DIAL) for count in OBSERVATIONS]
    return [name, f"{most // 2:,}, {most:,}", _epoch(phantoms), *told]


def _told(phantoms: Phantoms, change: Change, observations: int) -> str:
    told = epsilon(phantoms, change, observations, DELTA)
    if isinf(told):
        return "∞"
    sure = f" ({_up(100 * odds(told), 1)} %)" if odds(told) < SURE else ""
    return f"{_up(told, 2)}{sure}"


def _up(value: float, digits: int) -> str:
    """Rounded upward, but for what is only a float's last digit."""
    factor = 10**digits
    return f"{ceil(value * factor - 1e-6) / factor:.{digits}f}"


def _epoch(phantoms: Phantoms) -> str:
    lines, doors = (phantoms.most(klass) for klass in Klass)
    try:
        return f"{Geometry(MIXES, CLIENTS, phantom_lines=lines, phantom_doors=doors).epoch_s:g} s"
    except ConfigError:
        return "too many rows"
