"""Mixes with timers of their own: in virtual time, when rounds leave, and that calls still work."""

import pytest
from calls import heard_from, lost, online, talk
from hypothesis import given
from hypothesis import strategies as st

from pymix_voice.geometry import FRAME_S, Geometry
from pymix_voice.lab import world as worlds
from pymix_voice.lab.peers.timers import Timed, TimedFirstMix, TimedInlet, timed_at
from pymix_voice.lab.world import World
from pymix_voice.onion.dice import Dice

NEAR_S = 1e-6


def inlet(seed: int) -> TimedInlet:
    return TimedInlet(Geometry(mixes=3, clients=8), Dice.seeded(seed))


@given(st.integers(0, 50), st.floats(0, 1e6))
def test_a_tick_is_the_first_one_from_an_instant_on(seed: int, instant: float) -> None:
    timed = inlet(seed)
    tick = timed.tick_after(instant)
    assert instant - NEAR_S <= tick <= instant + FRAME_S + NEAR_S
    rounds = (tick - timed.timer_s) / FRAME_S
    assert rounds == pytest.approx(round(rounds), abs=1e-3)


def test_timers_tick_anywhere_in_a_round_and_never_is_never() -> None:
    phases = [inlet(seed).timer_s for seed in range(40)]
    assert all(0 <= phase < FRAME_S for phase in phases)
    assert min(phases) < 0.005 < 0.015 < max(phases)
    assert inlet(1).tick_after(float("inf")) == float("inf")


def test_the_first_hop_has_the_round_clock_and_one_timer() -> None:
    assert [timed_at(hop) for hop in range(3)] == [TimedFirstMix, Timed, Timed]


@pytest.mark.slow
def test_rounds_leave_at_ticks_only_and_a_call_is_heard_without_loss(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worlds, "Mix", Timed)
    monkeypatch.setattr(worlds, "FirstMix", TimedFirstMix)
    world = World(seed=20, clients=8)
    one, other = world.join("one", strangers=True), world.join("other", strangers=True)
    online(world, one, other)
    left: dict[tuple[str, str], list[float]] = {}

    def tap(source: str, destination: str, raw: bytes) -> bytes | None:
        left.setdefault((source, destination), []).append(world.now)
        return raw

    talk(world, one, other)
    world.run(1)
    world.tap = tap
    world.run(5)
    for hop, way in ((1, "_upstream"), (1, "_downstream"), (2, "_upstream"), (0, "_downstream")):
        name = world.mix_names[hop]
        inlets = getattr(world.parts[name], way)
        timed = inlets[0] if way == "_upstream" else inlets
        back = way == "_downstream" or hop == 2
        to = (["gateway1", "mix1", "mix2"] if back else ["mix2", "mix3", ""])[hop]
        instants = left[name, to]
        assert len(instants) > 200
        for instant in instants:
            rounds = (instant - timed.timer_s) / FRAME_S
            assert rounds == pytest.approx(round(rounds), abs=1e-3)
        assert 0 < timed.waited_s / timed.waited < FRAME_S
    for person, peer in ((one, other), (other, one)):
        assert len(heard_from(person, peer)) > 240
        assert lost(person, peer) == 0
