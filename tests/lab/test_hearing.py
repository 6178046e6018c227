"""Hearing: what comes out, where it begins, how late it is and what is missing of it."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pymix_voice.geometry import FRAME_S, FRAME_SAMPLES
from pymix_voice.lab.hearing import (
    BEFORE_SENT_MS,
    COPIES,
    PLAIN,
    SCHEMES,
    WARM_ROUNDS,
    Heard,
    Scheme,
    Speech,
    hear,
    runs,
)
from pymix_voice.lab.patterns import WAY_S, Pattern, Row
from pymix_voice.voice.recordings import read_recording
from pymix_voice.voice.redundancy import ONE_FRAME

BACK = ONE_FRAME.frames_back

SAMPLES = Path(__file__).parents[2] / "samples"


@cache
def speech() -> Speech:
    """Two seconds."""
    return Speech("short", read_recording(SAMPLES / "austen-selfish.wav")[:96_000])


def steady(*lost: int, way_s: float = WAY_S) -> Pattern:
    """All come at once but those of the recording's rounds that are lost."""
    gone = {WARM_ROUNDS + number for number in lost}
    rows = [
        Row(number, None if number in gone else number * FRAME_S + way_s)
        for number in range(sum(speech().parts))
    ]
    return Pattern("steady", "for a test", rows)


@cache
def heard(scheme: Scheme, *lost: int) -> Heard:
    told = hear(speech(), scheme, steady(*lost))
    assert told is not None
    return told


def likeness(sound: NDArray[np.int16]) -> float:
    return float(np.corrcoef(sound[: len(speech().said)], speech().said)[0, 1])


def test_rates_are_those_of_the_packets() -> None:
    assert [scheme.kbit_s for scheme in SCHEMES] == [44.4, 44.4, 32.0, 24.0, 16.0]
    for scheme in (PLAIN, SCHEMES[-1]):
        assert {len(packet.frame) for packet in speech().sent(scheme)} == {scheme.size}


def test_packets_with_copies_have_those_of_earlier_rounds() -> None:
    sent = speech().sent(COPIES)
    assert all(not packet.copies for packet in sent[:BACK])
    assert sent[10].copies[0][0] == 10 - BACK
    assert len(sent) == len(speech().sent(PLAIN)) == sum(speech().parts)


@pytest.mark.parametrize("scheme", [COPIES, PLAIN], ids=lambda scheme: scheme.name)
def test_without_loss_it_is_what_was_said_from_its_beginning_on(scheme: Scheme) -> None:
    told = heard(scheme)
    assert likeness(told.by_round) > 0.95
    assert (told.missing, told.runs) == (0, 0)
    assert len(told.by_round) == len(speech().said) < len(told.sound)


def test_delay_is_all_from_mouth_to_ear() -> None:
    near, far = heard(PLAIN), hear(speech(), PLAIN, steady(way_s=WAY_S + 0.1))
    assert far is not None
    assert far.delay_ms - near.delay_ms == pytest.approx(100, abs=10)
    assert near.delay_ms > BEFORE_SENT_MS + 1000 * WAY_S + 20  # the card's 20 ms are in it
    assert near.delay_ms < BEFORE_SENT_MS + 1000 * WAY_S + 60


def test_what_is_missing_is_known_by_its_place() -> None:
    told = heard(PLAIN, 20, 21, 50)
    assert (told.missing, told.runs) == (3, 2)
    there = slice(20 * FRAME_SAMPLES, 22 * FRAME_SAMPLES)
    assert not np.array_equal(told.by_round[there], heard(PLAIN).by_round[there])


def test_where_playout_learned_to_wait_for_copies_nothing_is_missing() -> None:
    often = tuple(range(-300, 0, 20))
    alone, both = heard(COPIES, *often, 20, 50), heard(COPIES, *often, 20, 50, 52)
    assert (alone.missing, alone.runs) == (0, 0)
    assert (both.missing, both.runs) == (1, 1)


def test_if_nothing_comes_nothing_is_heard() -> None:
    nothing = Pattern("cut", "all is lost", [Row(n, None) for n in range(sum(speech().parts))])
    assert hear(speech(), PLAIN, nothing) is None


def test_runs_are_counted() -> None:
    assert runs([]) == runs([False, False]) == 0
    assert runs([True, True, False, True]) == 2
    assert runs([False, True]) == 1
