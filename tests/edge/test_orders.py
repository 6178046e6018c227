"""Lines of a person, or of a screen in their place."""

import contextlib
import os

import pytest
import trio
from eventually import eventually
from hypothesis import given
from hypothesis import strategies as st

from pymix_voice.edge.orders import Order, Verb, parse_order, read_orders
from pymix_voice.errors import ConfigError


@pytest.mark.parametrize(
    ("line", "order"),
    [
        (b"answer", Order(Verb.ANSWER)),
        (b" Y ", Order(Verb.ANSWER)),
        (b"no", Order(Verb.DECLINE)),
        (b"dial  Aunt Bea ", Order(Verb.DIAL, "Aunt Bea")),
        (b"ptt on", Order(Verb.PUSH_TO_TALK, "on")),
        (b"volume 150", Order(Verb.VOLUME, "150")),
        ("dial Zoë".encode(), Order(Verb.DIAL, "Zoë")),
        (b"", None),
        (b"  \r", None),
    ],
)
def test_a_line_is_an_order(line: bytes, order: Order | None) -> None:
    assert parse_order(line) == order


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"sing", "that is no order; there are answer"),
        (b"dial", "'dial' wants a name or an address after it"),
        (b"mute now", "'mute' wants nothing after it"),
        (b"ptt maybe", "'ptt' wants on or off"),
        (b"volume 201", "from 0 to 200"),
        (b"volume -1", "from 0 to 200"),
        ("volume ²".encode(), "from 0 to 200"),
        (b"volume " + b"9" * 5000, "from 0 to 200"),
    ],
)
def test_what_is_no_order_is_told_in_a_sentence(line: bytes, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        parse_order(line)


@given(st.binary(max_size=80))
def test_any_line_is_an_order_or_a_sentence(line: bytes) -> None:
    with contextlib.suppress(ConfigError):
        parse_order(line)


def test_no_order_shows_whom_it_is_about() -> None:
    assert "Bea" not in repr(Order(Verb.DIAL, "Bea"))


@pytest.mark.live
async def test_orders_are_read_until_there_are_no_more(nursery: trio.Nursery) -> None:
    reading, typing = os.pipe()
    taken: list[Order] = []
    complaints: list[str] = []

    def take(order: Order) -> None:
        if order.verb == Verb.ANSWER:
            raise ConfigError("nobody is calling")
        taken.append(order)

    nursery.start_soon(read_orders, reading, take, complaints.append)
    os.write(typing, b"mute\nansw")
    await eventually(lambda: taken == [Order(Verb.MUTE)])
    os.write(typing, b"er\nhello\nquit\nunfinished")
    os.close(typing)
    await eventually(lambda: taken[1:] == [Order(Verb.QUIT)])
    assert complaints[0] == "nobody is calling"
    assert len(complaints) == 2
    os.close(reading)
