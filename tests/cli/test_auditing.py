"""The command that attacks the project: what it says, gives back, and keeps after Ctrl-C."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from pymix_voice.cli import main
from pymix_voice.lab.audit import bench
from pymix_voice.lab.audit.attacks import ATTACKS
from pymix_voice.lab.audit.bench import Attacked, Found, Life
from pymix_voice.lab.audit.guesses import Guess, Linking
from pymix_voice.lab.audit.limits import Limit
from pymix_voice.lab.audit.variants import BROKEN, HEALTHY

PEOPLE = 20
LIMIT = Limit("dropping", 100, 3, "epochs", "few", 0.6, 0.5, 100)
SHARES = (0.5, 1.0)

Audit = Callable[[Found, Sequence[Life], Callable[[str], None]], Iterator[Life]]


def guess(*, right: bool) -> Linking:
    """All partners are found, or none is."""
    truth = np.roll(np.arange(PEOPLE), 1)
    scores = np.zeros((PEOPLE, PEOPLE))
    scores[np.arange(PEOPLE), truth if right else np.roll(truth, 1)] = 1.0
    np.fill_diagonal(scores, -np.inf)
    return Linking(scores, truth)


def auditing(leaks: bool, stopped: bool = False) -> Audit:
    """An audit of the build as it is, and of one that is broken."""

    def audit(found: Found, plan: Sequence[Life], tell: Callable[[str], None]) -> Iterator[Life]:
        for variant, right in ((HEALTHY, leaks), (BROKEN[0], True)):
            life = Life(variant.name, 1, SHARES)
            guesses: dict[str, Guess] = {"correlation": guess(right=right)}
            found.attacked.append(Attacked(life, (10.0, 20.0), (guesses, guesses)))
            yield life
        if stopped:
            raise KeyboardInterrupt
        found.limits = [LIMIT]
        found.whole = True

    return audit


@pytest.mark.parametrize("leaks", [False, True])
def test_a_finding_in_the_build_as_it_is_is_an_exit_code(
    leaks: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "audit", auditing(leaks))
    assert main(["audit", "--quick", "--json"]) == int(leaks)
    found = json.loads(capsys.readouterr().out)
    assert found["sound"] is not leaks
    assert [row["variant"] for row in found["attacks"]] == [HEALTHY.name] * 2 + [BROKEN[0].name] * 2
    assert {row["caught"] for row in found["attacks"] if row["variant"] == HEALTHY.name} == {leaks}
    assert found["limits"][0]["name"] == "dropping"


def test_a_report_is_written_and_the_table_has_attacks_and_builds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "audit", auditing(leaks=False))
    monkeypatch.setenv("COLUMNS", "160")
    assert main(["audit", "--quick", "--report", str(tmp_path / "report")]) == 0
    text = capsys.readouterr().out
    assert "correlation" in text
    assert "none of 1 attacks did better than chance" in text
    assert "dropping, phantoms few: right 60% after 3 epochs" in text
    assert (tmp_path / "report" / "index.html").stat().st_size > 10_000


def test_ctrl_c_keeps_what_was_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "audit", auditing(leaks=False, stopped=True))
    assert main(["audit", "--quick", "--json"]) == 130
    found = json.loads(capsys.readouterr().out)
    assert found["whole"] is False
    assert found["attacks"]


def test_the_page_names_every_attack_and_every_build() -> None:
    page = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()
    names = [attack.name for attack in ATTACKS] + [variant.name for variant in BROKEN]
    assert [name for name in names if f"| `{name}` |" not in page] == []
