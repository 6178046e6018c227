import csv
import io
import sys
from itertools import pairwise
from pathlib import Path

import madeup
import pytest
from hypothesis import given
from hypothesis import strategies as st
from webpage import seen

from pymix_voice.errors import ConfigError
from pymix_voice.lab.report import budget, delay, drawing, sheets, sound, writing
from pymix_voice.lab.report.results import Results, read, taken

AWKWARD = '<script>alert(1)</script> & "$x^{2$" \u202e\x00\n{{ 7 * 7 }} --> \u6d4b=1+1,'
"""A name that is everything a name should not be."""


def everything() -> Results:
    return taken({"latency": madeup.latency(), "quality": madeup.quality(), "cost": madeup.cost()})


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody looks at the pictures."""
    monkeypatch.setattr(drawing, "PNG_DPI", 20)


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return writing.made(everything())


# ── files ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_everything_is_written_and_can_be_read_again(
    tmp_path: Path, files: dict[str, bytes]
) -> None:
    written = writing.write(tmp_path / "new" / "report", everything())
    names = {path.name for path in written}
    assert names == {writing.PAGE, writing.RESULTS, *writing.PICTURES, *writing.TABLES}
    assert {path.name for path in (tmp_path / "new" / "report").iterdir()} == names
    assert read(tmp_path / "new" / "report" / "results.json") == everything()
    assert {path.name: path.read_bytes() for path in written} == files, "the same every time"


@pytest.mark.slow
def test_pictures_for_pages_elsewhere_are_small_and_wide_enough(files: dict[str, bytes]) -> None:
    for name in writing.PICTURES:
        assert files[name].startswith(b"\x89PNG")
        assert len(files[name]) < 150_000
        assert int.from_bytes(files[name][16:20]) == 1400


@pytest.mark.slow
def test_the_page_asks_nobody_for_anything(files: dict[str, bytes]) -> None:
    page = seen(files)
    assert page.names.count("svg") == 4
    outside = [link for link in page.links if not link.startswith("#")]
    assert outside == ["https://example.org/a?b=1&c=2"], "plain links to sources only"
    assert b"default-src 'none'" in files["index.html"]


@pytest.mark.slow
def test_pictures_in_the_page_follow_its_colours(files: dict[str, bytes]) -> None:
    page = files["index.html"].decode()
    drawn = page[page.index("<svg") : page.rindex("</svg>")]
    for name, shade in drawing.PALETTE.items():
        assert shade.light not in drawn
        assert f"--{name}: {shade.dark}" in page
    assert "var(--ours)" in drawn
    assert "var(--ink)" in drawn


def test_what_a_later_report_does_not_have_is_deleted(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    for name in (*writing.PICTURES, *writing.TABLES):
        (tmp_path / name).write_text("of an earlier report")
    writing.write(tmp_path, Results())
    assert {each.name for each in tmp_path.iterdir()} == {"index.html", "results.json", "mine.txt"}


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="a folder is wanted"):
        writing.write(tmp_path / "file", Results())


def test_a_missing_library_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ConfigError, match=r"needs jinja2; .*pymix-voice\[bench\]"):
        writing.write(tmp_path / "report", Results())
    assert not (tmp_path / "report").exists()


# ── what is missing, cut off, or awkward ─────────────────────────────────────────────────────


@pytest.mark.slow
@pytest.mark.usefixtures("coarse")
@pytest.mark.parametrize("name", ["latency", "quality", "cost"])
def test_a_bench_that_is_missing_is_left_out(name: str) -> None:
    told = {name: getattr(madeup, name)()}
    made = writing.made(taken(told))
    page = seen(made)
    assert page.words.count("This was not measured.") == 2
    pictures = {"delay.png", "budget.png"} if name == "latency" else {f"{name}.png"}
    assert set(made) == {"index.html", "results.json", f"{name}.csv", *pictures}


@pytest.mark.usefixtures("coarse")
def test_a_run_that_was_stopped_at_once_still_has_a_page() -> None:
    nothing = {"p50": None, "p95": None, "p99": None, "n": 0}
    late = madeup.latency() | {"whole": False, "mouth_to_ear_ms": nothing}
    late |= {"direct_ms": None, "added_ms": None, "runs": [], "beside": [], "published": []}
    heard, spent = madeup.quality() | {"quality": []}, madeup.cost() | {"rows": []}
    made = writing.made(taken({"latency": late, "quality": heard, "cost": spent}))
    page = seen(made)
    assert "interrupted" in page.words
    assert "Nothing was heard" in page.words
    assert not [name for name in made if name.endswith(".png")]


@pytest.mark.usefixtures("coarse")
@pytest.mark.slow
def test_a_run_in_which_nothing_was_heard_is_not_drawn() -> None:
    nothing = {"p50": None, "p95": None, "p99": None, "n": 0}
    silent = madeup.run("silent", 100, 1, mouth_to_ear_ms=nothing, values_ms=[], parts_ms={})
    late = madeup.latency()
    late["runs"].insert(0, silent)
    late["beside"][2] |= {"mouth_to_ear_ms": None, "missing": "tor is not installed"}
    found = taken({"latency": late}).latency
    assert found is not None
    drawn = [row.name for row in delay.rows(found, every_run=True)]
    assert "silent" not in drawn
    assert "Tor" not in drawn
    page = seen(writing.made(Results(latency=found)))
    assert "Tor was not measured here: tor is not installed" in page.words
    assert "silent" in page.words


@pytest.mark.usefixtures("coarse")
@pytest.mark.slow
def test_of_many_runs_pictures_show_some_and_say_so() -> None:
    late = madeup.latency()
    late["runs"] = [madeup.run(f"run {n}", 100, n) for n in range(14)]
    found = taken({"latency": late}).latency
    assert found is not None
    drawn = [row.name for row in delay.rows(found, every_run=True)]
    assert [name for name in drawn if name.startswith("run")] == [f"run {n}" for n in range(12)]
    assert "Mumble" in drawn
    page = seen(writing.made(Results(latency=found)))
    assert "the first 12 of each sort" in page.words
    assert "run 13" in page.words


@pytest.mark.usefixtures("coarse")
@pytest.mark.slow
def test_awkward_names_are_shown_as_they_are_and_do_nothing() -> None:
    late, heard = madeup.latency(), madeup.quality()
    late["runs"] = [madeup.run(AWKWARD, 100, 1, network=AWKWARD, parts_ms={AWKWARD: 50.0})]
    late["runs"].append(madeup.run(AWKWARD * 9, 100, 1, parts_ms={}))
    late["beside"] = [madeup.beside(AWKWARD, 100, 2, 50, 1)]
    late["published"] = [
        {"scheme": AWKWARD, "ms": 10, "sentence": AWKWARD, "source": source}
        for source in ('https://example.org/"><script>', "javascript:alert(1)", AWKWARD)
    ]
    late["machine"] = late["machine"] | {"cpu": AWKWARD}
    heard["quality"] = [madeup.heard(AWKWARD, AWKWARD, loss, 3.0) for loss in (0.0, 0.1)]
    made = writing.made(taken({"latency": late, "quality": heard}))
    page = seen(made)
    assert "<script>alert(1)</script>" in page.words
    assert "{{ 7 * 7 }}" in page.words
    assert "$x^{2$" in page.words
    outside = [link for link in page.links if not link.startswith("#")]
    assert outside == ['https://example.org/"><script>']
    lines = list(csv.DictReader(io.StringIO(made["latency.csv"].decode(), newline="")))
    assert lines[0]["name"] == AWKWARD


# ── tables ───────────────────────────────────────────────────────────────────────────────────


def test_tables_hold_what_was_measured() -> None:
    found = everything()
    assert found.latency is not None
    lines = list(csv.DictReader(io.StringIO(sheets.latency_csv(found.latency), newline="")))
    assert [line["kind"] for line in lines] == ["run"] * 3 + ["direct"] + ["beside"] * 4 + [
        "published"
    ] * 3
    first = found.latency.runs[0]
    assert lines[0]["name"] == "3 mixes"
    assert float(lines[0]["mouth_to_ear_p95_ms"]) == first.mouth_to_ear_ms.p95
    assert float(lines[0]["part playout, ms"]) == first.parts_ms["playout"]
    assert lines[-1]["mouth_to_ear_p50_ms"] == ""
    assert float(lines[-1]["published_ms"]) == 360.0
    assert found.quality is not None
    assert found.cost is not None
    scores = list(csv.DictReader(io.StringIO(sheets.quality_csv(found.quality), newline="")))
    assert len(scores) == 27
    assert float(scores[0]["pesq_mean"]) == 4.3
    sizes = list(csv.DictReader(io.StringIO(sheets.cost_csv(found.cost), newline="")))
    assert [int(line["clients"]) for line in sizes] == [100, 300, 1000, 3000, 8000]
    assert sizes[-1]["gateway_bytes_per_client"] == ""
    assert {line["client_kbit_s_up"] for line in sizes} == {"62.0"}


# ── pictures ─────────────────────────────────────────────────────────────────────────────────


def test_the_file_for_the_readme_has_our_main_run_only() -> None:
    found = everything().latency
    assert found is not None
    names = [row.name for row in delay.rows(found, every_run=False)]
    assert names == ["direct", "pymix-voice", "naive timers", "Tor", "Mumble"]
    every = [row.name for row in delay.rows(found, every_run=True)]
    assert every[1:4] == ["3 mixes", "5 mixes", "3 mixes, home network"]
    assert delay.title(found) == "Speech is heard after 118 ms, 41 ms later than in a direct call"


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=60))
def test_a_shape_has_room_for_every_value(values: list[float]) -> None:
    at, often = delay.shape(values)
    assert at[0] < min(values)
    assert at[-1] > max(values)
    assert (often.min(), often.max()) == (0, 1) or often.min() > 0
    assert often[0] < 0.5, "it begins thin"


def test_a_shape_is_thickest_where_most_values_are() -> None:
    at, often = delay.shape([100.0] * 50 + [200.0] * 10)
    assert at[often.argmax()] == pytest.approx(100, rel=0.03)
    assert often[abs(at - 200).argmin()] == pytest.approx(0.2, rel=0.1)


@given(st.floats(1, 1e12), st.floats(1, 1e12))
def test_a_scale_begins_below_all_and_doubles(one: float, other: float) -> None:
    low, high = sorted((one, other))
    lines = delay.marks(low, high)
    assert lines[0] <= low <= 2 * lines[0]
    assert lines[-1] <= high
    assert all(after == 2 * before for before, after in pairwise(lines))


def test_a_budget_names_its_widest_piece() -> None:
    found = everything().latency
    assert found is not None
    assert "playout, 58 of 116 ms" in budget.title(found.runs[0])
    mixes = madeup.run("mixes", 110, 1, parts_ms={"mix 1": 30.0, "lead": 40.0, "mix 2": 20.0})
    some = taken({"latency": madeup.latency() | {"runs": [mixes]}}).latency
    assert some is not None
    assert "mixes, 50 of 90 ms" in budget.title(some.runs[0])


def test_scores_without_loss_begin_the_lines_of_every_pattern() -> None:
    found = everything().quality
    assert found is not None
    for some in sound.lines(found.quality).values():
        for points in some.values():
            assert [loss for loss, _ in points] == [0.0, 0.01, 0.05, 0.1, 0.2]


def test_a_title_tells_of_ours_and_the_first_other() -> None:
    some = madeup.quality()
    for row in some["quality"][:9]:
        row["scheme"] = "pymix-voice, copies"
    some["quality"] += [madeup.heard("pymix-voice, bare", "random", 0.2, 2.0)]
    found = taken({"quality": some}).quality
    assert found is not None
    told = sound.title(sound.lines(found.quality))
    assert told == "With 20 % random loss: pymix-voice 3.1, plain Opus 1.1"


def test_colours_tell_schemes_apart() -> None:
    names = ["Tor", "direct", "pymix-voice", "pymix-voice, bare", "direct, far", "Mumble", "Tor"]
    hues = drawing.colours(names)
    assert len(set(hues.values())) == len(hues) == 6
    assert (hues["pymix-voice"], hues["direct"]) == (drawing.OURS, drawing.PLAIN_GREY)


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=8),
    st.floats(0.1, 10),
)
def test_labels_do_not_lie_over_one_another(wanted: list[float], least: float) -> None:
    places = drawing.apart(wanted, least, 0.0, 100.0)
    ordered = sorted(places)
    assert all(b - a >= least * 0.999 for a, b in pairwise(ordered))
    assert all(-1e-9 <= place <= 100.0 + 1e-9 for place in places)
    by_wish = sorted(range(len(wanted)), key=lambda index: wanted[index])
    assert [places[index] for index in by_wish] == ordered
