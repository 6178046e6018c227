"""A client's circuits: the coming epoch's list, its onions, and the layers of both circuits.

    wrap    cell ^ all hops' forward keystreams
    peel    cell ^ all hops' backward keystreams

The list is taken only with every mix's signature. All X25519 is done before the set-up
instant, in slices; the drops are named as late as that instant.

Source: the project's protocol page, sections "Layers and set-up onions", "Epoch descriptor".

Must not know: the session, calls, what time it is.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import BadCell, Drop
from pymix_voice.geometry import BLOCK_ROUNDS, DOOR_EVERY
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keystream import BACKWARD, FORWARD, combined
from pymix_voice.onion.setup import Flag, HopKeys, Klass, OnionMaker
from pymix_voice.zone.descriptor import PieceCollector, parse_descriptor
from pymix_voice.zone.zonefile import Zone

KEPT_BLOCKS = 3
"""Blocks of keystream held a direction: this one, the one before, the one to come."""


class Circuit:
    """One circuit, as its client sees it.

    Args:
        hops: what it shares with each mix.
        every: a step is so many rounds: 1 for a line, 10 for a door.
        cell_bytes: the size of a cell in this zone.
    """

    def __init__(self, hops: list[HopKeys], every: int, cell_bytes: int) -> None:
        self._every = every
        self._cell_bytes = cell_bytes
        self._keys = {
            FORWARD: [hop.forward for hop in hops],
            BACKWARD: [hop.backward for hop in hops],
        }
        self._blocks: dict[tuple[int, int], NDArray[np.uint8]] = {}

    def _layers(self, direction: int, number: int) -> NDArray[np.uint8]:
        step = number // self._every
        block = step // BLOCK_ROUNDS
        if (direction, block) not in self._blocks:
            for old in [key for key in self._blocks if key[1] + KEPT_BLOCKS <= block]:
                del self._blocks[old]
            keys = self._keys[direction]
            self._blocks[direction, block] = combined(keys, direction, block, self._cell_bytes)
        layers: NDArray[np.uint8] = self._blocks[direction, block][step % BLOCK_ROUNDS]
        return layers

    def wipe(self) -> None:
        """Forget keys and layers."""
        self._keys.clear()
        for block in self._blocks.values():
            block.fill(0)

    def wrap(self, number: int, cell: bytes) -> bytes:
        """Put on every layer of this round."""
        return (np.frombuffer(cell, np.uint8) ^ self._layers(FORWARD, number)).tobytes()

    def peel(self, number: int, cell: bytes) -> bytes:
        """Take off every layer of this round."""
        return (np.frombuffer(cell, np.uint8) ^ self._layers(BACKWARD, number)).tobytes()


class Pair(NamedTuple):
    """The two circuits of one epoch."""

    line: Circuit
    door: Circuit


class Circuits:
    """The circuits of the epochs that a client has a part in.

    Args:
        zone: the zone file.
        dice: for the onions' ephemerals.
    """

    def __init__(self, zone: Zone, dice: Dice) -> None:
        self._zone = zone
        self._dice = dice
        self._collector = PieceCollector(zone.geometry)
        self._collecting = -1
        self._makers: tuple[OnionMaker, OnionMaker] | None = None
        self._pairs: dict[int, Pair] = {}
        self.epoch = -1
        """The epoch that the next set-up is for, once its list is complete."""

    def take_piece(self, number: int, epoch: int, piece: bytes) -> None:
        """A part of the coming epoch's list came beside a round.

        Args:
            number: the round; it tells which part it is.
            epoch: the coming epoch.
            piece: 16 bytes.

        Raises:
            BadCell: if the list is complete, but wrong.
        """
        if epoch <= self.epoch:
            return
        if epoch != self._collecting:
            self._collecting = epoch
            self._collector.clear()
        raw = self._collector.add(number % self._zone.geometry.pieces, piece)
        if raw is None:
            return
        descriptor = parse_descriptor(raw, self._zone)
        if descriptor.epoch != epoch:
            raise BadCell(Drop.OTHER_EPOCH)
        self._collector.clear()
        self.epoch = epoch
        keys, listed = descriptor.onion_keys, descriptor.hash
        self._makers = (
            OnionMaker(keys, listed, Klass.LINE, self._dice),
            OnionMaker(keys, listed, Klass.DOOR, self._dice),
        )

    def work(self) -> bool:
        """One slice of X25519 for the coming set-up; False if there is none to do."""
        if self._makers is None:
            return False
        return self._makers[0].step() or self._makers[1].step()

    @property
    def ready_for(self) -> int:
        """The epoch whose onions can be sealed now; -1 if none."""
        return -1 if self._makers is None else self.epoch

    def seal(self, line: tuple[bytes, Flag], door: tuple[bytes, Flag]) -> bytes:
        """Both onions of the coming epoch, joined; its circuits are kept."""
        assert self._makers is not None
        (for_line, for_door), self._makers = self._makers, None
        onions = for_line.seal(*line) + for_door.seal(*door)
        size = self._zone.geometry.cell_bytes
        self._pairs[self.epoch] = Pair(
            Circuit(for_line.hops, 1, size), Circuit(for_door.hops, DOOR_EVERY, size)
        )
        return onions

    def get(self, epoch: int) -> Pair | None:
        """The circuits of an epoch, if this client has any."""
        return self._pairs.get(epoch)

    def wipe(self) -> None:
        """Give up all of them."""
        for pair in self._pairs.values():
            pair.line.wipe()
            pair.door.wipe()
        self._pairs.clear()
        self._makers = None

    def forget_before(self, epoch: int) -> None:
        """Give up the circuits of epochs before this one, and a list that came too late."""
        for old in [each for each in self._pairs if each < epoch]:
            pair = self._pairs.pop(old)
            pair.line.wipe()
            pair.door.wipe()
        if self.epoch < epoch:
            self._makers = None
