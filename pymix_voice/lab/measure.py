"""How good and how late the heard speech is: correlation and mouth-to-ear delay, by windows.

A whole-file correlation would be ruined by one stretch of 20 ms (0.46 instead of 0.98), and
the highs are redrawn by the codec rather than kept (0.85). So speech is compared in windows of
half a second, 0.25 s apart, in the telephone band of 300 to 3,400 Hz: for each window of what was
sent, the lag is sought at which what was heard is most like it. The search runs at 8 kHz by
FFT; the found peak is measured again at 48 kHz.

The codec's look-ahead of 6.5 ms is part of the delay, as it is for the ear.

Must not know: files, codecs, calls, sound devices.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import SoundError
from pymix_voice.geometry import SAMPLE_RATE

BAND_HZ = (300.0, 3_400.0)
WINDOW_S = 0.5
"""Longer ones would take sound that goes 0.025 % faster for other sound: within a second it is 12
samples off, and the likeness 0.94 where it is 0.99 in each half."""
STEP_S = 0.25
SPEECH_DB = -20.0
"""A window is speech if it has this much of the loudest window's level."""
CLEAR = 0.6
"""A delay is told only where the peak is at least so high: noise has a lag too, but no delay."""
SEARCH_S = 1.5
"""The longest delay looked for."""

_COARSE = 6
"""48 kHz to 8 kHz: the band ends well below 4 kHz."""
_WINDOW = int(WINDOW_S * SAMPLE_RATE)
_STEP = int(STEP_S * SAMPLE_RATE)
_QUIET = 1e-6
"""Heard windows 60 dB below the loudest count as so loud: silence is not like speech."""


class Matches(NamedTuple):
    """One entry for every window of speech in what was sent."""

    starts: NDArray[np.int64]
    """First sample of the window in `sent`."""
    lags: NDArray[np.float64]
    """Samples from there to the place in `heard` that is most like it; may be negative."""
    peaks: NDArray[np.float64]
    """How like it is, -1 to 1."""


def correlation(sent: NDArray[Any], heard: NDArray[Any]) -> float:
    """The median likeness of what was heard to what was sent.

    Args:
        sent: samples [n], 48 kHz mono, int16 or float.
        heard: samples [m], the same; where it begins does not matter.

    Returns:
        1 for the same speech, about 0.2 or less for another, 0 for nothing. Clean Opus at
        44.4 kbit/s gives 0.99.

    Raises:
        SoundError: if no second of what was sent has speech in it.
    """
    return float(np.median(match(sent, heard).peaks))


def delays(
    sent: NDArray[Any], t0: float, heard: NDArray[Any], s0: float, search_s: float = SEARCH_S
) -> NDArray[np.float64]:
    """Mouth-to-ear delay in seconds, for each window of speech that was clearly heard.

    Args:
        sent: samples [n], 48 kHz mono.
        t0: the instant of the first sent sample, monotonic seconds.
        heard: samples [m], 48 kHz mono.
        s0: the instant of the first heard sample, by the same clock.
        search_s: the longest delay looked for.

    Returns:
        float64 [k], 0 to `search_s`; k = 0 if nothing was clearly heard.

    Raises:
        SoundError: if no second of what was sent has speech in it.
    """
    offset = s0 - t0
    matches = match(sent, heard, -offset, search_s - offset)
    lags = matches.lags[matches.peaks >= CLEAR]
    return offset + lags / SAMPLE_RATE


def percentiles(values: NDArray[np.float64], *points: float) -> tuple[float, ...]:
    """The values below which `points` per cent lie; not-a-number for each if there are none.

    Args:
        values: float64 [k].
        points: 0 to 100 each; 50 is the median.
    """
    if values.size == 0:
        return tuple(float("nan") for _ in points)
    return tuple(float(value) for value in np.percentile(values, points))


def match(
    sent: NDArray[Any],
    heard: NDArray[Any],
    from_s: float = -np.inf,
    to_s: float = np.inf,
) -> Matches:
    """Find each window of sent speech in what was heard.

    Args:
        sent: samples [n], 48 kHz mono, int16 or float.
        heard: samples [m], the same.
        from_s: the smallest lag looked for: place in `heard` less place in `sent`, in seconds.
        to_s: the largest.

    Raises:
        SoundError: if no second of what was sent has speech in it.
    """
    voice = band_limited(sent)
    starts = _speech(voice)
    # A window is also found where `heard` begins or ends in its middle: silence on both sides.
    sound = np.pad(band_limited(heard), _WINDOW)
    coarse = _Coarse(sound[::_COARSE])
    lags = np.zeros(len(starts))
    peaks = np.zeros(len(starts))
    for index, start in enumerate(starts):
        window = voice[start : start + _WINDOW]
        origin = start + _WINDOW  # lag 0, in the padded sound
        low = origin + max(from_s * SAMPLE_RATE, -origin)
        high = origin + min(to_s * SAMPLE_RATE, len(sound) - _WINDOW - origin)
        place = coarse.find(window[::_COARSE], low / _COARSE, high / _COARSE)
        if place is not None:
            floor = coarse.floor * _COARSE  # so many more samples in a window
            found, peaks[index] = _refined(sound, window, place * _COARSE, floor)
            lags[index] = found - origin
    return Matches(starts, lags, peaks)


