"""Random worlds: what a seed gives, the same each time, and rules that hold in some of them."""

import pickle
from dataclasses import replace
from statistics import median

import pytest
from calls import EPOCH_S, first_call

from pymix_voice.lab.clocked import Rate
from pymix_voice.lab.network import Law
from pymix_voice.lab.simulate import bench, memory, shown
from pymix_voice.lab.simulate.memory import Memory
from pymix_voice.lab.simulate.observed import Observed, Violation
from pymix_voice.lab.simulate.running import Outcome, run
from pymix_voice.lab.simulate.scenario import (
    CALM_S,
    LEAST_S,
    Act,
    Do,
    Fault,
    Guest,
    Kind,
    Scenario,
    draw,
)
from pymix_voice.mix.machine import Mix

SHORT = Scenario(
    seed=3,
    seconds=13.0,
    calm_s=2.5,
    mixes=1,
    gateways=1,
    workers=1,
    clients=6,
    access=Law(0.005, 0.004, loss=0.01, reorder=0.02),
    chain=Law(),
    guests=(Guest("alice", 0.5, 0, 0, True, 1.0), Guest("bob", 0.7, 0, 0, True, 1.0)),
    contacts=False,
    rates={"alice": Rate(5.0, 1.0001), "mix1": Rate(1e5, 0.9999)},
    acts=(Act(2.0, "alice", Do.DIAL, "bob"),),
    faults=(
        Fault(6.0, Kind.REPLAY, 0.3, ("gateway1",), 20.0),
        Fault(6.5, Kind.JUNK, 0.3, ("mix1",), 20.0),
        Fault(9.8, Kind.CRASH, 0.05, ("gateway1",)),
    ),
)
"""Too short to recover; long enough for a call."""


def outcome(seed: int, *sentences: str) -> Outcome:
    violations = [Violation("frames", 12.5, sentence) for sentence in sentences]
    return Outcome(seed, 50.0, 1000, 2, 300, 4, {"crash": 2}, [0.0, 6.5], violations, "00")


def test_scenarios_are_small_mostly_and_all_that_can_happen_does() -> None:
    scenarios = [draw(seed, 50.0) for seed in range(400)]
    sizes = [len(each.guests) for each in scenarios]
    assert min(sizes) == 2
    assert median(sizes) <= 4
    assert max(sizes) > 30
    assert {each.mixes for each in scenarios} == {1, 2, 3, 4, 5}
    assert {each.gateways for each in scenarios} == {1, 2, 3}
    assert {each.workers for each in scenarios} == {1, 2}
    assert {fault.kind for each in scenarios for fault in each.faults} == set(Kind)
    assert {act.what for each in scenarios for act in each.acts} == set(Do)
    assert any(len(fault.names) > 2 for each in scenarios for fault in each.faults)
    assert any(each.rates for each in scenarios)
    assert any(not each.faults for each in scenarios)


def test_faults_and_what_people_do_end_before_the_rest_of_a_run() -> None:
    for scenario in (draw(seed, 1.0) for seed in range(200)):
        until = scenario.seconds - scenario.calm_s
        assert scenario.calm_s >= CALM_S
        assert scenario.seconds >= LEAST_S
        assert all(each.at + each.seconds <= until + 1e-9 for each in scenario.faults)
        assert all(each.at + each.seconds <= until + 1e-9 for each in scenario.acts)


def test_a_seed_gives_one_scenario_and_another_seed_another() -> None:
    assert draw(5, 50.0) == draw(5, 50.0) != draw(6, 50.0)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_at_the_same_instants() -> None:
    once = run(SHORT)
    assert once.violations == []
    assert once.calls == 1
    assert once.frames > 20
    assert once.faults == {"replay": 1, "junk": 1, "crash": 1}
    assert run(SHORT) == once
    # Links have dice of the seed, too.
    assert run(replace(SHORT, seed=4, seconds=5.0)).digest != once.digest


@pytest.mark.slow
def test_all_parts_are_as_large_five_epochs_later() -> None:
    rule = Memory(allowance=30, factor=1.0)
    world = Observed([rule], mixes=1, clients=4)
    first_call(world, world.join("alice"), world.join("bob"))
    world.run(world.began + (memory.SETTLED_EPOCHS + 1) * EPOCH_S - world.now)
    rule.look()
    assert set(rule._settled) == {"mix1", "gateway1", "alice", "bob"}
    world.run(5 * EPOCH_S)
    rule.close()
    assert rule.violations == []


def test_a_part_that_raises_has_broken_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    def sweep(mix: Mix, number: int) -> None:
        raise ValueError("out of paper")

    monkeypatch.setattr(Mix, "_sweep", sweep)
    (raised,) = run(SHORT).violations
    assert raised.rule == "raised"
    assert raised.sentence.startswith("ValueError in test_simulate.py, line ")
    assert raised.sentence.endswith(": out of paper")
    assert 0 < raised.at < 1


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 275])
def test_all_rules_hold(seed: int) -> None:
    """A few; `pymix-voice simulate` runs as many as you like."""
    done = run(draw(seed, LEAST_S, most_people=4))
    assert done.violations == []
    assert done.calls > 0
    assert sum(done.faults.values()) >= 3


def test_hours_are_shared_by_seeds_and_a_replay_has_the_same_share() -> None:
    assert bench.plan(1.0, None, 7) == bench.Plan(7, 72, 50.0)
    assert bench.plan(1.0, 10, 7).seconds == 360
    assert bench.plan(0.001, 5, 7).seconds == LEAST_S, "shorter ones could not recover"
    for seconds in (41, 50, 333):
        planned = bench.Plan(7, 9, float(seconds), people=8)
        words = planned.replay(11).split()
        assert words[2:6] == ["--seed", "11", "--seeds", "1"]
        assert bench.plan(float(words[7]), 1, 11, int(words[9])) == bench.Plan(11, 1, seconds, 8)


def test_seeds_run_one_after_the_other_where_there_is_one_processor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bench, "run", lambda scenario: outcome(scenario.seed))
    found = list(bench.outcomes(bench.Plan(5, 3, 50.0), processes=1))
    assert [each.seed for each in found] == [5, 6, 7]


def test_figures_add_up_and_each_violation_says_how_to_see_it_again() -> None:
    planned = bench.plan(1.0, None, 7)
    told = bench.summary(planned, [outcome(8, "something is wrong"), outcome(7)], 9.0, whole=False)
    assert (told["seeds"], told["rounds"], told["calls"]) == (2, 2000, 4)
    assert told["faults"] == {"crash": 4}
    assert told["recovery_s"] == {"p50": 3.25, "max": 6.5, "n": 4}
    assert told["violations"][0]["replay"] == planned.replay(8)
    lines = list(shown.sentences(told))
    assert lines[0] == "seed 8, 12.50 s, frames: something is wrong"
    assert lines[1].strip().startswith("pymix-voice simulate --seed 8 --seeds 1 --hours 0.01")
    assert "stopped early" in lines[2]
    assert shown.table(told).row_count == 10
    nothing = bench.summary(planned, [], 0.1, whole=False)
    assert nothing["recovery_s"] is None
    assert shown.table(nothing).row_count == 8


def test_outcomes_can_pass_between_processes() -> None:
    assert pickle.loads(pickle.dumps(outcome(1, "x"))) == outcome(1, "x")
