"""Rounds of several frames: how a body is filled, and that each frame is heard in its turn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from playing import AHEAD_S, START, NoResampler, NumberDecoder, copy_of, frame_of, runs
from zones import FUZZ

from pymix_voice.errors import BadCell, Drop
from pymix_voice.geometry import FRAME_S, FRAME_SAMPLES, ROUNDS_MS, SAMPLE_RATE, Geometry
from pymix_voice.voice.arrivals import Arrivals
from pymix_voice.voice.opus import Encoder
from pymix_voice.voice.playout import PAUSE, Playout
from pymix_voice.voice.redundancy import COPY_BYTES, Layout, Packer, unpack
from pymix_voice.voice.tones import hum

FIRST = 1000
BLOCK = SAMPLE_RATE // 100
several = pytest.mark.parametrize("frames", [2, 3])
each_layout = pytest.mark.parametrize("layout", [Layout(1), Layout(2), Layout(3)])


# ── bodies ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("round_ms", ROUNDS_MS)
def test_a_body_is_full_but_for_less_than_a_byte_a_frame(round_ms: int) -> None:
    zone = Geometry(3, 10, round_ms)
    layout = Layout(zone.frames)
    filled = layout.frames * (layout.frame_bytes + COPY_BYTES)
    assert layout.body_bytes == zone.body_bytes
    assert 0 <= layout.body_bytes - filled < layout.frames
    assert layout.frames_back % layout.frames == 0
    assert layout.frames_back * FRAME_S >= 0.04


@each_layout
def test_a_body_holds_its_rounds_frames_and_copies_of_those_before(layout: Layout) -> None:
    packer, encoder = Packer(layout), Encoder(layout.frame_bytes)
    copier = Encoder(COPY_BYTES, wideband=True)
    count = layout.frames * 5
    said = [hum(number) for number in range(count)]
    frames, copies = [encoder.encode(pcm) for pcm in said], [copier.encode(pcm) for pcm in said]
    found: dict[int, bytes] = {}
    for number in range(5):
        first = number * layout.frames
        body = packer.pack(np.concatenate(said[first : first + layout.frames]))
        assert len(body) == layout.body_bytes
        unpacked = unpack(body, layout)
        assert list(unpacked.frames) == frames[first : first + layout.frames]
        found |= dict(unpacked.copies_of(number))
    assert found == dict(enumerate(copies[: count - layout.frames_back]))


@FUZZ
@given(st.binary(max_size=300), st.integers(1, 3), st.integers(0, 2**60))
def test_any_body_is_unpacked_or_malformed(body: bytes, frames: int, number: int) -> None:
    layout = Layout(frames)
    with pytest.raises(BadCell) as caught:
        unpack(body if len(body) != layout.body_bytes else body + b"\0", layout)
    assert caught.value.reason == Drop.MALFORMED
    unpacked = unpack(body.ljust(layout.body_bytes, b"\1")[: layout.body_bytes], layout)
    assert [len(frame) for frame in unpacked.frames] == [layout.frame_bytes] * frames
    first = number * frames - layout.frames_back
    assert {frame for frame, _ in unpacked.copies_of(number)} <= set(range(first, first + frames))


# ── playout ──────────────────────────────────────────────────────────────────────────────────


class Way:
    """Rounds of so many frames come over a way, and are heard."""

    def __init__(self, frames: int) -> None:
        self.frames = frames
        self.back = Layout(frames).frames_back
        self.playout = Playout(NumberDecoder(), NoResampler(), self.back, Arrivals(frames))
        self._heard: list[np.ndarray] = []
        self._blocks = 0

    def come(self, place: int, late_s: float = 0.0, *, paused: bool = False) -> None:
        """A round comes, with copies, so long after it could."""
        first = (FIRST + place) * self.frames
        frames = [PAUSE if paused else frame_of(first + each) for each in range(self.frames)]
        copied = range(first - self.back, first - self.back + self.frames)
        copies = [(frame, copy_of(frame)) for frame in copied]
        came = START + place * self.frames * FRAME_S + late_s
        self.playout.push(FIRST + place, frames, came, copies)

    def listen(self, until_round: int) -> None:
        """A card asks for 10 ms after 10 ms."""
        until = until_round * self.frames * FRAME_S
        while self._blocks * BLOCK / SAMPLE_RATE < until:
            now = START + self._blocks * BLOCK / SAMPLE_RATE
            self._heard.append(self.playout.render(BLOCK, now + AHEAD_S, now))
            self._blocks += 1

    def numbers(self) -> list[int]:
        """What was heard, as `playing.number_of` has it; silence is left out."""
        sounds = (run.what for run in runs(np.concatenate(self._heard)))
        return [what for what in sounds if what != 0]


@several
def test_each_frame_is_heard_once_in_its_turn_and_whole(frames: int) -> None:
    way = Way(frames)
    for place in range(40):
        way.come(place)
        way.listen(place + 1)
    heard = way.numbers()
    first = FIRST * frames
    assert heard[:-1] == list(range(first, first + len(heard) - 1))
    assert len(heard) >= 38 * frames
    counts = way.playout.counts
    assert (counts.lost, counts.late, counts.concealed, counts.dropped) == (0, 0, 0, 0)
    assert way.playout.stretched == (0, 0, 0)


@several
def test_the_frames_of_a_round_are_not_jitter_of_the_way(frames: int) -> None:
    way, alone = Way(frames), Arrivals()
    for place in range(500):
        way.come(place, 0.004 * (place % 2))
        alone.take(FIRST + place, START + place * FRAME_S + 0.004 * (place % 2))
    assert way.playout.jitter_s == pytest.approx(alone.jitter_s, abs=1e-6)
    assert way.playout.loss == 0.0


@several
def test_a_frame_has_its_turn_20_ms_after_the_one_before(frames: int) -> None:
    arrivals = Arrivals(frames)
    for place in range(20):
        arrivals.take(FIRST + place, START + place * frames * FRAME_S)
    first = FIRST * frames
    turns = np.array([arrivals.soonest(first + place) for place in range(9)])
    assert turns == pytest.approx(START + np.arange(9) * FRAME_S)


@several
def test_a_lost_round_is_repaired_by_the_copies_of_a_later_one(frames: int) -> None:
    way = Way(frames)
    lost = {place for place in range(60, 300) if place % 20 == 7}
    for place in range(300):
        if place not in lost:
            way.come(place)
        way.listen(place + 1)
    counts = way.playout.counts
    assert counts.lost == len(lost) * frames
    # The first loss is a surprise; from then on playout waits for copies.
    assert counts.repaired >= (len(lost) - 1) * frames
    repaired = {-number - 2 for number in way.numbers() if number < -1}
    last = max(lost)
    assert repaired >= set(range((FIRST + last) * frames, (FIRST + last + 1) * frames))


@several
def test_a_pause_counts_as_many_frames_as_a_round_takes(frames: int) -> None:
    way = Way(frames)
    for place in range(40):
        way.come(place, paused=10 <= place < 20)
        way.listen(place + 1)
    assert way.playout.counts.paused == 10 * frames
    assert way.playout.counts.lost == 0


@several
def test_a_round_that_comes_twice_is_taken_once(frames: int) -> None:
    way = Way(frames)
    for place in range(20):
        way.come(place)
        way.come(place, 0.001)
        way.listen(place + 1)
    assert way.playout.counts.heard <= 20 * frames
    assert way.playout.counts.late == 0


def test_samples_of_a_round_that_is_not_whole_frames_are_our_bug() -> None:
    with pytest.raises(ValueError, match="reshape"):
        Packer(Layout(2)).pack(np.zeros(FRAME_SAMPLES + 1, np.int16))
