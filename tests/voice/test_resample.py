"""Resampling: as many samples as the ratio says, the same tone, no click where it changes."""

import sys

import numpy as np
import pytest

from pymix_voice.errors import SoundError
from pymix_voice.geometry import FRAME_SAMPLES, SAMPLE_RATE
from pymix_voice.voice.resample import Sound, make_resampler

FRAMES = 500


def tone(hertz: float = 1000.0) -> Sound:
    at = np.arange(FRAMES * FRAME_SAMPLES) / SAMPLE_RATE
    return (0.5 * np.sin(2 * np.pi * hertz * at)).astype(np.float32)


def through(sound: Sound, ratios: list[float]) -> Sound:
    resampler = make_resampler()
    pieces = np.split(sound, len(ratios))
    return np.concatenate(
        [resampler.process(piece, ratio) for piece, ratio in zip(pieces, ratios, strict=True)]
    )


@pytest.mark.parametrize("ppm", [0, 250, -250])
def test_there_are_as_many_samples_as_the_ratio_says(ppm: int) -> None:
    heard = through(tone(), [1 + ppm / 1_000_000] * FRAMES)
    wanted = FRAMES * FRAME_SAMPLES * (1 + ppm / 1_000_000)
    assert heard.dtype == np.float32
    assert wanted - 40 <= len(heard) <= wanted + 1  # a few wait for what follows


def test_at_the_ratio_one_a_tone_comes_back_as_it_was() -> None:
    said = tone()
    heard = through(said, [1.0] * FRAMES)
    settled = slice(1000, 20_000)
    likeness = [
        float(np.corrcoef(said[settled], np.roll(heard, -late)[settled])[0, 1])
        for late in range(-40, 41)
    ]
    assert max(likeness) > 0.9999


def test_a_ratio_that_wanders_makes_no_click() -> None:
    rng = np.random.default_rng(5)
    heard = through(tone(), list(1 + rng.uniform(-250, 250, FRAMES) / 1_000_000))
    steps = np.abs(np.diff(heard[100:]))
    assert steps.max() < 1.02 * 0.5 * 2 * np.pi * 1000 / SAMPLE_RATE


def test_a_missing_library_is_told_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "samplerate", None)
    with pytest.raises(SoundError, match="pip install samplerate"):
        make_resampler()
