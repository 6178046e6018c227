"""The gateway's part in an epoch: its descriptor, its clients' set-ups, its rows.

The order in which set-ups come is the order of rows. Each is passed on at once, so that the
first mix opens onions as they come; all can be said again after a link broke.

Source: the project's protocol page, section "An epoch's timetable".

Must not know: sockets, cells, what time it is.
"""

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import BadCell, Drop
from pymix_voice.gateway.rows import Placing
from pymix_voice.gateway.sessions import Sessions, Slots
from pymix_voice.zone.access import NO_PIECE
from pymix_voice.zone.descriptor import pieces_of
from pymix_voice.zone.epochs import NO_EPOCH, Reign
from pymix_voice.zone.records import Accepted, BatchEnd, Decision, Published, Record, Setups
from pymix_voice.zone.zonefile import Zone


def capacity_of(zone: Zone, workers: int = 1) -> int:
    """How many clients one gateway, or one of its workers, can have: an equal part of the zone."""
    return max(1, zone.clients // len(zone.gateways) // workers)


class Intake:
    """Set-ups of one epoch, passed to the first mix as they come.

    Args:
        zone: the zone file.
        sessions: all there are.
        capacity: how many there can be.
    """

    def __init__(self, zone: Zone, sessions: Sessions, capacity: int) -> None:
        self._geometry = zone.geometry
        self._sessions = sessions
        self._capacity = capacity
        self.reign = Reign(zone.geometry)
        self.population = 0
        self._epoch = NO_EPOCH
        self._pieces: list[bytes] = []
        self._batch: list[int] = []
        self._told: list[Record] = []
        self._closed = False
        self._accepted = False
        self._nobody = Placing(np.empty(0, np.intp), capacity)
        self._placings: dict[int, Placing] = {}

    def placing(self, epoch: int) -> Placing:
        """Who has which row in an epoch."""
        return self._placings.get(epoch, self._nobody)

    def acknowledged(self, slots: Slots, epoch: int) -> NDArray[np.bool_]:
        """Whose set-ups for an epoch have come: bool [k]."""
        came: NDArray[np.bool_] = self._sessions.setup_epochs[slots] == epoch
        return came

    def accepted(self, epoch: int) -> bool:
        """Whether whoever sent a set-up for the coming epoch has a row in it."""
        return self._accepted and epoch == self._epoch

    def piece(self, number: int) -> bytes:
        """The part of the coming epoch's descriptor that goes out beside this round."""
        return self._pieces[number % len(self._pieces)] if self._pieces else NO_PIECE

    def again(self) -> list[Record]:
        """All that the first mix may have missed."""
        return list(self._told)

    def _tell(self, record: Record) -> list[Record]:
        self._told.append(record)
        return [record]

    def take(self, slot: int, epoch: int, onions: bytes, last: int) -> list[Record]:
        """Take a client's set-up; what to tell the first mix.

        Raises:
            BadCell: if it is not the time for it, or the client has sent one before.
        """
        within = self._geometry.within(last)
        if self._sessions.setup_epochs[slot] == epoch:
            raise BadCell(Drop.REPLAYED)
        if epoch != self._epoch or self._closed or within >= self._geometry.cutoff_at:
            raise BadCell(Drop.LATE)
        if len(self._batch) >= self._capacity:
            raise BadCell(Drop.FULL)
        self._sessions.setup_epochs[slot] = epoch
        self._batch.append(slot)
        half = len(onions) // 2
        return self._tell(Setups(epoch, len(self._batch) - 1, onions[:half], onions[half:]))

    def receive(self, record: Record, present: int) -> None:
        """Take a record of the first mix.

        Args:
            record: what it says.
            present: the epoch it is now; only it and the coming one are spoken of.

        Raises:
            BadCell: if it does not belong here.
        """
        match record:
            case Published(epoch=epoch) | Accepted(epoch=epoch) | Decision(epoch=epoch):
                if not present <= epoch <= present + 1:
                    raise BadCell(Drop.OTHER_EPOCH)
        match record:
            case Published(epoch=epoch, descriptor=descriptor):
                if epoch > self._epoch:
                    self._begin(epoch)
                    self._pieces = pieces_of(descriptor)
            case Accepted(epoch=epoch, rows=rows, population=population):
                if epoch != self._epoch or rows != len(self._batch) or not self._closed:
                    raise BadCell(Drop.OTHER_EPOCH)
                self._accepted = True
                self.population = population
                slots = np.array(self._batch, np.intp)
                self._placings[epoch] = Placing(slots, len(self._sessions.ids))
            case Decision(epoch=epoch, switch=switch):
                self.reign.decide(epoch, switch=switch)
            case _:
                raise BadCell(Drop.UNEXPECTED)

    def _begin(self, epoch: int) -> None:
        self._epoch = epoch
        self._batch, self._told = [], []
        self._closed = self._accepted = False

    def keep_time(self, number: int) -> list[Record]:
        """What a round's place in its epoch brings; what to tell the first mix."""
        within = self._geometry.within(number)
        if within == self._geometry.keys_until:
            for old in [each for each in self._placings if each < self.reign.circuit_epoch]:
                del self._placings[old]
        due = self._epoch == self._geometry.epoch_of(number) + 1
        if due and within >= self._geometry.cutoff_at and not self._closed:
            self._closed = True
            self._pieces = []
            return self._tell(BatchEnd(self._epoch, len(self._batch), len(self._batch)))
        return []
