"""Arrivals: what is learned of a way from when rounds came over it."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymix_voice.geometry import FRAME_S
from pymix_voice.voice.arrivals import (
    LEARNED,
    LONG,
    MOST_S,
    OUTAGE_S,
    SHORT,
    SPAN,
    START_S,
    Arrivals,
)

START = 1000.0
FIRST = 7000
Lateness = Callable[[int], float | None]


def send(arrivals: Arrivals, since: int, until: int, late: Lateness) -> None:
    """Rounds, each so much later than the first one; None for lost."""
    for place in range(since, until):
        lateness = late(place)
        if lateness is not None:
            arrivals.take(FIRST + place, START + place * FRAME_S + lateness)


def wait_s(arrivals: Arrivals, place: int) -> float:
    """How long after a round that is as soon as the first it is counted on."""
    return arrivals.counted_on(FIRST + place) - START - place * FRAME_S


def noisy(place: int) -> float:
    """Up to 2 ms, the same at every run."""
    return float(np.random.default_rng(place).uniform(0, 0.002))


def test_before_the_first_round_nothing_is_known() -> None:
    arrivals = Arrivals()
    assert not arrivals.begun
    assert arrivals.loss == 0.0
    assert arrivals.jitter_s == START_S


def test_at_first_as_much_is_feared_as_is_usual() -> None:
    arrivals = Arrivals()
    send(arrivals, 0, 10, noisy)
    assert arrivals.begun
    assert wait_s(arrivals, 10) == pytest.approx(START_S, abs=0.001)


def test_a_steady_way_is_known_after_some_seconds() -> None:
    arrivals = Arrivals()
    send(arrivals, 0, LEARNED + 500, noisy)
    assert arrivals.jitter_s < 0.003
    assert wait_s(arrivals, 600) == pytest.approx(0.002, abs=0.001)
    assert arrivals.soonest(FIRST + 600) == pytest.approx(START + 12, abs=0.0005)


def test_one_late_round_or_two_are_rare_and_three_are_not() -> None:
    waits = []
    for late in (1, 2, 3):
        arrivals = Arrivals()
        send(arrivals, 0, 1000, noisy)
        send(arrivals, 1000, 1000 + late, lambda place: 0.080)
        send(arrivals, 1000 + late, 1020, lambda place: 0.0)
        waits.append(wait_s(arrivals, 1020))
    assert waits[:2] == [pytest.approx(0.002, abs=0.001)] * 2
    assert waits[2] == pytest.approx(0.080)


def test_a_way_that_becomes_longer_is_followed_at_once() -> None:
    arrivals = Arrivals()
    send(arrivals, 0, 1000, noisy)
    send(arrivals, 1000, 1003, lambda place: 0.060)
    assert wait_s(arrivals, 1003) == pytest.approx(0.060)


def test_a_way_that_becomes_shorter_is_followed_after_8_s() -> None:
    arrivals = Arrivals()
    send(arrivals, 0, 1000, lambda place: 0.060 + noisy(place) if place else 0.0)
    send(arrivals, 1000, 1000 + LONG - 10, noisy)
    assert wait_s(arrivals, 1390) == pytest.approx(0.061, abs=0.002)
    send(arrivals, 1390, 1390 + 500, noisy)
    assert wait_s(arrivals, 1890) == pytest.approx(0.002, abs=0.001)


def test_to_wait_less_goes_slowly() -> None:
    arrivals = Arrivals()
    send(arrivals, 0, 200, lambda place: 0.060 if place % 10 == 9 else 0.0)
    before = wait_s(arrivals, 0)
    for place in range(200, 1200):
        send(arrivals, place, place + 1, lambda place: 0.0)
        now = wait_s(arrivals, 0)
        assert before - now <= 0.001
        before = now
    assert before == pytest.approx(0.0, abs=0.0005)


@pytest.mark.parametrize("ppm", [200, -200])
def test_the_drift_between_two_clocks_is_followed(ppm: int) -> None:
    arrivals, drift = Arrivals(), FRAME_S * ppm / 1_000_000
    send(arrivals, 0, 20_000, lambda place: place * drift + noisy(place))
    wait = wait_s(arrivals, 20_000) - 20_000 * drift
    assert -0.001 < wait < 0.004
    assert arrivals.jitter_s < 0.006


@pytest.mark.parametrize("apart_ms", [0, 1, 5, 15])
@pytest.mark.parametrize("outage_s", [0.6, 1.0, 2.0, 5.0])
def test_what_an_outage_held_back_teaches_nothing(outage_s: float, apart_ms: int) -> None:
    arrivals = Arrivals()
    send(arrivals, 0, 1000, noisy)
    held = int(outage_s / FRAME_S)

    def late(place: int) -> float:
        come = outage_s + (place - 1000) * apart_ms / 1000
        return max(noisy(place), come - (place - 1000) * FRAME_S)

    send(arrivals, 1000, 1000 + 10 * held, late)
    assert wait_s(arrivals, 1000 + 10 * held) == pytest.approx(0.002, abs=0.001)


def test_a_way_that_is_longer_by_more_than_anyone_waits_for_is_learned_anew() -> None:
    arrivals, much = Arrivals(), 2 * MOST_S
    send(arrivals, 0, 1000, noisy)
    seconds = int(OUTAGE_S / FRAME_S)
    send(arrivals, 1000, 1000 + seconds // 2, lambda place: much + noisy(place))
    assert wait_s(arrivals, 0) == pytest.approx(0.002, abs=0.001)
    send(arrivals, 1000 + seconds // 2, 1000 + 3 * seconds, lambda place: much + noisy(place))
    assert wait_s(arrivals, 0) == pytest.approx(much + START_S, abs=0.003)


def test_a_way_that_is_longer_after_an_outage_is_learned_after_a_second() -> None:
    arrivals = Arrivals()
    send(arrivals, 0, 1000, noisy)
    send(arrivals, 1000, 1200, lambda place: max(0.1 + noisy(place), 2 - (place - 1000) * FRAME_S))
    assert wait_s(arrivals, 0) == pytest.approx(0.1 + START_S, abs=0.003)


@pytest.mark.parametrize("jump", [26, 2000, 10**12])
def test_rounds_that_jump_ahead_are_learned_anew_at_once(jump: int) -> None:
    arrivals = Arrivals()
    send(arrivals, 0, 1000, noisy)
    now = START + 1000 * FRAME_S
    arrivals.take(FIRST + 1000 + jump, now)
    assert arrivals.soonest(FIRST + 1000 + jump) == pytest.approx(now)
    assert arrivals.counted_on(FIRST + 1000 + jump) == pytest.approx(now + START_S)
    assert arrivals.loss == 0.0


@pytest.mark.parametrize("every", [2, 5, 10, 100])
def test_loss_is_the_share_of_the_last_ten_seconds_that_did_not_come(every: int) -> None:
    arrivals = Arrivals()
    send(arrivals, 0, 2000, lambda place: 0.0 if place % every else None)
    assert arrivals.loss == pytest.approx(1 / every, abs=0.003)
    send(arrivals, 2000, 2000 + SPAN, noisy)
    assert arrivals.loss == 0.0


def test_late_rounds_and_rounds_out_of_order_are_not_lost() -> None:
    arrivals = Arrivals()
    for place in (*range(50), 51, 53, 52, 50, 54):
        arrivals.take(FIRST + place, START + max(place, 53) * FRAME_S)
    assert arrivals.loss == 0.0


def test_it_is_remembered_for_ten_seconds_which_rounds_came() -> None:
    arrivals = Arrivals()
    send(arrivals, 0, SPAN + 10, lambda place: None if place == 300 else 0.0)
    assert arrivals.came(FIRST + 10)
    assert arrivals.came(FIRST + SPAN + 9)
    assert not arrivals.came(FIRST + 300)
    assert not arrivals.came(FIRST + SPAN + 10)
    assert not arrivals.came(FIRST + 9)


@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.one_of(st.just(0), st.integers(-100, 3000))),
        min_size=1,
        max_size=300,
    )
)
def test_whatever_comes_what_is_counted_on_is_no_sooner_than_the_soonest(
    steps: list[tuple[int, int]],
) -> None:
    arrivals, now = Arrivals(), START
    for ms, ahead in steps:
        now += ms / 1000
        number = max(0, FIRST + int((now - START) / FRAME_S) + ahead)
        arrivals.take(number, now)
        assert arrivals.counted_on(number) >= arrivals.soonest(number) - 1e-9
        assert arrivals.jitter_s >= -1e-9
        assert 0.0 <= arrivals.loss < 1.0


def test_lateness_is_forgotten_after_8_s() -> None:
    arrivals = Arrivals()
    send(arrivals, 0, 500, noisy)
    send(arrivals, 500, 500 + SHORT, lambda place: 0.1)
    send(arrivals, 500 + SHORT, 500 + SHORT + LONG + 600, noisy)
    assert arrivals.jitter_s < 0.003


def test_a_successor_knows_the_way_and_counts_losses_anew() -> None:
    arrivals = Arrivals()
    for number in range(0, 400, 2):
        arrivals.take(number, 1000.0 + number * FRAME_S)
    successor = arrivals.successor()
    assert arrivals.loss == pytest.approx(0.5, abs=0.01)
    assert successor.loss == 0.0
    assert successor.jitter_s == arrivals.jitter_s
    assert successor.counted_on(450) == arrivals.counted_on(450)
    before = arrivals.jitter_s
    for number in range(450, 460):
        successor.take(number, 1000.2 + number * FRAME_S)
    assert successor.loss == 0.0
    assert arrivals.jitter_s == before, "they learn apart from now on"
    assert successor.jitter_s > 0.1
