"""A client's sound: what is said when, what is heard, and that idle does the same work."""

import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sizes import BODY_BYTES

from pymix_voice.client.call import PAUSE, Call
from pymix_voice.client.callkeys import CallKeys
from pymix_voice.edge.ears import PacedEar, RecordingEar
from pymix_voice.edge.mouths import EchoMouth, Mouth, NoMouth, RecordedMouth
from pymix_voice.edge.outfit import echo_outfit
from pymix_voice.edge.sound import TALK_HELD_S, CallSound, Sound
from pymix_voice.geometry import FRAME_SAMPLES
from pymix_voice.voice.level import SILENCE_DB
from pymix_voice.voice.redundancy import COPY_BYTES, NO_COPY, Packer
from pymix_voice.voice.tones import Tone

ROUND_S = 0.02
START = 1000.0
_NO_KEYS = CallKeys.__new__(CallKeys)


class OnCall(Call):
    """A call that the test switches on."""

    def __init__(self) -> None:
        super().__init__(bytes(32), _NO_KEYS, caller=True, number=1)

    def connect(self) -> "OnCall":
        self.accepted = self.line_heard = True
        return self


def speech(frames: int) -> NDArray[np.int16]:
    tone = np.sin(np.arange(frames * FRAME_SAMPLES) * 2 * np.pi * 440 / 48_000)
    return (tone * 8000).astype(np.int16)


def at(number: int) -> float:
    return START + number * ROUND_S


def in_call(mouth: Mouth) -> Sound:
    sound = Sound(mouth, PacedEar(), 1)
    sound.begin(OnCall().connect(), START)
    return sound


def said(sound: Sound, numbers: range) -> list[bytes | None]:
    return [sound.frame(number, at(number)) for number in numbers]


def hear(sound: Sound, numbers: range, lost: frozenset[int] = frozenset()) -> None:
    """The peer says a tone in these rounds; everything is played as it is due."""
    packer = Packer()
    for number in numbers:
        body = packer.pack(speech(1))
        if number not in lost:
            sound.push(number, body, at(number))
        sound.pull(at(number))


def ended(sound: Sound, at_s: float) -> CallSound:
    call = sound.end(at_s)
    assert call is not None
    return call


# ── what is said ─────────────────────────────────────────────────────────────────────────────


def test_there_is_a_body_in_every_round_call_or_not() -> None:
    idle = Sound(RecordedMouth(speech(3)), PacedEar(), 1)
    waiting = Sound(RecordedMouth(speech(3)), PacedEar(), 1)
    waiting.begin(OnCall(), START)
    for sound in (idle, waiting, in_call(RecordedMouth(speech(9)))):
        assert [len(body or b"") for body in said(sound, range(1, 2))] == [BODY_BYTES]


def test_a_recording_is_spoken_from_the_first_round_of_talking_to_its_end() -> None:
    call = OnCall()
    sound = Sound(RecordedMouth(speech(3)), PacedEar(), 1)
    sound.begin(call, START)
    assert None not in said(sound, range(5))
    call.connect()
    bodies = said(sound, range(5, 10))
    assert [body is not None for body in bodies] == [True, True, True, False, False]
    assert sound.finished
    assert sound.call is not None
    assert sound.call.first_sent == 5


def test_who_has_nothing_to_say_has_finished_from_the_first_round_of_talking() -> None:
    assert said(in_call(NoMouth()), range(2)) == [None, None]


def test_the_first_frames_of_speech_carry_no_copy_of_what_was_hummed_before() -> None:
    sound = Sound(RecordedMouth(speech(9)), PacedEar(), 1)
    said(sound, range(10))
    sound.begin(OnCall().connect(), at(10))
    copies = [(body or b"")[-COPY_BYTES:] for body in said(sound, range(10, 14))]
    assert [copy == NO_COPY for copy in copies] == [True, True, False, False]


def test_who_is_muted_says_nothing_and_is_heard_again_after() -> None:
    sound = in_call(RecordedMouth(speech(9)))
    sound.muted = True
    assert said(sound, range(3)) == [PAUSE] * 3
    sound.muted = False
    assert [len(body or b"") for body in said(sound, range(3, 5))] == [BODY_BYTES] * 2


def test_with_push_to_talk_one_is_heard_while_the_key_is_held_and_a_little_longer() -> None:
    sound = in_call(RecordedMouth(speech(90)))
    sound.push_to_talk = True
    assert said(sound, range(2)) == [PAUSE] * 2
    sound.talk(at(2))
    held = 2 + int(TALK_HELD_S / ROUND_S)
    assert PAUSE not in said(sound, range(2, held))
    assert said(sound, range(held + 1, held + 3)) == [PAUSE] * 2


def test_the_meter_shows_what_the_microphone_hears_also_outside_of_calls() -> None:
    mouth = RecordedMouth(speech(9))
    mouth.begin(START)
    sound = Sound(mouth, PacedEar(), 1)
    assert sound.level_in.look() == SILENCE_DB
    said(sound, range(2, 4))
    assert sound.level_in.look() == pytest.approx(-15.3, abs=0.5)


# ── what is heard ────────────────────────────────────────────────────────────────────────────


