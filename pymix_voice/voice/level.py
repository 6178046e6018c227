"""Level: how loud it is, for the meters that a person sees.

Must not know: where the sound comes from. Nothing that is sent may follow from it.
"""

import math

import numpy as np
from numpy.typing import NDArray

SILENCE_DB = -99.0
"""What digital silence is shown as."""


def decibels(pcm: NDArray[np.int16]) -> float:
    """The root mean square of samples in dB below full scale: 0 at most, -99 for silence."""
    if not len(pcm):
        return SILENCE_DB
    sound = pcm.astype(np.float32)
    power = float(sound @ sound) / len(pcm) / 32768.0**2
    return max(SILENCE_DB, 10 * math.log10(power)) if power > 0 else SILENCE_DB


class Level:
    """The loudest frame since somebody looked."""

    def __init__(self) -> None:
        self._loudest = SILENCE_DB

    def take(self, pcm: NDArray[np.int16]) -> None:
        """Take a frame, int16 [n]."""
        self._loudest = max(self._loudest, decibels(pcm))

    def look(self) -> float:
        """The level in dB below full scale, and begin anew."""
        loudest, self._loudest = self._loudest, SILENCE_DB
        return loudest
