"""The file microphone: no sample is read before it exists, none is lost without being counted."""

import numpy as np
import pytest

from pymix_voice.errors import Misuse
from pymix_voice.geometry import FRAME_SAMPLES
from pymix_voice.voice.microphone import FileMicrophone


def recording(frames: float) -> np.ndarray:
    """Samples 1, 2, 3, ...: each tells its place."""
    return np.arange(1, int(frames * FRAME_SAMPLES) + 1, dtype=np.int16)


def test_before_the_start_there_is_silence() -> None:
    microphone = FileMicrophone(recording(3))
    assert not microphone.read(10.0).any()
    microphone.start(11.0)
    assert not microphone.read(10.5).any()
    assert microphone.t0 is None
    assert microphone.starved == 0


def test_first_read_sets_the_first_instant_25_ms_back() -> None:
    microphone = FileMicrophone(recording(3))
    microphone.start(10.0)
    frame = microphone.read(10.013)
    assert microphone.t0 == pytest.approx(10.013 - 0.025)
    assert frame[0] == 1
    assert frame[-1] == FRAME_SAMPLES


def test_reads_every_20_ms_give_the_whole_recording_and_then_silence() -> None:
    pcm = recording(10)
    microphone = FileMicrophone(pcm)
    microphone.start(10.0)
    frames = [microphone.read(10.0 + 0.02 * k) for k in range(12)]
    assert np.array_equal(np.concatenate(frames[:10]), pcm)
    assert not np.concatenate(frames[10:]).any()
    assert microphone.finished
    assert (microphone.frames_read, microphone.starved, microphone.skipped) == (10, 0, 0)


def test_a_part_of_a_frame_at_the_end_is_filled_with_silence() -> None:
    microphone = FileMicrophone(recording(1.25))
    microphone.start(10.0)
    microphone.read(10.0)
    assert not microphone.finished
    last = microphone.read(10.02)
    assert last[239] == FRAME_SAMPLES + 240
    assert not last[240:].any()
    assert microphone.finished


@pytest.mark.parametrize(
    ("reads", "first_samples", "starved", "skipped"),
    [
        pytest.param([0, 20, 40], [1, 961, 1921], 0, 0, id="in time"),
        pytest.param([0, 15, 35], [1, 961, 1921], 0, 0, id="5 ms early is the slack"),
        pytest.param([0, 14, 34], [1, 0, 961], 1, 0, id="6 ms early starves"),
        pytest.param([0, 34, 40, 60], [1, 961, 1921, 2881], 0, 0, id="once late, then in time"),
        pytest.param([0, 49, 69], [1, 961, 1921], 0, 0, id="late for good, within the spare"),
        pytest.param([0, 51, 71], [1, 1921, 2881], 0, 1, id="a frame more is skipped"),
        pytest.param([0, 111, 131], [1, 4801, 5761], 0, 4, id="a long stall skips several"),
    ],
)
def test_what_is_read_when(
    reads: list[int], first_samples: list[int], starved: int, skipped: int
) -> None:
    microphone = FileMicrophone(recording(20))
    microphone.start(10.0)
    frames = [microphone.read(10.0 + ms / 1000) for ms in reads]
    assert [int(frame[0]) for frame in frames] == first_samples
    assert (microphone.starved, microphone.skipped) == (starved, skipped)


def test_no_sample_is_read_before_it_exists() -> None:
    rng = np.random.default_rng(7)
    microphone = FileMicrophone(recording(30))
    microphone.start(10.0)
    now = 10.0
    while not microphone.finished:
        frame = microphone.read(now)
        assert microphone.t0 is not None
        assert microphone.t0 + (int(frame.max()) - 1) / 48_000 <= now
        now += float(rng.uniform(0.005, 0.04))


def test_a_late_start_ends_finished_and_never_loops() -> None:
    microphone = FileMicrophone(recording(2))
    microphone.start(10.0)
    microphone.read(10.0)
    microphone.read(99.0)
    assert microphone.finished
    assert not microphone.read(99.02).any()


def test_an_empty_recording_is_finished_at_once() -> None:
    microphone = FileMicrophone(np.zeros(0, dtype=np.int16))
    microphone.start(10.0)
    assert microphone.finished
    assert not microphone.read(10.0).any()


def test_starting_twice_is_a_fault() -> None:
    microphone = FileMicrophone(recording(1))
    microphone.start(10.0)
    with pytest.raises(Misuse):
        microphone.start(11.0)


def test_samples_of_another_kind_are_a_fault() -> None:
    with pytest.raises(Misuse):
        FileMicrophone(np.zeros(960, dtype=np.float32))
