"""A mix and a gateway as one would write them first: an await and an AEAD call for every cell.

Every cell is a datagram of its own, between hops too (8 bytes of header, 128 of cell, 16 of tag).
The ciphers are ours, through PyNaCl's public bindings; a layer is an XOR with keystream made for
that one cell; rounds are collected in dicts. It is not slow on purpose: this is plain trio.

Must not know: how it is fed, measured and checked (`naive_run.py`).
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple, Protocol

import trio
from nacl.bindings import crypto_aead_chacha20poly1305_ietf_decrypt as decrypt
from nacl.bindings import crypto_aead_chacha20poly1305_ietf_encrypt as encrypt

from pymix_voice.geometry import STATUS_BYTES
from pymix_voice.lab.peers.sizes import CELL_BYTES

FORWARD, BACKWARD = 0, 1
MOST_BYTES = 2048

Place = tuple[str, int]
Cells = dict[int, bytes]
"""The cells of one round and direction, by row."""
Out = Iterator[tuple[bytes, Place]]
"""Datagrams and where they go."""

_LINK_HEADER = Struct("<II")  # row, round
_ACCESS_HEADER = Struct("<II")  # session, round
_NONCE = Struct("<QI")  # round, row
_STREAM_NONCE = Struct("<BQxxx")  # direction, round


class Hop(Protocol):
    """What both do: take a datagram apart, and make a whole round into datagrams."""

    rows: int

    def take_forward(self, datagram: bytes, source: Place) -> tuple[int, int, bytes]:
        """Round, row and cell of a datagram from before."""

    def give_forward(self, number: int, cells: Cells) -> Out:
        """A round's datagrams for what is after."""

    def take_backward(self, datagram: bytes, source: Place) -> tuple[int, int, bytes]:
        """Round, row and cell of a datagram from after."""

    def give_backward(self, number: int, cells: Cells) -> Out:
        """A round's datagrams for what is before."""


class Link(NamedTuple):
    """A neighbour: where it is, and a key for each direction."""

    place: Place
    keys: tuple[bytes, bytes]

    def seal(self, direction: int, number: int, row: int, cell: bytes) -> bytes:
        """One cell as a datagram."""
        header = _LINK_HEADER.pack(row, number)
        nonce = _NONCE.pack(number, row)
        return header + encrypt(cell, header, nonce, self.keys[direction])

    def open(self, direction: int, datagram: bytes) -> tuple[int, int, bytes]:
        """Round, row and cell of a datagram."""
        header = datagram[: _LINK_HEADER.size]
        row, number = _LINK_HEADER.unpack(header)
        nonce = _NONCE.pack(number, row)
        sealed = datagram[_LINK_HEADER.size :]
        return number, row, decrypt(sealed, header, nonce, self.keys[direction])


@dataclass
class Client:
    """A client at its gateway: a row, a session, a key for each direction, and where it is."""

    row: int
    session: int
    keys: tuple[bytes, bytes]
    place: Place = ("", 0)

    def seal(self, direction: int, number: int, text: bytes) -> bytes:
        """A cell up, or a cell and a status down, as a datagram."""
        header = _ACCESS_HEADER.pack(self.session, number)
        return header + encrypt(text, header, _NONCE.pack(number, 1), self.keys[direction])

    def open(self, direction: int, datagram: bytes) -> tuple[int, bytes]:
        """Round and text of a datagram."""
        header = datagram[: _ACCESS_HEADER.size]
        _, number = _ACCESS_HEADER.unpack(header)
        sealed = datagram[_ACCESS_HEADER.size :]
        return number, decrypt(sealed, header, _NONCE.pack(number, 1), self.keys[direction])


