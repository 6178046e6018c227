"""Resampling by ratios close to one, for clocks that do not quite agree.

libsamplerate's sinc converter: ratios may change from block to block without a click. It gives
its samples 20 later than it takes them, 0.4 ms.

Must not know: why, what time it is.
"""

import importlib
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import SoundError

Sound = NDArray[np.float32]


class Resampler(Protocol):
    """What changes the rate."""

    def process(self, sound: Sound, ratio: float) -> Sound:
        """Make `ratio` samples of each one; what it keeps back comes with the next."""
        ...


def make_resampler() -> Resampler:
    """A resampler of libsamplerate.

    Raises:
        SoundError: if it is not installed.
    """
    try:
        samplerate = importlib.import_module("samplerate")
    except (ImportError, OSError) as error:
        raise SoundError(
            "samplerate was not found; install it with `pip install samplerate`"
        ) from error
    made: Resampler = samplerate.Resampler("sinc_fastest", channels=1)
    return made
