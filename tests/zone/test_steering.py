from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zones import FUZZ

from pymix_voice.errors import Misuse
from pymix_voice.geometry import Geometry
from pymix_voice.zone.steering import LATER_STEP_S, START_LEAD_S, Steering

GEOMETRY = Geometry(3, 20)
T = GEOMETRY.round_s
FIRST = 89_000_000_000
"""About the number of a round in these years."""


class Path:
    """A way to an upstream with its own clock, and reports that come back over it."""

    def __init__(
        self, seed: int, delay: Callable[[int], float], jitter_s: float = 0.002, drift: float = 0.0
    ) -> None:
        self._dice = Random(seed)
        self._delay = delay
        self._jitter_s = jitter_s
        self._drift = drift
        self._reports: list[tuple[float, int, float]] = []
        self.steering = Steering(GEOMETRY)
        self.early: list[float] = []
        self.offsets: list[float] = []

    def due(self, k: int) -> float:
        return 1000.0 + k * T * (1 + self._drift)

    def run(self, rounds: int) -> None:
        self.steering.start(FIRST, self.due(0) - self._delay(0))
        for k in range(rounds):
            self._round(k)

    def _round(self, k: int) -> None:
        planned = self.steering.send_at(FIRST + k)
        for report in [report for report in self._reports if report[0] <= planned]:
            self._reports.remove(report)
            self.steering.sample((FIRST + report[1]) & 0xFF, report[2])
        planned = self.steering.send_at(FIRST + k)
        self.offsets.append(planned - k * T)
        # The sender's own timer is late too; that is not the path's delay.
        at = planned + self._dice.expovariate(1 / 0.0003)
        self.steering.sent(FIRST + k, at)
        arrival = at + self._delay(k) + self._dice.expovariate(1 / self._jitter_s)
        early = round((self.due(k) - arrival) * 16_000) / 16_000
        self.early.append(early)
        self._reports.append((max(arrival, self.due(k)) + self._delay(k), k, early))

    def late_share(self, start: int, end: int | None = None) -> float:
        part = self.early[start:end]
        return sum(early < 0 for early in part) / len(part)


def never_later_by_more_than_the_step(path: Path) -> bool:
    pairs = zip(path.offsets, path.offsets[1:], strict=False)
    return all(after - before <= LATER_STEP_S + 1e-9 for before, after in pairs)


@pytest.mark.parametrize("jitter_s", [0.0001, 0.001, 0.003, 0.008])
@pytest.mark.parametrize("delay_s", [0.0005, 0.040, 0.300])
def test_fewer_than_one_in_two_hundred_cells_are_late(jitter_s: float, delay_s: float) -> None:
    path = Path(7, lambda _k: delay_s, jitter_s)
    path.run(3000)
    assert path.late_share(0) < 0.005
    assert never_later_by_more_than_the_step(path)


def test_on_a_quiet_path_the_lead_settles_near_its_floor() -> None:
    path = Path(1, lambda _k: 0.02, jitter_s=0.0001)
    path.run(200)
    assert path.steering.lead_s == pytest.approx(0.006, abs=0.0005)
    assert 0.005 < sum(path.early[-50:]) / 50 < 0.0065


def test_route_longer_by_100_ms_costs_a_handful_of_cells() -> None:
    path = Path(3, lambda k: 0.02 if k < 1000 else 0.12)
    path.run(3000)
    assert path.late_share(0, 1000) < 0.005
    # Until word comes back nothing can be known: 120 ms there, 120 ms back, a few rounds.
    assert sum(early < 0 for early in path.early[1000:1016]) <= 15
    assert path.late_share(1016) < 0.005
    assert never_later_by_more_than_the_step(path)


def test_route_shorter_by_100_ms_is_followed_slowly_and_loses_nothing() -> None:
    path = Path(4, lambda k: 0.12 if k < 1000 else 0.02)
    path.run(3000)
    assert path.late_share(0) < 0.005
    assert never_later_by_more_than_the_step(path)
    # The window (500 rounds) forgets the old route, then 100 ms take 200 rounds.
    assert sum(path.early[1000:1400]) / 400 > 0.09
    assert sum(path.early[-500:]) / 500 < 0.025


