"""Echo cancelling: whole blocks out, the loudspeaker's sound mostly gone."""

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pymix_voice.errors import SoundError
from pymix_voice.geometry import SAMPLE_RATE
from pymix_voice.voice.echo import BLOCK, EchoCanceller
from pymix_voice.voice.level import decibels
from pymix_voice.voice.recordings import read_recording

SAMPLES = Path(__file__).parents[2] / "samples"
LATE_S, ECHO_DB = 0.060, -18.0


def echo_of(far: NDArray[np.int16]) -> NDArray[np.int16]:
    """What a microphone hears of a loudspeaker in a room, and a little noise."""
    rng = np.random.default_rng(1)
    at = np.arange(SAMPLE_RATE // 8)
    room = rng.normal(size=len(at)) * np.exp(-at / SAMPLE_RATE / 0.04)
    room *= 10 ** (ECHO_DB / 20) / np.sqrt((room**2).sum())
    size = 1 << (len(far) + len(room)).bit_length()
    heard = np.fft.irfft(np.fft.rfft(far, size) * np.fft.rfft(room, size), size)[: len(far)]
    late = int(LATE_S * SAMPLE_RATE)
    heard = np.concatenate((np.zeros(late), heard))[: len(far)]
    return (heard + rng.normal(0, 15, len(heard))).astype(np.int16)


@pytest.mark.parametrize("length", [1, 479, 480, 960, 1001])
def test_what_comes_out_is_whole_blocks_and_the_rest_comes_with_the_next(length: int) -> None:
    canceller, given, taken = EchoCanceller(), 0, 0
    for _ in range(10):
        clean = canceller.hear(np.zeros(length, np.int16))
        given += length
        taken += len(clean)
        assert len(clean) % BLOCK == 0
        assert given - taken < BLOCK
        assert canceller.kept_back_s == pytest.approx((given - taken) / SAMPLE_RATE)


def test_a_loudspeaker_that_plays_nothing_is_as_good_as_silence() -> None:
    canceller = EchoCanceller()
    canceller.play(np.zeros(0, np.int16))
    assert len(canceller.hear(np.zeros(3 * BLOCK, np.int16))) == 3 * BLOCK


def test_an_echo_is_mostly_taken_away() -> None:
    far = read_recording(SAMPLES / "kennedy.wav")[: 10 * SAMPLE_RATE]
    near = echo_of(far)
    canceller, clean = EchoCanceller(), []
    for start in range(0, len(far), BLOCK):
        canceller.play(far[start : start + BLOCK])
        clean.append(canceller.hear(near[start : start + BLOCK]))
    settled = slice(3 * SAMPLE_RATE, 10 * SAMPLE_RATE)
    assert decibels(near[settled]) - decibels(np.concatenate(clean)[settled]) > 15


def test_without_an_echo_a_voice_stays() -> None:
    said = read_recording(SAMPLES / "austen-leisure.wav")[: 6 * SAMPLE_RATE]
    canceller, heard = EchoCanceller(), []
    for start in range(0, len(said), BLOCK):
        canceller.play(np.zeros(BLOCK, np.int16))
        heard.append(canceller.hear(said[start : start + BLOCK]))
    assert abs(decibels(said) - decibels(np.concatenate(heard))) < 3


def test_a_missing_library_is_told_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", None)
    with pytest.raises(SoundError, match="pip install pywebrtc-audio"):
        EchoCanceller()
