"""The stand-in for the first mix: by itself, and with a real gateway and a bare crowd."""

import numpy as np
import pytest
from numpy.typing import NDArray
from zones import example_keys, example_zone

from pymix_voice.errors import Drop, Drops
from pymix_voice.gateway.machine import Gateway
from pymix_voice.geometry import MAX_WORKERS, is_door_round
from pymix_voice.lab.crowd.bare import BareKit
from pymix_voice.lab.crowd.machine import Crowd
from pymix_voice.lab.crowd.tally import Sort, percentiles_ms
from pymix_voice.lab.throughput.first import First
from pymix_voice.lab.throughput.zones import with_room
from pymix_voice.onion.chunk import LinkKeys
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.drain import Burst, Drain
from pymix_voice.zone.epochs import NO_EPOCH
from pymix_voice.zone.link import NOT_MEASURED, RoundLink
from pymix_voice.zone.records import (
    Accepted,
    BatchEnd,
    Decision,
    Hello,
    OnionKey,
    Published,
    Record,
    Setups,
    Tick,
)
from pymix_voice.zone.rounds import Inlet

START = 1000.0
UNIX = 1_800_000_000.0
MIX, GATEWAY, CROWD = b"mix", b"gateway", b"crowd"
TRIP_S = 0.0005
STEP_S = 0.0005
WIDTH = 1280
KEYS = LinkKeys(b"link", bytes([1] * 32), bytes([2] * 32))
DICE = Dice.seeded(21)


# ── the machine by itself ────────────────────────────────────────────────────────────────────


class Rig:
    """A stand-in and the gateways that a test plays."""

    def __init__(self, gateways: int = 1) -> None:
        self.zone = example_zone(clients=40, gateways=gateways)
        self.geometry = self.zone.geometry
        self.now = START
        self.first = First(self.zone, DICE.fork("first"), UNIX)
        self.links: dict[int, RoundLink] = {}
        self.heard: list[tuple[int, Record]] = []
        for gateway in range(gateways):
            self.link(gateway * MAX_WORKERS)
        self.start = next(each.round for _, each in self.heard if isinstance(each, Tick))

    def link(self, peer: int) -> None:
        dice = DICE.fork(f"keys {peer} {self.now}")
        keys = LinkKeys(dice.bytes(4), dice.bytes(32), dice.bytes(32))
        inlet = Inlet(self.geometry, DICE.fork("inlet"))
        self.links[peer] = RoundLink(keys, upstream=False, inlet=inlet, source=MIX)
        self.first.link_up(peer, keys, self.now)
        self._hear()

    def _hear(self) -> None:
        self.heard += self.first.said
        self.first.said = []

    def told(self, kind: type[Record]) -> list[Record]:
        return [record for _, record in self.heard if isinstance(record, kind)]

    def say(self, record: Record, peer: int = 0) -> None:
        self.first.receive_control(peer, record, self.now)
        self._hear()

    def tick_at(self, number: int) -> float:
        return START + (number - self.start + 1) * self.geometry.round_s

    def tick(self, number: int) -> dict[bytes, NDArray[np.uint8]]:
        """Go on to a round's tick; what goes to each gateway then."""
        while True:
            self.now = self.first.deadline()
            self.first.handle_deadline(self.now)
            self._hear()
            bursts = self.first.bursts()
            if self.now >= self.tick_at(number) - STEP_S:
                return {burst.to: burst.datagrams.copy() for burst in bursts}  # type: ignore[misc]

    def send(self, number: int, age: int, rows: NDArray[np.uint8], peer: int, at: float) -> None:
        for burst in self.links[peer].seal(number, age, rows):
            sources = [b"gateway %d" % peer] * len(burst.datagrams)
            datagrams = [row.tobytes() for row in burst.datagrams]
            self.first.receive(Drain.of(datagrams, sources, at), at)

    def back(self, datagrams: NDArray[np.uint8], peer: int, number: int) -> NDArray[np.uint8]:
        """The rows in what came back, whole chunks of nine."""
        sources = np.array([MIX] * len(datagrams))
        drops = Drops()
        (chunks,) = self.links[peer].open(datagrams, sources, number, drops)
        return chunks.cells[np.argsort(chunks.numbers)].reshape(-1, 128)

    def early(self, number: int) -> tuple[int, int]:
        """The word beside the rows that go back at a round's tick: on which round, and what."""
        sheet = self.tick(number)[b"gateway 0"]
        sources = np.array([MIX] * len(sheet))
        (chunks,) = self.links[0].open(sheet, sources, number, Drops())
        return chunks.beside.early_round, chunks.beside.early

    def set_up(self, clients: int, peer: int = 0) -> int:
        """So many clients' circuits, up to the first round that uses them."""
        coming = self.geometry.epoch_of(self.start) + 1
        self.tick(self.geometry.first_round(coming) - 100)
        onions = bytes(self.geometry.onion_bytes * clients)
        self.say(Setups(coming, 0, onions, onions), peer)
        self.say(BatchEnd(coming, clients, clients), peer)
        return self.geometry.first_round(coming)


