"""Gaps in made-up recordings: found where they are, as long as they are, and nowhere else."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pymix_voice.geometry import SAMPLE_RATE
from pymix_voice.lab.faults.gaps import LEAST_HEARD, Gap, Pieces, gaps, pieces
from pymix_voice.lab.faults.inflicting import DISK, Inflicted
from pymix_voice.lab.faults.people import Way, endless, read_part
from pymix_voice.lab.faults.rows import Draft, Listened, listen, row
from pymix_voice.lab.faults.watching import MOST_GROWTH, Look
from pymix_voice.voice.recordings import Recorder, read_recording

SAMPLES = Path(__file__).parents[2] / "samples"
LATE_S = 0.12


@cache
def said() -> NDArray[np.int16]:
    return read_recording(SAMPLES / "austen-amiable.wav")


def heard() -> NDArray[np.int16]:
    """The same, somewhat later and quieter, as through a call."""
    late = np.zeros(round(LATE_S * SAMPLE_RATE), np.int16)
    return np.concatenate((late, (said() * 0.7).astype(np.int16)))


def without(begin_s: float, end_s: float, instead: NDArray[np.int16] | None = None) -> list[Gap]:
    """The gaps if nothing, or something else, was heard of what was said between two times."""
    sound = heard()
    begin, end = (round((each + LATE_S) * SAMPLE_RATE) for each in (begin_s, end_s))
    sound[begin:end] = 0 if instead is None else instead[: end - begin]
    return gaps(pieces(said(), sound, -0.3, 2.0))


def test_what_was_heard_has_no_gaps() -> None:
    found = pieces(said(), heard(), -0.3, 2.0)
    assert len(found.starts) > 100
    assert gaps(found) == []


@pytest.mark.parametrize("length_s", [0.12, 0.5, 1.0, 3.0])
def test_a_gap_is_as_long_as_it_is(length_s: float) -> None:
    begin_s = 3.3
    (gap,) = without(begin_s, begin_s + length_s)
    assert gap.end is not None
    # A piece that has a part of it is heard or not, and a pause at its edges belongs to nobody.
    assert gap.start == pytest.approx(begin_s, abs=0.1)
    assert gap.end == pytest.approx(begin_s + length_s, abs=0.1)
    assert 0 < gap.frames <= 50 * length_s + 3


def test_another_voice_is_no_speech_of_the_peer() -> None:
    (gap,) = without(2.0, 5.0, read_recording(SAMPLES / "kennedy.wav"))
    assert gap.start == pytest.approx(2.0, abs=0.2)
    assert gap.end == pytest.approx(5.0, abs=0.1)


def test_who_is_heard_later_than_before_is_heard_all_the_same() -> None:
    """A hearer whose program stood still recorded nothing meanwhile, or the way grew longer."""
    sound = heard()
    cut = round(4.0 * SAMPLE_RATE)
    longer = np.concatenate((sound[:cut], np.zeros(SAMPLE_RATE // 5, np.int16), sound[cut:]))
    assert (
        max(gap.frames for gap in [*gaps(pieces(said(), longer, -0.3, 2.0)), Gap(0, 0, 0, 0)]) <= 5
    )
    shorter = np.concatenate((sound[:cut], sound[cut + SAMPLE_RATE :]))
    (gap,) = gaps(pieces(said(), shorter, -1.3, 2.0))
    assert gap.end is not None
    assert gap.end - gap.start == pytest.approx(1.0, abs=0.15)


def test_who_is_never_heard_again_leaves_a_gap_without_an_end() -> None:
    sound = heard()[: 5 * SAMPLE_RATE]
    gap = gaps(pieces(said(), sound, -0.3, 2.0))[-1]
    assert gap.start == pytest.approx(5.0 - LATE_S, abs=0.15)
    assert gap.end is None


@pytest.mark.parametrize("nothing", [np.zeros(0, np.int16), np.zeros(SAMPLE_RATE, np.int16)])
def test_nothing_heard_is_one_gap_and_nothing_said_is_none(nothing: NDArray[np.int16]) -> None:
    (gap,) = gaps(pieces(said(), nothing, -0.3, 2.0))
    assert gap.end is None
    assert gaps(pieces(nothing, heard(), -0.3, 2.0)) == []


def test_a_piece_that_is_like_it_by_chance_ends_no_gap() -> None:
    words = [True] * 5 + [False] * 5 + [True] * (LEAST_HEARD - 1) + [False] * 3 + [True] * 9
    starts = np.linspace(0.0, 0.02 * (len(words) - 1), len(words))
    (gap,) = gaps(Pieces(starts, np.array(words)))
    assert gap.frames == 8
    assert gap.length_s == pytest.approx(0.02 * (13 + LEAST_HEARD - 1 - 5))
    assert (gap.start, gap.end) == pytest.approx((0.1, 0.02 * (13 + LEAST_HEARD - 1)))


# ── calls and rows ───────────────────────────────────────────────────────────────────────────


@pytest.fixture
def way(tmp_path: Path) -> Way:
    """A direction of a call that begins at 100 s, in which a second from 103.3 s on is missing."""
    sound = heard()
    sound[round(3.42 * SAMPLE_RATE) : round(4.42 * SAMPLE_RATE)] = 0
    for name, pcm in (("said.wav", said()), ("heard.wav", sound[SAMPLE_RATE // 2 :])):
        with Recorder(tmp_path / name) as recorder:
            recorder.write(pcm)
    return Way(tmp_path / "said.wav", 100.0, tmp_path / "heard.wav", 100.5)


def test_gaps_of_a_call_are_instants(way: Way) -> None:
    (gap,) = gaps(way.pieces(102.0, 106.0))
    assert gap.start == pytest.approx(103.3, abs=0.1)
    assert gap.end == pytest.approx(104.3, abs=0.1)
    assert gaps(way.pieces(104.5, 107.0)) == []
    assert len(way.pieces(90.0, 99.0).starts) == 0


def test_recovery_counts_from_the_end_of_the_fault(way: Way) -> None:
    found = listen([way], begin=103.2, end=103.8, until=107.0)
    assert found.gap_s == pytest.approx(1.0, abs=0.1)
    assert found.recovery_s == pytest.approx(0.5, abs=0.1)
    assert 20 < found.frames <= 50
    assert listen([way], begin=102.0, end=106.0, until=107.0).recovery_s == 0.0
    assert listen([way], begin=102.0, end=103.0, until=104.2).recovery_s == pytest.approx(0, abs=2)
    assert listen([], begin=102.0, end=103.0, until=104.0) == Listened(None, None, 0)


def test_a_row_is_well_or_says_why_not(way: Way) -> None:
    looks = {"mix 1": (Look(10, 1), Look(20, 2))}
    done = Inflicted(103.2, 103.8, ("something",))
    fault = DISK._replace(allowed_s=1.5)
    good = row(Draft(fault, done, 107.0, looks, measured=[way], bystander=[way]))
    assert (good["ok"], good["failed"], good["notes"]) == (True, [], ["something"])
    assert good["gap_s"] == good["bystander_gap_s"] == pytest.approx(1.0, abs=0.1)
    bad = row(Draft(DISK, done, 107.0, looks, measured=[way], bystander=[]))
    assert not bad["ok"]
    assert "the call: 1.0 s without speech" in bad["failed"]
    assert "the bystanders could not be listened to" in bad["failed"]
    much = {"mix 1": (Look(10, 1), Look(11 + MOST_GROWTH, 99))}
    grown = row(Draft(fault, done, 107.0, much, measured=[way], bystander=[way]))
    assert [text.split()[:3] for text in grown["failed"]] == [
        ["mix", "1", "took"],
        ["mix", "1", "said"],
    ]


def test_who_had_to_call_anew_was_gone_meanwhile(way: Way) -> None:
    done = Inflicted(103.2, 103.8, gap_s=20.0)
    found = row(Draft(DISK, done, 107.0, {}, measured=[way], bystander=[way]))
    assert (found["gap_s"], found["bystander_gap_s"] < 2) == (20.0, True)


def test_endless_recordings_say_all_voices_over_and_over(tmp_path: Path) -> None:
    voices = [np.full(SAMPLE_RATE, level, np.int16) for level in (1, 2)]
    path = endless(voices, 3.5, tmp_path / "long.wav")
    assert read_part(path, 0.5, 1.5).tolist() == [1] * 24_000 + [2] * 24_000
    assert read_part(path, 3.0, 9.0).tolist() == [2] * 24_000
    assert len(read_part(path, -2.0, -1.0)) == 0
