"""The round clock: numbers rise, none twice, and a stall costs what it must and no more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zones import FUZZ

from pymix_voice.geometry import Geometry
from pymix_voice.mix.clock import RoundClock
from pymix_voice.zone.rounds import WORKED_ROUNDS

GEOMETRY = Geometry(3, 20)
T = GEOMETRY.round_s
FIRST = 90_000_000_000
NOW = 1000.0


def started() -> RoundClock:
    clock = RoundClock(GEOMETRY)
    clock.start(FIRST, NOW)
    return clock


def test_before_its_start_nothing_ticks() -> None:
    clock = RoundClock(GEOMETRY)
    assert not clock.started
    assert clock.due(NOW) == []
    assert clock.deadline() == float("inf")


def test_the_first_tick_is_one_round_after_the_start() -> None:
    clock = started()
    assert clock.deadline() == NOW + T
    assert clock.due(NOW + T - 1e-6) == []
    assert clock.due(NOW + T) == [FIRST]
    assert clock.next_round == FIRST + 1


def test_ticks_keep_their_beat_for_days_to_the_microsecond() -> None:
    clock = started()
    days = 3 * 24 * 3600 * 50
    assert clock.tick_at(FIRST + days) == pytest.approx(NOW + T + days * T, abs=1e-6)


def test_small_delays_cost_no_tick() -> None:
    clock = started()
    ticked = [n for step in range(60) for n in clock.due(NOW + step * 3.3 * T)]
    assert ticked == list(range(FIRST, FIRST + len(ticked)))
    assert clock.skipped == 0


def test_after_a_stall_only_the_newest_rounds_tick_and_the_rest_are_counted() -> None:
    clock = started()
    assert clock.due(NOW + T) == [FIRST]
    ticked = clock.due(NOW + 101.5 * T)
    assert ticked == list(range(FIRST + 101 - WORKED_ROUNDS, FIRST + 101))
    assert clock.skipped == 100 - WORKED_ROUNDS
    assert clock.due(NOW + 102 * T + 1e-9) == [FIRST + 101]


@FUZZ
@given(st.lists(st.floats(0, 0.5), max_size=80), st.floats(0, 1e6))
def test_no_number_comes_twice_or_before_its_tick(waits: list[float], start: float) -> None:
    clock = RoundClock(GEOMETRY)
    clock.start(FIRST, start)
    now, ticked = start, []
    for wait in waits:
        now += wait
        due = clock.due(now)
        assert len(due) <= WORKED_ROUNDS
        assert all(clock.tick_at(number) <= now + 1e-9 for number in due)
        ticked += due
        # What is due was given: at most a tick that rounds to this very instant is left.
        assert clock.deadline() > now - 1e-9
    assert ticked == sorted(set(ticked))
    assert len(ticked) + clock.skipped == clock.next_round - FIRST
