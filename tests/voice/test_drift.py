"""Clocks that differ by 200 millionths, for hours: the delay stays, and nobody hears a thing.

The clocks of sound cards, and of the machines of a zone, differ by 200 millionths at most: in three
hours by 2.2 s. All hours are simulated.
"""

from itertools import pairwise

import numpy as np
import pytest
from playing import AHEAD_S, START, NoResampler, OneSound

from pymix_voice.geometry import FRAME_SAMPLES
from pymix_voice.voice.capture import Capture
from pymix_voice.voice.playout import Counts, Playout

ROUND_S = 0.020
MINUTE = 3000
"""Rounds."""
JITTER_S = 0.002
GROWS_S = 0.005
SETTLED = 2
"""After so many minutes a delay is where it stays."""

HOURS = pytest.mark.parametrize(("hours", "ppm"), [(3, 200), (1, -200)])
OTHER_HOURS = pytest.mark.parametrize(("hours", "ppm"), [(3, -200), (1, 200)])


def steady(delays: list[float], stretches: list[int]) -> None:
    """What must hold of the delay and of the stretches so far, told at the end of each minute."""
    settled = delays[SETTLED - 1 :]
    assert max(settled) - settled[0] < GROWS_S
    assert settled[0] - min(settled) < 0.015  # less is welcome, but not by much
    after = stretches[SETTLED - 1 :]
    assert max(later - earlier for earlier, later in pairwise(after)) <= 1


@pytest.mark.slow
@HOURS
def test_what_is_heard_stays_in_time(hours: int, ppm: int) -> None:
    playout = Playout(OneSound(), NoResampler())
    period = ROUND_S / (1 + ppm / 1_000_000)  # in which the card takes a frame
    late = np.random.default_rng(7).uniform(0, JITTER_S, MINUTE).tolist()
    delays, stretches, blocks = [], [], 0
    for number in range(hours * 60 * MINUTE):
        come = START + number * ROUND_S + late[number % MINUTE]
        while (now := START + blocks * period) < come:
            playout.render(FRAME_SAMPLES, now + AHEAD_S, now)
            blocks += 1
        playout.push(number, [b"said"], come)
        if number % MINUTE == MINUTE - 1:
            delays.append(playout.delay_s)
            stretches.append(playout.stretched[0])
    steady(delays, stretches)
    counts = playout.counts
    assert counts == Counts(counts.heard, 0, 0, 0, 0, 0, 0)
    assert counts.heard > hours * 60 * MINUTE - 10
    assert delays[-1] < 0.060


@pytest.mark.slow
@OTHER_HOURS
def test_what_is_said_stays_in_time(hours: int, ppm: int) -> None:
    capture = Capture(NoResampler())
    said = np.full(FRAME_SAMPLES // 2, 1000, np.int16)
    period = ROUND_S / 2 / (1 + ppm / 1_000_000)  # in which the card gives a block
    late = np.random.default_rng(8).uniform(0, JITTER_S / 4, MINUTE).tolist()
    delays, stretches, starved, blocks = [], [], [], 0
    for number in range(hours * 60 * MINUTE):
        now = START + number * ROUND_S + late[number % MINUTE]
        while (given := START + (blocks + 1) * period) <= now:
            blocks += 1
            capture.push(said, given)
        capture.frame(now)
        if number % MINUTE == MINUTE - 1:
            delays.append(capture.waiting_s + now - START - blocks * period)
            stretches.append(capture.stretched[0])
            starved.append(capture.starved)
    steady(delays, stretches)
    assert starved[-1] == starved[0] <= 2
    assert capture.overrun == 0
    assert delays[-1] < 0.040
