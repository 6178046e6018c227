"""Ears: given sound at their own pace, in a call or not."""

import sys
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fakesound import BLOCK, BLOCK_S, FakeStream, Wall, device, use
from numpy.typing import NDArray

from pymix_voice.edge.cards import Loudspeaker
from pymix_voice.edge.devices import Side, choose, devices
from pymix_voice.edge.ears import Ear, EchoEar, LiveEar, PacedEar, RecordingEar, numbered
from pymix_voice.edge.mouths import EchoMouth
from pymix_voice.geometry import FRAME_SAMPLES, SAMPLE_RATE
from pymix_voice.voice.echo import EchoCanceller
from pymix_voice.voice.recordings import read_recording

ROUND_S = FRAME_SAMPLES / SAMPLE_RATE
MOST_AT_ONCE = 100


def sound(count: int) -> NDArray[np.int16]:
    return np.full(count, 7, np.int16)


def fill(ear: Ear, now: float) -> list[float]:
    """Give an ear all that it wants now; when each piece will be heard."""
    instants: list[float] = []
    while (wish := ear.wish(now)).samples:
        assert len(instants) < MOST_AT_ONCE, "it never has enough"
        instants.append(wish.at)
        ear.write(sound(wish.samples))
    return instants


# ── without a card ───────────────────────────────────────────────────────────────────────────


def test_an_ear_without_a_card_hears_by_this_machines_clock() -> None:
    ear = PacedEar()
    assert ear.deadline() <= 5.0
    assert fill(ear, 5.0) == [5.0]
    assert ear.deadline() == pytest.approx(5.02)
    assert fill(ear, 5.01) == []
    assert fill(ear, 5.05) == pytest.approx([5.02, 5.04])
    assert ear.trouble == 0


def test_an_ear_without_a_card_does_not_make_up_for_a_long_sleep() -> None:
    ear = PacedEar()
    fill(ear, 5.0)
    assert len(fill(ear, 5.4)) == 20
    assert fill(ear, 100.0) == [100.0]


# ── recordings ───────────────────────────────────────────────────────────────────────────────


def test_each_call_is_recorded_beside_the_first(tmp_path: Path) -> None:
    ear = RecordingEar(tmp_path / "b.wav")
    fill(ear, 1.0)
    for call in range(2):
        now = 10.0 * (call + 1)
        ear.begin(now)
        fill(ear, now)
        fill(ear, now + ROUND_S + 0.001)
        ear.end(sound(5))
        fill(ear, now + 1)
        assert ear.path == numbered(tmp_path / "b.wav", call + 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b-2.wav", "b.wav"]
    for path in tmp_path.iterdir():
        with wave.open(str(path)) as recording:
            assert recording.getnframes() == 3 * RecordingEar.block + 5


@pytest.mark.skipif(sys.platform != "linux", reason="limits a file's length as Linux does")
def test_on_a_full_disk_a_call_goes_on_and_what_was_recorded_is_kept(tmp_path: Path) -> None:
    ear = RecordingEar(tmp_path / "b.wav")
    ear.begin(1.0)
    for step in range(20):
        fill(ear, 1.0 + step * ROUND_S)
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "b.wav.part").stat().st_size, hard))
    try:
        fill(ear, 1.0 + 25 * ROUND_S)
        ear.end(sound(5))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    (told,) = ear.failures
    assert told.startswith("b.wav cannot be written: ")
    assert told.endswith("the call goes on, but is not recorded any more")
    assert [path.name for path in tmp_path.iterdir()] == ["b.wav"]
    assert len(read_recording(tmp_path / "b.wav")) >= 18 * FRAME_SAMPLES
    ear.begin(3.0)  # and the next call has a recording of its own
    fill(ear, 3.0)
    ear.end(sound(5))
    assert len(read_recording(tmp_path / "b-2.wav")) == RecordingEar.block + 5
    assert len(ear.failures) == 1


def test_the_end_of_no_call_is_not_recorded(tmp_path: Path) -> None:
    ear = RecordingEar(tmp_path / "b.wav")
    ear.end(sound(5))
    assert ear.path is None
    assert not list(tmp_path.iterdir())


def test_later_calls_have_numbers() -> None:
    names = [str(numbered(Path("x/b.wav"), number)) for number in (1, 2, 3)]
    assert names == ["x/b.wav", "x/b-2.wav", "x/b-3.wav"]


# ── the echo test ────────────────────────────────────────────────────────────────────────────


