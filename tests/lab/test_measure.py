"""Measurements: clean Opus scores high, the delay is exact, and harm shows."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pymix_voice.errors import SoundError
from pymix_voice.geometry import FRAME_SAMPLES
from pymix_voice.lab import measure
from pymix_voice.voice import opus
from pymix_voice.voice.recordings import read_recording

SAMPLES = Path(__file__).parents[2] / "samples"
NAMES = sorted(path.name for path in SAMPLES.glob("*.wav"))
SHORT = "austen-selfish.wav"


@cache
def said(name: str) -> NDArray[np.int16]:
    return read_recording(SAMPLES / name)


@cache
def through_opus(name: str) -> NDArray[np.int16]:
    encoder, decoder = opus.Encoder(111), opus.Decoder()
    pcm = said(name)
    frames = pcm[: len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    return np.concatenate([decoder.decode(encoder.encode(frame)) for frame in frames])


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_clean_opus_has_a_correlation_of_at_least_0_98(name: str) -> None:
    assert measure.correlation(said(name), through_opus(name)) >= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_delay_of_clean_opus_is_its_look_ahead(name: str) -> None:
    found = measure.delays(said(name), 100.0, through_opus(name), 100.0)
    assert len(found) >= 10
    assert np.median(found) == pytest.approx(0.0065, abs=0.0002)
    assert np.abs(found - 0.0065).max() < 0.001


@pytest.mark.parametrize("late_s", [0.0, 0.02, 0.123, 0.7, 1.45])
def test_delay_is_exact_however_it_came_about(late_s: float) -> None:
    held_back = round(late_s * 48_000)
    heard = np.concatenate([np.zeros(held_back, dtype=np.int16), said(SHORT)])
    silence_kept = measure.delays(said(SHORT), 100.0, heard, 100.0)
    started_later = measure.delays(said(SHORT), 100.0, said(SHORT), 100.0 + late_s)
    assert np.abs(silence_kept - late_s).max() < 1e-4
    assert np.abs(started_later - late_s).max() < 1e-4


def test_delay_between_two_samples_is_found() -> None:
    found = measure.delays(said(SHORT), 100.0, said(SHORT), 100.3 + 0.5 / 48_000)
    assert np.median(found) == pytest.approx(0.3 + 0.5 / 48_000, abs=1e-6)


def test_each_window_has_its_own_delay() -> None:
    pcm = said(SHORT)
    half = len(pcm) // 2
    heard = np.concatenate([pcm[:half], np.zeros(4800, dtype=np.int16), pcm[half:]])
    found = measure.delays(pcm, 0.0, heard, 0.2)
    assert found.min() == pytest.approx(0.2, abs=1e-3)
    assert found.max() == pytest.approx(0.3, abs=1e-3)


def test_hearing_only_the_end_is_measured_at_the_end() -> None:
    pcm = said(SHORT)
    found = measure.delays(pcm, 50.0, pcm[96_000:], 52.0 + 0.25)
    assert len(found) >= 4
    assert np.median(found) == pytest.approx(0.25, abs=1e-4)


def test_a_delay_beyond_the_search_is_not_told_as_another() -> None:
    assert len(measure.delays(said(SHORT), 0.0, said(SHORT), 2.0)) == 0
    assert len(measure.delays(said(SHORT), 0.0, said(SHORT), -1.0)) == 0


def test_loudness_does_not_matter() -> None:
    quiet = said(SHORT).astype(np.float64) / 32768 * 0.1
    assert measure.correlation(said(SHORT), quiet) == pytest.approx(1.0, abs=1e-6)


def test_a_whole_second_of_delay_does_not_matter_for_likeness() -> None:
    heard = np.concatenate([np.zeros(48_000, dtype=np.int16), said(SHORT)])
    assert measure.correlation(said(SHORT), heard) == pytest.approx(1.0, abs=1e-4)


def test_one_stretch_does_not_ruin_the_median() -> None:
    pcm = said(SHORT)
    half = len(pcm) // 2
    heard = np.concatenate([pcm[: half - 960], pcm[half:]])
    assert measure.correlation(pcm, heard) > 0.99


def test_lost_frames_lower_the_correlation() -> None:
    heard = through_opus(SHORT).copy()
    lost = np.random.default_rng(5).random(len(heard) // FRAME_SAMPLES) < 0.3
    heard[np.repeat(lost, FRAME_SAMPLES)] = 0
    assert 0.4 < measure.correlation(said(SHORT), heard) < 0.95


def test_another_voice_is_not_alike() -> None:
    assert measure.correlation(said(SHORT), said("kennedy.wav")[:240_000]) < 0.4


@pytest.mark.parametrize("count", [0, 10, 24_000, 200_000])
def test_silence_is_not_alike_and_has_no_delay(count: int) -> None:
    silence = np.zeros(count, dtype=np.int16)
    assert measure.correlation(said(SHORT), silence) == 0.0
    assert len(measure.delays(said(SHORT), 0.0, silence, 0.0)) == 0


def test_noise_is_not_alike_and_has_no_delay() -> None:
    noise = np.random.default_rng(6).integers(-8000, 8000, 240_000).astype(np.int16)
    assert measure.correlation(said(SHORT), noise) < 0.2
    assert len(measure.delays(said(SHORT), 0.0, noise, 0.0)) == 0


@pytest.mark.parametrize("count", [0, 47_999, 100_000])
def test_without_speech_there_is_nothing_to_measure(count: int) -> None:
    with pytest.raises(SoundError, match="no second of speech"):
        measure.correlation(np.zeros(count, dtype=np.int16), said(SHORT))


def test_pauses_are_not_measured() -> None:
    pcm = np.concatenate([said(SHORT), np.zeros(240_000, dtype=np.int16)])
    assert measure.match(pcm, pcm).starts.max() < len(said(SHORT))


def test_the_band_keeps_1_khz_and_drops_what_lies_outside() -> None:
    instants = np.arange(48_000) / 48_000
    levels = [
        float(np.std(measure.band_limited(np.sin(2 * np.pi * hertz * instants))[9600:-9600]))
        for hertz in (100, 1000, 3000, 6000)
    ]
    assert levels == pytest.approx([0.0, 0.7071, 0.7071, 0.0], abs=0.01)


def test_percentiles_are_in_the_order_asked_for() -> None:
    values = np.arange(101, dtype=np.float64)
    assert measure.percentiles(values, 50, 95, 0) == (50.0, 95.0, 0.0)


def test_percentiles_of_nothing_are_no_numbers() -> None:
    assert np.isnan(measure.percentiles(np.zeros(0), 50, 99)).all()
