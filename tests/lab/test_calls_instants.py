"""The parts of a delay, from marks that parts told."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zones import FUZZ

from pymix_voice.lab.calls.instants import Path, phases, spread
from pymix_voice.lab.processes import Told
from pymix_voice.lab.report import budget

FIRST = 90_000_000_000
ROUND_S = 0.02
PART_MS = st.floats(0.1, 80.0)


def told(name: str, at: Callable[[int], float], rounds: range = range(0, 50, 5)) -> list[Told]:
    """What a part tells of every fifth round."""
    return [
        {f"{name}_round": FIRST + number, f"{name}_at": at(number), "playout_ms": 12.0}
        for number in rounds
    ]


def way(steps_ms: list[float], mixes: int) -> tuple[Path, float]:
    """A way whose steps take so long: its parts' words, and the phase of speech."""
    ends = np.cumsum([20.0, *steps_ms]) / 1000
    base = 5_000.0

    def passing(step: int) -> Callable[[int], float]:
        return lambda number: base + number * ROUND_S + float(ends[step])

    names = iter(range(1, len(ends)))
    sent = told("sent", passing(next(names)))
    gateway = told("forward", passing(next(names)))
    chain = [told("forward", passing(next(names))) for _ in range(mixes)]
    for hop in range(mixes - 2, -1, -1):
        back = told("backward", passing(next(names)))
        chain[hop] = [{**one, **two} for one, two in zip(chain[hop], back, strict=True)]
    back = told("backward", passing(next(names)))
    gateway = [{**one, **two} for one, two in zip(gateway, back, strict=True)]
    came = told("came", passing(next(names)))
    return Path(sent, came, gateway, chain, ROUND_S), base - FIRST * ROUND_S


@FUZZ
@given(st.integers(1, 5), st.data())
def test_parts_are_the_steps_of_the_way_and_add_up(mixes: int, data: st.DataObject) -> None:
    count = 2 + mixes + (mixes - 1) + 2
    steps = data.draw(st.lists(PART_MS, min_size=count, max_size=count))
    path, spoken = way(steps, mixes)
    parts = path.parts_ms(spoken)
    assert list(parts)[:4] == ["frame", "sealing", "client to gateway", "before the tick"]
    assert list(parts)[-2:] == ["playout", "codec"]
    assert {budget.kind(part) for part in parts} <= budget.HUES.keys()
    between = list(parts.values())[1:-2]
    assert between == pytest.approx(steps, abs=0.02)
    assert sum(parts.values()) == pytest.approx(20 + sum(steps) + 12.0 + 6.5, abs=0.3)
    assert np.median(path.cells_ms()) == pytest.approx(sum(steps[1:]), abs=0.02)


def test_without_the_word_of_some_part_there_are_no_parts() -> None:
    path, spoken = way([1.0] * 9, 3)
    assert path.parts_ms(spoken)
    assert path._replace(gateway=[]).parts_ms(spoken) == {}
    assert path._replace(hearer=[]).parts_ms(spoken) == {}
    assert path._replace(speaker=[]).cells_ms().size == 0


def test_a_round_that_is_told_twice_counts_once_and_none_is_no_round() -> None:
    twice = told("came", lambda number: number * ROUND_S, range(3)) * 2
    assert len(phases([*twice, {"came_round": 0, "came_at": 0.0}], "came", ROUND_S)) == 3


def test_a_spread_says_of_how_many_values() -> None:
    assert spread([]) == {"p50": None, "p95": None, "p99": None, "n": 0}
    assert spread(range(101)) == {"p50": 50.0, "p95": 95.0, "p99": 99.0, "n": 101}
