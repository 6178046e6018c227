"""Playout: rows of (round, arrival) and what is heard when."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pymix_voice.errors import BadCell, Drop, Misuse
from pymix_voice.geometry import FRAME_SAMPLES
from pymix_voice.voice import opus
from pymix_voice.voice.playout import Playout

GUESS = -1
SILENT = 0


class ByteDecoder:
    """The sound of a frame is its number; a guess sounds like -1."""

    def decode(self, frame: bytes) -> NDArray[np.int16]:
        if frame == b"garbage":
            raise BadCell(Drop.MALFORMED)
        return np.full(FRAME_SAMPLES, int(frame), dtype=np.int16)

    def conceal(self) -> NDArray[np.int16]:
        return np.full(FRAME_SAMPLES, GUESS, dtype=np.int16)


def played(arrivals: list[tuple[int, int]], until_ms: int) -> tuple[Playout, list[int]]:
    """Push (round, arrival in ms) in order of arrival and pull at each deadline."""
    playout = Playout(ByteDecoder())
    sounds: list[int] = []
    for number, ms in sorted(arrivals, key=lambda row: row[1]):
        sounds += [int(frame[0]) for frame in playout.pull(1000 + ms / 1000 - 1e-6)]
        playout.push(number, b"%d" % number, 1000 + ms / 1000)
    sounds += [int(frame[0]) for frame in playout.pull(1000 + until_ms / 1000)]
    return playout, sounds


# (round, arrival in ms) -> what is heard at 40, 60, 80 ... ms after the first arrival.
TABLE = [
    pytest.param(
        [(7, 0), (8, 20), (9, 40)],
        [7, 8, 9],
        (3, 0, 0),
        id="in time",
    ),
    pytest.param(
        [(7, 0), (8, 59), (9, 79)],
        [7, 8, 9],
        (3, 0, 0),
        id="up to 40 ms of jitter",
    ),
    pytest.param(
        [(7, 0), (8, 61), (9, 79)],
        [7, GUESS, 9],
        (2, 1, 1),
        id="one too late",
    ),
    pytest.param(
        [(7, 0), (9, 40), (10, 60)],
        [7, GUESS, 9, 10],
        (3, 1, 0),
        id="one lost",
    ),
    pytest.param(
        [(7, 0), (9, 20), (8, 21)],
        [7, 8, 9],
        (3, 0, 0),
        id="out of order",
    ),
    pytest.param(
        [(7, 0), (8, 20), (8, 25), (7, 30)],
        [7, 8],
        (2, 0, 0),
        id="each twice",
    ),
    pytest.param(
        [(7, 0), (6, 1)],
        [7],
        (1, 0, 1),
        id="older than the first",
    ),
    pytest.param(
        [(7, 0)],
        [7] + [GUESS] * 5 + [SILENT] * 3,
        (1, 5, 0),
        id="five guesses and then silence",
    ),
    pytest.param(
        [(7, 0), (17, 200), (18, 220)],
        [7] + [GUESS] * 5 + [SILENT] * 4 + [17, 18],
        (3, 5, 0),
        id="after a gap at its old place",
    ),
    pytest.param(
        [(7, 0), (8, 300), (9, 320)],
        [7] + [GUESS] * 5 + [SILENT] * 9 + [8, 9],
        (3, 5, 0),
        id="a path that became longer gets a new timetable out of silence",
    ),
    pytest.param(
        [(7, 0), (8, 305), (9, 325)],
        [7] + [GUESS] * 5 + [SILENT] * 10 + [8, 9],
        (3, 5, 0),
        id="a new timetable stays on the 20 ms raster",
    ),
    pytest.param(
        [(7, 0), (900, 200)],
        [7] + [GUESS] * 5 + [SILENT] * 4 + [900],
        (2, 5, 0),
        id="rounds that jumped get a new timetable out of silence",
    ),
]


@pytest.mark.parametrize(("arrivals", "sounds", "counts"), TABLE)
def test_what_is_heard_when(
    arrivals: list[tuple[int, int]], sounds: list[int], counts: tuple[int, int, int]
) -> None:
    playout, heard = played(arrivals, 40 + 20 * (len(sounds) - 1))
    assert heard == sounds
    assert (playout.heard, playout.concealed, playout.late) == counts


def test_nothing_is_heard_before_the_first_frame() -> None:
    playout = Playout(ByteDecoder())
    assert playout.deadline() is None
    assert playout.pull(1000.0) == []
    assert playout.s0 is None


def test_deadline_is_the_next_20_ms_of_sound() -> None:
    playout = Playout(ByteDecoder(), delay_s=0.1)
    playout.push(3, b"3", 1000.0)
    assert playout.s0 == pytest.approx(1000.1)
    assert playout.deadline() == playout.s0
    assert playout.pull(1000.09) == []
    assert len(playout.pull(1000.1)) == 1
    assert playout.deadline() == pytest.approx(1000.12)
    assert len(playout.pull(1000.16)) == 3


def test_pulling_at_each_deadline_gives_one_frame_for_hours() -> None:
    playout = Playout(ByteDecoder())
    playout.push(0, b"0", 1_234_567.89)
    for _ in range(5000):
        due = playout.deadline()
        assert due is not None
        assert len(playout.pull(due)) == 1
    assert playout.s0 is not None
    assert playout.deadline() == pytest.approx(playout.s0 + 100.0, abs=1e-6)


def test_a_frame_too_far_ahead_is_not_kept_while_something_plays() -> None:
    playout = Playout(ByteDecoder())
    playout.push(3, b"3", 1000.0)
    playout.push(3 + 64, b"67", 1000.0)
    assert playout.early == 1


def test_a_frame_that_the_codec_refuses_is_concealed() -> None:
    playout = Playout(ByteDecoder())
    playout.push(3, b"garbage", 1000.0)
    (sound,) = playout.pull(1000.04)
    assert sound[0] == GUESS
    assert (playout.garbled, playout.concealed, playout.heard) == (1, 1, 0)


def test_a_negative_delay_is_a_fault() -> None:
    with pytest.raises(Misuse):
        Playout(ByteDecoder(), delay_s=-0.01)


@given(st.lists(st.tuples(st.integers(0, 80), st.integers(0, 2000)), min_size=1, max_size=60))
def test_no_round_is_heard_twice_and_sound_has_no_gap(arrivals: list[tuple[int, int]]) -> None:
    playout, heard = played([(number + 1, ms) for number, ms in arrivals], 4000)
    rounds = [sound for sound in heard if sound > 0]
    assert playout.heard == len(rounds) <= len(arrivals)
    assert playout.heard + playout.concealed + playout.silent == len(heard)
    first = min(ms for _, ms in arrivals)
    assert len(heard) == (4000 - first - 40) // 20 + 1


def test_opus_is_a_decoder_for_playout() -> None:
    playout = Playout(opus.Decoder())
    encoder = opus.Encoder()
    for number in range(3):
        frame = encoder.encode(np.zeros(FRAME_SAMPLES, dtype=np.int16))
        playout.push(number, frame, 1000.0 + 0.02 * number)
    assert len(playout.pull(1000.1)) == 4
    assert (playout.heard, playout.concealed) == (3, 1)
