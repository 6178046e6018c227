"""Whose row is it? What carries over an honest mix is found, and nothing else is."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from tapped import BEGIN, EPOCH_S, HELLO, Tap, near_chance, tap, tried

from pymix_voice.lab.audit.attack import Attack, Recording
from pymix_voice.lab.audit.attacks import doors, garbling, rows
from pymix_voice.lab.audit.capture import Truth
from pymix_voice.lab.audit.insiders import NOBODY, Epoch, Insiders
from pymix_voice.onion.dice import Dice

ROUNDS = 200
PHANTOMS = 3
ALL = [
    rows.ORDER,
    rows.FILLER,
    rows.REPLAYED,
    doors.PAIRS,
    doors.TALKING,
    garbling.ATTACK,
]


def honest(made: Tap) -> Insiders:
    """A mix that shuffles, heals and takes each round once; phantoms come last in no order."""
    numbers, epochs, truths = made.numbers, [], []
    for number in range(int(made.seconds // EPOCH_S)):
        into, out = made.clients, made.clients + PHANTOMS
        truth = np.concatenate([np.arange(into), np.full(PHANTOMS, NOBODY)])
        truth = numbers.permutation(truth)
        present = numbers.random((ROUNDS, into)) > 0.01
        truths.append(truth)
        epochs.append(
            Epoch(
                number,
                BEGIN + number * EPOCH_S,
                BEGIN + (number + 1) * EPOCH_S,
                rows=numbers.permutation(into),
                partners=np.arange(out),
                evidence=numbers.random((ROUNDS, out)),
                present=present,
                rounds=np.arange(ROUNDS) + number * ROUNDS,
                doors=np.flatnonzero(numbers.random(into) > 0.05),
                replayed=tuple((int(row), NOBODY) for row in numbers.permutation(into)[:4]),
                garbled=(int(numbers.choice(np.flatnonzero(truth >= 0))),),
            )
        )
    return Insiders(tuple(epochs), tuple(truths))


Change = Callable[[Tap, Epoch, NDArray[np.intp]], Epoch]


def shuffles_little(made: Tap, epoch: Epoch, truth: NDArray[np.intp]) -> Epoch:
    """Rows stay where they were; only phantoms lie between."""
    real = np.sort(truth[truth >= 0])
    truth[truth >= 0] = real
    return epoch


def tags_show(made: Tap, epoch: Epoch, truth: NDArray[np.intp]) -> Epoch:
    """What is filler fails a check behind the mix."""
    evidence = np.zeros(epoch.evidence.shape)
    evidence[:, truth >= 0] = ~epoch.present[:, truth[truth >= 0]]
    return replace(epoch, evidence=evidence)


def takes_rounds_twice(made: Tap, epoch: Epoch, truth: NDArray[np.intp]) -> Epoch:
    return replace(
        epoch,
        replayed=tuple((row, int(np.flatnonzero(truth == row)[0])) for row, _ in epoch.replayed),
    )


def calls_take_doors(made: Tap, epoch: Epoch, truth: NDArray[np.intp]) -> Epoch:
    """One circuit for both: who talks cannot be found."""
    middle = np.array([(epoch.begin + epoch.end) / 2])
    talking = [bool(made.in_call(client, middle)[0]) for client in range(made.clients)]
    return replace(epoch, doors=epoch.doors[~np.array(talking)[epoch.doors]])


def clients_reconnect(made: Tap, epoch: Epoch, truth: NDArray[np.intp]) -> Epoch:
    """Whose cells do not open says hello again."""
    client = int(epoch.rows[truth[epoch.garbled[0]]])
    made.ups[client].add(np.array([epoch.begin + 1.0]), HELLO)
    return epoch


def clients_shift(made: Tap, epoch: Epoch, truth: NDArray[np.intp]) -> Epoch:
    """Or is so busy that it sends a little later."""
    side = made.ups[int(epoch.rows[truth[epoch.garbled[0]]])]
    side.at = np.sort(side.at + 0.0005 * ((side.at >= epoch.begin) & (side.at < epoch.end)))
    return epoch


PLANTED: Sequence[tuple[Attack, Change]] = [
    (rows.ORDER, shuffles_little),
    (rows.FILLER, tags_show),
    (rows.REPLAYED, takes_rounds_twice),
    (doors.PAIRS, calls_take_doors),
    (doors.TALKING, calls_take_doors),
    (garbling.ATTACK, clients_reconnect),
    (garbling.ATTACK, clients_shift),
]


@pytest.fixture(scope="module")
def steady() -> list[Recording]:
    """Nothing carries over the honest mix, and nothing depends on the calls."""
    made = [tap(seed) for seed in range(3)]
    return [each.recording(honest(each)) for each in made]


@pytest.mark.parametrize(
    ("attack", "change"), PLANTED, ids=lambda each: getattr(each, "name", None)
)
def test_what_carries_over_is_found(attack: Attack, change: Change) -> None:
    made = tap(77)
    insiders = honest(made)
    pairs = zip(insiders.epochs, insiders.truth_rows, strict=True)
    epochs = tuple(change(made, epoch, truth) for epoch, truth in pairs)
    judged = tried(attack, made.recording(replace(insiders, epochs=epochs)))
    assert judged.p < 0.01
    assert judged.advantage > 0.2


@pytest.mark.parametrize("attack", ALL, ids=lambda attack: attack.name)
def test_an_honest_mix_tells_nothing(attack: Attack, steady: list[Recording]) -> None:
    assert near_chance(tried(attack, *steady))


def test_filler_is_found_in_all_rows_that_missed_a_round() -> None:
    made = tap(5, seconds=8.0)
    insiders = honest(made)
    pairs = zip(insiders.epochs, insiders.truth_rows, strict=True)
    epochs = tuple(tags_show(made, epoch, truth) for epoch, truth in pairs)
    assert tried(rows.FILLER, made.recording(replace(insiders, epochs=epochs))).success > 0.8


@pytest.mark.parametrize("attack", ALL, ids=lambda attack: attack.name)
def test_nobody_corrupt_guesses_nothing(attack: Attack, steady: list[Recording]) -> None:
    alone = Recording(steady[0].capture, steady[0].truth)
    assert attack.guess(alone, Dice.seeded(1)) is None


def test_phantoms_and_quiet_epochs_are_not_guessed_about(steady: list[Recording]) -> None:
    whole = steady[0].insiders
    assert whole is not None
    nobodys = tuple(np.full_like(truth, NOBODY) for truth in whole.truth_rows)
    empty = Insiders(tuple(replace(each, garbled=()) for each in whole.epochs), nobodys)
    quiet = Recording(steady[0].capture, Truth(()), empty)
    for attack in ALL:
        assert attack.guess(quiet, Dice.seeded(1)) is None
