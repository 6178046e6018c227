"""Playing patterns: figures of ways whose answer is known."""

import io
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from pymix_voice.lab.patterns import Pattern, Row, Way, patterns, rows
from pymix_voice.lab.playing import Figures, bodies, play, results, table
from pymix_voice.voice.recordings import read_recording

SAMPLES = Path(__file__).parents[2] / "samples"
ROUNDS = 500


@cache
def said() -> list[bytes]:
    return bodies(read_recording(SAMPLES / "austen-selfish.wav"), ROUNDS)


def drawn(way: Way) -> Pattern:
    return Pattern(way.name, way.sentence, rows(way, ROUNDS / 50, np.random.default_rng(1)))


def played(way: Way) -> Figures:
    return play(drawn(way), said())


def test_a_recording_is_said_over_and_over() -> None:
    pcm = read_recording(SAMPLES / "austen-selfish.wav")[: 10 * 960]
    once, twice = bodies(pcm, 10), bodies(pcm, 20)
    assert twice[:10] == once
    assert {len(body) for body in twice} == {111}


@pytest.mark.slow
def test_over_a_steady_way_all_is_heard_and_soon() -> None:
    figures = played(Way("steady", "nothing happens"))
    assert figures.late == figures.loss == figures.loss_after_repair == figures.concealed == 0.0
    assert figures.delay_p50_ms is not None
    assert figures.delay_p95_ms is not None
    assert 30 < figures.delay_p50_ms <= figures.delay_p95_ms < 70
    assert 0.0 <= figures.stretched < 0.005


def test_what_is_lost_is_told_and_what_a_copy_stood_in_for() -> None:
    figures = played(Way("loss", "a tenth is lost", loss=0.1))
    assert figures.loss == pytest.approx(0.1, abs=0.01)
    assert figures.loss_after_repair < 0.04
    assert figures.concealed <= figures.loss_after_repair + 0.01


def test_a_bad_way_takes_longer_and_is_guessed_or_stretched_more() -> None:
    good, bad = played(Way("good", "nothing")), played(Way("bad", "jitter", jitter=0.015))
    assert good.delay_p50_ms is not None
    assert bad.delay_p50_ms is not None
    assert bad.delay_p50_ms > good.delay_p50_ms + 20
    assert bad.stretched + bad.concealed > good.stretched + good.concealed


def test_a_way_over_which_nothing_comes_has_no_delay() -> None:
    nothing = Pattern("cut", "all is lost", [Row(number, None) for number in range(100)])
    figures = play(nothing, said())
    assert figures.delay_p50_ms is None
    assert figures.delay_p95_ms is None
    shown = Console(file=io.StringIO(), record=True, width=120)
    shown.print(table([figures]))
    assert "-" in shown.export_text()


@pytest.mark.slow
def test_results_come_one_by_one_and_are_the_same_each_time() -> None:
    pcm = read_recording(SAMPLES / "austen-selfish.wav")
    corpus = patterns(2.0)[:3]
    first = results(pcm, corpus)
    assert next(first).name == corpus[0].name
    assert [each.name for each in first] == [pattern.name for pattern in corpus[1:]]
    assert list(results(pcm, corpus)) == list(results(pcm, corpus))
    assert list(results(pcm, [])) == []


@pytest.mark.parametrize("sentences", [True, False])
def test_the_table_has_a_line_for_each_pattern_and_fits_a_terminal(sentences: bool) -> None:
    figures = [
        Figures(pattern.name, pattern.sentence, 123.4, 234.5, 0.001, 0.2, 0.1, 0.1, 0.01, 66.0)
        for pattern in patterns(1.0)
    ]
    width = 130 if sentences else 80
    shown = Console(file=io.StringIO(), record=True, width=width)
    shown.print(table(figures, sentences=sentences))
    lines = shown.export_text().splitlines()
    assert len(lines) == 1 + len(figures)
    assert all(len(line) <= width for line in lines)
    for line, each in zip(lines[1:], figures, strict=True):
        assert line.startswith(each.name)
        assert "123 ms" in line
        assert (each.sentence in line) is sentences


@pytest.mark.slow
def test_the_whole_corpus_is_played_without_a_surprise() -> None:
    """What is lost is not much more than what did not come; what is guessed is little."""
    corpus = patterns(20.0)
    for pattern, figures in zip(
        corpus, results(read_recording(SAMPLES / "kennedy.wav"), corpus), strict=True
    ):
        missing = sum(row.at is None for row in pattern.rows) / len(pattern.rows)
        assert figures.loss == pytest.approx(missing, abs=0.006), pattern.name
        assert figures.loss_after_repair <= max(0.006, missing * 0.45), pattern.name
        assert figures.concealed < 0.06, pattern.name
        assert figures.delay_p95_ms is not None
        assert figures.delay_p95_ms < 320, pattern.name
        assert figures.stretched < 0.02, pattern.name
