"""Elastic sound: what is put comes out again, a little longer or shorter if need be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from playing import NoResampler

from pymix_voice.errors import Misuse
from pymix_voice.geometry import FRAME_SAMPLES, SAMPLE_RATE
from pymix_voice.voice.elastic import Elastic, to_float, to_int16
from pymix_voice.voice.stretch import LEAST_LAG, MOST_LAG


def loud(frames: int) -> NDArray[np.int16]:
    at = np.arange(frames * FRAME_SAMPLES) / SAMPLE_RATE
    return (8000 * np.sin(2 * np.pi * 200 * at)).astype(np.int16)


def put(elastic: Elastic, frames: int, error_s: float) -> None:
    for frame in loud(frames).reshape(-1, FRAME_SAMPLES):
        elastic.put(frame, error_s)


@given(st.lists(st.integers(-32768, 32767), max_size=50))
def test_every_sample_survives_becoming_a_float(samples: list[int]) -> None:
    pcm = np.array(samples, np.int16)
    assert np.array_equal(to_int16(to_float(pcm)), pcm)


def test_what_is_too_loud_is_clipped() -> None:
    sound = np.array([2.0, 1.0, -1.0, -3.0], np.float32)
    assert to_int16(sound).tolist() == [32767, 32767, -32768, -32768]


def test_without_an_error_what_was_put_is_taken() -> None:
    elastic, said = Elastic(NoResampler()), loud(10)
    put(elastic, 10, 0.0)
    assert elastic.waiting == len(said)
    assert elastic.waiting_s == pytest.approx(0.2)
    taken = [elastic.take(count) for count in (1, 959, 0, 4000, 4640)]
    assert np.array_equal(np.concatenate(taken), said)
    assert elastic.waiting == 0


def test_more_than_is_waiting_cannot_be_taken() -> None:
    elastic = Elastic(NoResampler())
    elastic.put(loud(1), 0.0)
    with pytest.raises(Misuse, match="961"):
        elastic.take(961)
    assert len(elastic.take(960)) == 960


def test_too_much_is_made_shorter_and_counted() -> None:
    elastic = Elastic(NoResampler())
    put(elastic, 100, 0.040)
    assert elastic.stretches == 4
    assert elastic.lengthened == 0
    assert 4 * LEAST_LAG <= elastic.shortened <= 4 * MOST_LAG
    by_rate = 100 * FRAME_SAMPLES * 250 / 1_000_000
    assert elastic.waiting == pytest.approx(
        100 * FRAME_SAMPLES - elastic.shortened - by_rate, abs=2
    )


def test_too_little_is_made_longer_and_counted() -> None:
    elastic = Elastic(NoResampler())
    put(elastic, 40, -0.040)
    assert elastic.stretches > 3
    assert elastic.shortened == 0
    assert elastic.waiting > 40 * FRAME_SAMPLES + elastic.lengthened


def test_what_cannot_be_stretched_unheard_is_not() -> None:
    elastic = Elastic(NoResampler())
    rng = np.random.default_rng(6)
    for _ in range(100):
        elastic.put(rng.normal(0, 5000, FRAME_SAMPLES).astype(np.int16), 0.2)
    assert (elastic.stretches, elastic.shortened) == (0, 0)


def test_pieces_shorter_than_a_frame_are_not_stretched() -> None:
    elastic = Elastic(NoResampler())
    for piece in loud(50).reshape(-1, FRAME_SAMPLES // 2):
        elastic.put(piece, 0.2)
    assert elastic.stretches == 0


def test_silence_has_the_length_that_was_asked_for_whatever_the_error_was() -> None:
    elastic = Elastic(NoResampler())
    put(elastic, 10, 0.014)
    before = elastic.waiting
    elastic.put_silence(1234)
    assert elastic.waiting == before + 1234
    elastic.take(before)
    assert not elastic.take(1234).any()
    assert elastic.pace.ratio == 1.0


@given(
    st.lists(st.tuples(st.integers(0, 1500), st.floats(-0.5, 0.5)), max_size=40),
    st.lists(st.integers(0, 3000), max_size=60),
)
def test_as_much_waits_as_was_put_and_not_taken(
    puts: list[tuple[int, float]], takes: list[int]
) -> None:
    elastic, taken = Elastic(NoResampler()), 0
    for length, error_s in puts:
        elastic.put(np.resize(loud(2), length), error_s)
        for count in takes[:1]:
            if count <= elastic.waiting:
                assert len(elastic.take(count)) == count
                taken += count
        takes = takes[1:]
    changed = elastic.lengthened - elastic.shortened
    put_in = sum(length for length, _ in puts)
    most_by_rate = put_in * 250 / 1_000_000 + 1
    assert abs(elastic.waiting + taken - put_in - changed) <= most_by_rate
