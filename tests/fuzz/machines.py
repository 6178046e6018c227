"""Gateways, mixes and clients by their `receive`, with the keys of whoever speaks to them.

Each input is a script: what comes, from whom, what time passes. Some of it is junk of strangers,
some is sealed under keys that are right, and says what nobody honest would.
"""

from collections.abc import Sequence

from gatewayrig import EPOCH, GEOMETRY, LINK_KEYS, ROUND, START, ZONE, Guest, Rig
from sizes import CELL_BYTES, CHUNK_BYTES, UP_BYTES
from zones import example_keys

from fuzz.harness import Harness, Reader, refused
from fuzz.zone import SOME
from pymix_voice.client.identity import Identity
from pymix_voice.client.machine import Client
from pymix_voice.geometry import CHUNK_HEADER_BYTES, STATUS_BYTES
from pymix_voice.onion import sodium
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.noise import Handshake, Pattern
from pymix_voice.zone import access
from pymix_voice.zone.access import Kind, Status
from pymix_voice.zone.drain import Drain
from pymix_voice.zone.epochs import Outlook
from pymix_voice.zone.records import encode, parse_record

MOST_STEPS = 24
LINK = b"mix"


def chunk(key: bytes, header: bytes, body: int, near: int) -> bytes:
    """A sealed datagram of a mix link, with any header."""
    number = near + int.from_bytes(header[4:6], "little", signed=True)
    number = max(0, number)
    header = header[:4] + (number & 0xFFFFFFFF).to_bytes(4, "little") + header[8:16]
    nonce = number.to_bytes(8, "little") + header[10:12] + bytes(2)
    plain = bytes([body]) * (CHUNK_BYTES - CHUNK_HEADER_BYTES - 16)
    return header + sodium.seal(key, nonce, plain, header)


def drain_of(datagrams: Sequence[bytes], source: bytes, now: float) -> Drain:
    return Drain.of(datagrams, [source] * len(datagrams), now, 2048)


# ── a gateway ────────────────────────────────────────────────────────────────────────────────


def _sessions(rig: Rig) -> list[object]:
    of = rig.gateway._entry.sessions
    columns = (of.ids, of.confirmed, of.heard, of.newest, of.sources, of.early, of.early_rounds)
    return [*(column.tolist() for column in columns), list(of.moving)]


def _sealed(guest: Guest, kind: int, number: int, body: bytes) -> bytes:
    keys, session = guest.session.keys, guest.session.session_id
    head = access.header(session, kind, number)
    return head + sodium.seal(keys.up, access.nonce(kind, number), body, head)


def gateway_clients(data: bytes) -> None:
    """Strangers' datagrams change no session, a client's change only its own; and the next cell
    of another client is taken."""
    taken, rig = Reader(data), Rig()
    good, bad = rig.guest("good"), rig.guest("bad")
    rig.hear([(good.say(Kind.LINE, rig.last + 1), b"good")])
    for _ in range(MOST_STEPS):
        if taken.left <= 0:
            break
        how = taken.number(1)
        source = (b"good", b"bad", b"elsewhere", b"")[how >> 6]
        match how % 8:
            case 0 | 1:
                before = _sessions(rig)
                junk = taken.text()
                if how & 8:
                    junk = good.session.session_id + junk
                if how & 16:
                    junk = junk[:UP_BYTES].ljust(UP_BYTES, b"\0")
                rig.hear([(junk, source), (junk, source)])
                assert _sessions(rig) == before, "junk changed a session"
            case 2 | 3 | 4:
                number = rig.last + taken.signed(2)
                kind, body = taken.number(1), taken.take(4).ljust(CELL_BYTES, b"\0")
                rig.hear([(_sealed(bad, kind, max(0, number), body), source)] * (1 + how % 2))
            case 5:
                onions = taken.take(2).ljust(2 * GEOMETRY.onion_bytes, b"\1")
                epoch = EPOCH + taken.signed(1)
                rig.hear([(_sealed(bad, Kind.SETUP, epoch, onions), source)])
            case 6:
                rig.hear([(_hello(taken.text(), taken.number(1)), source)])
            case _:
                rig.now += taken.number(1) / 1000
                rig.gateway.handle_deadline(rig.now)
                rig.collect()
                rig.last = rig.gateway._last
                # It lives: who has been silent for long is forgotten.
                rig.hear([(good.say(Kind.LINE, rig.last + 1), b"good")])
    dropped = sum(rig.gateway.drops.values())
    rig.hear([(good.say(Kind.LINE, rig.gateway._last + 2), b"good")])
    assert sum(rig.gateway.drops.values()) == dropped, "a good cell was refused"
    assert all(len(datagram) <= UP_BYTES + STATUS_BYTES for _, datagram in rig.down)


