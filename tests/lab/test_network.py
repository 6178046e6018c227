"""Simulated links: what each law does to datagrams, within bounds, and nothing to other laws."""

from dataclasses import replace
from hashlib import blake2b
from itertools import groupby, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pymix_voice.errors import Misuse
from pymix_voice.lab.network import HELD_S, Law, Link
from pymix_voice.onion.dice import Dice

STILL = Law(0.01, jitter=0.0)
"""A delay and nothing else."""
GAP_S = 0.02

shares = st.floats(0, 0.9)
laws = st.builds(
    Law,
    delay=st.floats(0, 0.1),
    jitter=st.floats(0, 0.05),
    loss=st.floats(0, 0.4),
    duplicate=shares,
    burst=st.sampled_from((0.0, 1.0, 3.0, 8.0)),
    wait=st.floats(0, 0.05),
    memory=st.floats(0.001, 1),
    rate=st.sampled_from((float("inf"), 10_000.0, 300_000.0)),
    queue=st.sampled_from((0.0, 3_000.0, 65_536.0)),
)
sends = st.lists(st.tuples(st.floats(0, 0.05), st.integers(20, 1400)), min_size=1, max_size=150)
seeds = st.integers(0, 1 << 32)


def link(law: Law, seed: int = 1) -> Link:
    return Link(law, Dice.seeded(seed))


def sent(law: Law, count: int, seed: int = 1, gap_s: float = GAP_S) -> list[list[float]]:
    """What becomes of so many datagrams, one after another."""
    road = link(law, seed)
    return [road.arrivals(number * gap_s, 200) for number in range(count)]


def delays(law: Law, count: int, gap_s: float = GAP_S) -> NDArray[np.float64]:
    """How long each takes, nothing being lost."""
    came = sent(law, count, gap_s=gap_s)
    return np.array([each[0] - number * gap_s for number, each in enumerate(came)])


def runs(came: list[list[float]]) -> list[int]:
    """How many were lost in a row, each time that some were."""
    return [len(list(run)) for lost, run in groupby(came, key=lambda each: not each) if lost]


# ── what the first laws do, they did before there were more ──────────────────────────────────


@pytest.mark.parametrize(
    ("law", "digest"),
    [
        (Law(), "7493f4096137ce2c"),
        (Law(0.01, 0.02, loss=0.03, duplicate=0.02, reorder=0.05), "6cc496bee9ea5607"),
        (Law(0.15, 0.002), "a1b5087c39a4c729"),
    ],
)
def test_laws_of_old_worlds_are_as_they_were_to_the_last_bit(law: Law, digest: str) -> None:
    road = Link(law, Dice.seeded(7).fork("net a b"))
    came = [road.arrivals(1000 + number * 0.004, 200) for number in range(1000)]
    assert blake2b(repr(came).encode(), digest_size=8).hexdigest() == digest


# ── each law ─────────────────────────────────────────────────────────────────────────────────


def test_a_still_link_only_delays() -> None:
    assert sent(STILL, 50) == [[number * GAP_S + 0.01] for number in range(50)]


def test_a_cut_link_brings_nothing_and_its_dice_go_on() -> None:
    cut, whole = link(Law()), link(Law())
    cut.cut = True
    assert [cut.arrivals(0.0) for _ in range(9)] == [[]] * 9
    for _ in range(9):
        whole.arrivals(0.0)
    cut.cut = False
    assert cut.arrivals(1.0) == whole.arrivals(1.0)


@pytest.mark.parametrize(("loss", "burst"), [(0.02, 3.0), (0.1, 3.0), (0.1, 1.5), (0.3, 8.0)])
def test_bursts_lose_the_share_in_runs_of_the_length_that_the_law_says(
    loss: float, burst: float
) -> None:
    came = sent(replace(STILL, loss=loss, burst=burst), 60_000)
    lost = runs(came)
    # Runs come on their own: the share's deviation is about sqrt(2 * burst * loss / count).
    assert sum(lost) / len(came) == pytest.approx(loss, abs=4 * (2 * burst * loss / 60_000) ** 0.5)
    assert np.mean(lost) == pytest.approx(burst, rel=4 / len(lost) ** 0.5)


def test_without_bursts_losses_know_nothing_of_each_other() -> None:
    came = sent(replace(STILL, loss=0.1), 60_000)
    lost = runs(came)
    assert sum(lost) / 60_000 == pytest.approx(0.1, abs=0.005)
    assert np.mean(lost) == pytest.approx(1 / 0.9, abs=0.03)


