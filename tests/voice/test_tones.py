"""Tones: the same at every call, without a click, at no moment too loud."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymix_voice.geometry import FRAME_SAMPLES, SAMPLE_RATE
from pymix_voice.voice.level import decibels
from pymix_voice.voice.tones import HUM_S, Tone, hum, period, piece

LENGTHS = {Tone.RING: 3.0, Tone.RINGBACK: 5.0, Tone.TEST: 1.0}


@pytest.mark.parametrize("tone", Tone)
def test_a_period_has_its_length_and_is_neither_loud_nor_silent(tone: Tone) -> None:
    sound = period(tone)
    assert len(sound) == pytest.approx(LENGTHS[tone] * SAMPLE_RATE, rel=0.001)
    assert sound.dtype == np.int16
    assert 2000 < np.abs(sound).max() < 16_000


@pytest.mark.parametrize("tone", Tone)
def test_a_tone_does_not_click_also_where_it_begins_anew(tone: Tone) -> None:
    twice = np.concatenate((period(tone), period(tone))).astype(int)
    # The steepest of them is a sine of 880 Hz at a quarter of full scale.
    assert np.abs(np.diff(twice)).max() < 32768 * 0.25 * 2 * np.pi * 880 / SAMPLE_RATE * 1.1


@given(st.sampled_from(list(Tone)), st.integers(0, 10**9), st.integers(0, 2000))
def test_pieces_behind_each_other_are_the_tone(tone: Tone, first: int, count: int) -> None:
    whole = piece(tone, first, 2000)
    assert np.array_equal(piece(tone, first, count), whole[:count])
    assert np.array_equal(piece(tone, first + count, 2000 - count), whole[count:])
    assert np.array_equal(whole, piece(tone, first + len(period(tone)), 2000))


def test_the_ringing_there_is_425_hz_for_one_second_of_five() -> None:
    sound = period(Tone.RINGBACK).astype(float)
    power = np.abs(np.fft.rfft(sound[:SAMPLE_RATE])) ** 2
    assert int(np.argmax(power)) == 425
    assert not sound[SAMPLE_RATE:].any()


def test_a_piece_is_the_callers_own() -> None:
    kept = period(Tone.TEST).copy()
    piece(Tone.TEST, 0, FRAME_SAMPLES)[:] = 99
    assert np.array_equal(period(Tone.TEST), kept)


def test_the_hum_goes_on_without_a_break_from_round_to_round_and_period_to_period() -> None:
    rounds = HUM_S * SAMPLE_RATE // FRAME_SAMPLES
    frames = [hum(number) for number in range(2 * rounds)]
    assert all(frame.shape == (FRAME_SAMPLES,) for frame in frames)
    assert np.array_equal(frames[3], frames[3 + rounds])
    assert np.array_equal(hum(5), hum(5 + 10**12 * rounds))
    sound = np.concatenate(frames).astype(int)
    inside = np.abs(np.diff(frames[2].astype(int))).max()
    assert np.abs(np.diff(sound)).max() < 5 * max(inside, 1000)


def test_the_hum_is_as_loud_as_speech_half_of_the_time() -> None:
    levels = [decibels(hum(number)) for number in range(200)]
    assert -35 < max(levels) < -15
    assert 0.3 < np.mean([level > -40 for level in levels]) < 0.8