class Mix:
    """A middle mix. `circuits` has a key for each direction of each row."""

    def __init__(self, before: Link, after: Link, circuits: Sequence[tuple[bytes, bytes]]) -> None:
        self.rows = len(circuits)
        self.order = list(range(self.rows))
        random.SystemRandom().shuffle(self.order)
        self._before, self._after, self._circuits = before, after, circuits

    def take_forward(self, datagram: bytes, source: Place) -> tuple[int, int, bytes]:
        """Take a layer off."""
        number, row, cell = self._before.open(FORWARD, datagram)
        return number, row, xor(cell, layer(self._circuits[row][FORWARD], FORWARD, number))

    def give_forward(self, number: int, cells: Cells) -> Out:
        """Go on in the secret order."""
        for place, row in enumerate(self.order):
            yield self._after.seal(FORWARD, number, place, cells[row]), self._after.place

    def take_backward(self, datagram: bytes, source: Place) -> tuple[int, int, bytes]:
        """Undo the order, and add a layer."""
        number, place, cell = self._after.open(BACKWARD, datagram)
        row = self.order[place]
        return number, row, xor(cell, layer(self._circuits[row][BACKWARD], BACKWARD, number))

    def give_backward(self, number: int, cells: Cells) -> Out:
        """Go back."""
        for row in range(self.rows):
            yield self._before.seal(BACKWARD, number, row, cells[row]), self._before.place


class Gateway:
    """The side of a gateway that clients see, and its link to the first mix."""

    def __init__(self, clients: Sequence[Client], after: Link) -> None:
        self.rows = len(clients)
        self._clients, self._after = clients, after
        self._sessions = {client.session: client for client in clients}

    def take_forward(self, datagram: bytes, source: Place) -> tuple[int, int, bytes]:
        """From a client, who is now where this came from."""
        session, _ = _ACCESS_HEADER.unpack_from(datagram)
        client = self._sessions[session]
        number, cell = client.open(FORWARD, datagram)
        client.place = source
        return number, client.row, cell

    def give_forward(self, number: int, cells: Cells) -> Out:
        """To the first mix."""
        for row in range(self.rows):
            yield self._after.seal(FORWARD, number, row, cells[row]), self._after.place

    def take_backward(self, datagram: bytes, source: Place) -> tuple[int, int, bytes]:
        """From the first mix."""
        return self._after.open(BACKWARD, datagram)

    def give_backward(self, number: int, cells: Cells) -> Out:
        """To every client."""
        for client in self._clients:
            text = cells[client.row] + bytes(STATUS_BYTES)
            yield client.seal(BACKWARD, number, text), client.place


def layer(key: bytes, direction: int, number: int) -> bytes:
    """One cell's keystream."""
    return encrypt(bytes(CELL_BYTES), None, _STREAM_NONCE.pack(direction, number), key)[:CELL_BYTES]


def xor(one: bytes, other: bytes) -> bytes:
    """Byte by byte, the fastest way that plain Python has."""
    return (int.from_bytes(one) ^ int.from_bytes(other)).to_bytes(len(one))


async def serve(
    hop: Hop,
    before: trio.socket.SocketType,
    after: trio.socket.SocketType,
    sent: Callable[[int], None],
) -> None:
    """Be a hop until cancelled.

    Args:
        hop: a mix or a gateway.
        before: towards the clients.
        after: towards the switchboard.
        sent: told after each round of a direction how many cells went.
    """

    async def pass_on(
        incoming: trio.socket.SocketType,
        outgoing: trio.socket.SocketType,
        take: Callable[[bytes, Place], tuple[int, int, bytes]],
        give: Callable[[int, Cells], Out],
    ) -> None:
        rounds: dict[int, Cells] = {}
        while True:
            datagram, source = await incoming.recvfrom(MOST_BYTES)
            number, row, cell = take(datagram, source)
            cells = rounds.setdefault(number, {})
            cells[row] = cell
            if len(cells) == hop.rows:
                for out, place in give(number, rounds.pop(number)):
                    await outgoing.sendto(out, place)
                sent(hop.rows)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pass_on, before, after, hop.take_forward, hop.give_forward)
        nursery.start_soon(pass_on, after, before, hop.take_backward, hop.give_backward)
