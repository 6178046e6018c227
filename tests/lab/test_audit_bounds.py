"""What corrupt mixes make of counts: as much as can be made of them, and no more."""

import numpy as np
import pytest

from pymix_voice.lab.audit.limits import EPOCHS, Blur, measure
from pymix_voice.lab.privacy import CALL, delta
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.phantoms import PRESETS, blur

LIMITS = [each for each in measure(Dice.seeded(7), trials=1000) if each.name in {"dropping", "n-1"}]


def best(word: str, epochs: int) -> float:
    """How often anyone can be right at most, by the exact sum."""
    phantoms = PRESETS[word]
    return 1.0 if phantoms is None else (1 + delta(phantoms, CALL, epochs, 0.0)) / 2


@pytest.mark.parametrize("name", ["dropping", "n-1"])
@pytest.mark.parametrize("word", PRESETS)
@pytest.mark.parametrize("epochs", EPOCHS)
def test_a_guess_from_counts_is_the_best_there_is(name: str, word: str, epochs: int) -> None:
    (found,) = [
        each for each in LIMITS if (each.name, each.phantoms, each.watched) == (name, word, epochs)
    ]
    wanted = best(word, epochs)
    error = np.sqrt(wanted * (1 - wanted) / found.trials)
    assert abs(found.success - wanted) <= 4 * error + 1e-3


def test_what_cannot_have_been_added_is_certain_not_to_have_been() -> None:
    none = Blur(None, np.random.default_rng(1))
    assert not none.draw(3, 2).any()
    added = np.array([[[0, 0], [0, 0]], [[0, 0], [1, 0]], [[0, -1], [0, 0]]])
    assert none.log_chance(added).tolist() == [0.0, -np.inf, -np.inf]


def test_phantoms_are_drawn_as_likely_as_they_are_said_to_be() -> None:
    some = Blur(blur(1.0, 5), np.random.default_rng(1))
    drawn = some.draw(20_000, 1)
    for pairs in (4, 5, 6):
        here = np.array([[[pairs, lone]] for lone in range(21)])
        wanted = np.exp(some.log_chance(here)).sum()
        assert abs((drawn[:, 0, 0] == pairs).mean() - wanted) < 0.015
    assert np.isfinite(some.log_chance(drawn)).all()
