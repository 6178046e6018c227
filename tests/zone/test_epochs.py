"""Which circuits a round uses: by its age, and by what was decided."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from zones import FUZZ

from pymix_voice.errors import BadCell, Drop
from pymix_voice.geometry import MAX_EXTENSIONS, Geometry
from pymix_voice.zone.epochs import (
    NO_EPOCH,
    Outlook,
    Reign,
    age_of,
    epoch_of_age,
    outlived,
)

GEOMETRY = Geometry(3, 20)
ROUNDS = GEOMETRY.epoch_rounds
E = 450_000


def first(epoch: int) -> int:
    return GEOMETRY.first_round(epoch)


@FUZZ
@given(st.integers(10 * ROUNDS, 2**62), st.integers(0, MAX_EXTENSIONS))
def test_an_age_names_the_epoch_it_was_made_of(number: int, back: int) -> None:
    epoch = GEOMETRY.epoch_of(number) - back
    assert epoch_of_age(GEOMETRY, number, age_of(GEOMETRY, number, epoch)) == epoch
    assert not outlived(GEOMETRY, number, epoch)


def test_no_circuits_have_the_age_zero() -> None:
    assert age_of(GEOMETRY, first(E), NO_EPOCH) == 0
    assert epoch_of_age(GEOMETRY, first(E), 0) == NO_EPOCH


@pytest.mark.parametrize("age", [MAX_EXTENSIONS + 2, 0xFFFF])
def test_circuits_older_than_three_extensions_are_of_another_epoch(age: int) -> None:
    with pytest.raises(BadCell) as caught:
        epoch_of_age(GEOMETRY, first(E), age)
    assert caught.value.reason == Drop.OTHER_EPOCH


def test_circuits_are_outlived_at_the_first_round_after_the_third_extension() -> None:
    assert not outlived(GEOMETRY, first(E + 4) - 1, E)
    assert outlived(GEOMETRY, first(E + 4), E)


def test_a_switch_comes_into_force_with_the_first_round_of_its_epoch() -> None:
    reign = Reign(GEOMETRY)
    reign.decide(E, switch=True)
    assert reign.epoch_for(first(E) - 1) == NO_EPOCH
    assert reign.epoch_for(first(E)) == E
    assert reign.circuit_epoch == E


def test_circuits_run_through_three_extensions_and_not_through_a_fourth() -> None:
    reign = Reign(GEOMETRY)
    reign.decide(E, switch=True)
    reign.epoch_for(first(E))
    for extension in range(1, MAX_EXTENSIONS + 1):
        reign.decide(E + extension, switch=False)
        assert reign.epoch_for(first(E + extension)) == E
    assert reign.epoch_for(first(E + 4) - 1) == E
    assert reign.epoch_for(first(E + 4)) == NO_EPOCH


def test_the_first_word_about_an_epoch_counts() -> None:
    reign = Reign(GEOMETRY)
    reign.decide(E, switch=False)
    reign.decide(E, switch=True)
    assert reign.outlook(E) == Outlook.EXTEND
    assert reign.epoch_for(first(E)) == NO_EPOCH


def test_deciding_about_the_past_changes_nothing() -> None:
    reign = Reign(GEOMETRY)
    reign.decide(E, switch=True)
    reign.epoch_for(first(E))
    reign.decide(E - 1, switch=True)
    assert reign.epoch_for(first(E) + 1) == E
    assert reign.outlook(E) == Outlook.SWITCH


def test_nothing_is_known_of_an_epoch_that_was_not_spoken_of() -> None:
    reign = Reign(GEOMETRY)
    reign.decide(E, switch=True)
    assert reign.outlook(E + 1) == reign.outlook(E - 1) == Outlook.UNDECIDED


def test_it_is_time_to_decide_once_an_epoch_from_its_instant_on() -> None:
    reign = Reign(GEOMETRY)
    at = first(E) + GEOMETRY.decide_at
    assert not reign.is_due(at - 1)
    assert reign.is_due(at)
    assert reign.is_due(first(E + 1) - 1)
    reign.decide(E + 1, switch=True)
    assert not reign.is_due(at + 1)
    assert not reign.is_due(first(E + 1))
    assert reign.is_due(at + ROUNDS)


@FUZZ
@given(st.integers(1, 2**40), st.booleans(), st.integers(-20, 20))
def test_flags_tell_the_outlook_to_a_neighbour_whose_rounds_are_near(
    epoch: int, switch: bool, off: int
) -> None:
    teller, hearer = Reign(GEOMETRY), Reign(GEOMETRY)
    number = first(epoch) + GEOMETRY.decide_at
    teller.decide(epoch + 1, switch=switch)
    assert 0 <= teller.flags(number) < 256
    hearer.take_flags(teller.flags(number), max(0, number + off))
    assert hearer.outlook(epoch + 1) == teller.outlook(epoch + 1)


@FUZZ
@given(st.integers(0, 255), st.integers(0, 2**62))
def test_any_flags_are_taken_without_harm(flags: int, number: int) -> None:
    reign = Reign(GEOMETRY)
    reign.take_flags(flags, number)
    epoch = reign.epoch_for(number)
    assert epoch == NO_EPOCH or 0 <= GEOMETRY.epoch_of(number) - epoch <= MAX_EXTENSIONS


def test_a_switch_is_not_lost_when_nobody_asked_in_its_epoch() -> None:
    reign = Reign(GEOMETRY)
    reign.decide(E, switch=True)
    assert reign.epoch_for(first(E + 2)) == E
    assert reign.epoch_for(first(E + 4)) == NO_EPOCH
    assert reign.epoch_for(first(E + 4) + 1) == NO_EPOCH


class ReignFollowsDecisions(RuleBasedStateMachine):
    """Decisions about each coming epoch, or none: circuits never fall back nor live too long."""

    def __init__(self) -> None:
        super().__init__()
        self.reign = Reign(GEOMETRY)
        self.epoch = E
        self.switched: list[int] = []

    @rule(word=st.sampled_from([True, False, None]))
    def pass_an_epoch(self, word: bool | None) -> None:
        if word is not None:
            self.reign.decide(self.epoch + 1, switch=word)
        self.epoch += 1
        if word:
            self.switched.append(self.epoch)
        newest = self.switched[-1] if self.switched else NO_EPOCH
        wanted = NO_EPOCH if self.epoch - newest > MAX_EXTENSIONS else newest
        for number in (first(self.epoch), first(self.epoch + 1) - 1):
            assert self.reign.epoch_for(number) == wanted


ReignFollowsDecisions.TestCase.settings = FUZZ
TestReign = ReignFollowsDecisions.TestCase
