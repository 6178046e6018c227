"""Steering: choose the send instant so that what is sent arrives just before it is due.

Upstream says how early each round's cell came. Added to the instant it was sent, that gives
the latest instant at which it would still have been in time: the round's *slack point*. Its
jitter is the path's jitter. The send instant is put so far before these points that about one
in a thousand is missed. Clients are steered to their gateway by this, gateways to the first
mix. Source: the project's protocol page, section "Access link".

All instants and spans are float seconds on one monotonic clock, the caller's own; upstream's
clock is never compared with it, so that a constant drift between them is followed.

Must not know: what is sent, whether a call goes on, where upstream is.
"""

import math
from bisect import bisect_left, insort
from collections import deque

from pymix_voice.errors import Misuse
from pymix_voice.geometry import Geometry

WINDOW = 500
"""So many slack points are looked at (10 s of rounds)."""
LATE_SHARE = 0.002
"""This share of the window may lie before the chosen instant and its margin."""
MARGIN_S = 0.002
"""How far before the earliest slack points that count."""
LEAD_S = 0.006
"""At least so far before the middle one: a quiet path says little about its next hiccup."""
START_LEAD_S = 0.020
"""Before anything is known."""
LATER_STEP_S = 0.0005
"""Later by at most so much a round: later is a risk, earlier is not."""
REMEMBERED = 128
"""Rounds whose send instant is kept; fewer than 256, so a low byte names one of them."""

_NEVER = -1


class Steering:
    """The send instants toward one upstream.

    Call `start` once the upstream's clock is known, `send_at` to plan, `sent` when a round has
    really gone out, `sample` with whatever upstream reports.

    Args:
        geometry: gives the length of a round.
        lead_s: at least so far before the middle slack point.
        earlier_step_s: earlier by at most so much with each word: who is followed by others must
            not run away from them.
    """

    def __init__(
        self, geometry: Geometry, lead_s: float = LEAD_S, earlier_step_s: float = math.inf
    ) -> None:
        self._round_s = geometry.round_s
        self._lead_s = lead_s
        self._earlier_step_s = earlier_step_s
        self._origin = 0
        self._offset: float | None = None
        self._forget()

    def _forget(self) -> None:
        self._newest = _NEVER
        self._rounds = [_NEVER] * 256
        self._instants = [0.0] * 256
        self._reported = _NEVER
        self._points: deque[float] = deque()
        self._sorted: list[float] = []

    @property
    def started(self) -> bool:
        """Whether `start` was called since the beginning or the last `reset`."""
        return self._offset is not None

    @property
    def lead_s(self) -> float:
        """How long before its slack point the middle one of the last cells was sent."""
        if self._offset is None or not self._sorted:
            return START_LEAD_S
        return self._sorted[len(self._sorted) // 2] - self._offset

    def start(self, round_number: int, due: float) -> None:
        """Forget everything and begin 20 ms early.

        Args:
            round_number: any round.
            due: the instant at which this round would have to be sent to arrive exactly in
                time, as far as is known (upstream's clock, path included).
        """
        self._forget()
        # Instants are kept relative to this round: numbers count from 1970, and a float that
        # holds both that and microseconds is at its end.
        self._origin = round_number
        self._offset = due - START_LEAD_S

    def reset(self) -> None:
        """Forget everything: the upstream, or the way there, is another one."""
        self._forget()
        self._offset = None

    def send_at(self, round_number: int) -> float:
        """When to send this round, by what is known now.

        Raises:
            Misuse: before `start`.
        """
        if self._offset is None:
            raise Misuse("steering was asked for an instant before it was started")
        return self._offset + self._since_origin(round_number)

    def next_after(self, round_number: int, now: float) -> int:
        """The first round after this one whose instant is still to come."""
        behind = now - self.send_at(round_number + 1)
        return round_number + 1 + max(0, math.ceil(behind / self._round_s))

    def sent(self, round_number: int, at: float) -> None:
        """Tell that a round went out; only the first time for each round counts.

        Args:
            round_number: the round; older ones than the newest are ignored.
            at: the instant at which it really went out.
        """
        if self._offset is None or round_number <= self._newest:
            return
        if self._newest != _NEVER:
            steps = round_number - self._newest
            later = min(self._target(self._offset), self._offset + steps * LATER_STEP_S)
            self._offset = max(later, self._offset - self._earlier_step_s)
        self._newest = round_number
        self._rounds[round_number % 256] = round_number
        self._instants[round_number % 256] = at

    def sample(self, round_low: int, early_s: float) -> None:
        """Take upstream's word on one round; repeated and unknown ones change nothing.

        Args:
            round_low: low byte of the round it is about.
            early_s: how long before it was due the cell came; negative if it was late.
        """
        # Upstream repeats its last word while nothing comes. Were it taken again when the low
        # byte comes round (256 rounds on), it would be added to the wrong send instant.
        repeated, self._reported = round_low == self._reported, round_low
        number = self._rounds[round_low]
        if self._offset is None or repeated or number == _NEVER:
            return
        self._rounds[round_low] = _NEVER
        if self._newest - number >= REMEMBERED:
            return
        self._remember(self._instants[round_low] + early_s - self._since_origin(number))
        earlier = min(self._offset, self._target(self._offset))
        self._offset = max(earlier, self._offset - self._earlier_step_s)

    def _since_origin(self, round_number: int) -> float:
        return (round_number - self._origin) * self._round_s

    def _remember(self, point: float) -> None:
        if len(self._points) == WINDOW:
            del self._sorted[bisect_left(self._sorted, self._points.popleft())]
        self._points.append(point)
        insort(self._sorted, point)

    def _target(self, present: float) -> float:
        """The offset to go to: the present one as long as nothing is known."""
        if not self._sorted:
            return present
        count = len(self._sorted)
        rare = self._sorted[int(count * LATE_SHARE)] - MARGIN_S
        return min(rare, self._sorted[count // 2] - self._lead_s)
