"""A mix's own sense of time: the time of day as a round, and the round it should be by now.

Source: the project's protocol page, sections "Mix links" and "Who numbers rounds".

Must not know: links, circuits, where the clock is read.
"""

from pymix_voice.geometry import Geometry

TOLERANCE_S = 60.0
"""A round further than this from a mix's own clock is not taken."""


class Watch:
    """Told the time of day now and then, and every round that is worked.

    Args:
        geometry: gives the length of a round.
        now: seconds on any monotonic clock.
        unix: seconds since 1970 at `now`.
    """

    def __init__(self, geometry: Geometry, now: float, unix: float) -> None:
        self._geometry = geometry
        self._unix_offset = self._first_offset = unix - now
        self._seen = -1
        self._seen_at = now
        self._complained = False

    def set(self, now: float, unix: float) -> None:
        """What the machine's clock says."""
        self._unix_offset = unix - now

    def unix_round(self, now: float) -> int:
        """The time of day, as a round."""
        return int((now + self._unix_offset) / self._geometry.round_s)

    def see(self, number: int, now: float) -> None:
        """A round is being worked, or was said to be."""
        if number > self.now_round(now):
            self._seen, self._seen_at = number, now

    def now_round(self, now: float) -> int:
        """The round it should be by what was seen; 0 if nothing was."""
        if self._seen < 0:
            return 0
        return self._seen + int((now - self._seen_at) / self._geometry.round_s)

    def floor(self, signed: int, now: float) -> int:
        """The lowest round there may be, if the clock is behind the epoch that was signed."""
        behind = self._geometry.epoch_of(self.unix_round(now)) < signed - 1
        return self._geometry.first_round(signed) if behind else 0

    def is_far(self, number: int, now: float) -> bool:
        """Whether a round is further from the time of day than clocks may be.

        The clock of the start, gone on since, counts as well as the one of today: a clock that is
        set wrong later stops no mix, and one that is set right later starts it.
        """
        round_s = self._geometry.round_s
        offsets = (self._first_offset, self._unix_offset)
        return all(abs(number * round_s - now - offset) > TOLERANCE_S for offset in offsets)

    def complaint(self) -> str | None:
        """What a person is to be told of it, once."""
        if self._complained:
            return None
        self._complained = True
        return (
            "rounds are more than a minute off this computer's clock, and not taken: "
            "set its clock, or the first mix's"
        )
