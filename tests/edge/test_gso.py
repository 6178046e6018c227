"""The port for mix links: what is only there because the system cuts and joins."""

import errno
import socket
import struct
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np
import pytest
import trio
from sizes import CHUNK_BYTES

from pymix_voice.edge.clock import Clock
from pymix_voice.edge.gso import LINK_LIMIT, SEGMENTS, LinkPort
from pymix_voice.edge.places import address_of
from pymix_voice.edge.port import STALE_S
from pymix_voice.zone.drain import ADDRESS, Address, Burst

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux cuts and joins"),
]

LOCAL = ("127.0.0.1", 0)
SIZE = CHUNK_BYTES


class Uncut(socket.socket):
    """A socket of a system that does not cut, for a reason."""

    reason = errno.EIO
    asked = 0

    def sendmsg(self, *given: Any) -> NoReturn:
        self.asked += 1
        raise OSError(self.reason, "no")


class Restamped(socket.socket):
    """A socket of a system whose clock has been set."""

    by_s = 0

    def recvmsg_into(self, *given: Any) -> tuple[int, list[tuple[int, int, bytes]], int, Any]:
        length, words, flags, source = super().recvmsg_into(*given)
        return length, [self._restamped(*word) for word in words], flags, source

    def _restamped(self, level: int, kind: int, value: bytes) -> tuple[int, int, bytes]:
        if (level, kind) != (socket.SOL_SOCKET, 35):
            return level, kind, value
        seconds, nanoseconds = struct.unpack("@ll", value)
        return level, kind, struct.pack("@ll", seconds + self.by_s, nanoseconds)


@pytest.fixture
def there() -> Iterator[LinkPort]:
    with LinkPort(LOCAL, size=SIZE) as port:
        yield port


