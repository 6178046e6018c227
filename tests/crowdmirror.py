"""A zone that is one mirror, for a crowd: every step by the functions for a single client."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from sizes import CELL_BYTES
from zones import example_keys, example_zone

from pymix_voice.geometry import is_door_round
from pymix_voice.lab.crowd.machine import Crowd
from pymix_voice.onion import sodium
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.keystream import BACKWARD, FORWARD, combined
from pymix_voice.onion.noise import Handshake, Pattern
from pymix_voice.onion.setup import Flag, HopKeys, Klass, open_onion, parse_payload
from pymix_voice.zone import access
from pymix_voice.zone.access import AccessKeys, Kind, Status
from pymix_voice.zone.descriptor import Descriptor, pieces_of, sign_list
from pymix_voice.zone.drain import Drain
from pymix_voice.zone.epochs import NO_EPOCH, Outlook
from pymix_voice.zone.link import early_units

HERE = b"gateway"
FIRST = 10_000
START = 50.0
TRIP_S = 0.001
STEP_S = 0.0005
BACK_S = 0.010


@dataclass
class Seat:
    """One session, as the mirror knows it."""

    keys: AccessKeys
    cells: dict[tuple[int, int], tuple[float, bytes]] = field(default_factory=dict)
    early: tuple[int, int] = (0, -32_768)
    hops: dict[tuple[int, int], list[HopKeys]] = field(default_factory=dict)
    named: dict[tuple[int, int], tuple[bytes, Flag]] = field(default_factory=dict)
    setups: list[tuple[int, bytes]] = field(default_factory=list)


class Mirror:
    """Gateway, mixes and switchboard in one; round r is due at `due(r)`."""

    def __init__(self, clients: int = 12, free: int = 1000) -> None:
        self.zone = example_zone(clients=clients)
        self.geometry = self.zone.geometry
        self.dice = Dice.seeded(3)
        mix_keys, gateway_keys = example_keys()
        self._signers = [key.sign.reveal() for key in mix_keys if key.sign is not None]
        self._key = gateway_keys[0].link
        self._lists: dict[int, tuple[Descriptor, list[KeyPair]]] = {}
        self._free = free
        self.seats: dict[bytes, Seat] = {}
        self.sizes: Counter[int] = Counter()
        self.outlook = Outlook.SWITCH
        self.swallow = False
        self.garble = False
        self.last = FIRST - 1
        self.shift = 0

    def due(self, number: int) -> float:
        return START + (number - FIRST - self.shift) * self.geometry.round_s

    def listed(self, epoch: int) -> tuple[Descriptor, list[KeyPair]]:
        if epoch not in self._lists:
            pairs = [KeyPair.draw(self.dice) for _ in range(self.geometry.mixes)]
            first = self.geometry.first_round(epoch)
            keys = tuple(pair.public for pair in pairs)
            bare = Descriptor(self.zone.hash, epoch, first, keys)
            signatures = tuple(sign_list(bare.body, seed) for seed in self._signers)
            whole = Descriptor(self.zone.hash, epoch, first, keys, signatures)
            self._lists[epoch] = whole, pairs
        return self._lists[epoch]

    def take(self, datagram: bytes, now: float) -> bytes | None:
        self.sizes[len(datagram)] += 1
        session, kind, low = access.HEADER.unpack(datagram[:8])
        if kind == Kind.HELLO:
            return self._welcome(datagram, now)
        seat = self.seats[session]
        if self.swallow:
            return None
        near = self.geometry.epoch_of(self.last) if kind == Kind.SETUP else self.last
        number = near + ((int.from_bytes(low, "little") - near + 2**23) % 2**24 - 2**23)
        nonce = access.nonce(kind, number)
        body = sodium.open_(seat.keys.up, nonce, datagram[8:], datagram[:8])
        if kind == Kind.SETUP:
            seat.setups.append((self.last + 1, datagram))
            self._set_up(seat, number, body)
        else:
            assert (kind, number) not in seat.cells
            seat.cells[kind, number] = now, body
            if kind == Kind.LINE:
                seat.early = number, early_units(self.due(number) - now)
        return None

    def _welcome(self, hello: bytes, now: float) -> bytes:
        if len(self.seats) >= self._free and hello[8:24] != b"a cookie of ours":
            head = access.header(access.NO_SESSION, Kind.RETRY, 0)
            return head + b"a cookie of ours"
        prologue = access.prologue(self.zone.hash, 0)
        ephemeral = KeyPair.draw(self.dice)
        handshake = Handshake(Pattern.NK, False, prologue, ephemeral=ephemeral, static=self._key)
        handshake.read(hello[24 : 24 + access.NOISE_HELLO_BYTES])
        session = self.dice.bytes(4)
        due_us = round((self.due(self.last + 1) - now) * 1e6)
        text = handshake.write(access.WELCOME.pack(session, self.last + 1, due_us, 0))
        self.seats[session] = Seat(AccessKeys.of(handshake))
        return access.header(access.NO_SESSION, Kind.WELCOME, 0) + text

    def _set_up(self, seat: Seat, epoch: int, onions: bytes) -> None:
        descriptor, pairs = self.listed(epoch)
        half = len(onions) // 2
        for klass, onion in ((Klass.LINE, onions[:half]), (Klass.DOOR, onions[half:])):
            hops = []
            for hop, pair in enumerate(pairs):
                keys, onion = open_onion(onion, pair, descriptor.hash, hop, klass)
                hops.append(keys)
            seat.hops[epoch, klass] = hops
            seat.named[epoch, klass] = parse_payload(onion)

    def reflect(self, number: int) -> list[bytes]:
        """All that goes down for a round."""
        self.last = number
        epoch = self.geometry.epoch_of(number)
        if not any((epoch, Klass.LINE) in seat.hops for seat in self.seats.values()):
            epoch = NO_EPOCH
        out = self.turn(Kind.LINE, epoch, number)
        return out + (self.turn(Kind.DOOR, epoch, number) if is_door_round(number) else [])

    def turn(self, kind: Kind, epoch: int, number: int) -> list[bytes]:
        klass, step = (Klass.LINE, number) if kind == Kind.LINE else (Klass.DOOR, number // 10)
        block, within = divmod(step, 20)
        rows: dict[bytes, bytes] = {}
        for session, seat in self.seats.items():
            _, cell = seat.cells.pop((kind, number), (0.0, self.dice.bytes(128)))
            if (epoch, klass) in seat.hops:
                hops = [hop.forward for hop in seat.hops[epoch, klass]]
                rows[session] = xor(cell, combined(hops, FORWARD, block, CELL_BYTES)[within])
        drops = {session: self.seats[session].named[epoch, klass] for session in rows}
        met = {
            session: [other for other in rows if drops[other] == drops[session]] for session in rows
        }
        coming = self.geometry.epoch_of(self.last) + 1
        pieces = pieces_of(self.listed(coming)[0].encode())
        out = []
        for session, seat in self.seats.items():
            cell = self.dice.bytes(128)
            if session in rows:
                others = [other for other in met[session] if other != session]
                cell = rows[others[0] if others else session]
                if self.garble:
                    cell = bytes(128)
                hops = [hop.backward for hop in seat.hops[epoch, klass]]
                cell = xor(cell, combined(hops, BACKWARD, block, CELL_BYTES)[within])
            decided = self.geometry.within(number) >= self.geometry.decide_at
            known = (coming, Klass.LINE) in seat.hops
            status = Status(
                early=seat.early[1],
                early_round=seat.early[0] & 0xFF,
                outlook=self.outlook if decided else Outlook.UNDECIDED,
                acknowledged=known,
                has_row=known and self.geometry.within(number) >= self.geometry.cutoff_at,
                epoch_low=coming & 0xF,
                population=len(rows),
                challenged=False,
                piece=pieces[number % len(pieces)],
            )
            head = access.header(session, kind, number)
            nonce = access.nonce(kind, number)
            out.append(head + sodium.seal(seat.keys.down, nonce, cell + status.pack(), head))
        return out


def xor(one: bytes, other: "np.ndarray[tuple[int], np.dtype[np.uint8]]") -> bytes:
    return (np.frombuffer(one, np.uint8) ^ other).tobytes()


class Play:
    """Crowd and mirror in virtual time."""

    def __init__(self, mirror: Mirror, clients: int = 12, calls: float = 0.5) -> None:
        self.mirror = mirror
        self.now = START - 0.05
        self.crowd = Crowd(
            mirror.zone,
            0,
            clients,
            calls=calls,
            dice=Dice.seeded(5),
            now=self.now,
            where=HERE,
            size=8,
        )
        self._up: list[tuple[float, bytes]] = []
        self._down: list[tuple[float, bytes]] = []
        self._next = FIRST

    def run(self, rounds: int) -> None:
        end = self.now + rounds * self.mirror.geometry.round_s
        while self.now < end:
            self._step()
            self.now += STEP_S

    def _step(self) -> None:
        due = [datagram for at, datagram in self._up if at <= self.now]
        self._up = [each for each in self._up if each[0] > self.now]
        answers = [self.mirror.take(each, self.now) for each in due]
        self._down += [(self.now + TRIP_S, each) for each in answers if each is not None]
        if self.now >= self.mirror.due(self._next):
            down = self.mirror.reflect(self._next)
            self._down += [(self.now + BACK_S, each) for each in down]
            self._next += 1
        come = [datagram for at, datagram in self._down if at <= self.now]
        self._down = [each for each in self._down if each[0] > self.now]
        if come:
            self.crowd.receive(Drain.of(come, [HERE] * len(come), self.now, 512), self.now)
        if self.crowd.deadline() <= self.now:
            self.crowd.handle_deadline(self.now)
        while self.crowd.work():
            pass
        for burst in self.crowd.bursts():
            assert burst.datagrams.flags.c_contiguous
            at = max(burst.at, self.now) + TRIP_S
            self._up += [(at, row.tobytes()) for row in burst.datagrams]

    def jump(self, rounds: int) -> None:
        """The zone numbers its rounds anew."""
        self.mirror.shift += rounds
        self.mirror.last += rounds
        self._next += rounds

    def totals(self) -> dict[str, int]:
        return self.crowd.figures()
