"""How far ahead sound is asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymix_voice.voice.lead import REMEMBERED, Lead

BLOCK_S = 0.010


def asked(*spells: tuple[float, int]) -> Lead:
    lead = Lead()
    for ahead_s, frames in spells:
        for _ in range(frames):
            lead.take(ahead_s)
    return lead


def test_nothing_is_expected_of_who_never_asked() -> None:
    assert Lead().most(BLOCK_S) == 0.0


def test_a_whole_block_is_expected_from_the_first_and_for_good() -> None:
    for frames in (1, 10 * REMEMBERED):
        assert asked((0.022, frames)).most(BLOCK_S) == pytest.approx(0.032)


def test_one_late_moment_is_forgotten_after_two_minutes() -> None:
    assert asked((0.020, 10), (0.090, 1), (0.020, 10)).most(BLOCK_S) == pytest.approx(0.090)
    lead = asked((0.020, 10), (0.090, 1), (0.020, 2 * REMEMBERED + 1))
    assert lead.most(BLOCK_S) == pytest.approx(0.030)


def test_a_card_that_asks_in_bursts_is_expected_to() -> None:
    lead = asked(*[(0.020, 50), (0.045, 50)] * 200)
    assert lead.most(BLOCK_S) == pytest.approx(0.045)


@given(st.lists(st.floats(-0.1, 0.5), min_size=1, max_size=50))
def test_no_less_is_expected_than_was_just_seen(aheads: list[float]) -> None:
    lead = Lead()
    for ahead_s in aheads:
        lead.take(ahead_s)
        assert lead.most(BLOCK_S) >= ahead_s
