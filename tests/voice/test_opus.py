"""Opus: one length for everything, and nothing but a frame of 20 ms is decoded."""

import importlib.util
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymix_voice.errors import BadCell, Drop, Misuse
from pymix_voice.geometry import BODY_BYTES, FRAME_SAMPLES
from pymix_voice.voice import opus

SILENCE = np.zeros(FRAME_SAMPLES, dtype=np.int16)


def tone(frames: int, hertz: float = 440.0, level: float = 8000.0) -> np.ndarray:
    instants = np.arange(frames * FRAME_SAMPLES) / 48_000
    return (level * np.sin(2 * np.pi * hertz * instants)).astype(np.int16)


def test_a_frame_has_one_length_whatever_is_said() -> None:
    encoder = opus.Encoder()
    rng = np.random.default_rng(1)
    loud = rng.integers(-32768, 32767, FRAME_SAMPLES, dtype=np.int16)
    quiet = rng.integers(-2, 3, FRAME_SAMPLES, dtype=np.int16)
    sounds = [SILENCE, loud, quiet, tone(1)] * 5 + [SILENCE] * 40
    assert {len(encoder.encode(sound)) for sound in sounds} == {BODY_BYTES}


def test_bit_rate_is_the_body_of_a_cell() -> None:
    assert opus.BIT_RATE == 44_400


def test_speech_comes_back_after_the_look_ahead() -> None:
    encoder, decoder = opus.Encoder(), opus.Decoder()
    said = tone(10)
    heard = np.concatenate(
        [decoder.decode(encoder.encode(frame)) for frame in said.reshape(-1, FRAME_SAMPLES)]
    )
    settled = slice(3 * FRAME_SAMPLES, 9 * FRAME_SAMPLES)
    shifted = heard[opus.LOOKAHEAD_SAMPLES :][settled]
    assert np.corrcoef(shifted, said[settled])[0, 1] > 0.98


@pytest.mark.parametrize(
    "pcm",
    [
        np.zeros(100, dtype=np.int16),
        np.zeros(1, dtype=np.int16),
        np.zeros(FRAME_SAMPLES, dtype=np.float32),
        np.zeros((FRAME_SAMPLES, 1), dtype=np.int16),
    ],
)
def test_samples_that_are_no_frame_are_never_read(pcm: np.ndarray) -> None:
    with pytest.raises(Misuse):
        opus.Encoder().encode(pcm)


def test_encoder_reads_an_array_that_is_not_contiguous() -> None:
    stereo = np.stack([tone(1), SILENCE], axis=1)
    assert opus.Encoder().encode(stereo[:, 0]) == opus.Encoder().encode(tone(1))


def test_what_was_decoded_stays_when_more_is_decoded() -> None:
    encoder, decoder = opus.Encoder(), opus.Decoder()
    frames = [encoder.encode(frame) for frame in tone(3).reshape(-1, FRAME_SAMPLES)]
    first = decoder.decode(frames[0])
    kept = first.copy()
    decoder.decode(frames[1])
    assert np.array_equal(first, kept)


@given(st.binary(max_size=1400))
@settings(max_examples=300)
def test_any_bytes_give_20_ms_or_a_bad_cell(frame: bytes) -> None:
    decoder = opus.Decoder()
    with suppress(BadCell):
        sound = decoder.decode(frame)
        assert sound.shape == (FRAME_SAMPLES,)
        assert sound.dtype == np.int16
    assert decoder.conceal().shape == (FRAME_SAMPLES,)


@given(st.binary(min_size=BODY_BYTES - 1, max_size=BODY_BYTES - 1), st.integers(0, 31))
@settings(max_examples=200)
def test_any_bytes_under_any_configuration_give_20_ms_or_a_bad_cell(
    rest: bytes, config: int
) -> None:
    with suppress(BadCell):
        sound = opus.Decoder().decode(bytes([config << 3]) + rest)
        assert sound.shape == (FRAME_SAMPLES,)


def test_a_frame_of_another_duration_is_refused() -> None:
    sixty_ms_silk, ten_ms_celt = bytes([3 << 3]), bytes([30 << 3])
    for kind in (sixty_ms_silk, ten_ms_celt):
        with pytest.raises(BadCell) as caught:
            opus.Decoder().decode(kind + bytes(110))
        assert caught.value.reason is Drop.MALFORMED


def test_no_bytes_are_not_taken_for_a_lost_frame() -> None:
    with pytest.raises(BadCell):
        opus.Decoder().decode(b"")


def test_concealment_goes_on_and_fades() -> None:
    encoder, decoder = opus.Encoder(), opus.Decoder()
    for frame in tone(10).reshape(-1, FRAME_SAMPLES):
        decoder.decode(encoder.encode(frame))
    levels = [float(np.abs(decoder.conceal().astype(float)).mean()) for _ in range(15)]
    assert levels[0] > 1000
    assert levels[6] < levels[0] / 4
    assert max(levels[10:]) < levels[0] / 8


def test_concealment_before_any_frame_is_silence() -> None:
    assert not opus.Decoder().conceal().any()


def test_library_is_loaded_once_and_tells_its_version() -> None:
    assert opus.load() is opus.load()
    assert "opus" in opus.load().version


def test_the_bundled_wheel_is_found_without_importing_its_package() -> None:
    spec = importlib.util.find_spec("opuslib_next")
    if spec is None or spec.origin is None:
        pytest.skip("opuslib-next-bundled is not installed")
    place = opus.bundled()
    assert place is not None
    assert Path(place).is_relative_to(Path(spec.origin).parent)
