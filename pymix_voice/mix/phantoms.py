"""Phantoms: circuits that a mix itself adds, to blur what the switchboard sees.

The last mix counts how many rows are joined and how many are alone. An honest mix before it adds
circuits of its own, so that the count tells hardly more of one client than if that client did
something else. The number of each kind is drawn by itself, once for an epoch:

    mean + k    with probability proportional to e^(-|k| / scale), for |k| <= mean

The weights are whole numbers, so that what is drawn is exactly what `lab/privacy.py` reckons with.
The onions go to the next mix among all others, and are well-formed for all that follow. The last
mix adds none: if it is honest it tells nobody, and if it is not it would know its own.

Source: Vuvuzela (van den Hooff and others, SOSP 2015), whose servers add dead drops by a Laplace
law; the project's protocol page, section "Layers and set-up onions".

Must not know: whose circuits the others are, rounds, what time it is.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from decimal import Decimal, localcontext
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from pymix_voice.geometry import DROP_BYTES
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.setup import Flag, Klass, OnionMaker
from pymix_voice.zone.phantoms import SHAPES, Phantoms, Spread

_ONE = 1 << 160
"""The weight of the mean; that of the rarest number, 50 scales off, still has 88 bits."""
_DIGITS = 80
"""Decimal digits of a chance before its weight is cut to a whole number: `_ONE` has 49."""
STEP_ITEMS = 2
"""A step of an onion costs as much as opening so many: it has two X25519, opening has one."""


class Law:
    """The law of one kind's number.

    Args:
        spread: mean and scale.

    Attributes:
        weights: of 0 to twice the mean; a number's probability is its weight out of `total`.
        total: all weights.
    """

    def __init__(self, spread: Spread) -> None:
        with localcontext(prec=_DIGITS):
            step, chance, side = (-1 / Decimal(spread.scale)).exp(), Decimal(1), []
            for _ in range(spread.mean + 1):
                side.append(int(_ONE * chance))
                chance *= step
        self.weights = (*side[:0:-1], *side)
        self._sums = list(accumulate(self.weights))
        self.total = self._sums[-1]

    def draw(self, dice: Dice) -> int:
        """A number, without any bias."""
        return bisect_right(self._sums, dice.below(self.total))


law_of = lru_cache(maxsize=16)(Law)
"""The law of a spread; a zone has five at most."""


class Phantom(NamedTuple):
    """One circuit to be made."""

    klass: Klass
    flag: Flag
    drop: bytes

    def __repr__(self) -> str:
        return "Phantom()"


def draw(phantoms: Phantoms, dice: Dice) -> Iterator[Phantom]:
    """An epoch's phantoms at one mix: all numbers are drawn at once, drops as they are needed."""
    numbers = {kind: law_of(spread).draw(dice) for kind, spread in phantoms.spreads.items()}

    def circuits() -> Iterator[Phantom]:
        for kind, number in numbers.items():
            for _ in range(number):
                drop = dice.bytes(DROP_BYTES)
                yield from (Phantom(klass, flag, drop) for klass, flag in SHAPES[kind])

    return circuits()


class Making:
    """The onions of phantoms, made one after the other in slices.

    Args:
        wanted: what is to be made.
        maker: begins an onion for the next mix.

    Attributes:
        onions: those that are made, of lines and of doors, one behind the other.
    """

    def __init__(self, wanted: Iterator[Phantom], maker: Callable[[Klass], OnionMaker]) -> None:
        self.onions = {klass: bytearray() for klass in Klass}
        self._wanted = wanted
        self._make = maker
        self._next()

    def _next(self) -> None:
        self._phantom = next(self._wanted, None)
        self._maker = None if self._phantom is None else self._make(self._phantom.klass)
        self._agreed = False

    @property
    def done(self) -> bool:
        """Whether all are made."""
        return self._phantom is None

    def work(self, items: int) -> int:
        """Go on, for about the time in which so many onions are opened; 0 if all are made."""
        spent = 0
        while self._phantom is not None and self._maker is not None and spent < items:
            if self._agreed:
                onion = self._maker.seal(self._phantom.drop, self._phantom.flag)
                self.onions[self._phantom.klass] += onion
                self._next()
            else:
                self._agreed = not self._maker.step()
            spent += STEP_ITEMS
        return spent
