"""Opus: one length for everything, and nothing but a frame of 20 ms is decoded."""

import importlib.util
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import BODY_BYTES

from pymix_voice.errors import BadCell, Drop, Misuse
from pymix_voice.geometry import FRAME_SAMPLES
from pymix_voice.voice import opus
from pymix_voice.voice.redundancy import COPY_BYTES, ONE_FRAME

FRAME_BYTES = ONE_FRAME.frame_bytes

SILENCE = np.zeros(FRAME_SAMPLES, dtype=np.int16)


def tone(frames: int, hertz: float = 440.0, level: float = 8000.0) -> np.ndarray:
    instants = np.arange(frames * FRAME_SAMPLES) / 48_000
    return (level * np.sin(2 * np.pi * hertz * instants)).astype(np.int16)


def through(encoder: opus.Encoder, said: np.ndarray) -> np.ndarray:
    """What a decoder makes of it."""
    decoder = opus.Decoder()
    frames = said.reshape(-1, FRAME_SAMPLES)
    return np.concatenate([decoder.decode(encoder.encode(frame)) for frame in frames])


@pytest.mark.parametrize("size", [opus.LEAST_FRAME_BYTES, COPY_BYTES, FRAME_BYTES, BODY_BYTES])
def test_a_frame_has_one_length_whatever_is_said(size: int) -> None:
    encoder = opus.Encoder(size)
    rng = np.random.default_rng(1)
    loud = rng.integers(-32768, 32767, FRAME_SAMPLES, dtype=np.int16)
    quiet = rng.integers(-2, 3, FRAME_SAMPLES, dtype=np.int16)
    sounds = [SILENCE, loud, quiet, tone(1)] * 5 + [SILENCE] * 40
    assert {len(encoder.encode(sound)) for sound in sounds} == {size}


def test_a_bit_rate_is_400_bit_a_byte() -> None:
    assert opus.Encoder(FRAME_BYTES).bit_rate == 400 * FRAME_BYTES == 32_400


@pytest.mark.parametrize("size", [0, opus.LEAST_FRAME_BYTES - 1, opus.MOST_FRAME_BYTES + 1, 1275])
def test_other_sizes_are_a_fault(size: int) -> None:
    with pytest.raises(Misuse, match=f"{size} bytes"):
        opus.Encoder(size)


def test_speech_comes_back_after_the_look_ahead() -> None:
    said = tone(10)
    heard = through(opus.Encoder(FRAME_BYTES), said)
    settled = slice(3 * FRAME_SAMPLES, 9 * FRAME_SAMPLES)
    shifted = heard[opus.LOOKAHEAD_SAMPLES :][settled]
    assert np.corrcoef(shifted, said[settled])[0, 1] > 0.98


def test_the_look_ahead_is_what_it_is_said_to_be() -> None:
    said = np.zeros(10 * FRAME_SAMPLES, np.int16)
    said[4800:4810] = 20_000
    heard = through(opus.Encoder(BODY_BYTES), said)
    late = int(np.argmax(np.abs(heard))) - 4805
    assert abs(late - opus.LOOKAHEAD_SAMPLES) < 24  # half a millisecond


def test_wideband_ends_at_8_khz_whatever_the_rate() -> None:
    noise = np.random.default_rng(2).normal(0, 3000, 30 * FRAME_SAMPLES).astype(np.int16)
    frequency = np.fft.rfftfreq(len(noise), 1 / 48_000)

    def above(encoder: opus.Encoder) -> float:
        power = np.abs(np.fft.rfft(through(encoder, noise).astype(float))) ** 2
        return float(power[frequency > 9000].sum() / power.sum())

    assert above(opus.Encoder(COPY_BYTES, wideband=True)) < 0.01
    assert above(opus.Encoder(BODY_BYTES, wideband=True)) < 0.01
    assert above(opus.Encoder(BODY_BYTES)) > 0.1


def test_an_encoder_that_was_reset_is_like_a_new_one() -> None:
    used, new = opus.Encoder(FRAME_BYTES), opus.Encoder(FRAME_BYTES)
    for frame in tone(5, 300.0).reshape(-1, FRAME_SAMPLES):
        used.encode(frame)
    used.reset()
    for frame in tone(5).reshape(-1, FRAME_SAMPLES):
        assert used.encode(frame) == new.encode(frame)


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
        opus.Encoder(FRAME_BYTES).encode(pcm)


def test_encoder_reads_an_array_that_is_not_contiguous() -> None:
    stereo = np.stack([tone(1), SILENCE], axis=1)
    assert opus.Encoder(FRAME_BYTES).encode(stereo[:, 0]) == opus.Encoder(FRAME_BYTES).encode(
        tone(1)
    )


def test_what_was_decoded_stays_when_more_is_decoded() -> None:
    encoder, decoder = opus.Encoder(FRAME_BYTES), opus.Decoder()
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
    encoder, decoder = opus.Encoder(FRAME_BYTES), opus.Decoder()
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
