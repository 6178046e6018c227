"""Feeds, measures and checks the naive mix or gateway.

    python -m pymix_voice.lab.peers.naive_run mix|gateway ROWS SECONDS CPU

The hop is this process; a forked child is the world around it, on the other CPUs: it sends a round
in both directions, takes off what comes out, opens one cell of each direction, and goes on to the
next round. What counts is the hop's CPU time by cells sent.

Must not know: how the hop works, beyond what its neighbours know of it.
"""

import ctypes
import mmap
import os
import signal
import socket
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Literal

import msgspec
import trio

from pymix_voice.geometry import KEY_BYTES
from pymix_voice.lab.peers.measured import GRACE_S, Measured, PeerError, measured_by
from pymix_voice.lab.peers.naive import (
    BACKWARD,
    FORWARD,
    MOST_BYTES,
    Client,
    Gateway,
    Hop,
    Link,
    Mix,
    layer,
    serve,
    xor,
)
from pymix_voice.lab.peers.sizes import CELL_BYTES

Mode = Literal["mix", "gateway"]

CIPHER = "chacha20-poly1305"
WARM_S = 0.2
PATIENCE_S = 5.0
"""The world ends when nothing comes for so long."""
BUFFER_BYTES = 4 << 20
_PR_SET_PDEATHSIG = 1


async def measure(mode: Mode, rows: int, seconds: float, cpu: int | None = None) -> Measured:
    """Run it once, as a process of its own.

    Args:
        mode: a middle mix in both directions, or a gateway with a client for each row.
        rows: a round has to fit into a socket's buffer: 200 do everywhere.
        seconds: of measuring, by the clock.
        cpu: where the hop runs, and none of the world if there are more.

    Raises:
        PeerError: if it cannot; a cell that came out wrong or not at all is a failure too.
    """
    arguments = [mode, str(rows), str(seconds), str(-1 if cpu is None else cpu)]
    return await measured_by([sys.executable, "-m", __name__, *arguments], seconds)


def _udp_socket() -> socket.socket:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    udp.bind(("127.0.0.1", 0))
    udp.settimeout(PATIENCE_S)
    return udp


def _keys() -> tuple[bytes, bytes]:
    return os.urandom(KEY_BYTES), os.urandom(KEY_BYTES)


class World(ABC):
    """All neighbours of a hop, in one process.

    Args:
        rows: cells in a round and direction.
        fronts: sockets before the hop: one for each row, or one for all.

    Attributes:
        ends: the hop's own sockets, towards before and after.
    """

    hop: Hop

    def __init__(self, rows: int, fronts: int) -> None:
        self.rows = rows
        self.ends = _udp_socket(), _udp_socket()
        self._after = _udp_socket()
        self._before = [_udp_socket() for _ in range(fronts)]
        self._after_link = Link(self._after.getsockname(), _keys())
        # What is said does not matter, and every round says the same.
        self._said = [[os.urandom(CELL_BYTES) for _ in range(rows)] for _ in range(2)]

    def close(self) -> None:
        """Give the sockets back."""
        for each in (*self.ends, self._after, *self._before):
            each.close()

    def play(self, number: int) -> None:
        """One round, and a look at one cell of each direction.

        Raises:
            TimeoutError: if not all of it comes out.
            CryptoError: if a cell does not open.
            AssertionError: if it is another cell.
        """
        fronts = [self._before[row % len(self._before)] for row in range(self.rows)]
        up = [self.datagram_up(number, row) for row in range(self.rows)]
        said = enumerate(self._said[BACKWARD])
        down = [self._after_link.seal(BACKWARD, number, row, cell) for row, cell in said]
        # All at once, so that the hop never has to wait for the next one within a round.
        for each, datagram in zip(fronts, up, strict=True):
            each.sendto(datagram, self.ends[0].getsockname())
        for datagram in down:
            self._after.sendto(datagram, self.ends[1].getsockname())
        ups = [self._after.recv(MOST_BYTES) for _ in fronts]
        downs = [each.recv(MOST_BYTES) for each in fronts]
        looked_at = number % self.rows
        for direction, (row, cell) in (
            (FORWARD, self.heard_up(ups[looked_at])),
            (BACKWARD, self.heard_down(downs[looked_at], looked_at)),
        ):
            assert cell == self._said[direction][row], "a cell came out wrong"

    @abstractmethod
    def datagram_up(self, number: int, row: int) -> bytes:
        """What comes from before."""

    @abstractmethod
    def heard_up(self, datagram: bytes) -> tuple[int, bytes]:
        """From which row before a datagram after must be, and its cell."""

    @abstractmethod
    def heard_down(self, datagram: bytes, row: int) -> tuple[int, bytes]:
        """From which row after a datagram before must be, and its cell."""


