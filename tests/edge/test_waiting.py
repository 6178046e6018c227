"""Waiting for one of several ports or an instant, with an alarm of the system and without."""

import math
from collections.abc import Iterator
from time import process_time

import numpy as np
import pytest
import trio

from pymix_voice.edge.alarm import Alarm
from pymix_voice.edge.clock import Clock
from pymix_voice.edge.port import Port
from pymix_voice.edge.waiting import Waiting
from pymix_voice.zone.drain import Burst

pytestmark = pytest.mark.live

LONG_S = 60.0


@pytest.fixture(params=["by the system's alarm", "by trio's clock"])
def _kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "by trio's clock":
        monkeypatch.setattr(Alarm, "works", False)


@pytest.fixture
def ports() -> Iterator[list[Port]]:
    ports = [Port(("127.0.0.1", 0)) for _ in range(3)]
    yield ports
    for port in ports:
        port.close()


@pytest.fixture
def waiting(_kind: None, ports: list[Port]) -> Iterator[Waiting]:
    waiting = Waiting(ports[:2])
    yield waiting
    waiting.close()


def send(ports: list[Port], to: Port) -> None:
    ports[2].send(Burst(np.zeros((1, 8), np.uint8), to.address, "link"))


async def test_it_ends_at_the_instant_and_not_before(waiting: Waiting) -> None:
    for ahead in (0.0005, 0.02):
        instant = Clock.now() + ahead
        with trio.fail_after(5):
            await waiting.until(instant)
        assert Clock.now() >= instant
    with trio.fail_after(5):
        await waiting.until(instant)  # which is over


async def test_each_of_the_ports_ends_it(waiting: Waiting, ports: list[Port]) -> None:
    for port in (ports[1], ports[0], ports[1]):
        send(ports, port)
        with trio.fail_after(5):
            await waiting.until(math.inf)
            while not len(port.drain().lengths):  # it may have ended by what was drained before
                await waiting.until(math.inf)


async def test_what_lies_in_a_port_ends_it_at_once_again_and_again(
    waiting: Waiting, ports: list[Port]
) -> None:
    send(ports, ports[0])
    for _ in range(3):
        with trio.fail_after(5):
            await waiting.until(Clock.now() + LONG_S)


async def test_an_instant_that_was_given_up_does_not_end_the_next_wait(
    waiting: Waiting, ports: list[Port]
) -> None:
    with trio.move_on_after(0.005):
        await waiting.until(Clock.now() + 0.02)
    with trio.move_on_after(0.05) as scope:
        await waiting.until(Clock.now() + LONG_S)
    assert scope.cancelled_caught
    send(ports, ports[1])
    with trio.fail_after(5):
        await waiting.until(math.inf)


async def test_it_sleeps_meanwhile(waiting: Waiting) -> None:
    before = process_time()
    await waiting.until(Clock.now() + 0.3)
    assert process_time() - before < 0.15


@pytest.mark.usefixtures("_kind")
async def test_without_ports_it_waits_for_the_instant_alone() -> None:
    waiting, instant = Waiting([]), Clock.now() + 0.01
    with trio.fail_after(5):
        await waiting.until(instant)
    assert Clock.now() >= instant
    waiting.close()
