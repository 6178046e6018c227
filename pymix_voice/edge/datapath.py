"""The datapath: one task that moves datagrams between sockets and a machine, and keeps its time.

    wait for: a readable socket, the machine's deadline, a wake-up from control
    then:     what is due --> drain --> machine --> bursts --> a slice of work, if there is time

A due deadline always goes first, also between the slices of a burst: the instant at which a
round leaves must not show how much else there is to do.

Source: the project's design page, section "Shape of the code" (no threads, slices of work).

Must not know: what a datagram is, what a machine does.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import trio

from pymix_voice.edge.alarm import Alarm
from pymix_voice.edge.clock import Clock, scope_until
from pymix_voice.edge.udp import DRAIN_LIMIT, Port, destinations_of
from pymix_voice.zone.drain import Burst, Drain, Via

WORK_AWAY_S = 0.001
"""A slice of work takes half of this: it is begun only if the next deadline is further away."""


class Machine(Protocol):
    """What the datapath needs of a machine."""

    def handle_deadline(self, now: float) -> None:
        """Do what is due."""

    def deadline(self) -> float:
        """When something is due next."""

    def bursts(self) -> list[Burst]:
        """What is to be sent."""


class Inlet:
    """A port, and who takes what comes in there.

    Args:
        port: the socket.
        take: the machine's method for its drains.
    """

    def __init__(self, port: Port, take: Callable[[Drain, float], None]) -> None:
        self.port = port
        self.take = take


class Datapath:
    """Serves one machine.

    Args:
        machine: any machine.
        inlets: its ports.
        work: does one slice of what can wait; False if there is nothing.
        after: called after each turn, for what is not a datagram: records, notes, sound.
        gather_s: how long the first port's datagrams are gathered before they are taken, if
            nothing is due soon: many from many places cost less together.
    """

    def __init__(
        self,
        machine: Machine,
        inlets: Mapping[Via, Inlet],
        *,
        work: Callable[[], bool],
        after: Callable[[], None],
        gather_s: float = 0.0,
    ) -> None:
        self._machine = machine
        self._work = work
        self._inlets = dict(inlets)
        self._after = after
        self._gather_s = gather_s
        self._alarm = Alarm()
        self._waiting: trio.CancelScope | None = None
        self._woken = False
        self.late_s = 0.0
        """The furthest that a deadline was overrun."""

    def wake(self) -> None:
        """Something happened to the machine: look at it again."""
        self._woken = True
        if self._waiting is not None:
            self._waiting.cancel()

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            await self._serve()
        finally:
            self._alarm.close()

    async def _serve(self) -> None:
        async with trio.open_nursery() as nursery:
            if self._alarm.works:
                nursery.start_soon(self._wake_in_time)
            # Each socket but one has a watcher; the last is waited for here.
            first, *others = self._inlets.values()
            for inlet in others:
                nursery.start_soon(self._watch, inlet.port)
            while True:
                if self._turn():
                    # Between slices of work, control and signals get their turn as well.
                    await trio.lowlevel.checkpoint()
                else:
                    await self._wait(first.port)

    async def _wake_in_time(self) -> None:
        while True:
            await self._alarm.ring()
            self.wake()

    async def _watch(self, port: Port) -> None:
        while True:
            await port.readable()
            self.wake()
            # The datapath drains it now; a full buffer shows again at once.
            await trio.lowlevel.checkpoint()

    async def _wait(self, port: Port) -> None:
        if self._woken:
            self._woken = False
            await trio.lowlevel.checkpoint()
            return
        with self._until(self._machine.deadline()) as self._waiting:
            await port.readable()
            if self._gather_s and self._machine.deadline() - Clock.now() > 4 * self._gather_s:
                await trio.sleep(self._gather_s)
        self._waiting = None
        self._woken = False

    def _until(self, deadline: float) -> trio.CancelScope:
        """What ends when it is time, or somebody wakes us."""
        if not self._alarm.works:
            return scope_until(deadline, Clock.now())
        self._alarm.set(deadline)
        return trio.CancelScope()

    def _turn(self) -> bool:
        """Everything there is to do now; whether there may be more at once."""
        self._keep_time()
        more = False
        for inlet in self._inlets.values():
            drain = inlet.port.drain()
            if len(drain.lengths):
                inlet.take(drain, Clock.now())
                self._send(self._machine.bursts())
                more |= len(drain.lengths) == DRAIN_LIMIT
                self._keep_time()
        if self._machine.deadline() - Clock.now() > WORK_AWAY_S:
            more |= self._work()
            self._send(self._machine.bursts())
        self._after()
        return more

    def _keep_time(self) -> None:
        """Do what is due, and send what comes of it; it may be due again by then."""
        now = Clock.now()
        due = self._machine.deadline()
        if due <= now:
            self.late_s = max(self.late_s, now - due)
            self._machine.handle_deadline(now)
        self._send(self._machine.bursts())

    def _send(self, bursts: list[Burst]) -> None:
        queue = [(burst, 0) for burst in bursts]
        while queue:
            burst, start = queue.pop(0)
            start = self._inlets[burst.via].port.send(burst, start)
            if start < len(burst.datagrams):
                queue.insert(0, (burst, start))
            now = Clock.now()
            if queue and self._machine.deadline() <= now:
                # Views are valid until the machine is called again.
                queue = [(_kept(burst, start), 0) for burst, start in queue]
                self._machine.handle_deadline(now)
                queue = [(burst, 0) for burst in self._machine.bursts()] + queue


def _kept(burst: Burst, start: int) -> Burst:
    """A copy of the rest of a burst."""
    to = destinations_of(burst)
    rest = to[start:] if isinstance(to, list) else to
    return Burst(burst.datagrams[start:].copy(), rest, burst.via, burst.at)
