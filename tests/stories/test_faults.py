"""Parts die, come back, and lie about the time; calls recover, and no number is used twice."""

import pytest
from calls import dial, first_call, frames_gained, hang_up, lost, online, reach, talk

from pymix_voice.client.states import State
from pymix_voice.lab.cast import Person
from pymix_voice.lab.network import Law
from pymix_voice.lab.world import World

EPOCH_S = 4.0


def in_call(seed: int = 1, gateways: int = 1) -> tuple[World, Person, Person]:
    world = World(seed=seed, gateways=gateways)
    alice, bob = world.join("alice"), world.join("bob", gateway=gateways - 1)
    first_call(world, alice, bob)
    world.run(3)
    return world, alice, bob


@pytest.mark.parametrize("name", ["mix1", "mix2", "mix3", "gateway1"])
@pytest.mark.parametrize("down_s", [0.2, 3.0])
def test_a_part_that_dies_and_comes_back_costs_two_epochs_at_the_most(
    name: str, down_s: float
) -> None:
    world, alice, bob = in_call()
    world.kill(name)
    world.run(down_s)
    world.restart(name)
    world.run(2 * EPOCH_S + 1.0)
    assert alice.machine.phone.state == bob.machine.phone.state == State.TALKING
    assert frames_gained(world, bob, 2.0) >= 97
    assert frames_gained(world, alice, 2.0) >= 97


def test_a_gateway_that_stands_still_for_a_while_ends_no_call() -> None:
    """When it goes on it finds hellos, before it has caught up with the rounds."""
    world, alice, bob = in_call()
    world.run(1.3)
    world.stall("gateway1", 1.0)
    world.run(1.0)
    # The rows that clients had are theirs still: none has a new session.
    assert frames_gained(world, bob, 1.0) >= 45
    assert alice.machine.connection.sessions == bob.machine.connection.sessions == 1
    world.stall("gateway1", 3.0)
    world.run(3.0 + 2 * EPOCH_S + 1.0)
    assert alice.machine.phone.state == bob.machine.phone.state == State.TALKING
    assert [event.ending for _, event in alice.events if event.ending is not None] == []
    assert frames_gained(world, bob, 2.0) >= 97
    assert frames_gained(world, alice, 2.0) >= 97


@pytest.mark.parametrize("name", ["mix1", "mix2", "mix3"])
def test_clients_never_stop_while_a_mix_is_gone(name: str) -> None:
    world, alice, _ = in_call()
    world.trace = []
    world.kill(name)
    world.run(10)
    sent = [each for each in world.trace if each.source == "alice"]
    assert len([each for each in sent if each.size == 152]) >= 10 * 55 - 3
    got = [each for each in world.trace if each.destination == "alice" and each.size == 176]
    # Each hop that waits for one further down delays the first of its empty rounds.
    assert len(got) >= 10 * 55 - 15
    assert alice.machine.connection.sessions == 1


def test_who_dials_before_being_online_is_put_through_all_the_same() -> None:
    """A program that was killed in a call dials anew as soon as it runs again."""
    world = World()
    bob = world.join("bob")
    online(world, bob)
    alice = world.join("alice")
    assert alice.machine.number < 0
    dial(world, alice, bob)
    reach(world, bob, State.INCOMING)


def test_the_first_mix_repeats_no_round_when_its_clock_is_set_back_an_hour() -> None:
    world, alice, bob = in_call()
    highest = alice.machine.number
    world.kill("mix1")
    world.run(1.0)
    world.unix_skew["mix1"] = -3600.0
    world.restart("mix1")
    world.run(2 * EPOCH_S + 1)
    rounds = [heard.number for _, heard in bob.heard]
    assert rounds == sorted(set(rounds))
    assert alice.machine.number >= highest + 450
    assert frames_gained(world, bob, 2.0) >= 97
    assert alice.machine.phone.state == State.TALKING


