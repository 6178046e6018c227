"""A neighbour of the chain, as far as rounds go: its keys, its inlet, where it was last heard.

Keys outlive the control link that agreed on them until the next handshake is done, so a
broken TCP connection costs no round.

Source: the project's protocol page, section "Mix links".

Must not know: sockets, what time it is, what a row carries.
"""

from collections.abc import Callable, Hashable

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import BadCell, Drop, Drops, Misuse
from pymix_voice.geometry import CHUNK_BYTES
from pymix_voice.onion.chunk import ChunkHeader, LinkKeys, open_chunk, seal_chunks
from pymix_voice.zone.drain import Burst, Drain
from pymix_voice.zone.rounds import Inlet, Once
from pymix_voice.zone.steering import Steering

EARLY_UNIT_S = 1 / 16_000
"""Earliness travels as an int16 in sixteenths of a millisecond."""

NOT_MEASURED = -32_768
"""Travels in place of an earliness before there is one."""


def early_units(early_s: float) -> int:
    """Earliness as it travels: int16, 1/16 ms, held at the ends of its range."""
    return max(NOT_MEASURED + 1, min(32_767, round(early_s / EARLY_UNIT_S)))


def steer(steering: Steering, early_round: int, early: int) -> None:
    """Take upstream's word, as it travelled, on how early a round came."""
    if early != NOT_MEASURED:
        steering.sample(early_round, early * EARLY_UNIT_S)


def take_chunks(
    drain: Drain, take: Callable[[NDArray[np.uint8], Hashable], None], drops: Drops
) -> None:
    """Hand on each datagram that can be a chunk; what is none, or is refused, is counted."""
    for index in range(len(drain.lengths)):
        try:
            if drain.lengths[index] != CHUNK_BYTES:
                raise BadCell(Drop.MALFORMED)
            take(drain.cells[index, :CHUNK_BYTES], drain.sources[index])
        except BadCell as bad:
            drops[bad.reason] += 1


class RoundLink:
    """The rounds to and from one neighbour.

    Args:
        keys: what both sides derived from their handshake.
        upstream: whether the neighbour is on the side of the clients.
        inlet: collects what comes from it.
        source: where it is, if that is known before it was heard.
    """

    def __init__(
        self, keys: LinkKeys, *, upstream: bool, inlet: Inlet, source: Hashable = None
    ) -> None:
        self.link_id = keys.link_id
        self.inlet = inlet
        self.source = source
        self.early: tuple[int, int] = (0, NOT_MEASURED)
        """The round that was measured last, and how early it came, in 1/16 ms."""
        self._receive_key = keys.forward if upstream else keys.backward
        self._send_key = keys.backward if upstream else keys.forward
        self._learns_source = source is None
        self._sent = Once()
        self.newest = -1
        """The newest round that was heard; words beside older ones may be replays."""

    def open(
        self, datagram: NDArray[np.uint8], source: Hashable, near: int
    ) -> tuple[ChunkHeader, NDArray[np.uint8]]:
        """Open one datagram in place; authentic newer ones also tell where the neighbour is.

        Args:
            datagram: uint8[1184].
            source: where it came from.
            near: a round that its number is near to.

        Raises:
            BadCell: if it is not an authentic chunk of this link.
        """
        header, cells = open_chunk(datagram, self._receive_key, near)
        if header.round > self.newest:
            self.newest = header.round
            if self._learns_source:
                self.source = source
        return header, cells

    def seal(self, number: int, age: int, cells: NDArray[np.uint8], flags: int = 0) -> list[Burst]:
        """Seal one round for the neighbour, with the newest earliness as a word beside it.

        Args:
            number: the round.
            age: of its circuits, see `zone.epochs`.
            cells: uint8[rows, 128].
            flags: the outlook on the coming epoch.

        Returns:
            One burst, or none while it is not known where the neighbour is.

        Raises:
            Misuse: if this round was sealed before.
        """
        if not self._sent.claim(number):
            raise Misuse("a round was to be sealed twice for one neighbour")
        if self.source is None:
            return []
        early_round, early = self.early
        datagrams = seal_chunks(
            self.link_id, self._send_key, number, age, cells, early, early_round, flags
        )
        return [Burst(datagrams, self.source, "link")]
