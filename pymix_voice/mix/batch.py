"""An epoch's set-up at one mix: open a batch once, draw and shuffle once, pass it on.

Opening an onion is public-key work (some 100 µs), so it is done in slices between rounds. A
repeated or broken onion is replaced by a circuit of this mix's own, well-formed for all later
hops: rows never vanish, and nobody behind can tell.

Source: the project's protocol page, section "Layers and set-up onions".

Must not know: links, rounds, what time it is, whose onion it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pymix_voice.errors import BadCell, Drop, Drops, Misuse
from pymix_voice.geometry import DROP_BYTES, KEY_BYTES, Geometry
from pymix_voice.mix.circuits import Circuits, Orders
from pymix_voice.mix.switchboard import join
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.setup import (
    Flag,
    HopKeys,
    Klass,
    OnionMaker,
    open_onion,
    parse_payload,
)


class Row(NamedTuple):
    """An opened onion: this hop's keys, and what goes on to the next."""

    keys: HopKeys
    inner: bytes


@dataclass
class Share:
    """What came from one neighbour upstream, in order of arrival."""

    onions: dict[Klass, list[bytes]] = field(default_factory=lambda: {k: [] for k in Klass})
    rows: dict[Klass, list[Row]] = field(default_factory=lambda: {k: [] for k in Klass})
    closed: bool = False


class Shuffled(NamedTuple):
    """A batch when it is done."""

    circuits: Circuits
    onward: dict[Klass, bytes]
    """The onions for the next mix in their new order; empty at the last mix."""
    shares: list[int]
    """How many lines (and at the first mix as many doors) each neighbour upstream has."""


class Batch:
    """The onions of one epoch at one mix.

    Args:
        geometry: sizes of the zone.
        hop: this mix's place in the chain, from 0.
        key: its onion key for the epoch.
        onion_keys: those of all mixes, in order.
        descriptor_hash: of the list that every mix signed.
        shares: how many neighbours upstream there are.
        dice: for orders and for circuits of its own.
    """

    def __init__(
        self,
        geometry: Geometry,
        hop: int,
        key: KeyPair,
        onion_keys: Sequence[bytes],
        descriptor_hash: bytes,
        shares: int,
        dice: Dice,
    ) -> None:
        self._geometry = geometry
        self._hop = hop
        self._key = key
        self._onion_keys = onion_keys
        self._descriptor_hash = descriptor_hash
        self._dice = dice
        self._shares = [Share() for _ in range(shares)]
        self._seen: set[bytes] = set()
        self._finished = False
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
        kept = self._shares[share].onions[klass]
        if len(onions) % size or first > len(kept):
            raise BadCell(Drop.MALFORMED)
        known = b"".join(kept[first:])[: len(onions)]
        fresh = onions[len(known) :]
        if onions[: len(known)] != known:
            raise BadCell(Drop.REFUSED)
        if not fresh:
            return
        if self._shares[share].closed:
            raise BadCell(Drop.LATE)
        if len(kept) + len(fresh) // size > self._geometry.clients // len(self._shares):
            raise BadCell(Drop.FULL)
        kept += [fresh[at : at + size] for at in range(0, len(fresh), size)]

    def close(self, share: int, lines: int, doors: int) -> None:
        """The neighbour has no more.

        Raises:
            BadCell: if not all of it came.
        """
        onions = self._shares[share].onions
        if (lines, doors) != (len(onions[Klass.LINE]), len(onions[Klass.DOOR])):
            raise BadCell(Drop.MALFORMED)
        self._shares[share].closed = True

    def leave_out_open(self) -> None:
        """Time is up: a neighbour that has not finished takes no part in this epoch."""
        self._shares = [share if share.closed else Share(closed=True) for share in self._shares]

    @property
    def closed(self) -> bool:
        """Whether every neighbour has finished."""
        return all(share.closed for share in self._shares)

    @property
    def opened(self) -> bool:
        """Whether nothing that came is left to open."""
        return all(
            len(share.rows[klass]) == len(share.onions[klass])
            for share in self._shares
            for klass in Klass
        )

    def work(self, items: int) -> int:
        """Open at most so many onions; how many were opened."""
        done = 0
        for share in self._shares:
            for klass in Klass:
                onions, rows = share.onions[klass], share.rows[klass]
                while done < items and len(rows) < len(onions):
                    rows.append(self._open(klass, onions[len(rows)]))
                    done += 1
        return done

    def _open(self, klass: Klass, onion: bytes) -> Row:
        ephemeral = onion[:KEY_BYTES]
        try:
            if ephemeral in self._seen:
                raise BadCell(Drop.REPLAYED)
            keys, inner = open_onion(onion, self._key, self._descriptor_hash, self._hop, klass)
            if self._is_last:
                parse_payload(inner)
        except BadCell as broken:
            self.drops[broken.reason] += 1
            return self._own(klass)
        # Open first, mark second: a broken onion must not block the true one behind it.
        self._seen.add(ephemeral)
        return Row(keys, inner)

    @property
    def _is_last(self) -> bool:
        return self._hop == self._geometry.mixes - 1

    def _own(self, klass: Klass) -> Row:
        """A circuit of this mix's own: at a random drop, as an idle client's is."""
        flag = Flag.PLAIN if klass == Klass.LINE else Flag.HOST
        drop = self._dice.bytes(DROP_BYTES)
        keys = HopKeys(self._dice.bytes(KEY_BYTES), self._dice.bytes(KEY_BYTES))
        if self._is_last:
            return Row(keys, drop + bytes([flag]))
        maker = OnionMaker(
            self._onion_keys[self._hop + 1 :],
            self._descriptor_hash,
            klass,
            self._dice,
            first_hop=self._hop + 1,
        )
        return Row(keys, maker.seal(drop, flag))

    def finish(self, epoch: int) -> Shuffled:
        """Draw the order, once, when all is opened.

        Raises:
            Misuse: the second time: two orders for the same onions would give both away.
        """
        if self._finished:
            raise Misuse("a batch is shuffled once")
        self._finished = True
        lines = [row for share in self._shares for row in share.rows[Klass.LINE]]
        doors = [row for share in self._shares for row in share.rows[Klass.DOOR]]
        onward: dict[Klass, bytes] = {}
        if self._is_last:
            orders = join(
                [parse_payload(row.inner) for row in lines],
                [parse_payload(row.inner) for row in doors],
                self._dice,
            )
        else:
            of_lines, of_doors = self._dice.order(len(lines)), self._dice.order(len(doors))
            orders = Orders.apart(of_lines, of_doors)
            onward[Klass.LINE] = b"".join(lines[row].inner for row in of_lines)
            onward[Klass.DOOR] = b"".join(doors[row].inner for row in of_doors)
        circuits = Circuits(epoch, [row.keys for row in lines], [row.keys for row in doors], orders)
        return Shuffled(circuits, onward, [len(share.rows[Klass.LINE]) for share in self._shares])
