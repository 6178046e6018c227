"""What copies are worth: heard in place of what was lost, and by how much that is better."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from sizes import BODY_BYTES

from pymix_voice.errors import ConfigError, SoundError
from pymix_voice.geometry import FRAME_SAMPLES
from pymix_voice.lab import redundancy
from pymix_voice.lab.losses import Losses, Mask
from pymix_voice.lab.redundancy import Condition, Recording, Score
from pymix_voice.voice.recordings import Recorder, read_recording
from pymix_voice.voice.redundancy import ONE_FRAME

BACK = ONE_FRAME.frames_back

SAMPLES = Path(__file__).parents[2] / "samples"
A_TENTH = Condition(Losses.RANDOM, 0.1)


@cache
def short() -> Recording:
    """The first second of speech."""
    return Recording("short", read_recording(SAMPLES / "austen-selfish.wav")[:48_000])


def losing(*numbers: int) -> Mask:
    lost = np.zeros(len(short().frames), np.bool_)
    lost[list(numbers)] = True
    return lost


def likeness(number: int, *, lost: Mask, copies: bool) -> float:
    """Of one frame to what is heard of it without loss, -1 to 1."""
    way = redundancy.heard_with_copies if copies else redundancy.heard_plain
    sent = short().bodies if copies else short().frames
    there = slice(number * FRAME_SAMPLES, (number + 1) * FRAME_SAMPLES)
    return float(np.corrcoef(way(sent, lost)[there], way(sent, losing())[there])[0, 1])


def test_both_ways_fill_the_same_cells() -> None:
    sizes = {len(body) for body in (*short().frames, *short().bodies)}
    assert sizes == {BODY_BYTES}
    assert len(short().frames) == len(short().bodies) == 50 + BACK + 1


def test_a_lost_frame_is_heard_by_its_copy() -> None:
    assert likeness(20, lost=losing(20), copies=True) > 0.8


def test_a_copy_that_is_lost_too_does_not_help() -> None:
    with_copy = likeness(20, lost=losing(20), copies=True)
    assert likeness(20, lost=losing(20, 20 + BACK), copies=True) < with_copy - 0.1
    assert likeness(20, lost=losing(20), copies=False) < with_copy - 0.1


def test_all_that_was_said_is_heard_to_its_end() -> None:
    nothing = losing()
    for heard in (
        redundancy.heard_plain(short().frames, nothing),
        redundancy.heard_with_copies(short().bodies, nothing),
    ):
        assert len(heard) >= len(short().said)
        assert np.corrcoef(heard[: len(short().said)], short().said)[0, 1] > 0.95


def test_scores_of_one_condition_become_one_row_for_each_way() -> None:
    bursty = Condition(Losses.BURSTY, 0.2)
    scores = [Score(A_TENTH, 2.0, 4.0), Score(A_TENTH, 3.0, 4.0), Score(bursty, 1.5, 2.0)]
    assert redundancy.rows(scores) == [
        ("plain", "random", 0.1, 2.5, 2, 0.5),
        ("copies", "random", 0.1, 4.0, 2, 0.0),
        ("plain", "bursty", 0.2, 1.5, 1, 0.0),
        ("copies", "bursty", 0.2, 2.0, 1, 0.0),
    ]
    assert redundancy.rows([]) == []
    assert redundancy.table(scores).row_count == 2


def test_without_loss_every_recording_is_scored_once() -> None:
    conditions = (Condition(Losses.RANDOM, 0.0), A_TENTH)
    assert redundancy.count([short(), short()], conditions, seeds=3) == 2 * (1 + 3)


def test_a_folder_without_recordings_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no WAV files"):
        redundancy.recordings(tmp_path)


def test_a_recording_of_silence_is_named(tmp_path: Path) -> None:
    with Recorder(tmp_path / "nobody.wav") as recorder:
        recorder.write(np.zeros(48_000, np.int16))
    spoken = redundancy.recordings(tmp_path)
    with pytest.raises(SoundError, match=r"nobody\.wav: there is only silence"):
        next(redundancy.scores(spoken, [A_TENTH], seeds=1))


@pytest.mark.slow
def test_where_a_tenth_is_lost_copies_gain_most_of_a_point() -> None:
    recording = Recording("amiable", read_recording(SAMPLES / "austen-amiable.wav"))
    (score,) = redundancy.scores([recording], [A_TENTH], seeds=1)
    assert score.copies - score.plain >= 0.8
    assert [score] == list(redundancy.scores([recording], [A_TENTH], seeds=1))
