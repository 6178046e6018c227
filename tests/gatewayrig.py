"""A gateway by itself, in virtual time: its first mix and its clients are moved by hand."""

from hashlib import shake_128
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sizes import CELL_BYTES, DOWN_BYTES, UP_BYTES
from zones import example_keys, example_zone

from pymix_voice.client.connection import Connection
from pymix_voice.client.connection import Session as Mine
from pymix_voice.errors import Drops
from pymix_voice.gateway.machine import Gateway
from pymix_voice.geometry import ACCESS_HEADER_BYTES
from pymix_voice.onion import sodium
from pymix_voice.onion.chunk import LinkKeys
from pymix_voice.onion.dice import Dice
from pymix_voice.zone import access
from pymix_voice.zone.access import Kind
from pymix_voice.zone.drain import Address, Drain
from pymix_voice.zone.link import RoundLink
from pymix_voice.zone.records import Tick
from pymix_voice.zone.rounds import Inlet

ZONE = example_zone(mixes=2, clients=12)
GEOMETRY = ZONE.geometry
EPOCH = 450_000
ROUND = GEOMETRY.first_round(EPOCH)
"""The first round that a rig's gateway sends on."""
START = 1000.0
LINK_KEYS = LinkKeys(b"link", bytes([1] * 32), bytes([2] * 32))
ONIONS = bytes(2 * GEOMETRY.onion_bytes)


class Down(NamedTuple):
    """A datagram to a client, opened."""

    kind: Kind
    number: int
    cell: bytes
    status: bytes


class Guest:
    """A client: a connection, and what it would say; each cell has bytes of its own."""

    def __init__(self, name: str, connection: Connection, session: Mine) -> None:
        self.name = name
        self.connection = connection
        self.session = session

    def cell(self, kind: Kind, number: int) -> bytes:
        return shake_128(f"{self.name} {kind} {number}".encode()).digest(CELL_BYTES)

    def say(self, kind: Kind, number: int) -> bytes:
        return self.connection.seal(kind, number, self.cell(kind, number))

    def answer(self, number: int, challenge: bytes) -> bytes:
        return self.connection.seal(Kind.CHALLENGE, number, challenge)

    def set_up(self, epoch: int) -> bytes:
        return self.connection.seal(Kind.SETUP, epoch, ONIONS)

    def open(self, datagram: bytes) -> Down:
        assert len(datagram) == DOWN_BYTES
        head = datagram[:ACCESS_HEADER_BYTES]
        opened = access.open_down(
            self.session.keys, self.session.session_id, datagram, self.session.number
        )
        nonce = access.nonce(opened.kind, opened.number)
        sealed = datagram[ACCESS_HEADER_BYTES:]
        body = sodium.open_(self.session.keys.down, nonce, sealed, head)
        return Down(opened.kind, opened.number, body[:CELL_BYTES], body[CELL_BYTES:])


class Rig:
    """A gateway whose next round is `ROUND`.

    Attributes:
        now: seconds.
        last: the newest round that went to the first mix.
        up: what the first mix got, by round: the age of its circuits, and whole chunks of cells.
        down: what clients got since it was last looked at: to whom, and the datagram.
    """

    def __init__(self, seed: int = 1, *, ticks: bool = True) -> None:
        _, keys = example_keys(2)
        self.now = START
        self.last = ROUND - 1
        self.gateway = Gateway(
            ZONE,
            0,
            keys[0].link,
            prefix_of=lambda _source: None,
            dice=Dice.seeded(seed),
            now=self.now,
            unix=(ROUND - 0.5) * GEOMETRY.round_s,
            mix=b"mix",
        )
        dice = Dice.seeded(seed).fork("mix")
        self._mix = RoundLink(LINK_KEYS, upstream=True, inlet=Inlet(GEOMETRY, dice))
        self.up: dict[int, tuple[int, NDArray[np.uint8]]] = {}
        self.down: list[tuple[Address, bytes]] = []
        self.gateway.link_up(LINK_KEYS, self.now)
        if ticks:
            self.gateway.receive_control(Tick(ROUND, 60.0), self.now)
        self._due = self.gateway.deadline()

    def due(self, number: int) -> float:
        """The instant at which a round goes to the first mix."""
        return self._due + (number - ROUND) * GEOMETRY.round_s

    def go(self) -> int:
        """Let the next round become due; which it is."""
        before = self.gateway.rounds
        while self.gateway.rounds == before:
            self.now = max(self.now, self.gateway.deadline())
            self.gateway.handle_deadline(self.now)
            self.collect()
        self.last += 1
        return self.last

    def collect(self) -> None:
        """Take what is to be sent, as it is now."""
        for burst in self.gateway.bursts():
            rows = burst.datagrams.copy()
            assert burst.datagrams.flags.c_contiguous
            if burst.via == "access":
                one = isinstance(burst.to, bytes)
                to = [burst.to] * len(rows) if one else list(burst.to)
                self.down += [(bytes(at), bytes(row)) for at, row in zip(to, rows, strict=True)]
            else:
                assert burst.to == b"mix"
                self._take_up(rows)

    def _take_up(self, rows: NDArray[np.uint8]) -> None:
        drops = Drops()
        sources = np.array([b"gateway"] * len(rows))
        for chunks in self._mix.open(rows, sources, self.last, drops):
            cells = chunks.cells[np.argsort(chunks.numbers)].reshape(-1, CELL_BYTES)
            self.up[chunks.round] = chunks.age, cells.copy()
        assert not drops

    def give_back(self, number: int, cells: NDArray[np.uint8]) -> None:
        """A round comes back from the first mix."""
        (burst,) = self._mix.seal(number, self.up[number][0], cells)
        count, size = burst.datagrams.shape
        sources, lengths = np.array([b"mix"] * count), np.full(count, size, np.int64)
        drain = Drain(burst.datagrams.copy(), lengths, sources, self.now)
        self._mix.reuse()
        self.gateway.receive_link(drain, self.now)
        self.gateway.handle_deadline(self.now)
        self.collect()

    def hear(self, came: list[tuple[bytes, Address]], at: float | None = None) -> None:
        """Datagrams of clients come in one drain."""
        datagrams, sources = [each for each, _ in came], [source for _, source in came]
        drain = Drain.of(datagrams, sources, self.now if at is None else at, max(300, UP_BYTES))
        self.gateway.receive_clients(drain, self.now)
        self.collect()

    def guest(self, name: str, place: Address | None = None) -> Guest:
        """Somebody connects."""
        seed = int.from_bytes(name.encode(), "big")
        connection = Connection(ZONE, 0, Dice.seeded(seed), self.now)
        hello = connection.try_again(self.now)
        assert hello is not None
        place = place or name.encode()
        self.hear([(hello, place)])
        to, welcome = self.down.pop()
        assert to == place
        session = connection.take_welcome(welcome, self.now)
        assert session is not None
        return Guest(name, connection, session)
