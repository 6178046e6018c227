"""Zones whose rounds last 40 and 60 ms: the same calls, in fewer and larger cells."""

from collections import Counter
from functools import cache

import pytest
from calls import answer, dial, ending, first_call, hang_up, heard_from, lost, reach

from pymix_voice.client.call import Ending
from pymix_voice.client.states import State
from pymix_voice.geometry import DOOR_EVERY
from pymix_voice.lab.network import Law, Sent
from pymix_voice.lab.world import World

longer_rounds = pytest.mark.parametrize("round_ms", [40, 60])


@pytest.mark.parametrize(("round_ms", "mixes"), [(40, 3), (60, 1), (60, 3)])
def test_two_people_talk_both_ways_in_every_round(round_ms: int, mixes: int) -> None:
    world = World(mixes=mixes, round_ms=round_ms)
    alice, bob = world.join("alice"), world.join("bob")
    first_call(world, alice, bob)
    epoch_s = world.zone.geometry.epoch_s
    world.run(2.5 * epoch_s)
    rounds = world.zone.geometry.rounds_in(2.5 * epoch_s)
    for here, there in ((alice, bob), (bob, alice)):
        assert lost(here, there) == 0
        assert len(heard_from(here, there)) >= rounds - 5
        sizes = {len(heard.frame) for _, heard in here.heard}
        assert sizes == {world.zone.geometry.body_bytes}


def test_a_call_ends_after_the_same_times_as_in_short_rounds() -> None:
    world = World(round_ms=60)
    alice, bob = world.join("alice"), world.join("bob")
    first_call(world, alice, bob)
    hang_up(world, alice)
    reach(world, bob, State.IDLE, 1.0)
    assert ending(bob) == Ending.HUNG_UP_THERE
    dial(world, alice, bob)
    reach(world, bob, State.INCOMING)
    began = world.now
    reach(world, bob, State.IDLE, 65)
    assert ending(bob) == Ending.NO_ANSWER
    assert world.now - began == pytest.approx(60, abs=2)


@longer_rounds
def test_a_call_goes_on_when_cells_get_lost_and_nothing_is_heard_twice(round_ms: int) -> None:
    world = World(
        seed=3, round_ms=round_ms, access=Law(0.01, 0.01, loss=0.05), chain=Law(0.002, 0.001)
    )
    alice, bob = world.join("alice"), world.join("bob")
    first_call(world, alice, bob)
    world.run(20)
    for here, there in ((alice, bob), (bob, alice)):
        heard = len(heard_from(here, there))
        assert 0 < lost(here, there) < 0.2 * heard


@cache
def life(callee: str | None) -> World:
    """Four epochs of three people in rounds of 60 ms, of whom Alice may call one."""
    world = World(seed=5, round_ms=60, access=Law(0.005, 0.004, loss=0.01), chain=Law(0.002, 0.001))
    people = {name: world.join(name) for name in ("alice", "bob", "carol")}
    world.trace = []
    world.run(10.0)
    if callee is not None:
        dial(world, people["alice"], people[callee])
    for second in range(38):
        world.run(1.0)
        for name in ("bob", "carol"):
            if people[name].machine.phone.state == State.INCOMING:
                answer(world, people[name])
        if second == 32 and callee is not None:
            hang_up(world, people["alice"])
    if callee is not None:
        assert len(people[callee].heard) > 150
    return world


def trace(world: World) -> list[Sent]:
    assert world.trace is not None
    return world.trace


def test_the_trace_is_the_same_whether_alice_calls_bob_or_carol_or_nobody() -> None:
    first = trace(life("bob"))
    assert len(first) > 5_000
    assert trace(life("carol")) == first
    assert trace(life(None)) == first


def test_every_client_sends_and_gets_cells_of_one_size_at_one_rate() -> None:
    world, seconds = life("bob"), 12
    geometry = world.zone.geometry
    rate = (1 + 1 / DOOR_EVERY) / geometry.round_s
    for name in ("alice", "bob", "carol"):
        steady = [sent for sent in trace(world) if world.now - seconds <= sent.at]
        up = Counter(sent.size for sent in steady if sent.source == name)
        down = Counter(sent.size for sent in steady if sent.destination == name)
        assert set(up) == {geometry.up_bytes, geometry.setup_bytes}
        assert set(down) == {geometry.down_bytes}
        assert up[geometry.up_bytes] == pytest.approx(seconds * rate, abs=3)
        assert down[geometry.down_bytes] == pytest.approx(seconds * rate, abs=3)
