"""The report of an audit, from made-up figures; and the work in processes beside."""

from pathlib import Path

import msgspec
import pytest
from webpage import seen

from pymix_voice.lab.audit import reporting, shown
from pymix_voice.lab.audit.bench import Found
from pymix_voice.lab.audit.findings import Row
from pymix_voice.lab.audit.guesses import Judged
from pymix_voice.lab.audit.variants import BROKEN, HEALTHY
from pymix_voice.lab.pool import spread_out


def row(name: str, variant: str, success: float, seconds: float = 20.0) -> Row:
    found = success > 0.5
    judged = Judged(success, 0.1, 0.0, 1.0, 0.001 if found else 0.6, 30, 1.5, 2.8)
    return Row(name, "outside", variant, seconds, judged, found)


ROWS = [
    row("correlation", HEALTHY.name, 0.12),
    row("sizes", HEALTHY.name, 0.1),
    *(row("correlation", variant.name, 0.3, 10.0) for variant in BROKEN),
    *(row("correlation", variant.name, 0.9) for variant in BROKEN),
]


def test_an_audit_is_sound_if_all_broken_builds_and_nothing_else_are_found_out() -> None:
    assert shown.is_sound(ROWS)
    assert not shown.is_sound([*ROWS, row("sizes", HEALTHY.name, 0.8, 30.0)])
    assert not shown.is_sound([*ROWS, row("correlation", BROKEN[0].name, 0.2, 30.0)])


def test_a_finding_in_the_build_as_it_is_is_told_first() -> None:
    told = shown.sentences([*ROWS, row("sizes", HEALTHY.name, 0.8, 30.0)])
    assert "sizes did better than chance" in told[0]


def test_a_report_has_the_figures_of_every_attack_and_asks_nobody(tmp_path: Path) -> None:
    found = reporting.told(Found(quick=True, whole=True), ROWS)
    reporting.write(tmp_path / "report", found, ROWS)
    files = {path.name: path.read_bytes() for path in (tmp_path / "report").iterdir()}
    assert "correlation" in seen(files).words
    results = msgspec.json.decode(files["results.json"])
    assert results["sound"] is True
    assert len(results["attacks"]) == len(ROWS)
    assert {"name", "variant", "success", "null", "advantage", "ci"} <= set(results["attacks"][0])
    assert files["matrix.png"].startswith(b"\x89PNG")


@pytest.mark.slow
def test_work_is_spread_over_processes_and_an_error_comes_back() -> None:
    assert sorted(spread_out(abs, [-3, -2, 1], workers=2)) == [1, 2, 3]
    with pytest.raises(ZeroDivisionError):
        list(spread_out(inverse, [1, 0], workers=1))


def inverse(number: int) -> float:
    return 1 / number
