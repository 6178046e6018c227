"""An alarm of the real clock."""

import math
import sys

import pytest
import trio

from pymix_voice.edge.alarm import Alarm
from pymix_voice.edge.clock import Clock

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux has timerfd"),
]


async def rung(alarm: Alarm) -> float:
    with trio.fail_after(5):
        await alarm.ring()
    return Clock.now()


async def test_it_rings_at_its_instant_and_not_before() -> None:
    alarm = Alarm()
    assert alarm.works
    for ahead in (0.0005, 0.01, 0.05):
        instant = Clock.now() + ahead
        alarm.set(instant)
        assert await rung(alarm) >= instant
    alarm.close()


async def test_an_instant_that_is_over_rings_at_once() -> None:
    alarm = Alarm()
    for instant in (Clock.now() - 10, 0.0, -1.0):
        alarm.set(instant)
        await rung(alarm)
    alarm.close()


async def test_only_the_instant_that_was_set_last_counts() -> None:
    alarm = Alarm()
    alarm.set(Clock.now())
    later = Clock.now() + 0.05
    alarm.set(later)
    assert await rung(alarm) >= later
    alarm.set(Clock.now() + 0.01)
    alarm.set(math.inf)
    with trio.move_on_after(0.05) as scope:
        await alarm.ring()
    assert scope.cancelled_caught
    alarm.close()
    alarm.close()