def test_rounds_begin_where_an_epoch_does() -> None:
    rig = Rig()
    (tick,) = rig.told(Tick)
    assert isinstance(tick, Tick)
    assert rig.geometry.within(tick.round) == 0
    assert 0 < tick.round - UNIX * 50 <= rig.geometry.epoch_rounds
    assert tick.due_ms == pytest.approx(20.0)


def test_a_list_of_the_right_size_is_published_early_in_each_epoch() -> None:
    rig = Rig()
    rig.tick(rig.start + 4)
    assert not rig.told(Published)
    rig.tick(rig.start + 10)
    epoch_rounds = rig.geometry.epoch_rounds
    rig.tick(rig.start + epoch_rounds + 10)
    first, second = rig.told(Published)
    assert isinstance(first, Published)
    assert isinstance(second, Published)
    assert first.epoch == rig.start // epoch_rounds + 1 == second.epoch - 1
    assert len(first.descriptor) == len(second.descriptor) == rig.geometry.descriptor_bytes


def test_a_gateway_that_comes_back_is_told_the_round_and_the_list_again() -> None:
    rig = Rig()
    rig.tick(rig.start + 50)
    rig.link(0)
    rig.tick(rig.start + 60)
    numbers = [each.round for each in rig.told(Tick) if isinstance(each, Tick)]
    assert numbers == [rig.start, rig.start + 51]
    assert len(set(rig.told(Published))) == 1
    assert len(rig.told(Published)) == 2


def test_set_ups_are_counted_once_and_a_whole_batch_is_accepted() -> None:
    rig = Rig()
    coming = rig.geometry.epoch_of(rig.start) + 1
    rig.tick(rig.start + 10)
    onion = bytes(rig.geometry.onion_bytes)
    for first, count in ((0, 2), (2, 1), (0, 2), (2, 1)):
        rig.say(Setups(coming, first, onion * count, onion * count))
    assert rig.first.counts.setups == 3
    rig.say(BatchEnd(coming, 3, 3))
    assert rig.told(Accepted) == [Accepted(coming, 3, 3)]
    assert not rig.first.drops


def test_what_is_wrong_is_refused_and_counted() -> None:
    rig = Rig()
    coming = rig.geometry.epoch_of(rig.start) + 1
    rig.tick(rig.start + 10)
    onion = bytes(rig.geometry.onion_bytes)
    rig.say(Setups(coming, 1, onion, onion))
    rig.say(Setups(coming, 0, onion, b""))
    rig.say(Setups(coming, 0, onion[1:], onion[1:]))
    rig.say(Setups(coming + 1, 0, onion, onion))
    rig.say(BatchEnd(coming, 1, 1))
    rig.say(OnionKey(coming, 0, bytes(32)))
    rig.say(Hello(0, True))
    assert not rig.told(Accepted)
    assert rig.first.drops == {Drop.REFUSED: 2, Drop.MALFORMED: 2, Drop.UNEXPECTED: 2}


def test_it_always_switches_when_it_is_time() -> None:
    rig = Rig()
    begins = rig.set_up(10)
    decided = begins - rig.geometry.epoch_rounds + rig.geometry.decide_at
    rig.tick(decided - 1)
    assert not rig.told(Decision)
    rig.tick(decided + 3)
    assert rig.told(Decision) == [Decision(rig.geometry.epoch_of(begins), True)]


def test_rows_go_back_at_the_tick_as_they_came() -> None:
    rig = Rig(gateways=2)
    begins = rig.set_up(10)
    assert is_door_round(begins)
    rig.tick(begins - 1)
    for number, rows in ((begins, 20), (begins + 1, 10)):
        cells = DICE.matrix(rows, 128)
        rig.send(number, 1, cells, 0, rig.tick_at(number) - 0.004)
        # The other gateway has nobody.
        rig.send(number, 1, cells[:0], MAX_WORKERS, rig.tick_at(number) - 0.004)
        back = rig.tick(number)
        assert rig.now == pytest.approx(rig.tick_at(number))
        assert (rig.back(back[b"gateway 0"], 0, number)[:rows] == cells).all()
        assert len(back[b"gateway %d" % MAX_WORKERS]) == 1
    assert rig.first.counts.filled_rows == 0
    assert rig.first.counts.rows == 30
    assert not rig.first.drops


def test_a_gateway_is_told_how_early_it_was() -> None:
    rig = Rig()
    begins = rig.set_up(10)
    rig.tick(begins)
    rig.send(begins + 1, 1, DICE.matrix(10, 128), 0, rig.tick_at(begins + 1) - 0.004)
    assert rig.early(begins + 1) == ((begins + 1) & 0xFF, 64)
    # Nothing came since.
    assert rig.early(begins + 2)[1] == NOT_MEASURED


