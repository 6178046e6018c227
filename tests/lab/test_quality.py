"""PESQ and STOI: the same scores high, harm shows, what cannot be judged is a sentence."""

import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pymix_voice.errors import SoundError
from pymix_voice.lab.quality import LONGEST_S, WORST, pesq, stoi
from pymix_voice.voice.recordings import read_recording

SAMPLES = Path(__file__).parents[2] / "samples"


@cache
def said() -> NDArray[np.int16]:
    return read_recording(SAMPLES / "austen-selfish.wav")


def test_without_pesq_the_line_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pesq", None)
    with pytest.raises(SoundError, match=r"pip install 'pymix-voice\[bench\]'"):
        pesq(said(), said())


def test_without_stoi_the_line_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pystoi", None)
    with pytest.raises(SoundError, match=r"pip install 'pymix-voice\[bench\]'"):
        stoi(said(), said())


def test_the_same_speech_scores_all_there_is_and_noise_takes_some_away() -> None:
    noise = np.random.default_rng(1).integers(-300, 300, len(said()), dtype=np.int16)
    assert pesq(said(), said()) == pytest.approx(4.64, abs=0.01)
    assert pesq(said(), said() // 2 + noise) < 3


def test_what_was_not_heard_to_the_end_counts_as_silence() -> None:
    assert WORST < pesq(said(), said()[:100_000]) < 3
    assert pesq(said(), np.zeros(0, np.int16)) == WORST


@pytest.mark.slow
def test_of_long_speech_only_so_much_is_judged_as_pesq_survives() -> None:
    long = np.tile(said(), 30)
    harmed = long.copy()
    harmed[int(LONGEST_S * 48_000) :] = 0
    assert pesq(long, harmed) == pytest.approx(4.64, abs=0.01)


@pytest.mark.parametrize(
    "silence", [np.zeros(0, np.int16), np.zeros(48_000, np.int16), np.ones(4_000, np.int16)]
)
def test_without_speech_there_is_nothing_to_judge(silence: NDArray[np.int16]) -> None:
    with pytest.raises(SoundError, match="in what was said"):
        pesq(silence, said())


def test_the_same_speech_is_understood_and_noise_takes_some_away() -> None:
    noise = np.random.default_rng(1).integers(-3000, 3000, len(said()), dtype=np.int16)
    assert stoi(said(), said()) == pytest.approx(1.0, abs=0.001)
    assert 0.2 < stoi(said(), said() // 4 + noise) < 0.9


def test_silence_is_not_understood_nor_is_speech_that_comes_too_late() -> None:
    assert stoi(said(), np.zeros(0, np.int16)) < 0.2
    assert stoi(said(), np.roll(said(), 9_600)) < 0.6


@pytest.mark.parametrize("silence", [np.zeros(48_000, np.int16), said()[:9_600]])
def test_without_speech_nothing_is_to_be_understood(silence: NDArray[np.int16]) -> None:
    with pytest.raises(SoundError, match="in what was said"):
        stoi(silence, said())
