"""A call, in the simulated world: who rings, who answers, who hears what."""

import pytest
from calls import answer, dial, ending, first_call, hang_up, heard_from, lost, online, reach, talk

from pymix_voice.client.call import Ending
from pymix_voice.client.states import State
from pymix_voice.lab.cast import Person
from pymix_voice.lab.network import Law
from pymix_voice.lab.world import World


def two(seed: int = 1) -> tuple[World, Person, Person]:
    world = World(seed=seed)
    alice, bob = world.join("alice"), world.join("bob")
    online(world, alice, bob)
    return world, alice, bob


def talking(mixes: int = 3) -> tuple[World, Person, Person]:
    world = World(mixes=mixes)
    alice, bob = world.join("alice"), world.join("bob")
    first_call(world, alice, bob)
    return world, alice, bob


@pytest.mark.parametrize("mixes", [1, 2, 3, 5])
def test_two_people_talk_both_ways_over_any_chain(mixes: int) -> None:
    world, alice, bob = talking(mixes=mixes)
    world.run(10)
    for here, there in ((alice, bob), (bob, alice)):
        assert lost(here, there) == 0
        assert len(heard_from(here, there)) > 450


def test_four_calls_at_once_do_not_mix_up() -> None:
    world = World(seed=2, clients=16)
    people = [world.join(f"p{number}") for number in range(16)]
    online(world, *people)
    pairs = [(people[2 * pair], people[2 * pair + 1]) for pair in range(4)]
    for caller, callee in pairs:
        dial(world, caller, callee)
    for _, callee in pairs:
        reach(world, callee, State.INCOMING)
        answer(world, callee)
    for caller, _ in pairs:
        reach(world, caller, State.TALKING)
    world.run(5)
    for caller, callee in pairs:
        assert lost(caller, callee) == lost(callee, caller) == 0
        assert len(heard_from(callee, caller)) > 200
    assert all(not person.heard for person in people[8:])


def test_a_call_goes_on_over_many_epochs_without_a_gap() -> None:
    world, alice, bob = talking()
    world.run(18)
    assert lost(alice, bob) == lost(bob, alice) == 0
    assert len(heard_from(bob, alice)) > 850


def test_a_hang_up_is_seen_within_a_second() -> None:
    for offset in (0.1, 1.7, 2.6, 3.95):
        world, alice, bob = talking()
        world.run(offset)
        hang_up(world, alice)
        reach(world, bob, State.IDLE, 1.0)
        assert ending(bob) == Ending.HUNG_UP_THERE
        assert ending(alice) == Ending.HUNG_UP_HERE


def test_a_redial_after_a_hang_up_goes_through() -> None:
    world, alice, bob = talking()
    hang_up(world, bob)
    reach(world, alice, State.IDLE)
    talk(world, alice, bob)
    world.run(2)
    assert lost(alice, bob) == 0


def test_dialing_at_any_moment_of_an_epoch_rings_within_an_epoch_and_a_half() -> None:
    for offset in (0.0, 1.9, 2.3, 2.55, 3.9):
        world, alice, bob = two()
        world.run(4.0 - (world.now % 4.0) + offset)
        start = world.now
        dial(world, alice, bob)
        reach(world, bob, State.INCOMING)
        assert world.now - start < 1.65 * 4.0


def test_nobody_there_is_said() -> None:
    world, alice, bob = two()
    del world.parts["bob"]
    world.run(6)
    dial(world, alice, bob)
    world.run_until(lambda: ending(alice) is not None, 16)
    assert ending(alice) == Ending.ABSENT


def test_a_second_caller_is_told_busy_and_the_call_goes_on() -> None:
    world, alice, bob = two()
    carol = world.join("carol")
    online(world, carol)
    talk(world, alice, bob)
    dial(world, carol, bob)
    world.run_until(lambda: ending(carol) is not None, 16)
    assert ending(carol) == Ending.BUSY
    world.run(2)
    assert lost(alice, bob) == 0
    assert bob.machine.phone.state == State.TALKING


def test_a_declined_call_ends_for_both() -> None:
    world, alice, bob = two()
    dial(world, alice, bob)
    reach(world, bob, State.INCOMING)
    hang_up(world, bob)
    reach(world, alice, State.IDLE)
    assert ending(alice) == Ending.DECLINED_THERE
    assert ending(bob) == Ending.DECLINED_HERE


def test_a_caller_who_gives_up_stops_the_ringing() -> None:
    world, alice, bob = two()
    dial(world, alice, bob)
    reach(world, bob, State.INCOMING)
    hang_up(world, alice)
    reach(world, bob, State.IDLE, 1.0)
    assert ending(bob) == Ending.HUNG_UP_THERE


def test_a_call_that_rings_over_an_epoch_change_can_still_be_answered() -> None:
    world, alice, bob = two()
    dial(world, alice, bob)
    reach(world, bob, State.INCOMING)
    world.run(9)
    answer(world, bob)
    reach(world, alice, State.TALKING, 1.0)
    world.run(2)
    assert lost(alice, bob) == lost(bob, alice) == 0


