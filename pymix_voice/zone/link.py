"""A neighbour of the chain, as far as rounds go: its keys, its inlet, where it was last heard.

Keys outlive the control link that agreed on them until the next handshake is done, so a
broken TCP connection costs no round.

Source: the project's protocol page, section "Mix links".

Must not know: sockets, what time it is, what a row carries.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import Drop, Drops, Misuse
from pymix_voice.onion.chunk import Beside, Chunks, LinkKeys, Opener, Sealer
from pymix_voice.zone.drain import NOWHERE, Address, Addresses, Burst, Drain
from pymix_voice.zone.rounds import Inlet, Once
from pymix_voice.zone.steering import Steering

EARLY_UNIT_S = 1 / 16_000
"""Earliness travels as an int16 in sixteenths of a millisecond."""

NOT_MEASURED = -32_768
"""Travels in place of an earliness before there is one."""


def early_units(early_s: float) -> int:
    """Earliness as it travels: int16, 1/16 ms, held at the ends of its range."""
    return max(NOT_MEASURED + 1, min(32_767, round(early_s / EARLY_UNIT_S)))


def all_early_units(early_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """`early_units` for many."""
    units = np.rint(early_s / EARLY_UNIT_S).clip(NOT_MEASURED + 1, 32_767)
    return units.astype(np.int64)


def steer(steering: Steering, early_round: int, early: int) -> None:
    """Take upstream's word, as it travelled, on how early a round came."""
    if early != NOT_MEASURED:
        steering.sample(early_round, early * EARLY_UNIT_S)


def whole_chunks(drain: Drain, chunk_bytes: int, drops: Drops) -> Drain:
    """The datagrams that can be chunks, by their length; others are counted."""
    fits, cells = drain.lengths == chunk_bytes, drain.cells[:, :chunk_bytes]
    sources, lengths = drain.sources, drain.lengths
    if not fits.all():
        drops[Drop.MALFORMED] += len(fits) - int(np.count_nonzero(fits))
        cells, lengths, sources = cells[fits], lengths[fits], sources[fits]
    # None is left of a drain that is narrower than a chunk.
    return Drain(cells.reshape(-1, chunk_bytes), lengths, sources, drain.came)


class RoundLink:
    """The rounds to and from one neighbour.

    Args:
        keys: what both sides derived from their handshake.
        upstream: whether the neighbour is on the side of the clients.
        inlet: collects what comes from it.
        source: where it is, if that is known before it was heard.
    """

    def __init__(
        self, keys: LinkKeys, *, upstream: bool, inlet: Inlet, source: Address = NOWHERE
    ) -> None:
        self.link_id = int.from_bytes(keys.link_id, "little")
        self.inlet = inlet
        self.source = source
        self.early: tuple[int, int] = (0, NOT_MEASURED)
        """The round that came least early since the last word on it, and how early, in 1/16 ms."""
        self._early_told = True
        receive, send = keys.backward, keys.forward
        if upstream:
            receive, send = send, receive
        self._opener = Opener(receive, keys.cipher)
        self._sealer = Sealer(keys.link_id, send, inlet.geometry, keys.cipher)
        self._learns_source = source == NOWHERE
        self._sent = Once()
        self.newest = -1
        """The newest round that was heard; words beside older ones may be replays."""

    def open(
        self, datagrams: NDArray[np.uint8], sources: Addresses, near: int, drops: Drops
    ) -> Iterator[Chunks]:
        """Open datagrams in place; authentic newer ones also tell where the neighbour is.

        Args:
            datagrams: uint8 [k, chunk].
            sources: where each came from.
            near: a round that their numbers are near to.
            drops: counts those that are not authentic.

        Returns:
            What opened, by round.
        """
        rounds, chunks = self._opener.open(datagrams, near, drops)
        newest = int(rounds.argmax()) if len(rounds) else 0
        if len(rounds) and rounds[newest] > self.newest:
            self.newest = int(rounds[newest])
            if self._learns_source:
                self.source = bytes(sources[newest])
        return chunks

    def seal(self, number: int, age: int, cells: NDArray[np.uint8], flags: int = 0) -> list[Burst]:
        """Seal one round for the neighbour, with the newest earliness as a word beside it.

        Args:
            number: the round.
            age: of its circuits, see `zone.epochs`.
            cells: uint8 [rows, cell].
            flags: the outlook on the coming epoch.

        Returns:
            One burst, valid until `reuse`; none while it is not known where the neighbour is.

        Raises:
            Misuse: if this round was sealed before.
        """
        if not self._sent.claim(number):
            raise Misuse("a round was to be sealed twice for one neighbour")
        if self.source == NOWHERE:
            return []
        early_round, early = self.early
        self._early_told = True
        datagrams = self._sealer.seal(number, age, cells, Beside(early, early_round, flags))
        return [Burst(datagrams, self.source, "link")]

    def note_early(self, number: int, early: int) -> None:
        """A round came so early, in 1/16 ms: the neighbour is told with the next of ours.

        A late one must not be forgotten for the next that came before the word could leave.
        """
        if self._early_told or early < self.early[1]:
            self.early, self._early_told = (number, early), False

    def reuse(self) -> None:
        """All bursts have left: what held them may hold others."""
        self._sealer.reuse()
