"""The coming epoch at one mix: from its onion key to "ready".

    keys      every mix draws its onion key; keys go up, the list comes down, signatures go up
    set-up    onions come from upstream and are opened as they come
    phantoms  each mix makes its own meanwhile
    shuffle   all opened: own circuits, one order, the rest of the onions goes on
    ready     comes back up once everybody further down is
    decision  the first mix alone says switch or extend

All records may be said again after a link broke; saying one twice changes nothing.

Source: the project's protocol page, section "An epoch's timetable".

Must not know: rounds' cells, sockets, what time it is.
"""

from collections import defaultdict
from collections.abc import Iterator

from pymix_voice.errors import BadCell, Drop, Drops
from pymix_voice.mix.batch import Batch, Shuffled
from pymix_voice.mix.circuits import Circuits
from pymix_voice.mix.lists import Editor, Signer
from pymix_voice.mix.neighbours import DOWN
from pymix_voice.onion.blocks import Blocks
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.setup import Klass
from pymix_voice.zone.descriptor import parse_list
from pymix_voice.zone.records import (
    MAX_SETUPS_BYTES,
    Accepted,
    BatchEnd,
    List,
    OnionKey,
    Published,
    Ready,
    Record,
    Setups,
    Signature,
)
from pymix_voice.zone.zonefile import Zone


