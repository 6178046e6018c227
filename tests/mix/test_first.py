"""The first mix's clock, and what may move it."""

from pymix_voice.lab.world import World
from pymix_voice.mix.first import FirstMix
from pymix_voice.mix.neighbours import DOWN
from pymix_voice.zone.records import Hello


def running() -> tuple[World, FirstMix, int]:
    world = World(seed=71)
    world.run(1)
    first = world.parts["mix1"]
    assert isinstance(first, FirstMix)
    return world, first, first.now_round(world.now)


def test_a_first_mix_that_slept_goes_on_where_the_chain_is() -> None:
    world, first, present = running()
    first.receive_control(DOWN, Hello(present + 500, True), world.now)
    world.touch("mix1")
    world.run(0.1)
    assert 500 <= first.now_round(world.now) - present <= 510


def test_a_mix_that_is_ahead_of_every_clock_is_not_followed() -> None:
    world, first, present = running()
    first.receive_control(DOWN, Hello(present + 500_000, True), world.now)
    world.touch("mix1")
    world.run(0.1)
    assert first.now_round(world.now) - present <= 10


def test_a_clock_that_is_set_ahead_moves_no_round() -> None:
    world, first, present = running()
    first.set_clock(world.now, 2_000_000_000.0)
    world.run(0.1)
    assert first.now_round(world.now) - present <= 10
