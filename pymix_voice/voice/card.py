"""A sound card's clock: at which instant its sample number n is heard, or was.

A card asks for sound in blocks, more or less punctually, by a crystal of its own. The instants of
its asking, smoothed by a loop of first order, say when each sample is.

Source: Fons Adriaensen, "Using a DLL to filter time" (LAC 2005), reduced to its first order, which
is enough for drifts of 200 ppm.

Must not know: devices, samples, what time it is (instants are arguments).
"""

from pymix_voice.geometry import SAMPLE_RATE

SMOOTHING = 0.05
"""The share of each block's error that is believed: 0.2 s of blocks of 10 ms."""
JUMP_S = 0.05
"""An error beyond this is no lateness: the card stood still."""


class CardClock:
    """When a card's samples are.

    Attributes:
        asked_at: the instant of the last block; None before the first.
    """

    def __init__(self) -> None:
        self._samples = 0
        self._at = 0.0
        self.asked_at: float | None = None

    def block(self, samples: int, now: float) -> None:
        """The card has taken (or given) so many samples in all, the last of them just now."""
        planned = self.instant(samples)
        error = now - planned
        believed = error if self.asked_at is None or abs(error) > JUMP_S else SMOOTHING * error
        self._samples, self._at = samples, planned + believed
        self.asked_at = now

    def instant(self, sample: int) -> float:
        """When a sample's turn is or was."""
        return self._at + (sample - self._samples) / SAMPLE_RATE
