"""What a crowd's cells travel on: circuits, and the onions that set them up.

A kit makes them for all clients of a crowd. There are two: `whole` makes what a zone can carry, and
`bare` what is enough for a gateway, which opens neither cells nor onions.

Must not know: sessions, statuses, steering, what time it is.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from pymix_voice.onion.dice import Dice
from pymix_voice.zone.zonefile import Zone


class Senders(NamedTuple):
    """Clients that send in a round.

    Attributes:
        rows: as an index into what there is of all clients.
        clients: their numbers: intp[k].
    """

    rows: slice | NDArray[np.intp]
    clients: NDArray[np.intp]


class Peeled(NamedTuple):
    """Cells that came back on circuits.

    Attributes:
        bodies: uint8[k, cell], without what was around them; valid until the next ones.
        good: which of them are cells that the circuits' owners could open: bool[k].
    """

    bodies: NDArray[np.uint8]
    good: NDArray[np.bool_]


class Circuits(Protocol):
    """Everybody's circuits of one epoch.

    Attributes:
        epoch: its number.
        made: whose onions were handed out: bool[n].
        has_row: of whom the gateway said that they have a row: bool[n].
    """

    epoch: int
    made: NDArray[np.bool_]
    has_row: NDArray[np.bool_]

    def prepare(self, number: int, last: int) -> bool:
        """Make one slice of what rounds from `number` to `last` need; False if there is none."""

    def wrap(self, out: NDArray[np.uint8], kind: int, number: int, senders: Senders) -> bool:
        """Make bodies of a round into what goes to the gateway.

        Args:
            out: uint8[k, cell], changed in place; rows may lie apart.
            kind: line or door.
            number: the round.
            senders: whose they are.

        Returns:
            False if there are no circuits for this round any more.
        """

    def peel(
        self, cells: NDArray[np.uint8], kind: int, number: int, clients: NDArray[np.intp]
    ) -> Peeled | None:
        """Take off what is around cells of a round.

        Args:
            cells: uint8[k, cell], left as they are.
            kind: line or door.
            number: the round.
            clients: whose circuits they came back on: intp[k].

        Returns:
            None if there are no circuits for this round any more.
        """


class Mint(Protocol):
    """Makes everybody's onions for one epoch.

    Attributes:
        circuits: that they set up.
    """

    @property
    def circuits(self) -> Circuits:
        """That they set up."""

    def want(self, clients: Iterable[int]) -> None:
        """These will need onions, in about this order."""

    def allow(self, rounds: int) -> None:
        """A round began, and there are so many for all that is left."""

    def step(self) -> bool:
        """One slice of work; False if there is none in this round."""

    def take(self, client: int) -> bytes | None:
        """Both onions of a client, joined. None if they are not made yet, or were taken."""


class Kit(Protocol):
    """Makes circuits and onions as lists come."""

    @property
    def listed(self) -> int:
        """The newest epoch whose list is there; -1 before the first."""

    @property
    def made_late(self) -> int:
        """How many clients' blocks of keystream were made only when a round needed them."""

    def hear(self, number: int, epoch: int, piece: bytes) -> Mint | None:
        """A piece of an epoch's list came beside a round; its mint, if it is there with it.

        Raises:
            BadCell: if the list is complete, but wrong.
        """

    def give_back(self, epoch: int) -> None:
        """An epoch's circuits are over."""

    def forget_all(self) -> None:
        """Rounds are numbered anew."""


KitMaker = Callable[[Zone, NDArray[np.intp], Dice], Kit]
"""Makes a kit of the zone file, who hears whom, and dice."""
