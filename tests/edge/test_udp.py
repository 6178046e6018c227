"""Datagram ports of every kind, on the loopback interface: all do the same."""

import contextlib
import errno
import socket
import sys
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest
import trio
from sizes import CHUNK_BYTES, UP_BYTES

from pymix_voice.edge.clock import Clock
from pymix_voice.edge.places import Place, address_of
from pymix_voice.edge.udp import (
    CHUNK_CHARGE,
    CLIENT_CHARGE,
    DRAIN_LIMIT,
    WIDTH,
    Port,
    buffer_warning,
    open_port,
)
from pymix_voice.errors import ConfigError
from pymix_voice.zone.drain import ADDRESS, NOWHERE, Address, Addresses, Burst, Drain

pytestmark = pytest.mark.live

LOCAL = ("127.0.0.1", 0)
LOCAL6 = ("::1", 0)
SIZE = UP_BYTES
IP_RECVERR = 11

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="such calls are Linux's")


class Kind(NamedTuple):
    """A kind of port.

    Attributes:
        sized: whether only datagrams of one length are of use.
        plain: whether it is the one that works everywhere.
    """

    sized: bool
    plain: bool

    def open(self, place: Place = LOCAL, sock: socket.socket | None = None) -> Port:
        return open_port(place, size=SIZE if self.sized else None, plain=self.plain, sock=sock)


KINDS = [
    pytest.param(Kind(sized=False, plain=True), id="plain"),
    pytest.param(Kind(sized=True, plain=True), id="plain-sized"),
    pytest.param(Kind(sized=False, plain=False), id="many", marks=on_linux),
    pytest.param(Kind(sized=True, plain=False), id="link", marks=on_linux),
]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    return chosen


@pytest.fixture
def ports(kind: Kind) -> Iterator[tuple[Port, Port]]:
    with kind.open() as first, kind.open() as second:
        yield first, second


def burst(count: int, to: Addresses | Address, size: int = SIZE, at: float = 0.0) -> Burst:
    rows = np.random.default_rng(count).integers(0, 256, (count, size), np.uint8)
    return Burst(rows, to, "link", at)


def datagrams(drain: Drain) -> list[bytes]:
    return [drain.datagram(index).tobytes() for index in range(len(drain.lengths))]


def rows_of(sent: Burst) -> list[bytes]:
    return [row.tobytes() for row in sent.datagrams]


async def received(port: Port, count: int) -> list[bytes]:
    found: list[bytes] = []
    with trio.fail_after(5):
        while len(found) < count:
            await port.readable()
            found += datagrams(port.drain())
    return found


async def test_a_burst_arrives_in_order_and_says_where_it_is_from(ports: tuple[Port, Port]) -> None:
    here, there = ports
    sent = burst(20, there.address)
    assert here.send(sent) == 20
    with trio.fail_after(5):
        await there.readable()
        drain = there.drain()
    assert datagrams(drain) == rows_of(sent)
    assert drain.lengths.tolist() == [SIZE] * 20
    assert drain.sources.dtype == ADDRESS
    assert {drain.source(index) for index in range(20)} == {here.address}
    assert there.bytes_in == here.bytes_out == 20 * SIZE


@pytest.mark.parametrize("sender", KINDS)
async def test_every_kind_understands_every_other(sender: Kind, kind: Kind) -> None:
    with sender.open() as here, kind.open() as there:
        sent = burst(100, there.address)
        assert here.send(sent) == 100
        assert await received(there, 100) == rows_of(sent)
        assert not here.unsent
        assert there.misfits == 0


async def test_each_row_may_have_its_own_destination(ports: tuple[Port, Port]) -> None:
    here, there = ports
    sent = burst(6, np.array([there.address, here.address, here.address] * 2, ADDRESS))
    here.send(sent)
    rows = rows_of(sent)
    assert await received(there, 2) == [rows[0], rows[3]]
    assert await received(here, 4) == [rows[1], rows[2], rows[4], rows[5]]


async def test_each_datagram_says_where_it_is_from(kind: Kind) -> None:
    with contextlib.ExitStack() as stack:
        there, *others = [stack.enter_context(kind.open()) for _ in range(4)]
        for other in others * 2:
            other.send(burst(3, there.address))
        expected = [other.address for other in others * 2 for _ in range(3)]
        sources: list[Address] = []
        with trio.fail_after(5):
            while len(sources) < 18:
                await there.readable()
                drain = there.drain()
                sources += [drain.source(index) for index in range(len(drain.lengths))]
    assert sources == expected