def _hello(payload: bytes, cookie: int) -> bytes:
    """A hello whose handshake is right, and holds what no client would say."""
    handshake = Handshake(
        Pattern.NK,
        True,
        access.prologue(ZONE.hash, 0),
        ephemeral=KeyPair.draw(Dice.seeded(8)),
        remote_static=ZONE.gateways[0].link,
    )
    head = access.header(access.NO_SESSION, Kind.HELLO, cookie)
    text = head + bytes([cookie]) * access.COOKIE_BYTES + handshake.write(payload)
    return text[: access.HELLO_BYTES].ljust(access.HELLO_BYTES, b"\0")


def gateway_mix(data: bytes) -> None:
    """Whatever the first mix says, the gateway goes on: its clients get their datagrams."""
    taken, rig = Reader(data), Rig()
    gateway, guest = rig.gateway, rig.guest("good")
    rig.hear([(guest.say(Kind.LINE, rig.last + 1), b"good")])
    for _ in range(MOST_STEPS):
        if taken.left <= 0:
            break
        how = taken.number(1)
        match how % 4:
            case 0:
                gateway.receive_link(drain_of([taken.text()], LINK, rig.now), rig.now)
            case 1:
                header = b"link" + taken.take(12)
                came = [chunk(LINK_KEYS.backward, header, how, gateway._last)] * (1 + (how >> 7))
                gateway.receive_link(drain_of(came, LINK, rig.now), rig.now)
            case 2:
                raw = taken.text()
                if refused(parse_record, raw) is None:
                    gateway.receive_control(parse_record(raw), rig.now)
            case _:
                rig.now += taken.number(1) / 1000
        gateway.handle_deadline(rig.now)
        for burst in gateway.bursts():
            assert burst.via in ("link", "access")
    assert gateway.deadline() > rig.now
    before = gateway.rounds
    rig.now = gateway.deadline()
    gateway.handle_deadline(rig.now + 1e-6)
    gateway.handle_deadline(max(gateway.deadline(), rig.now) + 0.1)
    assert gateway.rounds > before, "rounds stopped"


# ── a client ─────────────────────────────────────────────────────────────────────────────────

KNOWN_SIZES = {UP_BYTES, GEOMETRY.setup_bytes, access.HELLO_BYTES}
_, (GATEWAY_KEYS, *_) = example_keys(2)
GOOD = Status(0, 0, Outlook.UNDECIDED, False, False, 0, 1, False, bytes(16)).pack()


class _Zone:
    """A client with a session, and the gateway's side of it."""

    def __init__(self) -> None:
        dice = Dice.seeded(6)
        me = Identity(KeyPair.draw(dice), dice.bytes(16), ZONE.hash)
        self.now = START
        self.hello = b""
        self.client = Client(
            ZONE, 0, me, frame=lambda _: bytes(111), dice=dice, now=START, where=b"gateway"
        )
        self.go_on()
        self.hear(self.welcome(access.WELCOME.pack(b"self", ROUND, 9000, 5)))
        assert self.client.connection.session is not None

    def hear(self, datagram: bytes, source: bytes = b"gateway") -> None:
        self.client.receive(drain_of([datagram], source, self.now), self.now)

    def go_on(self) -> None:
        """What is due is done, and nothing leaves but datagrams of the known sizes."""
        for _ in range(40):
            if self.client.deadline() > self.now:
                break
            self.client.handle_deadline(self.now)
        assert self.client.deadline() > self.now, "a client must come to rest"
        for burst in self.client.bursts():
            raw = burst.datagrams.tobytes()
            assert len(raw) in KNOWN_SIZES
            if len(raw) == access.HELLO_BYTES and raw.startswith(access.NO_SESSION):
                self.hello = raw
        self.client.work()

    def welcome(self, payload: bytes) -> bytes:
        """A gateway's answer to the newest hello; the handshake is right."""
        handshake = Handshake(
            Pattern.NK,
            False,
            access.prologue(ZONE.hash, 0),
            ephemeral=KeyPair.draw(Dice.seeded(7)),
            static=GATEWAY_KEYS.link,
        )
        start = access.EPHEMERAL_AT
        handshake.read(self.hello[start : start + access.NOISE_HELLO_BYTES])
        head = access.header(access.NO_SESSION, Kind.WELCOME, 0)
        return head + handshake.write(payload)

    def down(self, kind: int, number: int, body: bytes) -> bytes:
        """A datagram of the gateway's; the kind may be none."""
        session = self.client.connection.session
        assert session is not None
        head = access.header(session.session_id, kind, number)
        return head + sodium.seal(session.keys.down, access.nonce(kind, number), body, head)


