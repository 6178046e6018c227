"""The datagram port, on the loopback interface."""

from collections.abc import Iterator

import numpy as np
import pytest
import trio

from pymix_voice.edge.udp import CHUNK_CHARGE, CLIENT_CHARGE, WIDTH, Port, buffer_warning
from pymix_voice.errors import ConfigError
from pymix_voice.zone.drain import Burst

LOCAL = ("127.0.0.1", 0)


@pytest.fixture
def ports() -> Iterator[tuple[Port, Port]]:
    first, second = Port(LOCAL), Port(LOCAL)
    yield first, second
    first.close()
    second.close()


def burst(count: int, size: int, to: object) -> Burst:
    rows = np.arange(count * size, dtype=np.int64).reshape(count, size).astype(np.uint8)
    return Burst(rows, to, "link")


async def received(port: Port, count: int) -> list[bytes]:
    found: list[bytes] = []
    with trio.fail_after(5):
        while len(found) < count:
            await port.readable()
            drain = port.drain()
            found += [drain.datagram(index).tobytes() for index in range(len(drain.lengths))]
    return found


async def test_a_burst_arrives_in_order_and_says_where_it_is_from(ports: tuple[Port, Port]) -> None:
    here, there = ports
    sent = burst(20, 152, there.place)
    assert here.send(sent) == 20
    with trio.fail_after(5):
        await there.readable()
        drain = there.drain()
    assert drain.cells.shape == (20, WIDTH)
    assert (drain.cells[:, :152] == sent.datagrams).all()
    assert (drain.lengths == 152).all()
    assert set(drain.sources) == {here.place}
    assert there.bytes_in == here.bytes_out == 20 * 152


async def test_each_row_may_have_its_own_destination(ports: tuple[Port, Port]) -> None:
    here, there = ports
    here.send(burst(2, 10, [there.place, here.place]))
    assert len(await received(there, 1)) == 1
    assert len(await received(here, 1)) == 1


async def test_what_one_datagram_left_does_not_show_behind_a_shorter_one(
    ports: tuple[Port, Port],
) -> None:
    here, there = ports
    here.send(Burst(np.full((3, 1000), 255, np.uint8), there.place, "link"))
    await received(there, 3)
    here.send(Burst(np.full((2, 10), 7, np.uint8), there.place, "link"))
    with trio.fail_after(5):
        await there.readable()
        drain = there.drain()
    assert not drain.cells[:, 10:].any()


async def test_a_drain_takes_no_more_than_its_limit(ports: tuple[Port, Port]) -> None:
    here, there = ports
    here.send(burst(10, 8, there.place))
    with trio.fail_after(5):
        await there.readable()
    assert len(there.drain(4).lengths) == 4
    assert len(there.drain(4).lengths) == 4
    assert len(there.drain(4).lengths) == 2
    assert len(there.drain(4).lengths) == 0


async def test_a_datagram_that_is_too_long_keeps_a_wrong_length(ports: tuple[Port, Port]) -> None:
    here, there = ports
    here.send(Burst(np.ones((1, 4000), np.uint8), there.place, "link"))
    assert [len(each) for each in await received(there, 1)] == [WIDTH]


async def test_an_empty_datagram_is_a_row_of_length_zero(ports: tuple[Port, Port]) -> None:
    here, there = ports
    here.send(Burst(np.ones((1, 0), np.uint8), there.place, "link"))
    assert await received(there, 1) == [b""]


async def test_a_burst_can_be_sent_in_slices(ports: tuple[Port, Port]) -> None:
    here, there = ports
    sent = burst(10, 4, there.place)
    assert here.send(sent, 0, 6) == 6
    assert here.send(sent, 6, 6) == 10
    assert await received(there, 10) == [row.tobytes() for row in sent.datagrams]


async def test_what_cannot_be_sent_is_counted_and_not_raised(ports: tuple[Port, Port]) -> None:
    here, _ = ports
    here.send(Burst(np.zeros((2, 70_000), np.uint8), ("127.0.0.1", 9), "link"))
    assert here.unsent == {"EMSGSIZE": 2}


async def test_sending_to_a_closed_port_does_no_harm(ports: tuple[Port, Port]) -> None:
    here, there = ports
    place = there.place
    there.close()
    for _ in range(3):
        here.send(burst(1, 8, place))
        here.drain()
    here.send(burst(1, 8, here.place))
    assert len(await received(here, 1)) == 1


def test_a_port_in_use_is_refused(ports: tuple[Port, Port]) -> None:
    with pytest.raises(ConfigError, match="is in use"):
        Port(ports[0].place)


async def test_datagrams_that_found_no_room_are_counted(ports: tuple[Port, Port]) -> None:
    here, there = ports
    room = there.buffer_bytes // 2000
    for _ in range(room // 50):
        here.send(burst(128, 1200, there.place))
    while len(there.drain().lengths):
        pass
    here.send(burst(1, 8, there.place))
    await received(there, 1)
    assert there.overflowed > 0


def test_ipv6_places_have_two_parts() -> None:
    port = Port(("::1", 0))
    port.send(burst(1, 8, port.place))
    assert set(port.drain().sources) <= {port.place}
    port.close()


def test_a_buffer_that_holds_two_rounds_needs_no_warning() -> None:
    assert buffer_warning(2 * 212_992, 512, CLIENT_CHARGE) is None
    assert buffer_warning(2 * 212_992, 184, CHUNK_CHARGE) is None


def test_a_small_buffer_is_told_with_the_line_that_helps() -> None:
    text = buffer_warning(2 * 212_992, 1000, CLIENT_CHARGE)
    assert text is not None
    assert "holds 512 datagrams" in text
    assert "sysctl -w net.core.rmem_max=416000" in text
