"""A gateway: one datagram to each client in each round, and beside it the truth about it."""

from dataclasses import dataclass, field
from random import Random

import numpy as np
import pytest
from gatewayrig import EPOCH, GEOMETRY, ROUND, Down, Guest, Rig
from numpy.typing import NDArray

from pymix_voice.errors import Drop, Drops
from pymix_voice.gateway.sessions import SILENT_ROUNDS
from pymix_voice.geometry import is_door_round
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.access import NO_PIECE, Kind, Status
from pymix_voice.zone.descriptor import pieces_of
from pymix_voice.zone.drain import Address, Drain
from pymix_voice.zone.epochs import Outlook
from pymix_voice.zone.link import NOT_MEASURED
from pymix_voice.zone.records import Accepted, BatchEnd, Decision, Hello, Published, Setups, Tick

RAW = Dice.seeded(9).bytes(GEOMETRY.descriptor_bytes)
COMING = EPOCH + 1
UNIT_S = 1 / 16_000


def kinds(number: int) -> list[Kind]:
    return [Kind.LINE, Kind.DOOR] if is_door_round(number) else [Kind.LINE]


def matrix(rig: Rig, number: int) -> NDArray[np.uint8]:
    """Some cells for the rows of a round to come back with."""
    rows = rig.up[number][1].shape
    return Dice.seeded(number).matrix(*rows)


# ── one datagram each ────────────────────────────────────────────────────────────────────


def test_each_active_client_gets_one_datagram_of_each_kind_in_each_round_row_or_no_row() -> None:
    rig = Rig()
    people = {name.encode(): rig.guest(name) for name in ("ann", "bob", "cleo", "dan")}
    silent = rig.guest("eve")
    for _ in range(21):
        rig.hear([(guest.say(Kind.LINE, rig.last + 3), at) for at, guest in people.items()])
        number = rig.go()
        rig.give_back(number, matrix(rig, number))
        assert sorted(to for to, _ in rig.down) == sorted(list(people) * len(kinds(number)))
        got = [(to, people[to].open(datagram)) for to, datagram in rig.down]
        for at in people:
            assert [opened.kind for to, opened in got if to == at] == kinds(number)
        assert {opened.number for _, opened in got} == {number}
        assert len({opened.cell for _, opened in got}) == len(got)
        rig.down.clear()
    assert silent.session.session_id != people[b"ann"].session.session_id


def test_who_falls_silent_gets_nothing_more_after_a_while_and_again_once_heard() -> None:
    rig = Rig()
    guest = rig.guest("ann")
    rig.hear([(guest.say(Kind.LINE, ROUND), b"ann")])
    heard = rig.last
    got = []
    for _ in range(SILENT_ROUNDS + 10):
        number = rig.go()
        rig.give_back(number, matrix(rig, number))
        got += [guest.open(datagram).number for _, datagram in rig.down]
        rig.down.clear()
    assert max(got) == heard + SILENT_ROUNDS
    rig.hear([(guest.say(Kind.LINE, rig.last + 1), b"ann")])
    number = rig.go()
    rig.give_back(number, matrix(rig, number))
    assert [guest.open(datagram).number for _, datagram in rig.down] == [number]


def test_without_a_word_of_the_first_mix_clients_get_random_cells_all_the_same() -> None:
    rig = Rig()
    guest = rig.guest("ann")
    got: list[Down] = []
    for _ in range(40):
        rig.hear([(guest.say(Kind.LINE, rig.last + 2), b"ann")])
        rig.go()
        got += [guest.open(datagram) for _, datagram in rig.down]
        rig.down.clear()
    lines = [opened.number for opened in got if opened.kind == Kind.LINE]
    assert lines == list(range(lines[0], lines[0] + len(lines)))
    assert len(lines) > 30
    assert len({opened.cell for opened in got}) == len(got)


def test_no_two_bursts_between_two_looks_lie_in_the_same_place() -> None:
    """After a stall several rounds leave at once; the later must not be written over the first."""
    rig = Rig()
    guest = rig.guest("ann")
    rig.hear([(guest.say(Kind.LINE, ROUND), b"ann")])
    while rig.last < ROUND + 12:
        rig.go()
    rig.down.clear()
    rig.now += 0.2
    rig.gateway.handle_deadline(rig.now)
    rig.collect()
    opened = [guest.open(datagram) for _, datagram in rig.down]
    assert len(opened) > 5
    assert len({(each.kind, each.number) for each in opened}) == len(opened)


def test_what_was_sent_makes_room_for_what_comes_next() -> None:
    rig = Rig()
    guest = rig.guest("ann")
    places: list[int] = []
    for _ in range(12):
        rig.now = rig.gateway.deadline()
        rig.gateway.receive_clients(
            Drain.of([guest.say(Kind.LINE, ROUND + len(places))], [b"ann"], rig.now, 300), rig.now
        )
        rig.gateway.handle_deadline(rig.now)
        places += [burst.datagrams.ctypes.data for burst in rig.gateway.bursts()]
    assert len(places) > 12
    assert len(set(places)) < 5


