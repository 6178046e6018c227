"""A path that becomes longer while a call is on costs a moment, and locks nobody out."""

import pytest
from calls import first_call, frames_gained

from pymix_voice.lab.network import Law
from pymix_voice.lab.world import World


@pytest.mark.parametrize(
    ("source", "destination"),
    [("mix1", "gateway1"), ("mix3", "mix2"), ("mix1", "mix2"), ("gateway1", "mix1")],
)
def test_a_link_that_gets_a_fifth_of_a_second_longer_is_waited_for(
    source: str, destination: str
) -> None:
    world = World(seed=41)
    alice, bob = world.join("alice"), world.join("bob")
    first_call(world, alice, bob)
    world.run(2)
    world.link(source, destination).law = Law(0.2, 0.001)
    world.run(3)
    assert frames_gained(world, bob, 2.0) >= 97
    assert frames_gained(world, alice, 2.0) >= 97
