"""What each part of a simulated world is told, as a dishonest one could write it down.

Of a datagram: when, from where, how large; of a round beside it also which, of which circuits,
which chunk. Of a control record: when, from where, kind and size. Not the bytes that are sealed,
which differ from key to key. Beside it what a mix counts: rounds, cells, rows that were filler,
drops by reason. Two worlds that differ only in who calls whom must have equal views.

The last mix has its switchboard, too: `Joins` tells of each epoch which rows are joined, up to how
rows are named.

Must not know: what is in a row, who has which.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from pymix_voice.lab.network import Came
from pymix_voice.lab.world import Part, World
from pymix_voice.mix.batch import Batch, Shuffled
from pymix_voice.mix.machine import Mix
from pymix_voice.zone.records import Record, encode

_HEAD = struct.Struct("<4xIHH")
"""Of a chunk: link id, round, age of the circuits, chunk."""


class Told(NamedTuple):
    """Something came for a part."""

    at: float
    """Seconds; when it came."""
    source: str
    what: str
    """'datagram', 'round', or the kind of a control record."""
    size: int
    round: int = -1
    age: int = -1
    chunk: int = -1


class Count(NamedTuple):
    """What a mix counts, once in every epoch."""

    at: float
    rounds: int
    cells: int
    filled_rows: int
    drops: tuple[tuple[str, int], ...]


class Joins(NamedTuple):
    """One epoch's switchboard, up to the names of its rows."""

    lines: int
    doors: int
    lines_joined: int
    """Pairs of lines that are joined in every round: calls, and phantoms of other mixes."""
    doors_joined: int
    """Pairs of a line and a door, joined in door rounds."""


class Viewed(World):
    """A world in which everything that a part is told is written down; arguments as of `World`."""

    def __init__(self, **zone: Any) -> None:  # noqa: ANN401
        self.views: dict[str, list[Told]] = {}
        self.counts: dict[str, list[Count]] = {}
        self.joins: dict[int, Joins] = {}
        """By epoch; at the last mix."""
        super().__init__(**zone)
        self._count()

    def _take(self, name: str, part: Part, came: list[Came]) -> None:
        if name not in self.people:
            view = self.views.setdefault(name, [])
            view += [self._told(each) for each in came]
        super()._take(name, part, came)

    def _told(self, came: Came) -> Told:
        size = len(came.datagram)
        if size != self.zone.geometry.chunk_bytes:
            return Told(came.at, came.source, "datagram", size)
        return Told(came.at, came.source, "round", size, *_HEAD.unpack_from(came.datagram))

    def _say(self, source: str, destination: str, record: Record) -> None:
        told = Told(self.now, source, type(record).__name__, len(encode(record)))
        self.views.setdefault(destination, []).append(told)
        super()._say(source, destination, record)

    def _count(self) -> None:
        for name in self.mix_names:
            mix = self.parts.get(name)
            if isinstance(mix, Mix):
                drops = tuple(sorted((reason.value, n) for reason, n in mix.drops.items()))
                filled = int(mix.figures()["filled_rows"])
                count = Count(self.now, mix.rounds, mix.cells, filled, drops)
                self.counts.setdefault(name, []).append(count)
        self.at(self.now + self.zone.geometry.epoch_s, self._count)

    def view(self, name: str) -> tuple[list[Told], list[Count]]:
        """All that a part was told, and what it counted."""
        return self.views[name], self.counts.get(name, [])

    @contextmanager
    def joining(self) -> Iterator[None]:
        """As long as it lasts, `joins` is written: orders are read as the last mix makes them."""
        finish, mixes = Batch.finish, len(self.mix_names)

        def read(batch: Batch, epoch: int) -> Shuffled:
            shuffled = finish(batch, epoch)
            if batch._hop == mixes - 1:
                self.joins[epoch] = joins_of(shuffled)
            return shuffled

        # As a dishonest mix would: by looking.
        setattr(Batch, "finish", read)  # noqa: B010 - a method is replaced, and put back
        try:
            yield
        finally:
            setattr(Batch, "finish", finish)  # noqa: B010


def joins_of(shuffled: Shuffled) -> Joins:
    """How many rows of a batch at the last mix are joined, and with what."""
    circuits = shuffled.circuits
    lines, both = circuits._order
    joined = int(np.count_nonzero(lines != np.arange(len(lines)))) // 2
    all_joined = int(np.count_nonzero(both != np.arange(len(both)))) // 2
    return Joins(circuits.lines, circuits.doors, joined, all_joined - joined)
