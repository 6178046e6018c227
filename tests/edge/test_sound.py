"""A call's sound: what is spoken when, what is recorded."""

import wave
from pathlib import Path

import numpy as np
import pytest

from pymix_voice.client.call import Call
from pymix_voice.client.callkeys import CallKeys
from pymix_voice.edge.sound import CallSound, Voice, numbered
from pymix_voice.geometry import BODY_BYTES, FRAME_SAMPLES
from pymix_voice.voice.opus import Encoder

ROUND_S = 0.02


class OnCall(Call):
    """A call that the test switches on."""

    def __init__(self) -> None:
        super().__init__(bytes(32), _NO_KEYS, caller=True, number=1)

    def connect(self) -> None:
        self.accepted = self.line_heard = True


_NO_KEYS = CallKeys.__new__(CallKeys)


def speech(frames: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    tone = np.sin(np.arange(frames * FRAME_SAMPLES) * 2 * np.pi * 440 / 48_000)
    return (tone * 8000).astype(np.int16)


def test_nothing_is_spoken_before_both_talk() -> None:
    sound = CallSound(OnCall(), speech(3), None)
    for number in range(5):
        pcm = sound.read(number, number * ROUND_S)
        assert pcm is not None
        assert not pcm.any()
    assert sound.first_sent is None


def test_a_recording_is_spoken_from_its_first_round_to_its_end() -> None:
    call = OnCall()
    sound = CallSound(call, speech(3), None)
    call.connect()
    said = [sound.read(100 + number, 1 + number * ROUND_S) for number in range(5)]
    assert [pcm is not None for pcm in said] == [True, True, True, False, False]
    assert sound.first_sent == 100
    assert sound.finished
    assert sound.summary(0.5)["t0"] == pytest.approx(1 - 0.025)


def test_without_a_recording_there_is_nothing_to_say_from_the_first_round_of_talking() -> None:
    call = OnCall()
    sound = CallSound(call, None, None)
    assert sound.read(0, 0.0) is not None
    assert not sound.finished
    call.connect()
    assert sound.read(1, ROUND_S) is None
    assert sound.finished


def test_what_is_heard_is_recorded_to_the_last_frame(tmp_path: Path) -> None:
    encoder, path = Encoder(), tmp_path / "b.wav"
    sound = CallSound(OnCall(), None, path)
    for number in range(10):
        frame = encoder.encode(speech(1))
        sound.push(500 + number, frame, 2 + number * ROUND_S)
        sound.pull(2 + number * ROUND_S)
    assert not sound.dry
    sound.close(2 + 9 * ROUND_S)
    with wave.open(str(path)) as recording:
        assert recording.getnframes() >= 10 * FRAME_SAMPLES
    summary = sound.summary(1.0)
    assert summary["frames_heard"] == 10
    assert summary["frames_late"] == 0
    assert summary["loss"] == 0
    assert summary["first_round_played"] == 500
    assert summary["s0"] == pytest.approx(2.04)
    assert summary["output"] == str(path)


def test_lost_frames_are_told_as_loss() -> None:
    encoder = Encoder()
    sound = CallSound(OnCall(), None, None)
    for number in (0, 1, 2, 3, 5, 6, 7, 9):
        sound.push(number, encoder.encode(speech(1)), 1 + number * ROUND_S)
        sound.pull(1 + number * ROUND_S)
    sound.close(1.2)
    assert sound.summary(None)["loss"] == 0.2


def test_a_sound_is_dry_when_silence_has_come_out() -> None:
    encoder = Encoder()
    sound = CallSound(OnCall(), None, None)
    states = [sound.dry]
    sound.push(1, encoder.encode(speech(1)), 1.0)
    for now in (1.1, 1.3):
        sound.pull(now)
        states.append(sound.dry)
    assert states == [True, False, True]


def test_an_old_recording_stays_if_nothing_was_heard(tmp_path: Path) -> None:
    path = tmp_path / "b.wav"
    path.write_bytes(b"old")
    sound = CallSound(OnCall(), None, path)
    sound.close(5.0)
    assert path.read_bytes() == b"old"
    assert sound.summary(None)["output"] is None


def test_there_is_a_frame_in_every_round_call_or_not() -> None:
    voice, call = Voice(), OnCall()
    call.connect()
    frames = [
        voice.frame(None, 1, 0.0),
        voice.frame(CallSound(call, speech(1), None), 2, 0.02),
        voice.frame(CallSound(OnCall(), speech(1), None), 3, 0.04),
    ]
    assert [len(frame or b"") for frame in frames] == [BODY_BYTES] * 3


def test_at_the_end_of_a_recording_there_is_no_frame() -> None:
    voice, call = Voice(), OnCall()
    call.connect()
    sound = CallSound(call, speech(1), None)
    assert voice.frame(sound, 1, 1.0) is not None
    assert voice.frame(sound, 2, 1.02) is None


def test_later_calls_are_recorded_beside_the_first() -> None:
    assert numbered(Path("x/b.wav"), 1) == Path("x/b.wav")
    assert numbered(Path("x/b.wav"), 2) == Path("x/b-2.wav")
    assert numbered(None, 2) is None
