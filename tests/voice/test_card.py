"""A card's clock: when its samples are, however unpunctually it asks."""

import numpy as np
import pytest

from pymix_voice.geometry import SAMPLE_RATE
from pymix_voice.voice.card import JUMP_S, CardClock

BLOCK, BLOCK_S = 480, 0.010
START = 1000.0


def run(clock: CardClock, blocks: int, ppm: float = 0.0, jitter: float = 0.0) -> float:
    """Blocks one behind the other; the worst error of the last sample's instant in the end."""
    late = np.random.default_rng(3).exponential(jitter, blocks) if jitter else np.zeros(blocks)
    period = BLOCK_S / (1 + ppm / 1_000_000)
    worst = 0.0
    for number in range(1, blocks + 1):
        at = START + number * period
        clock.block(number * BLOCK, at + float(late[number - 1]))
        if number > blocks // 2:
            worst = max(worst, abs(clock.instant(number * BLOCK) - at))
    return worst


def test_before_the_first_block_nothing_was_asked() -> None:
    assert CardClock().asked_at is None


def test_the_first_block_tells_when_every_sample_is() -> None:
    clock = CardClock()
    clock.block(BLOCK, START)
    assert clock.asked_at == START
    assert clock.instant(BLOCK) == START
    assert clock.instant(0) == pytest.approx(START - BLOCK_S)
    assert clock.instant(BLOCK + SAMPLE_RATE) == pytest.approx(START + 1)


@pytest.mark.parametrize("ppm", [0, 200, -200])
def test_a_card_that_is_fast_or_slow_is_followed(ppm: float) -> None:
    assert run(CardClock(), 2000, ppm) < 0.000_1


def test_a_card_that_asks_unpunctually_has_a_steady_clock() -> None:
    jitter = 0.002
    assert run(CardClock(), 2000, jitter=jitter) < 2 * jitter


def test_one_block_too_late_moves_the_clock_by_a_twentieth() -> None:
    clock = CardClock()
    clock.block(BLOCK, START)
    clock.block(2 * BLOCK, START + BLOCK_S + 0.020)
    assert clock.instant(2 * BLOCK) == pytest.approx(START + BLOCK_S + 0.001)
    assert clock.asked_at == START + BLOCK_S + 0.020


def test_a_card_that_stood_still_is_believed_at_once() -> None:
    clock = CardClock()
    clock.block(BLOCK, START)
    late = START + BLOCK_S + JUMP_S + 0.3
    clock.block(2 * BLOCK, late)
    assert clock.instant(2 * BLOCK) == pytest.approx(late)