class AroundMix(World):
    """The mix before and the mix after."""

    def __init__(self, rows: int) -> None:
        super().__init__(rows, fronts=1)
        self._before_link = Link(self._before[0].getsockname(), _keys())
        self._circuits = [_keys() for _ in range(rows)]
        self.hop = self._mix = Mix(self._before_link, self._after_link, self._circuits)

    def datagram_up(self, number: int, row: int) -> bytes:
        """From the mix before."""
        return self._before_link.seal(FORWARD, number, row, self._said[FORWARD][row])

    def heard_up(self, datagram: bytes) -> tuple[int, bytes]:
        """At the mix after."""
        number, place, cell = self._after_link.open(FORWARD, datagram)
        row = self._mix.order[place]
        return row, xor(cell, layer(self._circuits[row][FORWARD], FORWARD, number))

    def heard_down(self, datagram: bytes, row: int) -> tuple[int, bytes]:
        """At the mix before."""
        number, row, cell = self._before_link.open(BACKWARD, datagram)
        key = self._circuits[row][BACKWARD]
        return self._mix.order.index(row), xor(cell, layer(key, BACKWARD, number))


class AroundGateway(World):
    """Clients, each with a socket of its own, and the first mix."""

    def __init__(self, rows: int) -> None:
        super().__init__(rows, fronts=rows)
        self._clients = [Client(row, 1000 + 7 * row, _keys()) for row in range(rows)]
        self.hop = Gateway(self._clients, self._after_link)

    def datagram_up(self, number: int, row: int) -> bytes:
        """From a client."""
        return self._clients[row].seal(FORWARD, number, self._said[FORWARD][row])

    def heard_up(self, datagram: bytes) -> tuple[int, bytes]:
        """At the first mix."""
        _, row, cell = self._after_link.open(FORWARD, datagram)
        return row, cell

    def heard_down(self, datagram: bytes, row: int) -> tuple[int, bytes]:
        """At a client."""
        _, text = self._clients[row].open(BACKWARD, datagram)
        return row, text[:CELL_BYTES]


@contextmanager
def _child(play: Callable[[int], None], played: memoryview) -> Iterator[None]:
    """The world goes round in a process of its own until this is left, or this process is gone.

    Raises:
        PeerError: if it has ended by then: it does when something is wrong.
    """
    pid = os.fork()
    if pid == 0:
        code = 1
        with suppress(BaseException):  # whatever it is, nothing of the parent may run here
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            for number in count():
                play(number)
                played[0] = number + 1
        os._exit(code)
    ended = 0
    try:
        yield
        ended, _ = os.waitpid(pid, os.WNOHANG)
        if ended:
            raise PeerError("a cell came out wrong, or not at all")
    finally:
        if not ended:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def run(mode: Mode, rows: int, seconds: float, cpu: int | None) -> Measured:
    """Measure in this process, with a child as the world.

    Raises:
        PeerError: if nothing came through, or not what should have.
    """
    world = AroundMix(rows) if mode == "mix" else AroundGateway(rows)
    played = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("Q")  # shared with the child
    ours = os.sched_getaffinity(0)
    try:
        if cpu is not None:
            os.sched_setaffinity(0, ours - {cpu} or {cpu})
        with _child(world.play, played):
            if cpu is not None:
                os.sched_setaffinity(0, {cpu})
            cells, cpu_s = trio.run(_spent, world, seconds)
        return Measured.of(mode, CIPHER, rows, cells, cpu_s, verified=2 * played[0])
    finally:
        os.sched_setaffinity(0, ours)
        world.close()


async def _spent(world: World, seconds: float) -> tuple[int, float]:
    """Cells sent and CPU seconds spent, once it is warm."""
    cells = 0

    def sent(more: int) -> None:
        nonlocal cells
        cells += more

    before, after = (trio.socket.from_stdlib_socket(end.dup()) for end in world.ends)
    with before, after:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, world.hop, before, after, sent)
            await trio.sleep(WARM_S)
            cells, since = 0, time.process_time()
            await trio.sleep(seconds)
            spent = time.process_time() - since
            nursery.cancel_scope.cancel()
    return cells, spent


def main(mode: str, rows: str, seconds: str, cpu: str) -> None:
    """Print what was measured; end by force if it takes far too long."""
    signal.alarm(int(float(seconds) + GRACE_S))
    kind: Mode = "gateway" if mode == "gateway" else "mix"
    measured = run(kind, int(rows), float(seconds), None if cpu == "-1" else int(cpu))
    sys.stdout.write(msgspec.json.encode(measured).decode() + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
