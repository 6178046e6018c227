"""Stretching: a frame made shorter or longer by one pitch period, with the same pitch.

WSOLA on one frame: the lag is sought at which the sound is most like itself, and one period of
that length is left out, or said twice, with a crossfade between the two places.

    shorten    x[0 ..]  fades into  x[lag ..]
    lengthen   x[.. lag + overlap]  fades back into  x[0 ..]

Both begin and end with the frame's own samples, so what comes before and after fits.

Source: Verhelst and Roelands, "An overlap-add technique based on waveform similarity (WSOLA)"
(ICASSP 1993).

Must not know: rounds, delays, codecs, what time it is.
"""

import numpy as np
from numpy.typing import NDArray

from pymix_voice.geometry import SAMPLE_RATE

Sound = NDArray[np.float32]

LEAST_LAG = SAMPLE_RATE // 400
"""Lags from 2.5 ms (a voice at 400 Hz) ..."""
MOST_LAG = 13 * SAMPLE_RATE // 1000
"""... to 13 ms (77 Hz)."""
OVERLAP = 6 * SAMPLE_RATE // 1000
"""The crossfade, 6 ms; lag and overlap fit into one frame."""
LIKE = 0.5
"""Below this likeness a join would be heard, unless it is too quiet to."""
QUIET = 0.005
"""Root mean square, full scale 1: -46 dBFS."""

_FADE: Sound = (0.5 - 0.5 * np.cos(np.pi * (np.arange(OVERLAP) + 0.5) / OVERLAP)).astype(np.float32)


def is_quiet(frame: Sound) -> bool:
    """Whether no join in this frame would be heard."""
    return float(frame @ frame) < QUIET**2 * len(frame)


def best_lag(frame: Sound, wanted: int = MOST_LAG) -> int | None:
    """The lag at which a frame's beginning comes again; None if a stretch would be heard.

    Args:
        frame: float32 [n], full scale 1.
        wanted: samples to leave out or say twice; where it is quiet, any lag will do.
    """
    most = min(MOST_LAG, len(frame) - OVERLAP)
    if most < LEAST_LAG:
        return None
    if is_quiet(frame):
        return max(LEAST_LAG, min(most, wanted))
    head = frame[:OVERLAP]
    rest = frame[LEAST_LAG : most + OVERLAP]
    sums = np.concatenate(([0.0], np.cumsum(rest.astype(np.float64) ** 2)))
    energy = sums[OVERLAP:] - sums[:-OVERLAP]
    products = np.correlate(rest, head, "valid")
    likeness = products / np.sqrt(energy * float(head @ head) + 1e-9)
    best = int(np.argmax(likeness))
    return LEAST_LAG + best if likeness[best] >= LIKE else None


def shorten(frame: Sound, lag: int) -> Sound:
    """Leave out one period.

    Args:
        frame: float32 [n].
        lag: of `best_lag`.

    Returns:
        float32 [n - lag].
    """
    joined = frame[lag:].copy()
    joined[:OVERLAP] = frame[:OVERLAP] * (1 - _FADE) + frame[lag : lag + OVERLAP] * _FADE
    return joined


def lengthen(frame: Sound, lag: int) -> Sound:
    """Say one period twice.

    Args:
        frame: float32 [n].
        lag: of `best_lag`.

    Returns:
        float32 [n + lag].
    """
    fade = frame[lag : lag + OVERLAP] * (1 - _FADE) + frame[:OVERLAP] * _FADE
    return np.concatenate((frame[:lag], fade, frame[OVERLAP:]))
