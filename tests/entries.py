"""The door of a gateway by itself, and clients with sessions there."""

import numpy as np
from sizes import UP_BYTES
from zones import example_keys, example_zone

from pymix_voice.client.connection import Connection
from pymix_voice.gateway.entry import Entry, Upward
from pymix_voice.gateway.sessions import Session
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.access import Kind
from pymix_voice.zone.drain import ADDRESS, Address

ZONE = example_zone(mixes=3)
ROUND = 90_000_000_000
NOW = 1000.0


def entry(capacity: int = 5) -> Entry:
    _, keys = example_keys(3)
    return Entry(ZONE, 0, keys[0].link, capacity, lambda _source: None, Dice.seeded(1))


def client(at: Entry, source: Address = b"home", seed: int = 2) -> tuple[Connection, Session]:
    now = NOW + seed  # one after the other, as a gateway answers few at once
    mine = Connection(ZONE, 0, Dice.seeded(seed), now)
    hello = mine.try_again(now)
    assert hello is not None
    made = mine.take_welcome(at.welcome(hello, source, ROUND, 0.0, 0, now), now)
    assert made is not None
    held = at.sessions.get(made.session_id)
    assert held is not None
    return mine, held


def upward(*came: tuple[Session, int, Address], kind: Kind = Kind.LINE) -> Upward:
    """Authentic datagrams: whose, of which round, from where."""
    return Upward(
        np.array([session.slot for session, _, _ in came], np.intp),
        np.full(len(came), kind, np.uint8),
        np.array([number for _, number, _ in came], np.int64),
        np.array([source for _, _, source in came], ADDRESS),
        np.zeros(len(came)),
        np.zeros((len(came), UP_BYTES), np.uint8),
    )


def hear(at: Entry, session: Session, number: int, source: Address) -> None:
    at.heard(upward((session, number, source)), ROUND)


def snapshot(at: Entry) -> list[object]:
    """All that a datagram can change of sessions."""
    of = at.sessions
    columns = (of.confirmed, of.heard, of.newest, of.sources, of.early, of.early_rounds)
    return [*(column.tolist() for column in columns), list(of.moving)]