def test_the_whole_chain_restarted_with_its_clocks_set_back_signs_no_epoch_twice() -> None:
    world, *_ = in_call()
    signed = dict(world.signed)
    for name in world.mix_names:
        world.kill(name)
    for name in world.mix_names:
        world.unix_skew[name] = -3600.0
        world.restart(name)
    world.run(10)
    assert all(world.signed[name] >= signed[name] for name in world.mix_names)


def test_two_gateways_carry_one_call_and_one_dying_leaves_the_others_clients_alone() -> None:
    world = World(seed=7, gateways=2)
    world.unix_skew["gateway2"] = 0.3
    alice, bob = world.join("alice"), world.join("bob", gateway=1)
    carol, dave = world.join("carol"), world.join("dave")
    online(world, alice, bob, carol, dave)
    talk(world, alice, bob)
    talk(world, carol, dave)
    world.run(5)
    assert lost(alice, bob) == lost(bob, alice) == 0
    world.kill("gateway2")
    assert frames_gained(world, carol, 10) >= 495
    assert lost(carol, dave) == 0
    world.restart("gateway2")
    world.run(2 * EPOCH_S + 1)
    assert frames_gained(world, bob, 2.0) >= 97


def test_epochs_are_extended_three_times_at_most_and_then_clients_have_no_rows() -> None:
    world, alice, bob = in_call()
    world.cut_control()
    world.run(3 * EPOCH_S)
    assert frames_gained(world, bob, 0.5) >= 24
    world.run(2 * EPOCH_S)
    assert frames_gained(world, bob, 2.0) == 0
    assert not alice.machine.in_zone
    world.mend_control()
    world.run(2 * EPOCH_S + 1)
    assert frames_gained(world, bob, 2.0) >= 97


def test_an_empty_zone_and_one_client_work() -> None:
    world = World(seed=8)
    world.run(10)
    alice = world.join("alice")
    online(world, alice)
    before = alice.machine.loops_back
    world.run(2)
    assert alice.machine.loops_back - before >= 95


def test_a_full_zone_refuses_the_next_and_serves_the_others() -> None:
    world = World(seed=9, clients=4)
    people = [world.join(f"p{number}") for number in range(4)]
    online(world, *people)
    late = world.join("late")
    world.run(3)
    assert late.machine.connection.full
    assert not late.machine.in_zone
    talk(world, people[0], people[1])
    world.run(3)
    assert lost(people[0], people[1]) == 0


def test_a_client_that_loses_its_network_for_two_seconds_comes_back_by_itself() -> None:
    world, alice, bob = in_call()
    for pair in (("alice", "gateway1"), ("gateway1", "alice")):
        world.link(*pair).cut = True
    world.run(2.0)
    for pair in (("alice", "gateway1"), ("gateway1", "alice")):
        world.link(*pair).cut = False
    world.run(2 * EPOCH_S + 1)
    assert frames_gained(world, bob, 2.0) >= 97
    hang_up(world, alice)
    reach(world, bob, State.IDLE, 1.0)


def test_a_client_that_dies_is_lost_to_its_peer_after_three_quarters_of_a_minute() -> None:
    world, _, bob = in_call()
    del world.parts["alice"]
    reach(world, bob, State.RECONNECTING, 4)
    world.run(40)
    assert bob.machine.phone.state == State.RECONNECTING
    reach(world, bob, State.IDLE, 8)


def test_a_gateway_whose_clock_runs_wild_is_steered_back() -> None:
    world = World(seed=10, chain=Law(0.015, 0.004))
    world.unix_skew["gateway1"] = 25.0
    alice, bob = world.join("alice"), world.join("bob")
    first_call(world, alice, bob)
    world.run(4)
    assert lost(alice, bob) == 0


def test_memory_stays_bounded_while_parts_are_gone() -> None:
    world, alice, bob = in_call()
    world.kill("mix3")
    world.run(25)
    mix1, gateway = world.parts["mix1"], world.parts["gateway1"]
    assert len(mix1._turns) <= 512
    assert len(gateway._turns) <= 600
    assert len(alice.machine._turns) <= 1024
    dial(world, alice, bob)
