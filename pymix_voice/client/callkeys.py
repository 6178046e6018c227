"""The keys of one call: a chain, one link an epoch, and what seals a cell of each path.

    call[n+1] = BLAKE2b-256(call[n], 'pymix next')         n = epoch number of the round
    drop      = BLAKE2b-128(call[n], 'pymix drop')         n = epoch that the set-up is for
    cell key  = BLAKE2b-256(call[n], 'pymix cell', direction, path)

Old links are wiped, so a call that is over cannot be opened later. The link before is kept for
25 rounds, for what is still on its way.

Source: the project's protocol page, section "Call keys".

Must not know: circuits, the session, what a body says, what time it is.
"""

from enum import IntEnum

from pymix_voice.errors import BadCell, Drop
from pymix_voice.geometry import DROP_BYTES, Geometry
from pymix_voice.onion.cell import CellSealer, Kind, open_cell
from pymix_voice.onion.keys import Secret, derive

MAX_STEPS = 1 << 15
"""The chain is not wound further at once: some 36 hours of 4 s epochs."""
LINGER_ROUNDS = 25
"""So long the epoch before can still be opened."""


class Path(IntEnum):
    """Which of a client's two circuits a cell goes on; seen from the callee for a dial."""

    LINE = 0
    DOOR = 1


class CallKeys:
    """Seals and opens the cells of one call.

    Args:
        geometry: gives the epoch of a round.
        epoch: that the call was dialed in.
        secret: 32 bytes, from the handshake.
        caller: whether this side dialed.
    """

    def __init__(self, geometry: Geometry, epoch: int, secret: bytes, *, caller: bool) -> None:
        self.geometry = geometry
        self._links: dict[int, Secret] = {epoch: Secret(secret)}
        self._sealers: dict[tuple[int, Path], CellSealer] = {}
        self._own = 0 if caller else 1

    def _link(self, epoch: int) -> bytes:
        """call[epoch].

        Raises:
            BadCell: if it was wiped, or is too far ahead.
        """
        newest = max(self._links)
        if not min(self._links) <= epoch <= newest + MAX_STEPS:
            raise BadCell(Drop.OTHER_EPOCH)
        link = self._links[newest].reveal()
        for number in range(newest + 1, epoch + 1):
            link = derive(link, "pymix next")
            self._links[number] = Secret(link)
        return self._links[epoch].reveal()

    def drop(self, epoch: int) -> bytes:
        """Where both lines meet in an epoch, 16 bytes."""
        return derive(self._link(epoch), "pymix drop", size=DROP_BYTES)

    def _cell_key(self, epoch: int, direction: int, path: Path) -> bytes:
        return derive(self._link(epoch), "pymix cell", bytes([direction, path]))

    def seal(self, path: Path, number: int, kind: Kind, body: bytes) -> bytes:
        """One cell of this side; a path and round seal one body ever."""
        epoch = self.geometry.epoch_of(number)
        sealer = self._sealers.get((epoch, path))
        if sealer is None:
            sealer = CellSealer(self._cell_key(epoch, self._own, path), self.geometry.body_bytes)
            self._sealers[epoch, path] = sealer
        return sealer.seal(number, kind, body)

    def open(self, path: Path, number: int, cell: bytes) -> tuple[Kind, bytes]:
        """Open the peer's cell of a round.

        Raises:
            BadCell: if it is not the peer's; one's own, come back, is not either.
        """
        epoch = self.geometry.epoch_of(number)
        # By the rounds that come, not those that go: they are a round trip apart.
        self._forget(self.geometry.epoch_of(number - LINGER_ROUNDS))
        return open_cell(self._cell_key(epoch, 1 - self._own, path), number, cell)

    def _forget(self, oldest: int) -> None:
        """Wipe what is older than this epoch (whose own link is made first, if it has none)."""
        if min(self._links) >= oldest:
            return
        self._link(oldest)
        for old in [epoch for epoch in self._links if epoch < oldest]:
            self._links.pop(old).wipe()
        for key in [key for key in self._sealers if key[0] < oldest]:
            self._sealers.pop(key).wipe()

    def wipe(self) -> None:
        """The call is over: forget everything."""
        for link in self._links.values():
            link.wipe()
        for sealer in self._sealers.values():
            sealer.wipe()
        self._sealers.clear()
