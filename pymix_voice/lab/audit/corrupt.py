"""Corrupt gateways and mixes: they do all that is asked of them, and remember what they see.

    gateway, first mix     which client each row is of, and whose cells were missing
    last mix               who is joined, whose doors are there, and anything odd about a cell

They act as well: the first mix sends some rounds twice, with one row changed; the last spoils the
cells of some rows.

Must not know: what attacks make of it.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import BadCell
from pymix_voice.gateway.machine import Gateway
from pymix_voice.geometry import DROP_BYTES, KEY_BYTES
from pymix_voice.mix.circuits import Circuits
from pymix_voice.mix.first import FirstMix
from pymix_voice.mix.machine import Mix
from pymix_voice.mix.neighbours import DOWN
from pymix_voice.onion.chunk import Chunks
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.setup import Klass, OnionOpener
from pymix_voice.zone.access import Kind
from pymix_voice.zone.descriptor import parse_list
from pymix_voice.zone.drain import Burst
from pymix_voice.zone.epochs import age_of
from pymix_voice.zone.link import RoundLink
from pymix_voice.zone.records import BatchEnd, List, Record, Setups
from pymix_voice.zone.rounds import Once

AGAIN_S: Final = 0.004
"""A round is sent again so long after the first time: when it has gone on, but is not old."""

REPLAYS_EVERY: Final = 23
"""Rounds; not a divisor of anything, so that door rounds are among them."""
LONE_SPOILT: Final = 10
"""Rows without a partner that are spoilt in an epoch, beside one pair."""

Rows = NDArray[np.intp]


def order_of(mix: Mix, epoch: int) -> Rows | None:
    """Where the lines of an epoch go at a mix: its own secret, which it may give away."""
    circuits = mix._live.find(epoch)
    return None if circuits is None else circuits._order.lines


def alone(mix: Mix, epoch: int) -> Rows:
    """The lines of an epoch that the last mix joins with nothing, in door rounds neither."""
    circuits = mix._live.find(epoch)
    if circuits is None:
        return np.empty(0, np.intp)
    both = circuits._order.both[: circuits.lines]
    return np.flatnonzero(both == np.arange(circuits.lines))


def spoil(last: "CorruptLast", epoch: int, dice: Dice) -> None:
    """Choose rows of an epoch whose cells are spoilt from now on: some lone ones, and one pair."""
    order = order_of(last, epoch)
    if order is None:
        return
    lone, joined = alone(last, epoch), np.flatnonzero(order > np.arange(len(order)))
    some = lone[dice.order(len(lone))[:LONE_SPOILT]], joined[dice.order(len(joined))[:1]]
    last.spoils[epoch] = np.sort(np.concatenate((*some, order[some[1]])))


class CorruptGateway(Gateway):
    """Remembers who has which row, and whose cells came in time."""

    @cached_property
    def whose(self) -> dict[int, list[str]]:
        """By epoch: the source of each row's client."""
        return {}

    @cached_property
    def present(self) -> dict[int, tuple[int, NDArray[np.bool_]]]:
        """By round: its circuit epoch, and which rows' cells had come when it was sent on."""
        return {}

    def name_of(self, source: bytes) -> str:
        """What an observer calls the client at this address."""
        return source.rstrip(b"\0").decode()

    def _go(self, number: int, now: float) -> None:
        epoch = self._intake.reign.epoch_for(number)
        slots = self._intake.placing(epoch).slots
        waiting = self._collection._waiting.get((Kind.LINE, number))
        came = np.zeros(len(slots), np.bool_) if waiting is None else waiting.there[slots]
        self.present[number] = epoch, came.copy()
        if epoch not in self.whose and len(slots):
            homes, where = self._entry.destinations(self._last)
            names = {
                slot: self.name_of(bytes(home))
                for slot, home in zip(homes.tolist(), where, strict=True)
            }
            self.whose[epoch] = [names.get(slot, "") for slot in slots.tolist()]
        super()._go(number, now)


class CorruptFirst(FirstMix):
    """Sends rounds twice if asked to, with another row changed each time."""

    @cached_property
    def again_in(self) -> set[int]:
        """Rounds that are to be sent twice."""
        return set()

    @cached_property
    def changed(self) -> dict[int, int]:
        """By round: the row, as it leaves here, that was changed the second time."""
        return {}

    def _send(
        self, peer: int, number: int, epoch: int, cells: NDArray[np.uint8], flags: int = 0
    ) -> None:
        super()._send(peer, number, epoch, cells, flags)
        link = self._neighbours.link(peer)
        if peer == DOWN and number in self.again_in and link is not None and len(cells):
            other = cells.copy()
            row = len(self.changed) % len(cells)
            other[row] ^= self._filler.matrix(1, cells.shape[1])[0]
            self.changed[number] = row
            self._bursts.append(
                sealed_again(self, link, number, epoch, other, self._went.at + AGAIN_S)
            )


