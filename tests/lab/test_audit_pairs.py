"""Who talks with whom, by what is on the links: planted leaks are found, and nothing else is."""

from collections.abc import Callable

import numpy as np
import pytest
from tapped import BEGIN, CELL_DOWN, CELL_UP, DELAY_S, EPOCH_S, Tap, near_chance, tap, tried

from pymix_voice.lab.audit.attack import Attack, Recording
from pymix_voice.lab.audit.attacks import changes, correlation, disclosure, likelihood, losses
from pymix_voice.lab.audit.attacks.pairs import callees
from pymix_voice.lab.audit.capture import Call, Truth
from pymix_voice.onion.dice import Dice

ALL = [each.ATTACK for each in (correlation, likelihood, changes, disclosure, losses)]


@pytest.fixture(scope="module")
def steady() -> list[Recording]:
    """Zones in which nothing on the links depends on the calls."""
    return [tap(seed).recording() for seed in range(3)]


def sizes_follow_speech(made: Tap) -> None:
    """Louder frames are larger, and the peer is sent them as they are."""
    for _, one, other in made.ways():
        turns = BEGIN + np.cumsum(made.numbers.exponential(1.0, 60))
        up, down = made.ups[one], made.downs[other]
        loud = np.searchsorted(turns, up.at) % 2 == 0
        up.sizes[loud & made.in_call(one, up.at)] = CELL_UP + 8
        heard = np.searchsorted(turns, down.at - DELAY_S) % 2 == 0
        down.sizes[heard & made.in_call(one, down.at)] = CELL_DOWN + 8


def odd_datagrams_become_holes(made: Tap) -> None:
    """What comes out wrong is not sent on."""
    for _, one, other in made.ways():
        odd = made.instants(12)
        made.ups[one].add(odd, 99)
        reached = odd[made.in_call(one, odd)] + DELAY_S
        made.downs[other].drop(made.downs[other].in_rounds_of(reached))


def losses_pass_through(made: Tap) -> None:
    """Nothing stands in for a datagram that was lost, for one who sees where it was lost."""
    for up in made.ups:
        up.lost |= made.numbers.random(len(up.at)) < 0.01
    for _, one, other in made.ways():
        gone = made.ups[one].at[made.ups[one].lost]
        gone = gone[made.in_call(one, gone)]
        made.downs[other].drop(made.downs[other].in_rounds_of(gone + DELAY_S))


def only_calls_are_sent(made: Tap) -> None:
    """No cover: clients send and are sent something in calls only."""
    for client in range(made.clients):
        for side in (made.ups[client], made.downs[client]):
            side.drop(~made.in_call(client, side.at))


def peers_lose_in_the_same_epochs(made: Tap) -> None:
    """Though not at the same instants."""
    for call in made.calls:
        bad = made.numbers.random(8) < 0.4
        for client in call[:2]:
            side = made.ups[client]
            within = bad[((side.at - BEGIN) / EPOCH_S).astype(int).clip(0, 7)]
            side.drop(within & (made.numbers.random(len(side.at)) < 0.05))


PLANTED = [
    (correlation.ATTACK, sizes_follow_speech),
    (correlation.ATTACK, only_calls_are_sent),
    (likelihood.ATTACK, odd_datagrams_become_holes),
    (likelihood.ATTACK, sizes_follow_speech),
    (changes.ATTACK, only_calls_are_sent),
    (disclosure.ATTACK, peers_lose_in_the_same_epochs),
    (losses.ATTACK, losses_pass_through),
]


@pytest.mark.parametrize(("attack", "plant"), PLANTED, ids=lambda each: getattr(each, "name", None))
def test_a_planted_leak_is_found(attack: Attack, plant: Callable[[Tap], None]) -> None:
    made = tap(77)
    plant(made)
    judged = tried(attack, made.recording())
    assert judged.p < 0.01
    assert judged.success > 0.4
    assert judged.advantage > 0.3


@pytest.mark.parametrize("attack", ALL, ids=lambda attack: attack.name)
def test_steady_links_tell_nothing(attack: Attack, steady: list[Recording]) -> None:
    judged = tried(attack, *steady)
    assert judged.n == 36
    assert near_chance(judged)


@pytest.mark.parametrize("attack", ALL, ids=lambda attack: attack.name)
def test_without_calls_there_is_nothing_to_guess(attack: Attack, steady: list[Recording]) -> None:
    quiet = Recording(steady[0].capture, Truth(()))
    assert attack.guess(quiet, Dice.seeded(1)) is None


def test_each_of_two_callees_is_looked_for_without_the_other() -> None:
    made = tap(1, clients=5, pairs=0, seconds=2.0)
    made.calls += [Call(0, 1, BEGIN, BEGIN + 1), Call(0, 3, BEGIN, BEGIN + 2)]
    made.calls += [Call(2, 4, BEGIN + 5, BEGIN + 6)]  # not while the recording is attacked
    guess = callees(made.recording(), np.arange(25.0).reshape(5, 5))
    assert guess is not None
    assert guess.truth.tolist() == [1, 3]
    assert np.isneginf(guess.scores).tolist() == [
        [True, False, False, True, False],
        [True, True, False, False, False],
    ]
