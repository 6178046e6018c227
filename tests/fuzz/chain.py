"""Mixes by their `receive`: neighbours that say what nobody honest would, and junk between.

Each input is a script, as in `machines.py`.
"""

from collections.abc import Sequence

from gatewayrig import START
from sizes import CHUNK_BYTES
from zones import example_keys, example_zone

from fuzz.harness import Harness, Reader, refused
from fuzz.machines import MOST_STEPS, chunk, drain_of
from fuzz.zone import SOME
from pymix_voice.mix.first import FirstMix
from pymix_voice.mix.machine import Mix
from pymix_voice.mix.neighbours import DOWN
from pymix_voice.onion.chunk import LinkKeys
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.setup import Flag, Klass, OnionMaker
from pymix_voice.zone.descriptor import Descriptor
from pymix_voice.zone.records import (
    BatchEnd,
    Decision,
    Hello,
    List,
    OnionKey,
    Ready,
    Record,
    Setups,
    Signature,
    Tick,
    encode,
    parse_record,
)

ZONE = example_zone(mixes=3, clients=12)
GEOMETRY = ZONE.geometry
MIX_KEYS, _ = example_keys(3)
EPOCH = 450_000
FIRST = GEOMETRY.first_round(EPOCH)
UP = LinkKeys(b"up  ", bytes([1] * 32), bytes([2] * 32))
BELOW = LinkKeys(b"down", bytes([3] * 32), bytes([4] * 32))
OTHER = KeyPair.draw(Dice.seeded(3)).public


