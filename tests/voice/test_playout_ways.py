"""Playout over ways that change: how long it waits, and what that costs."""

import numpy as np
import pytest
from playing import (
    START,
    Arrival,
    NoResampler,
    NumberDecoder,
    copy_of,
    frame_of,
    listen,
    runs,
)

from pymix_voice.geometry import FRAME_SAMPLES
from pymix_voice.voice.playout import REPAIR_ABOVE, Playout
from pymix_voice.voice.redundancy import ONE_FRAME

BACK = ONE_FRAME.frames_back

FIRST = 1000
BLOCK_MS = 10.0
SETTLED_MS = 60.0
"""A steady way: up to 2 ms of jitter, 3 ms spare, up to 30 ms ahead, up to 15 ms too much."""


class Listener:
    """Hears what comes over a way, in parts.

    Args:
        late: of each round in ms, NaN for lost.
    """

    def __init__(self, late: np.ndarray) -> None:
        self.playout = Playout(NumberDecoder(), NoResampler(), BACK)
        came = [
            Arrival(
                *(20.0 * place + float(ms), FIRST + place, frame_of(FIRST + place)),
                (
                    (
                        FIRST + place - BACK,
                        copy_of(FIRST + place - BACK),
                    ),
                ),
            )
            for place, ms in enumerate(late)
            if not np.isnan(ms)
        ]
        self._coming = sorted(came, key=lambda arrival: arrival.ms)
        self._now = 0.0

    def hear(self, until_ms: float) -> np.ndarray:
        """All that is heard until then."""
        # What comes after the card's last block is heard the next time.
        count = sum(arrival.ms <= until_ms - BLOCK_MS for arrival in self._coming)
        came, self._coming = self._coming[:count], self._coming[count:]
        sound = listen(self.playout, came, until_ms, from_ms=self._now)
        self._now = until_ms
        return sound

    @property
    def delay_ms(self) -> float:
        return self.playout.delay_s * 1000


def steady(rounds: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(0.1, 2.0, rounds)


def held(late: np.ndarray, at_ms: float, for_ms: float) -> np.ndarray:
    """Nothing comes for a while, and then everything at once."""
    sent = 20.0 * np.arange(len(late))
    comes = np.where((sent + late >= at_ms) & (sent < at_ms + for_ms), at_ms + for_ms, sent + late)
    since: np.ndarray = comes - sent
    return since


def test_a_steady_way_is_heard_soon_and_whole() -> None:
    listener = Listener(steady(1500))
    listener.hear(29_000)
    assert listener.delay_ms < SETTLED_MS
    counts = listener.playout.counts
    assert (counts.lost, counts.late, counts.concealed) == (0, 0, 0)


def test_a_route_that_becomes_longer_costs_a_guess_or_two_and_no_round() -> None:
    late = steady(1500)
    late[750:] += 60
    listener = Listener(late)
    listener.hear(15_000)
    before = listener.delay_ms
    listener.hear(16_500)
    counts = listener.playout.counts
    assert (counts.lost, counts.late) == (0, 0)
    assert 0 < counts.concealed <= 4
    assert listener.delay_ms == pytest.approx(before + 60, abs=15)  # from the old soonest
    listener.hear(29_000)
    assert listener.delay_ms < SETTLED_MS
    assert listener.playout.counts.concealed == counts.concealed


def test_a_route_that_becomes_shorter_is_followed_without_losing_anything() -> None:
    sent = 20.0 * np.arange(2000)
    late = steady(2000) + 60
    late[750:] -= 60
    listener = Listener(np.maximum.accumulate(sent + late) - sent)
    listener.hear(15_500)
    assert listener.delay_ms > 90
    listener.hear(39_500)
    assert listener.delay_ms < SETTLED_MS
    counts = listener.playout.counts
    assert (counts.lost, counts.late, counts.concealed) == (0, 0, 0)


@pytest.mark.parametrize("for_ms", [700, 1000, 2000, 5000])
def test_after_a_stall_all_comes_at_once_and_the_delay_is_as_before(for_ms: int) -> None:
    listener = Listener(held(steady(1200), 10_000, for_ms))
    listener.hear(10_000)
    before, heard = listener.delay_ms, listener.playout.counts.heard
    listener.hear(10_000 + for_ms)
    assert 5 <= listener.playout.counts.heard - heard + listener.playout.counts.concealed <= 10
    listener.hear(10_500 + for_ms)
    assert listener.delay_ms < before + 40
    quiet = listener.playout.counts.concealed
    listener.hear(20_000)
    assert listener.playout.counts.concealed == quiet
    assert listener.delay_ms < SETTLED_MS
    assert listener.playout.counts.lost < for_ms / 20 + 5


def test_who_was_asleep_hears_what_is_new() -> None:
    """Neither rounds were read nor sound was asked for; then all of it is there."""
    listener = Listener(steady(1500))
    listener.hear(10_000)
    before = listener.delay_ms
    asleep = [
        Arrival(12_000.0, FIRST + place, frame_of(FIRST + place)) for place in range(500, 600)
    ]
    sound = listen(listener.playout, asleep, 12_040, from_ms=12_000)
    assert max(run.what for run in runs(sound, 12_020)) == FIRST + 599
    assert listener.delay_ms < before + 40


def test_sound_without_loss_does_not_wait_for_copies() -> None:
    listener = Listener(steady(1000))
    listener.hear(19_000)
    assert listener.playout.loss < REPAIR_ABOVE
    assert listener.delay_ms < SETTLED_MS


def test_sound_with_loss_waits_for_copies_and_then_misses_little() -> None:
    late = steady(3000)
    lost = np.random.default_rng(2).random(3000) < 0.05
    late[lost] = np.nan
    listener = Listener(late)
    listener.hear(59_000)
    assert SETTLED_MS < listener.delay_ms < SETTLED_MS + 40
    counts = listener.playout.counts
    assert counts.loss == pytest.approx(0.05, abs=0.01)
    assert counts.loss_after_repair < 0.006
    assert listener.playout.loss == pytest.approx(0.05, abs=0.03)


def test_after_loss_it_is_as_before() -> None:
    late = steady(2500)
    late[100:500:10] = np.nan
    listener = Listener(late)
    listener.hear(10_000)
    assert listener.delay_ms > SETTLED_MS
    listener.hear(49_000)
    assert listener.delay_ms < SETTLED_MS


def test_jitter_is_waited_for() -> None:
    late = np.random.default_rng(3).exponential(8.0, 3000)
    listener = Listener(late)
    listener.hear(59_000)
    counts = listener.playout.counts
    assert counts.late + counts.lost - counts.repaired < 30
    assert counts.concealed < 30
    assert 0.030 < listener.playout.jitter_s < 0.080
    assert 60 < listener.delay_ms < 130


def test_a_card_that_asks_for_much_at_once_is_given_it_in_time() -> None:
    """Blocks of 40 ms: half of each is needed 20 ms earlier than with blocks of 20 ms."""
    playout = Playout(NumberDecoder(), NoResampler())
    came = [
        Arrival(20.0 * place + float(ms), FIRST + place, frame_of(FIRST + place))
        for place, ms in enumerate(steady(1500))
    ]
    listen(playout, came, 29_900, block=2 * FRAME_SAMPLES)
    counts = playout.counts
    assert (counts.lost, counts.late, counts.concealed) == (0, 0, 0)
    assert playout.first_played is not None
    assert playout.first_played[1] < START + 0.2
