"""A gateway's part in an epoch: set-ups in order, once, in time, and no more than it may have."""

from contextlib import suppress

import pytest
from zones import example_zone

from pymix_voice.errors import BadCell, Drop
from pymix_voice.gateway.intake import Intake
from pymix_voice.gateway.sessions import Session, Sessions
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


def open_intake() -> Intake:
    intake = Intake(ZONE)
    intake.receive(Published(E, RAW), E - 1)
    return intake


def clients(count: int) -> list[Session]:
    of = Sessions(20, 100, lambda _source: None, Dice.seeded(1))
    held = [of.reserve(number, NOW) for number in range(count)]
    return [session for session in held if session is not None]


def onions(mark: int) -> bytes:
    return bytes([mark]) * SIZE + bytes([100 + mark]) * SIZE


def test_set_ups_are_passed_on_in_order_as_they_come() -> None:
    intake, (one, two) = open_intake(), clients(2)
    first = intake.take(one, E, onions(1), NOW)
    second = intake.take(two, E, onions(2), NOW)
    assert first == [Setups(E, 0, onions(1)[:SIZE], onions(1)[SIZE:])]
    assert second == [Setups(E, 1, onions(2)[:SIZE], onions(2)[SIZE:])]
    assert intake.keep_time(CUTOFF - 1) == []
    end = intake.keep_time(CUTOFF)
    assert end == [BatchEnd(E, 2, 2)]
    assert intake.keep_time(CUTOFF + 1) == []
    assert intake.again() == first + second + end


def test_rows_are_the_slots_of_set_ups_in_order_once_the_batch_is_accepted() -> None:
    intake, held = open_intake(), clients(4)
    for session in (held[2], held[0], held[3]):
        intake.take(session, E, onions(1), NOW)
    intake.keep_time(CUTOFF)
    assert intake.slots(E).tolist() == []
    assert not intake.has_row(held[2], E)
    intake.receive(Accepted(E, 3, 5), E - 1)
    assert intake.slots(E).tolist() == [held[2].slot, held[0].slot, held[3].slot]
    assert [intake.has_row(session, E) for session in held] == [True, False, True, True]
    assert intake.population == 5


def test_set_ups_out_of_time_or_place_are_refused() -> None:
    intake, (one, two, three) = open_intake(), clients(3)
    intake.take(one, E, onions(1), NOW)
    cases = [
        (one, E, NOW, Drop.REPLAYED),
        (two, E + 1, NOW, Drop.LATE),
        (two, E - 1, NOW, Drop.LATE),
        (two, E, CUTOFF, Drop.LATE),
    ]
    for session, epoch, last, reason in cases:
        with pytest.raises(BadCell) as caught:
            intake.take(session, epoch, onions(3), last)
        assert caught.value.reason == reason
    intake.keep_time(CUTOFF)
    with pytest.raises(BadCell):
        intake.take(three, E, onions(3), NOW)
    assert intake.again()[-1] == BatchEnd(E, 1, 1)


def test_before_a_list_is_published_no_set_up_is_taken() -> None:
    with pytest.raises(BadCell):
        Intake(ZONE).take(clients(1)[0], E, onions(1), NOW)


def test_pieces_of_the_list_go_round_until_the_cut_off() -> None:
    intake = Intake(ZONE)
    assert intake.piece(NOW) == NO_PIECE
    intake.receive(Published(E, RAW), E - 1)
    cycle = range(22)
    assert b"".join(intake.piece(number) for number in cycle) == RAW
    intake.keep_time(CUTOFF)
    assert intake.piece(NOW) == NO_PIECE


def test_a_list_said_again_changes_nothing() -> None:
    intake, (one,) = open_intake(), clients(1)
    intake.take(one, E, onions(1), NOW)
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
    intake, (one,) = open_intake(), clients(1)
    intake.take(one, E, onions(1), NOW)
    with pytest.raises(BadCell) as caught:
        intake.receive(record, E - 1)  # type: ignore[arg-type]  # a table of all kinds
    assert caught.value.reason == reason


def test_rows_of_epochs_that_are_over_are_forgotten_and_those_in_force_kept() -> None:
    intake, (one,) = open_intake(), clients(1)
    intake.take(one, E, onions(1), NOW)
    intake.keep_time(CUTOFF)
    intake.receive(Accepted(E, 1, 1), E - 1)
    intake.receive(Decision(E, True), E - 1)
    for epoch in (E, E + 1, E + 2):
        assert intake.reign.epoch_for(GEOMETRY.first_round(epoch)) == E
        intake.keep_time(GEOMETRY.first_round(epoch) + GEOMETRY.keys_until)
        assert len(intake.slots(E)) == 1


def test_no_more_set_ups_are_passed_on_than_the_first_mix_will_take() -> None:
    """One too many, and it refuses the whole batch: every client of this gateway without rows.

    Sessions come and go within an epoch, so that there are never too many says nothing.
    """
    intake, taken = open_intake(), 0
    for session in clients(20):
        with suppress(BadCell):
            taken += len(intake.take(session, E, onions(1), NOW))
    assert taken == ZONE.clients
