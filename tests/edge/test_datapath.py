"""The datapath: deadlines first, what comes in, bursts in slices."""

import sys
from collections.abc import Iterator

import numpy as np
import pytest
import trio
import trio.testing
from eventually import eventually
from numpy.typing import NDArray
from toymachine import LOCAL, Toy, serve

from pymix_voice.edge.clock import Clock
from pymix_voice.edge.datapath import Datapath, Inlet
from pymix_voice.edge.gso import LINK_LIMIT
from pymix_voice.edge.tardiness import Tardiness, percentiles_ms
from pymix_voice.edge.udp import DRAIN_LIMIT, Port, open_port
from pymix_voice.zone.drain import ADDRESS, Address, Addresses, Burst, Drain, Via

pytestmark = pytest.mark.live

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="such calls are Linux's")


@pytest.fixture
def port() -> Iterator[Port]:
    port = Port(("127.0.0.1", 0))
    yield port
    port.close()


async def test_what_comes_in_is_answered_to_where_it_came_from(
    port: Port, nursery: trio.Nursery
) -> None:
    nursery.start_soon(serve(Toy(), port).run)
    other = Port(("127.0.0.1", 0))
    other.send(Burst(np.full((3, 8), 5, np.uint8), port.address, "link"))
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


class Hasty(Toy):
    """Has a long burst to send, and is due again while that is on its way."""

    def __init__(self, rows: int, to: Addresses | Address) -> None:
        super().__init__()
        self.to = to
        self.due = [Clock.now()]
        self.long: NDArray[np.uint8] = np.zeros((rows, 8), np.uint8)
        self.long[:, :4].view("<u4")[:, 0] = np.arange(rows)

    def handle_deadline(self, now: float) -> None:
        super().handle_deadline(now)
        if len(self.ticks) == 1:
            self.waiting.append(Burst(self.long, self.to, "link"))
            self.due = [now]
        else:
            # What a machine hands out is its own again from the next call on.
            self.long[:] = 255
            to = self.to if isinstance(self.to, bytes) else self.to[:1]
            self.waiting.append(Burst(np.full((1, 8), 77, np.uint8), to, "link"))


KINDS = [
    pytest.param(None, True, DRAIN_LIMIT, id="plain"),
    pytest.param(8, True, DRAIN_LIMIT, id="plain-sized"),
    pytest.param(None, False, DRAIN_LIMIT, id="many", marks=on_linux),
    pytest.param(8, False, LINK_LIMIT, id="link", marks=on_linux),
]


@pytest.mark.parametrize("each_its_own", [False, True])
@pytest.mark.parametrize(("size", "plain", "limit"), KINDS)
async def test_a_due_tick_goes_before_the_rest_of_a_long_burst(
    size: int | None, plain: bool, limit: int, each_its_own: bool, nursery: trio.Nursery
) -> None:
    rows = limit + limit // 4
    first: list[int] = []
    with Port(LOCAL, 2 * rows * 832) as sink, open_port(LOCAL, size=size, plain=plain) as port:
        to = np.array([sink.address] * rows, ADDRESS) if each_its_own else sink.address
        toy = Hasty(rows, to)
        datapath = serve(toy, port)
        nursery.start_soon(datapath.run)
        with trio.fail_after(5):
            while len(first) < rows + 1:
                await sink.readable()
                first += sink.drain().cells[:, :4].copy().view("<u4")[:, 0].tolist()
        nursery.cancel_scope.cancel()
    tick = int.from_bytes(bytes([77] * 4), "little")
    assert first == [*range(limit), tick, *range(limit, rows)]
    assert datapath.late.counts.sum() == len(toy.ticks) == 2


async def test_two_ports_are_served_alike(port: Port, nursery: trio.Nursery) -> None:
    toy, second = Toy(), Port(("127.0.0.1", 0))
    inlets: dict[Via, Inlet] = {
        "link": Inlet(port, toy.receive),
        "access": Inlet(second, toy.receive),
    }
    nursery.start_soon(Datapath(toy, inlets, work=toy.work, after=lambda: None).run)
    other = Port(("127.0.0.1", 0))
    with trio.fail_after(5):
        for address in (second.address, port.address, second.address):
            other.send(Burst(np.zeros((1, 8), np.uint8), address, "link"))
            await other.readable()
            assert len(other.drain().lengths) == 1
    other.close()
    second.close()