def clients(data: bytes) -> None:
    """Whatever comes, from strangers or from the gateway itself, a client goes on sending
    datagrams of the known sizes, and takes the next good cell."""
    taken, zone = Reader(data), _Zone()
    made = zone.client
    for _ in range(MOST_STEPS):
        if taken.left <= 0:
            break
        how, came = taken.number(1), b""
        match how % 6:
            case 0:
                came = taken.text()
                heard = made.cells_heard, made.connection.sessions
                zone.hear(came)
                assert heard == (made.cells_heard, made.connection.sessions), "junk was taken"
                continue
            case 1 | 2 | 3:
                number = max(0, made.number + taken.signed(2 if how & 8 else 1))
                kind = taken.number(1) if how & 16 else Kind.LINE
                came = zone.down(kind, number, bytes(CELL_BYTES) + taken.take(STATUS_BYTES))
            case 4:
                came = zone.welcome(taken.take(access.WELCOME.size))
            case _:
                zone.now += taken.number(1) / 250
        zone.hear(came, b"gateway" if how < 250 else b"else")
        zone.go_on()
    _still_hears(zone)


def _still_hears(zone: _Zone) -> None:
    made, seen = zone.client, zone.client.connection._seen[Kind.LINE]
    number = max(made.number, 0)
    while number in seen:
        number += 1
    if number - made.number < 1 << 22:
        heard = made.cells_heard
        zone.hear(zone.down(Kind.LINE, number, bytes(CELL_BYTES) + GOOD))
        assert made.cells_heard == heard + 1, "a good cell was refused"


# ── seeds ────────────────────────────────────────────────────────────────────────────────────


def _text(raw: bytes) -> bytes:
    raw += bytes(len(raw) % 2)
    return bytes([len(raw) // 2]) + raw


def _gateway_clients() -> Sequence[bytes]:
    said = bytes([2, 1, 0, Kind.LINE, 1, 2, 3, 4])
    door = bytes([3, 10, 0, Kind.DOOR, 1, 2, 3, 4])
    moved = bytes([2 | 128, 1, 0, Kind.LINE, 1, 2, 3, 4])
    return [
        said + door + bytes([7, 20]) * 3,
        moved + bytes([7, 25, 2 | 128, 2, 0, Kind.CHALLENGE, 1, 2, 3, 4]),
        b"\0" + _text(b"junk" * 30) + b"\x08" + _text(bytes([Kind.LINE]) + bytes(147)),
        b"\x08"
        + _text(bytes([Kind.LINE]) + (ROUND + 1 & 0xFFFFFF).to_bytes(3, "little") + bytes(144)),
        bytes([5, 1, 1, 1, 5, 1, 1, 1]),
        bytes([6]) + _text(b"hi") + bytes([1, 6]) + _text(b"") + bytes([2]) + said,
    ]


def _gateway_mix() -> Sequence[bytes]:
    said = [b"\2" + _text(encode(record)) for record in SOME if len(encode(record)) % 2 == 0]
    back = b"\1" + bytes([0, 0]) + bytes([1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    return [*said, b"".join(said) + b"\3\x14" * 3, b"\3\x14" * 4 + back * 2, b"\0" + _text(b"x")]


def _clients() -> Sequence[bytes]:
    cell = b"\1\1" + GOOD
    told = Status(9, 1, Outlook.SWITCH, True, True, 1, 7, True, bytes(16)).pack()
    welcome = b"\4" + access.WELCOME.pack(b"next", ROUND + 50, -900, 3)
    return [
        cell + b"\5\x05" * 8 + cell,
        b"\1\2" + told + b"\5\x10" * 4,
        b"\5\xff" * 3 + b"\4" + access.WELCOME.pack(b"next", 2**64 - 1, 0, 0) + b"\5\x09" * 3,
        b"\5\xff" * 3 + welcome + cell + b"\5\x05" * 3,
        b"\0" + _text(access.header(access.NO_SESSION, Kind.RETRY, 0) + bytes(16)),
        b"\x19\1\0\2" + GOOD,
    ]


HARNESSES = (
    Harness(gateway_clients, _gateway_clients, 2, 400, 60),
    Harness(gateway_mix, _gateway_mix, 2, 600, 60),
    Harness(clients, _clients, 4, 400, 60),
)