@pytest.mark.parametrize("seed", range(4))
def test_two_who_dial_each_other_at_once_talk(seed: int) -> None:
    world, alice, bob = two(seed=seed)
    dial(world, alice, bob)
    world.run(seed * 0.7)
    dial(world, bob, alice)
    reach(world, alice, State.TALKING)
    reach(world, bob, State.TALKING)
    world.run(2)
    assert lost(alice, bob) == lost(bob, alice) == 0
    assert heard_from(alice, bob)


def test_contacts_are_reached_without_the_strangers_way() -> None:
    world = World(seed=3)
    alice = world.join("alice")
    bob = world.join("bob", contacts=[alice], strangers=False)
    online(world, alice, bob)
    talk(world, alice, bob)


def test_strangers_are_not_answered_by_who_wants_only_contacts() -> None:
    world = World(seed=4)
    alice = world.join("alice")
    bob = world.join("bob", strangers=False)
    online(world, alice, bob)
    dial(world, alice, bob)
    world.run_until(lambda: ending(alice) is not None, 20)
    assert ending(alice) == Ending.NO_ANSWER
    assert not bob.events


@pytest.mark.parametrize("seed", range(3))
def test_a_bad_network_costs_frames_but_no_call(seed: int) -> None:
    law = Law(0.01, 0.02, loss=0.03, duplicate=0.02, reorder=0.05)
    world = World(seed=seed, access=law)
    alice, bob = world.join("alice"), world.join("bob")
    first_call(world, alice, bob)
    world.run(12)
    for here, there in ((alice, bob), (bob, alice)):
        # Three in a hundred are lost on each of the two access links.
        assert len(set(heard_from(here, there))) > 0.85 * 600
    hang_up(world, alice)
    reach(world, bob, State.IDLE, 1.0)


def test_sixty_millisecond_links_keep_eighteen_rounds_in_flight_over_an_epoch_change() -> None:
    world = World(seed=5, chain=Law(0.06, 0.001), access=Law(0.005))
    alice, bob = world.join("alice"), world.join("bob")
    first_call(world, alice, bob)
    world.run(10)
    assert lost(alice, bob) == lost(bob, alice) == 0
    at, heard = bob.heard[-1]
    assert alice.machine.number - heard.number >= 18
    assert at > 0


def test_a_missed_set_up_costs_an_epoch_and_not_the_call() -> None:
    world, alice, bob = talking()
    setup_bytes = world.zone.geometry.setup_bytes
    world.tap = lambda source, _, raw: (
        None if source == "alice" and len(raw) == setup_bytes else raw
    )
    world.run(4.5)
    world.tap = None
    world.run(9)
    assert bob.machine.phone.state == State.TALKING
    assert alice.machine.phone.state == State.TALKING
    before = len(bob.heard)
    world.run(1)
    assert len(bob.heard) - before >= 49


@pytest.mark.parametrize("wait_s", [0.0, 0.1, 0.3, 0.5])
def test_a_dial_that_was_given_up_does_not_come_between_the_next(wait_s: float) -> None:
    world, alice, bob = two()
    carol = world.join("carol")
    online(world, carol)
    world.run(4.0 - (world.now % 4.0) + 0.5)
    dial(world, alice, bob)
    # Bob's door is knocked at from the next epoch's first round on.
    world.run(4.0 - (world.now % 4.0) + wait_s)
    hang_up(world, alice)
    dial(world, alice, carol)
    world.run_until(lambda: carol.machine.phone.state == State.INCOMING, 12)
    answer(world, carol)
    reach(world, alice, State.TALKING)
    world.run(1)
    assert heard_from(alice, carol)
    assert bob.machine.phone.state == State.IDLE


def test_the_one_who_waits_for_a_crossing_call_that_is_hung_up_does_not_wait_for_ever() -> None:
    world, alice, bob = two(seed=2)
    dial(world, alice, bob)
    dial(world, bob, alice)
    lower = min((alice, bob), key=lambda person: person.identity.key.public)
    other = bob if lower is alice else alice
    world.run_until(
        lambda: any(person.machine.phone.call is not None for person in (alice, bob)), 12
    )
    hang_up(world, lower)
    reach(world, other, State.IDLE, 24)


def test_a_dial_in_a_zone_without_circuits_ends_by_itself() -> None:
    world, alice, bob = two()
    world.cut_control()
    world.run(16)
    dial(world, alice, bob)
    world.run_until(lambda: ending(alice) is not None, 25)
    assert ending(alice) == Ending.NO_ANSWER


def test_a_long_way_to_the_gateway_does_not_keep_a_call_from_connecting() -> None:
    world = World(seed=61, access=Law(0.15, 0.002))
    alice, bob = world.join("alice"), world.join("bob")
    first_call(world, alice, bob)
    world.run(9)
    assert lost(alice, bob) == lost(bob, alice) == 0
    assert alice.states.count(State.TALKING) == 1
