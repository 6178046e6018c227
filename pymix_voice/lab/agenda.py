"""Virtual time: what is to happen when, and going on from one instant to the next.

Must not know: what happens.
"""

import heapq
from collections.abc import Callable
from itertools import count

from pymix_voice.errors import Misuse

LOOK_S = 0.01
"""How often a condition that is waited for is looked at."""


class Agenda:
    """Instants to come, and what is done at each; at one instant in the order it was entered.

    Args:
        now: the first instant, in seconds.
    """

    def __init__(self, now: float) -> None:
        self.now = now
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Do something at an instant."""
        heapq.heappush(self._events, (when, next(self._order), what))

    def run(self, seconds: float) -> None:
        """Go on for so long."""
        end = self.now + seconds
        while self._events and self._events[0][0] <= end:
            when, _, what = heapq.heappop(self._events)
            self.now = max(self.now, when)
            what()
        self.now = end

    def run_until(self, condition: Callable[[], bool], limit: float) -> None:
        """Go on until something holds, looked at every 10 ms.

        Raises:
            Misuse: if it did not come to hold within the limit, in seconds.
        """
        end = self.now + limit
        while not condition():
            if self.now >= end:
                raise Misuse(f"it did not come to hold within {limit} s of virtual time")
            self.run(LOOK_S)