async def test_what_comes_soon_after_is_taken_together_if_nothing_is_due(
    nursery: trio.Nursery,
) -> None:
    toy = Toy()
    with Port(LOCAL) as port, Port(LOCAL) as other:
        inlets: dict[Via, Inlet] = {"link": Inlet(port, toy.receive)}
        datapath = Datapath(toy, inlets, work=toy.work, after=lambda: None, gather_s=0.15)
        nursery.start_soon(datapath.run)
        await trio.testing.wait_all_tasks_blocked()
        for mark in range(3):
            other.send(Burst(np.full((1, 8), mark, np.uint8), port.address, "link"))
            await trio.sleep(0.002)
        await eventually(lambda: bool(toy.story))
        assert toy.story == ["took 3"]
        # Nearer than four times as long, nothing is gathered.
        toy.due = [Clock.now() + 0.55]
        datapath.wake()
        await trio.testing.wait_all_tasks_blocked()
        for mark in range(3):
            other.send(Burst(np.full((1, 8), mark, np.uint8), port.address, "link"))
            await eventually(lambda: len(toy.story) == 2 + mark)  # noqa: B023 - at once
        assert "tick" not in toy.story
        nursery.cancel_scope.cancel()


# ── how late ─────────────────────────────────────────────────────────────────────────────


def most_ms(tardiness: Tardiness) -> float:
    """The latest of all, or a tenth more."""
    return percentiles_ms(tardiness.counts, (100,))[0]


async def test_it_is_noted_how_late_what_was_due_was_begun(
    port: Port, nursery: trio.Nursery
) -> None:
    toy = Toy()
    began = Clock.now()
    toy.due = [began - 0.25]
    datapath = serve(toy, port)
    assert not datapath.late.counts.any()
    nursery.start_soon(datapath.run)
    await eventually(lambda: bool(toy.ticks))
    assert datapath.late.counts.sum() == 1
    late_ms = 1000 * (toy.ticks[0] - began + 0.25)
    assert datapath.late.figures()["late_ms_most"] == pytest.approx(late_ms, abs=2)


async def test_only_what_is_due_is_noted_not_every_turn(port: Port, nursery: trio.Nursery) -> None:
    toy = Toy()
    toy.slices = 20
    now = Clock.now()
    toy.due = [now + 0.01, now + 0.02, now + 0.03]
    datapath = serve(toy, port)
    nursery.start_soon(datapath.run)
    await eventually(lambda: not toy.due and not toy.slices)
    assert datapath.late.counts.sum() == len(toy.ticks)


class Opener(Toy):
    """Takes long to open what comes; a round is whole with so many datagrams, if with any."""

    def __init__(self, until: float, whole: float = float("inf")) -> None:
        super().__init__()
        self.until = until
        self.missing = whole
        self.came = float("inf")

    def receive(self, drain: Drain, now: float) -> None:
        super().receive(drain, now)
        while Clock.now() < self.until:
            pass
        self.missing -= len(drain.lengths)
        # All of it lay in the socket when the first of it was taken.
        self.came = min(self.came, drain.came)
        if self.missing == 0:
            self.due = [self.came]


@pytest.mark.parametrize("datagrams", [1, DRAIN_LIMIT + 1])
async def test_a_round_is_begun_when_what_completes_it_is_taken(
    port: Port, nursery: trio.Nursery, datagrams: int
) -> None:
    toy = Opener(Clock.now() + 0.1, whole=datagrams)
    datapath = serve(toy, port)
    with Port(LOCAL) as other:
        for _ in range(datagrams):
            other.send(Burst(np.zeros((1, 8), np.uint8), port.address, "link"))
        sent = Clock.now()
        nursery.start_soon(datapath.run)
        await eventually(lambda: bool(toy.ticks))
    opening_ms = 1000 * (toy.until - sent)
    assert most_ms(datapath.late) < 0.5 * opening_ms < most_ms(datapath.done)


async def test_what_was_due_anyhow_waits_for_what_is_taken(
    port: Port, nursery: trio.Nursery
) -> None:
    began = Clock.now()
    toy = Opener(began + 0.1)
    toy.due = [began + 0.05]
    datapath = serve(toy, port)
    with Port(LOCAL) as other:
        other.send(Burst(np.zeros((1, 8), np.uint8), port.address, "link"))
        nursery.start_soon(datapath.run)
        await eventually(lambda: bool(toy.ticks))
    assert toy.story[0].startswith("took")
    assert most_ms(datapath.late) >= 49
