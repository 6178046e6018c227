"""Workers: whose datagram it is, is told by its session id; who ends is started again."""

import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
import trio
from eventually import eventually
from sizes import UP_BYTES
from zones import example_zone

from pymix_voice.client.connection import Connection
from pymix_voice.edge import workers as workers_module
from pymix_voice.edge.places import Place
from pymix_voice.edge.report import Report
from pymix_voice.edge.running import run
from pymix_voice.edge.workers import run_workers, shared_sockets
from pymix_voice.errors import ConfigError
from pymix_voice.geometry import MAX_WORKERS
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.access import EPHEMERAL_AT, NO_SESSION, RETRY_BYTES

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(sys.platform != "linux", reason="sockets are shared so on Linux"),
]

LOCAL = ("127.0.0.1", 0)
ZONE = example_zone()


@contextmanager
def shared(workers: int, place: Place = LOCAL) -> Iterator[list[socket.socket]]:
    sockets = shared_sockets(place, workers)
    with ExitStack() as stack:
        for sock in sockets:
            sock.setblocking(False)
            stack.enter_context(sock)
        yield sockets


@contextmanager
def sources(count: int, host: str = LOCAL[0]) -> Iterator[list[socket.socket]]:
    """Sockets with as many source ports."""
    with ExitStack() as stack:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        made = [stack.enter_context(socket.socket(family, socket.SOCK_DGRAM)) for _ in range(count)]
        for sock in made:
            sock.bind((host, 0))
        yield made


def taken(sockets: Sequence[socket.socket]) -> list[list[bytes]]:
    """What has come for each worker."""
    found: list[list[bytes]] = [[] for _ in sockets]
    for number, sock in enumerate(sockets):
        with suppress(BlockingIOError):
            while True:
                found[number].append(sock.recv(2048))
    return found


def worker_of(four: bytes, workers: int) -> int:
    return int.from_bytes(four, "big") % workers


# ── which socket ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("workers", [2, 3, MAX_WORKERS])
def test_cells_go_where_their_session_id_leads_whatever_port_they_come_from(
    workers: int, host: str
) -> None:
    dice = Dice.seeded(workers)
    with shared(workers, (host, 0)) as sockets, sources(50, host) as people:
        place = sockets[0].getsockname()
        sent = [dice.bytes(UP_BYTES) for _ in range(500)]
        for number, datagram in enumerate(sent):
            people[number % len(people)].sendto(datagram, place)
        assert taken(sockets) == [
            [each for each in sent if worker_of(each[:4], workers) == number]
            for number in range(workers)
        ]


def test_one_session_is_found_from_everywhere() -> None:
    with shared(4) as sockets, sources(100) as people:
        place = sockets[0].getsockname()
        for number, sock in enumerate(people):
            sock.sendto(b"\1\2\3\6" + bytes([number]) + bytes(UP_BYTES - 5), place)
        assert [len(each) for each in taken(sockets)] == [0, 0, 100, 0]


@pytest.mark.parametrize("workers", [2, 5])
def test_hellos_are_spread_by_their_own_key_and_come_again_to_the_same_worker(workers: int) -> None:
    with shared(workers) as sockets, sources(2) as people:
        place = sockets[0].getsockname()
        counts = [0] * workers
        for seed in range(60):
            connection = Connection(ZONE, 0, Dice.seeded(seed), 0.0)
            hello = connection.try_again(0.0)
            assert hello is not None
            assert hello[:4] == NO_SESSION
            again = connection.take_retry(Dice.seeded(seed).bytes(RETRY_BYTES))
            assert again != hello
            people[0].sendto(hello, place)
            people[1].sendto(again, place)
            number = worker_of(hello[EPHEMERAL_AT : EPHEMERAL_AT + 4], workers)
            assert [set(each) for each in taken(sockets)] == [
                {hello, again} if index == number else set() for index in range(workers)
            ]
            counts[number] += 1
        assert min(counts) > 0


@pytest.mark.parametrize("datagram", [b"", b"abc", bytes(4), bytes(EPHEMERAL_AT + 3)])
def test_what_is_too_short_to_tell_goes_to_the_first(datagram: bytes) -> None:
    with shared(3) as sockets, sources(20) as people:
        for sock in people:
            sock.sendto(datagram, sockets[0].getsockname())
        assert [len(each) for each in taken(sockets)] == [20, 0, 0]


# ── whether at all ───────────────────────────────────────────────────────────────────────


def test_a_port_in_use_is_told_by_whomever_it_is_used() -> None:
    with shared(2) as sockets, pytest.raises(ConfigError, match="is in use on this computer"):
        shared_sockets(sockets[0].getsockname(), 2)
    with sources(1) as (other,), pytest.raises(ConfigError, match="is in use on this computer"):
        shared_sockets(other.getsockname(), 2)


def test_closed_sockets_leave_the_port_free() -> None:
    with shared(3) as sockets:
        place = sockets[0].getsockname()
        assert {sock.getsockname() for sock in sockets} == {place}
    with shared(2, place):
        pass


# ── processes ────────────────────────────────────────────────────────────────────────────

ANSWERS = """
import os, socket, sys
sock = socket.socket(fileno=int(sys.argv[2]))
while True:
    datagram, source = sock.recvfrom(2048)
    sock.sendto(b"%d %d %s" % (int(sys.argv[1]), os.getpid(), datagram[:4].hex().encode()), source)
"""
"""A stand-in for a worker: it says its number."""


def answering(number: int, sock: int) -> list[str]:
    return [sys.executable, "-S", "-c", ANSWERS, str(number), str(sock)]


class Answer(NamedTuple):
    worker: int
    pid: int
    asked: str


