"""The E-model: values that the standards' tables give, and that more harm never rates higher."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymix_voice.lab.emodel import BEST, OPUS, Codec, burst_ratio, by_loss, mos, rating


def test_a_call_without_delay_and_loss_is_the_standards_default_one() -> None:
    assert rating(0, 0) == rating(100, 0) == BEST == 93.2
    assert mos(BEST) == pytest.approx(4.41, abs=0.005)


@pytest.mark.parametrize(
    ("delay_ms", "r"),
    [(150, 93), (200, 90), (250, 84), (300, 78), (350, 73), (400, 69), (500, 63), (1000, 49)],
)
def test_delay_takes_away_what_the_curve_of_g_114_shows(delay_ms: float, r: int) -> None:
    assert round(rating(delay_ms, 0)) == r


@pytest.mark.parametrize(
    ("percent", "taken"),
    [(0, 11), (0.5, 13), (1, 15), (1.5, 17), (2, 19), (3, 23), (4, 26), (8, 36), (16, 49)],
)
def test_loss_takes_away_what_g_113_tells_of_g_729a(percent: float, taken: int) -> None:
    assert by_loss(percent / 100, 1.0, Codec(11, 19)) == pytest.approx(taken, abs=0.6)


@pytest.mark.parametrize(
    ("r", "score"), [(90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58)]
)
def test_opinions_are_those_of_g_107s_table_of_categories(r: float, score: float) -> None:
    assert mos(r) == pytest.approx(score, abs=0.01)


def test_opinions_stay_on_their_scale() -> None:
    assert (mos(-20), mos(0), mos(3), mos(100), mos(120)) == (1, 1, 1, 4.5, 4.5)


def test_bursts_are_longer_than_chance_would_make_them() -> None:
    assert burst_ratio(lost=0, bursts=0, count=100) == 1
    assert burst_ratio(lost=10, bursts=4, count=100) == pytest.approx(2.5 * 0.9)
    assert burst_ratio(lost=10, bursts=10, count=100) == 1
    assert by_loss(0.1, 2.5, OPUS) > by_loss(0.1, 1.0, OPUS)


@given(st.floats(0, 2000), st.floats(0, 500), st.floats(0, 0.9), st.floats(0, 0.1))
def test_more_delay_or_loss_never_rates_higher(
    delay_ms: float, later: float, loss: float, more: float
) -> None:
    before, after = rating(delay_ms, loss), rating(delay_ms + later, loss + more)
    assert after <= before + 1e-9
    assert mos(after) <= mos(before) + 1e-9
