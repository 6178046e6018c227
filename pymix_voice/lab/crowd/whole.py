"""Circuits and onions that a zone can carry: lists are checked, onions open at every hop.

The epoch's list is collected and checked once for all clients, with every signature; two onions a
client are made of it, in slices.

Source: the project's protocol page, "Layers and set-up onions", "Epoch descriptor".

Must not know: sessions, gateways, what time it is.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import BadCell, Drop
from pymix_voice.lab.crowd.circuits import Epoch
from pymix_voice.lab.crowd.kit import Kit, Mint
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.setup import Flag, Klass, OnionMaker
from pymix_voice.zone.descriptor import Descriptor, PieceCollector, parse_descriptor
from pymix_voice.zone.zonefile import Zone

HELD_EPOCHS = 3
"""Whose circuits are held at once: the coming ones, those in force, those that drain."""
SPARE_ROUNDS = 10
"""Onions are ready so long before the first of them leaves, if all goes well."""
STEPS_AT_ONCE = 2
"""Hops of an onion in one slice of work, of some 0.1 ms each."""


class ListReader:
    """Collects the coming epoch's list from the pieces in statuses, and checks it once.

    Args:
        zone: the zone file.
    """

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._collector = PieceCollector(zone.geometry)
        self._collecting = -1
        self.epoch = -1
        """The newest epoch whose list is complete."""

    def take(self, number: int, epoch: int, piece: bytes) -> Descriptor | None:
        """A piece came beside a round; the list, if it is complete with it.

        Raises:
            BadCell: if it is complete, but wrong.
        """
        if epoch <= self.epoch:
            return None
        if epoch != self._collecting:
            self._collecting = epoch
            self._collector.clear()
        raw = self._collector.add(number % self._zone.geometry.pieces, piece)
        if raw is None:
            return None
        descriptor = parse_descriptor(raw, self._zone)
        if descriptor.epoch != epoch:
            raise BadCell(Drop.OTHER_EPOCH)
        self._collector.clear()
        self.epoch = epoch
        return descriptor


class OnionMint(Mint):
    """Makes everybody's two onions for one epoch.

    Args:
        descriptor: the epoch's list.
        circuits: where the keys go.
        dice: for the onions' ephemerals.
    """

    def __init__(self, descriptor: Descriptor, circuits: Epoch, dice: Dice) -> None:
        self._descriptor = descriptor
        self._circuits = circuits
        self._dice = dice
        self._waiting: dict[int, None] = {}
        self._begun: dict[int, tuple[OnionMaker, OnionMaker]] = {}
        self._ready: dict[int, bytes] = {}
        self._allowed = 0

    @property
    def circuits(self) -> Epoch:
        """Where the keys go."""
        return self._circuits

    def want(self, clients: Iterable[int]) -> None:
        """These will need onions, in about this order."""
        self._waiting.update((client, None) for client in clients if not self.has(client))

    def has(self, client: int) -> bool:
        """Whether a client's onions were made, or are under way."""
        made = bool(self._circuits.made[client])
        return made or client in self._begun or client in self._ready

    def allow(self, rounds: int) -> None:
        """A round began, and there are so many for all that is left.

        It is spread over them: done at once it would keep a core from everybody for a second.
        """
        self._allowed = -(-len(self._waiting) // max(1, rounds - SPARE_ROUNDS))

    def step(self) -> bool:
        """One slice of work; False if there is none in this round."""
        client = next(iter(self._begun), None)
        if client is None:
            client = next(iter(self._waiting), None)
            if client is None or not self._allowed:
                return False
            self._allowed -= 1
            del self._waiting[client]
            self._begin(client)
        line, door = self._begun[client]
        for _ in range(STEPS_AT_ONCE):
            if not (line.step() or door.step()):
                self._finish(client)
                break
        return True

    def take(self, client: int) -> bytes | None:
        """Both onions of a client, joined. None if they are not made yet, or were taken.

        Made at once, those of hundreds kept everybody's cells waiting for a tenth of a second.
        """
        self.want([client])
        onions = self._ready.pop(client, None)
        if onions is not None:
            self._circuits.made[client] = True
        return onions

    def _begin(self, client: int) -> None:
        keys, listed = self._descriptor.onion_keys, self._descriptor.hash
        self._begun[client] = (
            OnionMaker(keys, listed, Klass.LINE, self._dice),
            OnionMaker(keys, listed, Klass.DOOR, self._dice),
        )

    def _finish(self, client: int) -> None:
        line, door = self._begun.pop(client)
        circuits = self._circuits
        onions = line.seal(circuits.line_drops[client], Flag.PLAIN)
        onions += door.seal(circuits.door_drops[client], Flag.HOST)
        circuits.line.put(client, line.hops)
        circuits.door.put(client, door.hops)
        self._ready[client] = onions


class WholeKit(Kit):
    """Real circuits and onions.

    Args:
        zone: the zone file.
        peers: who hears whom.
        dice: for drops, keys and onions.
    """

    def __init__(self, zone: Zone, peers: NDArray[np.intp], dice: Dice) -> None:
        self._zone = zone
        self._peers = peers
        self._use_dice = dice.fork("uses")
        self._onion_dice = dice.fork("onions")
        geometry = zone.geometry
        self._made = [
            Epoch(-1, geometry.mixes, peers, geometry.cell_bytes, self._use_dice)
            for _ in range(HELD_EPOCHS)
        ]
        """One for each piece of memory that is in use, or to be used again."""
        self.forget_all()

    def forget_all(self) -> None:
        """Rounds are numbered anew."""
        self._reader = ListReader(self._zone)
        self._epochs: dict[int, Epoch] = {}
        self._spare = [*self._made]

    @property
    def listed(self) -> int:
        """The newest epoch whose list is complete."""
        return self._reader.epoch

    @property
    def made_late(self) -> int:
        """How many clients' blocks of keystream were made only when a round needed them."""
        return sum(each.made_late for each in self._made)

    def hear(self, number: int, epoch: int, piece: bytes) -> OnionMint | None:
        """A piece of an epoch's list; its mint, if it is complete with it."""
        listed = self._reader.take(number, epoch, piece)
        if listed is None:
            return None
        old = self._spare.pop() if self._spare else None
        geometry = self._zone.geometry
        made = Epoch(epoch, geometry.mixes, self._peers, geometry.cell_bytes, self._use_dice, old)
        if old is None:
            self._made.append(made)
        self._epochs[epoch] = made
        return OnionMint(listed, made, self._onion_dice)

    def give_back(self, epoch: int) -> None:
        """An epoch's circuits are over: their memory is used again."""
        self._spare.append(self._epochs.pop(epoch))
