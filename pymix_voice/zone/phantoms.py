"""How many phantoms the mixes of a zone add, of which kinds: a part of the zone file.

    kind             what it is                               at the switchboard
    joined_pairs     two plain lines of one random drop       like two who talk
    joined_guests    a guest line and a door of one drop      like one who dials
    lone_plains      a plain line at a random drop            like one who is idle
    lone_guests      a guest line at a random drop            like one who dials in vain
    lone_hosts       a door at a random drop                  like one whom nobody dials

All kinds or none: everybody knows how many lines and doors there are, so what is left of them when
all other kinds are counted tells the kind that has no phantoms, and with it the others.

Source: the project's design, section "Words"; Vuvuzela (van den Hooff and others, SOSP 2015), the
noise of its servers.

Must not know: how the numbers are drawn, when, by whom.
"""

from dataclasses import asdict, dataclass
from typing import Final, NamedTuple

from pymix_voice.errors import ConfigError
from pymix_voice.geometry import MAX_ROWS
from pymix_voice.onion.setup import Flag, Klass
from pymix_voice.zone.table import Table

SHAPES: Final = {
    "joined_pairs": ((Klass.LINE, Flag.PLAIN), (Klass.LINE, Flag.PLAIN)),
    "joined_guests": ((Klass.LINE, Flag.GUEST), (Klass.DOOR, Flag.HOST)),
    "lone_plains": ((Klass.LINE, Flag.PLAIN),),
    "lone_guests": ((Klass.LINE, Flag.GUEST),),
    "lone_hosts": ((Klass.DOOR, Flag.HOST),),
}
"""The circuits of one phantom of each kind; all of them name one drop."""
MAX_SCALES = 50
"""A mean of more scales would only add rows: at e^-50 nothing strays that far."""


class Spread(NamedTuple):
    """How the number of one kind is spread: `mean` and discrete Laplace noise around it.

    Attributes:
        mean: whole; the number lies between 0 and twice as many.
        scale: one more or one fewer is less likely by the factor e^(-1/scale).
    """

    mean: int
    scale: float


@dataclass(frozen=True)
class Phantoms:
    """What every mix but the last draws for every epoch, each kind by itself.

    Raises:
        ConfigError: if a kind's mean and scale do not go together.
    """

    joined_pairs: Spread
    joined_guests: Spread
    lone_plains: Spread
    lone_guests: Spread
    lone_hosts: Spread

    def __post_init__(self) -> None:
        """Refuse a spread that would show at its ends, or cost rows for nothing."""
        for kind, (mean, scale) in self.spreads.items():
            if not scale <= mean <= MAX_SCALES * scale:
                raise ConfigError(
                    f"phantoms.{kind} has mean {mean} and scale {scale:g}, but a mean of 1 to "
                    f"{MAX_SCALES} times the scale is wanted"
                )

    @property
    def spreads(self) -> dict[str, Spread]:
        """Every kind's."""
        return {kind: getattr(self, kind) for kind in SHAPES}

    def most(self, klass: Klass) -> int:
        """The most lines, or doors, that one mix adds to a batch."""
        return sum(
            2 * spread.mean * sum(each == klass for each, _ in SHAPES[kind])
            for kind, spread in self.spreads.items()
        )


def blur(scale: float, scales: int) -> Phantoms:
    """Phantoms of all kinds in the ratio that costs fewest rows for what they hide.

    A call changes lone plains by two and all else by one, so they are spread twice as wide.

    Args:
        scale: of all kinds but the lone plains.
        scales: each kind's mean is so many of its scales.
    """
    one, two = (Spread(round(each * scales), each) for each in (scale, 2 * scale))
    return Phantoms(one, one, two, one, one)


PRESETS: Final = {"off": None, "few": blur(2.0, 15), "many": blur(20.0, 20)}
"""What an operator can choose by a word; docs/phantoms.md tells what each of them hides."""


def parse_phantoms(table: Table | None) -> Phantoms | None:
    """Read the table of a zone file.

    Raises:
        ConfigError: naming the key.
    """
    if table is None:
        return None
    table.known(SHAPES)
    return Phantoms(**{kind: _parse_spread(table, kind) for kind in SHAPES})


def _parse_spread(phantoms: Table, kind: str) -> Spread:
    table = phantoms.table(kind)
    if table is None:
        raise phantoms.error(kind, "is missing", "all kinds are wanted, or no phantoms at all")
    table.known(Spread._fields)
    return Spread(
        table.whole("mean", None, 1, MAX_ROWS // 2), table.number("scale", None, 0.1, MAX_ROWS)
    )


def render_phantoms(phantoms: Phantoms | None) -> str:
    """The table as it stands in a zone file, with its comments."""
    spreads = {} if phantoms is None else phantoms.spreads
    lines = [f"{kind} = {{ mean = {n}, scale = {b!r} }}\n" for kind, (n, b) in spreads.items()]
    return _COMMENT + ("[phantoms]\n" if lines else "# There are none here.\n") + "".join(lines)


_COMMENT = """\
# Phantoms: circuits that every mix but the last adds to each epoch, so that the last one cannot
# count calls exactly. A mix draws the number of each kind anew: its mean, and some scales more or
# fewer, at most twice the mean. All five kinds or none. They take rows as clients do:
# docs/phantoms.md.
"""


def phantom_values(phantoms: Phantoms | None) -> list[object]:
    """What goes into the zone's hash."""
    return [] if phantoms is None else [list(each) for each in asdict(phantoms).values()]
