"""The round clock, at the first mix: it numbers rounds.

    start = max(unix time / round, the round it would be by what any mix has processed) + 1

then monotonic. So no round is numbered twice, also when the first mix restarts with its clock
set back, as long as one mix of the chain went on.

Source: the project's protocol page, section "Who numbers rounds".

Must not know: links, cells, keys.
"""

from pymix_voice.geometry import Geometry
from pymix_voice.zone.rounds import WORKED_ROUNDS


class RoundClock:
    """Ticks, one a round, from `start` on.

    Args:
        geometry: gives the length of a round.
    """

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._origin = 0
        self._origin_at = 0.0
        self.next_round = -1
        self.skipped = 0

    @property
    def started(self) -> bool:
        """Whether rounds are being numbered."""
        return self.next_round >= 0

    def start(self, number: int, now: float) -> None:
        """The first tick is this round's, one round from now."""
        self._origin, self._origin_at = number, now + self._geometry.round_s
        self.next_round = number

    def tick_at(self, number: int) -> float:
        """The instant of a round's tick, in seconds."""
        # From an origin: a float of all seconds since 1970 has no room for microseconds.
        return self._origin_at + (number - self._origin) * self._geometry.round_s

    def deadline(self) -> float:
        """The instant of the next tick."""
        return self.tick_at(self.next_round) if self.started else float("inf")

    def due(self, now: float) -> list[int]:
        """The rounds whose ticks have come; after a stall only the newest few."""
        if not self.started or now < self.deadline():
            return []
        newest = self.next_round + int((now - self.deadline()) / self._geometry.round_s)
        oldest = max(self.next_round, newest - WORKED_ROUNDS + 1)
        self.skipped += oldest - self.next_round
        self.next_round = newest + 1
        return list(range(oldest, newest + 1))