def test_before_it_knows_the_rounds_it_welcomes_nobody() -> None:
    rig = Rig(ticks=False)
    with pytest.raises(IndexError):
        rig.guest("ann")
    assert rig.gateway.drops == {Drop.UNEXPECTED: 1}


def test_cells_of_rounds_that_can_take_none_are_counted_each_by_its_reason() -> None:
    rig = Rig()
    one, two = rig.guest("ann"), rig.guest("bob")
    told = [
        (one, Kind.DOOR, ROUND + 1, Drop.MALFORMED),
        (two, Kind.DOOR, ROUND + 1, Drop.MALFORMED),
        (one, Kind.LINE, ROUND - 1, Drop.LATE),
        (two, Kind.LINE, ROUND + 64, Drop.EARLY),
    ]
    rig.hear([(guest.say(kind, number), b"ann") for guest, kind, number, _ in told])
    assert rig.gateway.drops == Drops(reason for *_, reason in told)


def test_chunks_of_others_and_of_another_length_are_counted() -> None:
    rig = Rig()
    rig.go()
    before = rig.gateway.drops.total()
    drain = Drain.of([bytes(1200), bytes(1199), b""], [b"mix"] * 3, rig.now, 1300)
    rig.gateway.receive_link(drain, rig.now)
    assert rig.gateway.drops.total() == before + 3
    assert rig.gateway.drops == {Drop.UNKNOWN_SESSION: 1, Drop.MALFORMED: 2}


# ── everything, against a slow model ─────────────────────────────────────────────────────


@dataclass
class Expected:
    """What a gateway should know of one client: one datagram at a time."""

    guest: Guest
    home: Address
    newest: int = -1
    heard: int = -1
    early: int = NOT_MEASURED
    early_round: int = 0
    early_told: bool = True
    setup_epoch: int = -1
    candidate: Address = b""
    allowance: int = 0
    challenge: bytes = b""
    """As the status said it; it is only known then."""
    cells: dict[tuple[Kind, int], bytes] = field(default_factory=dict)

    def hear(self, kind: Kind, number: int, source: Address, last: int, early: int) -> None:
        if source == self.candidate:
            self.allowance += 1
        if last < number:
            self.cells.setdefault((kind, number), self.guest.cell(kind, number))
        if number <= self.newest:
            return
        self.newest, self.heard = number, last
        if kind == Kind.LINE and (self.early_told or early < self.early):
            self.early, self.early_round, self.early_told = early, number & 0xFF, False
        if source == self.home:
            self.settle(self.home)
        elif source != self.candidate:
            self.candidate, self.allowance, self.challenge = source, 1, b""

    def settle(self, at: Address) -> None:
        self.home, self.candidate, self.allowance, self.challenge = at, b"", 0, b""

    def destination(self, last: int) -> Address | None:
        if self.newest < 0 or last - self.heard > SILENT_ROUNDS:
            return None
        if not self.candidate:
            return self.home
        if self.allowance == 0:
            return None
        self.allowance -= 1
        return self.candidate