def band_limited(samples: NDArray[Any]) -> NDArray[np.float64]:
    """The telephone band of a recording, by FFT: no delay, nothing outside the band.

    Args:
        samples: [n], 48 kHz mono.

    Returns:
        float64 [n].
    """
    count = len(samples)
    if count == 0:
        return np.zeros(0)
    size = _fft_size(count + SAMPLE_RATE // 10)  # silence behind, or the end would wrap round
    spectrum = np.fft.rfft(samples, size)
    frequency = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    spectrum[(frequency < BAND_HZ[0]) | (frequency > BAND_HZ[1])] = 0
    limited: NDArray[np.float64] = np.fft.irfft(spectrum, size)[:count]
    return limited


def _speech(voice: NDArray[np.float64]) -> NDArray[np.int64]:
    """First samples of the windows that have speech in them."""
    starts = np.arange(0, len(voice) - _WINDOW + 1, _STEP, dtype=np.int64)
    energy = _energies(voice, _WINDOW)[starts] if len(starts) else np.zeros(0)
    loudest = energy.max(initial=0.0)
    # One step of 16-bit audio in every sample is silence, not speech.
    if loudest / _WINDOW < np.finfo(np.float64).eps:
        raise SoundError("there is no second of speech in the recording that was sent")
    spoken: NDArray[np.int64] = starts[energy >= loudest * 10 ** (SPEECH_DB / 10)]
    return spoken


def _energies(sound: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Energy of every stretch of `width` samples, [len - width + 1]; none is below zero."""
    total = np.concatenate(([0.0], np.cumsum(sound * sound)))
    energy: NDArray[np.float64] = np.maximum(total[width:] - total[:-width], 0.0)
    return energy


def _fft_size(count: int) -> int:
    """The next power of two: its FFT is fast."""
    return 1 << max(count - 1, 1).bit_length()


class _Coarse:
    """What was heard at 8 kHz, transformed once for all windows."""

    def __init__(self, sound: NDArray[np.float64]) -> None:
        self._width = _WINDOW // _COARSE
        self._places = len(sound) - self._width + 1
        self._size = _fft_size(len(sound) + self._width)
        self._spectrum = np.fft.rfft(sound, self._size)
        energy = _energies(sound, self._width)
        self.floor = max(float(energy.max()) * _QUIET, float(np.finfo(np.float64).tiny))
        """The least energy of a window that a likeness is divided by, at 8 kHz."""
        self._energy = np.maximum(energy, self.floor)

    def find(self, window: NDArray[np.float64], low: float, high: float) -> int | None:
        """The place from `low` to `high` that is most like the window; None if there is none."""
        first = max(0, int(np.floor(low)))
        last = min(self._places - 1, int(np.ceil(high)))
        if first > last:
            return None
        product = self._spectrum * np.conj(np.fft.rfft(window, self._size))
        dots = np.fft.irfft(product, self._size)[first : last + 1]
        return first + int(np.argmax(dots / np.sqrt(self._energy[first : last + 1])))


def _refined(
    sound: NDArray[np.float64], window: NDArray[np.float64], place: int, floor: float
) -> tuple[float, float]:
    """The peak near this place at 48 kHz: where it is, in parts of a sample, and how high."""
    first = max(0, place - _COARSE)
    last = min(len(sound) - _WINDOW, place + _COARSE)
    own = float(window @ window)
    stretches = [sound[at : at + _WINDOW] for at in range(first, last + 1)]
    energy = np.array([max(float(stretch @ stretch), floor) for stretch in stretches])
    dots = np.array([float(stretch @ window) for stretch in stretches])
    peaks = dots / np.sqrt(own * energy)
    best = int(np.argmax(peaks))
    return first + best + _between(peaks, best), float(peaks[best])


def _between(peaks: NDArray[np.float64], best: int) -> float:
    """Top of the parabola through the peak and its neighbours, -0.5 to 0.5 samples away."""
    if not 0 < best < len(peaks) - 1:
        return 0.0
    left, middle, right = (float(peak) for peak in peaks[best - 1 : best + 2])
    bend = left - 2 * middle + right
    return 0.0 if bend >= 0 else 0.5 * (left - right) / bend
