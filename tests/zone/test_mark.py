"""Marks: which round passed last, and when, along a whole call."""

from pymix_voice.gateway.machine import Gateway
from pymix_voice.lab.world import World
from pymix_voice.mix.machine import Mix
from pymix_voice.zone.mark import Mark

ROUND_S = 0.02


def test_the_marks_of_all_parts_follow_a_round_through_the_chain_and_back() -> None:
    world = World(clients=4)
    alice = world.join("alice")
    world.run_until(lambda: alice.machine.in_zone, 60)
    gateway = world.parts["gateway1"]
    assert isinstance(gateway, Gateway)
    mixes = [part for part in world.parts.values() if isinstance(part, Mix)]
    figures = [gateway.figures(), *(mix.figures() for mix in mixes)]
    there = [Mark(int(each["forward_round"]), each["forward_at"]) for each in figures]
    # The last mix turns rounds round: it notes them on their way forward only.
    back = [Mark(int(each["backward_round"]), each["backward_at"]) for each in figures[:-1]]
    assert figures[-1]["backward_round"] == 0
    path = [alice.machine.sent, *there, *reversed(back), alice.machine.came]
    phases = [mark.at - mark.round * ROUND_S for mark in path]
    assert phases == sorted(phases)
    assert 0 < phases[-1] - phases[0] < 0.06