class CorruptLast(Mix):
    """Remembers who is joined, whose doors are there, and what is odd about cells."""

    @cached_property
    def spoils(self) -> dict[int, Rows]:
        """By epoch: lines whose cells are to be spoilt on their way back."""
        return {}

    @cached_property
    def odd(self) -> dict[int, tuple[int, NDArray[np.float64]]]:
        """By round: its circuit epoch, and how much each line's cell looks like filler."""
        return {}

    @cached_property
    def matrices(self) -> dict[int, NDArray[np.uint8]]:
        """By round: what came, uint8 [rows, cell]."""
        return {}

    @cached_property
    def again(self) -> dict[int, NDArray[np.uint8]]:
        """By round: what came the second time, as far as it came."""
        return {}

    @cached_property
    def doors(self) -> dict[int, list[bytes]]:
        """By epoch: the drops of the doors."""
        return {}

    @cached_property
    def _setups(self) -> defaultdict[int, bytearray]:
        return defaultdict(bytearray)

    @cached_property
    def _lists(self) -> dict[int, bytes]:
        return {}

    def _take(self, peer: int, link: RoundLink, chunks: Chunks, came: float) -> None:
        first = self.matrices.get(chunks.round)
        if peer != DOWN and first is not None:
            size = first.shape[1]
            rows = self.again.setdefault(chunks.round, first.copy())
            each = self._geometry.chunk_cells
            for number, cells in zip(chunks.numbers.tolist(), chunks.cells, strict=True):
                part = rows[number * each : (number + 1) * each]
                part[:] = cells.reshape(-1, size)[: len(part)]
        super()._take(peer, link, chunks, came)

    def _pass_on(
        self, number: int, circuits: Circuits, cells: NDArray[np.uint8], now: float
    ) -> None:
        lines = cells[: circuits.lines]
        self.matrices[number] = cells.copy()
        # Nothing is known of a cell but its bytes: those of filler might be of one kind.
        self.odd[number] = circuits.epoch, (lines == 0).sum(axis=1).astype(np.float64)
        super()._pass_on(number, circuits, cells, now)

    def _send_up(self, number: int, circuits: Circuits, cells: NDArray[np.uint8]) -> None:
        rows = self.spoils.get(circuits.epoch)
        if rows is not None:
            cells[rows] ^= self._filler.matrix(len(rows), cells.shape[1])
        super()._send_up(number, circuits, cells)

    def receive_control(self, peer: int, record: Record, now: float) -> None:
        """Open what comes a second time, for what doors name."""
        super().receive_control(peer, record, now)
        match record:
            case List(epoch=epoch, body=body):
                self._lists[epoch] = body
            case Setups(epoch=epoch, doors=doors):
                self._setups[epoch] += doors
            case BatchEnd(epoch=epoch) if epoch in self._lists:
                self.doors[epoch] = self._named(epoch)

    def _named(self, epoch: int) -> list[bytes]:
        key = self.coming._signer.key(epoch)
        onions, size = self._setups.pop(epoch, bytearray()), self._geometry.onion_bytes_at(self.hop)
        if key is None:
            return []
        listed = parse_list(self._lists[epoch], self.zone)
        opener = OnionOpener(key, listed.hash, self.hop, Klass.DOOR)
        named = []
        for at in range(0, len(onions), size):
            try:
                named.append(opener.open(bytes(onions[at : at + size]))[1][:DROP_BYTES])
            except BadCell:
                named.append(bytes(KEY_BYTES))
        return named


def sealed_again(
    mix: Mix, link: RoundLink, number: int, epoch: int, cells: NDArray[np.uint8], at: float
) -> Burst:
    """A round once more, which no honest part does: other bytes under the same number."""
    link._sent = Once()
    age = age_of(mix.zone.geometry, number, epoch)
    bursts = link.seal(number, age, cells)
    link._sent.close_until(number)
    burst = bursts[0]
    return Burst(burst.datagrams.copy(), burst.to, burst.via, at)


def whose_doors(drops: Sequence[bytes], known: dict[bytes, int], nobody: int) -> Rows:
    """Whose each door is, of those whose address is known."""
    return np.array([known.get(drop, nobody) for drop in drops], np.intp)
