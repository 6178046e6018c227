"""What a datapath does when nothing is due: slices of work, a look for garbage, pauses."""

import gc
from collections.abc import Iterator
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import trio
from eventually import eventually
from toymachine import LOCAL, Toy, serve

from pymix_voice.edge import datapath as datapath_module
from pymix_voice.edge.clock import Clock
from pymix_voice.edge.datapath import (
    PAUSE_SHARE,
    TIDY_ALL_EVERY,
    WORK_AWAY_S,
    WORK_ROW_S,
    Datapath,
    Inlet,
)
from pymix_voice.edge.port import Port
from pymix_voice.edge.waiting import Waiting
from pymix_voice.zone.drain import Burst, Via

pytestmark = pytest.mark.live


@pytest.fixture
def port() -> Iterator[Port]:
    port = Port(("127.0.0.1", 0))
    yield port
    port.close()


async def test_all_work_is_done_when_there_is_time(port: Port, nursery: trio.Nursery) -> None:
    toy = Toy()
    toy.slices = 7
    nursery.start_soon(serve(toy, port).run)
    await eventually(lambda: not toy.slices)


async def test_no_work_is_begun_right_before_a_deadline(port: Port, nursery: trio.Nursery) -> None:
    toy = Toy()
    toy.slices = 3
    toy.due = [Clock.now() - 1]
    nursery.start_soon(serve(toy, port).run)
    await eventually(lambda: not toy.slices)
    assert toy.story[0] == "tick"


class Worker(Toy):
    """Works in slices of some length, and writes down when each began and ended."""

    def __init__(self, slices: int, slice_s: float) -> None:
        super().__init__()
        self.slices = slices
        self.slice_s = slice_s
        self.spans: list[tuple[float, float]] = []

    def work(self) -> bool:
        begun = Clock.now()
        worked = super().work()
        while worked and Clock.now() < begun + self.slice_s:
            pass
        self.spans += [(begun, Clock.now())] if worked else []
        return worked


async def test_work_that_does_not_end_leaves_pauses(port: Port, nursery: trio.Nursery) -> None:
    toy = Worker(40, 0.0004)
    nursery.start_soon(serve(toy, port).run)
    await eventually(lambda: not toy.slices)
    worked, pauses = 0.0, 0
    for (begun, ended), (begun_next, _) in pairwise(toy.spans):
        worked += ended - begun
        if worked >= WORK_ROW_S:
            assert begun_next - ended >= PAUSE_SHARE * worked
            worked, pauses = 0.0, pauses + 1
    assert pauses >= 40 * 0.0004 / WORK_ROW_S / 2


async def test_short_slices_follow_one_another(
    port: Port, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy, waits = Worker(40, 0.0), 0
    until = Waiting.until

    async def count(waiting: Waiting, instant: float) -> None:
        nonlocal waits
        waits += 1
        await until(waiting, instant)

    monkeypatch.setattr(Waiting, "until", count)
    nursery.start_soon(serve(toy, port).run)
    await eventually(lambda: not toy.slices)
    assert waits < 20


async def test_what_comes_between_slices_is_taken(port: Port, nursery: trio.Nursery) -> None:
    toy = Worker(40, 0.0001)
    nursery.start_soon(serve(toy, port).run)
    with Port(LOCAL) as other:
        await eventually(lambda: toy.slices < 30)
        other.send(Burst(np.zeros((1, 8), np.uint8), port.address, "link"))
        await eventually(lambda: not toy.slices)
    assert "took 1" in toy.story[:-1]


# ── garbage ──────────────────────────────────────────────────────────────────────────────


class Busy(Toy):
    """There is always more to do."""

    def work(self) -> bool:
        return True


class Idle(Toy):
    """Wakes up now and then, with nothing to do."""

    def __init__(self, every_s: float) -> None:
        super().__init__()
        self.every_s = every_s
        self.due = [Clock.now()]

    def handle_deadline(self, now: float) -> None:
        super().handle_deadline(now)
        self.due = [now + WORK_AWAY_S + self.every_s]


class Pressed(Toy):
    """Something is always about to be due."""

    def deadline(self) -> float:
        return Clock.now() + WORK_AWAY_S / 2


@pytest.fixture
def looks() -> Iterator[list[int]]:
    """Which generations were looked through for garbage; nobody else looks meanwhile."""
    seen: list[int] = []

    def count(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            seen.append(info["generation"])

    gc.collect()
    gc.disable()
    gc.callbacks.append(count)
    yield seen
    gc.callbacks.remove(count)
    gc.enable()


async def run_for(seconds: float, toy: Toy, *, tidies: bool) -> None:
    with Port(LOCAL) as port:
        inlets: dict[Via, Inlet] = {"link": Inlet(port, toy.receive)}
        datapath = Datapath(toy, inlets, work=toy.work, after=lambda: None, tidies=tidies)
        with trio.move_on_after(seconds):
            await datapath.run()


async def test_garbage_is_looked_for_now_and_then_by_who_is_idle_and_was_asked_to(
    looks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datapath_module, "TIDY_S", 0.04)
    async with trio.open_nursery() as others:
        others.start_soon(partial(run_for, 0.1, Busy(), tidies=True))
        others.start_soon(partial(run_for, 0.1, Pressed(), tidies=True))
        others.start_soon(partial(run_for, 0.1, Idle(0.002), tidies=False))
    assert looks == []
    idle = Idle(0.002)
    began = Clock.now()
    await run_for(0.1, idle, tidies=True)
    assert 1 <= len(looks) <= (Clock.now() - began) / 0.04
    assert len(idle.ticks) > 2 * len(looks)
    assert set(looks) == {1}


async def test_now_and_then_all_is_looked_through(
    looks: list[int], nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datapath_module, "TIDY_S", 0.0)
    nursery.start_soon(partial(run_for, 5, Idle(0.0001), tidies=True))
    await eventually(lambda: len(looks) >= TIDY_ALL_EVERY)
    assert looks[:TIDY_ALL_EVERY] == [1] * (TIDY_ALL_EVERY - 1) + [2]
