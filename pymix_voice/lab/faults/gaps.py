"""Gaps: where in a recording the peer's speech was not heard, and for how long.

What was said is looked for in what was heard, in two steps: windows of half a second tell how late
it is there (as in `lab.measure`), and at that delay each piece of 60 ms is compared with what was
heard then. Pieces follow each other every 20 ms, as frames do. A pause of the speaker is no gap,
at the end of one neither, but a pause within one belongs to it.

Must not know: files, calls, what was wrong.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.geometry import SAMPLE_RATE
from pymix_voice.lab.measure import CLEAR, SPEECH_DB, band_limited

PIECE_S = 0.060
"""Shorter ones would be found in another voice as well."""
HOP_S = 0.020
ALIKE = 0.5
"""A piece was heard if it is so much like what is there; concealed speech is at first."""
AUDIBLE_S = 0.100
"""Shorter gaps are sound that was a little bad, and do not count for recovery."""
LEAST_HEARD = 5
"""So many pieces in a row end a gap: one or two are like anything by chance."""
AROUND_S = 0.004
"""A playout that stretches sound moves it by so much between two windows."""

_EVERY = 6
"""48 kHz to 8 kHz."""
_RATE = SAMPLE_RATE // _EVERY
_PIECE, _HOP, _AROUND = (round(each * _RATE) for each in (PIECE_S, HOP_S, AROUND_S))
_WINDOW, _STEP = _RATE // 2, _RATE // 4
_SILENT = 1e-6
"""Heard pieces 60 dB below the loudest count as so loud: silence is not like speech."""


class Pieces(NamedTuple):
    """One entry for each piece of speech that was said.

    Attributes:
        starts: float64 [k], seconds from the beginning of what was said; they rise.
        heard: bool [k], whether it was heard.
    """

    starts: NDArray[np.float64]
    heard: NDArray[np.bool_]


class Gap(NamedTuple):
    """A time in which speech was not heard.

    Attributes:
        start: of the first piece that was not, in seconds from the beginning of what was said.
        end: start of the next piece that was heard; None if there was none any more.
        frames: pieces within that were not heard, one for each 20 ms of speech.
        last: start of the last of them.
    """

    start: float
    end: float | None
    frames: int
    last: float

    @property
    def length_s(self) -> float:
        """For so long speech was said that was not heard."""
        return self.last + HOP_S - self.start


def pieces(said: NDArray[Any], heard: NDArray[Any], low_s: float, high_s: float) -> Pieces:
    """Which pieces of speech were heard.

    Args:
        said: samples [n], 48 kHz mono.
        heard: samples [m], the same.
        low_s: the smallest delay looked for: place in `heard` less place in `said`.
        high_s: the largest.
    """
    voice, sound = (band_limited(each)[::_EVERY] for each in (said, heard))
    starts = _speech(voice, _PIECE, _HOP)
    if not len(starts) or not len(sound):
        return Pieces(starts / _RATE, np.zeros(len(starts), np.bool_))
    low, high = int(low_s * _RATE), int(high_s * _RATE)
    pad = _WINDOW + max(0, -low, high, len(voice) + high - len(sound)) + _AROUND
    padded = np.pad(sound, pad)
    places, lags = _clear_windows(voice, padded, pad, low, high)
    floor = float(np.max(np.convolve(sound**2, np.ones(_PIECE)))) * _SILENT
    found = [_is_heard(voice, padded, pad, start, places, lags, floor) for start in starts.tolist()]
    return Pieces(starts / _RATE, np.array(found, np.bool_))


def gaps(found: Pieces) -> list[Gap]:
    """All times in which speech was not heard, in their order."""
    missing: list[Gap] = []
    began: float | None = None
    resumed, last, run, frames = 0.0, 0.0, LEAST_HEARD, 0
    for start, heard in zip(found.starts.tolist(), found.heard.tolist(), strict=True):
        if not heard:
            began = start if began is None else began
            frames, last, run = frames + 1, start, 0
            continue
        resumed = start if run == 0 else resumed
        run += 1
        if began is not None and run >= LEAST_HEARD:
            missing.append(Gap(began, resumed, frames, last))
            began, frames = None, 0
    if began is not None:
        missing.append(Gap(began, resumed if run else None, frames, last))
    return missing


def _speech(voice: NDArray[np.float64], width: int, step: int) -> NDArray[np.int64]:
    """First samples of the stretches that have speech in them."""
    starts = np.arange(0, len(voice) - width + 1, step, dtype=np.int64)
    total = np.concatenate(([0.0], np.cumsum(voice**2)))
    energy = total[starts + width] - total[starts]
    # The clicks of a recording must not decide what is loud.
    loud = float(np.percentile(energy, 95)) if len(starts) else 0.0
    spoken: NDArray[np.int64] = starts[(energy >= loud * 10 ** (SPEECH_DB / 10)) & (energy > width)]
    return spoken


def _clear_windows(
    voice: NDArray[np.float64], padded: NDArray[np.float64], pad: int, low: int, high: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where speech was clearly heard: first samples of windows, and their delays in samples."""
    places, lags = [], []
    for start in _speech(voice, _WINDOW, _STEP).tolist():
        window = voice[start : start + _WINDOW]
        first = max(0, pad + start + low)
        stretch = padded[first : pad + start + high + _WINDOW]
        if len(stretch) < _WINDOW:
            continue
        likeness = _likeness(window, stretch, 0.0)
        best = int(np.argmax(likeness))
        if likeness[best] >= CLEAR:
            places.append(start)
            lags.append(first + best - pad - start)
    return np.array(places, np.int64), np.array(lags, np.int64)


def _is_heard(
    voice: NDArray[np.float64],
    padded: NDArray[np.float64],
    pad: int,
    start: int,
    places: NDArray[np.int64],
    lags: NDArray[np.int64],
    floor: float,
) -> bool:
    """Whether a piece is there at the delay of the clear windows before, at and after it."""
    after = int(np.searchsorted(places, start))
    nearest = lags[max(0, after - 2) : after + 2]
    piece = voice[start : start + _PIECE]
    for lag in np.unique(nearest).tolist():
        first = max(0, pad + start + lag - _AROUND)
        stretch = padded[first : pad + start + lag + _PIECE + _AROUND]
        if len(stretch) >= _PIECE and np.max(_likeness(piece, stretch, floor)) >= ALIKE:
            return True
    return False


def _likeness(
    window: NDArray[np.float64], stretch: NDArray[np.float64], floor: float
) -> NDArray[np.float64]:
    """How like the window each place of a stretch is, -1 to 1: [len(stretch) - len(window) + 1]."""
    width = len(window)
    count = len(stretch) - width + 1
    if count < width:
        dots = np.correlate(stretch, window, "valid")
    else:
        size = 1 << (len(stretch) + width - 1).bit_length()
        spectrum = np.fft.rfft(stretch, size) * np.conj(np.fft.rfft(window, size))
        dots = np.fft.irfft(spectrum, size)[:count]
    total = np.concatenate(([0.0], np.cumsum(stretch**2)))
    energy = np.maximum(total[width:] - total[:-width], max(floor, 1.0))
    found: NDArray[np.float64] = dots / np.sqrt(energy * float(window @ window))
    return found