@pytest.fixture
def uncut() -> Uncut:
    sock = Uncut(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(LOCAL)
    return sock


def burst(count: int, to: Address, size: int = SIZE) -> Burst:
    rows = np.random.default_rng(count).integers(0, 256, (count, size), np.uint8)
    return Burst(rows, to, "link")


async def received(port: LinkPort, count: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    found: list[Any] = []
    with trio.fail_after(5):
        while sum(map(len, found)) < count:
            await port.readable()
            found.append(port.drain().cells.copy())
    return np.concatenate(found)


@pytest.mark.parametrize("reason", [errno.EIO, errno.EINVAL, errno.ENOPROTOOPT, errno.EOPNOTSUPP])
async def test_where_the_system_does_not_cut_datagrams_go_singly_from_then_on(
    there: LinkPort, uncut: Uncut, reason: int
) -> None:
    uncut.reason = reason
    with LinkPort(LOCAL, size=SIZE, sock=uncut) as here:
        for _ in range(2):
            sent = burst(100, there.address)
            assert here.send(sent) == 100
            assert (await received(there, 100) == sent.datagrams).all()
        assert uncut.asked == 1
        assert not here.cuts
        assert not here.unsent


async def test_one_way_that_is_too_narrow_does_not_stop_the_cutting(
    there: LinkPort, uncut: Uncut
) -> None:
    uncut.reason = errno.EMSGSIZE
    with LinkPort(LOCAL, size=SIZE, sock=uncut) as here:
        sent = burst(SEGMENTS, there.address)
        for times in (1, 2):
            here.send(sent)
            assert (await received(there, SEGMENTS) == sent.datagrams).all()
            assert uncut.asked == times
        assert here.cuts


async def test_a_place_where_nothing_goes_does_not_stop_the_cutting(there: LinkPort) -> None:
    with LinkPort(LOCAL, size=SIZE) as here:
        here.send(burst(20, address_of(("127.0.0.1", 0))))
        assert here.unsent == {"EINVAL": 20}
        assert here.cuts


async def test_where_there_is_no_memory_every_datagram_is_counted(
    there: LinkPort, uncut: Uncut
) -> None:
    uncut.reason = errno.ENOBUFS
    with LinkPort(LOCAL, size=SIZE, sock=uncut) as here:
        assert here.send(burst(SEGMENTS + 3, there.address)) == SEGMENTS + 3
        assert here.unsent == {"ENOBUFS": SEGMENTS + 3}
        assert here.cuts


async def test_one_datagram_needs_no_cutting(there: LinkPort, uncut: Uncut) -> None:
    with LinkPort(LOCAL, size=SIZE, sock=uncut) as here:
        to = np.array([there.address, here.address] * 2, ADDRESS)
        here.send(Burst(burst(4, b"").datagrams, to, "link"))
        assert len(await received(there, 2)) == 2
        assert uncut.asked == 0


@pytest.mark.parametrize(
    ("cut", "length", "rows", "misfits"),
    [
        (SIZE, 3 * SIZE + 10, 3, 1),
        (SIZE, SIZE + 1, 1, 1),
        (SIZE - 1, 3 * SIZE, 0, 4),
        (2 * SIZE, 4 * SIZE, 0, 2),
        (1, 40, 0, 40),
    ],
)
async def test_of_what_came_joined_only_datagrams_of_the_right_length_count(
    there: LinkPort, cut: int, length: int, rows: int, misfits: int
) -> None:
    text = np.random.default_rng(1).integers(0, 256, length, np.uint8).tobytes()
    after = burst(2, there.address)
    with LinkPort(LOCAL, size=SIZE) as here:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendmsg([text], [(17, 103, struct.pack("=H", cut))], 0, there.place)
        here.send(after)
        found = await received(there, rows + 2)
    assert found[:rows].tobytes() == text[: rows * SIZE]
    assert (found[rows:] == after.datagrams).all()
    assert there.misfits == misfits


async def test_a_drain_gives_what_eight_calls_brought_and_no_more(there: LinkPort) -> None:
    sent = burst(LINK_LIMIT + 50, there.address)
    with LinkPort(LOCAL, size=SIZE) as here:
        row = here.send(sent)
        assert row == LINK_LIMIT
        assert here.send(sent, row) == LINK_LIMIT + 50
        await there.readable()
        first = there.drain()
        assert (first.cells == sent.datagrams[:LINK_LIMIT]).all()
        assert (there.drain().cells == sent.datagrams[LINK_LIMIT:]).all()


async def test_small_datagrams_that_came_joined_are_never_more_than_the_limit() -> None:
    with LinkPort(LOCAL, size=8) as here, LinkPort(LOCAL, size=8) as there:
        sent = burst(100, there.address, 8)
        here.send(sent)
        found: list[np.ndarray[Any, np.dtype[np.uint8]]] = []
        with trio.fail_after(5):
            while sum(map(len, found)) < 100:
                await there.readable()  # at once, if there are some left of those that were joined
                found.append(there.drain(7).cells.copy())
    assert max(map(len, found)) == 7
    assert (np.concatenate(found) == sent.datagrams).all()


async def came_before_we_looked(here: LinkPort, there: LinkPort) -> bool:
    here.send(burst(3, there.address))
    await there.readable()
    later = Clock.now() + 0.005
    here.hold(later)
    return later - STALE_S < there.drain().came < later - 0.004


async def test_the_instant_is_when_the_system_took_it_not_when_we_did(there: LinkPort) -> None:
    # The system begins to stamp a moment after the first socket asks; until then the instant is
    # that of the reading.
    with LinkPort(LOCAL, size=SIZE) as here, trio.fail_after(5):
        while not await came_before_we_looked(here, there):
            await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("by_s", [-10, int(-STALE_S), 10])
async def test_a_stamp_of_a_clock_that_was_set_is_not_believed(by_s: int) -> None:
    sock = Restamped(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(LOCAL)
    sock.by_s = by_s
    with LinkPort(LOCAL, size=SIZE, sock=sock) as there, LinkPort(LOCAL, size=SIZE) as here:
        here.send(burst(3, there.address))
        await there.readable()
        before = Clock.now()
        assert before <= there.drain().came <= Clock.now()
