"""What counts tell: against sums over all that can be seen, and against the mixes themselves."""

from collections import Counter
from functools import cache, reduce
from itertools import product
from math import exp, expm1, inf, log, sqrt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import chisquare
from sizes import CELL_BYTES
from zones import FUZZ

from pymix_voice.errors import Misuse
from pymix_voice.geometry import Geometry
from pymix_voice.lab import privacy, privacy_shown
from pymix_voice.lab.privacy import CALL, CHANGES, DIAL_IN_VAIN, Change, Counts, count
from pymix_voice.mix.batch import Batch
from pymix_voice.mix.phantoms import law_of
from pymix_voice.mix.switchboard import PAYLOAD_BYTES, join
from pymix_voice.onion.blocks import Blocks
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.setup import Flag, Klass, OnionMaker, OnionOpener
from pymix_voice.zone.phantoms import Phantoms, Spread, blur

PAGE = Path(__file__).parents[2] / "docs" / "phantoms.md"

spreads = st.integers(1, 3).flatmap(
    lambda mean: st.builds(Spread, st.just(mean), st.sampled_from([0.5, 0.7, 1.0]))
)
some = st.builds(Phantoms, *[spreads] * 5)
changes = st.sampled_from([*CHANGES.values(), Change(lone_hosts=2, lone_guests=1)])


def both_laws(spread: Spread, change: int) -> NDArray[np.float64]:
    """[2, seen]: how probable each count is, if nothing changed and if it did."""
    law = law_of(spread)
    here = np.array([each / law.total for each in law.weights])
    gap = np.zeros(change)
    return np.stack((np.concatenate((here, gap)), np.concatenate((gap, here))))


def summed_up(phantoms: Phantoms, change: Change, observations: int, epsilon: float) -> float:
    """Delta by its definition: over everything that can be seen, whichever is true."""
    kinds = [
        both_laws(spread, getattr(change, kind))
        for kind, spread in phantoms.spreads.items()
        if getattr(change, kind)
    ] * observations
    one = reduce(np.multiply.outer, [kind[0] for kind in kinds])
    other = reduce(np.multiply.outer, [kind[1] for kind in kinds])
    ways = [np.maximum(p - exp(epsilon) * q, 0.0).sum() for p, q in ((one, other), (other, one))]
    assert ways[0] == pytest.approx(ways[1], abs=1e-12)
    return float(ways[0])


@FUZZ
@given(some, changes, st.floats(0.0, 6.0))
def test_one_observation_is_the_sum_over_all_that_can_be_seen(
    phantoms: Phantoms, change: Change, epsilon: float
) -> None:
    wanted = summed_up(phantoms, change, 1, epsilon)
    assert privacy.delta(phantoms, change, 1, epsilon) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("observations", [2, 3])
@pytest.mark.parametrize("epsilon", [0.0, 0.3, 1.0, 2.5, 7.0])
def test_several_observations_are_the_sum_over_all_that_can_be_seen(
    observations: int, epsilon: float
) -> None:
    phantoms = Phantoms(*[Spread(mean, mean / 2) for mean in (2, 1, 3, 2, 1)])
    wanted = summed_up(phantoms, DIAL_IN_VAIN, observations, epsilon)
    found = privacy.delta(phantoms, DIAL_IN_VAIN, observations, epsilon)
    assert found == pytest.approx(wanted, abs=1e-12)


def test_kinds_of_unlike_scales_are_rounded_upward_and_by_little() -> None:
    phantoms = Phantoms(*[Spread(40, scale) for scale in (2.0, 3.1, 4.3, 2.7, 5.9)])
    change, observations = CHANGES["dialing"], 60
    parts = [
        privacy.losses_of(phantoms.spreads[kind], 1).times(observations)
        for kind in ("joined_guests", "lone_plains", "lone_hosts")
    ]
    values = reduce(np.add.outer, [part.values for part in parts])
    chances = reduce(np.multiply.outer, [part.chances for part in parts])
    certain = 1 - np.prod([1 - part.certain for part in parts])
    for epsilon in (0.0, 2.0, 8.0, 15.0):
        over = values > epsilon
        exact = certain + (chances[over] * -np.expm1(epsilon - values[over])).sum()
        found = privacy.delta(phantoms, change, observations, epsilon)
        assert exact - 1e-9 <= found <= 1.005 * exact