class Coming:
    """The making of one epoch after the other.

    Args:
        zone: what the mixes of this zone are.
        hop: this mix's place in the chain, from 0.
        signer: its onion keys and signature.
        blocks: room for keystream.
        dice: for orders and own circuits.
    """

    def __init__(self, zone: Zone, hop: int, signer: Signer, blocks: Blocks, dice: Dice) -> None:
        self._zone = zone
        self._geometry = zone.geometry
        self._hop = hop
        self._signer = signer
        self._blocks = blocks
        self._dice = dice
        self._ups: set[int] = set()
        """Neighbours upstream that ever were linked."""
        self.outgoing: list[tuple[int, Record]] = []
        self.to_keep: int | None = None
        """The signed epoch that must be on disk before what is outgoing leaves."""
        self.drops = Drops()
        self.epoch = -1
        self._forget()

    def _forget(self) -> None:
        self._editor: Editor | None = None
        self._batch: Batch | None = None
        self._ready_below = self._is_last
        self._told: dict[int, list[Record]] = defaultdict(list)
        self._published: list[Record] = []
        self._telling: Iterator[Record] = iter(())
        self.circuits: Circuits | None = None
        self.shares: dict[int, int] = {}
        self.ready = False

    @property
    def _is_last(self) -> bool:
        return self._hop == self._geometry.mixes - 1

    @property
    def waits_for(self) -> str:
        """What a person would want to know when an epoch is not made."""
        if self._editor is not None and self._batch is None:
            return "keys or signatures of " + ", ".join(self._editor.waits_for)
        if self._batch is None:
            return "the list of keys"
        if self.circuits is None:
            return "set-ups" if not self._batch.closed else "onions to be opened"
        return "nothing" if self._ready_below else "the mixes further down"

    # ── saying ───────────────────────────────────────────────────────────────────────────

    def _tell(self, peer: int, record: Record) -> None:
        self._told[peer].append(record)
        self.outgoing.append((peer, record))

    def _tell_up(self, record: Record) -> None:
        """To the first mix, which may be this one."""
        if self._hop == 0:
            self._from_below(record)
        else:
            self._tell(0, record)

    def _tell_down(self, record: Record) -> None:
        if not self._is_last:
            self._tell(DOWN, record)

    def say_again(self, peer: int) -> None:
        """A neighbour is there, or back: all it may have missed of this epoch."""
        missed = self._told[peer]
        if peer != DOWN:
            self._ups.add(peer)
            missed = [*self._published, *missed]
            if self._batch is not None:
                self._batch.expect(peer)
        self.outgoing += [(peer, record) for record in missed]

    # ── the steps ────────────────────────────────────────────────────────────────────────

    def know_start(self, epoch: int) -> None:
        """Told in which epoch this mix was started; the first word counts."""
        self._signer.start(epoch)

    def begin(self, epoch: int) -> None:
        """Start on the next epoch, if this mix may sign for it."""
        if epoch <= self.epoch:
            return
        self.discard()
        self.epoch = epoch
        if self._hop == 0:
            self._editor = Editor(self._zone, epoch)
        key = self._signer.key(epoch)
        if key is not None:
            self._tell_up(OnionKey(epoch, self._hop, key.public))

    def discard(self) -> None:
        """Give up what is in the making (the epoch before runs on)."""
        if self.circuits is not None:
            self.circuits.wipe()
        if self.epoch < 0:
            return
        self._signer.wipe_until(self.epoch)
        self._forget()

    def expire(self, number: int) -> None:
        """Wipe onion keys from their epoch's first round on; and soon after, unused circuits."""
        self._signer.wipe_until(self._geometry.epoch_of(number))
        if number >= self._geometry.first_round(self.epoch) + self._geometry.keys_until:
            self.discard()

    def adopt(self) -> Circuits | None:
        """Hand the finished circuits over: the epoch begins."""
        circuits, self.circuits = self.circuits, None
        self._batch = None
        self._signer.wipe_until(self.epoch)
        self.ready = False
        return circuits

    def receive(self, peer: int, record: Record) -> None:
        """Take a record of a neighbour.

        Raises:
            BadCell: if it is for another epoch, from the wrong side, or not allowed.
        """
        match record:
            case OnionKey() | Signature() | Ready() if peer == DOWN:
                if isinstance(record, OnionKey | Signature) and record.mix <= self._hop:
                    # Nobody further down speaks for this mix or one before it.
                    raise BadCell(Drop.UNEXPECTED)
                self._check_epoch(record.epoch)
                self._from_below(record)
            case List() | Setups() | BatchEnd() if peer >= 0:
                self._check_epoch(record.epoch)
                self._from_above(peer, record)
            case _:
                raise BadCell(Drop.UNEXPECTED)

    def _check_epoch(self, epoch: int) -> None:
        if epoch != self.epoch:
            raise BadCell(Drop.OTHER_EPOCH)

    def _from_below(self, record: Record) -> None:
        match record:
            case Ready():
                self._ready_below = True
                self._check_ready()
            case _ if self._hop > 0:
                self._tell_up(record)
            case OnionKey(mix=hop, key=key) if self._editor is not None:
                if self._editor.add_key(hop, key) and self._editor.body is not None:
                    self._list(List(self.epoch, self._editor.body))
            case Signature(mix=hop, signature=signature) if self._editor is not None:
                descriptor = self._editor.add_signature(hop, signature)
                if descriptor is not None:
                    self._published = [Published(self.epoch, descriptor)]
                    self.outgoing += [(peer, self._published[0]) for peer in sorted(self._ups)]

    def _from_above(self, peer: int, record: Record) -> None:
        match record:
            case List() if self._hop > 0:
                self._list(record)
            case Setups(first=first, lines=lines, doors=doors) if self._batch is not None:
                self._batch.add(peer, Klass.LINE, first, lines)
                self._batch.add(peer, Klass.DOOR, first, doors)
            case BatchEnd(lines=lines, doors=doors) if self._batch is not None:
                if self._hop == 0 and lines != doors:
                    raise BadCell(Drop.MALFORMED)
                self._batch.close(peer, lines, doors)
            case _:
                raise BadCell(Drop.UNEXPECTED)

    def _list(self, record: List) -> None:
        """The list is there: pass it on, sign it, and take set-ups from now on."""
        signature = self._signer.sign(self.epoch, record.body)
        if self._batch is not None:
            return
        self.to_keep = self.epoch
        self._tell_down(record)
        listed = parse_list(record.body, self._zone)
        key = self._signer.key(self.epoch)
        if key is None:
            raise BadCell(Drop.REFUSED)
        dice = self._dice.fork(f"batch {self.epoch}")
        gateways = len(self._zone.gateways) if self._hop == 0 else 1
        self._batch = Batch(
            self._geometry,
            self._hop,
            key,
            listed.onion_keys,
            listed.hash,
            self._blocks,
            dice,
            gateways,
            self._zone.phantoms,
        )
        for peer in self._ups:
            self._batch.expect(peer)
        self._tell_up(Signature(self.epoch, self._hop, signature))

    # ── the work ─────────────────────────────────────────────────────────────────────────

    def work(self, items: int) -> bool:
        """One slice: open so many onions, draw the order when all are open, or pass some on."""
        record = next(self._telling, None)
        if record is not None:
            self._tell_down(record)
            return True
        if self._batch is None or self.circuits is not None:
            return False
        if self._batch.work(items):
            return True
        if self._batch.closed and self._batch.opened:
            self._finish(self._batch)
            return True
        return False

    def leave_out_open(self) -> None:
        """At the first mix: go on without gateways whose batch is not complete."""
        if self._batch is not None and self.circuits is None:
            self._batch.leave_out_open()

    def _finish(self, batch: Batch) -> None:
        shuffled = batch.finish(self.epoch)
        self.drops.update(batch.drops)
        self._signer.wipe_until(self.epoch)
        if shuffled.circuits.lines + shuffled.circuits.doors < self._zone.min_rows:
            # A crowd so small hides nobody, and one's own phantoms are no crowd. Not ready: the
            # first mix will extend.
            self.drops[Drop.REFUSED] += 1
            self._batch = None
            return
        self.circuits, self.shares = shuffled.circuits, shuffled.shares
        if self._hop == 0:
            for peer, clients in shuffled.shares.items():
                self._tell(peer, Accepted(self.epoch, clients, self.circuits.lines))
        self._telling = self._onward(shuffled)
        self._check_ready()

    def _onward(self, shuffled: Shuffled) -> Iterator[Record]:
        """The shuffled onions in records that fit a frame, and the end of the batch."""
        if not shuffled.onward:
            return
        per_record = MAX_SETUPS_BYTES // (2 * self._geometry.onion_bytes_at(self._hop + 1))
        lines, doors = shuffled.onward[Klass.LINE], shuffled.onward[Klass.DOOR]
        for first in range(0, max(len(lines), len(doors)), per_record):
            part = slice(first, first + per_record)
            yield Setups(self.epoch, first, lines[part].tobytes(), doors[part].tobytes())
        yield BatchEnd(self.epoch, len(lines), len(doors))

    def _check_ready(self) -> None:
        if self.circuits is not None and self._ready_below and not self.ready:
            self.ready = True
            if self._hop > 0:
                self._tell_up(Ready(self.epoch))
