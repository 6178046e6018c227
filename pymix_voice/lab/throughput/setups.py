"""An epoch's set-ups as the middle mix of three gets them: one layer each, around random bytes.

Whoever stands in for the mix behind it need not open what is inside; a few circuits are kept to
check by.

Must not know: links, rounds, what time it is.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.geometry import Geometry
from pymix_voice.onion.blocks import Blocks
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.keystream import BACKWARD, FORWARD, Keystream
from pymix_voice.onion.noise import Handshake, Pattern
from pymix_voice.onion.setup import HopKeys, Klass, hop_keys, prologue
from pymix_voice.zone.records import MAX_SETUPS_BYTES, BatchEnd, Record, Setups

MIDDLE = 1
"""The place of the middle mix in the chain."""
CHECKED = 8
"""So many lines are looked at, to see that each round is what it should be."""


class Checked(NamedTuple):
    """Keystreams of the first few lines: what the mix takes off, and puts on."""

    forward: Keystream
    backward: Keystream

    @classmethod
    def of(cls, keys: list[HopKeys], blocks: Blocks) -> "Checked":
        """Of these circuits."""
        return cls(
            Keystream([each.forward for each in keys], FORWARD, blocks),
            Keystream([each.backward for each in keys], BACKWARD, blocks),
        )


class Setup:
    """Makes the onions of one epoch, in slices.

    Args:
        geometry: sizes of the zone.
        epoch: which.
        onion_key: the middle mix's.
        descriptor_hash: of the list that it signed.
        dice: for everything in them.
    """

    def __init__(
        self, geometry: Geometry, epoch: int, onion_key: bytes, descriptor_hash: bytes, dice: Dice
    ) -> None:
        self._geometry = geometry
        self.epoch = epoch
        self._onion_key = onion_key
        self._hash = descriptor_hash
        self._dice = dice
        self._onions: dict[Klass, list[bytes]] = {klass: [] for klass in Klass}
        self._keys: list[HopKeys] = []

    @property
    def made(self) -> bool:
        """Whether all are there."""
        return len(self._onions[Klass.DOOR]) == self._geometry.clients

    def work(self, items: int) -> bool:
        """Make so many more; False if there was none to make."""
        for klass in Klass:
            onions = self._onions[klass]
            left = min(items, self._geometry.clients - len(onions))
            onions += [self._make(klass) for _ in range(left)]
            if left:
                return True
        return False

    def _make(self, klass: Klass) -> bytes:
        start = prologue(self._hash, MIDDLE, klass)
        ephemeral = KeyPair.draw(self._dice)
        handshake = Handshake(
            Pattern.N, True, start, ephemeral=ephemeral, remote_static=self._onion_key
        )
        inner = self._dice.bytes(self._geometry.onion_bytes_at(MIDDLE + 1))
        onion = handshake.write(inner)
        if klass == Klass.LINE and len(self._keys) < CHECKED:
            self._keys.append(hop_keys(handshake))
        return onion

    def records(self) -> Iterator[Record]:
        """All as the mix before passes them on, and the end of the batch."""
        size = self._geometry.onion_bytes_at(MIDDLE)
        per_record = MAX_SETUPS_BYTES // (2 * size)
        count = self._geometry.clients
        for first in range(0, count, per_record):
            lines, doors = (
                b"".join(self._onions[klass][first : first + per_record]) for klass in Klass
            )
            yield Setups(self.epoch, first, lines, doors)
        yield BatchEnd(self.epoch, count, count)

    def checked(self) -> Checked:
        """Of the first few lines."""
        return Checked.of(self._keys, Blocks(self._geometry.cell_bytes))


class Check:
    """Whether rounds come out of the mix as they should, by a few rows of each.

    Args:
        cells: uint8 [rows, cell], what goes in, in every round.
        checked: of the first few lines.
    """

    def __init__(self, cells: NDArray[np.uint8], checked: Checked) -> None:
        self._cells = cells[:CHECKED]
        self._checked = checked
        self._places: NDArray[np.intp] | None = None
        self._back: dict[int, NDArray[np.uint8]] = {}

    def forward(self, number: int, rows: NDArray[np.uint8]) -> bool:
        """Whether these rows are there, and where they were in the round before."""
        expected = self._cells ^ self._checked.forward.row(number)
        if self._places is None:
            # The order is the mix's secret; whoever knows a row finds it.
            there = (rows[:, None, :] == expected[None]).all(axis=2)
            self._places = there.argmax(axis=0)
        self._back[number] = rows[self._places].copy()
        for old in [each for each in self._back if each < number - 64]:
            del self._back[old]
        return bool((self._back[number] == expected).all())

    def backward(self, number: int, rows: NDArray[np.uint8]) -> bool:
        """Whether what was sent back came in the first rows again."""
        sent = self._back.pop(number, None)
        if sent is None:
            return True
        return bool((rows[: len(sent)] == sent ^ self._checked.backward.row(number)).all())
