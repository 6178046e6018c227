"""Is a client in a call, by what is on its link: planted leaks are found, and nothing else is."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kstest
from tapped import BEGIN, CELL_DOWN, HELLO, Tap, near_chance, tap, tried

from pymix_voice.lab.audit.attack import Attack, Recording
from pymix_voice.lab.audit.attacks import reconnects, sizes, talking
from pymix_voice.lab.audit.attacks.cases import Cases, cases_of, learnt
from pymix_voice.lab.audit.capture import Call, Truth
from pymix_voice.lab.audit.guesses import judge
from pymix_voice.onion.dice import Dice

ALL = [each.ATTACK for each in (sizes, talking, reconnects)]


@pytest.fixture(scope="module")
def steady() -> list[Recording]:
    """Zones in which nothing on the links depends on the calls."""
    return [tap(seed).recording() for seed in range(3)]


def frames_are_smaller_now_and_then(made: Tap) -> None:
    for client, side in enumerate(made.downs):
        small = made.numbers.random(len(side.at)) < 0.05
        side.sizes[small & made.in_call(client, side.at)] = CELL_DOWN - 30


def cells_leave_later_in_calls(made: Tap) -> None:
    """Sealing a frame takes a while: half of what the instants jitter by."""
    for client, side in enumerate(made.ups):
        side.at = np.sort(side.at + 0.0005 * made.in_call(client, side.at))


def cells_leave_more_evenly_in_calls(made: Tap) -> None:
    """A timer that is waited for busily: no other mean, only less jitter."""
    for client, side in enumerate(made.ups):
        idle = ~made.in_call(client, side.at)
        side.at = np.sort(side.at + idle * made.numbers.normal(0, 0.001, len(side.at)))


def calls_begin_with_hellos(made: Tap) -> None:
    for client, side in enumerate(made.ups):
        hellos = made.instants(40)
        side.add(hellos[made.in_call(client, hellos)], HELLO + client % 3)


PLANTED = [
    (sizes.ATTACK, frames_are_smaller_now_and_then),
    (talking.ATTACK, cells_leave_later_in_calls),
    (talking.ATTACK, cells_leave_more_evenly_in_calls),
    (reconnects.ATTACK, calls_begin_with_hellos),
]


@pytest.mark.parametrize(("attack", "plant"), PLANTED, ids=lambda each: getattr(each, "name", None))
def test_a_planted_leak_is_found(attack: Attack, plant: Callable[[Tap], None]) -> None:
    made = tap(77)
    plant(made)
    judged = tried(attack, made.recording())
    assert judged.p < 0.01
    assert judged.success > 0.8
    assert judged.low > judged.null


@pytest.mark.parametrize("attack", ALL, ids=lambda attack: attack.name)
def test_steady_links_tell_nothing(attack: Attack, steady: list[Recording]) -> None:
    assert near_chance(tried(attack, *steady))


@pytest.mark.parametrize("attack", ALL, ids=lambda attack: attack.name)
def test_what_happens_to_all_at_one_time_is_not_taken_for_calls(attack: Attack) -> None:
    """Most calls are in the second half, when all links get worse."""
    made = [tap(seed) for seed in range(3)]
    for each in made:
        middle = BEGIN + each.seconds / 2
        each.calls = [call._replace(begin=middle, end=call.end + 10) for call in each.calls]
        for client, side in enumerate(each.ups):
            late = side.at > middle
            side.at = np.sort(side.at + late * each.numbers.normal(0, 0.003, len(side.at)))
            side.sizes[late] += 16
            side.add(middle + each.numbers.uniform(0, 5, 3), HELLO + client % 3)
    assert near_chance(tried(attack, *(each.recording() for each in made)))


@pytest.mark.parametrize("attack", ALL, ids=lambda attack: attack.name)
def test_without_calls_there_is_nothing_to_guess(attack: Attack, steady: list[Recording]) -> None:
    quiet = Recording(steady[0].capture, Truth(()))
    assert attack.guess(quiet, Dice.seeded(1)) is None


def test_only_windows_in_which_some_talk_and_some_do_not_are_of_use() -> None:
    made = tap(1, clients=6, seconds=6.0, pairs=0)
    made.calls += [Call(0, 1, BEGIN + 1, BEGIN + 4), Call(2, 3, BEGIN + 2, BEGIN + 6)]
    made.calls += [Call(4, 5, BEGIN + 2, BEGIN + 3.4)]
    cases = cases_of(made.recording(), 1.0)
    assert cases.windows.tolist() == [1, 3, 4, 5]
    assert cases.talking[4].tolist() == [False, False, False, False]
    assert cases.talking[1].tolist() == [True, True, False, False]
    assert cases.talking[2].tolist() == [False, True, True, True]


def test_nobody_is_asked_about_whom_or_whose_peer_was_learnt_from() -> None:
    made = tap(2, seconds=8.0)
    recording = made.recording()
    cases = cases_of(recording, 1.0)
    talkers = {client for call in made.calls for client in call[:2]}
    asked: list[int] = []
    seen: set[int] = set()

    def learner(
        learn: NDArray[np.intp], ask: NDArray[np.intp], cases: Cases, weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        for call in made.calls:
            assert (call.caller in ask) == (call.callee in ask)
            assert (call.caller in learn) == (call.callee in learn)
        assert not set(learn.tolist()) & set(ask.tolist())
        assert seen <= set(learn.tolist())
        assert talkers & set(ask.tolist())
        talk = np.where(cases.talking, weights, 0.0).sum(axis=0)
        assert talk == pytest.approx(weights.sum(axis=0) / 2)
        assert not weights[ask].any()
        asked.extend(ask.tolist())
        seen.update(ask.tolist())
        return np.zeros((len(ask), len(cases.windows)))

    guess = learnt(recording, cases, learner, Dice.seeded(5))
    assert guess is not None
    assert len(set(asked)) == len(asked) >= 20
    assert set(guess.groups.tolist()) == seen
    assert len(guess.truth) == len(asked) * len(cases.windows)


@pytest.mark.slow
def test_a_learner_that_heeds_noise_is_found_guilty_no_more_often_than_it_should_be() -> None:
    """It takes for talkers whoever is like those that talk, by a figure that means nothing."""
    found = []
    for seed in range(150):
        made = tap(seed, clients=24, seconds=4.0, pairs=8)
        recording = made.recording()
        cases = cases_of(recording, 1.0)
        figure = made.numbers.normal(size=(24, 1)) + made.numbers.normal(size=cases.talking.shape)

        def learner(
            learn: NDArray[np.intp],
            ask: NDArray[np.intp],
            cases: Cases,
            weights: NDArray[np.float64],
            figure: NDArray[np.float64] = figure,
        ) -> NDArray[np.float64]:
            labels = cases.talking[learn]
            sign = np.sign(figure[learn][labels].mean() - figure[learn][~labels].mean())
            return np.asarray(sign * figure[ask], np.float64)

        guess = learnt(recording, cases, learner, Dice.seeded(seed))
        judged = judge([guess], Dice.seeded(seed)) if guess else None
        if judged is not None:
            found.append(judged.p)
    assert len(found) > 120
    assert kstest(found, "uniform", alternative="greater").pvalue > 0.01
