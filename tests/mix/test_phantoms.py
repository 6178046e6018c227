"""Phantoms: their numbers follow the law, and their onions are made in slices."""

import math
from collections import Counter
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from zones import FUZZ

from pymix_voice.mix.phantoms import STEP_ITEMS, Law, Making, Phantom, draw
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.setup import Flag, Klass, OnionMaker, open_onion, parse_payload
from pymix_voice.zone.phantoms import MAX_SCALES, Phantoms, Spread, blur

HASH = bytes(32)
KEYS = [KeyPair.draw(Dice.seeded(hop)) for hop in range(3)]

spreads = st.integers(1, 60).flatmap(
    lambda mean: st.builds(
        Spread, st.just(mean), st.floats(max(0.1, mean / MAX_SCALES), mean, allow_nan=False)
    )
)


@FUZZ
@given(spreads)
def test_the_law_is_a_discrete_laplace_law_around_the_mean_and_nothing_beyond_twice_the_mean(
    spread: Spread,
) -> None:
    law = Law(spread)
    mean, weights = spread.mean, law.weights
    assert len(weights) == 2 * mean + 1
    assert law.total == sum(weights)
    assert weights == weights[::-1], "so the mean is the mean"
    step = math.exp(-1 / spread.scale)
    for more, fewer in pairwise(weights[mean:]):
        assert float(Fraction(fewer, more)) == pytest.approx(step, rel=1e-12)


@FUZZ
@given(spreads, st.integers(0, 2**20))
def test_every_number_that_is_drawn_lies_between_nothing_and_twice_the_mean(
    spread: Spread, seed: int
) -> None:
    assert 0 <= Law(spread).draw(Dice.seeded(seed)) <= 2 * spread.mean


@pytest.mark.parametrize("spread", [Spread(1, 1.0), Spread(4, 1.5), Spread(20, 4.0)], ids=str)
def test_numbers_come_as_often_as_the_law_says(spread: Spread) -> None:
    law, dice, draws = Law(spread), Dice.seeded(11), 20_000
    found = Counter(law.draw(dice) for _ in range(draws))
    wanted = {n: draws * weight / law.total for n, weight in enumerate(law.weights)}
    common = [n for n in wanted if wanted[n] >= 10]
    rest = [n for n in wanted if wanted[n] < 10]
    seen = [found[n] for n in common] + ([sum(found[n] for n in rest)] if rest else [])
    told = [wanted[n] for n in common] + ([sum(wanted[n] for n in rest)] if rest else [])
    assert chisquare(seen, told).pvalue > 1e-3


def test_the_whole_range_of_the_dice_is_the_whole_law() -> None:
    """The first and the last word that the dice can say give the least and the greatest number."""

    class Says(Dice):
        def __init__(self, word: int) -> None:
            self._word = word

        def below(self, limit: int) -> int:
            assert limit == law.total
            return self._word

    law = Law(Spread(2, 1.0))
    edges = [sum(law.weights[:n]) for n in range(6)]
    for number in range(5):
        assert law.draw(Says(edges[number])) == number
        assert law.draw(Says(edges[number + 1] - 1)) == number


PHANTOMS = Phantoms(
    joined_pairs=Spread(3, 1.0),
    joined_guests=Spread(4, 1.0),
    lone_plains=Spread(5, 1.0),
    lone_guests=Spread(6, 1.0),
    lone_hosts=Spread(7, 1.0),
)


def drawn(seed: int) -> Counter[tuple[tuple[Klass, Flag], ...]]:
    """How many drops are named by which circuits."""
    by_drop: dict[bytes, list[tuple[Klass, Flag]]] = {}
    for phantom in draw(PHANTOMS, Dice.seeded(seed)):
        by_drop.setdefault(phantom.drop, []).append((phantom.klass, phantom.flag))
        assert len(phantom.drop) == 16
    return Counter(tuple(each) for each in by_drop.values())


def test_every_kind_is_drawn_by_itself_and_only_its_own_circuits_share_a_drop() -> None:
    plain, guest, host = (
        (Klass.LINE, Flag.PLAIN),
        (Klass.LINE, Flag.GUEST),
        (Klass.DOOR, Flag.HOST),
    )
    kinds = [(plain, plain), (guest, host), (plain,), (guest,), (host,)]
    many = [drawn(seed) for seed in range(300)]
    assert {shape for each in many for shape in each} == set(kinds)
    numbers = [[each[kind] for each in many] for kind in kinds]
    for mean, row in zip((3, 4, 5, 6, 7), numbers, strict=True):
        assert sum(row) / 300 == pytest.approx(mean, abs=0.4)
        assert len(set(row)) > 3
    assert all(len({*zip(*two, strict=True)}) > 12 for two in pairwise(numbers))


def test_the_most_that_can_be_drawn_is_what_a_zone_has_room_for() -> None:
    assert PHANTOMS.most(Klass.LINE) == 2 * (2 * 3 + 4 + 5 + 6)
    assert PHANTOMS.most(Klass.DOOR) == 2 * (4 + 7)
    for seed in range(50):
        circuits = Counter(each.klass for each in draw(PHANTOMS, Dice.seeded(seed)))
        assert all(circuits[klass] <= PHANTOMS.most(klass) for klass in Klass)


def test_nothing_shows_what_a_phantom_names() -> None:
    assert repr(Phantom(Klass.LINE, Flag.PLAIN, b"16 secret bytes.")) == "Phantom()"


def making(wanted: list[Phantom], after: int = 1) -> Making:
    dice = Dice.seeded(4)
    public = [key.public for key in KEYS[after:]]
    return Making(
        iter(wanted), lambda klass: OnionMaker(public, HASH, klass, dice, first_hop=after)
    )


WANTED = [
    Phantom(klass, flag, bytes([n]) * 16)
    for n, (klass, flag) in enumerate(
        [(Klass.LINE, Flag.PLAIN), (Klass.DOOR, Flag.HOST), (Klass.LINE, Flag.GUEST)]
    )
]


@pytest.mark.parametrize("items", [1, 2, 3, 6, 100])
def test_onions_are_made_in_slices_and_open_at_every_later_mix(items: int) -> None:
    work, slices = making(WANTED), []
    while spent := work.work(items):
        slices.append(spent)
    assert work.done
    assert max(slices) <= items + 1, "a step is not divided"
    # Two layers and a seal each.
    assert sum(slices) == len(WANTED) * 3 * STEP_ITEMS
    size = 48 * 2 + 17
    named = []
    for klass in Klass:
        joined = work.onions[klass]
        for at in range(0, len(joined), size):
            onion = bytes(joined[at : at + size])
            for hop in (1, 2):
                _, onion = open_onion(onion, KEYS[hop], HASH, hop, klass)
            named.append((klass, *parse_payload(onion)))
    assert named == [(Klass.LINE, bytes(16), Flag.PLAIN), (Klass.LINE, b"\2" * 16, Flag.GUEST),
                     (Klass.DOOR, b"\1" * 16, Flag.HOST)]  # fmt: skip


def test_nothing_to_make_is_done_at_once() -> None:
    assert making([]).done
    assert making([]).work(6) == 0


def test_drops_and_ephemerals_are_drawn_only_as_they_are_needed() -> None:
    """Thousands of draws in one go would take longer than a slice may."""
    asked, tape = [], Dice.seeded(1)

    def source(count: int) -> bytes:
        asked.append(count)
        return tape.bytes(count)

    wanted = draw(blur(20.0, 20), Dice(source))
    numbers = len(asked)
    assert numbers < 20, "five numbers, some drawn again"
    next(wanted)
    assert asked[numbers:] == [16]
