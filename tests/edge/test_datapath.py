"""The datapath: deadlines first, slices of work only in between, bursts in slices."""

from collections.abc import Iterator

import numpy as np
import pytest
import trio
import trio.testing
from eventually import eventually

from pymix_voice.edge.clock import Clock
from pymix_voice.edge.datapath import Datapath, Inlet
from pymix_voice.edge.udp import Port
from pymix_voice.zone.drain import Burst, Drain, Via


class Toy:
    """Echoes what it takes, ticks at given instants, and writes down what happened."""

    def __init__(self) -> None:
        self.ticks: list[float] = []
        self.due: list[float] = []
        self.waiting: list[Burst] = []
        self.story: list[str] = []
        self.slices = 0

    def receive(self, drain: Drain, now: float) -> None:
        self.story.append(f"took {len(drain.lengths)}")
        self.waiting.append(Burst(drain.cells[:, :8].copy(), list(drain.sources), "link"))

    def handle_deadline(self, now: float) -> None:
        self.story.append("tick")
        self.ticks.append(now)
        self.due = [each for each in self.due if each > now]

    def deadline(self) -> float:
        return min(self.due, default=float("inf"))

    def bursts(self) -> list[Burst]:
        waiting, self.waiting = self.waiting, []
        return waiting

    def work(self) -> bool:
        if self.slices == 0:
            return False
        self.slices -= 1
        self.story.append("work")
        return True


@pytest.fixture
def port() -> Iterator[Port]:
    port = Port(("127.0.0.1", 0))
    yield port
    port.close()


def serve(toy: Toy, port: Port) -> Datapath:
    return Datapath(toy, {"link": Inlet(port, toy.receive)}, work=toy.work, after=lambda: None)


async def test_what_comes_in_is_answered_to_where_it_came_from(
    port: Port, nursery: trio.Nursery
) -> None:
    nursery.start_soon(serve(Toy(), port).run)
    other = Port(("127.0.0.1", 0))
    other.send(Burst(np.full((3, 8), 5, np.uint8), port.place, "link"))
    heard = 0
    with trio.fail_after(5):
        while heard < 3:
            await other.readable()
            heard += len(other.drain().lengths)
    other.close()


async def test_deadlines_are_kept_in_order_and_not_before_their_instants(
    port: Port, nursery: trio.Nursery
) -> None:
    toy = Toy()
    now = Clock.now()
    toy.due = due = [now + 0.02, now + 0.04, now + 0.06]
    nursery.start_soon(serve(toy, port).run)
    await eventually(lambda: len(toy.ticks) >= 3)
    assert all(tick >= instant for tick, instant in zip(toy.ticks, due, strict=True))


async def test_a_wake_up_makes_it_look_again(port: Port, nursery: trio.Nursery) -> None:
    toy = Toy()
    datapath = serve(toy, port)
    nursery.start_soon(datapath.run)
    await trio.testing.wait_all_tasks_blocked()
    toy.due = [Clock.now()]
    datapath.wake()
    await eventually(lambda: bool(toy.ticks))


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


async def test_a_due_tick_goes_before_the_rest_of_a_long_burst(
    port: Port, nursery: trio.Nursery
) -> None:
    sink = Port(("127.0.0.1", 0))
    order: list[int] = []

    class Hasty(Toy):
        def handle_deadline(self, now: float) -> None:
            super().handle_deadline(now)
            mark = 2 if len(self.ticks) > 1 else 1
            count = 300 if mark == 1 else 1
            self.waiting.append(Burst(np.full((count, 4), mark, np.uint8), sink.place, "link"))
            if mark == 1:
                self.due = [now]

    toy = Hasty()
    toy.due = [Clock.now()]
    nursery.start_soon(serve(toy, port).run)
    with trio.fail_after(5):
        while len(order) < 301:
            await sink.readable()
            order += sink.drain().cells[:, 0].tolist()
    sink.close()
    assert order.index(2) == 128
    assert order.count(1) == 300


async def test_two_ports_are_served_alike(port: Port, nursery: trio.Nursery) -> None:
    toy, second = Toy(), Port(("127.0.0.1", 0))
    inlets: dict[Via, Inlet] = {
        "link": Inlet(port, toy.receive),
        "access": Inlet(second, toy.receive),
    }
    nursery.start_soon(Datapath(toy, inlets, work=toy.work, after=lambda: None).run)
    other = Port(("127.0.0.1", 0))
    with trio.fail_after(5):
        for place in (second.place, port.place, second.place):
            other.send(Burst(np.zeros((1, 8), np.uint8), place, "link"))
            await other.readable()
            assert len(other.drain().lengths) == 1
    other.close()
    second.close()