@settings(FUZZ, max_examples=30)
@given(some, changes, st.integers(1, 20), st.floats(1e-4, 0.9))
def test_epsilon_and_delta_are_one_figure_seen_from_two_sides(
    phantoms: Phantoms, change: Change, observations: int, delta: float
) -> None:
    epsilon = privacy.epsilon(phantoms, change, observations, delta)
    if epsilon == inf:
        assert privacy.delta(phantoms, change, observations, 1e6) > delta
    else:
        assert privacy.delta(phantoms, change, observations, epsilon) <= delta * (1 + 1e-9)
        if epsilon > 1e-9:
            assert privacy.delta(phantoms, change, observations, epsilon * (1 - 1e-9)) >= delta * (
                1 - 1e-6
            )


def test_who_sees_more_learns_more_and_more_phantoms_hide_more() -> None:
    for change in CHANGES.values():
        rising = [privacy.epsilon(blur(20, 25), change, n, 1e-6) for n in (1, 2, 10, 100, 1_000)]
        assert rising == sorted(set(rising))
        falling = [privacy.epsilon(blur(b, 25), change, 100, 1e-6) for b in (5, 10, 20, 50)]
        assert falling == sorted(set(falling), reverse=True)


def test_exact_sums_lie_below_the_bounds_of_the_papers() -> None:
    """Vuvuzela's theorems 1 and 2, for its noise: pairs of scale b / 2, lone ones of scale b."""
    phantoms, scale, mean = blur(20, 20), 40.0, 800
    once, exception = 4 / scale, exp((2 - mean) / scale)
    assert privacy.epsilon(phantoms, CALL, 1, exception) <= once * (1 + 1e-9)
    assert privacy.delta(phantoms, CALL, 1, once) <= exception
    observations, slack = 100, 1e-6
    bound = sqrt(2 * observations * log(1 / slack)) * once + observations * once * expm1(once)
    found = privacy.epsilon(phantoms, CALL, observations, observations * exception + slack)
    assert 0.5 * bound < found < bound


def test_what_cannot_be_hidden_is_said_to_be_infinite() -> None:
    assert privacy.epsilon(blur(2, 1), CALL, 1, 1e-6) == inf
    assert privacy.delta(blur(2, 1), CALL, 1, 100.0) > 0.1


def test_nonsense_is_refused() -> None:
    for change, observations in ((CALL, 0), (Change(lone_hosts=-1), 1)):
        with pytest.raises(Misuse):
            privacy.delta(blur(2, 15), change, observations, 1.0)


def test_how_sure_somebody_can_become() -> None:
    assert privacy.odds(0.0) == 0.5
    assert privacy.odds(log(3)) == pytest.approx(0.75)


# ── through the mixes themselves ─────────────────────────────────────────────────────────

HASH = bytes(32)
KEYS = [KeyPair.draw(Dice.seeded(hop)) for hop in range(2)]
PUBLIC = [key.public for key in KEYS]
PHANTOMS = Phantoms(
    joined_pairs=Spread(1, 1.0),
    joined_guests=Spread(1, 0.5),
    lone_plains=Spread(2, 1.5),
    lone_guests=Spread(1, 1.0),
    lone_hosts=Spread(1, 0.7),
)
ROOM = Geometry(2, 2, phantom_lines=40, phantom_doors=40)
EPOCHS = 250


@cache
def client(number: int, klass: Klass, drop: int) -> bytes:
    flag = Flag.PLAIN if klass == Klass.LINE else Flag.HOST
    return OnionMaker(PUBLIC, HASH, klass, Dice.seeded(2 * number + klass)).seal(
        bytes([drop]) * 16, flag
    )


