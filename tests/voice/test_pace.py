"""Pace: what is done about an error, and how often."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymix_voice.voice.pace import (
    APART,
    HURRY_ABOVE_S,
    LENGTHEN_BELOW_S,
    MOST_PPM,
    QUIET_ABOVE_S,
    SELDOM,
    SHORTEN_ABOVE_S,
    Pace,
    Stretch,
)

STEP_S = 0.010
"""What the stretches of these tests do."""


def wanted(error_s: float, frames: int, *, quiet: bool = False) -> list[Stretch]:
    """What is wanted of each frame while the error stays as it is."""
    pace, asked = Pace(), []
    for _ in range(frames):
        asked.append(pace.look(error_s, quiet=quiet))
        if asked[-1] != Stretch.NONE:
            pace.stretched(asked[-1] * STEP_S)
    return asked


def apart(asked: list[Stretch]) -> set[int]:
    places = [place for place, stretch in enumerate(asked) if stretch != Stretch.NONE]
    return {later - earlier for earlier, later in pairwise(places)}


@pytest.mark.parametrize("error_s", [0.0, 0.001, -0.004, 0.0149])
def test_small_errors_are_no_reason_to_stretch(error_s: float) -> None:
    assert set(wanted(error_s, 200)) == {Stretch.NONE}


@pytest.mark.parametrize(
    ("error_s", "quiet", "least"),
    [
        pytest.param(0.050, False, SELDOM, id="too much, where it could be heard"),
        pytest.param(0.050, True, APART, id="too much, where it is quiet"),
        pytest.param(0.150, False, APART, id="far too much"),
        pytest.param(-0.050, False, APART, id="too little"),
        pytest.param(-0.050, True, APART, id="too little, where it is quiet"),
    ],
)
def test_stretches_are_so_far_apart(error_s: float, quiet: bool, least: int) -> None:
    asked = wanted(error_s, 400, quiet=quiet)
    sort = Stretch.SHORTEN if error_s > 0 else Stretch.LENGTHEN
    assert set(asked) == {sort, Stretch.NONE}
    assert min(apart(asked)) >= least
    assert asked.count(sort) >= 400 // (2 * SELDOM)


def test_one_frame_out_of_line_is_no_reason() -> None:
    pace = Pace()
    for _ in range(100):
        assert pace.look(0.0, quiet=True) == Stretch.NONE
    for error_s in (0.2, -0.2):
        assert pace.look(error_s, quiet=True) == Stretch.NONE
        assert pace.look(0.0, quiet=True) == Stretch.NONE


def test_an_error_that_lasts_is_a_reason_after_a_while() -> None:
    pace = Pace()
    pace.look(0.0, quiet=False)
    asked = [pace.look(0.040, quiet=False) for _ in range(50)]
    assert 5 < asked.index(Stretch.SHORTEN) < 25


def test_a_mended_error_is_mended_though_it_was_large_on_average() -> None:
    pace = Pace()
    for _ in range(100):
        pace.look(0.040, quiet=False)
    assert pace.look(0.002, quiet=True) == Stretch.NONE


def test_a_stretch_counts_at_once() -> None:
    pace = Pace()
    for _ in range(SELDOM):
        pace.look(0.020, quiet=False)
    assert pace.look(0.020, quiet=False) == Stretch.SHORTEN
    pace.stretched(-0.013)
    assert pace.ratio == pytest.approx(1 - MOST_PPM / 1_000_000)
    pace.stretched(-0.007)
    assert pace.ratio == pytest.approx(1.0)


def test_a_delay_that_was_set_anew_forgets_the_old_error() -> None:
    pace = Pace()
    for _ in range(100):
        pace.look(0.100, quiet=False)
    pace.moved()
    assert pace.ratio == 1.0
    assert pace.look(0.0, quiet=True) == Stretch.NONE


@pytest.mark.parametrize(("error_s", "ppm"), [(0.002, 200), (-0.001, -100), (0.0, 0)])
def test_small_errors_change_the_rate_in_proportion(error_s: float, ppm: float) -> None:
    pace = Pace()
    pace.look(error_s, quiet=False)
    assert pace.ratio == pytest.approx(1 - ppm / 1_000_000, abs=1e-12)


@given(st.lists(st.tuples(st.floats(-10, 10), st.booleans()), min_size=1, max_size=200))
def test_the_rate_changes_by_what_nobody_hears_whatever_the_errors(
    errors: list[tuple[float, bool]],
) -> None:
    pace, since = Pace(), APART
    for error_s, quiet in errors:
        asked = pace.look(error_s, quiet=quiet)
        assert abs(pace.ratio - 1) <= MOST_PPM / 1_000_000 + 1e-12
        since += 1
        if asked != Stretch.NONE:
            assert since >= APART
            since = 0
            pace.stretched(asked * STEP_S)
        if asked == Stretch.SHORTEN:
            assert error_s > (QUIET_ABOVE_S if quiet else SHORTEN_ABOVE_S)
            assert quiet or error_s > HURRY_ABOVE_S or since == 0
        if asked == Stretch.LENGTHEN:
            assert error_s < LENGTHEN_BELOW_S
