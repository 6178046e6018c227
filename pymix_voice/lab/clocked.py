"""What the clocks of a simulated world's parts say: each may be wrong, and go at a rate of its own.

The world's own time is the true one. A part is told, and says, only what its monotonic clock
does; its time of day is the true one and a skew.

Must not know: what the parts are.
"""

from typing import NamedTuple

from pymix_voice.lab.traffic import Traffic
from pymix_voice.onion.dice import Dice

ROUNDING_S = 1e-7
"""A part is woken so much after it asked for, where its clock is not the world's: woken too early
by a rounding error it would have nothing to do, and not be woken again."""


class Rate(NamedTuple):
    """A monotonic clock."""

    begin: float
    """What it says when the world begins, in seconds."""
    rate: float = 1.0
    """Its seconds in a true second."""


class Clocked(Traffic):
    """All links, and all clocks.

    Args:
        now: the first instant, in seconds.
        unix: the time of day then.
        dice: what links do follows from it.
        gather_s: as of `Traffic`.
    """

    def __init__(self, now: float, unix: float, dice: Dice, gather_s: float) -> None:
        super().__init__(now, dice, gather_s)
        self._began, self._unix = now, unix
        self.rates: dict[str, Rate] = {}
        """Monotonic clocks that are not the world's; set before their part starts."""
        self.unix_skew: dict[str, float] = {}
        """By how much a part's time of day is wrong, in seconds."""

    def time_of(self, name: str, at: float | None = None) -> float:
        """What a part's monotonic clock says now, or at another instant."""
        now = self.now if at is None else at
        rate = self.rates.get(name)
        return now if rate is None else rate.begin + (now - self._began) * rate.rate

    def instant_of(self, name: str, time: float) -> float:
        """The instant at which a part's monotonic clock says so."""
        rate = self.rates.get(name)
        if rate is None:
            return time
        return self._began + (time - rate.begin) / rate.rate + ROUNDING_S

    def unix_of(self, name: str) -> float:
        """The time of day by a part's clock, now."""
        return self._unix + (self.now - self._began) + self.unix_skew.get(name, 0.0)
