"""Made echoes: as loud and as late as promised, taken away, and near speech survives."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pymix_voice.errors import SoundError
from pymix_voice.lab import echo
from pymix_voice.lab.echo import Case, Left
from pymix_voice.lab.measure import delays
from pymix_voice.voice.echo import EchoCanceller

SAMPLES = Path(__file__).parents[2] / "samples"
PLAIN = Case("plain")


@cache
def voices() -> tuple[echo.Sound, echo.Sound]:
    return echo.voices(SAMPLES)


def far() -> echo.Sound:
    return voices()[0][: 8 * 48_000]


def near() -> echo.Sound:
    return voices()[1][: 4 * 48_000]


class Nothing:
    """Takes no echo away, and gives what it heard `late` samples later."""

    def __init__(self, late: int = 0) -> None:
        self._waiting: NDArray[np.int16] = np.zeros(late, np.int16)

    def play(self, pcm: NDArray[np.int16]) -> None:
        pass

    def hear(self, pcm: NDArray[np.int16]) -> NDArray[np.int16]:
        together = np.concatenate((self._waiting, pcm))
        self._waiting = together[len(pcm) :]
        return together[: len(pcm)]


@pytest.mark.parametrize("case", echo.CASES, ids=lambda case: case.name)
def test_every_echo_is_as_loud_as_it_should_be(case: Case) -> None:
    made = echo.echo_of(far(), case, np.random.default_rng(1))
    assert len(made) == len(far())
    blocks = made.reshape(-1, echo.BLOCK)[echo.spoken(made)]
    loud = 10 * np.log10((blocks**2).mean() / 32768**2)
    assert loud == pytest.approx(echo.ECHO_DB, abs=0.2)
    assert not np.array_equal(made, echo.echo_of(far(), case, np.random.default_rng(2)))


def test_an_echo_comes_as_late_as_the_cards_make_it() -> None:
    made = echo.echo_of(far(), PLAIN, np.random.default_rng(1))
    assert np.median(delays(far(), 0.0, made, 0.0)) == pytest.approx(echo.WAY_S, abs=0.001)


def test_where_clocks_differ_an_echo_comes_later_and_later() -> None:
    made = echo.echo_of(far(), PLAIN, np.random.default_rng(1))
    drifting = echo.echo_of(far(), Case("drift", drift_ppm=1000), np.random.default_rng(1))
    found = delays(made, 0.0, drifting, 0.0)
    last_s = len(far()) / 48_000 - 1
    assert 0 < found[0] < 0.001
    assert found[-1] == pytest.approx(0.001 * (last_s + 0.5), abs=0.0005)


def test_who_takes_nothing_away_is_told_so() -> None:
    left = echo.left_of(PLAIN, far(), near(), Nothing)
    assert left.erle_first_db == left.erle_db == 0.0
    assert left.both_cleaned == left.both_heard
    harm = echo.harm_to(near(), lambda: Nothing(late=480))
    assert harm.likeness == pytest.approx(1.0, abs=0.001)
    assert harm.level_db == pytest.approx(0.0, abs=0.1)
    assert harm.delay_ms == 10.0


def test_the_enhancement_is_a_ratio_of_powers_where_there_is_speech() -> None:
    loud, quiet = np.full(4800, 1000.0), np.full(4800, 100.0)
    quiet[2400:] = 1000.0
    first = np.arange(10) < 5
    assert echo.enhancement(loud, quiet, first) == pytest.approx(20.0)
    assert echo.enhancement(loud, quiet, ~first) == pytest.approx(0.0)


def test_silence_has_no_echo() -> None:
    with pytest.raises(SoundError, match="only silence"):
        echo.echo_of(np.zeros(48_000), PLAIN, np.random.default_rng(1))


def test_both_tables_are_told_in_words() -> None:
    assert echo.table([Left("plain", 10.0, 40.0, 0.8, 0.9)]).row_count == 1
    assert echo.sentence(echo.Harm(0.99, -0.5, 15.0)) == (
        "near voice alone: likeness 0.990, level -0.5 dB, 15.0 ms later"
    )


@pytest.mark.slow
@pytest.mark.parametrize("case", echo.CASES[:4], ids=lambda case: case.name)
def test_an_echo_is_taken_away(case: Case) -> None:
    left = echo.left_of(case, far(), near(), EchoCanceller)
    assert left.erle_db >= 20
    assert left.erle_first_db >= 3
    assert left.both_cleaned >= left.both_heard - 0.1


@pytest.mark.slow
def test_near_speech_alone_is_left_as_it_was() -> None:
    harm = echo.harm_to(near(), EchoCanceller)
    assert harm.likeness > 0.98
    assert abs(harm.level_db) < 2
    assert 0 < harm.delay_ms < 25