def test_the_wait_is_exponential_and_lasts() -> None:
    gap_s, memory = 0.01, 0.2
    law = replace(STILL, delay=0.0, wait=0.01, memory=memory)
    waits = delays(law, 100_000, gap_s)
    # First in first out stretches it a little where it falls fast.
    assert waits.mean() == pytest.approx(0.01, rel=0.1)
    assert np.quantile(waits, 0.98) == pytest.approx(-0.01 * np.log(0.02), rel=0.1)
    assert waits.min() >= 0

    def correlation(apart: int) -> float:
        return float(np.corrcoef(waits[:-apart], waits[apart:])[0, 1])

    assert correlation(1) > 0.9
    assert 0.25 < correlation(int(memory / gap_s)) < 0.45
    assert abs(correlation(int(10 * memory / gap_s))) < 0.1


def test_a_round_sent_at_one_instant_shares_its_wait() -> None:
    """Not the worst of two hundred draws, as jitter for each would be."""
    road = link(replace(STILL, wait=0.01))
    worst = []
    for number in range(200):
        came = [road.arrivals(number * GAP_S)[0] for _ in range(200)]
        assert max(came) == min(came)
        worst.append(came[0] - number * GAP_S - 0.01)
    assert np.mean(worst) == pytest.approx(0.01, rel=0.35)


def test_the_reordered_share_is_overtaken_and_nothing_else() -> None:
    came = [each[0] for each in sent(replace(STILL, reorder=0.1), 20_000, gap_s=0.001)]
    late = [number for number, at in enumerate(came) if at - number * 0.001 > 0.01 + 1e-9]
    assert len(late) / 20_000 == pytest.approx(0.1, abs=0.01)
    assert max(at - number * 0.001 for number, at in enumerate(came)) <= 0.01 + HELD_S
    others = [at for number, at in enumerate(came) if number not in set(late)]
    assert others == sorted(others)


def test_twice_is_a_little_later_each_time() -> None:
    came = sent(replace(STILL, duplicate=0.2), 20_000)
    assert sum(len(each) == 2 for each in came) / 20_000 == pytest.approx(0.2, abs=0.02)
    assert all(first < second for first, second in (each for each in came if len(each) == 2))


def test_what_finds_no_room_in_the_queue_is_dropped_and_counted() -> None:
    """A second of twice what the link carries; the queue holds four."""
    road = link(replace(STILL, rate=10_000.0, queue=800.0))
    came = [road.arrivals(number * 0.01, 200) for number in range(100)]
    assert sum(map(len, came)) == 100 - road.overflowed
    assert 45 <= road.overflowed <= 50
    longest = max(each[0] - number * 0.01 for number, each in enumerate(came) if each)
    assert longest <= 0.01 + 800 / 10_000 + 1e-9


# ── all laws together ────────────────────────────────────────────────────────────────────────


@given(laws, sends, seeds)
def test_first_in_first_out_and_never_before_the_delay(
    law: Law, sizes: list[tuple[float, int]], seed: int
) -> None:
    road, now, firsts = link(law, seed), 0.0, []
    for gap, size in sizes:
        now += gap
        came = road.arrivals(now, size)
        assert len(came) <= 2
        assert all(at >= now + law.delay for at in came)
        firsts += came[:1]
    assert firsts == sorted(firsts)


@given(sends, seeds, st.sampled_from((5_000.0, 100_000.0)), st.floats(0, 0.05))
def test_the_rate_is_never_exceeded(
    sizes: list[tuple[float, int]], seed: int, rate: float, wait: float
) -> None:
    road, now, came = link(Law(rate=rate, wait=wait), seed), 0.0, []
    for gap, size in sizes:
        now += gap
        came += [(at, size) for at in road.arrivals(now, size)]
    # Each takes its own time on the link, which the one before leaves free at its arrival.
    assert all(
        later - earlier >= size / rate - 1e-9 for (earlier, _), (later, size) in pairwise(came)
    )


@given(laws, laws, sends, seeds)
def test_changing_one_law_shifts_no_draw_of_what_comes_after(
    law: Law, other: Law, sizes: list[tuple[float, int]], seed: int
) -> None:
    """Two links differ for a while; what is drawn afterwards is the same for both."""
    one, two = link(law, seed), link(other, seed)
    now = 0.0
    for gap, size in sizes:
        now += gap
        one.arrivals(now, size)
        two.arrivals(now, size)
    one.law = two.law = replace(STILL, loss=0.3, duplicate=0.3, reorder=0.3, jitter=0.01)
    now += 100.0  # whatever waited has gone
    for number in range(20):
        assert one.arrivals(now + number) == two.arrivals(now + number)


@pytest.mark.parametrize(
    "values",
    [
        {"loss": 1.1},
        {"duplicate": -0.1},
        {"reorder": float("nan")},
        {"delay": -0.001},
        {"wait": float("inf")},
        {"memory": 0.0},
        {"rate": 0.0},
        {"loss": 0.5, "burst": 0.5},
        {"loss": 0.9, "burst": 3.0},
        {"loss": 1.0, "burst": 9.0},
    ],
)
def test_what_no_link_can_be_like_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(Misuse):
        Law(**values)
