"""Playout: what holds whatever comes, whenever it comes, and however sound is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from playing import (
    AHEAD_S,
    GARBAGE,
    START,
    NoResampler,
    NumberDecoder,
    copy_of,
    frame_of,
    runs,
)

from pymix_voice.geometry import SAMPLE_RATE
from pymix_voice.voice.playout import PAUSE, WINDOW, Playout
from pymix_voice.voice.redundancy import ONE_FRAME
from pymix_voice.voice.stretch import MOST_LAG

BACK = ONE_FRAME.frames_back

FIRST = 1000


class Step(NamedTuple):
    """Time passes, a frame comes, and perhaps sound is asked for."""

    ms: int
    ahead: int
    """Rounds from the one that would be in time to the one that comes."""
    kind: str
    copies: bool
    asks: bool


@dataclass
class NotingDecoder(NumberDecoder):
    """Notes which rounds were decoded, and how often it was given garbage."""

    rounds: list[int] = field(default_factory=list)
    garbage: int = 0

    def decode(self, frame: bytes) -> NDArray[np.int16]:
        self.garbage += frame == GARBAGE
        sound = super().decode(frame)
        number = int(frame)
        self.rounds.append(number if number >= 0 else -number - 2)
        return sound


passing = st.one_of(st.just(20), st.just(20), st.integers(0, 60), st.integers(0, 3000))
aheads = st.one_of(st.just(0), st.just(0), st.integers(-6, 2), st.integers(-100, 400))
kinds = st.sampled_from(["frame", "frame", "frame", "pause", "garbage", "nothing"])
steps = st.lists(
    st.builds(Step, passing, aheads, kinds, st.booleans(), st.sampled_from([True, True, False])),
    max_size=120,
)
blocks = st.lists(st.sampled_from([1, 120, 480, 960, 2048]), min_size=1, max_size=5)


class Outcome(NamedTuple):
    """What became of it."""

    playout: Playout
    decoder: NotingDecoder
    sound: NDArray[np.int16]
    pushed: list[int]


def run(script: Sequence[Step], sizes: Sequence[int]) -> Outcome:
    """Play the steps; a card that asks wants what is heard in the next 20 ms, in blocks."""
    decoder = NotingDecoder()
    playout = Playout(decoder, NoResampler(), BACK)
    passed, asked_until, heard, pushed, calls = 0, 0.0, [np.zeros(0, np.int16)], [], 0
    for step in script:
        passed += step.ms
        now = START + passed / 1000
        number = FIRST + passed // 20 + step.ahead
        if step.kind != "nothing":
            frame = {"pause": PAUSE, "garbage": GARBAGE}.get(step.kind, frame_of(number))
            earlier = number - BACK
            copies = [(earlier, copy_of(earlier))] if step.copies else []
            pushed.append(number)
            playout.push(number, [frame], now, copies)
        asked_until = max(asked_until, now)  # whoever did not ask for long begins anew
        while step.asks and asked_until <= now + AHEAD_S:
            count = sizes[calls % len(sizes)]
            calls += 1
            heard.append(playout.render(count, asked_until, now))
            assert heard[-1].shape == (count,)
            assert heard[-1].dtype == np.int16
            asked_until += count / SAMPLE_RATE
    return Outcome(playout, decoder, np.concatenate(heard), pushed)


@pytest.mark.slow
@given(steps, blocks)
@settings(max_examples=150)
def test_no_round_is_heard_twice_and_all_are_heard_in_their_order(
    script: list[Step], sizes: list[int]
) -> None:
    outcome = run(script, sizes)
    rounds = outcome.decoder.rounds
    assert all(earlier < later for earlier, later in pairwise(rounds))
    heard = [run.what for run in runs(outcome.sound) if abs(run.what) >= FIRST - 200]
    numbers = [what if what > 0 else -what - 2 for what in heard]
    assert all(earlier < later for earlier, later in pairwise(numbers))
    assert (
        set(numbers)
        <= set(rounds)
        <= set(outcome.pushed) | {number - BACK for number in outcome.pushed}
    )


@pytest.mark.slow
@given(steps, blocks)
@settings(max_examples=150)
def test_counts_add_up_and_few_frames_are_kept(script: list[Step], sizes: list[int]) -> None:
    # A round that comes twice is ignored, as far as is remembered; here each comes once.
    seen: set[int] = set()
    once, passed = [], 0
    for step in script:
        passed += step.ms
        number = FIRST + passed // 20 + step.ahead
        once.append(step._replace(kind="nothing") if number in seen else step)
        seen.add(number)
    playout, decoder, _, pushed = run(once, sizes)
    counts = playout.counts
    used = counts.heard + counts.paused + decoder.garbage + counts.late + counts.dropped
    assert 0 <= len(pushed) - used <= WINDOW
    assert counts.heard + counts.repaired == len(decoder.rounds)
    assert counts.repaired <= counts.lost
    assert min(counts) >= 0
    assert 0.0 <= counts.loss_after_repair <= counts.loss <= 1.0
    if pushed:
        assert counts.rounds <= max(pushed) - min(pushed) + 1
    stretches, shorter, longer = playout.stretched
    assert shorter + longer <= stretches * MOST_LAG


@given(steps)
@settings(max_examples=100)
def test_how_sound_is_asked_for_changes_nothing_that_is_drawn_from_arrivals(
    script: list[Step],
) -> None:
    one, other = run(script, [480]), run(script, [120, 960])
    assert one.playout.loss == other.playout.loss
    assert one.playout.jitter_s == other.playout.jitter_s
    assert 0.0 <= one.playout.loss < 1.0
    assert one.playout.jitter_s >= -1e-9
