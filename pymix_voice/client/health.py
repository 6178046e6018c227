"""Health: how the chain does, by the cells that a client sends to itself.

An idle line and an unvisited door loop: their cells go up and down the whole chain and come back.
How long that takes is how long a cell takes from one person to another; how many do not come back
is the chain's loss. In a call the door goes on looping.

Must not know: what cells hold, calls, what time it is (instants are arguments).
"""

from collections import deque

LOOK_BACK_S = 10.0
"""Loops of the last ten seconds count ..."""
WAIT_S = 1.0
"""... but for those of the last second, which may still be on their way."""


class Health:
    """What came of one's own loops."""

    def __init__(self) -> None:
        self._said: deque[tuple[int, float]] = deque()
        self._back: dict[int, float] = {}

    def said(self, name: int, now: float) -> None:
        """A loop cell went out.

        Args:
            name: a number that only this cell has.
            now: when.
        """
        self._said.append((name, now))
        while self._said[0][1] < now - LOOK_BACK_S:
            self._back.pop(self._said.popleft()[0], None)

    def back(self, name: int, now: float) -> None:
        """It came back. One that nobody remembers is left alone."""
        if self._said and name >= self._said[0][0]:
            self._back.setdefault(name, now)

    def loss(self, now: float) -> float | None:
        """The share that did not come back; None if none was sent."""
        old = [name for name, when in self._said if when < now - WAIT_S]
        return 1.0 - sum(name in self._back for name in old) / len(old) if old else None

    def trip_s(self) -> float | None:
        """The median time from sending to coming back, in seconds; None if none did."""
        trips = sorted(self._back[name] - when for name, when in self._said if name in self._back)
        return trips[len(trips) // 2] if trips else None
