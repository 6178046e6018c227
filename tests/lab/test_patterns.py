"""Patterns: drawn from a seed, and each as it says it is."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pymix_voice.geometry import FRAME_S
from pymix_voice.lab.network import Law, Link
from pymix_voice.lab.patterns import (
    CHAIN_PASSES,
    OVERTAKEN_S,
    WAY_S,
    Pattern,
    links_of,
    pattern_of,
    patterns,
)
from pymix_voice.onion.dice import Dice

SECONDS = 60.0
CORPUS = {pattern.name: pattern for pattern in patterns(SECONDS)}
FIRST_IN_FIRST_OUT = [name for name in CORPUS if name != "reordering"]


def lateness(pattern: Pattern) -> NDArray[np.float64]:
    """Of each round, beyond what the way takes at least; NaN where it is lost."""
    at = np.array([np.nan if row.at is None else row.at for row in pattern.rows])
    late: NDArray[np.float64] = at - np.arange(len(at)) * FRAME_S - WAY_S
    return late


def lost(pattern: Pattern) -> NDArray[np.bool_]:
    return np.array([row.at is None for row in pattern.rows])


def test_every_pattern_has_a_name_of_its_own_and_a_sentence() -> None:
    assert len(CORPUS) == len(patterns(SECONDS)) == 16
    assert all(len(pattern.sentence.split()) >= 3 for pattern in CORPUS.values())


@pytest.mark.parametrize("name", CORPUS)
def test_there_is_a_row_for_each_round_in_their_order(name: str) -> None:
    numbers = [row.number for row in CORPUS[name].rows]
    assert numbers == list(range(3000))
    assert np.nanmin(lateness(CORPUS[name])) > -0.02  # a fast clock gains 12 ms in a minute


def test_the_same_seed_gives_the_same_rows_and_another_one_others() -> None:
    assert patterns(5.0) == patterns(5.0)
    again = patterns(5.0, seed=99)
    assert all(one.rows != other.rows for one, other in zip(patterns(5.0), again, strict=True))


@pytest.mark.parametrize("name", FIRST_IN_FIRST_OUT)
def test_no_round_overtakes_another(name: str) -> None:
    came = [row.at for row in CORPUS[name].rows if row.at is not None]
    assert came == sorted(came)


def test_where_rounds_overtake_each_other_they_are_few_and_not_far_behind() -> None:
    at = np.array([row.at for row in CORPUS["reordering"].rows], np.float64)
    overtaken = np.mean(np.diff(at) < 0)
    assert 0.005 < overtaken < 0.05
    assert lateness(CORPUS["reordering"]).max() < OVERTAKEN_S + 0.02


@pytest.mark.parametrize(
    ("name", "share"),
    [
        *(("loss 1 %", 0.01), ("loss 5 %", 0.05), ("loss 10 %", 0.10), ("loss 20 %", 0.20)),
        *(("loss runs", 0.05), ("mobile", 0.02), ("steady", 0.0), ("bursts", 0.0)),
    ],
)
def test_as_much_is_lost_as_is_said(name: str, share: float) -> None:
    assert lost(CORPUS[name]).mean() == pytest.approx(share)


@pytest.mark.parametrize(("name", "mean_ms"), [("small jitter", 2), ("large jitter", 15)])
def test_jitter_is_as_large_as_is_said_and_like_itself_for_a_while(
    name: str, mean_ms: float
) -> None:
    late = lateness(CORPUS[name])
    # First in, first out: who waits behind a late one is late too.
    assert mean_ms / 1000 * 0.7 < late.mean() < mean_ms / 1000 * 1.5
    assert np.corrcoef(late[1:], late[:-1])[0, 1] > 0.5
    assert np.corrcoef(late[100:], late[:-100])[0, 1] < 0.3


@pytest.mark.parametrize(
    ("name", "least_s", "most_s", "times"),
    [("bursts", 0.06, 0.10, (20, 45)), ("spikes", 0.20, 0.30, (3, 12))],
)
def test_what_is_held_back_comes_behind_a_gap(
    name: str, least_s: float, most_s: float, times: tuple[int, int]
) -> None:
    at = np.array([row.at for row in CORPUS[name].rows], np.float64)
    gaps = np.diff(at)
    # Between two rounds nothing comes for a round longer, or a little less.
    long = gaps[gaps > least_s]
    assert times[0] <= len(long) <= times[1]
    assert long.max() < most_s + FRAME_S + 0.002
    assert least_s < lateness(CORPUS[name]).max() < most_s + 0.002


@pytest.mark.parametrize(("name", "longer_s"), [("route longer", 0.060), ("route shorter", -0.060)])
def test_a_route_changes_in_the_middle(name: str, longer_s: float) -> None:
    late = lateness(CORPUS[name])
    before, after = np.median(late[:1500]), np.median(late[1510:])
    assert after - before == pytest.approx(longer_s, abs=0.001)
    assert np.ptp(late[:1400]) < 0.02


@pytest.mark.parametrize("ppm", [200, -200])
def test_a_clock_drifts_by_200_millionths(ppm: int) -> None:
    late = lateness(CORPUS[f"drift {ppm:+} ppm"])
    assert np.median(late[-500:]) - np.median(late[:500]) == pytest.approx(
        ppm * 50 / 1_000_000, abs=0.001
    )


def over(access: Law, chain: Law, seconds: float = SECONDS) -> Pattern:
    links = links_of(access, chain, Dice.seeded(1))
    return pattern_of("links", "for a test", links, seconds)


STILL = Law(delay=0.01, jitter=0.0)


def test_a_call_passes_its_access_twice_and_the_chain_there_and_back() -> None:
    links = links_of(STILL, Law(), Dice.seeded(1))
    assert [link.law for link in links] == [STILL, *[Law()] * CHAIN_PASSES, STILL]
    late = lateness(over(STILL, Law(delay=0.02, jitter=0.0))) + WAY_S
    assert late == pytest.approx(2 * 0.01 + CHAIN_PASSES * 0.02)


def test_links_lose_each_on_their_own() -> None:
    gone = lost(over(Law(loss=0.05), STILL))
    assert gone.mean() == pytest.approx(1 - 0.95**2, abs=0.015)


def test_links_repeat_themselves_and_differ_from_each_other() -> None:
    shaken = Law(jitter=0.01)
    assert over(shaken, STILL) == over(shaken, STILL)
    late = lateness(over(shaken, shaken))
    assert 0.02 < np.ptp(late) < 0.01 * (2 + CHAIN_PASSES)


def test_of_a_datagram_that_comes_twice_the_sooner_one_counts() -> None:
    late = lateness(over(Law(delay=0.01, jitter=0.0, duplicate=1.0), STILL)) + WAY_S
    assert late == pytest.approx(0.01 * (2 + CHAIN_PASSES))


def test_over_a_link_that_is_cut_nothing_comes() -> None:
    link = Link(STILL, Dice.seeded(1))
    link.cut = True
    assert lost(pattern_of("cut", "for a test", [link], 1.0)).all()


def test_where_links_reorder_rounds_overtake_each_other() -> None:
    came = [row.at for row in over(Law(reorder=0.1), STILL).rows if row.at is not None]
    assert came != sorted(came)
