"""The making of an epoch along a chain: keys, list, signatures, set-ups, ready, decision."""

import numpy as np
import pytest
from sizes import CELL_BYTES
from zones import example_keys, example_zone

from pymix_voice.client.circuits import Circuit
from pymix_voice.errors import BadCell, Drop
from pymix_voice.geometry import MAX_WORKERS
from pymix_voice.mix.circuits import Circuits
from pymix_voice.mix.coming import Coming
from pymix_voice.mix.lists import Signer
from pymix_voice.mix.neighbours import DOWN
from pymix_voice.onion.blocks import Blocks
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.setup import Flag, Klass, OnionMaker
from pymix_voice.zone.descriptor import Descriptor, parse_descriptor
from pymix_voice.zone.records import (
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

EPOCH = 450_000
SECOND = MAX_WORKERS
"""The second gateway."""
START = 90_000_000_001


class Chain:
    """Three mixes and their gateways that hand each other what they say, at once and in order."""

    def __init__(self, gateways: int = 1, clients: int = 20, first_epoch: int = EPOCH) -> None:
        self.zone = example_zone(3, gateways, clients)
        keys, _ = example_keys(3, gateways)
        self.mixes: list[Coming] = []
        for hop, key in enumerate(keys):
            assert key.sign is not None
            dice = Dice.seeded(hop)
            signer = Signer(self.zone, hop, key.sign.reveal(), -1, dice.fork("keys"))
            signer.start(first_epoch - 2)
            self.mixes.append(
                Coming(self.zone, hop, signer, Blocks(CELL_BYTES), dice.fork("coming"))
            )
            self.mixes[hop].say_again(DOWN)
            for up in range(gateways if hop == 0 else 1):
                self.mixes[hop].say_again(up * MAX_WORKERS)
        self.to_gateways: list[tuple[int, Record]] = []
        self.said: list[Record] = []
        self.cut: set[int] = set()
        """Links that are broken, by the mix above."""

    def run(self) -> None:
        """Until nobody has anything to say or do."""
        while any(mix.outgoing for mix in self.mixes) or any(mix.work(4) for mix in self.mixes):
            for hop, mix in enumerate(self.mixes):
                records, mix.outgoing = mix.outgoing, []
                for peer, record in records:
                    self._carry(hop, peer, record)

    def _carry(self, hop: int, peer: int, record: Record) -> None:
        self.said.append(record)
        if peer == DOWN and hop not in self.cut:
            self.mixes[hop + 1].receive(0, record)
        elif peer >= 0 and hop > 0 and hop - 1 not in self.cut:
            self.mixes[hop - 1].receive(DOWN, record)
        elif hop == 0 and peer >= 0:
            self.to_gateways.append((peer, record))

    def begin(self, epoch: int = EPOCH) -> None:
        for mix in self.mixes:
            mix.begin(epoch)
        self.run()

    @property
    def descriptor(self) -> Descriptor:
        raw = next(each.descriptor for _, each in self.to_gateways if isinstance(each, Published))
        return parse_descriptor(raw, self.zone)

    def setups(self, drops: list[bytes], peer: int = 0) -> list[Circuit]:
        """Clients of a gateway, or of a worker of one, name drops; their lines."""
        listed = self.descriptor
        lines = []
        for number, drop in enumerate(drops):
            onions, dice = [], Dice.seeded(number + 1000 * peer)
            for klass, flag in ((Klass.LINE, Flag.PLAIN), (Klass.DOOR, Flag.HOST)):
                maker = OnionMaker(listed.onion_keys, listed.hash, klass, dice)
                onions.append(maker.seal(drop, flag))
                if klass == Klass.LINE:
                    lines.append(Circuit(maker.hops, 1, CELL_BYTES))
            self.mixes[0].receive(peer, Setups(EPOCH, number, *onions))
        self.mixes[0].receive(peer, BatchEnd(EPOCH, len(drops), len(drops)))
        return lines


def refusal(mix: Coming, peer: int, record: Record) -> Drop:
    with pytest.raises(BadCell) as caught:
        mix.receive(peer, record)
    return caught.value.reason


def test_from_keys_to_circuits_that_carry_a_cell_to_the_partner() -> None:
    chain = Chain()
    chain.begin()
    assert chain.descriptor.epoch == EPOCH
    lines = chain.setups([b"a" * 16, b"b" * 16, b"a" * 16])
    chain.run()
    assert all(mix.ready for mix in chain.mixes)
    assert (0, Accepted(EPOCH, 3, 3)) in chain.to_gateways
    circuits = [mix.adopt() for mix in chain.mixes]
    assert carried(circuits, lines) == [2, 1, 0]


def carried(circuits: list[Circuits | None], lines: list[Circuit]) -> list[int]:
    """Whose cell each line gets back through these circuits of three mixes."""
    first, middle, last = circuits
    assert first is not None
    assert middle is not None
    assert last is not None
    cells = Dice.seeded(1).matrix(len(lines), 128)
    rows = np.stack(
        [
            np.frombuffer(line.wrap(START, cell.tobytes()), np.uint8)
            for line, cell in zip(lines, cells, strict=True)
        ]
    )
    rows = first.wrap(
        START,
        middle.wrap(START, last.turn(START, middle.peel(START, first.peel(START, rows)))),
    )
    got = [line.peel(START, row.tobytes()) for line, row in zip(lines, rows, strict=True)]
    return [[cell.tobytes() for cell in cells].index(each) for each in got]


def test_what_was_signed_must_be_on_disk_before_the_signature_leaves() -> None:
    chain = Chain()
    for mix in chain.mixes:
        mix.begin(EPOCH)
    first, middle, last = chain.mixes
    for mix in (last, middle):
        for _, record in mix.outgoing:
            assert mix.to_keep is None
            first.receive(DOWN, record)
        mix.outgoing = []
    assert first.to_keep == EPOCH
    (_, listed), *_ = [each for each in first.outgoing if isinstance(each[1], List)]
    middle.receive(0, listed)
    assert [type(record) for _, record in middle.outgoing] == [List, Signature]
    assert middle.to_keep == EPOCH


def test_a_mix_that_may_not_sign_yet_says_nothing_and_the_others_wait_for_it() -> None:
    chain = Chain()
    late = Chain(first_epoch=EPOCH + 2).mixes[1]
    chain.mixes[1] = late
    chain.begin()
    assert chain.mixes[0].waits_for == "keys or signatures of mix-1"
    assert not chain.to_gateways
    chain.begin(EPOCH + 2)
    assert chain.descriptor.epoch == EPOCH + 2


def test_records_from_the_wrong_side_or_epoch_are_refused() -> None:
    chain = Chain()
    chain.begin()
    first, middle, last = chain.mixes
    listed = next(record for record in chain.said if isinstance(record, List))
    cases: list[tuple[Coming, int, Record, Drop]] = [
        (middle, DOWN, listed, Drop.UNEXPECTED),
        (middle, 0, OnionKey(EPOCH, 1, bytes(32)), Drop.UNEXPECTED),
        (middle, 0, Ready(EPOCH), Drop.UNEXPECTED),
        (middle, DOWN, BatchEnd(EPOCH, 0, 0), Drop.UNEXPECTED),
        (middle, 0, Accepted(EPOCH, 0, 0), Drop.UNEXPECTED),
        (middle, DOWN, Ready(EPOCH - 1), Drop.OTHER_EPOCH),
        (last, 0, BatchEnd(EPOCH + 1, 0, 0), Drop.OTHER_EPOCH),
        (last, 0, List(EPOCH, listed.body[:-1]), Drop.MALFORMED),
        (first, 0, BatchEnd(EPOCH, 1, 0), Drop.MALFORMED),
    ]
    for mix, peer, record, reason in cases:
        assert refusal(mix, peer, record) == reason


def test_another_list_from_upstream_is_not_signed() -> None:
    chain = Chain()
    chain.begin()
    keys = chain.descriptor.onion_keys
    changed = Descriptor(
        chain.zone.hash, EPOCH, chain.descriptor.first_round, (bytes([9] * 32), *keys[1:])
    )
    assert refusal(chain.mixes[1], 0, List(EPOCH, changed.body)) == Drop.REFUSED
    assert chain.mixes[1].outgoing == []


@pytest.mark.parametrize(
    "record",
    [OnionKey(EPOCH, 1, bytes([7] * 32)), Ready(EPOCH), Signature(EPOCH, 1, bytes(64))],
    ids=repr,
)
def test_a_gateway_cannot_speak_for_the_mixes(record: Record) -> None:
    """Else any gateway could put a key in a mix's place, or call a chain ready that is not."""
    chain = Chain()
    for mix in chain.mixes:
        mix.begin(EPOCH)
    assert refusal(chain.mixes[0], 0, record) == Drop.UNEXPECTED


def test_a_gateway_cannot_give_the_first_mix_a_list() -> None:
    """A mix that works with the gateway knows the first mix's key as soon as it is listed."""
    told, chain = Chain(), Chain()
    told.begin()
    for mix in chain.mixes:
        mix.begin(EPOCH)
    listed = next(record for record in told.said if isinstance(record, List))
    assert refusal(chain.mixes[0], 0, listed) == Drop.UNEXPECTED
    assert chain.mixes[0].to_keep is None, "nothing was signed"
    chain.run()
    assert chain.descriptor.epoch == EPOCH


def test_a_broken_link_loses_nothing_once_everything_is_said_again() -> None:
    chain = Chain()
    chain.cut.add(1)
    chain.begin()
    assert not chain.to_gateways
    chain.cut.clear()
    chain.mixes[1].say_again(DOWN)
    chain.mixes[2].say_again(0)
    chain.run()
    chain.setups([b"a" * 16])
    chain.cut.add(0)
    chain.run()
    assert not chain.mixes[0].ready
    assert chain.mixes[0].waits_for == "the mixes further down"
    chain.cut.clear()
    for _ in range(2):
        chain.mixes[0].say_again(DOWN)
        chain.mixes[1].say_again(0)
        chain.run()
    assert all(mix.ready for mix in chain.mixes)


def test_without_the_second_gateway_the_first_mix_goes_on_when_time_is_up() -> None:
    chain = Chain(gateways=2)
    chain.begin()
    chain.setups([b"a" * 16])
    chain.run()
    assert chain.mixes[0].waits_for == "set-ups"
    chain.mixes[0].leave_out_open()
    chain.run()
    assert chain.mixes[0].ready
    assert chain.mixes[0].shares == {0: 1, SECOND: 0}
    assert (SECOND, Accepted(EPOCH, 0, 1)) in chain.to_gateways


def test_the_descriptor_goes_to_every_gateway_and_worker_that_is_linked() -> None:
    chain = Chain(gateways=2)
    chain.mixes[0].say_again(SECOND + 3)
    chain.begin()
    told = [peer for peer, record in chain.to_gateways if isinstance(record, Published)]
    assert told == [0, SECOND, SECOND + 3]


def test_a_worker_that_links_in_the_middle_is_told_what_was_published_and_takes_part() -> None:
    chain = Chain()
    chain.begin()
    published = chain.to_gateways[0][1]
    assert isinstance(published, Published)
    chain.to_gateways.clear()
    chain.mixes[0].say_again(2)
    chain.run()
    assert chain.to_gateways == [(2, published)]
    chain.to_gateways.append((0, published))
    lines = chain.setups([b"a" * 16, b"b" * 16])
    chain.run()
    assert chain.mixes[0].waits_for == "set-ups", "of the one that came later"
    lines += chain.setups([b"b" * 16], peer=2)
    chain.run()
    assert all(mix.ready for mix in chain.mixes)
    assert chain.mixes[0].shares == {0: 2, 2: 1}
    accepted = {p: record for p, record in chain.to_gateways if isinstance(record, Accepted)}
    assert accepted == {0: Accepted(EPOCH, 2, 3), 2: Accepted(EPOCH, 1, 3)}
    assert carried([mix.adopt() for mix in chain.mixes], lines) == [0, 2, 1]


def test_a_worker_that_comes_back_is_told_again_all_it_may_have_missed() -> None:
    chain = Chain()
    chain.begin()
    chain.setups([b"a" * 16])
    chain.run()
    before = list(chain.to_gateways)
    chain.to_gateways.clear()
    chain.mixes[0].say_again(0)
    chain.run()
    assert chain.to_gateways == before
    assert [type(record) for _, record in before] == [Published, Accepted]


def test_what_was_published_for_an_epoch_is_not_told_in_the_next() -> None:
    chain = Chain()
    chain.begin()
    chain.mixes[0].begin(EPOCH + 1)
    chain.mixes[0].outgoing.clear()
    chain.mixes[0].say_again(1)
    assert chain.mixes[0].outgoing == []


def test_onions_are_passed_on_one_record_a_slice_and_none_is_lost_on_the_way() -> None:
    """All of them at once would take longer than a slice may."""
    chain = Chain(clients=500)
    chain.begin()
    first, middle, _ = chain.mixes
    size, rows = chain.zone.geometry.onion_bytes, 220
    for start in range(0, rows, 55):
        # Nobody's onions: the mix puts circuits of its own in their place.
        onions = [Dice.seeded(start + klass).bytes(55 * size) for klass in Klass]
        first.receive(0, Setups(EPOCH, start, *onions))
    first.receive(0, BatchEnd(EPOCH, rows, rows))
    said: list[Record] = []
    while first.work(6):
        records, first.outgoing = first.outgoing, []
        onward = [record for peer, record in records if peer == DOWN]
        assert len(onward) <= 1
        said += onward
    assert [type(record) for record in said] == [Setups, Setups, BatchEnd]
    assert said[-1] == BatchEnd(EPOCH, rows, rows)
    for record in said:
        middle.receive(0, record)
    while middle.work(50):
        pass
    assert middle.circuits is not None
    assert (middle.circuits.lines, middle.circuits.doors) == (rows, rows)
    assert not middle.drops, "each onion went on whole"


def test_a_link_that_breaks_while_onions_are_passed_on_gets_each_of_them_in_order() -> None:
    chain = Chain(clients=500)
    chain.begin()
    first, middle, _ = chain.mixes
    size = chain.zone.geometry.onion_bytes
    for start in range(0, 220, 110):
        onions = [Dice.seeded(start + klass).bytes(110 * size) for klass in Klass]
        first.receive(0, Setups(EPOCH, start, *onions))
    first.receive(0, BatchEnd(EPOCH, 220, 220))
    while not first.outgoing or all(peer != DOWN for peer, _ in first.outgoing):
        assert first.work(50)
    first.outgoing.clear()
    first.say_again(DOWN)
    while first.work(50):
        pass
    for peer, record in first.outgoing:
        if peer == DOWN and not isinstance(record, List):
            middle.receive(0, record)
    while middle.work(50):
        pass
    assert middle.circuits is not None
    assert middle.circuits.lines == 220


def test_onion_keys_are_wiped_when_the_batch_is_open_and_circuits_handed_over_once() -> None:
    chain = Chain()
    chain.begin()
    chain.setups([b"a" * 16])
    chain.run()
    assert chain.mixes[1].adopt() is not None
    assert chain.mixes[1].adopt() is None
    assert not chain.mixes[1].ready


def test_what_was_given_up_is_not_taken_up_again() -> None:
    chain = Chain()
    chain.begin()
    chain.setups([b"a" * 16])
    chain.run()
    chain.mixes[0].discard()
    assert not chain.mixes[0].ready
    assert chain.mixes[0].adopt() is None
    chain.mixes[0].begin(EPOCH)
    assert chain.mixes[0].outgoing == []
    chain.mixes[0].begin(EPOCH + 1)
    assert chain.mixes[0].epoch == EPOCH + 1


def test_circuits_that_nobody_put_in_force_are_wiped_after_their_epoch_began() -> None:
    chain = Chain()
    chain.begin()
    chain.setups([b"a" * 16])
    chain.run()
    geometry = chain.zone.geometry
    mix = chain.mixes[2]
    mix.expire(geometry.first_round(EPOCH) + geometry.keys_until - 1)
    assert mix.circuits is not None
    mix.expire(geometry.first_round(EPOCH) + geometry.keys_until)
    assert mix.circuits is None
