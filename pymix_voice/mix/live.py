"""The circuits in force at a mix: whose rounds go through, from when, until when.

The present epoch's circuits, those of the epoch before until their last rounds have drained down
the chain, and the empty ones of a zone without circuits. The circuit epoch never falls.

Source: the project's protocol page, section "An epoch's timetable".

Must not know: links, cells, what time it is.
"""

from pymix_voice.geometry import Geometry
from pymix_voice.mix.circuits import Circuits, no_circuits
from pymix_voice.zone.epochs import NO_EPOCH, outlived


class Live:
    """Circuits by epoch.

    Args:
        geometry: the timetable.

    Attributes:
        epoch: the circuit epoch; 0 as long as there are none.
        since: its first round.
    """

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._none = no_circuits(geometry.cell_bytes)
        self._by_epoch: dict[int, Circuits] = {}
        self.epoch = NO_EPOCH
        self.since = self._until = 0
        """The rounds that the circuits in force carry, as far as that is decided."""

    def __contains__(self, epoch: int) -> bool:
        return self.find(epoch) is not None

    def find(self, epoch: int) -> Circuits | None:
        """An epoch's circuits, if they are in force."""
        return self._none if epoch == NO_EPOCH else self._by_epoch.get(epoch)

    def get(self, epoch: int) -> Circuits:
        """An epoch's circuits; empty ones if they are not in force."""
        return self._by_epoch.get(epoch, self._none)

    def adopt(self, circuits: Circuits) -> None:
        """A coming epoch's circuits are put in place; its first rounds may come any time."""
        self._by_epoch[circuits.epoch] = circuits
        self.epoch = circuits.epoch
        self.since = self._geometry.first_round(circuits.epoch)
        self._until = self.since + self._geometry.epoch_rounds

    def extend(self) -> None:
        """Those in force run on through the coming epoch."""
        self._until += self._geometry.epoch_rounds

    def is_over(self, epoch: int, number: int) -> bool:
        """Whether a round comes under circuits whose last round was before it."""
        return NO_EPOCH < epoch < self.epoch and number >= self.since

    def without_word(self, number: int) -> int:
        """The circuit epoch of a round of which nothing came."""
        if number >= self.since and not outlived(self._geometry, number, self.epoch):
            return self.epoch if self.epoch in self else NO_EPOCH
        older = [epoch for epoch in self._by_epoch if epoch < self.epoch]
        return max(older, default=NO_EPOCH)

    def sweep(self, number: int) -> None:
        """Wipe what has had its time by this round."""
        drained = number - self.since >= self._geometry.keys_until
        for epoch in list(self._by_epoch):
            old = epoch < self.epoch and drained
            if old or outlived(self._geometry, number, epoch):
                self._by_epoch.pop(epoch).wipe()

    def prepare(self, forward: int, backward: int, items: int) -> int:
        """Make a slice of keystream for those in force; see `Circuits.prepare`."""
        forward, backward = max(forward, self.since), max(backward, self.since)
        return self.get(self.epoch).prepare(forward, backward, items, self._until)
