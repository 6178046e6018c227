"""Orders: what a person, or a screen in their place, tells a client line by line.

    answer | decline | dial WHO | hangup | mute | unmute | ptt on | ptt off | talk
    volume PERCENT | verify | unverify | quit                (y and n for answer and decline)

Must not know: how a terminal looks, calls.
"""

import os
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

import trio

from pymix_voice.edge.sound import MOST_VOLUME
from pymix_voice.errors import ConfigError

MOST_BYTES = 4096
"""A longer line is nobody's order."""

MOST_DIGITS = 9


class Verb(StrEnum):
    """What is to be done."""

    ANSWER = "answer"
    DECLINE = "decline"
    DIAL = "dial"
    HANG_UP = "hangup"
    MUTE = "mute"
    UNMUTE = "unmute"
    PUSH_TO_TALK = "ptt"
    TALK = "talk"
    VOLUME = "volume"
    VERIFY = "verify"
    UNVERIFY = "unverify"
    QUIT = "quit"


SHORT = {"y": Verb.ANSWER, "yes": Verb.ANSWER, "n": Verb.DECLINE, "no": Verb.DECLINE}
WANTS = {Verb.DIAL: "a name or an address", Verb.PUSH_TO_TALK: "on or off", Verb.VOLUME: "a number"}
"""Verbs that need a word more, and which."""


class Order(NamedTuple):
    """One line."""

    verb: Verb
    rest: str = ""

    def __repr__(self) -> str:
        return f"Order({self.verb})"  # the rest may be an address


def parse_order(line: bytes) -> Order | None:
    """Read a line; None if it is empty.

    Raises:
        ConfigError: if it is no order, in one sentence that does not repeat it.
    """
    text = line.decode(errors="replace").strip()
    if not text:
        return None
    word, _, rest = text.partition(" ")
    word, rest = word.lower(), rest.strip()
    if word not in (*SHORT, *Verb):
        raise ConfigError(f"that is no order; there are {', '.join(Verb)}, and y or n to answer")
    verb = SHORT.get(word) or Verb(word)
    if (verb in WANTS) != bool(rest):
        wants = f"{WANTS[verb]} after it" if verb in WANTS else "nothing after it"
        raise ConfigError(f"'{verb}' wants {wants}")
    if verb == Verb.PUSH_TO_TALK and rest not in ("on", "off"):
        raise ConfigError("'ptt' wants on or off after it")
    if verb == Verb.VOLUME and not _is_volume(rest):
        raise ConfigError(f"'volume' wants a number from 0 to {MOST_VOLUME} after it")
    return Order(verb, rest)


def _is_volume(text: str) -> bool:
    # By its length first: Python refuses to read a number of thousands of digits.
    return text.isdecimal() and len(text) <= MOST_DIGITS and int(text) <= MOST_VOLUME


async def read_orders(
    source: int, take: Callable[[Order], None], complain: Callable[[str], None]
) -> None:
    """Read lines until there are no more, in a thread that may be left behind.

    Args:
        source: a file number.
        take: takes each order; may raise ConfigError.
        complain: takes a sentence about a line that is none.
    """
    rest = b""
    while True:
        try:
            # Not sys.stdin: a thread left behind in it would hold its lock when Python ends.
            piece = await trio.to_thread.run_sync(
                os.read, source, MOST_BYTES, abandon_on_cancel=True
            )
        except OSError:
            return
        if not piece:
            return
        *lines, rest = (rest + piece).split(b"\n")
        rest = rest[-MOST_BYTES:]
        for line in lines:
            try:
                order = parse_order(line)
                if order is not None:
                    take(order)
            except ConfigError as error:
                complain(str(error))
