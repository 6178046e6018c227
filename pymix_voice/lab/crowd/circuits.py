"""All light clients' circuits of one epoch: combined keystreams, cell keys and drops.

    wrap, peel    sealed cells ^ the XOR of all hops' keystreams, for many clients at once

Blocks of 20 steps are made ahead in slices.

What the circuits are for is drawn here as well: clients 2i and 2i+1 that are in a call meet at a
common drop and seal under two keys that both know; the others' lines, and all doors, are at drops
of their own, and open what they sealed themselves. All of it is drawn anew for every epoch, so
there is no chain of call keys; nobody on the wire can tell.

Source: the project's protocol page, "Cells", "Layers and set-up onions".

Must not know: sessions, gateways, what a cell says, what time it is.
"""

import numpy as np
from numpy.typing import NDArray

from pymix_voice.geometry import (
    BLOCK_ROUNDS,
    DOOR_EVERY,
    DROP_BYTES,
    KEY_BYTES,
    TAG_BYTES,
)
from pymix_voice.lab.crowd.kit import Circuits, Peeled, Senders
from pymix_voice.onion import sodium
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keystream import BACKWARD, FORWARD
from pymix_voice.onion.setup import HopKeys
from pymix_voice.onion.sodium import Chosen
from pymix_voice.zone.access import Kind

KEPT_BLOCKS = 3
"""Blocks held a direction: this one, the one before, the one to come."""
SLICE_STREAMS = 120
"""Streams in one slice of work: some 0.3 ms."""
_ROOM = 256
"""Cells are opened in the same place each time, so that pointers to it are remembered."""
_NO_KEY = bytes(KEY_BYTES)
"""Of a client that has no circuit: its layers are made, but never used."""


def peers_of(clients: int, calls: float) -> NDArray[np.intp]:
    """Who hears whom: pairs among the first part of the clients, all others themselves."""
    peers = np.arange(clients, dtype=np.intp)
    talkers = 2 * int(clients * min(1.0, calls) / 2)
    peers[:talkers] ^= 1
    return peers


