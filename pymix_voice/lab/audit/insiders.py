"""What corrupt mixes and gateways know beside what is on the links.

The gateways, the first mix and the last are corrupt; what lies between is honest. The gateways know
which client each of the first mix's rows belongs to; the last mix knows which rows are joined.
Between the two the honest mix has shuffled.

Must not know: how it was recorded, how it is attacked.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NOBODY = -1
"""A row that belongs to no client: a phantom, or a circuit that stands for a broken onion."""


@dataclass(frozen=True)
class Epoch:
    """One epoch of lines, as insiders at both ends have it.

    Attributes:
        number: of the epoch.
        begin: its first instant, in seconds.
        end: the instant after it.
        rows: intp [lines in], whose each row is at the first mix: a client's place in
            `Capture.clients`, or `NOBODY`.
        partners: intp [lines out], at the last mix: the row that each is joined with, or itself.
        evidence: float64 [rounds, lines out], at the last mix: how much each cell looks like
            filler, as far as anyone can tell from its bytes or tags; higher is likelier.
        present: bool [rounds, lines in]: whether a cell of that row reached the gateway in time.
        rounds: intp [rounds], the numbers of those rounds.
        doors: intp [doors], whose known address each door at the switchboard is at, or `NOBODY`.
        replayed: what came of a round that was sent twice to the honest mix, with one row's cell
            changed the second time: pairs of (row at the first mix, row at the last one whose cell
            changed, or `NOBODY` if none did or all did).
        garbled: rows at the last mix whose cells it spoilt in this epoch.
    """

    number: int
    begin: float
    end: float
    rows: NDArray[np.intp]
    partners: NDArray[np.intp]
    evidence: NDArray[np.float64]
    present: NDArray[np.bool_]
    rounds: NDArray[np.intp]
    doors: NDArray[np.intp]
    replayed: tuple[tuple[int, int], ...] = ()
    garbled: tuple[int, ...] = ()


@dataclass(frozen=True)
class Insiders:
    """What they know, epoch by epoch."""

    epochs: tuple[Epoch, ...]
    truth_rows: tuple[NDArray[np.intp], ...]
    """For labels only, for each epoch: intp [lines out], which row of the first mix each row at the
    last one is."""

    def within(self, begin: float, end: float) -> "Insiders":
        """What they knew of a span of time: whole epochs only."""
        kept = [
            (epoch, truth)
            for epoch, truth in zip(self.epochs, self.truth_rows, strict=True)
            if begin <= epoch.begin and epoch.end <= end
        ]
        return Insiders(tuple(epoch for epoch, _ in kept), tuple(truth for _, truth in kept))

    def until(self, end: float) -> "Insiders":
        """What they knew at an earlier instant."""
        return self.within(-math.inf, end)
