"""Attacks that work: surely without phantoms, less with them, more with time."""

import pytest

from pymix_voice.lab.audit.limits import Limit, counted, measure, sentences
from pymix_voice.lab.privacy import Counts
from pymix_voice.onion.dice import Dice

LIMITS = list(measure(Dice.seeded(5), trials=300))


def success(name: str, watched: int, phantoms: str = "any", among: int = 100) -> float:
    (found,) = [
        each
        for each in LIMITS
        if (each.name, each.watched, each.phantoms, each.among) == (name, watched, phantoms, among)
    ]
    return found.success


def test_the_switchboard_counts_what_was_named() -> None:
    assert counted(3, 4, Dice.seeded(1)) == Counts(3, 0, 4, 0, 0)
    assert counted(0, 0, Dice.seeded(1)) == Counts(0, 0, 0, 0, 0)


@pytest.mark.parametrize("name", ["dropping", "n-1"])
def test_without_phantoms_one_epoch_is_enough_and_with_many_it_is_little(name: str) -> None:
    assert success(name, 1, "off") == 1.0
    assert 0.5 < success(name, 1, "few") < 0.75
    assert success(name, 1, "many") < 0.6
    assert success(name, 100, "few") > 0.95
    assert success(name, 100, "many") < success(name, 100, "few")


def test_a_peer_and_an_address_tell_more_the_longer_they_are_watched() -> None:
    assert success("the peer", 1) < success("the peer", 5) < success("the peer", 30) == 1.0
    assert success("the peer", 2, among=1000) < success("the peer", 10, among=1000)
    assert success("the address", 1) < success("the address", 900)


def test_figures_have_their_interval_and_sentences_their_chance() -> None:
    limit = Limit("dropping", 100, 3, "epochs", "few", 0.6, 0.5, 100)
    told = limit.told()
    low, high = told["ci"]
    assert low < 0.6 < high
    assert sentences([limit]) == ["dropping, phantoms few: right 60% after 3 epochs (chance 50%)."]