def test_what_is_heard_is_recorded_to_the_last_frame(tmp_path: Path) -> None:
    path = tmp_path / "b.wav"
    sound = Sound(NoMouth(), RecordingEar(path), 1)
    sound.pull(START - 1)
    sound.begin(OnCall().connect(), START)
    hear(sound, range(500, 510))
    assert not sound.dry
    call = ended(sound, at(510))
    summary = call.summary(1.0, sound.mouth, sound.ear)
    assert (summary["frames_heard"], summary["frames_late"], summary["loss"]) == (10, 0, 0)
    assert summary["first_frame_played"] == 500
    assert summary["output"] == str(path)
    with wave.open(str(path)) as recording:
        assert recording.getnframes() >= 10 * FRAME_SAMPLES


def test_lost_frames_are_told_as_loss() -> None:
    sound = in_call(NoMouth())
    hear(sound, range(10), lost=frozenset({4, 8}))
    assert ended(sound, at(10)).summary(None, sound.mouth, sound.ear)["loss"] == 0.2


def test_a_muted_peer_is_no_loss() -> None:
    sound = in_call(NoMouth())
    hear(sound, range(5))
    for number in range(5, 30):
        sound.push(number, PAUSE, at(number))
        sound.pull(at(number))
    counts = ended(sound, at(30)).playout.counts
    assert (counts.lost, counts.concealed) == (0, 0)
    assert counts.paused > 15


def test_a_body_that_is_none_is_missed_like_a_lost_one() -> None:
    sound = in_call(NoMouth())
    hear(sound, range(3))
    sound.push(3, b"no body", at(3))
    sound.push(4, Packer().pack(speech(1)), at(4))
    assert ended(sound, at(5)).playout.counts.lost == 1


def test_an_old_recording_stays_if_nothing_was_heard(tmp_path: Path) -> None:
    path = tmp_path / "b.wav"
    path.write_bytes(b"old")
    sound = Sound(NoMouth(), RecordingEar(path), 1)
    sound.begin(OnCall(), START)
    call = ended(sound, at(1))
    assert path.read_bytes() == b"old"
    assert call.summary(None, sound.mouth, sound.ear)["output"] is None


def test_volume_changes_what_is_heard() -> None:
    levels = []
    for volume in (100, 50):
        sound = in_call(NoMouth())
        sound.volume = volume
        hear(sound, range(20))
        levels.append(sound.level_out.look())
    assert levels[0] - levels[1] == pytest.approx(6.0, abs=0.5)


def test_it_rings_only_outside_of_calls() -> None:
    sound = Sound(NoMouth(), PacedEar(), 1)
    sound.tone = Tone.RING
    sound.pull(START)
    assert sound.level_out.look() > -40
    sound.begin(OnCall(), START)
    sound.pull(at(1))
    assert sound.level_out.look() == SILENCE_DB


def test_what_an_idle_client_says_is_played_to_nobody() -> None:
    sound = Sound(NoMouth(), PacedEar(), 1)
    for number in range(20):
        body = sound.frame(number, at(number))
        sound.push_loop(number, body or b"", at(number))
        sound.pull(at(number))
    assert sound.level_out.look() == SILENCE_DB


def test_a_call_begins_with_the_delay_that_its_way_needs() -> None:
    delays = []
    for idle_rounds in (0, 400):
        sound = Sound(NoMouth(), PacedEar(), 1)
        for number in range(idle_rounds):
            sound.push_loop(number, sound.frame(number, at(number)) or b"", at(number))
            sound.pull(at(number))
        sound.pull(at(idle_rounds))
        sound.begin(OnCall().connect(), at(idle_rounds))
        hear(sound, range(idle_rounds, idle_rounds + 10))
        assert sound.call is not None
        delays.append(sound.call.playout.delay_s)
    assert delays[0] > 0.030
    assert delays[1] < 0.025, "the ear asks for 20 ms at once"


def test_the_echo_test_says_what_it_hears_a_second_later() -> None:
    sound = echo_outfit(1).sound
    assert isinstance(sound.mouth, EchoMouth)
    sound.pull(START - 1)
    sound.begin(OnCall().connect(), START)
    packer, loud = Packer(), []
    for number in range(100):
        sound.push(number, packer.pack(speech(1)), at(number))
        sound.pull(at(number))
        assert sound.frame(number, at(number)) is not None
        loud.append(sound.level_in.look() > -30)
    assert 50 <= loud.index(True) <= 60
    assert all(loud[70:])


# ── longer rounds ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_a_frame_waits_for_the_others_of_its_round_and_no_longer(
    frames: int, tmp_path: Path
) -> None:
    mouth, ear = RecordedMouth(speech(60)), RecordingEar(tmp_path / "heard.wav")
    speaker, hearer = Sound(mouth, PacedEar(), frames), Sound(NoMouth(), ear, frames)
    for sound in (speaker, hearer):
        sound.begin(OnCall().connect(), START)
    for number in range(60 // frames + 5):
        now = START + number * frames * ROUND_S
        body = speaker.frame(number, now)
        hearer.push(number, PAUSE if body is None else body, now + 0.005)
        for tick in range(2 * frames):
            hearer.pull(now + 0.005 + tick * ROUND_S / 2)
    call = ended(hearer, now)
    assert call.playout.counts.heard == 60
    assert call.playout.counts.lost == 0
    assert mouth.t0 == pytest.approx(START - frames * ROUND_S - 0.005)
    assert call.playout.first_played is not None
    first, instant = call.playout.first_played
    assert mouth.t0 is not None
    waits_s = instant - first * ROUND_S - mouth.t0
    assert waits_s == pytest.approx(frames * ROUND_S + 0.055, abs=0.025)