class Caller:
    """Asks whoever has a session id, from a port that is new each time."""

    def __init__(self) -> None:
        with sources(1) as (free,):
            self.place: Place = free.getsockname()

    async def ask(self, session_id: bytes) -> Answer:
        with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            with trio.fail_after(10):
                await sock.sendto(session_id.ljust(UP_BYTES, b"\0"), self.place)
                words = (await sock.recv(100)).split()
        return Answer(int(words[0]), int(words[1]), words[2].decode())


@pytest.fixture
def caller(monkeypatch: pytest.MonkeyPatch) -> Caller:
    monkeypatch.setattr(workers_module, "AGAIN_S", 0.02)
    return Caller()


def report() -> Report:
    return Report("gateway-workers", as_json=False)


def gone(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return False
    return True


@pytest.mark.slow
async def test_who_is_killed_comes_back_in_its_old_place_and_the_others_notice_nothing(
    caller: Caller, nursery: trio.Nursery
) -> None:
    start = partial(run_workers, caller.place, 3, answering, report())
    nursery.start_soon(start)
    await eventually(lambda: in_use(caller.place))
    ids = [bytes([9, 9, 9, number]) for number in range(12)]
    before = [await caller.ask(each) for each in ids]
    assert [each.worker for each in before] == [worker_of(each, 3) for each in ids]
    assert [each.asked for each in before] == [each.hex() for each in ids]
    pids = [next(each.pid for each in before if each.worker == number) for number in range(3)]
    assert len(set(pids)) == 3
    for killed in (1, 0, 1):
        os.kill(pids[killed], signal.SIGKILL)
        await eventually(partial(gone, pids[killed]))
        # What comes while nobody is there waits in the socket, which nobody closed.
        after = [await caller.ask(each) for each in ids]
        assert [each.worker for each in after] == [worker_of(each, 3) for each in ids]
        new = [next(each.pid for each in after if each.worker == number) for number in range(3)]
        assert [new[number] != pids[number] for number in range(3)] == [
            number == killed for number in range(3)
        ]
        pids = new
    nursery.cancel_scope.cancel()


def in_use(place: Place) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind(place)
        except OSError:
            return True
    return False


STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + ANSWERS


@pytest.mark.slow
@pytest.mark.parametrize("program", [ANSWERS, STUBBORN], ids=["willing", "stubborn"])
async def test_all_end_when_it_is_cancelled_even_those_who_will_not(
    program: str, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers_module, "GRACE_S", 0.2)

    def command(number: int, sock: int) -> list[str]:
        return [sys.executable, "-S", "-c", program, str(number), str(sock)]

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_workers, caller.place, 2, command, report())
        await eventually(lambda: in_use(caller.place))
        pids = [(await caller.ask(bytes([1, 1, 1, number]))).pid for number in range(2)]
        assert not any(gone(pid) for pid in pids)
        nursery.cancel_scope.cancel()
    assert all(gone(pid) for pid in pids)
    assert not in_use(caller.place)


@pytest.mark.slow
async def test_a_signal_ends_it_in_order(caller: Caller) -> None:
    pids: list[int] = []

    async def end_soon() -> None:
        await eventually(lambda: in_use(caller.place))
        pids.extend([(await caller.ask(bytes([1, 1, 1, number]))).pid for number in range(2)])
        os.kill(os.getpid(), signal.SIGTERM)

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(end_soon)
            await run_workers(caller.place, 2, answering, report())
    assert len(pids) == 2
    assert all(gone(pid) for pid in pids)


@pytest.mark.slow
@pytest.mark.parametrize("code", [1, 2])
def test_a_worker_that_told_what_to_do_ends_all_of_it(
    code: int, caller: Caller, tmp_path: Path
) -> None:
    noted = tmp_path / "pid"

    def command(number: int, sock: int) -> list[str]:
        if number == 0:
            program = f"import os; open({str(noted)!r}, 'w').write(str(os.getpid()))\n{ANSWERS}"
        else:
            # As soon as the other is there.
            program = (
                f"import os, sys, time\nwhile not (os.path.exists({str(noted)!r}) and "
                f"os.path.getsize({str(noted)!r})): time.sleep(0.01)\nsys.exit({code})"
            )
        return [sys.executable, "-S", "-c", program, str(number), str(sock)]

    with pytest.raises(ConfigError, match="worker 2 cannot run; why, it has said above"):
        run(partial(run_workers, caller.place, 2, command, report()))
    assert gone(int(noted.read_text()))
    assert not in_use(caller.place)


@pytest.mark.slow
@pytest.mark.parametrize("code", [0, 3, 70])
async def test_any_other_end_is_told_and_mended(
    code: int, caller: Caller, capfd: pytest.CaptureFixture[str], nursery: trio.Nursery
) -> None:
    starts: list[int] = []

    def command(number: int, sock: int) -> list[str]:
        starts.append(number)
        if starts.count(1) == 1 and number == 1:
            return [sys.executable, "-S", "-c", f"raise SystemExit({code})"]
        return answering(number, sock)

    nursery.start_soon(run_workers, caller.place, 2, command, Report(f"g{code}", as_json=False))
    await eventually(lambda: in_use(caller.place))
    assert (await caller.ask(b"\1\1\1\1")).worker == 1
    assert sorted(starts) == [0, 1, 1]
    nursery.cancel_scope.cancel()
    assert capfd.readouterr().err == f"g{code}: worker 2 has ended, and is started again\n"


def test_a_port_that_cannot_be_had_starts_nobody(caller: Caller) -> None:
    with sources(1) as (other,), pytest.raises(ConfigError, match="in use"):
        run(partial(run_workers, other.getsockname(), 2, answering, report()))
