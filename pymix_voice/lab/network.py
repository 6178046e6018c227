"""Simulated links: when a datagram arrives, if it does, and how often.

    lost? --> delay, jitter and the queue's wait --> first in, first out --> rate --> held back?

What waits shares its wait with what comes next to it, as in one queue: the wait is a process in
time, never negative, and not a draw for each datagram. Were it one, every round of a mix link would
wait for the worst of hundreds of draws. Each directed pair of ends draws from dice of its own, so
that one link's traffic shifts nothing on another.

Source: ITU-T G.1050, appendix II (loss in bursts by two states; delay as filtered noise in time;
order kept but in the core), simplified: all is lost in the bad state (Gilbert, "Capacity of a
Burst-Noise Channel", 1960), and the wait is a stationary Gauss-Markov process (Ornstein-Uhlenbeck)
bent to an exponential distribution.

Must not know: what is sent.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pymix_voice.errors import Misuse
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.drain import Drain

DRAIN_BYTES = 2048
"""Width of a drain: wider than any datagram."""

HELD_S = 0.03
"""What is reordered on purpose is held back by up to so much."""
COPY_S = 0.001
"""A second copy comes so much after the first."""
_BLOCK = 64
"""Datagrams whose draws are made at once; the dice give the same however they are asked."""


@dataclass(frozen=True)
class Law:
    """How a link treats datagrams; seconds, bytes, and shares from 0 to 1.

    Raises:
        Misuse: if no link can be like that.
    """

    delay: float = 0.0005
    jitter: float = 0.0002
    """Uniform, on top of the delay; another draw for each datagram."""
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    """This share is held back by up to 30 ms, and may be overtaken."""
    burst: float = 0.0
    """How many are lost in a row, in the mean; 0 for losses that know nothing of each other."""
    wait: float = 0.0
    """Mean of the wait in queues, on top of the delay: exponential, and shared by neighbours."""
    memory: float = 0.1
    """How fast that wait changes: after this time its correlation is down to about a third."""
    rate: float = math.inf
    """Bytes a second that the link carries."""
    queue: float = 65_536.0
    """Bytes that wait for their turn at that rate; what finds no room is dropped."""

    def __post_init__(self) -> None:
        """Refuse what no link can be like."""
        shares = (self.loss, self.duplicate, self.reorder)
        if not all(0 <= share <= 1 for share in shares):
            raise Misuse("loss, duplicate and reorder are shares from 0 to 1")
        spans = (self.delay, self.jitter, self.wait, self.burst, self.queue)
        if not all(0 <= span < math.inf for span in spans):
            raise Misuse("delay, jitter, wait, burst and queue are finite and not below 0")
        if not self.memory > 0 or not self.rate > 0:
            raise Misuse("memory and rate are above 0")
        # A burst is begun after something that arrived: so many must be lost at least in each.
        if self.burst and self.loss and (self.loss == 1 or self.burst < self.shortest_burst):
            raise Misuse(
                f"a loss of {self.loss:g} comes in bursts of at least {self.shortest_burst:.2f}"
            )

    @property
    def shortest_burst(self) -> float:
        """The mean length of bursts below which so much cannot be lost."""
        return max(1.0, self.loss / (1 - self.loss) if self.loss < 1 else math.inf)


class _Draws(NamedTuple):
    """What is drawn for one datagram: uniform from 0 to 1, and one normal."""

    spread: float
    lost: float
    twice: float
    late: float
    wait: float


class Link:
    """One direction between two ends.

    Args:
        law: how it treats datagrams.
        dice: its own.

    Attributes:
        law: may be replaced while it is in use.
        cut: whether nothing arrives.
        overflowed: datagrams that found no room in the queue.
    """

    def __init__(self, law: Law, dice: Dice) -> None:
        self.law = law
        self.cut = False
        self.overflowed = 0
        self._draws = _draws(dice)
        self._last_arrival = 0.0
        self._free_at = 0.0
        self._losing = False
        self._noise = 0.0
        self._noise_at = -math.inf

    def arrivals(self, now: float, size: int = 0) -> list[float]:
        """When a datagram sent now arrives: never, once, or twice.

        Args:
            now: in seconds, not before that of an earlier call.
            size: of the datagram, in bytes; matters where there is a rate.
        """
        law = self.law
        # All draws are made for every datagram, so that changing one law shifts no other draw.
        draws = next(self._draws)
        self._losing = draws.lost < self._share_lost()
        if self.cut or self._losing:
            return []
        arrival = now + law.delay + draws.spread * law.jitter + self._wait(now, draws.wait)
        held_back = draws.late < law.reorder
        if not held_back:
            arrival = self._last_arrival = max(arrival, self._last_arrival)
        if law.rate < math.inf:
            start = max(arrival, self._free_at)
            if (start - arrival) * law.rate + size > law.queue:
                self.overflowed += 1
                return []
            arrival = self._free_at = start + size / law.rate
        if held_back:
            return [arrival + HELD_S * draws.spread]
        return [arrival, arrival + COPY_S] if draws.twice < law.duplicate else [arrival]

    def _share_lost(self) -> float:
        """How likely the next one is lost, which may depend on what became of the last."""
        loss, burst = self.law.loss, self.law.burst
        if not burst or not loss:
            return loss
        return 1 - 1 / burst if self._losing else loss / (burst * (1 - loss))

    def _wait(self, now: float, draw: float) -> float:
        """How long the queue is at an instant, in seconds."""
        if not self.law.wait:
            return 0.0
        kept = math.exp(-max(0.0, now - self._noise_at) / self.law.memory)
        self._noise = kept * self._noise + math.sqrt(1 - kept * kept) * draw
        self._noise_at = now
        # From the normal distribution to the exponential one: equal quantiles.
        above = 0.5 * math.erfc(self._noise / math.sqrt(2))
        return -self.law.wait * math.log(above)


def _draws(dice: Dice) -> Iterator[_Draws]:
    """The draws for one datagram after another, without an end."""
    queues = dice.fork("queue")
    while True:
        plain = np.frombuffer(dice.bytes(_BLOCK * 16), "<u4").reshape(_BLOCK, 4) / (1 << 32)
        # Two uniform numbers make a normal one (Box and Muller); the first of them is not 0.
        pairs = np.frombuffer(queues.bytes(_BLOCK * 8), "<u4").reshape(_BLOCK, 2)
        sizes = np.sqrt(-2 * np.log((pairs[:, 0] + 1.0) / (1 << 32)))
        waits = sizes * np.cos(2 * np.pi * pairs[:, 1] / (1 << 32))
        for spread, lost, twice, late, wait in np.column_stack((plain, waits)).tolist():
            yield _Draws(spread, lost, twice, late, wait)


class Sent(NamedTuple):
    """What an observer of all links writes down."""

    at: float
    source: str
    destination: str
    size: int


class Came(NamedTuple):
    """A datagram that waits to be taken, and the instant at which it came."""

    source: str
    datagram: bytes
    at: float


def drain_of(came: Sequence[Came]) -> Drain:
    """What has come for one part, in order, with the instant of each; there must be some."""
    sources, datagrams, stamps = zip(*came, strict=True)
    where = [source.encode() for source in sources]
    drain = Drain.of(datagrams, where, max(stamps), DRAIN_BYTES)
    return drain._replace(stamps=np.array(stamps))
