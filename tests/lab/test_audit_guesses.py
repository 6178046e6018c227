"""How well attacks guess: against figures worked out by hand, and against chance."""

import numpy as np
import pytest
from scipy.stats import kstest

from pymix_voice.lab.audit.attack import caught
from pymix_voice.lab.audit.guesses import Judged, Linking, Telling, judge
from pymix_voice.onion.dice import Dice

DICE = Dice.seeded(1)


def linking(numbers: np.random.Generator, targets: int, candidates: int, hint: float) -> Linking:
    """Noise, and a hint at the right one; no client is its own partner."""
    own = np.arange(targets) % candidates
    truth = (own + numbers.integers(1, candidates, size=targets)) % candidates
    scores = numbers.normal(size=(targets, candidates))
    scores[np.arange(targets), truth] += hint
    scores[np.arange(targets), own] = -np.inf
    return Linking(scores, truth)


def telling(numbers: np.random.Generator, clients: int, windows: int, hint: float) -> Telling:
    """Noise of each client and of each case, a time that all have in common, and a hint."""
    begin, length = numbers.integers(windows, size=(2, clients, 1))
    truth = (np.arange(windows) >= begin) & (np.arange(windows) <= begin + length)
    scores = numbers.normal(size=truth.shape) + numbers.normal(size=(clients, 1))
    scores += np.linspace(0, 3, windows) + hint * truth
    groups = np.repeat(np.arange(clients), windows)
    return Telling(scores.ravel(), truth.ravel(), groups)


def judged(*guesses: Linking | Telling) -> Judged:
    found = judge(guesses, DICE)
    assert found is not None
    return found


def with_p(p: float) -> Judged:
    return Judged(0.5, 0.5, 0.4, 0.6, p, 100, 1.0, 2.0)


# ── linking ──────────────────────────────────────────────────────────────────────────────


def test_who_is_always_right_has_nothing_left_to_learn() -> None:
    found = judged(linking(np.random.default_rng(1), 12, 40, hint=30.0))
    assert found.success == 1.0
    assert found.null == pytest.approx(1 / 39)
    assert found.advantage == 1.0
    assert found.p < 0.001
    assert found.entropy == pytest.approx(0.0, abs=0.01)
    assert found.anonymity_set == pytest.approx(1.0, abs=0.01)


def test_the_interval_is_that_of_clopper_and_pearson() -> None:
    """Seven of twenty right: 15.4 % to 59.2 %, as in tables."""
    scores = np.zeros((20, 5))
    scores[:, 0] = 1.0
    truth = np.where(np.arange(20) < 7, 0, 1)
    found = judged(Linking(scores, truth))
    assert found.success == pytest.approx(0.35)
    assert (found.low, found.high) == pytest.approx((0.154, 0.592), abs=0.001)


def test_equal_scores_hide_the_right_one_among_all_candidates() -> None:
    scores = np.zeros((400, 8))
    scores[:, 7] = -np.inf
    found = judged(Linking(scores, np.arange(400) % 7))
    assert found.success == pytest.approx(1 / 7, abs=0.05)
    assert found.null == pytest.approx(1 / 7)
    assert found.anonymity_set == pytest.approx(7.0, rel=0.01)
    assert found.p > 0.01


def test_two_equally_likely_candidates_are_a_set_of_two() -> None:
    scores = np.zeros((200, 50))
    scores[np.arange(200), np.arange(200) % 50] = scores[:, 49] = 1.0
    found = judged(Linking(scores[:49], np.arange(49)))
    assert found.anonymity_set == pytest.approx(2.0, rel=0.1)


def test_recordings_of_different_sizes_are_judged_together() -> None:
    numbers = np.random.default_rng(3)
    found = judged(linking(numbers, 5, 10, hint=30.0), linking(numbers, 15, 30, hint=0.0))
    assert found.n == 20
    assert found.null == pytest.approx((5 / 9 + 15 / 29) / 20)
    assert 0.25 <= found.success <= 0.5


# ── telling ──────────────────────────────────────────────────────────────────────────────


def test_the_area_is_the_share_of_pairs_in_the_right_order() -> None:
    """Of two that are so and three that are not, five of six pairs: one half for the tie."""
    scores = np.array([3.0, 1.0, 2.0, 1.0, 0.0])
    truth = np.array([True, True, False, False, False])
    assert judged(Telling(scores, truth, np.arange(5))).success == pytest.approx(4.5 / 6)