async def test_a_later_drain_leaves_the_sources_of_an_earlier_one(kind: Kind) -> None:
    with kind.open() as here, kind.open() as there, kind.open() as other:
        here.send(burst(3, there.address))
        await there.readable()
        drain = there.drain()
        other.send(burst(3, there.address))
        await received(there, 3)
        assert drain.source(0) == here.address


async def test_rows_of_a_drain_lie_together(ports: tuple[Port, Port], kind: Kind) -> None:
    here, there = ports
    here.send(burst(9, there.address))
    await there.readable()
    drain = there.drain()
    assert drain.cells.flags.c_contiguous
    assert drain.cells.flags.writeable
    assert drain.cells.shape == (9, SIZE if kind.sized else WIDTH)


async def test_a_drain_takes_no_more_than_its_limit(ports: tuple[Port, Port]) -> None:
    here, there = ports
    sent = burst(10, there.address)
    here.send(sent)
    rows = rows_of(sent)
    with trio.fail_after(5):
        for expected in (rows[:4], rows[4:8], rows[8:]):
            await there.readable()
            assert datagrams(there.drain(4)) == expected
    assert len(there.drain(4).lengths) == 0


async def test_a_great_burst_goes_in_slices_while_the_other_side_drains(
    ports: tuple[Port, Port],
) -> None:
    here, there = ports
    sent = burst(3_000, there.address)
    found: list[bytes] = []
    row = 0
    while row < 3_000:
        before, row = row, here.send(sent, row)
        assert row >= min(before + DRAIN_LIMIT, 3_000)
        found += await received(there, row - len(found))
    assert found == rows_of(sent)
    assert here.bytes_out == there.bytes_in == 3_000 * SIZE
    assert there.overflowed == 0


async def test_there_may_be_nothing_to_send(ports: tuple[Port, Port]) -> None:
    here, there = ports
    for to in (there.address, np.array([there.address] * 3, ADDRESS)):
        assert here.send(burst(3, to), 3) == 3
        assert here.send(burst(0, to[:0])) == 0
    assert here.bytes_out == here.unsent.total() == 0


async def test_a_slice_is_no_longer_than_asked(ports: tuple[Port, Port]) -> None:
    here, there = ports
    sent = burst(10, np.array([there.address] * 10, ADDRESS))
    assert here.send(sent, 0, 6) == 6
    assert await received(there, 6) == rows_of(sent)[:6]
    assert here.send(sent, 6, 6) == 10
    assert await received(there, 4) == rows_of(sent)[6:]


@pytest.mark.parametrize("sender", KINDS)
async def test_datagrams_of_odd_lengths_keep_them_or_are_dropped(sender: Kind, kind: Kind) -> None:
    lengths = [SIZE, SIZE - 1, 1, 0, SIZE, SIZE + 1, WIDTH, 5_000, 2 * SIZE, SIZE]
    with sender.open() as here, kind.open() as there:
        for length in lengths:
            here.send(burst(2, there.address, length))
        whole = [min(length, WIDTH) for length in lengths for _ in range(2)]
        fitting = [length for length in whole if length == SIZE]
        found = await received(there, len(fitting if kind.sized else whole))
        assert [len(each) for each in found] == (fitting if kind.sized else whole)
        assert found[:2] == rows_of(burst(2, there.address))
        assert there.misfits == (len(whole) - len(fitting) if kind.sized else 0)
        assert there.bytes_in == sum(map(len, found))


def test_nothing_of_ours_is_cut_off() -> None:
    assert max(CHUNK_BYTES, UP_BYTES) < WIDTH


async def test_the_instant_it_came_lies_between_sending_and_taking(
    ports: tuple[Port, Port],
) -> None:
    here, there = ports
    for _ in range(5):
        before = Clock.now()
        here.send(burst(60, there.address))
        await there.readable()
        drain = there.drain()
        # The system's stamps are of another clock, which is compared in passing.
        assert before - 0.001 <= drain.came <= Clock.now()


async def test_an_empty_drain_is_of_now(ports: tuple[Port, Port]) -> None:
    before = Clock.now()
    drain = ports[0].drain()
    assert len(drain.lengths) == len(drain.sources) == len(drain.cells) == 0
    assert before <= drain.came <= Clock.now()


async def test_nothing_leaves_before_its_instant(ports: tuple[Port, Port]) -> None:
    here, there = ports
    instant = Clock.now() + 0.002
    here.send(burst(2, there.address, at=instant))
    assert Clock.now() >= instant
    assert len(await received(there, 2)) == 2


