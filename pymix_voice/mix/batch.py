"""An epoch's set-up at one mix: open a batch once, draw and shuffle once, pass it on.

Opening an onion is public-key work (some 100 µs), so it is done in slices between rounds. A
repeated or broken onion is replaced by a circuit of this mix's own, well-formed for all later
hops: rows never vanish, and nobody behind can tell. Phantoms are made ahead and shuffled in with
the rest.

Source: the project's protocol page, section "Layers and set-up onions".

Must not know: links, rounds, what time it is, whose onion it is.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import BadCell, Drop, Drops, Misuse
from pymix_voice.geometry import DROP_BYTES, KEY_BYTES, MAX_WORKERS, Geometry
from pymix_voice.mix.circuits import Circuits, LayerKeys, Orders
from pymix_voice.mix.phantoms import Making, Phantom, draw
from pymix_voice.mix.switchboard import PAYLOAD_BYTES, join
from pymix_voice.onion.blocks import Blocks
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.setup import (
    Flag,
    HopKeys,
    Klass,
    OnionMaker,
    OnionOpener,
    parse_payload,
)
from pymix_voice.zone.phantoms import Phantoms


@dataclass
class Rows:
    """One class of circuits of one neighbour: onions as they came, and what was in them.

    What was in them lies joined, row after row: an epoch's circuits are then made of it at once.
    """

    onions: list[bytes] = field(default_factory=list)
    opened: int = 0
    forward: bytearray = field(default_factory=bytearray)
    backward: bytearray = field(default_factory=bytearray)
    inner: bytearray = field(default_factory=bytearray)

    def add(self, keys: HopKeys, inner: bytes) -> None:
        """One more was opened."""
        self.opened += 1
        self.forward += keys.forward
        self.backward += keys.backward
        self.inner += inner

    def __repr__(self) -> str:
        return f"Rows({len(self.onions)} onions)"


@dataclass
class Share:
    """What came from one neighbour upstream, in order of arrival."""

    of: dict[Klass, Rows] = field(default_factory=lambda: {klass: Rows() for klass in Klass})
    closed: bool = False


class Shuffled(NamedTuple):
    """A batch when it is done."""

    circuits: Circuits
    onward: dict[Klass, NDArray[np.uint8]]
    """The onions for the next mix in their new order, uint8 [rows, size]; none at the last mix."""
    shares: dict[int, int]
    """How many lines (and at the first mix as many doors) each neighbour upstream has."""

    def __repr__(self) -> str:
        return "Shuffled()"


class Batch:
    """The onions of one epoch at one mix.

    Args:
        geometry: sizes of the zone.
        hop: this mix's place in the chain, from 0.
        key: its onion key for the epoch.
        onion_keys: those of all mixes, in order.
        descriptor_hash: of the list that every mix signed.
        blocks: room for keystream.
        dice: for orders and for circuits of its own.
        gateways: how many share the zone's clients equally.
        phantoms: what this mix adds if it is not the last; None for nothing.
    """

    def __init__(
        self,
        geometry: Geometry,
        hop: int,
        key: KeyPair,
        onion_keys: Sequence[bytes],
        descriptor_hash: bytes,
        blocks: Blocks,
        dice: Dice,
        gateways: int = 1,
        phantoms: Phantoms | None = None,
    ) -> None:
        self._geometry = geometry
        self._hop = hop
        self._openers = {klass: OnionOpener(key, descriptor_hash, hop, klass) for klass in Klass}
        self._onion_keys = onion_keys
        self._descriptor_hash = descriptor_hash
        self._blocks = blocks
        self._dice = dice
        most = {Klass.LINE: geometry.lines_at(hop), Klass.DOOR: geometry.doors_at(hop)}
        self._capacity = {klass: rows // gateways for klass, rows in most.items()}
        self._shares: dict[int, Share] = defaultdict(Share)
        self._time_is_up = False
        self._seen: set[bytes] = set()
        self._finished = False
        self._phantom_dice = dice.fork("phantoms")
        wanted: Iterator[Phantom] = iter(())
        if phantoms is not None and not self._is_last:
            wanted = draw(phantoms, self._phantom_dice)
        self._phantoms = Making(wanted, lambda klass: self._maker(klass, self._phantom_dice))
        self.drops = Drops()

    def add(self, share: int, klass: Klass, first: int, onions: bytes) -> None:
        """Take onions, one behind the other; their order is the order of the rows.

        What was taken before (a neighbour says all again after its link broke) is passed over.

        Args:
            share: which neighbour they come from.
            klass: lines or doors.
            first: how many went before them.
            onions: their bytes, joined.

        Raises:
            BadCell: if they are not a whole number of onions, too many, too late, after a hole, or
                not what was said before.
        """
        size = self._geometry.onion_bytes_at(self._hop)
        kept = self._shares[share].of[klass].onions
        if len(onions) % size or first > len(kept):
            raise BadCell(Drop.MALFORMED)
        known = b"".join(kept[first : first + len(onions) // size])
        fresh = onions[len(known) :]
        if onions[: len(known)] != known:
            raise BadCell(Drop.REFUSED)
        if not fresh:
            return
        if self._shares[share].closed or self._time_is_up:
            raise BadCell(Drop.LATE)
        if (
            self._onions_of(share // MAX_WORKERS, klass) + len(fresh) // size
            > self._capacity[klass]
        ):
            raise BadCell(Drop.FULL)
        kept += [fresh[at : at + size] for at in range(0, len(fresh), size)]

    def _onions_of(self, gateway: int, klass: Klass) -> int:
        """How many came from all workers of one gateway."""
        return sum(
            len(share.of[klass].onions)
            for number, share in self._shares.items()
            if number // MAX_WORKERS == gateway
        )

    def close(self, share: int, lines: int, doors: int) -> None:
        """The neighbour has no more.

        Raises:
            BadCell: if not all of it came, or it comes too late.
        """
        of = self._shares[share].of
        if (lines, doors) != (len(of[Klass.LINE].onions), len(of[Klass.DOOR].onions)):
            raise BadCell(Drop.MALFORMED)
        if self._time_is_up and not self._shares[share].closed:
            raise BadCell(Drop.LATE)
        self._shares[share].closed = True

    def expect(self, share: int) -> None:
        """This neighbour takes part: the batch is not closed before it has finished."""
        self._shares[share]  # made by being asked for

    def leave_out_open(self) -> None:
        """Time is up: a neighbour that has not finished takes no part in this epoch."""
        self._time_is_up = True
        for number in [each for each, share in self._shares.items() if not share.closed]:
            self._shares[number] = Share()

    @property
    def closed(self) -> bool:
        """Whether every neighbour that takes part has finished."""
        finished = all(share.closed for share in self._shares.values())
        return self._time_is_up or (finished and bool(self._shares))

    @property
    def opened(self) -> bool:
        """Whether nothing that came is left to open, and no phantom to make."""
        rows = (share.of[klass] for share in self._shares.values() for klass in Klass)
        return self._phantoms.done and all(each.opened == len(each.onions) for each in rows)

    def work(self, items: int) -> int:
        """Open at most so many onions, or make phantoms in as much time; 0 if there is neither."""
        done = 0
        for share in self._shares.values():
            for klass, rows in share.of.items():
                some = rows.onions[rows.opened : rows.opened + items - done]
                for onion in some:
                    rows.add(*self._open(klass, onion))
                done += len(some)
        return done + self._phantoms.work(items - done)

    def _open(self, klass: Klass, onion: bytes) -> tuple[HopKeys, bytes]:
        """This hop's keys, and what goes on to the next."""
        ephemeral = onion[:KEY_BYTES]
        try:
            if ephemeral in self._seen:
                raise BadCell(Drop.REPLAYED)
            keys, inner = self._openers[klass].open(onion)
            if self._is_last:
                parse_payload(inner)
        except BadCell as broken:
            self.drops[broken.reason] += 1
            return self._own(klass)
        # Open first, mark second: a broken onion must not block the true one behind it.
        self._seen.add(ephemeral)
        return keys, inner

    @property
    def _is_last(self) -> bool:
        return self._hop == self._geometry.mixes - 1

    def _own(self, klass: Klass) -> tuple[HopKeys, bytes]:
        """A circuit of this mix's own: at a random drop, as an idle client's is."""
        flag = Flag.PLAIN if klass == Klass.LINE else Flag.HOST
        drop = self._dice.bytes(DROP_BYTES)
        keys = HopKeys(self._dice.bytes(KEY_BYTES), self._dice.bytes(KEY_BYTES))
        if self._is_last:
            return keys, drop + bytes([flag])
        return keys, self._maker(klass, self._dice).seal(drop, flag)

    def _maker(self, klass: Klass, dice: Dice) -> OnionMaker:
        """An onion for the next mix, as those inside clients' onions are."""
        after = self._hop + 1
        return OnionMaker(
            self._onion_keys[after:], self._descriptor_hash, klass, dice, first_hop=after
        )

    def finish(self, epoch: int) -> Shuffled:
        """Draw the order, once, when all is opened.

        Raises:
            Misuse: the second time: two orders for the same onions would give both away.
        """
        if self._finished:
            raise Misuse("a batch is shuffled once")
        self._finished = True
        lines, doors = (self._rows_of(klass) for klass in Klass)
        size = PAYLOAD_BYTES if self._is_last else self._geometry.onion_bytes_at(self._hop + 1)
        made = [self._phantoms.onions[klass] for klass in Klass]
        phantoms = len(made[Klass.LINE]) // size, len(made[Klass.DOOR]) // size
        inner = [
            _matrix([*(each.inner for each in rows), onions], size)
            for rows, onions in zip((lines, doors), made, strict=True)
        ]
        onward: dict[Klass, NDArray[np.uint8]] = {}
        if self._is_last:
            orders = join(inner[Klass.LINE], inner[Klass.DOOR], self._dice)
        else:
            drawn = [self._dice.order(len(each)) for each in inner]
            orders = Orders.apart(drawn[Klass.LINE], drawn[Klass.DOOR], phantoms)
            onward = {klass: inner[klass][drawn[klass]] for klass in Klass}
        line_keys, door_keys = (
            _keys_of(rows, self._phantom_dice.bytes(KEY_BYTES * count))
            for rows, count in zip((lines, doors), phantoms, strict=True)
        )
        circuits = Circuits(epoch, line_keys, door_keys, orders, self._blocks)
        clients = {number: share.of[Klass.LINE].opened for number, share in self._shares.items()}
        return Shuffled(circuits, onward, clients)

    def _rows_of(self, klass: Klass) -> list[Rows]:
        """All neighbours' circuits of a class, in the order of the neighbours' numbers."""
        return [self._shares[number].of[klass] for number in sorted(self._shares)]


def _keys_of(rows: list[Rows], phantoms: bytes) -> LayerKeys:
    forward, backward = [each.forward for each in rows], [each.backward for each in rows]
    forward.append(bytearray(phantoms))
    return LayerKeys(_matrix(forward, KEY_BYTES), _matrix(backward, KEY_BYTES))


def _matrix(parts: list[bytearray], size: int) -> NDArray[np.uint8]:
    """Joined rows of one size: uint8 [n, size]."""
    return np.frombuffer(bytearray().join(parts), np.uint8).reshape(-1, size)
