"""The command that runs random worlds: figures, exit codes, Ctrl-C."""

import json
from collections.abc import Callable, Iterator

import pytest

from pymix_voice.cli import main
from pymix_voice.lab.simulate import bench
from pymix_voice.lab.simulate.bench import Plan
from pymix_voice.lab.simulate.observed import Violation
from pymix_voice.lab.simulate.running import Outcome

Fakes = Callable[[Plan], Iterator[Outcome]]


def outcome(seed: int, *violations: Violation) -> Outcome:
    return Outcome(seed, 50.0, 100, 1, 20, 3, {"stall": 1}, [2.0], list(violations), "00")


BROKEN = Violation("wiped", 3.0, "mix1 still holds layer keys")


def fake(monkeypatch: pytest.MonkeyPatch, outcomes: Fakes) -> None:
    monkeypatch.setattr(bench, "outcomes", outcomes)


def test_rules_that_hold_are_code_0_and_one_object(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(monkeypatch, lambda plan: (outcome(plan.seed + each) for each in range(plan.seeds)))
    assert main(["simulate", "--hours", "0.1", "--seeds", "4", "--seed", "9", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert (told["bench"], told["whole"], told["first_seed"], told["seeds"]) == (
        "simulate",
        True,
        9,
        4,
    )
    assert told["violations"] == []


def test_a_broken_rule_is_code_1_and_told_with_the_command_that_shows_it_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(monkeypatch, lambda plan: iter([outcome(1), outcome(2, BROKEN)]))
    assert main(["simulate", "--seeds", "2", "--hours", "0.03"]) == 1
    told = capsys.readouterr().out
    assert "seed 2, 3.00 s, wiped: mix1 still holds layer keys" in told
    assert "pymix-voice simulate --seed 2 --seeds 1 --hours 0.015" in told


def test_ctrl_c_shows_what_was_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(plan: Plan) -> Iterator[Outcome]:
        yield outcome(1)
        raise KeyboardInterrupt

    fake(monkeypatch, stopped)
    assert main(["simulate", "--seeds", "3"]) == 130
    told = capsys.readouterr().out
    assert "1 from 1 on" in told
    assert "stopped early" in told


@pytest.mark.parametrize("words", [["--hours", "0"], ["--seeds", "0"], ["--people", "1"]])
def test_what_cannot_be_run_is_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_help_names_every_rule_and_a_command_to_start_with(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["simulate", "--help"]) == 0
    told = capsys.readouterr().out
    for rule in ("frames", "nonces", "headers", "matrices", "wiped", "memory", "recovery"):
        assert rule in told
    assert "simulate --seed 4711 --seeds 1" in told
