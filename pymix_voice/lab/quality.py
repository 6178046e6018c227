"""How good speech sounds, by PESQ, and how well it is understood, by STOI.

PESQ is the score that a jury of listeners would give, 1 to 4.6. The code is ITU's own, in the PyPI
package `pesq`. It has its own rights notice, so it is only used here, if it is installed, and never
shipped. It judges speech at 16 kHz, finds the delay by itself, and is made for recordings of some
seconds; far longer ones crash it.

STOI, 0 to 1, says how much of the rise and fall of speech, in third-octaves over 0.4 s, is still
there. The PyPI package `pystoi` (MIT) has it. It finds no delay: both sounds have to begin at once.

Source: ITU-T P.862 and P.862.2 (wideband); Taal, Hendriks, Heusdens, Jensen, An Algorithm for
Intelligibility Prediction of Time-Frequency Weighted Noisy Speech (IEEE TASLP 19(7), 2011).

Must not know: codecs, calls, files.
"""

import importlib
import warnings
from types import ModuleType

import numpy as np
import soxr
from numpy.typing import NDArray

from pymix_voice.errors import SoundError
from pymix_voice.geometry import SAMPLE_RATE

PESQ_RATE = 16_000
STOI_RATE = 10_000
LONGEST_S = 20.0
"""PESQ keeps room for 50 utterances and does not count them: 20 s cannot have more."""

WORST = 1.04
"""What PESQ-WB's mapping makes of its lowest score."""


def load() -> ModuleType:
    """Import PESQ, which is not installed with the rest.

    Raises:
        SoundError: if it is missing; the text has the line that installs it.
    """
    return _load("pesq", " (that needs a C compiler)")


def load_stoi() -> ModuleType:
    """Import STOI, which is not installed with the rest.

    Raises:
        SoundError: if it is missing; the text has the line that installs it.
    """
    return _load("pystoi")


def _load(name: str, needs: str = "") -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise SoundError(
            f"{name} was not found, which scores speech; install it with "
            f"`pip install 'pymix-voice[bench]'`{needs}"
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
    said, whole = _as_long(said, heard)
    if not whole.any():
        return WORST  # PESQ divides by the loudness of what was heard
    try:
        score = library.pesq(PESQ_RATE, _at(PESQ_RATE, said), _at(PESQ_RATE, whole), "wb")
    except library.PesqError as error:
        raise SoundError(
            "PESQ finds no speech in what was said; give recordings of some seconds of speech"
        ) from error
    return float(score)


def stoi(said: NDArray[np.int16], heard: NDArray[np.int16]) -> float:
    """STOI of what was heard.

    Args:
        said: int16 [n], 48 kHz mono, at most 20 s of it are used.
        heard: int16 [m], the same, without a delay; silence if it is shorter.

    Returns:
        0 (nothing is understood) to 1 (the same); noise may be a little below 0.

    Raises:
        SoundError: if STOI is missing, or what was said has no speech in it.
    """
    library = load_stoi()
    said, whole = _as_long(said, heard)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            score = library.stoi(_at(STOI_RATE, said), _at(STOI_RATE, whole), STOI_RATE)
        except RuntimeWarning as warning:
            raise SoundError(
                "STOI finds too little speech in what was said; give some seconds of speech"
            ) from warning
    return float(score)


def _as_long(
    said: NDArray[np.int16], heard: NDArray[np.int16]
) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """So much of both as is judged."""
    count = min(len(said), int(LONGEST_S * SAMPLE_RATE))
    if not said[:count].any():
        raise SoundError("there is only silence in what was said; give recordings of speech")
    whole = np.zeros(count, np.int16)
    whole[: len(heard)] = heard[:count]
    return said[:count], whole


def _at(rate: int, pcm: NDArray[np.int16]) -> NDArray[np.float32]:
    sound: NDArray[np.float32] = soxr.resample(pcm.astype(np.float32), SAMPLE_RATE, rate)
    return sound
