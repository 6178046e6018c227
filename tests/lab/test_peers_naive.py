"""The naive mix and gateway: right, if slow."""

import os

import pytest
from nacl.exceptions import CryptoError
from sizes import CELL_BYTES

from pymix_voice.geometry import KEY_BYTES, STATUS_BYTES
from pymix_voice.lab.peers import naive_run
from pymix_voice.lab.peers.naive import (
    BACKWARD,
    FORWARD,
    Client,
    Gateway,
    Link,
    Mix,
    Place,
    layer,
    xor,
)

ROWS = 7
ROUND = 4_000_000
BEFORE, AFTER = ("127.0.0.1", 1), ("127.0.0.1", 2)
CELLS = {row: bytes([row]) * CELL_BYTES for row in range(ROWS)}


def keys(seed: int) -> tuple[bytes, bytes]:
    return bytes([seed]) * KEY_BYTES, bytes([seed + 100]) * KEY_BYTES


def mix_between(before: Link, after: Link) -> Mix:
    return Mix(before, after, [keys(row) for row in range(ROWS)])


def test_a_mix_takes_its_layer_off_and_goes_on_in_its_order() -> None:
    before, after = Link(BEFORE, keys(50)), Link(AFTER, keys(60))
    mix = mix_between(before, after)
    came = {}
    for row, cell in CELLS.items():
        number, at, peeled = mix.take_forward(before.seal(FORWARD, ROUND, row, cell), BEFORE)
        assert (number, at) == (ROUND, row)
        came[at] = peeled
    for place, (datagram, to) in enumerate(mix.give_forward(ROUND, came)):
        assert len(datagram) == 8 + CELL_BYTES + 16
        assert to == AFTER
        number, at, cell = after.open(FORWARD, datagram)
        assert (number, at) == (ROUND, place)
        row = mix.order[place]
        assert xor(cell, layer(keys(row)[FORWARD], FORWARD, ROUND)) == CELLS[row]


def test_a_mix_undoes_its_order_on_the_way_back() -> None:
    before, after = Link(BEFORE, keys(50)), Link(AFTER, keys(60))
    mix = mix_between(before, after)
    taken = [
        mix.take_backward(after.seal(BACKWARD, ROUND, place, CELLS[row]), AFTER)
        for place, row in enumerate(mix.order)
    ]
    for datagram, to in mix.give_backward(ROUND, {row: cell for _, row, cell in taken}):
        assert to == BEFORE
        _, row, cell = before.open(BACKWARD, datagram)
        assert xor(cell, layer(keys(row)[BACKWARD], BACKWARD, ROUND)) == CELLS[row]


def test_a_gateway_answers_where_a_client_was_heard_last() -> None:
    clients = [Client(row, 1000 - row, keys(row)) for row in range(ROWS)]
    after = Link(AFTER, keys(60))
    gateway = Gateway(clients, after)
    for client in clients:
        source: Place = ("127.0.0.1", 3000 + client.row)
        datagram = client.seal(FORWARD, ROUND, CELLS[client.row])
        assert gateway.take_forward(datagram, source) == (ROUND, client.row, CELLS[client.row])
    for row, (datagram, to) in enumerate(gateway.give_forward(ROUND, CELLS)):
        assert (after.open(FORWARD, datagram), to) == ((ROUND, row, CELLS[row]), AFTER)
    for row, (datagram, to) in enumerate(gateway.give_backward(ROUND, CELLS)):
        assert to == ("127.0.0.1", 3000 + row)
        assert clients[row].open(BACKWARD, datagram) == (ROUND, CELLS[row] + bytes(STATUS_BYTES))


def test_a_changed_datagram_does_not_open() -> None:
    link = Link(BEFORE, keys(50))
    datagram = bytearray(link.seal(FORWARD, ROUND, 3, CELLS[3]))
    datagram[0] ^= 1
    with pytest.raises(CryptoError):
        link.open(FORWARD, bytes(datagram))


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.parametrize("mode", ["mix", "gateway"])
async def test_a_run_over_real_sockets_brings_cells_through(mode: naive_run.Mode) -> None:
    measured = await naive_run.measure(mode, ROWS, 0.2, min(os.sched_getaffinity(0)))
    assert (measured.mode, measured.rows) == (mode, ROWS)
    assert measured.verified > 0
    assert measured.rounds > 0
    assert 0 < measured.cpu_s < 5
