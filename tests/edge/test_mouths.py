"""Mouths: 20 ms of sound a round, wherever it comes from."""

import numpy as np
import pytest
from fakesound import BLOCK, BLOCK_S, FakeSound, FakeStream, Wall, device, use
from numpy.typing import NDArray

from pymix_voice.edge.cards import Microphone
from pymix_voice.edge.devices import Side, choose, devices
from pymix_voice.edge.mouths import EchoMouth, LiveMouth, NoMouth, RecordedMouth
from pymix_voice.geometry import FRAME_SAMPLES, SAMPLE_RATE
from pymix_voice.voice.echo import EchoCanceller

ROUND_S = FRAME_SAMPLES / SAMPLE_RATE
LOUD = 1000


def tone(blocks: int) -> NDArray[np.int16]:
    """440 Hz; loud in every block."""
    at = np.arange(blocks * BLOCK) / SAMPLE_RATE
    return (8000 * np.sin(2 * np.pi * 440 * at)).astype(np.int16)


def loudness(pcm: NDArray[np.int16]) -> float:
    return float(np.sqrt(np.mean(pcm.astype(float) ** 2)))


class Scene:
    """A person who speaks into a microphone all the time, and a mouth that is asked each round."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, mouth: LiveMouth) -> None:
        self.wall = Wall(monkeypatch)
        self.sound: FakeSound = use(monkeypatch, device("Headset"))
        self.mouth = mouth
        self._said = tone(100)
        self._blocks = 0

    def microphone(self) -> tuple[Microphone, FakeStream]:
        """One more that is opened."""
        card = Microphone(choose(devices(), Side.INPUT, None))
        card.start()
        return card, self.sound.streams[-1]

    def rounds(self, count: int, stream: FakeStream | None) -> list[NDArray[np.int16]]:
        """Rounds that pass while the stream hears the person, if there is one."""
        frames = []
        for _ in range(count):
            for _ in range(2):
                self.wall.now += BLOCK_S
                if stream is not None:
                    place = self._blocks % 100 * BLOCK
                    stream.hear(self._said[place : place + BLOCK])
                    self._blocks += 1
            frames.append(self.mouth.read(self.wall.now + 0.003))
        return frames


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch, LiveMouth(None))


def test_nobody_says_nothing() -> None:
    mouth = NoMouth()
    mouth.begin(1.0)
    assert mouth.read(1.0).tolist() == [0] * FRAME_SAMPLES
    assert mouth.finished
    assert (mouth.t0, mouth.trouble) == (None, 0)


def test_a_recording_is_spoken_anew_in_each_call() -> None:
    mouth = RecordedMouth(np.arange(1, 1 + 2 * FRAME_SAMPLES, dtype=np.int16))
    for begin in (10.0, 20.0):
        mouth.begin(begin)
        states = [mouth.finished]
        first, second = mouth.read(begin), mouth.read(begin + ROUND_S)
        states.append(mouth.finished)
        assert states == [False, True]
        assert (first[0], second[-1]) == (1, 2 * FRAME_SAMPLES)
        assert mouth.t0 == pytest.approx(begin - 0.025)
        assert mouth.trouble == 0


def test_a_microphone_is_heard_a_frame_a_round_without_gaps(scene: Scene) -> None:
    card, stream = scene.microphone()
    scene.mouth.plug(card)
    frames = scene.rounds(100, stream)
    assert {len(frame) for frame in frames} == {FRAME_SAMPLES}
    assert min(loudness(frame) for frame in frames[3:]) > LOUD
    joined = np.concatenate(frames[3:]).astype(float)
    assert np.max(np.abs(np.diff(joined))) < 600, "a gap or a jump would be steeper than the tone"
    assert scene.mouth.trouble <= 2
    assert not scene.mouth.finished


def test_how_old_a_frame_is_counts_the_card_and_what_waits(scene: Scene) -> None:
    card, stream = scene.microphone()
    scene.mouth.plug(card)
    scene.rounds(50, stream)
    assert 0.032 < scene.mouth.delay_s < 0.060


def test_without_a_microphone_there_is_silence(scene: Scene) -> None:
    scene.mouth.plug(None)
    assert not np.any(scene.rounds(3, None))
    card, _ = scene.microphone()
    scene.mouth.plug(card)
    assert not np.any(scene.rounds(3, None)), "it has not given anything yet"
    assert scene.mouth.trouble == 0


def test_a_microphone_that_stands_still_is_silent_and_then_as_quick_as_before(
    scene: Scene,
) -> None:
    card, stream = scene.microphone()
    scene.mouth.plug(card)
    scene.rounds(50, stream)
    before, trouble = scene.mouth.delay_s, scene.mouth.trouble
    still = scene.rounds(40, None)
    assert not np.any(still[6:])
    assert 0 < scene.mouth.trouble - trouble < 10
    again = scene.rounds(50, stream)
    assert min(loudness(frame) for frame in again[5:]) > LOUD
    assert scene.mouth.delay_s < before + 0.015


def test_another_microphone_goes_on_where_one_was_taken_away(scene: Scene) -> None:
    card, stream = scene.microphone()
    scene.mouth.plug(card)
    scene.rounds(20, stream)
    stream.hear(tone(1), status=True)
    trouble = scene.mouth.trouble
    scene.mouth.plug(None)
    assert not np.any(scene.rounds(5, None))
    assert scene.mouth.trouble == trouble, "what was is not forgotten"
    other, stream = scene.microphone()
    scene.mouth.plug(other)
    frames = scene.rounds(20, stream)
    assert min(loudness(frame) for frame in frames[3:]) > LOUD
    assert scene.mouth.trouble - trouble <= 2


class Halving(EchoCanceller):
    """Stands in for the library: keeps half a block back, and takes half of the sound away."""

    def __init__(self) -> None:
        self._kept = np.zeros(BLOCK // 2, np.int16)

    def hear(self, pcm: NDArray[np.int16]) -> NDArray[np.int16]:
        joined = np.concatenate((self._kept, pcm // 2))
        self._kept = joined[len(pcm) :]
        return joined[: len(pcm)]

    @property
    def kept_back_s(self) -> float:
        return len(self._kept) / SAMPLE_RATE


def test_an_echo_canceller_is_between_microphone_and_mouth(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, LiveMouth(Halving()))
    card, stream = scene.microphone()
    scene.mouth.plug(card)
    frames = scene.rounds(50, stream)
    assert loudness(frames[-1]) == pytest.approx(loudness(tone(2)) / 2, rel=0.05)
    assert scene.mouth.trouble <= 2


# ── the echo test ────────────────────────────────────────────────────────────────────────────


def test_an_echo_says_what_it_heard_a_second_later() -> None:
    mouth = EchoMouth()
    assert not np.any(mouth.read(10.0)), "there was no call yet"
    mouth.begin(10.0)
    heard, said = tone(20), []
    for number in range(100):
        now = 10.0 + number * ROUND_S
        place = number * FRAME_SAMPLES
        frame = heard[place : place + FRAME_SAMPLES]
        mouth.hear(np.pad(frame, (0, FRAME_SAMPLES - len(frame))), now)
        said.append(mouth.read(now + 0.005))
    loud = [number for number, frame in enumerate(said) if loudness(frame) > LOUD]
    assert 48 <= loud[0] <= 53
    assert 9 <= len(loud) <= 12
    assert mouth.trouble == 0
    assert not mouth.finished


def test_an_echo_begins_anew_with_each_call() -> None:
    mouth = EchoMouth()
    mouth.begin(10.0)
    mouth.hear(tone(2), 10.0)
    mouth.begin(11.0)
    said = []
    for number in range(60):
        now = 11.0 + number * ROUND_S
        mouth.hear(np.zeros(FRAME_SAMPLES, np.int16), now)
        said.append(mouth.read(now))
    assert not np.any(said)