class _Chain:
    """A mix between two neighbours."""

    def __init__(self, kind: type[Mix], hop: int) -> None:
        seed = MIX_KEYS[hop].sign
        assert seed is not None
        self.now = START
        self.hop = hop
        self.mix = kind(
            ZONE,
            hop,
            seed.reveal(),
            dice=Dice.seeded(2),
            now=START,
            unix=(FIRST + 1.5) * GEOMETRY.round_s,
            down=b"down",
        )
        self.mix.coming.know_start(EPOCH - 5)
        self.mix.link_up(0, UP, START)
        self.mix.link_up(DOWN, BELOW, START)
        if hop == 0:
            self.mix.receive_control(DOWN, Hello(0, True), START)
        else:
            self.mix.receive_control(0, Tick(FIRST + 1, 0.0), START)
        self.seen: set[tuple[bytes, bytes]] = set()

    @property
    def near(self) -> int:
        return self.mix.now_round(self.now)

    def hear(self, datagrams: Sequence[bytes], source: bytes) -> None:
        self.mix.receive(drain_of(datagrams, source, self.now), self.now)

    def settle(self) -> None:
        """What is due is done; at most one matrix a round leaves in each direction."""
        for _ in range(80):
            if self.mix.deadline() > self.now:
                break
            self.mix.handle_deadline(self.now)
        assert self.mix.deadline() > self.now, "a mix must come to rest"
        for burst in self.mix.bursts():
            assert burst.datagrams.shape[1] == CHUNK_BYTES
            heads = [row.tobytes()[:12] for row in burst.datagrams]
            for head in heads:
                which = head[:8] + head[10:12]
                assert (bytes(burst.to), which) not in self.seen, "a round left twice"
                self.seen.add((bytes(burst.to), which))
        for _, record in self.mix.said().records:
            assert parse_record(encode(record)) == record

    def state(self) -> tuple[object, ...]:
        """All that a stranger must not change."""
        mix = self.mix
        inlets = [*mix._upstream.values(), mix._downstream]
        pending = [(inlet.newest, len(inlet._pending)) for inlet in inlets]
        return (pending, mix._newest, dict(mix._turns), mix.deadline(), mix.coming.epoch)

    # ── records that fit ─────────────────────────────────────────────────────────────────

    def listed(self, other: bytes) -> Descriptor:
        """A list with this mix's own key in its place."""
        epoch = max(0, self.mix.coming.epoch)
        key = self.mix.coming._signer.key(epoch)
        keys = [other] * 3
        if key is not None:
            keys[self.hop] = key.public
        return Descriptor(ZONE.hash, epoch, GEOMETRY.first_round(epoch), tuple(keys))

    def onion(self, klass: Klass, seed: int) -> bytes:
        """One that opens at this mix, and at the ones after it would."""
        listed = self.listed(OTHER)
        keys, dice = listed.onion_keys[self.hop :], Dice.seeded(seed)
        maker = OnionMaker(keys, listed.hash, klass, dice, first_hop=self.hop)
        return maker.seal(bytes([seed]) * 16, Flag.PLAIN)

    def record(self, taken: Reader) -> tuple[int, Record]:
        """One of the coming epoch, from whichever side."""
        which, more = taken.number(1), taken.number(1)
        epoch = self.mix.coming.epoch if which < 200 else EPOCH + which % 4
        epoch = max(0, epoch)
        size = GEOMETRY.onion_bytes_at(self.hop)
        match which % 9:
            case 0:
                return DOWN, OnionKey(epoch, more % 4, OTHER)
            case 1:
                other = OTHER if more % 4 else bytes([more]) * 32
                return 0, List(epoch, self.listed(other).body)
            case 2:
                return DOWN, Signature(epoch, more % 4, taken.take(64))
            case 3:
                first = taken.number(1) % 8
                lines = [self.onion(Klass.LINE, more + each) for each in range(more % 3)]
                doors = [self.onion(Klass.DOOR, more + each) for each in range(more % 3)]
                junk = taken.take(size) if more & 64 else b""
                return 0, Setups(epoch, first, b"".join(lines) + junk, b"".join(doors) + junk)
            case 4:
                return 0, BatchEnd(epoch, more % 8, more // 8 % 8)
            case 5:
                return DOWN, Ready(epoch)
            case 6:
                return 0, Decision(epoch, bool(more & 1))
            case 7:
                return 0, Tick(max(0, self.near + more - 128), 0.0)
            case _:
                return DOWN, Hello(max(0, self.near + (more - 128 << more % 8)), bool(more & 1))


def _play(data: bytes, chain: _Chain) -> None:
    taken, mix = Reader(data), chain.mix
    for _ in range(MOST_STEPS):
        if taken.left <= 0:
            break
        how = taken.number(1)
        up = bool(how & 128)
        keys, key = (UP, UP.forward) if up else (BELOW, BELOW.backward)
        match how % 7:
            case 0:
                before, junk = chain.state(), taken.text()
                if how & 8:
                    junk = (keys.link_id + junk)[:CHUNK_BYTES].ljust(CHUNK_BYTES, b"\0")
                chain.hear([junk, junk], b"stranger")
                assert chain.state() == before, "junk changed a mix"
            case 1 | 2:
                header = keys.link_id + taken.take(12)
                chain.hear([chunk(key, header, how, chain.near)] * (1 + how // 8 % 2), b"n")
            case 3:
                raw = taken.text()
                if refused(parse_record, raw) is None:
                    mix.receive_control(0 if up else DOWN, parse_record(raw), chain.now)
            case 4:
                peer, record = chain.record(taken)
                mix.receive_control(peer, record, chain.now)
            case 5:
                chain.now += taken.number(1) / 1000
            case _:
                for _ in range(taken.number(1) % 32):
                    mix.work()
        chain.settle()


def middle_mixes(data: bytes) -> None:
    """Whatever its neighbours say, a mix comes to rest, and no round leaves it twice; strangers
    change nothing."""
    _play(data, _Chain(Mix, 1))


def first_mixes(data: bytes) -> None:
    """As `middle_mixes`; its clock ticks on."""
    chain = _Chain(FirstMix, 0)
    _play(data, chain)
    before = chain.near
    chain.now += 0.05
    chain.settle()
    assert chain.near > before, "the clock stands still"


def _record(which: int, more: int, rest: bytes = b"") -> bytes:
    return bytes([4, which, more]) + rest


def _scripts() -> Sequence[bytes]:
    raw = [encode(record) for record in SOME]
    texts = [bytes([3 + 7 * 18, len(each) // 2]) + each for each in raw if len(each) % 2 == 0]
    down = [bytes([3, len(each) // 2]) + each for each in raw if len(each) % 2 == 0]
    made = _record(1, 1) + _record(3, 2, b"\0") + _record(4, 2 + 16) + b"\6\x1f"
    keys = _record(0, 1) + _record(0, 2)
    again = bytes([141, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    forward = bytes([141, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    return [
        *texts,
        *down,
        keys + made + _record(5, 0) + _record(6, 1) + b"\5\x14" * 4,
        made + _record(5, 0) + _record(6, 0) + forward + b"\5\x14" * 2,
        forward + again * 2 + b"\5\x14" + again,
        forward * 2 + b"\5\x0b" + forward + b"\5\x50",
        b"\0\4junkjunk" + b"\x0e\4junkjunk",
        _record(7, 140) + _record(8, 131),
    ]


HARNESSES = (
    Harness(middle_mixes, _scripts, 5, 400, 60),
    Harness(first_mixes, _scripts, 5, 400, 60),
)
