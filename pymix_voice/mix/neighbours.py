"""Who a mix is linked with: up to one neighbour downstream, one or (the first mix) many upstream.

Must not know: rounds, records, sockets.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import Drop, Drops
from pymix_voice.geometry import MAX_WORKERS
from pymix_voice.onion.chunk import LinkKeys, link_ids
from pymix_voice.zone.drain import Address, Drain
from pymix_voice.zone.link import RoundLink, whole_chunks
from pymix_voice.zone.records import Record
from pymix_voice.zone.rounds import Inlet
from pymix_voice.zone.zonefile import Zone

DOWN = -1
"""The neighbour further down the chain; those upstream are numbered from 0.

At the first mix they are the gateways' workers: `MAX_WORKERS` numbers for each gateway."""


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
        self._by_id: dict[int, tuple[int, RoundLink]] = {}
        self._by_peer: dict[int, RoundLink] = {}
        self.linked: set[int] = set()
        """Those whose control link stands."""

    def name_of(self, peer: int) -> str:
        """A neighbour's name in the zone file."""
        if peer == DOWN:
            return self._zone.mixes[self._hop + 1].name
        if self._hop > 0:
            return self._zone.mixes[self._hop - 1].name
        gateway, worker = divmod(peer, MAX_WORKERS)
        name = self._zone.gateways[gateway].name
        return f"{name} (worker {worker + 1})" if worker else name

    def link_up(self, peer: int, keys: LinkKeys, inlet: Inlet, source: Address) -> None:
        """New keys take the place of the old.

        Args:
            peer: which neighbour.
            keys: from the handshake.
            inlet: collects its rounds; the same as before, so that none is taken twice.
            source: where it is; `NOWHERE` to learn it from its datagrams.
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

    def sort(self, drain: Drain, drops: Drops) -> Iterator[tuple[int, RoundLink, Drain]]:
        """Each neighbour's part of a drain; what names no link is counted."""
        drain = whole_chunks(drain, self._zone.geometry.chunk_bytes, drops)
        ids = link_ids(drain.cells)
        left = len(ids)
        for link_id, (peer, link) in list(self._by_id.items()):
            those = np.flatnonzero(ids == link_id)
            left -= len(those)
            if len(those):
                yield peer, link, _part(drain, those)
        if left:
            drops[Drop.UNKNOWN_SESSION] += left

    def link(self, peer: int) -> RoundLink | None:
        """A neighbour's link, if there ever was one."""
        return self._by_peer.get(peer)

    def reuse(self) -> None:
        """All bursts have left."""
        for link in self._by_peer.values():
            link.reuse()


def _part(drain: Drain, those: NDArray[np.intp]) -> Drain:
    """Some rows of a drain: a view, where they follow one another, as they mostly do."""
    first, last = int(those[0]), int(those[-1]) + 1
    rows = slice(first, last) if last - first == len(those) else those
    return Drain(drain.cells[rows], drain.lengths[rows], drain.sources[rows], drain.came)
