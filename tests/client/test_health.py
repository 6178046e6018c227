"""The chain's health, by one's own loops."""

import pytest

from pymix_voice.client.health import Health

ROUND_S = 0.02


def looped(rounds: int, trip_s: float, lost: frozenset[int] = frozenset()) -> Health:
    health = Health()
    for number in range(rounds):
        health.said(number, number * ROUND_S)
        if number not in lost:
            health.back(number, number * ROUND_S + trip_s)
    return health


def test_without_loops_nothing_is_known() -> None:
    assert Health().loss(5.0) is None
    assert Health().trip_s() is None


def test_the_median_trip_is_told() -> None:
    assert looped(100, 0.05).trip_s() == pytest.approx(0.05)


def test_loops_that_did_not_come_back_are_loss() -> None:
    health = looped(200, 0.05, frozenset(range(0, 150, 10)))
    assert health.loss(200 * ROUND_S) == pytest.approx(0.1)


def test_loops_of_the_last_second_may_still_be_on_their_way() -> None:
    assert looped(100, 0.05, frozenset(range(60, 100))).loss(2.0) == 0


def test_loops_of_long_ago_are_forgotten() -> None:
    health = looped(400, 0.05, frozenset(range(400)))
    for number in range(600, 1200):
        health.said(number, number * ROUND_S)
        health.back(number, number * ROUND_S + 0.1)
    assert health.loss(1200 * ROUND_S) == 0
    health.back(3, 25.0)
    assert health.trip_s() == pytest.approx(0.1)