def test_what_is_told_without_fault_is_told() -> None:
    found = judged(telling(np.random.default_rng(1), 30, 10, hint=50.0))
    assert found.success == 1.0
    assert found.p < 0.001
    assert found.low <= found.success <= found.high
    assert found.entropy == pytest.approx(0.0, abs=0.01)


def test_a_time_that_all_have_in_common_is_the_nulls_too() -> None:
    """All talk in the second half and all scores rise then: nothing is told of anybody."""
    numbers = np.random.default_rng(2)
    truth = np.tile(np.arange(10) >= 5, (30, 1))
    scores = np.tile(np.arange(10.0), (30, 1)) + 0.1 * numbers.normal(size=truth.shape)
    found = judged(Telling(scores.ravel(), truth.ravel(), np.repeat(np.arange(30), 10)))
    assert found.success > 0.99
    assert found.null == pytest.approx(found.success)
    assert found.p == pytest.approx(1.0)


def test_clients_of_different_recordings_do_not_exchange_labels() -> None:
    """One recording where all talk and scores are high, one where none do: nothing is told."""
    numbers = np.random.default_rng(4)
    loud = Telling(numbers.normal(9.0, size=40), np.ones(40, np.bool_), np.arange(40) // 2)
    calm = Telling(numbers.normal(0.0, size=40), np.zeros(40, np.bool_), np.arange(40) // 2)
    assert judged(loud, calm).p == pytest.approx(1.0)


@pytest.mark.slow
def test_the_interval_of_an_area_covers_it_about_as_often_as_it_says() -> None:
    numbers = np.random.default_rng(5)
    wanted = 0.7602  # of two normal laws whose means differ by one
    covered = 0
    for _ in range(40):
        truth = numbers.random(60) < 0.5
        found = judged(Telling(numbers.normal(size=60) + truth, truth, np.arange(60)))
        covered += found.low <= wanted <= found.high
    assert 34 <= covered <= 40


# ── both ─────────────────────────────────────────────────────────────────────────────────


def test_where_there_is_nothing_to_guess_nothing_is_judged() -> None:
    nobody = Linking(np.zeros((0, 5)), np.zeros(0, np.intp))
    silent = Telling(np.arange(5.0), np.zeros(5, np.bool_), np.arange(5))
    assert judge([], DICE) is None
    assert judge([nobody], DICE) is None
    assert judge([silent], DICE) is None


def test_the_same_dice_judge_the_same() -> None:
    guess = linking(np.random.default_rng(1), 10, 40, hint=1.0)
    assert judge([guess], Dice.seeded(3)) == judge([guess], Dice.seeded(3))


@pytest.mark.slow
def test_chance_is_found_guilty_of_linking_no_more_often_than_it_should_be() -> None:
    """Counts are whole numbers: p-values lie above the uniform law, never below it."""
    numbers = np.random.default_rng(6)
    found = np.array([judged(linking(numbers, 30, 10, hint=0.0)).p for _ in range(200)])
    assert kstest(found, "uniform", alternative="greater").pvalue > 0.01
    assert found.mean() < 0.65


@pytest.mark.slow
def test_chance_is_found_guilty_of_telling_no_more_often_than_it_should_be() -> None:
    numbers = np.random.default_rng(7)
    found = np.array([judged(telling(numbers, 20, 8, hint=0.0)).p for _ in range(200)])
    assert kstest(found, "uniform").pvalue > 0.01


def test_a_small_hint_is_seen_in_enough_cases() -> None:
    numbers = np.random.default_rng(8)
    assert judged(telling(numbers, 40, 20, hint=0.8)).p < 0.01
    assert judged(*(linking(numbers, 10, 40, hint=1.5) for _ in range(8))).p < 0.01


# ── the verdict ──────────────────────────────────────────────────────────────────────────


def test_the_verdict_is_holms() -> None:
    """His steps at 5 %: 0.0125, 0.0167, 0.025; and nothing counts after the first that fails."""
    tried = {"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}
    found = caught({name: with_p(p) for name, p in tried.items()})
    assert found == {"d": True, "a": True, "c": False, "b": False}


def test_one_that_fails_saves_those_after_it() -> None:
    tried = {"a": 0.03, "b": 0.03, "c": 0.03}
    assert not any(caught({name: with_p(p) for name, p in tried.items()}).values())


def test_many_attempts_make_a_single_lucky_one_doubtful() -> None:
    tried = {"lucky": with_p(0.01)} | {f"other {n}": with_p(0.5) for n in range(9)}
    assert not any(caught(tried).values())
    assert caught({"lucky": with_p(0.01)}) == {"lucky": True}
