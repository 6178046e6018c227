"""Control links over real TCP on the loopback interface."""

import contextlib
from collections.abc import AsyncIterator

import pytest
import trio
import trio.testing
from eventually import eventually

from pymix_voice.edge.control import MAX_STRANGERS, Desk, listen
from pymix_voice.edge.places import Place
from pymix_voice.errors import ConfigError
from pymix_voice.onion.chunk import LinkKeys
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.zone.control import ControlLink
from pymix_voice.zone.records import Ready, Record

pytestmark = pytest.mark.live

ZONE = bytes(32)
DICE = Dice.seeded(5)
HERE, THERE, STRANGER = (KeyPair.draw(DICE) for _ in range(3))


class Side:
    """Writes down what its desk tells."""

    def __init__(self) -> None:
        self.story: list[tuple[str, int]] = []
        self.records: list[tuple[int, Record]] = []
        self.keys: list[LinkKeys] = []
        self.notes: list[str] = []
        self.desk = Desk(self, self.notes.append)

    def link_up(self, peer: int, keys: LinkKeys) -> None:
        self.story.append(("up", peer))
        self.keys.append(keys)
        # As machines do: the initiator's first record lets the other side believe in it.
        self.desk.send(peer, Ready(0))

    def link_down(self, peer: int) -> None:
        self.story.append(("down", peer))

    def receive_control(self, peer: int, record: Record) -> None:
        self.records.append((peer, record))

    async def until(self, count: int) -> None:
        await eventually(lambda: len(self.story) >= count)


@pytest.fixture
async def listener() -> AsyncIterator[trio.SocketListener]:
    listener = listen(("127.0.0.1", 0))
    yield listener
    listener.socket.close()


def place_of(listener: trio.SocketListener) -> Place:
    address = listener.socket.getsockname()
    return address[0], address[1]


def answer() -> ControlLink:
    peers = [STRANGER.public, HERE.public]
    return ControlLink(False, ZONE, THERE, KeyPair.draw(DICE), 0, peers)


def call(keys: KeyPair = HERE) -> ControlLink:
    return ControlLink(True, ZONE, keys, KeyPair.draw(DICE), 1, [THERE.public])


async def test_two_neighbours_meet_and_records_flow_in_order(
    listener: trio.SocketListener, nursery: trio.Nursery
) -> None:
    upper, lower = Side(), Side()
    nursery.start_soon(lower.desk.keep_listening, listener, answer)
    nursery.start_soon(upper.desk.keep_dialing, place_of(listener), call, "mix2", -1, DICE)
    await upper.until(1)
    await lower.until(1)
    assert (upper.story, lower.story) == ([("up", -1)], [("up", 1)])
    assert upper.keys == lower.keys
    for epoch in range(1, 50):
        upper.desk.send(-1, Ready(epoch))
    await eventually(lambda: len(lower.records) >= 50)
    assert lower.records == [(1, Ready(epoch)) for epoch in range(50)]
    assert (upper.desk.linked, lower.desk.linked) == ([-1], [1])


async def test_a_broken_link_is_told_and_made_again(
    listener: trio.SocketListener, nursery: trio.Nursery
) -> None:
    upper, lower, place = Side(), Side(), place_of(listener)
    nursery.start_soon(upper.desk.keep_dialing, place, call, "mix2", -1, DICE)
    async with trio.open_nursery() as life:
        life.start_soon(lower.desk.keep_listening, listener, answer)
        await lower.until(1)
        await upper.until(1)
        life.cancel_scope.cancel()
    await upper.until(2)
    again = listen(place)
    nursery.start_soon(lower.desk.keep_listening, again, answer)
    await upper.until(3)
    assert upper.story == [("up", -1), ("down", -1), ("up", -1)]


async def test_a_second_link_of_the_same_neighbour_replaces_the_first(
    listener: trio.SocketListener, nursery: trio.Nursery
) -> None:
    first, second, lower = Side(), Side(), Side()
    nursery.start_soon(lower.desk.keep_listening, listener, answer)
    stream = await trio.open_tcp_stream(*place_of(listener))
    nursery.start_soon(first.desk.run_link, stream, call(), -1)
    await lower.until(1)
    await first.until(1)
    nursery.start_soon(second.desk.keep_dialing, place_of(listener), call, "mix2", -1, DICE)
    await first.until(2)
    assert first.story == [("up", -1), ("down", -1)]
    await lower.until(2)
    assert lower.story == [("up", 1), ("up", 1)]
    assert lower.desk.linked == [1]


@pytest.mark.parametrize(
    "junk", [b"\xff" * 100, b"\x01\x30\x00" + b"j" * 48, b"GET / HTTP/1.1\r\n"]
)
async def test_junk_ends_its_connection_and_nothing_else(
    listener: trio.SocketListener, nursery: trio.Nursery, junk: bytes
) -> None:
    upper, lower = Side(), Side()
    nursery.start_soon(lower.desk.keep_listening, listener, answer)
    stream = await trio.open_tcp_stream(*place_of(listener))
    with trio.fail_after(5):
        await stream.send_all(junk)
        # Closed with our junk unread, it may also be a reset.
        with contextlib.suppress(trio.BrokenResourceError):
            assert await stream.receive_some(100) == b""
    await stream.aclose()
    assert lower.desk.refused == 1
    nursery.start_soon(upper.desk.keep_dialing, place_of(listener), call, "mix2", -1, DICE)
    await lower.until(1)


async def test_strangers_are_few_and_keep_no_neighbour_out(
    listener: trio.SocketListener, nursery: trio.Nursery
) -> None:
    upper, lower = Side(), Side()
    nursery.start_soon(lower.desk.keep_listening, listener, answer)
    strangers = [await trio.open_tcp_stream(*place_of(listener)) for _ in range(MAX_STRANGERS + 3)]
    await eventually(lambda: lower.desk.refused >= 3)
    assert lower.desk.refused == 3
    # They are there still, and there are as many as may be: the oldest makes room.
    nursery.start_soon(upper.desk.keep_dialing, place_of(listener), call, "mix2", -1, DICE)
    await lower.until(1)
    assert lower.desk.refused == 4
    with trio.fail_after(1):
        for stream in strangers[:4]:
            assert await stream.receive_some(100) == b""
    for stream in strangers:
        await stream.aclose()


async def test_a_neighbour_that_cannot_prove_itself_is_told_once(
    listener: trio.SocketListener, nursery: trio.Nursery
) -> None:
    upper, lower = Side(), Side()
    nursery.start_soon(lower.desk.keep_listening, listener, answer)

    def wrong() -> ControlLink:
        return call(STRANGER)

    nursery.start_soon(upper.desk.keep_dialing, place_of(listener), wrong, "mix2", -1, DICE)
    await eventually(lambda: lower.desk.refused >= 2)
    assert (upper.story, lower.story) == ([], [])
    assert len(upper.notes) == 1
    assert "mix2 answers but does not take this link" in upper.notes[0]


async def test_who_is_waited_for_is_said_once(nursery: trio.Nursery) -> None:
    upper = Side()
    closed = listen(("127.0.0.1", 0))
    place = place_of(closed)
    closed.socket.close()
    nursery.start_soon(upper.desk.keep_dialing, place, call, "mix2", -1, DICE)
    await trio.sleep(0.6)
    assert upper.notes == ["waiting for mix2"]


async def test_what_is_said_to_nobody_is_forgotten() -> None:
    Side().desk.send(3, Ready(1))


async def test_a_port_in_use_is_refused(listener: trio.SocketListener) -> None:
    with pytest.raises(ConfigError, match="is in use on this computer"):
        listen(place_of(listener))
