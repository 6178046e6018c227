"""The datapath: one task that moves datagrams between sockets and a machine, and keeps its time.

    wait for: a readable socket, the machine's deadline, a wake-up from control
    then:     what is due --> drain --> machine --> bursts --> a slice of work, if there is time

A due deadline always goes first, also between the slices of a burst: the instant at which a
round leaves must not show how much else there is to do.

Source: the project's design page, section "Shape of the code" (no threads, slices of work).

Must not know: what a datagram is, what a machine does.
"""

import gc
import math
from collections.abc import Callable, Mapping
from typing import Protocol

import trio

from pymix_voice.edge.clock import Clock
from pymix_voice.edge.tardiness import Tardiness
from pymix_voice.edge.udp import DRAIN_LIMIT, Port
from pymix_voice.edge.waiting import Waiting
from pymix_voice.zone.drain import Burst, Drain, Via

WORK_AWAY_S = 0.001
"""A slice of work takes half of this: it is begun only if the next deadline is further away."""
MOST_DRAINS = 16
"""What is due waits for no more."""
WORK_ROW_S = 0.0015
"""Slices follow one another for so long, with a look at the sockets between them; then there is a
pause. To sleep and wake up costs a quarter of a slice."""
PAUSE_SHARE = 0.25
"""A pause takes this part of the work before it. A process of real-time priority that never sleeps
is stopped by the kernel for 50 ms in every second, and loses rounds."""
GATHERED_AHEAD_S = 0.001
"""What was gathered is taken so long before something is due, and what comes then right at it."""
TIDY_S = 1.0
"""How often garbage is looked for, when nothing else is to be done."""
TIDY_ALL_EVERY = 64
"""So many times only among what is new, then among all: that takes several milliseconds."""


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
        before_due: whether what has come is taken before what is due is done: a round must not be
            sent on, or given up, while the rest of it lies in the socket.
    """

    def __init__(
        self, port: Port, take: Callable[[Drain, float], None], *, before_due: bool = False
    ) -> None:
        self.port = port
        self.take = take
        self.before_due = before_due

    def drain(self) -> int:
        """Let the machine take what has come; how many datagrams that were."""
        drain = self.port.drain()
        if len(drain.lengths):
            self.take(drain, Clock.now())
        return len(drain.lengths)

    def drain_all(self) -> None:
        """Let it take all that has come, however much that is."""
        for _ in range(MOST_DRAINS):
            if not self.drain():
                return


class Datapath:
    """Serves one machine.

    Args:
        machine: any machine.
        inlets: its ports.
        work: does one slice of what can wait; False if there is nothing.
        after: called after each turn, for what is not a datagram: records, notes, sound.
        gather_s: how long the first port's datagrams are gathered before they are taken: many from
            many places cost less together.
        interrupts: whether what is due goes between the slices of a burst, as a tick does.
        tidies: whether garbage is looked for here, in idle moments, and nowhere else.

    Attributes:
        late: how late what was due was begun. What is due may be a round that has just come: its
            work begins with the first datagram of the row of drains that completed it.
        done: how late the last datagram that came of it was handed to the system.
    """

    def __init__(
        self,
        machine: Machine,
        inlets: Mapping[Via, Inlet],
        *,
        work: Callable[[], bool],
        after: Callable[[], None],
        gather_s: float = 0.0,
        interrupts: bool = True,
        tidies: bool = False,
    ) -> None:
        self._machine = machine
        self._work = work
        self._inlets = dict(inlets)
        self._before_due = [inlet for inlet in inlets.values() if inlet.before_due]
        self._after = after
        self._gather_s = gather_s
        self._interrupts = interrupts
        first, *others = (inlet.port for inlet in inlets.values())
        self._any, self._others = Waiting([first, *others]), Waiting(others)
        self._waiting: trio.CancelScope | None = None
        self._woken = False
        self._work_at = math.inf
        """When the next slice of work may begin; never, as long as none is known of."""
        self._worked_s = 0.0
        """How long it was worked since the last pause."""
        self._tidies = tidies
        self._tidied = 0
        self._tidy_at = Clock.now() + TIDY_S
        self._drains: tuple[float, float] | None = None
        """When drains began between which nothing else was done, and what was due next then."""
        self.late = Tardiness("late")
        self.done = Tardiness("done")

    def wake(self) -> None:
        """Something happened to the machine: look at it again."""
        self._woken = True
        if self._waiting is not None:
            self._waiting.cancel()

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            while True:
                if self._turn():
                    # Control and signals get their turn as well.
                    await trio.lowlevel.checkpoint()
                else:
                    await self._wait()
        finally:
            self._any.close()
            self._others.close()

    async def _wait(self) -> None:
        self._drains = None
        if self._woken:
            self._woken = False
            await trio.lowlevel.checkpoint()
            return
        deadline = self._machine.deadline()
        if deadline - Clock.now() > WORK_AWAY_S:
            deadline = min(deadline, self._work_at)
        with trio.CancelScope() as self._waiting:
            await self._any.until(deadline)
            if self._gather_s:
                # More will come, and a wake-up takes as long as many of them.
                await self._others.until(self._gathered_at(deadline))
        self._waiting = None
        self._woken = False

    def _gathered_at(self, deadline: float) -> float:
        """When what came now is taken: some time before the deadline, or else right at it."""
        now = Clock.now()
        early = min(now + self._gather_s, deadline - GATHERED_AHEAD_S)
        return early if early > now else deadline

    def _turn(self) -> bool:
        """Everything there is to do now; whether there may be more at once."""
        due = self._keep_time()
        more = False
        for inlet in self._inlets.values():
            before = Clock.now(), due
            came = inlet.drain()
            if came:
                self._drains = self._drains or before
                more |= came >= DRAIN_LIMIT
                due = self._keep_time()
        # What lies in a socket is of a round, mostly, that waits for the rest of it.
        if not more and due - Clock.now() > WORK_AWAY_S:
            more = self._work_a_little()
            if self._tidies and self._work_at == math.inf:
                self._tidy()
        self._after()
        return more

    def _work_a_little(self) -> bool:
        """One slice, if it is time for one; whether the next may follow without a pause."""
        start = Clock.now()
        if start < self._work_at < math.inf:
            return False
        worked = self._work()
        if worked:
            self._drains = None
        self._send(self._machine.bursts())
        end = Clock.now()
        self._worked_s += end - start
        if worked and self._worked_s < WORK_ROW_S:
            self._work_at = end
            return True
        self._work_at = end + PAUSE_SHARE * self._worked_s if worked else math.inf
        self._worked_s = 0.0
        return False

    def _tidy(self) -> None:
        """Look for garbage, now that there is time."""
        now = Clock.now()
        if now >= self._tidy_at:
            self._tidied += 1
            gc.collect(2 if self._tidied % TIDY_ALL_EVERY == 0 else 1)
            self._tidy_at = now + TIDY_S

    def _keep_time(self) -> float:
        """Do what is due, and send what comes of it; when something is due next, maybe again."""
        due, now = self._machine.deadline(), Clock.now()
        if due > now:
            self._send(self._machine.bursts())
            return due
        self.late.note(max(0.0, self._begun(due, now) - due))
        for inlet in self._before_due:
            inlet.drain_all()
        self._drains = None
        self._machine.handle_deadline(Clock.now())
        self._send(self._machine.bursts())
        self.done.note(Clock.now() - due)
        return self._machine.deadline()

    def _begun(self, due: float, now: float) -> float:
        """When work was begun on what is due now."""
        if self._drains is None:
            return now
        since, planned = self._drains
        # What was due anyhow waited for the drains; a round that they made whole is worked on
        # since the first of them.
        return now if due == planned else since

    def _send(self, bursts: list[Burst]) -> None:
        queue = [(burst, 0) for burst in bursts]
        while queue:
            burst, start = queue.pop(0)
            start = self._inlets[burst.via].port.send(burst, start)
            if start < len(burst.datagrams):
                queue.insert(0, (burst, start))
            if queue and self._interrupts and self._machine.deadline() <= Clock.now():
                # Views are valid until the machine is called again.
                queue = [(_kept(burst, start), 0) for burst, start in queue]
                self._keep_time()


def _kept(burst: Burst, start: int) -> Burst:
    """A copy of the rest of a burst."""
    to = burst.to if isinstance(burst.to, bytes) else burst.to[start:].copy()
    return Burst(burst.datagrams[start:].copy(), to, burst.via, burst.at)
