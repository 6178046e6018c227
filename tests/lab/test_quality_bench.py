"""The bench of quality: draws that are fair, scores that become rows, and a table of them."""

import io
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from pymix_voice.errors import ConfigError, SoundError
from pymix_voice.lab import emodel
from pymix_voice.lab import quality_bench as bench
from pymix_voice.lab import quality_shown as shown
from pymix_voice.lab.hearing import COPIES, PLAIN, SCHEMES, Speech
from pymix_voice.lab.losses import Losses
from pymix_voice.lab.patterns import WAYS, Pattern, Way
from pymix_voice.lab.profiles import PROFILES
from pymix_voice.lab.quality_bench import ALL, FEW, Condition, Score
from pymix_voice.lab.quality_shown import Row, Spread
from pymix_voice.voice.recordings import Recorder, read_recording

SAMPLES = Path(__file__).parents[2] / "samples"
A_TENTH = Condition("random", Way("steady", "for a test", loss=0.1), (COPIES, PLAIN))


@cache
def short() -> Speech:
    return Speech("short", read_recording(SAMPLES / "austen-selfish.wav")[:96_000])


def test_every_part_of_a_call_loses_its_share_and_seeds_differ() -> None:
    def lost(seed: int) -> list[bool]:
        drawn = bench.draw(A_TENTH.way, (400, 100, 50), (seed, 0))
        return [row.at is None for row in drawn.rows]

    first, second = lost(1), lost(2)
    for gone in (first, second):
        assert [sum(part) for part in (gone[:400], gone[400:500], gone[500:])] == [40, 10, 5]
    assert first == lost(1) != second


def test_all_schemes_are_sent_over_every_loss_and_two_over_networks() -> None:
    lossy = [each for each in ALL if each.pattern in set(Losses)]
    assert {(each.pattern, each.loss) for each in lossy} == {
        *(("random", share) for share in (0.0, 0.01, 0.03, 0.05, 0.10, 0.20)),
        *(("bursty", share) for share in (0.01, 0.03, 0.05, 0.10, 0.20)),
    }
    assert all(each.schemes == SCHEMES for each in lossy)
    networks = [each for each in ALL if each not in lossy]
    assert {each.pattern for each in networks} > set(PROFILES)
    assert {each.pattern for each in networks} - set(PROFILES) < {way.name for way in WAYS}
    assert all(each.schemes == (COPIES, PLAIN) for each in networks)


def test_the_steady_way_without_loss_is_drawn_once() -> None:
    nothing = ALL[0]
    assert nothing.loss == 0
    assert bench.count([short(), short()], [nothing, A_TENTH], seeds=3) == 2 * 5 + 2 * 2 * 3
    assert bench.count([short()], FEW, seeds=1) == 5 + 5 + 2 + 3 * 2


def test_a_profile_is_the_links_of_a_whole_call() -> None:
    def drawn(name: str, seed: int = 1) -> tuple[Condition, Pattern]:
        (condition,) = (each for each in ALL if each.pattern == name)
        return condition, bench.draw(condition.way, (400, 1500, 100), (seed, 0))

    continent, still = drawn("continent")
    assert (continent.loss, continent.always_the_same) == (0.0, True)
    assert still.rows[10].at == pytest.approx(10 * 0.02 + 2 * 0.005 + 6 * 0.015)
    wifi, poor = drawn("wifi")
    assert (wifi.loss, wifi.always_the_same) == (0.19, False)
    assert sum(row.at is None for row in poor.rows) == pytest.approx(0.19 * 2000, rel=0.2)
    assert poor == drawn("wifi")[1] != drawn("wifi", seed=2)[1]


def test_scores_of_one_way_and_scheme_become_a_row() -> None:
    measured = [
        Score(A_TENTH, PLAIN, 2.0, 0.8, 140.0, 100, 10, 5),
        Score(A_TENTH, PLAIN, 3.0, 0.9, 160.0, 100, 10, 5),
        Score(A_TENTH, COPIES, 4.0, 0.95, 190.0, 100, 2, 2),
    ]
    plain, copies = shown.rows(measured)
    r = emodel.rating(150, 0.1, 1.8)
    assert plain == Row(
        *("opus 44", 44.4, 0.1, "random", Spread(2.5, 0.707, 2), Spread(0.85, 0.071, 2)),
        *(150.0, 0.1, 1.8, round(r, 1), round(emodel.mos(r), 2)),
    )
    assert (copies.scheme, copies.pesq, copies.missing) == ("copies", Spread(4.0, None, 1), 0.02)
    told = json.loads(json.dumps(plain.told()))
    assert told["pesq"] == {"mean": 2.5, "sd": 0.707, "n": 2}
    assert list(told) == list(Row._fields)
    assert shown.rows([]) == []


def test_the_table_names_a_way_once_and_fits_a_terminal() -> None:
    spread = Spread(4.123, 0.456, 12)
    rows = [
        Row(scheme.name, 44.4, 0.2, "intercontinental", spread, spread, 333.3, 0.123, 2, 55.5, 2.2)
        for scheme in SCHEMES
    ]
    rows.append(
        Row("copies", 44.4, 1.0, "cut", Spread(1.04, None, 1), spread, None, 1, 1, None, None)
    )
    screen = Console(file=io.StringIO(), record=True, width=80)
    screen.print(shown.table(rows))
    lines = screen.export_text().splitlines()
    assert len(lines) == 1 + len(rows)
    assert lines[1].split()[:3] == ["20%", "intercontinental", "copies"]
    assert lines[2].split()[:2] == ["opus", "44"]
    assert "4.12±0.46" in lines[1]
    assert "333 ms" in lines[1]
    assert lines[-1].split()[2:5] == ["copies", "1.04", "4.12±0.46"]


def test_a_folder_without_recordings_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no WAV files"):
        bench.speeches(tmp_path)


@pytest.mark.slow
def test_a_recording_of_silence_is_named(tmp_path: Path) -> None:
    with Recorder(tmp_path / "nobody.wav") as recorder:
        recorder.write(np.zeros(48_000, np.int16))
    with pytest.raises(SoundError, match=r"nobody\.wav: there is only silence"):
        next(bench.scores(bench.speeches(tmp_path), [A_TENTH], seeds=1))


@pytest.mark.slow
def test_where_a_tenth_is_lost_copies_sound_better_for_some_delay() -> None:
    speech = Speech("selfish", read_recording(SAMPLES / "austen-selfish.wav"))
    measured = list(bench.scores([speech], [A_TENTH], seeds=1))
    copies, plain = shown.rows(measured)
    assert copies.pesq.mean > plain.pesq.mean + 0.5
    assert copies.stoi.mean > plain.stoi.mean
    assert plain.missing == pytest.approx(0.1, abs=0.01)
    assert copies.missing < 0.04
    assert copies.delay_ms is not None
    assert plain.delay_ms is not None
    assert 20 < copies.delay_ms - plain.delay_ms < 60
    assert measured == list(bench.scores([speech], [A_TENTH], seeds=1))
