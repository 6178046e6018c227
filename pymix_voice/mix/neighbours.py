"""Who a mix is linked with: up to one neighbour downstream, one or (the first mix) many upstream.

Must not know: rounds, records, sockets.
"""

from collections.abc import Hashable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import BadCell, Drop
from pymix_voice.onion.chunk import LinkKeys, link_id_of
from pymix_voice.zone.link import RoundLink
from pymix_voice.zone.records import Record
from pymix_voice.zone.rounds import Inlet
from pymix_voice.zone.zonefile import Zone

DOWN = -1
"""The neighbour further down the chain; those upstream are numbered from 0."""


class Said(NamedTuple):
    """What a machine wants said over control links, in order."""

    to_keep: int | None
    """A signed epoch that must be safe on disk before any of the records leaves."""
    records: list[tuple[int, Record]]
    """To which neighbour (-1 downstream, 0... upstream), and what."""


class Neighbours:
    """The links of one mix.

    Args:
        zone: the zone file.
        hop: the mix's place in the chain, from 0.
    """

    def __init__(self, zone: Zone, hop: int) -> None:
        self._zone = zone
        self._hop = hop
        self._by_id: dict[bytes, tuple[int, RoundLink]] = {}
        self._by_peer: dict[int, RoundLink] = {}
        self.linked: set[int] = set()
        """Those whose control link stands."""

    def name_of(self, peer: int) -> str:
        """A neighbour's name in the zone file."""
        if peer == DOWN:
            return self._zone.mixes[self._hop + 1].name
        upstream = self._zone.gateways if self._hop == 0 else self._zone.mixes[self._hop - 1 :]
        return upstream[peer].name

    def link_up(self, peer: int, keys: LinkKeys, inlet: Inlet, source: Hashable) -> None:
        """New keys take the place of the old.

        Args:
            peer: which neighbour.
            keys: from the handshake.
            inlet: collects its rounds; the same as before, so that none is taken twice.
            source: where it is; None to learn it from its datagrams.
        """
        old = self._by_peer.get(peer)
        if old is not None:
            self._by_id.pop(old.link_id, None)
        inlet.start_over()
        link = RoundLink(keys, upstream=peer != DOWN, inlet=inlet, source=source)
        self._by_id[link.link_id] = peer, link
        self._by_peer[peer] = link
        self.linked.add(peer)

    def link_down(self, peer: int) -> None:
        """Its control link broke; its keys live on for rounds."""
        self.linked.discard(peer)

    def find(self, datagram: NDArray[np.uint8]) -> tuple[int, RoundLink]:
        """The neighbour whose link a datagram names.

        Raises:
            BadCell: if there is none.
        """
        known = self._by_id.get(link_id_of(datagram))
        if known is None:
            raise BadCell(Drop.UNKNOWN_SESSION)
        return known

    def link(self, peer: int) -> RoundLink | None:
        """A neighbour's link, if there ever was one."""
        return self._by_peer.get(peer)
