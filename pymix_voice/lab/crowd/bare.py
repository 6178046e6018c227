"""Circuits and onions that are none, but of the right size: enough load for a gateway.

A gateway opens neither cells nor onions, and hands each client the row that is its own. So where
whoever stands in for the first mix gives rows back as they came (`lab.throughput.first`), a body
without any seal or layer comes home. That costs a client a third of what it would.

Must not know: sessions, gateways, what time it is.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from pymix_voice.geometry import TAG_BYTES
from pymix_voice.lab.crowd.kit import Circuits, Kit, Mint, Peeled, Senders
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.zonefile import Zone

MARK = 0xA5A5A5A5A5A5A5A5
"""What stands in a tag's place, and filler does not have."""


class BareEpoch(Circuits):
    """Who has a row in an epoch.

    Args:
        epoch: its number.
        clients: how many.

    Attributes:
        epoch, made, has_row: see `Circuits`.
    """

    def __init__(self, epoch: int, clients: int) -> None:
        self.epoch = epoch
        self.made = np.zeros(clients, np.bool_)
        self.has_row = np.zeros(clients, np.bool_)

    def prepare(self, number: int, last: int) -> bool:
        """There is nothing to make."""
        return False

    def wrap(self, out: NDArray[np.uint8], kind: int, number: int, senders: Senders) -> bool:
        """Put the mark where the tag would be."""
        _tags(out)[:] = MARK
        return True

    def peel(
        self, cells: NDArray[np.uint8], kind: int, number: int, clients: NDArray[np.intp]
    ) -> Peeled:
        """Tell cells from filler."""
        return Peeled(cells, (_tags(cells) == MARK).all(axis=1))


def _tags(cells: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """uint64[k, 2], in place."""
    tags: NDArray[np.uint64] = cells[:, -TAG_BYTES:].view("<u8")
    return tags


class BareMint(Mint):
    """Onions that are random bytes.

    Args:
        circuits: for whom.
        size: of a line's onion and a door's, together.
        dice: for the bytes.
    """

    def __init__(self, circuits: BareEpoch, size: int, dice: Dice) -> None:
        self._circuits = circuits
        self._size = size
        self._dice = dice

    @property
    def circuits(self) -> BareEpoch:
        """For whom."""
        return self._circuits

    def want(self, clients: Iterable[int]) -> None:
        """They cost nothing."""

    def allow(self, rounds: int) -> None:
        """They cost nothing."""

    def step(self) -> bool:
        """They cost nothing."""
        return False

    def take(self, client: int) -> bytes | None:
        """Both onions of a client, joined; None if they were taken."""
        if self._circuits.made[client]:
            return None
        self._circuits.made[client] = True
        return self._dice.bytes(self._size)


class BareKit(Kit):
    """Circuits and onions that are none.

    Args:
        zone: the zone file.
        peers: who hears whom: each itself, as rows come back as they came.
        dice: for onions.
    """

    made_late = 0

    def __init__(self, zone: Zone, peers: NDArray[np.intp], dice: Dice) -> None:
        self._onion_bytes = 2 * zone.geometry.onion_bytes
        self._clients = len(peers)
        self._dice = dice.fork("onions")
        self.forget_all()

    def forget_all(self) -> None:
        """Rounds are numbered anew."""
        self._listed = -1

    @property
    def listed(self) -> int:
        """The newest epoch of whose list a piece came."""
        return self._listed

    def hear(self, number: int, epoch: int, piece: bytes) -> BareMint | None:
        """A piece of an epoch's list: which does not matter, so one is enough."""
        if epoch <= self._listed or not any(piece):
            return None
        self._listed = epoch
        return BareMint(BareEpoch(epoch, self._clients), self._onion_bytes, self._dice)

    def give_back(self, epoch: int) -> None:
        """There is nothing to use again."""
