"""Random parts die, stall and come back in random order; a call recovers. Seeds are replayable."""

import random

import pytest
from calls import first_call, frames_gained, online

from pymix_voice.lab.network import Law
from pymix_voice.lab.world import World

PARTS = ["mix1", "mix2", "mix3", "gateway1", "alice"]


def strike(world: World, dice: random.Random) -> None:
    """One fault, and its end."""
    name = dice.choice(PARTS)
    if name == "alice" or dice.random() < 0.4:
        world.stall(name, dice.choice([0.05, 0.3, 1.0, 3.0, 8.0]))
        return
    names = [name]
    if dice.random() < 0.3:
        names.append(dice.choice([other for other in PARTS[:3] if other != name]))
    if name in ("mix1", "gateway1") and dice.random() < 0.5:
        world.unix_skew[name] = dice.choice([-3600.0, -20.0, 20.0])
    for each in names:
        world.kill(each)
    world.run(dice.choice([0.05, 0.5, 1.0, 3.0]))
    for each in names:
        world.restart(each)
        world.run(dice.uniform(0, 1))


@pytest.mark.parametrize("seed", [4, 14, 36, 103])
def test_a_call_outlives_three_random_faults(seed: int) -> None:
    dice = random.Random(seed)
    world = World(seed=seed, access=Law(0.004, 0.004, loss=0.002), chain=Law(0.001, 0.001))
    alice, bob = world.join("alice"), world.join("bob")
    first_call(world, alice, bob)
    for _ in range(3):
        world.run(dice.uniform(0.1, 4))
        strike(world, dice)
        world.run(9)
    world.run(12)
    assert frames_gained(world, bob, 2.0) >= 95
    assert frames_gained(world, alice, 2.0) >= 95
    for person in (alice, bob):
        numbers = [heard.number for _, heard in person.heard]
        assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("seconds", [3.0, 9.0])
def test_a_first_mix_that_stalls_comes_back_with_all_its_gateways(seconds: float) -> None:
    world = World(seed=51)
    alice, bob = world.join("alice"), world.join("bob")
    first_call(world, alice, bob)
    world.stall("mix1", seconds)
    world.run(seconds + 8.5)
    assert frames_gained(world, bob, 2.0) >= 97


def test_clients_that_never_speak_cannot_fill_a_gateways_batch() -> None:
    world = World(seed=52, clients=4)
    alice, bob = world.join("alice"), world.join("bob")
    online(world, alice, bob)
    setup_bytes = world.zone.geometry.setup_bytes
    # Those of the crowd send hellos and set-ups, but no cell ever arrives.
    crowd = [f"mute{number}" for number in range(2)]
    world.tap = lambda source, _, raw: (
        None if source.startswith("mute") and len(raw) not in (setup_bytes, 120) else raw
    )
    for name in crowd:
        world.join(name)
    world.run(12)
    before = alice.machine.loops_back
    world.run(4)
    assert alice.machine.loops_back - before >= 175
