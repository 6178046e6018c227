"""Stretching: exact lengths, ends that join, the same pitch, speech that stays alike."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymix_voice.geometry import FRAME_SAMPLES, SAMPLE_RATE
from pymix_voice.lab.measure import correlation
from pymix_voice.voice.elastic import to_float
from pymix_voice.voice.recordings import read_recording
from pymix_voice.voice.stretch import (
    LEAST_LAG,
    MOST_LAG,
    OVERLAP,
    Sound,
    best_lag,
    is_quiet,
    lengthen,
    shorten,
)

SAMPLES = Path(__file__).parents[2] / "samples"


def voice(frames: int, hertz: float) -> Sound:
    """A tone with overtones, as a vowel has."""
    at = np.arange(frames * FRAME_SAMPLES) / SAMPLE_RATE
    tones = [np.sin(2 * np.pi * number * hertz * at + number) / number for number in (1, 2, 3, 5)]
    sound: Sound = (0.2 * np.sum(tones, axis=0)).astype(np.float32)
    return sound


def noise(seed: int, level: float = 0.1) -> Sound:
    return np.random.default_rng(seed).normal(0, level, FRAME_SAMPLES).astype(np.float32)


def stretched(sound: Sound, every: int, *, longer: bool) -> Sound:
    """Every n-th frame shorter or longer, as far as it can be."""
    change = lengthen if longer else shorten
    pieces = []
    for number, frame in enumerate(sound.reshape(-1, FRAME_SAMPLES)):
        lag = best_lag(frame) if number % every == 0 else None
        pieces.append(frame if lag is None else change(frame, lag))
    return np.concatenate(pieces)


def pitch(sound: Sound) -> float:
    """The loudest frequency, to 0.1 Hz."""
    size = 10 * SAMPLE_RATE
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size))
    return float(np.argmax(power)) * SAMPLE_RATE / size


@pytest.mark.parametrize("hertz", [80.0, 123.0, 200.0, 390.0])
def test_the_lag_is_a_whole_number_of_periods(hertz: float) -> None:
    lag = best_lag(voice(1, hertz))
    assert lag is not None
    assert LEAST_LAG <= lag <= MOST_LAG
    periods = lag * hertz / SAMPLE_RATE
    assert periods == pytest.approx(round(periods), abs=0.02)


@pytest.mark.parametrize("longer", [False, True], ids=["shorter", "longer"])
@pytest.mark.parametrize("hertz", [90.0, 200.0, 371.0])
def test_the_pitch_is_kept(hertz: float, longer: bool) -> None:
    said = voice(50, hertz)
    heard = stretched(said, 3, longer=longer)
    assert abs(len(heard) - len(said)) > 17 * LEAST_LAG
    assert (len(heard) > len(said)) is longer
    assert pitch(said) == pytest.approx(hertz, abs=0.2)
    assert pitch(heard) == pytest.approx(hertz, abs=0.5)


@pytest.mark.parametrize("longer", [False, True], ids=["shorter", "longer"])
def test_a_stretched_tone_has_no_click(longer: bool) -> None:
    said = voice(50, 200.0)
    heard = stretched(said, 3, longer=longer)
    assert np.abs(np.diff(heard)).max() < 1.2 * np.abs(np.diff(said)).max()


@given(st.integers(0, 10**6), st.integers(LEAST_LAG, MOST_LAG))
def test_lengths_are_exact_and_both_ends_are_the_frames_own(seed: int, lag: int) -> None:
    frame = noise(seed)
    short, long = shorten(frame, lag), lengthen(frame, lag)
    assert len(short) == FRAME_SAMPLES - lag
    assert len(long) == FRAME_SAMPLES + lag
    assert short.dtype == long.dtype == np.float32
    for sound in (short, long):
        assert sound[0] == pytest.approx(frame[0], abs=1e-4)
        assert np.array_equal(sound[-1:], frame[-1:])
        assert np.abs(sound).max() <= np.abs(frame).max() + 1e-6
    assert np.array_equal(short[OVERLAP:], frame[lag + OVERLAP :])
    assert np.array_equal(long[:lag], frame[:lag])
    assert np.array_equal(long[lag + OVERLAP :], frame[OVERLAP:])


@given(st.integers(0, 10**6), st.floats(0, 1), st.integers(0, 2 * FRAME_SAMPLES))
def test_a_lag_fits_into_the_frame_or_there_is_none(seed: int, level: float, length: int) -> None:
    rng = np.random.default_rng(seed)
    frame = rng.normal(0, level, length).astype(np.float32)
    lag = best_lag(frame) if length else None
    if lag is not None:
        assert LEAST_LAG <= lag <= MOST_LAG
        assert lag + OVERLAP <= length


def test_a_frame_is_not_changed_by_stretching_it() -> None:
    frame = voice(1, 150.0)
    kept = frame.copy()
    shorten(frame, 300)[:] = 0
    lengthen(frame, 300)[:] = 0
    assert np.array_equal(frame, kept)


def test_noise_is_not_stretched_as_that_would_be_heard() -> None:
    assert [best_lag(noise(seed)) for seed in range(50)] == [None] * 50


def test_an_onset_is_not_stretched() -> None:
    frame = voice(1, 200.0)
    frame[: FRAME_SAMPLES // 2] = 0
    assert best_lag(frame) is None


def test_what_is_quiet_is_stretched_by_as_much_as_can_be() -> None:
    quiet = noise(1, 0.001)
    assert is_quiet(quiet)
    assert not is_quiet(noise(1, 0.01))
    assert best_lag(quiet) == best_lag(np.zeros(FRAME_SAMPLES, np.float32)) == MOST_LAG


def test_a_piece_that_is_too_short_is_not_stretched() -> None:
    assert best_lag(voice(1, 200.0)[: OVERLAP + LEAST_LAG - 1]) is None


@pytest.mark.slow
@pytest.mark.parametrize("longer", [False, True], ids=["shorter", "longer"])
@pytest.mark.parametrize("name", ["kennedy.wav", "austen-leisure.wav"])
def test_real_speech_stays_alike(name: str, longer: bool) -> None:
    pcm = read_recording(SAMPLES / name)
    said = to_float(pcm[: len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES])
    heard = stretched(said, 50, longer=longer)
    assert abs(len(heard) - len(said)) > 3 * LEAST_LAG
    # A second with a stretch in its middle is like itself up to there, or from there on.
    assert correlation(said, heard) > 0.85
    assert correlation(said, stretched(said, 150, longer=longer)) > 0.99
