"""Levels: what a meter shows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymix_voice.voice.level import SILENCE_DB, Level, decibels


def square(level: int) -> np.ndarray:
    return np.tile(np.array([level, -level], np.int16), 480)


@pytest.mark.parametrize(
    ("level", "db"), [(32767, 0.0), (16384, -6.02), (3277, -20.0), (33, -60.0), (1, -90.3)]
)
def test_a_level_is_told_in_decibels_below_full_scale(level: int, db: float) -> None:
    assert decibels(square(level)) == pytest.approx(db, abs=0.1)


@pytest.mark.parametrize("samples", [0, 1, 960])
def test_silence_and_nothing_at_all_have_a_level_too(samples: int) -> None:
    assert decibels(np.zeros(samples, np.int16)) == SILENCE_DB


@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=40))
def test_every_level_lies_between_silence_and_full_scale(samples: list[int]) -> None:
    assert SILENCE_DB <= decibels(np.array(samples, np.int16)) <= 1e-3


def test_a_meter_shows_the_loudest_since_it_was_looked_at() -> None:
    level = Level()
    for height in (33, 3277, 1):
        level.take(square(height))
    assert level.look() == pytest.approx(-20, abs=0.1)
    assert level.look() == SILENCE_DB
    level.take(square(33))
    assert level.look() == pytest.approx(-60, abs=0.1)
