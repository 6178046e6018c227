"""Playout: rows of (round, arrival) and what is heard when."""

from typing import NamedTuple

import numpy as np
import pytest
from playing import (
    GARBAGE,
    GUESS,
    SILENCE,
    START,
    Arrival,
    NoResampler,
    NumberDecoder,
    copy_of,
    frame_of,
    listen,
    runs,
)

from pymix_voice.geometry import FRAME_SAMPLES
from pymix_voice.voice import opus
from pymix_voice.voice.playout import CONCEAL_FRAMES, PAUSE, STALE_S, WINDOW, Counts, Playout
from pymix_voice.voice.redundancy import ONE_FRAME

BACK = ONE_FRAME.frames_back

Rows = list[tuple[int, float]]

FIRST_MS = 62
"""The first round is heard so long after it came: 30 ms feared, 3 ms spare, 29 ms ahead."""


def steady(first: int, until: int, late_ms: float = 0.0) -> Rows:
    """Rounds in time; round 1000 comes at 0 ms."""
    return [(number, (number - 1000) * 20 + late_ms) for number in range(first, until)]


def without(rows: Rows, *lost: int) -> Rows:
    return [row for row in rows if row[0] not in lost]


def arrivals(rows: Rows, *, copies: bool = False) -> list[Arrival]:
    """Frames that sound like their round, with the copies that a peer sends, or without."""
    return [
        Arrival(
            *(ms, number, frame_of(number)),
            ((number - BACK, copy_of(number - BACK)),) if copies else (),
        )
        for number, ms in rows
    ]


def new_playout(copies_back: int = 0) -> Playout:
    """One that does not wait for copies, so that instants are simple; it uses those it has."""
    return Playout(NumberDecoder(), NoResampler(), copies_back)


class Case(NamedTuple):
    """What arrives, and what is heard of it from the first round on."""

    rows: Rows
    heard: list[tuple[int, float]]
    """(what, ms after the first round that was heard began to be)."""
    counts: dict[str, int]
    copies: bool = False


def counted(**some: int) -> Counts:
    return Counts(**{name: some.get(name, 0) for name in Counts._fields})


FIVE = {"concealed": CONCEAL_FRAMES}
"""What follows the last round of each case, as nobody says that it is over."""

