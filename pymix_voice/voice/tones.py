"""Tones: what a phone plays by itself, and what it says to nobody.

Ringing here, ringing there, and a hum like speech, which is encoded while nobody talks, so that the
encoder works as it does in a call. All are made of sines, the same at every call.

Must not know: calls, devices, what time it is (a tone is a function of the sample's number).
"""

import functools
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import Misuse
from pymix_voice.geometry import FRAME_SAMPLES, SAMPLE_RATE

HUM_S = 4
RAMP_S = 0.02
"""Tones come and go softly, over 20 ms."""


class Tone(StrEnum):
    """What is played."""

    RING = "ring"
    """Somebody calls: three rising notes, twice, every three seconds."""
    RINGBACK = "ringback"
    """It rings there: one second of 425 Hz every five, as in much of the world (ITU-T E.180)."""
    TEST = "test"
    """For trying a loudspeaker: half a second of 440 Hz, half a second of nothing."""


def _note(frequency: float, seconds: float, fade: float = 0.0) -> NDArray[np.float64]:
    """A sine with soft ends, dying away by `fade` a second."""
    at = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    ends = np.minimum(1.0, np.minimum(at, at[::-1]) / RAMP_S)
    return np.sin(2 * np.pi * frequency * at) * ends * np.exp(-fade * at)


@functools.cache
def period(tone: Tone) -> NDArray[np.int16]:
    """One period of a tone, to be played over and over: int16 [n], 48 kHz mono."""
    match tone:
        case Tone.RING:
            call = np.concatenate([_note(pitch, 0.22, 4.0) for pitch in (587.3, 740.0, 880.0)])
            sound = np.concatenate((call, call, np.zeros(int(1.68 * SAMPLE_RATE)))) * 0.25
        case Tone.RINGBACK:
            sound = np.concatenate((_note(425.0, 1.0), np.zeros(4 * SAMPLE_RATE))) * 0.1
        case Tone.TEST:
            sound = np.concatenate((_note(440.0, 0.5), np.zeros(SAMPLE_RATE // 2))) * 0.25
        case _:
            raise Misuse("a tone that is none")
    rounded: NDArray[np.int16] = np.rint(sound * 32767).astype(np.int16)
    return rounded


def piece(tone: Tone, first: int, count: int) -> NDArray[np.int16]:
    """Samples of a tone.

    Args:
        tone: which.
        first: how many samples of it were played before.
        count: how many are wanted.

    Returns:
        int16 [count].
    """
    whole = period(tone)
    places = np.arange(first, first + count) % len(whole)
    return whole[places]


@functools.cache
def _hum() -> NDArray[np.int16]:
    """Harmonics of a pitch that rises and falls, in syllables of four a second."""
    at = np.arange(HUM_S * SAMPLE_RATE) / SAMPLE_RATE
    pitch = 120 + 20 * np.sin(2 * np.pi * 0.5 * at)
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    sound = sum(np.sin(number * phase + number**2) / number for number in range(1, 30))
    syllables = np.clip(np.sin(2 * np.pi * 2 * at), 0, 1) ** 0.5
    rounded: NDArray[np.int16] = np.rint(sound * syllables * 3000).astype(np.int16)
    return rounded


def hum(number: int) -> NDArray[np.int16]:
    """A frame of the hum, by its number: int16 [960]."""
    first = number * FRAME_SAMPLES % (HUM_S * SAMPLE_RATE)
    return _hum()[first : first + FRAME_SAMPLES]
