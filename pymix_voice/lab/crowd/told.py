"""What all clients of a zone are told alike, kept once for a crowd.

Lists, decisions about epochs, and so which circuits each round uses. Groups are not in the same
round at the same instant, so what a round uses is settled when the first of them comes to it.

Source: the project's protocol page, sections "Epoch descriptor", "An epoch's timetable".

Must not know: sessions, cells, steering, what time it is.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import BadCell
from pymix_voice.geometry import Geometry
from pymix_voice.lab.crowd.kit import Circuits, Kit, Mint
from pymix_voice.lab.crowd.tally import HELD_ROUNDS, Tally
from pymix_voice.zone.epochs import NO_EPOCH, Outlook, Reign


class Told:
    """What a crowd knows of its zone.

    Args:
        geometry: the timetable.
        kit: makes circuits and onions.
        order: the clients that have a session, in the order of their set-up instants.
        tally: counts rows that did not come, and lists that were refused.

    Attributes:
        epochs: everybody's circuits, by epoch.
        mint: makes the onions of the newest epoch that has a list.
        newest: the newest round that any group came to; -1 before the first.
    """

    def __init__(
        self, geometry: Geometry, kit: Kit, order: Callable[[], list[int]], tally: Tally
    ) -> None:
        self._geometry = geometry
        self._kit = kit
        self._order = order
        self._tally = tally
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._reign = Reign(self._geometry)
        self._turns: NDArray[np.int64] = np.full(HELD_ROUNDS, NO_EPOCH, np.int64)
        self.mint: Mint | None = None
        self.epochs: dict[int, Circuits] = {}
        self.newest = -1

    def forget_all(self) -> None:
        """Rounds are numbered anew."""
        self._kit.forget_all()
        self._begin_anew()

    @property
    def coming(self) -> int:
        """The epoch after that of the newest round."""
        return self._geometry.epoch_of(self.newest) + 1

    @property
    def present(self) -> Circuits | None:
        """The circuits in force."""
        return self.epochs.get(self._reign.circuit_epoch)

    # ── the gateway's word ───────────────────────────────────────────────────────────────

    def hear_outlook(self, epoch: int, outlook: int) -> None:
        """What was decided about an epoch."""
        if outlook != Outlook.UNDECIDED:
            self._reign.decide(epoch, switch=outlook == Outlook.SWITCH)

    def hear_rows(self, epoch: int, clients: NDArray[np.intp]) -> None:
        """These clients have rows in an epoch: intp[k]."""
        if epoch in self.epochs:
            self.epochs[epoch].has_row[clients] = True

    @property
    def listed(self) -> int:
        """The newest epoch whose list is there."""
        return self._kit.listed

    def hear_piece(self, number: int, epoch: int, piece: bytes) -> None:
        """A part of an epoch's list came beside a round."""
        try:
            mint = self._kit.hear(number, epoch, piece)
        except BadCell as bad:
            self._tally.drops[bad.reason] += 1
            self._tally.lost_lists += 1
            return
        if mint is not None:
            self.mint, self.epochs[epoch] = mint, mint.circuits
            mint.want(self._order())

    # ── rounds ───────────────────────────────────────────────────────────────────────────

    def go_to(self, number: int) -> Circuits | None:
        """A group comes to a round: the circuits that it uses."""
        if number > self.newest:
            for each in range(max(self.newest + 1, number - HELD_ROUNDS + 1), number + 1):
                self._turns[each % HELD_ROUNDS] = self._reign.epoch_for(each)
                if self._geometry.within(each) == 0:
                    self._begin(self._geometry.epoch_of(each))
                if self._geometry.within(each) == self._geometry.keys_until:
                    self._forget(each)
            self.newest = number
            if self.mint is not None:
                self.mint.allow(self._geometry.setup_from - self._geometry.within(number))
        return self.circuits_of(number)

    def circuits_of(self, number: int) -> Circuits | None:
        """The circuits of a round that a group has come to; None if it is too long ago."""
        if not self.newest - HELD_ROUNDS < number <= self.newest:
            return None
        return self.epochs.get(int(self._turns[number % HELD_ROUNDS]))

    def _begin(self, epoch: int) -> None:
        """Count whose rows have not come."""
        circuits = self.epochs.get(epoch)
        if circuits is not None and self._reign.circuit_epoch == epoch:
            self._tally.rowless += circuits.made & ~circuits.has_row

    def _forget(self, number: int) -> None:
        """What was of the epochs before the present circuits has drained."""
        epoch = self._geometry.epoch_of(number)
        for old in [each for each in self.epochs if each < (self._reign.circuit_epoch or epoch)]:
            del self.epochs[old]
            self._kit.give_back(old)
        if self.mint is not None and self.mint.circuits.epoch <= epoch:
            self.mint = None

    # ── work ─────────────────────────────────────────────────────────────────────────────

    def work(self) -> bool:
        """One slice of keystreams or onions; False if there is nothing to be done."""
        if self.newest < 0:
            return False
        return self._prepare() or (self.mint is not None and self.mint.step())

    def _prepare(self) -> bool:
        """Keystream for the circuits in force, then for those to come."""
        coming = self.coming
        extends = self._reign.outlook(coming) == Outlook.EXTEND
        last = self._geometry.first_round(coming + extends) - 1
        if self.present is not None and self.present.prepare(self.newest, last):
            return True
        next_one = self.epochs.get(coming)
        if next_one is None or self._geometry.within(self.newest) < self._geometry.cutoff_at:
            return False
        first = self._geometry.first_round(coming)
        return next_one.prepare(first, first)