CASES = {
    "in time": Case(
        steady(1000, 1004),
        [(1000, 0), (1001, 20), (1002, 40), (1003, 60), (GUESS, 80), (SILENCE, 180)],
        {"heard": 4, **FIVE},
    ),
    "late, but not too late": Case(
        [(1000, 0), (1001, 50), (1002, 55), (1003, 90)],
        [(1000, 0), (1001, 20), (1002, 40), (1003, 60), (GUESS, 80), (SILENCE, 180)],
        {"heard": 4, **FIVE},
    ),
    "too late by two rounds, and waited for": Case(
        [(1000, 0), (1001, 90), (1002, 91), (1003, 92)],
        [(1000, 0), (GUESS, 20), (1001, 60), (1002, 80), (1003, 100)],
        {"heard": 3 + 1, "concealed": 2 + CONCEAL_FRAMES},
    ),
    "late, when the next one was here in its place": Case(
        [*without(steady(1000, 1005), 1002), (1002, 110)],
        [(1000, 0), (1001, 20), (GUESS, 40), (1003, 60), (1004, 80)],
        {"heard": 4, "lost": 1, "late": 1, "concealed": 1 + CONCEAL_FRAMES},
    ),
    "lost, with a copy": Case(
        without(steady(1000, 1006), 1002),
        [(1000, 0), (1001, 20), (-1004, 40), (1003, 60), (1004, 80), (1005, 100)],
        {"heard": 5, "lost": 1, "repaired": 1, **FIVE},
        copies=True,
    ),
    "lost, without a copy": Case(
        without(steady(1000, 1006), 1002),
        [(1000, 0), (1001, 20), (GUESS, 40), (1003, 60), (1004, 80), (1005, 100)],
        {"heard": 5, "lost": 1, "concealed": 1 + CONCEAL_FRAMES},
    ),
    "two lost, with copies": Case(
        without(steady(1000, 1007), 1002, 1003),
        [(1000, 0), (1001, 20), (-1004, 40), (-1005, 60), (1004, 80), (1005, 100), (1006, 120)],
        {"heard": 5, "lost": 2, "repaired": 2, **FIVE},
        copies=True,
    ),
    "lost and waited for is skipped later": Case(
        [(1000, 0), (1002, 90), (1003, 91), (1004, 92), (1005, 100)],
        [(1000, 0), (GUESS, 20), (1002, 60), (1003, 80), (1004, 100), (1005, 120)],
        {"heard": 5, "lost": 1, "concealed": 2 + CONCEAL_FRAMES},
    ),
    "out of order": Case(
        [(1000, 0), (1002, 30), (1001, 35), (1003, 60)],
        [(1000, 0), (1001, 20), (1002, 40), (1003, 60), (GUESS, 80)],
        {"heard": 4, **FIVE},
    ),
    "older than the first": Case(
        [(1000, 0), (999, 5), (1001, 20)],
        [(999, 0), (1000, 20), (1001, 40), (GUESS, 60)],
        {"heard": 3, **FIVE},
    ),
    "twice, also when it was heard": Case(
        [*steady(1000, 1004), *steady(1000, 1004, 5), *steady(1000, 1004, 90)],
        [(1000, 0), (1001, 20), (1002, 40), (1003, 60), (GUESS, 80)],
        {"heard": 4, **FIVE},
    ),
    "five guesses and then silence": Case(
        [(1000, 0)],
        [(1000, 0), (GUESS, 20), (SILENCE, 120)],
        {"heard": 1, **FIVE},
    ),
    "after silence at the old place": Case(
        [(1000, 0), *steady(1020, 1023)],
        [(1000, 0), (GUESS, 20), (SILENCE, 120), (1020, 400), (1021, 420), (1022, 440)],
        {"heard": 4, "lost": 19, "concealed": 2 * CONCEAL_FRAMES},
    ),
    "rounds that jump far ahead": Case(
        [*steady(1000, 1003), *((number + 5000, ms) for number, ms in steady(1006, 1009))],
        [(1000, 0), (1001, 20), (1002, 40), (GUESS, 60), (SILENCE, 80), (6006, 120), (6007, 140)],
        {"heard": 6, "concealed": 1 + CONCEAL_FRAMES},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_heard_when(case: Case) -> None:
    playout = new_playout()
    sound = listen(playout, arrivals(case.rows, copies=case.copies), 900)
    before, *heard = runs(sound)
    assert before.what == SILENCE
    told = [(run.what, run.ms - heard[0].ms) for run in heard[: len(case.heard)]]
    assert [what for what, _ in told] == [what for what, _ in case.heard]
    assert [ms for _, ms in told] == pytest.approx([ms for _, ms in case.heard], abs=1)
    assert playout.counts == counted(**case.counts)
    assert playout.first_played is not None
    assert playout.first_played[0] == heard[0].what
    assert playout.first_played[1] == pytest.approx(START + heard[0].ms / 1000)
    assert playout.dry


def test_the_first_round_is_heard_when_it_could_be_counted_on() -> None:
    for late_ms in (0.0, 3.0, 21.7):
        sound = listen(new_playout(), arrivals(steady(1000, 1010, late_ms)), 200)
        assert runs(sound)[1].what == 1000
        assert runs(sound)[1].ms == pytest.approx(late_ms + FIRST_MS, abs=10)


def test_before_the_first_round_there_is_silence() -> None:
    playout = new_playout()
    assert not listen(playout, [], 500).any()
    assert playout.first_played is None
    assert playout.counts == counted()
    assert playout.counts.loss == playout.counts.loss_after_repair == 0.0
    assert playout.dry


# ── who says nothing ─────────────────────────────────────────────────────────────────────────


def paused(rows: Rows, since: int, until: int) -> list[Arrival]:
    return [
        arrival._replace(frame=PAUSE if since <= arrival.number < until else arrival.frame)
        for arrival in arrivals(rows)
    ]


def test_a_pause_is_silence_neither_guessed_nor_lost() -> None:
    playout = new_playout()
    sound = listen(playout, paused(steady(1000, 1060), 1010, 1050), 1245)
    heard = [run.what for run in runs(sound) if run.what != SILENCE]
    assert [what for what in heard if what != GUESS] == [*range(1000, 1010), *range(1050, 1060)]
    assert playout.counts.paused == 40
    assert (playout.counts.lost, playout.counts.concealed) == (0, 0)
    assert playout.counts.loss == 0.0
    assert playout.counts.rounds == 60


def test_a_pause_begins_softly() -> None:
    playout = Playout(opus.Decoder(), NoResampler())
    encoder = opus.Encoder(81)
    at = np.arange(50 * FRAME_SAMPLES) / 48_000
    said = (8000 * np.sin(2 * np.pi * 200 * at)).astype(np.int16).reshape(50, -1)
    spoken = [Arrival(20.0 * n, n, encoder.encode(pcm)) for n, pcm in enumerate(said)]
    silent = [Arrival(20.0 * n, n, PAUSE) for n in range(50, 90)]
    sound = listen(playout, [*spoken, *silent], 1700).astype(int)
    assert np.abs(sound[20_000:]).max() > 7000
    assert np.abs(np.diff(sound[20_000:])).max() < 400  # the sine's own steps are 209
    assert not sound[-9600:].any()


def test_silence_all_the_time_counts_as_all_heard() -> None:
    playout = new_playout()
    listen(playout, paused(steady(1000, 1010), 0, 9999), 30)
    assert playout.dry
    playout.push(1010, [frame_of(1010)], START + 0.2)
    assert not playout.dry


def test_what_is_lost_in_a_pause_is_not_guessed() -> None:
    rows = without(steady(1000, 1060), *range(1020, 1030))
    playout = new_playout()
    listen(playout, paused(rows, 1010, 1060), 1350)
    assert playout.counts.concealed == 0
    assert playout.counts.lost == 10
    assert playout.counts.paused == 40


# ── what is no frame ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("copies", [False, True])
def test_a_frame_that_the_codec_refuses_is_as_good_as_lost(copies: bool) -> None:
    came = [
        arrival._replace(frame=GARBAGE if arrival.number == 1005 else arrival.frame)
        for arrival in arrivals(steady(1000, 1010), copies=copies)
    ]
    playout = new_playout()
    sound = listen(playout, came, 240)
    heard = [run.what for run in runs(sound) if run.what != SILENCE][:10]
    instead = -1007 if copies else GUESS
    assert heard == [*range(1000, 1005), instead, *range(1006, 1010)]
    assert playout.counts.lost == 1
    assert playout.counts.repaired == copies
    assert playout.counts.loss == pytest.approx(0.1)
    assert playout.counts.loss_after_repair == pytest.approx(0.0 if copies else 0.1)


def test_nothing_but_garbage_becomes_silent() -> None:
    playout = new_playout()
    came = [arrival._replace(frame=GARBAGE) for arrival in arrivals(steady(1000, 1050))]
    sound = listen(playout, came, 1100)
    assert not sound[12_000:].any()
    assert playout.counts.lost == 50
    assert playout.counts.concealed == CONCEAL_FRAMES


# ── what is kept ─────────────────────────────────────────────────────────────────────────────


def test_while_nobody_listens_only_the_newest_rounds_are_kept() -> None:
    playout = new_playout()
    for arrival in arrivals(steady(1000, 1000 + 3 * WINDOW)):
        playout.push(arrival.number, [arrival.frame], START + arrival.ms / 1000)
    assert playout.counts.dropped == 2 * WINDOW


def test_copies_for_rounds_that_are_not_played_are_not_kept_for_ever() -> None:
    class Copy(bytes):
        alive = 0

        def __del__(self) -> None:
            Copy.alive -= 1

    playout = new_playout()
    listen(playout, arrivals(steady(1000, 1010)), 100)
    for number in range(2000, 2000 + 10 * WINDOW):
        Copy.alive += 1
        playout.push(number, [frame_of(number)], START + 1, [(number + 10, Copy(b"-2"))])
    assert Copy.alive <= WINDOW


def test_silence_ends_with_what_is_not_too_old() -> None:
    """After a long stall of the card it is not told from the beginning."""
    playout = new_playout()
    came = arrivals(steady(1000, 1100))
    listen(playout, came[:20], 400)
    sound = listen(playout, came[20:], 2200, from_ms=1500)
    _, *heard = runs(sound, 1520)  # the rest of what had been begun
    first = next(run for run in heard if run.what > 0)
    place = (first.what - 1000) * 20
    assert first.ms - place < FIRST_MS + STALE_S * 1000
    assert playout.counts.concealed == CONCEAL_FRAMES


def test_opus_and_a_resampler_play_together() -> None:
    encoder, pcm = opus.Encoder(81), np.zeros(FRAME_SAMPLES, np.int16)
    playout = Playout(opus.Decoder(), NoResampler())
    came = [Arrival(20.0 * n, n, encoder.encode(pcm)) for n in range(10)]
    sound = listen(playout, came, 300)
    assert sound.dtype == np.int16
    assert playout.counts.heard == 10
    assert playout.first_played is not None
    assert playout.first_played[0] == 0
    assert playout.first_played[1] == pytest.approx(START + FIRST_MS / 1000, abs=0.003)