def test_an_echos_ear_tells_its_mouth_what_it_hears_and_when() -> None:
    told: list[tuple[int, float]] = []

    class Told(EchoMouth):
        def hear(self, pcm: NDArray[np.int16], at: float) -> None:
            told.append((len(pcm), at))

    ear = EchoEar(Told())
    for now in (5.0, 5.02):
        fill(ear, now)
    assert [count for count, _ in told] == [FRAME_SAMPLES] * 2
    assert [at for _, at in told] == pytest.approx([5.0, 5.02])


# ── loudspeakers ─────────────────────────────────────────────────────────────────────────────


Plug = Callable[[], tuple[Loudspeaker, FakeStream]]


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    return Wall(monkeypatch)


@pytest.fixture
def plug(wall: Wall, monkeypatch: pytest.MonkeyPatch) -> Plug:
    """Opens one more loudspeaker."""
    system = use(monkeypatch, device("Headset"))

    def opened() -> tuple[Loudspeaker, FakeStream]:
        card = Loudspeaker(choose(devices(), Side.OUTPUT, None))
        card.start()
        return card, system.streams[-1]

    return opened


def pass_by(ear: LiveEar, wall: Wall, stream: FakeStream | None, blocks: int) -> list[bool]:
    """Blocks that pass, while the ear is given what it wants; which of them were sound."""
    played = []
    for _ in range(blocks):
        wall.now += BLOCK_S
        if stream is not None:
            played.append(bool(stream.want().all()))
        if ear.deadline() <= wall.now:
            fill(ear, wall.now)
    return played


def test_a_loudspeaker_is_given_what_it_wants_when_it_wants_it(wall: Wall, plug: Plug) -> None:
    ear = LiveEar(None)
    card, stream = plug()
    ear.plug(card)
    assert len(fill(ear, wall.now)) == 1, "it has not asked yet: time passes all the same"
    played = pass_by(ear, wall, stream, 300)
    assert not any(played[:1])
    assert all(played[2:])
    assert ear.trouble == 0
    assert wall.now < ear.deadline() < wall.now + 2 * BLOCK_S


def test_what_a_loudspeaker_is_given_will_be_heard_after_what_waits(wall: Wall, plug: Plug) -> None:
    ear = LiveEar(None)
    card, stream = plug()
    ear.plug(card)
    wall.now += BLOCK_S
    stream.want()
    instants = fill(ear, wall.now)
    assert instants == pytest.approx([wall.now + 0.012, wall.now + 0.022])


def test_while_a_loudspeaker_stands_still_time_passes_and_nothing_piles_up(
    wall: Wall, plug: Plug
) -> None:
    ear = LiveEar(None)
    card, stream = plug()
    ear.plug(card)
    pass_by(ear, wall, stream, 100)
    heard = 0
    for _ in range(300):
        wall.now += BLOCK_S
        heard += len(fill(ear, wall.now))
        assert ear.deadline() > wall.now
    assert heard == pytest.approx(150, abs=10), "20 ms at a time"
    assert card.ring.waiting < 0.15 * SAMPLE_RATE
    assert ear.trouble == 0
    played = pass_by(ear, wall, stream, 100)
    assert all(played)
    assert card.ring.waiting < 4 * BLOCK, "what waited is played, and no more waits than before"


def test_a_loudspeaker_that_never_asks_does_not_keep_the_program(wall: Wall, plug: Plug) -> None:
    ear = LiveEar(None)
    ear.plug(plug()[0])
    pass_by(ear, wall, None, 300)
    assert wall.now < ear.deadline() <= wall.now + ROUND_S


def test_another_loudspeaker_goes_on_where_one_was_taken_away(wall: Wall, plug: Plug) -> None:
    ear = LiveEar(None)
    card, stream = plug()
    ear.plug(card)
    pass_by(ear, wall, stream, 20)
    wall.pass_by(stream, blocks=5)  # more than waits
    trouble = ear.trouble
    assert trouble > 0
    ear.plug(None)
    pass_by(ear, wall, None, 20)
    assert ear.trouble == trouble, "what was is not forgotten"
    card, stream = plug()
    ear.plug(card)
    assert all(pass_by(ear, wall, stream, 100)[2:])
    assert ear.trouble == trouble


def test_an_echo_canceller_is_told_all_that_is_played(wall: Wall, plug: Plug) -> None:
    played: list[int] = []

    class Listening(EchoCanceller):
        def __init__(self) -> None:
            pass

        def play(self, pcm: NDArray[np.int16]) -> None:
            played.append(len(pcm))

    ear = LiveEar(Listening())
    fill(ear, wall.now)
    card, stream = plug()
    ear.plug(card)
    wall.now += BLOCK_S
    stream.want()
    fill(ear, wall.now)
    assert played == [FRAME_SAMPLES, BLOCK, BLOCK]