def test_a_round_that_came_late_is_spoken_of_though_the_next_one_did_not() -> None:
    rig = Rig()
    begins = rig.set_up(10)
    rig.tick(begins + 1)
    rig.send(begins + 1, 1, DICE.matrix(10, 128), 0, rig.tick_at(begins + 1) + 0.002)
    rig.send(begins + 2, 1, DICE.matrix(10, 128), 0, rig.tick_at(begins + 2) - 0.004)
    assert rig.early(begins + 2) == ((begins + 1) & 0xFF, -32)


def test_what_comes_after_the_tick_is_filler() -> None:
    rig = Rig()
    begins = rig.set_up(10)
    rig.tick(begins)
    filled = rig.first.counts.filled_rows
    rig.tick(begins + 1)
    rig.send(begins + 1, 1, DICE.matrix(10, 128), 0, rig.now + 0.001)
    assert rig.first.counts.filled_rows - filled == 10
    assert rig.first.drops == {Drop.LATE: 2}


def test_rows_on_circuits_that_there_never_were_are_counted() -> None:
    rig = Rig()
    rig.tick(rig.start + 3)
    rig.send(rig.start + 4, 1, DICE.matrix(9, 128), 0, rig.now)
    rig.send(rig.start + 5, NO_EPOCH, DICE.matrix(0, 128), 0, rig.now)
    assert rig.first.drops == {Drop.NO_CIRCUITS: 1}


# ── with a gateway and a crowd ───────────────────────────────────────────────────────────────


class Loop:
    """Bare crowd, gateway and stand-in in virtual time."""

    def __init__(self, clients: int) -> None:
        self.zone = example_zone(clients=with_room(clients))
        _, keys = example_keys()
        self.now = START
        self.gateway = Gateway(
            self.zone,
            0,
            keys[0].link,
            prefix_of=lambda source: None,
            dice=DICE.fork("gateway"),
            now=START,
            unix=UNIX,
            mix=MIX,
        )
        self.first = First(self.zone, DICE.fork("first"), UNIX)
        self.crowd = Crowd(
            self.zone,
            0,
            clients,
            calls=0.0,
            dice=DICE.fork("crowd"),
            now=START,
            where=GATEWAY,
            size=20,
            kit=BareKit,
        )
        self.gateway.link_up(KEYS, START)
        self.first.link_up(0, KEYS, START)
        # Nobody is welcomed to a round of before.
        self._say()
        self._under_way: list[tuple[float, bytes, bytes, list[bytes]]] = []

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += STEP_S
            self._step()

    def _step(self) -> None:
        come = [each for each in self._under_way if each[0] <= self.now]
        if come:
            self._under_way = [each for each in self._under_way if each[0] > self.now]
        for _, source, to, datagrams in come:
            drain = Drain.of(datagrams, [source] * len(datagrams), self.now, WIDTH)
            if to == MIX:
                self.first.receive(drain, self.now)
            elif to == CROWD:
                self.crowd.receive(drain, self.now)
            elif source == MIX:
                self.gateway.receive_link(drain, self.now)
            else:
                self.gateway.receive_clients(drain, self.now)
        for name, part in ((MIX, self.first), (GATEWAY, self.gateway), (CROWD, self.crowd)):
            if part.deadline() <= self.now:
                part.handle_deadline(self.now)
            for burst in part.bursts():
                self._post(name, burst)
        while self.crowd.work():
            pass
        self._say()

    def _say(self) -> None:
        said, self.first.said = self.first.said, []
        for _, record in said:
            self.gateway.receive_control(record, self.now)
        for record in self.gateway.said():
            self.first.receive_control(0, record, self.now)

    def _post(self, source: bytes, burst: Burst) -> None:
        to = burst.to if isinstance(burst.to, bytes) else bytes(burst.to[0])
        at = max(self.now, burst.at) + TRIP_S
        self._under_way.append((at, source, to, [row.tobytes() for row in burst.datagrams]))


@pytest.mark.slow
def test_sixty_bare_clients_get_all_their_cells_back_over_three_epochs() -> None:
    loop = Loop(60)
    epoch_rounds, epoch_s = loop.zone.geometry.epoch_rounds, loop.zone.geometry.epoch_s
    loop.run(epoch_s + 0.1)
    assert loop.crowd.in_zone == 60
    loop.run(3 * epoch_s)
    figures, counts = loop.crowd.figures(), loop.first.counts
    assert figures["joined"] == figures["in_zone"] == figures["population"] == 60
    for nothing in ("missed", "wrong", "surplus", "rowless", "skipped", "late_cells"):
        assert figures[nothing] == 0
    assert (loop.crowd.tally.heard >= 3 * epoch_rounds - 10).all()
    assert (loop.crowd.tally.door_heard >= 3 * epoch_rounds // 10 - 1).all()
    assert not loop.crowd.tally.drops
    assert (counts.filled_rows, counts.skipped) == (0, 0)
    assert counts.setups == 4 * 60
    assert counts.accepted == 4
    middle, _, most = percentiles_ms(loop.crowd.tally.delays.counts[Sort.LOOP])
    assert 5 < middle < most < 40