def seen(in_call: bool, epoch: int) -> Counts:
    """What the last of two mixes counts in one epoch of two clients."""
    dice = Dice.seeded(1_000_000 * in_call + epoch)
    honest = Batch(ROOM, 0, KEYS[0], PUBLIC, HASH, Blocks(CELL_BYTES), dice, phantoms=PHANTOMS)
    drops = [7, 7] if in_call else [7, 8]
    for klass in Klass:
        named = drops if klass == Klass.LINE else [9, 10]
        sent = [client(number, klass, drop) for number, drop in enumerate(named)]
        honest.add(0, klass, 0, b"".join(sent))
    honest.close(0, 2, 2)
    while honest.work(100):
        pass
    innermost = []
    for klass, onward in honest.finish(epoch).onward.items():
        opener = OnionOpener(KEYS[1], HASH, 1, klass)
        named_there = b"".join(opener.open(each.tobytes())[1] for each in onward)
        innermost.append(np.frombuffer(named_there, np.uint8).reshape(-1, PAYLOAD_BYTES))
    lines, doors = innermost
    return count(lines, doors, join(lines, doors, dice))


@cache
def many(in_call: bool) -> list[Counts]:
    return [seen(in_call, epoch) for epoch in range(EPOCHS)]


OWN = {
    True: Counts(joined_pairs=1, joined_guests=0, lone_plains=0, lone_guests=0, lone_hosts=2),
    False: Counts(joined_pairs=0, joined_guests=0, lone_plains=2, lone_guests=0, lone_hosts=2),
}


@pytest.mark.slow
@pytest.mark.parametrize("in_call", [False, True])
def test_counts_at_the_switchboard_are_the_clients_and_the_law(in_call: bool) -> None:
    for kind, spread in PHANTOMS.spreads.items():
        found = Counter(getattr(each, kind) - getattr(OWN[in_call], kind) for each in many(in_call))
        law = law_of(spread)
        assert set(found) <= set(range(len(law.weights)))
        wanted = [EPOCHS * weight / law.total for weight in law.weights]
        assert chisquare([found[n] for n in range(len(wanted))], wanted).pvalue > 1e-3


@pytest.mark.slow
def test_nobody_tells_a_call_better_than_was_reckoned_and_the_best_test_does_as_well() -> None:
    """The best test says "call" for every count that is likelier in a call."""

    def chance(counts: Counts, in_call: bool) -> float:
        rows = zip(counts, OWN[in_call], PHANTOMS.spreads.values(), strict=True)
        return float(
            np.prod([both_laws(spread, 0)[0][n - own] if 0 <= n - own <= 2 * spread.mean else 0.0
                     for n, own, spread in rows])
        )  # fmt: skip

    says = {
        in_call: [chance(each, True) > chance(each, False) for each in many(in_call)]
        for in_call in (False, True)
    }
    advantage = sum(says[True]) / EPOCHS - sum(says[False]) / EPOCHS
    wanted = privacy.delta(PHANTOMS, CALL, 1, 0.0)
    assert 0.3 < wanted < 0.95
    # Four standard deviations of a difference of two shares of so many epochs.
    assert advantage == pytest.approx(wanted, abs=4 * sqrt(0.5 / EPOCHS))


def test_rows_are_counted_as_they_are_joined() -> None:
    flags = {"p": Flag.PLAIN, "g": Flag.GUEST, "h": Flag.HOST}

    def rows(text: str) -> NDArray[np.uint8]:
        raw = b"".join(name[0].encode() * 16 + bytes([flags[name[1]]]) for name in text.split())
        return np.frombuffer(raw, np.uint8).reshape(-1, PAYLOAD_BYTES)

    lines, doors = rows("ap ap ap bp cg cg dg"), rows("ch ch eh")
    orders = join(lines, doors, Dice.seeded(1))
    assert count(lines, doors, orders) == Counts(1, 1, 2, 2, 2)
    none = rows("")
    assert count(none, none, join(none, none, Dice.seeded(1))) == Counts(0, 0, 0, 0, 0)


def test_every_change_keeps_the_number_of_lines_and_of_doors() -> None:
    """What everybody knows anyhow: so a kind without phantoms would give another one away."""
    lines, doors = Counts(2, 1, 1, 1, 0), Counts(0, 1, 0, 0, 1)
    for change in CHANGES.values():
        for shape in (lines, doors):
            ups = [by * size for by, size in zip(change, shape, strict=True) if by * size]
            signs = product((1, -1), repeat=len(ups))
            assert any(sum(s * u for s, u in zip(sign, ups, strict=True)) == 0 for sign in signs)


def test_the_page_tells_what_is_reckoned() -> None:
    assert privacy_shown.table() in PAGE.read_text()