class Layers:
    """The layers of all clients' circuits of one class, all hops' in one.

    Args:
        clients: how many.
        hops: length of the chain.
        every: a step is so many rounds: 1 for lines, 10 for doors.
        cell_bytes: the size of a cell in this zone.

    Attributes:
        made_late: how many clients' blocks were made only when a round already needed them.
    """

    def __init__(self, clients: int, hops: int, every: int, cell_bytes: int) -> None:
        self._clients = clients
        self._hops = hops
        self._every = every
        self._cell_bytes = cell_bytes
        self._stream_bytes = BLOCK_ROUNDS * cell_bytes
        # Written to now: memory that is touched for the first time is a long time coming.
        self._held: NDArray[np.uint8] = np.full(
            (2, KEPT_BLOCKS, BLOCK_ROUNDS, clients, cell_bytes), 0, np.uint8
        )
        self._slice = max(1, SLICE_STREAMS // hops)
        self._streams: NDArray[np.uint8] = np.empty(
            (self._slice * hops, self._stream_bytes + TAG_BYTES), np.uint8
        )
        self.made_late = 0
        self.clear()

    def clear(self) -> None:
        """Nobody has circuits yet; the memory is used again, since new one takes long to come."""
        clients, hops, ways = self._clients, self._hops, (FORWARD, BACKWARD)
        self._keys = [[[_NO_KEY] * clients for _ in range(hops)] for _ in ways]
        self._blocks = [[-1] * KEPT_BLOCKS for _ in ways]
        self._made = [[0] * KEPT_BLOCKS for _ in ways]
        self._prepared = (-1, -1)

    def put(self, client: int, hops: list[HopKeys]) -> None:
        """One client's circuit."""
        for place, hop in enumerate(hops):
            self._keys[FORWARD][place][client] = hop.forward
            self._keys[BACKWARD][place][client] = hop.backward

    def keys_of(self, client: int) -> list[HopKeys]:
        """One client's circuit."""
        ways = zip(self._keys[FORWARD], self._keys[BACKWARD], strict=True)
        return [HopKeys(forward[client], backward[client]) for forward, backward in ways]

    def rows(self, direction: int, number: int) -> NDArray[np.uint8] | None:
        """Everybody's layers for a round, uint8[n, cell]; a view. None if they are gone.

        What is not made yet is made at once, and counted.
        """
        block, step = divmod(number // self._every, BLOCK_ROUNDS)
        if self._blocks[direction][block % KEPT_BLOCKS] > block:
            return None
        while made := self._make(direction, block):
            self.made_late += made
        rows: NDArray[np.uint8] = self._held[direction, block % KEPT_BLOCKS, step]
        return rows

    def prepare(self, number: int, last: int) -> bool:
        """Make one slice of what rounds from `number` need; False if nothing is to be done.

        Args:
            number: the newest round.
            last: no round beyond this one will need any.
        """
        block = number // self._every // BLOCK_ROUNDS
        coming = min(block + 1, last // self._every // BLOCK_ROUNDS)
        if self._prepared == (block, coming):
            return False
        for wanted in (block, coming):
            for direction in (FORWARD, BACKWARD):
                newer = self._blocks[direction][wanted % KEPT_BLOCKS] > wanted
                if not newer and self._make(direction, wanted):
                    return True
        self._prepared = (block, coming)
        return False

    def _make(self, direction: int, block: int) -> int:
        """One slice of a block; how many clients' it was."""
        slot = block % KEPT_BLOCKS
        if self._blocks[direction][slot] != block:
            self._blocks[direction][slot] = block
            self._made[direction][slot] = 0
        start = self._made[direction][slot]
        end = min(self._clients, start + self._slice)
        if start == end:
            return 0
        keys = [key for hop in self._keys[direction] for key in hop[start:end]]
        streams = self._streams[: len(keys)]
        nonce = bytes([direction]) + block.to_bytes(8, "little") + bytes(3)
        sodium.stream_rows(streams, nonce, keys)
        shape = (self._hops, end - start, BLOCK_ROUNDS, self._cell_bytes)
        first, *others = streams[:, : self._stream_bytes].reshape(shape)
        for other in others:
            first ^= other
        self._held[direction, slot, :, start:end] = first.swapaxes(0, 1)
        self._made[direction][slot] = end
        return end - start


class Epoch(Circuits):
    """Everybody's circuits of one epoch, and what they are for.

    Args:
        epoch: its number.
        hops: length of the chain.
        peers: who hears whom, see `peers_of`.
        cell_bytes: the size of a cell in this zone.
        dice: for drops and cell keys.
        old: an epoch that is over, whose memory is used again.

    Attributes:
        epoch, made, has_row: see `Circuits`.
        line, door: the layers.
        keys: uint8[2n, 32], of the cells that clients say: lines' first, then doors'.
        line_drops, door_drops: one a client.
    """

    def __init__(
        self,
        epoch: int,
        hops: int,
        peers: NDArray[np.intp],
        cell_bytes: int,
        dice: Dice,
        old: "Epoch | None" = None,
    ) -> None:
        clients = len(peers)
        self.epoch = epoch
        if old is None:
            self.line = Layers(clients, hops, 1, cell_bytes)
            self.door = Layers(clients, hops, DOOR_EVERY, cell_bytes)
            self.keys: NDArray[np.uint8] = np.empty((2 * clients, KEY_BYTES), np.uint8)
            self._sheet: NDArray[np.uint8] = np.zeros((_ROOM, cell_bytes), np.uint8)
        else:
            self.line, self.door = old.line, old.door
            self.keys, self._sheet = old.keys, old._sheet
            self.line.clear()
            self.door.clear()
        self._peers = peers
        self.made = np.zeros(clients, np.bool_)
        self.has_row = np.zeros(clients, np.bool_)
        dice.fill(self.keys)
        meeting = np.minimum(peers, np.arange(clients))
        self.line_drops = _texts(dice.matrix(clients, DROP_BYTES)[meeting])
        self.door_drops = _texts(dice.matrix(clients, DROP_BYTES))

    @property
    def made_late(self) -> int:
        """How many clients' blocks were made only when a round already needed them."""
        return self.line.made_late + self.door.made_late

    def prepare(self, number: int, last: int) -> bool:
        """One slice of keystream, see `Layers.prepare`."""
        return self.line.prepare(number, last) or self.door.prepare(number, last)

    def wrap(self, out: NDArray[np.uint8], kind: int, number: int, senders: Senders) -> bool:
        """Seal cells, and lay all layers on."""
        is_line = kind == Kind.LINE
        layers = (self.line if is_line else self.door).rows(FORWARD, number)
        if layers is None:
            return False
        keys = Chosen(self.keys, self._keys_of(senders.clients, is_line))
        sodium.seal_rows(out, 0, _nonce(number), keys)
        out ^= layers[senders.rows]
        return True

    def peel(
        self, cells: NDArray[np.uint8], kind: int, number: int, clients: NDArray[np.intp]
    ) -> Peeled | None:
        """Take all layers off, and open cells."""
        is_line = kind == Kind.LINE
        layers = (self.line if is_line else self.door).rows(BACKWARD, number)
        if layers is None:
            return None
        if len(cells) > len(self._sheet):
            self._sheet = np.zeros(cells.shape, np.uint8)
        bodies = np.bitwise_xor(cells, layers[clients], out=self._sheet[: len(cells)])
        heard = self._peers[clients] if is_line else clients
        keys = Chosen(self.keys, self._keys_of(heard, is_line))
        return Peeled(bodies, sodium.open_rows(bodies, 0, _nonce(number), keys))

    def _keys_of(self, clients: NDArray[np.intp], is_line: bool) -> NDArray[np.intp]:
        """Which keys these clients' own cells are sealed with."""
        return clients if is_line else clients + len(self._peers)


def _nonce(number: int) -> bytes:
    """Round 8 | 0 0 0 0, as in `onion.cell`."""
    return number.to_bytes(8, "little") + bytes(4)


def _texts(matrix: NDArray[np.uint8]) -> list[bytes]:
    return [row.tobytes() for row in matrix]
