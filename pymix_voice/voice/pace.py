"""Pace: how much faster or slower sound has to go, so that a delay stays where it should be.

Small errors, such as the drift between a sound card and the zone's clock, are mended by playing
up to 0.025 % faster or slower, which nobody hears. Larger ones are mended by a stretch: one pitch
period is left out or said twice, at most once in three frames; if there is time, where it is quiet.

    error > 0    too much sound waits: go faster, leave something out
    error < 0    too little waits: go slower, say something twice

Must not know: samples, devices, rounds, what time it is.
"""

from enum import IntEnum

PPM_PER_MS = 100.0
"""A drift of 200 ppm is balanced by an error of 2 ms."""
MOST_PPM = 250.0
"""Half of a hundredth of a semitone; cards and zones differ by up to 200 ppm."""
SMOOTHING = 1 / 25
"""The share of each new error: half a second of frames."""
MOST_STEP_S = 0.050
"""More than this one frame's error does not count for: one out of line is no reason."""
SHORTEN_ABOVE_S = 0.015
"""More than a stretch leaves out at most, so that it never leaves too little."""
QUIET_ABOVE_S = 0.004
"""Where it is quiet, just as much is left out as is too much; less is left to the rate."""
HURRY_ABOVE_S = 0.060
"""So much is mended as fast as what is too little."""
LENGTHEN_BELOW_S = -0.005
"""Too little is mended sooner than too much: it is close to a gap."""
APART, SELDOM = 3, 25
"""Frames from one stretch to the next: 60 ms, or half a second where it could be heard."""


class Stretch(IntEnum):
    """What to do with one frame."""

    SHORTEN = -1
    NONE = 0
    LENGTHEN = 1


class Pace:
    """Keeps one delay."""

    def __init__(self) -> None:
        self._error: float | None = None
        self._since = SELDOM
        self.agreed_s = 0.0
        """The error of the newest frame, as far as those before it say the same."""

    def look(self, error_s: float, *, quiet: bool) -> Stretch:
        """Take the error at one frame.

        Args:
            error_s: seconds of sound too much (negative: too little) that wait.
            quiet: whether a stretch of this frame is sure not to be heard.

        Returns:
            What to do with this frame; tell `stretched` if it was done.
        """
        if self._error is None:
            self._error = error_s
        step = max(-MOST_STEP_S, min(MOST_STEP_S, error_s - self._error))
        self._error += SMOOTHING * step
        self._since += 1
        # Both must say so: a mended error is mended.
        much, little = min(error_s, self._error), max(error_s, self._error)
        self.agreed_s = much if much > 0 else min(0.0, little)
        apart = APART if quiet or much > HURRY_ABOVE_S else SELDOM
        if much > (QUIET_ABOVE_S if quiet else SHORTEN_ABOVE_S) and self._since >= apart:
            return Stretch.SHORTEN
        if little < LENGTHEN_BELOW_S and self._since >= APART:
            return Stretch.LENGTHEN
        return Stretch.NONE

    def stretched(self, seconds: float) -> None:
        """A stretch was done: sound became longer by so much (shorter: negative)."""
        self._since = 0
        if self._error is not None:
            self._error += seconds

    def moved(self) -> None:
        """The delay was set anew: forget the old error."""
        self._error = None

    @property
    def ratio(self) -> float:
        """Samples to make of each one that comes: below 1 to go faster."""
        ppm = PPM_PER_MS * 1000 * (self._error or 0.0)
        return 1.0 - max(-MOST_PPM, min(MOST_PPM, ppm)) / 1_000_000
