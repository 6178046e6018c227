"""Which circuits a round uses, as it travels and as it is remembered.

A round's circuits are of its own epoch, or, extended, of one of the three before it; or there
are none. A datagram says it as the *age*: 0 none, 1 the round's own epoch, 2 the one before...

The first mix decides once an epoch whether the coming one switches to its own circuits or
extends those in force. `Reign` keeps what was decided, at the first mix and at whoever is told.

Source: the project's protocol page, section "An epoch's timetable".

Must not know: keys, links, what time it is.
"""

from enum import IntEnum

from pymix_voice.errors import BadCell, Drop
from pymix_voice.geometry import MAX_EXTENSIONS, Geometry
from pymix_voice.onion.numbers import expand

NO_EPOCH = 0
"""The circuit epoch of a zone without circuits."""


def age_of(geometry: Geometry, number: int, epoch: int) -> int:
    """How a datagram of this round names its circuit epoch."""
    return 0 if epoch == NO_EPOCH else geometry.epoch_of(number) - epoch + 1


def epoch_of_age(geometry: Geometry, number: int, age: int) -> int:
    """The circuit epoch that a datagram of this round names.

    Raises:
        BadCell: if circuits cannot live that long.
    """
    if age > MAX_EXTENSIONS + 1:
        raise BadCell(Drop.OTHER_EPOCH)
    return NO_EPOCH if age == 0 else geometry.epoch_of(number) - age + 1


def outlived(geometry: Geometry, number: int, epoch: int) -> bool:
    """Whether circuits of this epoch must have ended by this round."""
    return geometry.epoch_of(number) - epoch > MAX_EXTENSIONS


class Outlook(IntEnum):
    """What is known of the coming epoch."""

    UNDECIDED = 0
    SWITCH = 1
    EXTEND = 2


class Reign:
    """Which circuits are in force.

    Args:
        geometry: the timetable.
    """

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._switch_to = NO_EPOCH
        self._decided_for = NO_EPOCH
        self.circuit_epoch = NO_EPOCH

    def is_due(self, number: int) -> bool:
        """Whether it is time, by this round, to decide about the coming epoch."""
        late = self._geometry.within(number) >= self._geometry.decide_at
        return late and self._decided_for <= self._geometry.epoch_of(number)

    def decide(self, epoch: int, *, switch: bool) -> None:
        """It is decided how this epoch will run; the first word about an epoch counts."""
        if epoch > self._decided_for:
            self._decided_for = epoch
            if switch:
                self._switch_to = epoch

    def outlook(self, epoch: int) -> Outlook:
        """What is known of an epoch that has not begun."""
        if self._decided_for != epoch:
            return Outlook.UNDECIDED
        return Outlook.SWITCH if self._switch_to == epoch else Outlook.EXTEND

    def epoch_for(self, number: int) -> int:
        """The circuit epoch of a round; asked in rising order."""
        epoch = self._geometry.epoch_of(number)
        if self.circuit_epoch < self._switch_to <= epoch:
            self.circuit_epoch = self._switch_to
        if outlived(self._geometry, number, self.circuit_epoch):
            self.circuit_epoch = NO_EPOCH
        return self.circuit_epoch

    def flags(self, number: int) -> int:
        """The outlook as a byte beside a round: outlook 2 bits, the epoch's low 6 bits."""
        coming = self._geometry.epoch_of(number) + 1
        return self.outlook(coming) | (coming & 0x3F) << 2

    def take_flags(self, flags: int, number: int) -> None:
        """Believe such a byte, from a neighbour whose rounds are near this one."""
        epoch = expand(flags >> 2, 6, self._geometry.epoch_of(number) + 1)
        if flags & 3 in (Outlook.SWITCH, Outlook.EXTEND):
            self.decide(epoch, switch=flags & 3 == Outlook.SWITCH)
