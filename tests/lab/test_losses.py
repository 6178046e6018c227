"""Loss masks: as many losses as were asked for, in places drawn from a seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pymix_voice.errors import Misuse
from pymix_voice.lab.losses import BURST, Losses, mask


def drawn(losses: Losses, share: float, count: int, seed: int = 1) -> NDArray[np.bool_]:
    return mask(losses, share, count, np.random.default_rng(seed))


def bursts(lost: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(np.diff(lost.astype(int), prepend=0) == 1))


@given(
    st.sampled_from(list(Losses)),
    st.floats(0, 0.5),
    st.integers(0, 400),
    st.integers(0, 1000),
)
def test_as_many_are_lost_as_were_asked_for(
    losses: Losses, share: float, count: int, seed: int
) -> None:
    lost = drawn(losses, share, count, seed)
    assert lost.shape == (count,)
    assert np.count_nonzero(lost) == round(share * count)


@pytest.mark.parametrize("losses", Losses)
def test_the_same_seed_loses_the_same_rounds_and_another_others(losses: Losses) -> None:
    first = drawn(losses, 0.1, 500)
    assert np.array_equal(first, drawn(losses, 0.1, 500))
    assert not np.array_equal(first, drawn(losses, 0.1, 500, seed=2))


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_bursts_have_their_length_on_average(share: float) -> None:
    lost = drawn(Losses.BURSTY, share, 200_000)
    assert np.count_nonzero(lost) / bursts(lost) == pytest.approx(BURST, rel=0.1)


def test_random_losses_come_by_themselves() -> None:
    lost = drawn(Losses.RANDOM, 0.05, 100_000)
    assert np.count_nonzero(lost) / bursts(lost) == pytest.approx(1 / 0.95, rel=0.02)


@pytest.mark.parametrize("losses", Losses)
def test_every_part_of_a_call_is_hit_alike(losses: Losses) -> None:
    hits = sum(drawn(losses, 0.1, 100, seed).astype(int) for seed in range(1500))
    assert np.asarray(hits).reshape(4, 25).sum(axis=1) == pytest.approx([3750] * 4, rel=0.06)


@pytest.mark.parametrize("share", [-0.1, 0.51, 1.0, float("nan")])
def test_a_share_that_no_mask_has_is_our_own_fault(share: float) -> None:
    with pytest.raises(Misuse, match="not possible"):
        drawn(Losses.RANDOM, share, 100)
