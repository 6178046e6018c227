"""Datagrams from the gateway, a whole drain at once: opened, checked, statuses as columns.

Sizes, keys and nonces are those of `pymix_voice/zone/access.py`; a datagram is taken here only if
`open_down` and `Connection.open` would take it: from the gateway, of a session, of a kind down,
authentic, with a status in range, and each (session, kind, round) once.

Source: the project's protocol page, section "Access link".

Must not know: what a cell carries, circuits, steering.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import Drop, Drops
from pymix_voice.geometry import (
    ACCESS_HEADER_BYTES,
    PIECE_BYTES,
    STATUS_BYTES,
    TAG_BYTES,
    Geometry,
)
from pymix_voice.lab.crowd.sessions import Table
from pymix_voice.onion import sodium
from pymix_voice.onion.numbers import expand_all
from pymix_voice.zone import access
from pymix_voice.zone.access import Kind
from pymix_voice.zone.drain import Address, Drain

SEEN_ROUNDS = 64
"""A round so far below the crowd's newest is not taken any more."""
_ROOM = 256
"""Nonces are written to the same place each time, so that pointers to them are remembered."""


class Opened(NamedTuple):
    """The good datagrams of a drain, row by row; they may lie in the drain.

    Attributes:
        clients: whose: intp[k].
        kinds: line or door: int64[k].
        numbers: rounds: int64[k].
        cells: uint8[k, cell], with their layers.
        fields: everything else, see `down_of`: [k].
    """

    clients: NDArray[np.intp]
    kinds: NDArray[np.int64]
    numbers: NDArray[np.int64]
    cells: NDArray[np.uint8]
    fields: NDArray[np.void]


def down_of(geometry: Geometry) -> np.dtype[np.void]:
    """A datagram down; word: kind 1 | the round's low 3 bytes."""
    return np.dtype(
        [
            ("session", "<u4"),
            ("word", "<u4"),
            ("cell", "u1", geometry.cell_bytes),
            ("early", "<i2"),
            ("early_round", "u1"),
            ("flags", "u1"),
            ("population", "<u2"),
            ("challenged", "u1"),
            ("zero", "u1"),
            ("piece", "u1", PIECE_BYTES),
            ("tag", "u1", TAG_BYTES),
        ]
    )


class Opener:
    """Opens datagrams down.

    Args:
        geometry: sizes of the zone.
        table: of sessions.
        clients: how many.
        where: the gateway.
    """

    def __init__(self, geometry: Geometry, table: Table, clients: int, where: Address) -> None:
        self._down = down_of(geometry)
        self._table = table
        self._clients = clients
        self._where = where
        shape = (2, clients, SEEN_ROUNDS)
        self._seen: NDArray[np.int64] = np.full(shape, -1, np.int64)
        self._claims: NDArray[np.int32] = np.zeros(shape, np.int32)
        self._nonces: NDArray[np.uint8] = np.zeros((_ROOM, sodium.NONCE_BYTES), np.uint8)

    def forget(self, client: int) -> None:
        """A new session has had no round yet."""
        self._seen[:, client] = -1

    def sort(self, drain: Drain, drops: Drops) -> tuple[NDArray[np.uint8], list[bytes]]:
        """What can be cells, uint8[k, down], and the gateway's other datagrams.

        What others sent is counted.
        """
        theirs = drain.sources == self._where
        size = self._down.itemsize
        sized = drain.lengths == size
        good = theirs & sized
        if good.all():
            return drain.cells[:, :size], []
        _count(drops, Drop.UNEXPECTED, ~theirs)
        rest = np.flatnonzero(theirs & ~sized)
        others = [drain.datagram(index).tobytes() for index in rest.tolist()]
        return drain.cells[good, :size], others

    def open(self, matrix: NDArray[np.uint8], near: int, drops: Drops) -> Opened | None:
        """Open cells in place; None if there is no good one."""
        if not len(matrix) or matrix.shape[1] < self._down.itemsize:
            return None
        fields = matrix.view(self._down)[:, 0]
        clients = self._table.find(fields["session"])
        words = fields["word"].astype(np.int64)
        kinds = words & 0xFF
        known = clients >= 0
        good = known & (kinds >= Kind.LINE) & (kinds <= Kind.DOOR)
        _count(drops, Drop.UNKNOWN_SESSION, ~known)
        _count(drops, Drop.MALFORMED, known & ~good)
        numbers = expand_all(words >> 8, 24, near)
        if not good.all():
            matrix, clients = matrix[good], clients[good]
            kinds, numbers = kinds[good], numbers[good]
        if not len(clients):
            return None
        opened = self._unseal(matrix, clients, kinds, numbers)
        fields = matrix.view(self._down)[:, 0]
        well = (fields["flags"] & 3 != 3) & (fields["challenged"] <= 1)
        _count(drops, Drop.FORGED, ~opened)
        _count(drops, Drop.MALFORMED, opened & ~well)
        good = opened & well
        fresh = self._claim(clients[good], kinds[good], numbers[good], near)
        good[good] = fresh
        _count(drops, Drop.REPLAYED, ~fresh)
        cells = matrix[:, ACCESS_HEADER_BYTES : -STATUS_BYTES - TAG_BYTES]
        if good.all():
            return Opened(clients, kinds, numbers, cells, fields)
        return Opened(clients[good], kinds[good], numbers[good], cells[good], fields[good])

    def _unseal(
        self,
        matrix: NDArray[np.uint8],
        clients: NDArray[np.intp],
        kinds: NDArray[np.int64],
        numbers: NDArray[np.int64],
    ) -> NDArray[np.bool_]:
        if len(clients) > len(self._nonces):
            self._nonces = np.zeros((len(clients), sodium.NONCE_BYTES), np.uint8)
        nonces = self._nonces[: len(clients)]
        access.nonces(kinds.astype(np.uint8), numbers, nonces)
        keys = self._table.down_keys(clients)
        return sodium.open_rows(matrix, ACCESS_HEADER_BYTES, nonces, keys)

    def _claim(
        self,
        clients: NDArray[np.intp],
        kinds: NDArray[np.int64],
        numbers: NDArray[np.int64],
        near: int,
    ) -> NDArray[np.bool_]:
        """Use up rounds; which of them were not used before, nor too old to tell."""
        places = ((kinds - Kind.LINE) * self._clients + clients) * SEEN_ROUNDS
        places += numbers % SEEN_ROUNDS
        seen, claims = self._seen.reshape(-1), self._claims.reshape(-1)
        # Of those that are twice in this drain the last one writes, and so counts.
        mine = np.arange(len(clients), dtype=np.int32)
        claims[places] = mine
        fresh: NDArray[np.bool_] = (seen[places] != numbers) & (claims[places] == mine)
        fresh &= numbers > near - SEEN_ROUNDS
        seen[places[fresh]] = numbers[fresh]
        return fresh


def _count(drops: Drops, reason: Drop, which: NDArray[np.bool_]) -> None:
    count = int(np.count_nonzero(which))
    if count:
        drops[reason] += count
