"""What corrupt gateways and mixes write down, each on a page of its own, and all of it together.

The same for parts of a simulated world and for processes; a page of a process is a file.

Must not know: how it is attacked.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from pymix_voice.errors import ConfigError
from pymix_voice.gateway.machine import Gateway
from pymix_voice.lab.audit.corrupt import (
    CorruptFirst,
    CorruptGateway,
    CorruptLast,
    Rows,
    order_of,
    whose_doors,
)
from pymix_voice.lab.audit.insiders import NOBODY, Epoch, Insiders
from pymix_voice.mix.machine import Mix

BACK = 1
"""Epochs before the present one whose circuits may still be there."""


class Page(msgspec.Struct):
    """What one part wrote down; of most things only some parts know.

    Attributes:
        orders: by epoch: where a mix's lines go. An honest mix's is for labels only.
        whose: by epoch: the name of each row's client, or "".
        present: by round: its circuit epoch, and which rows' cells had come.
        changed: by round that was sent twice: the row that was another the second time.
        odd: by round: its circuit epoch, and how much each line's cell looks like filler.
        differs: by round that came twice: the one row that was another the second time, if it was
            one alone; else `NOBODY`.
        doors: by epoch: the drops of the doors.
        spoils: by epoch: rows whose cells were spoilt.
    """

    orders: dict[int, list[int]] = {}
    whose: dict[int, list[str]] = {}
    present: dict[int, tuple[int, list[bool]]] = {}
    changed: dict[int, int] = {}
    odd: dict[int, tuple[int, list[float]]] = {}
    differs: dict[int, int] = {}
    doors: dict[int, list[bytes]] = {}
    spoils: dict[int, list[int]] = {}

    def __repr__(self) -> str:
        return "Page()"


class Pad:
    """Takes notes of one part while it is at work.

    Args:
        part: a corrupt one, or an honest mix.
    """

    def __init__(self, part: Mix | Gateway) -> None:
        self.part = part
        self._orders: dict[int, list[int]] = {}

    def look(self, present: int) -> list[int]:
        """Note the order that is in force, which is forgotten later; epochs that are new here."""
        if not isinstance(self.part, Mix):
            return []
        new = []
        for epoch in range(max(1, present - BACK), present + 1):
            order = None if epoch in self._orders else order_of(self.part, epoch)
            if order is not None:
                self._orders[epoch] = order.tolist()
                new.append(epoch)
        return new

    def page(self) -> Page:
        """All of it."""
        page = Page(orders=self._orders)
        match self.part:
            case CorruptGateway():
                page.whose = self.part.whose
                page.present = {
                    number: (epoch, came.tolist())
                    for number, (epoch, came) in self.part.present.items()
                }
            case CorruptFirst():
                page.changed = self.part.changed
            case CorruptLast():
                page.odd = {
                    number: (epoch, looks.tolist())
                    for number, (epoch, looks) in self.part.odd.items()
                }
                page.differs = {
                    number: _changed_row(self.part, number) for number in self.part.again
                }
                page.doors = self.part.doors
                page.spoils = {epoch: rows.tolist() for epoch, rows in self.part.spoils.items()}
        return page


def _changed_row(last: CorruptLast, number: int) -> int:
    """The line whose cell differed the second time, if it was one alone."""
    before, after = last.matrices.get(number), last.again[number]
    if before is None:
        return NOBODY
    lines = len(last.odd[number][1])
    rows = np.flatnonzero((before[:lines] != after[:lines]).any(axis=1))
    return int(rows[0]) if len(rows) == 1 else NOBODY


def write_page(page: Page, path: Path) -> None:
    """Keep a page.

    Raises:
        ConfigError: if it cannot be written.
    """
    try:
        path.write_bytes(msgspec.msgpack.encode(page))
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None


def read_page(path: Path) -> Page:
    """Read a page.

    Raises:
        ConfigError: if it cannot be read, or is something else.
    """
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=Page)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise ConfigError(f"{path} holds no notes of a mix or gateway") from None


class Pages(NamedTuple):
    """Those of a chain of three and a gateway."""

    gateway: Page
    first: Page
    honest: Page
    last: Page


class Known(NamedTuple):
    """What insiders know of a zone beside their notes.

    Attributes:
        seats: the place of each client among those of the recording, by the name that `whose` has.
        doors: of an epoch: whose door is at which drop, of all whose address is known.
        begins: of an epoch: its first instant, in seconds.
        epoch_s: how long one is.
    """

    seats: Mapping[str, int]
    doors: Callable[[int], dict[bytes, int]]
    begins: Callable[[int], float]
    epoch_s: float


def insiders(pages: Pages, known: Known) -> Insiders:
    """All notes together, epoch by epoch."""
    found, truth = [], []
    ends = pages.first.orders.keys() & pages.honest.orders.keys() & pages.last.orders.keys()
    for number in sorted(ends):
        epoch = _epoch(number, pages, known)
        if epoch is not None:
            found.append(epoch)
            order = np.array(pages.honest.orders[number], np.intp)
            truth.append(np.where(order < len(epoch.rows), order, NOBODY))
    return Insiders(tuple(found), tuple(truth))


def _epoch(number: int, pages: Pages, known: Known) -> Epoch | None:
    gateway, first, _, last = pages
    whose = [known.seats.get(name, NOBODY) for name in gateway.whose.get(number, [])]
    rounds = [
        each
        for each, (epoch, _) in sorted(gateway.present.items())
        if epoch == number and last.odd.get(each, (NOBODY, []))[0] == number
    ]
    if not whose or not rounds:
        return None
    order = np.array(first.orders[number], np.intp)
    came = np.array([gateway.present[each][1] for each in rounds], np.bool_)
    begin = known.begins(number)
    return Epoch(
        number=number,
        begin=begin,
        end=begin + known.epoch_s,
        rows=_taken(np.array(whose, np.intp), order, NOBODY),
        partners=np.array(last.orders[number], np.intp),
        evidence=np.array([last.odd[each][1] for each in rounds], np.float64),
        present=_taken(came.T, order, True).T,
        rounds=np.array(rounds, np.intp),
        doors=whose_doors(last.doors.get(number, []), known.doors(number), NOBODY),
        replayed=tuple(
            (row, last.differs.get(each, NOBODY))
            for each, row in sorted(first.changed.items())
            if each in rounds and row < len(order)
        ),
        garbled=tuple(last.spoils.get(number, [])),
    )


def _taken(values: np.ndarray, order: Rows, other: object) -> np.ndarray:
    """`values[order]`, and something else for the first mix's own rows."""
    out = np.full((len(order), *values.shape[1:]), other, values.dtype)
    theirs = order < len(values)
    out[theirs] = values[order[theirs]]
    return out
