"""Clocks and randomness of the machine."""

import math
import time

import pytest
import trio

from pymix_voice.edge.clock import Clock, scope_until, sleep_until, system_dice

pytestmark = pytest.mark.live


def test_instants_are_those_of_the_monotonic_clock() -> None:
    before = time.monotonic()
    assert before <= Clock.now() <= time.monotonic()


def test_the_time_of_day_can_be_shifted_for_tests() -> None:
    assert abs(Clock(-3600.0).unix() - (time.time() - 3600)) < 5


async def test_a_scope_ends_at_its_instant() -> None:
    now = Clock.now()
    with trio.fail_after(5), scope_until(now + 0.01, now) as scope:
        await trio.sleep_forever()
    assert scope.cancelled_caught
    assert Clock.now() >= now + 0.01


async def test_a_scope_until_infinity_has_no_deadline() -> None:
    assert scope_until(math.inf, Clock.now()).deadline == math.inf


async def test_waiting_for_an_instant_that_is_over_ends_at_once() -> None:
    with trio.fail_after(5):
        await sleep_until(Clock.now() - 10)


def test_system_dice_do_not_repeat_themselves() -> None:
    assert system_dice().bytes(32) != system_dice().bytes(32)
