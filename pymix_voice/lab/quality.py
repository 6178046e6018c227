"""How good speech sounds, by PESQ: the score that a jury of listeners would give, 1 to 4.6.

The code is ITU's own, in the PyPI package `pesq`. It has its own rights notice, so it is only used
here, if it is installed, and never shipped. It judges speech at 16 kHz, finds the delay by itself,
and is made for recordings of some seconds; far longer ones crash it.

Source: ITU-T P.862 and P.862.2 (wideband).

Must not know: codecs, calls, files.
"""

import importlib
from types import ModuleType

import numpy as np
import soxr
from numpy.typing import NDArray

from pymix_voice.errors import SoundError
from pymix_voice.geometry import SAMPLE_RATE

PESQ_RATE = 16_000
LONGEST_S = 20.0
"""PESQ keeps room for 50 utterances and does not count them: 20 s cannot have more."""

WORST = 1.04
"""What PESQ-WB's mapping makes of its lowest score."""


def load() -> ModuleType:
    """Import PESQ, which is not installed with the rest.

    Raises:
        SoundError: if it is missing; the text has the line that installs it.
    """
    try:
        return importlib.import_module("pesq")
    except ImportError as error:
        raise SoundError(
            "pesq was not found, which scores speech; install it with "
            "`pip install 'pymix-voice[bench]'` (that needs a C compiler)"
        ) from error


def pesq(said: NDArray[np.int16], heard: NDArray[np.int16]) -> float:
    """PESQ-WB of what was heard.

    Args:
        said: int16 [n], 48 kHz mono, at most 20 s of it are used.
        heard: int16 [m], the same; silence if it is shorter.

    Returns:
        1.04 (bad) to 4.64 (the same).

    Raises:
        SoundError: if PESQ is missing, or what was said has no speech in it.
    """
    library = load()
    count = min(len(said), int(LONGEST_S * SAMPLE_RATE))
    whole = np.zeros(count, np.int16)
    whole[: len(heard)] = heard[:count]
    if not said[:count].any():
        raise SoundError("there is only silence in what was said; give recordings of speech")
    if not whole.any():
        return WORST  # PESQ divides by the loudness of what was heard
    try:
        score = library.pesq(PESQ_RATE, _at_16_khz(said[:count]), _at_16_khz(whole), "wb")
    except library.PesqError as error:
        raise SoundError(
            "PESQ finds no speech in what was said; give recordings of some seconds of speech"
        ) from error
    return float(score)


def _at_16_khz(pcm: NDArray[np.int16]) -> NDArray[np.float32]:
    sound: NDArray[np.float32] = soxr.resample(pcm.astype(np.float32), SAMPLE_RATE, PESQ_RATE)
    return sound
