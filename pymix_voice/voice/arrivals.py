"""Arrivals: when each round's frame can be counted on, learned from how rounds came so far.

Rounds leave the chain at one rate, each with one to three frames of 20 ms. How much later than the
first of them a round came, its *lateness*, is the jitter of the way here; the jitter's high
quantile over some seconds says how long playout has to wait. Three of the last second's rounds are
enough to wait longer at once; to wait less, all of 8 s must have come sooner, and then it goes
slowly: a frame too late is heard, a few milliseconds of delay are not.

The same learning follows a path that becomes longer, and the drift between the zone's clock and
this machine's. Source: the adaptive playout of Ramjee, Kurose, Towsley, Schulzrinne (INFOCOM 1994)
in idea; quantiles in place of means.

Must not know: frames, sound, what time it is (`now` is an argument).
"""

from bisect import bisect_left, insort
from collections import deque

import numpy as np

from pymix_voice.geometry import FRAME_S

LONG = 400
"""8 s of rounds of 20 ms, of which the third latest counts: a 99.25 % quantile. What is learned
is learned from rounds: where they are longer, so are these spans."""
SHORT = 50
"""1 s of them, of which the third latest counts: quick to see a change."""
RARE = 3
START_S = 0.030
"""Lateness that is feared before anything is known."""
LEARNED = 100
"""After so many rounds it is known."""
FALL = 0.01
"""The share of what is too much that is given up each round: half of it in 1.4 s."""
LEAST_FALL_S = 0.000_05
HELD_S = 0.010
"""Rounds that come closer behind each other were held up together: that is one delay, not many."""
MOST_S = 0.5
"""Lateness beyond this is an outage, not jitter: nobody wants to talk over it."""
OUTAGE_S, SOONER_S = 1.0, 0.010
"""If rounds stay so late for so long, and do not come sooner and sooner, as what an outage held
back does, then they come over another way."""
SPAN = 500
"""Rounds over which loss is counted, 10 s of those of 20 ms."""


class _Latest:
    """The third latest of the last rounds.

    Args:
        size: how many rounds are remembered.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._order: deque[float] = deque()
        self._sorted: list[float] = []

    def __len__(self) -> int:
        return len(self._order)

    def copy(self) -> "_Latest":
        other = _Latest(self._size)
        other._order, other._sorted = self._order.copy(), self._sorted.copy()
        return other

    def add(self, lateness: float) -> None:
        if len(self._order) == self._size:
            del self._sorted[bisect_left(self._sorted, self._order.popleft())]
        self._order.append(lateness)
        insort(self._sorted, lateness)

    @property
    def earliest(self) -> float:
        return self._sorted[0]

    @property
    def rare(self) -> float:
        return self._sorted[max(0, len(self._sorted) - RARE)]


class Arrivals:
    """Learns when rounds can be counted on.

    Args:
        frames: how many a round takes. Where frames are numbered, they are so without a gap: the
            first of a round is the round's number times this.
    """

    def __init__(self, frames: int = 1) -> None:
        self.frames = frames
        self._origin: tuple[int, float] | None = None
        self._long, self._short = _Latest(LONG), _Latest(SHORT)
        self._expected = START_S
        self._came = np.full(SPAN, -1, np.int64)
        self._first = self._newest = -1
        self._outage: tuple[float, float] | None = None
        self._came_at = -np.inf

    def successor(self) -> "Arrivals":
        """One that knows the way, and counts losses anew."""
        other = Arrivals(self.frames)
        other._origin, other._expected = self._origin, self._expected
        other._long, other._short = self._long.copy(), self._short.copy()
        return other

    def _begin(self, number: int, now: float) -> None:
        """Learn from here on; where numbers are compared with instants, this round is on time."""
        self._origin = number, now
        self._long, self._short = _Latest(LONG), _Latest(SHORT)
        self._expected = START_S
        self._came.fill(-1)
        self._first = self._newest = -1
        self._outage = None

    def take(self, number: int, now: float) -> None:
        """A round came, at this instant; each round is given once."""
        if self._origin is None or self._elsewhere(number, now):
            self._begin(number, now)
        if self._first < 0:
            self._first = number
        self._newest = max(self._newest, number)
        if number > self._newest - SPAN:
            self._came[number % SPAN] = number
        lateness = now - self._on_time(number * self.frames)
        held = now - self._came_at < HELD_S and lateness > self._expected
        self._came_at = now
        if self._outage is None and not held:
            self._long.add(lateness)
            self._short.add(lateness)
            self._learn()

    def _elsewhere(self, number: int, now: float) -> bool:
        """Whether the zone's rounds, or the way, are so different that nothing learned holds."""
        lateness = now - self._on_time(number * self.frames)
        excess = lateness - self._long.earliest
        if self._outage is None and excess > MOST_S:
            self._outage = now, lateness
        if self._outage is None:
            return excess < -MOST_S
        if lateness <= self._expected:
            self._outage = None  # All that was held back has come, and taught nothing.
            return excess < -MOST_S
        since, least = self._outage
        if lateness < least - SOONER_S:
            self._outage = now, lateness
            return False
        return now - since > OUTAGE_S

    def _learn(self) -> None:
        known = max(self._long.rare, self._short.rare)
        if len(self._long) < LEARNED:
            known = max(known, self._long.earliest + START_S)
        if known >= self._expected:
            self._expected = known
        else:
            less = max(LEAST_FALL_S, FALL * (self._expected - known))
            self._expected = max(known, self._expected - less)

    def _on_time(self, frame: int) -> float:
        """When it is a frame's turn, if its round takes as long as the very first one did.

        The first of a round is on time when it comes, each further one 20 ms after that before it.
        """
        assert self._origin is not None
        return self._origin[1] + (frame - self._origin[0] * self.frames) * FRAME_S

    def came(self, number: int) -> bool:
        """Whether this round came, as far as is remembered."""
        return bool(self._came[number % SPAN] == number)

    @property
    def begun(self) -> bool:
        """Whether any round came."""
        return self._origin is not None

    def counted_on(self, frame: int) -> float:
        """The instant from which it is a frame's turn, if it is not lost, but for rare ones."""
        return self._on_time(frame) + self._expected

    def soonest(self, frame: int) -> float:
        """The same, if its round comes as soon as any of the last 8 s."""
        return self._on_time(frame) + self._long.earliest

    @property
    def jitter_s(self) -> float:
        """From the soonest to what is counted on, in seconds."""
        return self._expected - self._long.earliest if len(self._long) else START_S

    @property
    def loss(self) -> float:
        """The share of the last 10 s of rounds that did not come, late ones not counted as lost."""
        if self._first < 0:
            return 0.0
        since = max(self._first, self._newest - SPAN + 1)
        return 1.0 - int(np.count_nonzero(self._came >= since)) / (self._newest - since + 1)
