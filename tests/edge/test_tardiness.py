"""Tardiness: percentiles of lateness, to a tenth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymix_voice.edge.tardiness import BOUNDS_MS, Tardiness, percentiles_ms

SHARES = (1, 50, 99)


def noted(*late_s: float) -> Tardiness:
    tardiness = Tardiness()
    for each in late_s:
        tardiness.note(each)
    return tardiness


def test_percentiles_are_those_of_what_was_noted_to_a_tenth() -> None:
    rng = np.random.default_rng(1)
    late_ms = rng.lognormal(0.0, 1.5, 20_000)
    figures = noted(*(late_ms / 1000)).figures()
    p50, p99 = np.percentile(late_ms, (50, 99))
    assert figures["late_ms_p50"] == pytest.approx(1.05 * p50, rel=0.06)
    assert figures["late_ms_p99"] == pytest.approx(1.05 * p99, rel=0.06)
    assert figures["late_ms_most"] == round(late_ms.max(), 2)


def test_each_look_tells_what_came_since_the_last_and_counts_go_on() -> None:
    tardiness = noted(0.001, 0.001, 0.1)
    first = tardiness.figures()
    assert first["late_ms_p50"] == pytest.approx(1.0, rel=0.1)
    assert first["late_ms_most"] == 100.0
    tardiness.note(0.01)
    second = tardiness.figures()
    assert second["late_ms_p50"] == second["late_ms_p99"] == pytest.approx(10.0, rel=0.1)
    assert second["late_ms_most"] == 10.0
    assert tardiness.counts.sum() == 4
    assert second["late_counts"] == tardiness.counts.tolist()


def test_nothing_noted_is_no_lateness() -> None:
    figures = Tardiness().figures()
    assert (figures["late_ms_p50"], figures["late_ms_p99"], figures["late_ms_most"]) == (0, 0, 0)
    assert figures["late_counts"] == [0] * (len(BOUNDS_MS) + 1)


def test_counts_of_several_can_be_added_up() -> None:
    one, two = noted(0.001, 0.002), noted(0.2, 0.3, 0.4)
    both = noted(0.001, 0.002, 0.2, 0.3, 0.4)
    added = one.counts + two.counts
    assert percentiles_ms(added, SHARES) == percentiles_ms(both.counts, SHARES)
    assert percentiles_ms(added.tolist(), SHARES) == percentiles_ms(added, SHARES)


def test_what_is_beyond_all_classes_counts_in_the_first_or_last() -> None:
    tardiness = noted(0.0, 1e-9, 5.0)
    assert tardiness.counts[0] == 2
    assert tardiness.counts[-1] == 1
    assert percentiles_ms(tardiness.counts, (50, 100)) == [0.01, np.inf]
    assert tardiness.figures()["late_ms_most"] == 5000.0


@given(st.lists(st.floats(0.0, 0.999), min_size=1), st.floats(0.1, 100.0))
def test_so_large_a_share_is_no_later_than_its_percentile(
    late_s: list[float], share: float
) -> None:
    (bound,) = percentiles_ms(noted(*late_s).counts, [share])
    within = sum(1000 * each <= bound + 0.0005 for each in late_s)
    assert within >= len(late_s) * share / 100 - 1e-9