@pytest.mark.parametrize("drift", [200e-6, -200e-6])
def test_constant_drift_between_the_clocks_is_followed(drift: float) -> None:
    path = Path(5, lambda _k: 0.03, drift=drift)
    path.run(4000)
    assert path.late_share(0) < 0.005
    assert sum(path.early[-500:]) / 500 < 0.025
    assert never_later_by_more_than_the_step(path)


def test_sending_begins_twenty_milliseconds_early() -> None:
    steering = Steering(GEOMETRY)
    steering.start(FIRST, 1000.0)
    assert steering.started
    assert steering.send_at(FIRST) == pytest.approx(1000.0 - START_LEAD_S, abs=1e-12)
    assert steering.send_at(FIRST + 50) == pytest.approx(1001.0 - START_LEAD_S, abs=1e-9)
    assert steering.lead_s == START_LEAD_S


def test_late_cell_moves_the_next_send_instant_at_once() -> None:
    steering = Steering(GEOMETRY)
    steering.start(0, 10.0)
    steering.sent(0, steering.send_at(0))
    steering.sample(0, -0.050)
    assert steering.send_at(0) == pytest.approx(10.0 - 0.02 - 0.05 - 0.006)


def test_each_round_is_sampled_once_though_its_low_byte_comes_round() -> None:
    steering = Steering(GEOMETRY)
    steering.start(0, 10.0)
    for number in range(300):
        steering.sent(number, steering.send_at(number))
        # An upstream that got only round 0, and repeats so in every status.
        steering.sample(0, 0.019 if number < 200 else -5.0)
    assert steering.send_at(0) > 9.9


def test_words_about_rounds_not_sent_or_long_ago_change_nothing() -> None:
    steering = Steering(GEOMETRY)
    steering.start(0, 10.0)
    steering.sample(9, -1.0)
    for number in range(200):
        steering.sent(number, steering.send_at(number))
    before = steering.send_at(0)
    steering.sample(71, -1.0)  # 128 rounds before the newest
    assert steering.send_at(0) == before
    steering.sample(72, -1.0)
    assert steering.send_at(0) < before - 0.9


def test_only_the_first_instant_of_a_round_counts() -> None:
    steering = Steering(GEOMETRY)
    steering.start(0, 10.0)
    steering.sent(5, 10.08)
    steering.sent(5, 99.0)
    steering.sent(4, 99.0)
    steering.sample(5, 0.02)
    assert steering.send_at(0) == pytest.approx(10.0 - 0.02)


def test_restart_forgets_and_reset_stops() -> None:
    steering = Steering(GEOMETRY)
    steering.start(0, 10.0)
    steering.sent(0, 9.98)
    steering.sample(0, -0.5)
    steering.start(100, 50.0)
    assert steering.send_at(100) == pytest.approx(50.0 - START_LEAD_S)
    steering.sample(0, -0.5)
    assert steering.send_at(100) == pytest.approx(50.0 - START_LEAD_S)
    steering.reset()
    with pytest.raises(Misuse, match="started"):
        steering.send_at(100)
    steering.sent(101, 1.0)
    steering.sample(101, 0.1)
    assert not steering.started


@FUZZ
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 255), st.integers(-(2**15), 2**15 - 1)),
        max_size=100,
    )
)
def test_whatever_upstream_says_later_is_slow(steps: list[tuple[int, int, int]]) -> None:
    steering = Steering(GEOMETRY)
    steering.start(0, 10.0)
    number = 0
    for skipped, low, early in steps:
        before = steering.send_at(0)
        steering.sample(low, early / 16_000)
        assert steering.send_at(0) <= before
        before = steering.send_at(0)
        number += 1 + skipped
        steering.sent(number, steering.send_at(number))
        assert before <= steering.send_at(0) <= before + (1 + skipped) * LATER_STEP_S + 1e-9


def test_who_is_followed_goes_earlier_step_by_step() -> None:
    steering = Steering(Geometry(3, 10), earlier_step_s=0.001)
    steering.start(1000, 50.0)
    before = steering.send_at(1001)
    for number in range(1001, 1005):
        steering.sent(number, steering.send_at(number))
        steering.sample(number & 0xFF, -0.1)
    moved = before - steering.send_at(1001)
    assert 0.001 < moved <= 0.0080001
