"""Simulated links: when a datagram arrives, if it does, and how often.

Delay is first-in-first-out but for the share that is reordered on purpose; each directed pair
of ends draws from dice of its own, so that one link's traffic shifts nothing on another.

Must not know: what is sent.
"""

from dataclasses import dataclass
from typing import NamedTuple

from pymix_voice.onion.dice import Dice


@dataclass(frozen=True)
class Law:
    """How a link treats datagrams; seconds and shares from 0 to 1."""

    delay: float = 0.0005
    jitter: float = 0.0002
    """Uniform, on top of the delay."""
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    """This share is held back by up to 30 ms, and may be overtaken."""


class Link:
    """One direction between two ends.

    Args:
        law: how it treats datagrams.
        dice: its own.
    """

    def __init__(self, law: Law, dice: Dice) -> None:
        self.law = law
        self._dice = dice
        self._last_arrival = 0.0
        self.cut = False

    def arrivals(self, now: float) -> list[float]:
        """When a datagram sent now arrives: never, once, or twice."""
        law = self.law
        # All draws are made for every datagram, so that changing one law shifts no other draw.
        spread, lost, twice, late = (self._dice.below(1 << 32) / (1 << 32) for _ in range(4))
        if self.cut or lost < law.loss:
            return []
        arrival = now + law.delay + spread * law.jitter
        if late < law.reorder:
            return [arrival + 0.03 * spread]
        arrival = max(arrival, self._last_arrival)
        self._last_arrival = arrival
        return [arrival, arrival + 0.001] if twice < law.duplicate else [arrival]


class Sent(NamedTuple):
    """What an observer of all links writes down."""

    at: float
    source: str
    destination: str
    size: int