async def test_what_cannot_be_sent_is_counted_and_not_raised(ports: tuple[Port, Port]) -> None:
    here, _ = ports
    assert here.send(burst(2, address_of(("127.0.0.1", 9)), 70_000)) == 2
    assert here.unsent == {"EMSGSIZE": 2}
    assert here.bytes_out == 0


async def test_a_row_that_goes_nowhere_does_not_hold_up_the_others(
    ports: tuple[Port, Port],
) -> None:
    here, there = ports
    to = np.array([NOWHERE, there.address, NOWHERE, NOWHERE, there.address], ADDRESS)
    sent = burst(5, to)
    assert here.send(sent) == 5
    rows = rows_of(sent)
    assert await received(there, 2) == [rows[1], rows[4]]
    assert here.unsent.total() == 3


async def test_a_place_without_port_is_counted_and_does_no_harm(ports: tuple[Port, Port]) -> None:
    here, there = ports
    here.send(burst(20, address_of(("127.0.0.1", 0))))
    assert here.unsent.total() == 20
    sent = burst(20, there.address)
    here.send(sent)
    assert await received(there, 20) == rows_of(sent)


async def test_sending_to_a_closed_port_does_no_harm(ports: tuple[Port, Port]) -> None:
    here, there = ports
    address = there.address
    there.close()
    for _ in range(3):
        here.send(burst(1, address))
        here.drain()
    here.send(burst(1, here.address))
    assert len(await received(here, 1)) == 1


@on_linux
async def test_word_that_a_peer_is_closed_is_counted_and_does_no_harm(kind: Kind) -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)  # else Linux does not tell
    sock.bind(LOCAL)
    with kind.open(sock=sock) as here, kind.open() as there:
        closed = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        closed.bind(LOCAL)
        address = address_of(closed.getsockname())
        closed.close()
        here.send(burst(1, address))
        here.send(burst(1, address))
        assert here.unsent[errno.errorcode[errno.ECONNREFUSED]] == 1
        here.send(burst(1, address))
        assert len(here.drain().lengths) == 0
        sent = burst(3, here.address)
        there.send(sent)
        assert await received(here, 3) == rows_of(sent)


async def test_a_closed_port_neither_takes_nor_sends_and_raises_nothing(kind: Kind) -> None:
    with kind.open() as there:
        here = kind.open()
        here.close()
        here.send(burst(2, there.address))
        assert here.unsent.total() == 2
        assert len(here.drain().lengths) == 0


def test_a_port_in_use_is_refused(kind: Kind, ports: tuple[Port, Port]) -> None:
    with pytest.raises(ConfigError, match="is in use"):
        kind.open(ports[0].place)


@on_linux
async def test_datagrams_that_found_no_room_are_counted(kind: Kind) -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(LOCAL)
    with kind.open(sock=sock) as there, kind.open() as here:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20_000)
        row, sent = 0, burst(1_000, there.address)
        while row < 1_000:
            row = here.send(sent, row)
        taken = 0
        while count := len(there.drain().lengths):
            taken += count
        here.send(burst(1, there.address))
        await received(there, 1)
        assert taken < 1_000
        assert there.overflowed > 0


def test_a_bound_socket_can_be_handed_over(kind: Kind) -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(LOCAL)
    place = sock.getsockname()
    with kind.open(("192.0.2.1", 1), sock) as port:
        assert port.place == place
        assert port.fileno() == sock.fileno()
        assert port.buffer_bytes == sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    assert sock.fileno() == -1


def has_ipv6() -> bool:
    if not socket.has_ipv6:
        return False
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind(LOCAL6)
        except OSError:
            return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="there is no IPv6 on this computer")
async def test_ipv6_is_served_the_same(kind: Kind) -> None:
    with kind.open(LOCAL6) as here, kind.open(LOCAL6) as there:
        assert here.place == ("::1", here.place[1])
        sent = burst(60, there.address)
        here.send(sent)
        await there.readable()
        drain = there.drain()
        assert datagrams(drain) == rows_of(sent)
        assert set(drain.sources.tolist()) == {here.address}
        answer = Burst(sent.datagrams, drain.sources, "link")
        there.send(answer)
        assert await received(here, 60) == rows_of(sent)


def test_a_buffer_that_holds_two_rounds_needs_no_warning() -> None:
    assert buffer_warning(2 * 212_992, 512, CLIENT_CHARGE) is None
    assert buffer_warning(2 * 212_992, 184, CHUNK_CHARGE) is None


def test_a_small_buffer_is_told_with_the_line_that_helps() -> None:
    text = buffer_warning(2 * 212_992, 1000, CLIENT_CHARGE)
    assert text is not None
    assert "holds 512 datagrams" in text
    assert "sysctl -w net.core.rmem_max=416000" in text
