"""Where a mix's time goes: each step of a round by itself, with the very code that a mix runs.

One direction: datagrams come in, are opened and collected; the round is peeled and permuted,
sealed, and goes out. The keystream for it is made beside. CPU time, real sockets on loopback; what
stands around the steps in a mix (waiting, control, set-ups) is not in it.

Must not know: epochs, control links, other processes.
"""

import os
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from pymix_voice.edge.udp import CHUNK_CHARGE, Port, open_port
from pymix_voice.errors import Drops
from pymix_voice.geometry import BLOCK_ROUNDS, KEY_BYTES, Geometry
from pymix_voice.mix.circuits import Circuits, LayerKeys, Orders
from pymix_voice.onion.blocks import SLICE_ROWS, Blocks
from pymix_voice.onion.chunk import Beside, Opener, Sealer
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.sodium import Cipher
from pymix_voice.zone.drain import Burst
from pymix_voice.zone.rounds import Inlet

ROUNDS = 3 * BLOCK_ROUNDS


class Stopwatch:
    """CPU time by step."""

    def __init__(self) -> None:
        self.spent_ns: dict[str, int] = defaultdict(int)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """What is done meanwhile is this step."""
        start = time.thread_time_ns()
        yield
        self.spent_ns[name] += time.thread_time_ns() - start


def steps(rows: int, cipher: Cipher) -> dict[str, float]:
    """The steps of one direction: nanoseconds of CPU time a cell, by name.

    Args:
        rows: cells in a round.
        cipher: of the links.
    """
    dice, watch = Dice(os.urandom), Stopwatch()
    geometry = Geometry(3, rows)
    circuits = _circuits(rows, geometry, dice)
    room, size = 2 * geometry.chunks(rows) * CHUNK_CHARGE, geometry.chunk_bytes
    place = "127.0.0.1", 0
    with open_port(place, room, size=size) as here, open_port(place, room, size=size) as there:
        _work(geometry, cipher, circuits, (here, there), dice, watch)
    # Keystream was made for both directions.
    watch.spent_ns["keystream"] //= 2
    return {name: round(ns / ROUNDS / rows, 1) for name, ns in watch.spent_ns.items()}


def _circuits(rows: int, geometry: Geometry, dice: Dice) -> Circuits:
    lines = LayerKeys(dice.matrix(rows, KEY_BYTES), dice.matrix(rows, KEY_BYTES))
    orders = Orders.apart(dice.order(rows), np.empty(0, np.intp))
    return Circuits(1, lines, LayerKeys.of([]), orders, Blocks(geometry.cell_bytes))


def _work(
    geometry: Geometry,
    cipher: Cipher,
    circuits: Circuits,
    ports: tuple[Port, Port],
    dice: Dice,
    watch: Stopwatch,
) -> None:
    (here, there), rows = ports, geometry.clients
    key, drops = dice.bytes(cipher.key_bytes), Drops()
    sealer, opener = Sealer(bytes(4), key, geometry, cipher), Opener(key, cipher)
    inlet = Inlet(geometry, dice)
    cells = dice.matrix(rows, geometry.cell_bytes)
    for number in range(ROUNDS):
        with watch.step("keystream"):
            while circuits.prepare(number, number, SLICE_ROWS, ROUNDS):
                pass
        with watch.step("seal"):
            sheet = sealer.seal(number, 1, cells, Beside())
        sealer.reuse()
        burst, sent, got = Burst(sheet, there.address, "link"), 0, 0
        while got < len(sheet):
            with watch.step("send"):
                sent = here.send(burst, sent) if sent < len(sheet) else sent
            with watch.step("receive"):
                drain = there.drain()
            with watch.step("open"):
                _, opened = opener.open(drain.cells, number, drops)
                found = list(opened)
            with watch.step("collect"):
                for each in found:
                    inlet.accept(each, 1, rows, drain.came, drops)
            got += len(drain.lengths)
        taken = inlet.take(number, 1, rows)
        assert taken is not None
        with watch.step("xor and gather"):
            circuits.peel(number, taken)
