"""Send instants, idle and in a call."""

import random

import pytest

from pymix_voice.lab.punctuality import figures, measure, sentence, table


def drawn(seed: int, mean: float) -> list[float]:
    dice = random.Random(seed)
    return [dice.gauss(mean, 1e-5) for _ in range(3000)]


def test_offsets_of_one_law_cannot_be_told_apart() -> None:
    told = figures({"idle": drawn(1, 1e-4), "call": drawn(2, 1e-4)})
    assert told["alike"]
    assert told["idle"]["n"] == 3000
    assert told["call"]["p50"] == pytest.approx(0.1, abs=0.002)
    assert "cannot be told apart" in sentence(told)
    assert table(told).row_count == 2


def test_offsets_that_are_nearly_all_the_same_are_compared_too() -> None:
    told = figures({"idle": [0.0] * 149 + [1e-4], "call": [0.0] * 150})
    assert told["alike"]


def test_a_difference_of_two_microseconds_is_seen() -> None:
    told = figures({"idle": drawn(1, 1e-4), "call": drawn(2, 1.02e-4)})
    assert not told["alike"]
    assert "can be told apart" in sentence(told)


@pytest.mark.live
@pytest.mark.slow
async def test_a_client_in_a_call_and_an_idle_one_hand_cells_over_at_their_instants() -> None:
    told = await measure(3.0, lambda text: None, turns=1)
    for name in ("idle", "call"):
        assert told[name]["n"] >= 145, "every round, fifty a second"
        assert told[name]["p50"] < 1.0, "most of them within a millisecond"