class Story:
    """An epoch of a gateway, and the model beside it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.rig = Rig(seed)
        names = [f"guest {number}" for number in range(7)]
        self.people = [Expected(self.rig.guest(name), name.encode()) for name in names]
        self.rows: dict[int, list[Expected]] = {}
        self.batch: list[Expected] = []
        self.pieces: list[bytes] = []
        self.population = 0
        self.outlook = Outlook.UNDECIDED
        self.accepted = False
        self.moves = self.spreads = 0

    def say_all(self) -> None:
        """What comes before a round, in a few drains."""
        number = self.rig.last + 1
        for _ in range(self.random.randrange(1, 4)):
            # A third of a unit, so that rounding is the same whichever way it is reckoned.
            early = self.random.randrange(-200, 400)
            came = self.rig.due(number) - (early + 0.3) * UNIT_S
            drain: list[tuple[bytes, Address]] = []
            answers = [
                each for each in self.people if each.challenge and self.random.random() < 0.4
            ]
            cells: list[tuple[Expected, Kind, int]] = []
            for each in self.people[:-1]:
                if each is self.people[0] and self.rig.last > ROUND + 50:
                    continue  # falls silent
                for kind in kinds(number):
                    ahead = self.random.choice([0, 0, 0, 0, 10, -10])
                    cells += [(each, kind, number + ahead)] * self.random.choice([0, 1, 1, 1, 2])
            self.random.shuffle(cells)
            cells.sort(key=lambda cell: cell[1])
            for each in answers:
                drain.append((each.guest.answer(number, each.challenge), each.candidate))
                each.settle(each.candidate)
                self.moves += 1
            for each, kind, told in cells:
                source = each.home
                if each.candidate or self.random.random() < 0.04:
                    source = self.random.choice([each.candidate or b"train", each.home, b"ship"])
                drain.append((each.guest.say(kind, told), source))
                units = early + (told - number) * 320
                each.hear(kind, told, source, self.rig.last, max(-32_767, min(32_767, units)))
            within = GEOMETRY.within(number)
            if GEOMETRY.setup_from <= within and self.random.random() < 0.3:
                each = self.random.choice(self.people[1:5])
                drain.append((each.guest.set_up(COMING), each.home))
                self._take_set_up(each)
            self.rig.hear(drain, came)

    def _take_set_up(self, each: Expected) -> None:
        closed = GEOMETRY.within(self.rig.last) >= GEOMETRY.cutoff_at
        if each.newest >= 0 and each.setup_epoch != COMING and not closed:
            each.setup_epoch = COMING
            self.batch.append(each)

    def control(self) -> None:
        """What the first mix says, by the timetable."""
        rig, within = self.rig, GEOMETRY.within(self.rig.last)
        if rig.last >= GEOMETRY.first_round(COMING):
            self.outlook, self.accepted, self.pieces = Outlook.UNDECIDED, False, []
            return
        if within == 20:
            rig.gateway.receive_control(Published(COMING, RAW), rig.now)
            self.pieces = pieces_of(RAW)
        if within == GEOMETRY.cutoff_at:
            self.pieces = []
        if within == GEOMETRY.cutoff_at + 4:
            rig.gateway.receive_control(Accepted(COMING, len(self.batch), 40), rig.now)
            self.accepted, self.population = True, 40
            self.rows[COMING] = list(self.batch)
        if within == GEOMETRY.decide_at:
            rig.gateway.receive_control(Decision(COMING, True), rig.now)
            self.outlook = Outlook.SWITCH

    def status(self, each: Expected, number: int, raw: bytes) -> Status:
        """What should stand beside a cell; `raw` is what did."""
        coming = GEOMETRY.epoch_of(self.rig.last) + 1
        piece = self.pieces[number % len(self.pieces)] if self.pieces else NO_PIECE
        if each.candidate:
            each.challenge = each.challenge or raw[8:16]
            piece = each.challenge.ljust(16, b"\0")
        each.early_told = True
        return Status(
            early=each.early,
            early_round=each.early_round,
            outlook=self.outlook,
            acknowledged=each.setup_epoch == coming,
            has_row=each.setup_epoch == coming and self.accepted,
            epoch_low=coming & 0xF,
            population=self.population,
            challenged=bool(each.candidate),
            piece=piece,
        )

    def check_up(self, number: int) -> None:
        """What came of clients with rows is in their rows."""
        age, cells = self.rig.up[number]
        rows = self.rows.get(GEOMETRY.epoch_of(number), [])
        assert age == (1 if rows else 0)
        for row, (kind, each) in enumerate((kind, each) for kind in kinds(number) for each in rows):
            kept = each.cells.get((kind, number))
            assert kept is None or cells[row].tobytes() == kept

    def check_down(self, number: int, back: NDArray[np.uint8]) -> None:
        """Who gets what, and what stands beside it."""
        rows = self.rows.get(GEOMETRY.epoch_of(number), [])
        down = iter(self.rig.down)
        for kind in kinds(number):
            offset = len(rows) if kind == Kind.DOOR else 0
            to = [(each, each.destination(number)) for each in self.people]
            for each, where in to:
                if where is None:
                    continue
                told, datagram = next(down)
                assert told == where
                opened = each.guest.open(datagram)
                assert opened[:2] == (kind, number)
                assert opened.status == self.status(each, number, opened.status).pack()
                if each in rows:
                    assert opened.cell == back[offset + rows.index(each)].tobytes()
                    self.spreads += 1
                else:
                    assert not (back == np.frombuffer(opened.cell, np.uint8)).all(axis=1).any()
        assert list(down) == []
        self.rig.down.clear()


@pytest.mark.parametrize("seed", range(3))
def test_all_that_leaves_is_what_one_datagram_at_a_time_would_make_of_what_came(seed: int) -> None:
    story = Story(seed)
    rig = story.rig
    for _ in range(GEOMETRY.epoch_rounds + 60):
        story.say_all()
        number = rig.go()
        story.control()
        story.check_up(number)
        back = matrix(rig, number)
        rig.give_back(number, back)
        story.check_down(number, back)
    assert story.moves > 3
    assert story.spreads > 60
    assert 1 < len(story.batch) < len(story.people)
    said = rig.gateway.said()
    assert said[0] == Hello(ROUND - 1, True)
    *setups, end = said[1:]
    onions = sum(len(each.lines) for each in setups if isinstance(each, Setups))
    assert onions == len(story.batch) * GEOMETRY.onion_bytes
    assert isinstance(end, BatchEnd)


def test_cells_are_taken_also_where_rounds_are_as_high_as_a_number_may_be() -> None:
    """A first mix may say so: what is told apart by round and kind must not run over."""
    rig = Rig(ticks=False)
    rig.gateway.receive_control(Tick(2**62 - 1, 60.0), rig.now)
    rig.gateway.handle_deadline(rig.now)
    rig.gateway.bursts()
    bob = rig.guest("bob")
    number = bob.session.number
    assert number > 2**61
    rig.hear([(bob.say(Kind.LINE, number + each), b"bob") for each in range(3)])
    assert not rig.gateway.drops
