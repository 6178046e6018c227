"""What corrupt gateways and mixes of a simulated world know, put together.

Must not know: how it is attacked.
"""

from typing import Final

import numpy as np

from pymix_voice.client.identity import door_drop
from pymix_voice.lab.audit.corrupt import (
    CorruptFirst,
    CorruptGateway,
    CorruptLast,
    Rows,
    order_of,
    whose_doors,
)
from pymix_voice.lab.audit.insiders import NOBODY, Epoch, Insiders
from pymix_voice.lab.world import START, UNIX, World
from pymix_voice.mix.machine import Mix

BACK: Final = 1
"""Epochs before the present one whose circuits may still be there."""


class Notes:
    """Taken while a world lives.

    Args:
        world: of three mixes and one gateway, all corrupt but the mix in the middle.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._orders: dict[str, dict[int, Rows]] = {name: {} for name in world.mix_names}

    def look(self) -> None:
        """Note the orders that are in force. The honest mix's is for labels only."""
        epoch_s = self._world.zone.geometry.epoch_s
        present = int((UNIX + self._world.now - START) / epoch_s)
        for name, orders in self._orders.items():
            mix = self._world.parts[name]
            assert isinstance(mix, Mix)
            for epoch in range(present - BACK, present + 1):
                order = order_of(mix, epoch) if epoch > 0 else None
                if order is not None and epoch not in orders:
                    orders[epoch] = order.copy()

    def insiders(self, names: list[str]) -> Insiders:
        """All of it, epoch by epoch.

        Args:
            names: of the clients, in the order in which they are numbered.
        """
        of_first, of_honest, of_last = (self._orders[name] for name in self._world.mix_names)
        both = [epoch for epoch in of_last if epoch in of_first and epoch in of_honest]
        found, truth = [], []
        for epoch in sorted(both):
            told = self._epoch(epoch, names)
            if told is not None:
                found.append(told)
                order = of_honest[epoch]
                truth.append(np.where(order < len(told.rows), order, NOBODY))
        return Insiders(tuple(found), tuple(truth))

    def _epoch(self, epoch: int, names: list[str]) -> Epoch | None:
        world = self._world
        gateway = world.parts[world.gateway_names[0]]
        first, last = world.parts[world.mix_names[0]], world.parts[world.mix_names[-1]]
        assert isinstance(gateway, CorruptGateway)
        assert isinstance(first, CorruptFirst)
        assert isinstance(last, CorruptLast)
        whose = [names.index(name) if name else NOBODY for name in gateway.whose.get(epoch, [])]
        rounds = [
            number
            for number, (of, _) in sorted(gateway.present.items())
            if of == epoch and last.odd.get(number, (NOBODY, None))[0] == epoch
        ]
        if not whose or not rounds:
            return None
        order = self._orders[world.mix_names[0]][epoch]
        came = np.stack([gateway.present[number][1] for number in rounds])
        known = {
            door_drop(person.identity.address.door_key, epoch): names.index(name)
            for name, person in world.people.items()
        }
        begin = START + epoch * world.zone.geometry.epoch_s - UNIX
        return Epoch(
            number=epoch,
            begin=begin,
            end=begin + world.zone.geometry.epoch_s,
            rows=_taken(np.array(whose, np.intp), order, NOBODY),
            partners=self._orders[world.mix_names[-1]][epoch],
            evidence=np.stack([last.odd[number][1] for number in rounds]),
            present=_taken(came.T, order, True).T,
            rounds=np.array(rounds, np.intp),
            doors=whose_doors(last.doors.get(epoch, []), known, NOBODY),
            replayed=tuple(
                (row, _changed_row(last, number, len(order)))
                for number, row in sorted(first.changed.items())
                if number in rounds and row < len(order)
            ),
            garbled=tuple(last.spoils.get(epoch, np.empty(0, np.intp)).tolist()),
        )


def _taken(values: np.ndarray, order: Rows, other: object) -> np.ndarray:
    """`values[order]`, and something else for the first mix's own rows."""
    out = np.full((len(order), *values.shape[1:]), other, values.dtype)
    theirs = order < len(values)
    out[theirs] = values[order[theirs]]
    return out


def _changed_row(last: CorruptLast, number: int, lines: int) -> int:
    """The line whose cell differed the second time, if it was one alone."""
    before, after = last.matrices.get(number), last.again.get(number)
    if before is None or after is None:
        return NOBODY
    rows = np.flatnonzero((before[:lines] != after[:lines]).any(axis=1))
    return int(rows[0]) if len(rows) == 1 else NOBODY
