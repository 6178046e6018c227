"""Capture: a frame a round, whatever the card and the instants of asking do."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from playing import START, NoResampler

from pymix_voice.geometry import FRAME_SAMPLES, SAMPLE_RATE
from pymix_voice.voice.capture import MOST_S, SPARE_S, Capture
from pymix_voice.voice.resample import Resampler, make_resampler

BLOCK = 480
GIVEN_S = 0.001
"""A card gives a block so long after its last sample was heard."""
LEVEL, HERTZ = 9000, 200


def tone(first: int, count: int) -> NDArray[np.int16]:
    at = np.arange(first, first + count) / SAMPLE_RATE
    return (LEVEL * np.sin(2 * np.pi * HERTZ * at)).astype(np.int16)


class Speaker:
    """Somebody who hums at a card, and a program that asks every round.

    Args:
        ppm: by how much the card is fast.
        block: what it gives at once.
        resampler: for the capture.
    """

    def __init__(
        self, ppm: float = 0.0, block: int = BLOCK, resampler: Resampler | None = None
    ) -> None:
        self.capture = Capture(resampler or NoResampler())
        self._block, self._period = block, block / SAMPLE_RATE / (1 + ppm / 1_000_000)
        self._rng = np.random.default_rng(4)
        self._blocks = 0
        self._round = 0
        self._missing = 0.0
        self.frames: list[NDArray[np.int16]] = []
        self.age_s = 0.0
        """How long ago what waits after the newest frame was heard."""

    def stand_still(self, seconds: float) -> None:
        """The card gives nothing for a while, and what was said meanwhile is lost."""
        self.speak(int(seconds * 50), gives=False)
        self._missing += seconds

    def sleep(self, seconds: float) -> None:
        """The program asks for nothing; the card goes on."""
        self._round += int(seconds * 50)

    def speak(
        self,
        rounds: int,
        steered: Callable[[int], float] = lambda number: 0.0,
        *,
        gives: bool = True,
    ) -> NDArray[np.int16]:
        """Rounds, asked for when they are due and as much later as they are steered."""
        since = len(self.frames)
        for number in range(rounds):
            late = steered(number) + float(self._rng.uniform(0, 0.0005))
            now = START + 0.0137 + self._round * 0.020 + late
            while gives and self._heard_at(self._blocks + 1) + GIVEN_S <= now:
                self.capture.push(tone(self._blocks * self._block, self._block), self._until())
                self._blocks += 1
            self.frames.append(self.capture.frame(now))
            self.age_s = self.capture.waiting_s + now - self._heard_at(self._blocks)
            self._round += 1
        assert {frame.shape for frame in self.frames[since:]} <= {(FRAME_SAMPLES,)}
        return np.concatenate(self.frames[since:])

    def _heard_at(self, block: int) -> float:
        return START + self._missing + block * self._period

    def _until(self) -> float:
        return self._heard_at(self._blocks + 1)


def steps(sound: NDArray[np.int16]) -> float:
    """The steepest step, in those of the tone."""
    own = LEVEL * 2 * np.pi * HERTZ / SAMPLE_RATE
    return float(np.abs(np.diff(sound.astype(int))).max()) / own


def test_frames_are_what_was_said_one_behind_the_other() -> None:
    speaker = Speaker()
    sound = speaker.speak(500)[50 * FRAME_SAMPLES :]
    assert steps(sound) < 1.2
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    assert np.argmax(power) * SAMPLE_RATE / len(sound) == pytest.approx(HERTZ, abs=0.5)
    assert speaker.capture.starved <= 2
    assert speaker.capture.overrun == 0


def test_before_any_samples_there_is_silence_and_then_all_is_well() -> None:
    capture = Capture(NoResampler())
    for number in range(100):
        assert not capture.frame(START + 0.020 * number).any()
    assert capture.starved == 0, "nothing is missing of what has not begun"
    first = 0
    for number in range(100, 400):
        capture.push(tone(first, FRAME_SAMPLES), START + 0.020 * number)
        first += FRAME_SAMPLES
        capture.frame(START + 0.020 * number)
    assert capture.starved <= 3
    assert capture.stretched[0] <= 3
    assert capture.waiting_s < 0.030


def test_a_round_waits_little() -> None:
    speaker = Speaker()
    speaker.speak(500)
    # A block, the spare and what a stretch may have given too much.
    assert speaker.age_s < 0.010 + SPARE_S + 0.015


@pytest.mark.parametrize("ppm", [200, -200, 50, -50, 5, -5])
def test_a_card_that_is_fast_or_slow_neither_overruns_nor_starves(ppm: int) -> None:
    speaker = Speaker(ppm)
    speaker.speak(500)
    starved, stretches = speaker.capture.starved, speaker.capture.stretched[0]
    sound = speaker.speak(3000)
    assert speaker.capture.starved == starved
    assert speaker.capture.stretched[0] - stretches <= 1
    assert speaker.capture.overrun == 0
    assert steps(sound) < 2.1  # the resampler of these tests leaves out a sample at a time
    assert 0.0 < speaker.age_s < 0.031


@pytest.mark.slow
def test_a_card_that_is_hardly_slow_does_not_starve_when_its_blocks_come_a_block_later() -> None:
    """The instant of asking wanders through a block; after 18 minutes it is right before one."""
    speaker = Speaker(-2.5)
    speaker.speak(500)
    starved = speaker.capture.starved
    speaker.speak(65_000)
    assert speaker.capture.starved == starved


@pytest.mark.parametrize("jump_ms", [12, -12, 5, -5])
def test_steering_moves_the_instants_and_costs_at_most_a_frame(jump_ms: int) -> None:
    speaker = Speaker()
    speaker.speak(500)
    starved = speaker.capture.starved
    speaker.speak(1000, lambda number: jump_ms / 1000)
    assert speaker.capture.starved - starved <= 1
    speaker.speak(1000, lambda number: 0.0)
    assert speaker.capture.starved - starved <= 2
    assert speaker.capture.overrun == 0
    assert speaker.age_s < 0.040


def test_steering_to_and_fro_is_got_used_to() -> None:
    """The spare is for instants that come earlier; more is not needed each time anew."""
    speaker = Speaker()
    speaker.speak(500, lambda number: 0.005 * np.sin(number / 40))
    starved = speaker.capture.starved
    speaker.speak(4000, lambda number: 0.005 * np.sin(number / 40))
    assert speaker.capture.starved == starved


@pytest.mark.parametrize("seconds", [0.1, 0.3, 1.0, 5.0])
def test_a_program_that_was_away_has_lost_what_is_old(seconds: float) -> None:
    speaker = Speaker()
    speaker.speak(500)
    starved = speaker.capture.starved
    speaker.sleep(seconds)
    speaker.speak(1)
    assert speaker.capture.waiting_s <= MOST_S + SPARE_S
    assert speaker.capture.overrun >= (seconds - MOST_S - 0.1) * SAMPLE_RATE
    speaker.speak(400)
    assert speaker.age_s < 0.040
    assert speaker.capture.starved == starved


@pytest.mark.parametrize("seconds", [0.1, 0.3, 1.0, 5.0])
def test_a_card_that_stood_still_is_as_good_as_before(seconds: float) -> None:
    speaker = Speaker()
    speaker.speak(500)
    starved = speaker.capture.starved
    speaker.stand_still(seconds)
    assert speaker.capture.starved - starved <= seconds * 50
    speaker.speak(500)
    starved, stretches = speaker.capture.starved, speaker.capture.stretched[0]
    sound = speaker.speak(2000)
    assert speaker.capture.starved == starved
    assert speaker.capture.stretched[0] - stretches <= 2
    assert speaker.capture.overrun == 0
    assert speaker.age_s < 0.055
    assert steps(sound) < 2.1


@pytest.mark.parametrize("block", [64, 441, 960, 1920])
def test_cards_with_other_blocks_are_served_too(block: int) -> None:
    speaker = Speaker(50, block)
    speaker.speak(1000)
    starved = speaker.capture.starved
    speaker.speak(1000)
    assert speaker.capture.starved - starved <= 1
    assert speaker.capture.overrun == 0


def test_a_real_resampler_makes_no_click() -> None:
    speaker = Speaker(200, resampler=make_resampler())
    speaker.speak(200)
    assert steps(speaker.speak(1000)) < 1.2
    assert speaker.capture.starved <= 2


@given(
    st.lists(
        st.tuples(st.integers(0, 30_000), st.integers(0, 3000), st.integers(-100, 400)),
        max_size=60,
    )
)
@settings(max_examples=100)
def test_whatever_comes_frames_are_whole_and_little_is_kept(
    script: list[tuple[int, int, int]],
) -> None:
    capture, now, given, first = Capture(NoResampler()), START, 0, 0
    for samples, ms, late_ms in script:
        now += ms / 1000
        capture.push(tone(first, samples), now - late_ms / 1000)
        first += samples
        given += samples
        frame = capture.frame(now)
        assert frame.shape == (FRAME_SAMPLES,)
        assert frame.dtype == np.int16
        # What was stretched last may lie beside what is bounded.
        assert capture.waiting_s <= MOST_S + SPARE_S + 0.015
    assert capture.overrun <= given
    assert capture.starved <= len(script)
