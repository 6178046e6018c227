"""A gateway's part in an epoch: set-ups in order, once, in time, and no more than it may have."""

from contextlib import suppress

import numpy as np
import pytest
from zones import example_zone

from pymix_voice.errors import BadCell, Drop
from pymix_voice.gateway.intake import Intake, capacity_of
from pymix_voice.gateway.sessions import Sessions
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.access import NO_PIECE
from pymix_voice.zone.records import Accepted, BatchEnd, Decision, Published, Ready, Setups

ZONE = example_zone(mixes=3, clients=6)
GEOMETRY = ZONE.geometry
E = 450_000
NOW = GEOMETRY.first_round(E - 1) + GEOMETRY.setup_from
CUTOFF = GEOMETRY.first_round(E - 1) + GEOMETRY.cutoff_at
SIZE = GEOMETRY.onion_bytes
RAW = bytes(range(256)) + bytes(96)


def new_intake() -> Intake:
    of = Sessions(20, 100, lambda _source: None, Dice.seeded(1))
    return Intake(ZONE, of, capacity_of(ZONE))


def open_intake() -> Intake:
    intake = new_intake()
    intake.receive(Published(E, RAW), E - 1)
    return intake


def has_rows(intake: Intake, *slots: int) -> list[bool]:
    """Whose set-ups for the epoch have come, and count."""
    acknowledged = intake.acknowledged(np.array(slots, np.intp), E)
    return [bool(each) and intake.accepted(E) for each in acknowledged]


def onions(mark: int) -> bytes:
    return bytes([mark]) * SIZE + bytes([100 + mark]) * SIZE


def test_set_ups_are_passed_on_in_order_as_they_come() -> None:
    intake = open_intake()
    first = intake.take(7, E, onions(1), NOW)
    second = intake.take(2, E, onions(2), NOW)
    assert first == [Setups(E, 0, onions(1)[:SIZE], onions(1)[SIZE:])]
    assert second == [Setups(E, 1, onions(2)[:SIZE], onions(2)[SIZE:])]
    assert intake.keep_time(CUTOFF - 1) == []
    end = intake.keep_time(CUTOFF)
    assert end == [BatchEnd(E, 2, 2)]
    assert intake.keep_time(CUTOFF + 1) == []
    assert intake.again() == first + second + end


def test_rows_are_the_slots_of_set_ups_in_order_once_the_batch_is_accepted() -> None:
    intake = open_intake()
    for slot in (12, 10, 13):
        intake.take(slot, E, onions(1), NOW)
    intake.keep_time(CUTOFF)
    assert intake.placing(E).slots.tolist() == []
    assert has_rows(intake, 12) == [False]
    intake.receive(Accepted(E, 3, 5), E - 1)
    assert intake.placing(E).slots.tolist() == [12, 10, 13]
    assert has_rows(intake, 10, 11, 12, 13) == [True, False, True, True]
    assert not intake.accepted(E + 1)
    assert intake.population == 5


def test_a_set_up_is_acknowledged_as_soon_as_it_came_and_for_its_epoch_only() -> None:
    intake = open_intake()
    intake.take(3, E, onions(1), NOW)
    both = np.array([4, 3], np.intp)
    assert intake.acknowledged(both, E).tolist() == [False, True]
    assert intake.acknowledged(both, E + 1).tolist() == [False, False]
    assert not intake.accepted(E)


def test_set_ups_out_of_time_or_place_are_refused() -> None:
    intake, one, two, three = open_intake(), 1, 2, 3
    intake.take(one, E, onions(1), NOW)
    cases = [
        (one, E, NOW, Drop.REPLAYED),
        (two, E + 1, NOW, Drop.LATE),
        (two, E - 1, NOW, Drop.LATE),
        (two, E, CUTOFF, Drop.LATE),
    ]
    for slot, epoch, last, reason in cases:
        with pytest.raises(BadCell) as caught:
            intake.take(slot, epoch, onions(3), last)
        assert caught.value.reason == reason
    intake.keep_time(CUTOFF)
    with pytest.raises(BadCell):
        intake.take(three, E, onions(3), NOW)
    assert intake.again()[-1] == BatchEnd(E, 1, 1)


def test_before_a_list_is_published_no_set_up_is_taken() -> None:
    with pytest.raises(BadCell):
        new_intake().take(1, E, onions(1), NOW)


def test_pieces_of_the_list_go_round_until_the_cut_off() -> None:
    intake = new_intake()
    assert intake.piece(NOW) == NO_PIECE
    intake.receive(Published(E, RAW), E - 1)
    cycle = range(22)
    assert b"".join(intake.piece(number) for number in cycle) == RAW
    intake.keep_time(CUTOFF)
    assert intake.piece(NOW) == NO_PIECE


def test_a_list_said_again_changes_nothing() -> None:
    intake = open_intake()
    intake.take(1, E, onions(1), NOW)
    intake.receive(Published(E, bytes(352)), E - 1)
    assert len(intake.again()) == 1
    assert intake.piece(0) == RAW[:16]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (Published(E + 1, RAW), Drop.OTHER_EPOCH),
        (Published(E - 2, RAW), Drop.OTHER_EPOCH),
        (Decision(E + 1, True), Drop.OTHER_EPOCH),
        (Accepted(E, 2, 2), Drop.OTHER_EPOCH),
        (Accepted(E, 1, 1), Drop.OTHER_EPOCH),
        (Ready(E), Drop.UNEXPECTED),
        (BatchEnd(E, 0, 0), Drop.UNEXPECTED),
    ],
)
def test_records_that_do_not_belong_here_are_refused(record: object, reason: Drop) -> None:
    intake = open_intake()
    intake.take(1, E, onions(1), NOW)
    with pytest.raises(BadCell) as caught:
        intake.receive(record, E - 1)  # type: ignore[arg-type]  # a table of all kinds
    assert caught.value.reason == reason


def test_rows_of_epochs_that_are_over_are_forgotten_and_those_in_force_kept() -> None:
    intake = open_intake()
    intake.take(1, E, onions(1), NOW)
    intake.keep_time(CUTOFF)
    intake.receive(Accepted(E, 1, 1), E - 1)
    intake.receive(Decision(E, True), E - 1)
    for epoch in (E, E + 1, E + 2):
        assert intake.reign.epoch_for(GEOMETRY.first_round(epoch)) == E
        intake.keep_time(GEOMETRY.first_round(epoch) + GEOMETRY.keys_until)
        assert len(intake.placing(E)) == 1


def test_no_more_set_ups_are_passed_on_than_the_first_mix_will_take() -> None:
    """One too many, and it refuses the whole batch: every client of this gateway without rows.

    Sessions come and go within an epoch, so that there are never too many says nothing.
    """
    intake, taken = open_intake(), 0
    for slot in range(20):
        with suppress(BadCell):
            taken += len(intake.take(slot, E, onions(1), NOW))
    assert taken == ZONE.clients


@pytest.mark.parametrize(
    ("clients", "gateways", "workers", "capacity"),
    [(20, 1, 1, 20), (20, 3, 1, 6), (20, 1, 4, 5), (20, 3, 2, 3), (2, 1, 16, 1)],
)
def test_each_gateway_and_worker_has_an_equal_part_of_the_zone_and_never_nothing(
    clients: int, gateways: int, workers: int, capacity: int
) -> None:
    zone = example_zone(mixes=3, gateways=gateways, clients=clients)
    assert capacity_of(zone, workers) == capacity
