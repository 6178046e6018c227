"""The light clients' cells: made for a round's members at once, and read when they come back.

    kind 1 | sender 4 | round 8 | rest, of no meaning | tag 16      real kinds and sizes

Sender and round let whoever opens a cell check that it is the one that should have come.

Source: the project's protocol page, section "Cells".

Must not know: what is around a cell on its way, sessions, statuses, steering.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.geometry import TAG_BYTES, Geometry
from pymix_voice.lab.crowd.kit import Circuits, Senders
from pymix_voice.onion.cell import Kind as CellKind
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.access import Kind

NUMBER = slice(5, 13)
"""Where a body says its round."""
FILL = 0xA5
"""What the rest of a body is made of."""


class Heard(NamedTuple):
    """Cells that opened.

    Attributes:
        places: which of the rows that were read: intp[k].
        senders: who says to have sent each: int64[k].
        right: whether it is the sender and the round that should have come: bool[k].
    """

    places: NDArray[np.intp]
    senders: NDArray[np.int64]
    right: NDArray[np.bool_]


def body_of(geometry: Geometry) -> np.dtype[np.void]:
    """A cell, opened."""
    return np.dtype(
        [
            ("kind", "u1"),
            ("sender", "<u4"),
            ("number", "<u8"),
            ("rest", "u1", geometry.body_bytes - 12),
            ("tag", "u1", TAG_BYTES),
        ]
    )


class Cells:
    """Makes and reads cells.

    Args:
        geometry: sizes of the zone.
        peers: who hears whom.
        dice: for the cells of those without circuits.
    """

    def __init__(self, geometry: Geometry, peers: NDArray[np.intp], dice: Dice) -> None:
        self._body = body_of(geometry)
        self._peers = peers
        self._dice = dice
        everybody = np.arange(len(peers))
        self._blank: dict[int, NDArray[np.uint8]] = {}
        for kind in (Kind.LINE, Kind.DOOR):
            blank = np.zeros(len(peers), self._body)
            talks = (peers != everybody) & (kind == Kind.LINE)
            blank["kind"] = np.where(talks, CellKind.VOICE, CellKind.LOOP)
            blank["sender"] = everybody
            blank["rest"] = FILL
            self._blank[kind] = blank.view(np.uint8).reshape(-1, geometry.cell_bytes)

    def seal(
        self,
        out: NDArray[np.uint8],
        kind: int,
        number: int,
        senders: Senders,
        circuits: Circuits | None,
    ) -> None:
        """Write a round's cells as they go out; random bytes for those who have no circuits.

        Args:
            out: uint8[k, cell]; rows may lie apart.
            kind: line or door.
            number: the round.
            senders: whose they are.
            circuits: of the round; None if there are none.
        """
        out[:] = self._blank[kind][senders.rows]
        out[:, NUMBER] = np.frombuffer(number.to_bytes(8, "little"), np.uint8)
        if circuits is None or not circuits.wrap(out, kind, number, senders):
            out[:] = self._dice.matrix(*out.shape)
        elif not (made := circuits.made[senders.rows]).all():
            lacking = np.flatnonzero(~made)
            out[lacking] = self._dice.matrix(len(lacking), out.shape[1])

    def read(
        self,
        cells: NDArray[np.uint8],
        kind: int,
        number: int,
        clients: NDArray[np.intp],
        circuits: Circuits,
    ) -> Heard | None:
        """Read cells of one round.

        Args:
            cells: uint8[k, cell], left as they are.
            kind: line or door.
            number: the round.
            clients: whose circuits they came back on: intp[k].
            circuits: of the round.

        Returns:
            Those that opened; None if the round's circuits are gone.
        """
        peeled = circuits.peel(cells, kind, number, clients)
        if peeled is None:
            return None
        places = np.flatnonzero(peeled.good & circuits.made[clients])
        bodies = peeled.bodies.view(self._body)[:, 0][places]
        senders = bodies["sender"].astype(np.int64)
        wanted = self._peers[clients[places]] if kind == Kind.LINE else clients[places]
        return Heard(places, senders, (senders == wanted) & (bodies["number"] == number))
