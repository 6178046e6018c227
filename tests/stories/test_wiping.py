"""Keys of circuits and calls that nothing uses any more are wiped, whatever else went wrong."""

import pytest
from calls import EPOCH_S, first_call, hang_up, online

from pymix_voice.client.callkeys import CallKeys
from pymix_voice.client.circuits import Pair
from pymix_voice.client.phone import Phone
from pymix_voice.client.states import State
from pymix_voice.lab.cast import Person
from pymix_voice.lab.world import World

pytestmark = pytest.mark.slow


def wiped(keys: CallKeys) -> bool:
    sealers = [sealer._key for sealer in keys._sealers.values()]
    return all(secret._value is None for secret in [*keys._links.values(), *sealers])


def clear(pair: Pair) -> bool:
    return all(
        not circuit._keys and not any(block.any() for block in circuit._blocks.values())
        for circuit in pair
    )


def in_call(mixes: int = 1) -> tuple[World, Person, Person]:
    world = World(mixes=mixes, clients=4)
    alice, bob = world.join("alice"), world.join("bob")
    first_call(world, alice, bob)
    return world, alice, bob


def keys_of(phone: Phone) -> CallKeys:
    assert phone.call is not None
    return phone.call.keys


def test_a_call_that_outlived_all_its_circuits_is_wiped_when_it_ends() -> None:
    world, alice, _ = in_call()
    keys = keys_of(alice.machine.phone)
    # No list of keys comes any more: soon nobody has circuits, but the call is not given up yet.
    world.cut_control()
    world.run_until(lambda: not alice.machine.phone._uses, 40)
    assert alice.machine.phone.state == State.RECONNECTING
    assert not wiped(keys)
    hang_up(world, alice)
    assert wiped(keys)


def test_rounds_that_went_back_end_all_circuits_and_calls_for_good() -> None:
    world, alice, _ = in_call()
    keys = keys_of(alice.machine.phone)
    pairs = list(alice.machine._circuits._pairs.values())
    assert pairs
    for name in ("mix1", "gateway1"):
        world.kill(name)
        world.signed.pop(name, None)
        world.unix_skew[name] = -3600.0
    for name in ("mix1", "gateway1"):
        world.restart(name)
    highest = alice.machine.number
    world.run_until(lambda: alice.machine.number < highest, 20)
    assert wiped(keys)
    assert all(clear(pair) for pair in pairs)


def test_who_stood_still_when_an_epoch_drained_forgets_it_soon_after() -> None:
    world = World(mixes=1, clients=4)
    alice = world.join("alice")
    online(world, alice)
    world.run(EPOCH_S)
    geometry, client = world.zone.geometry, alice.machine
    world.run_until(lambda: geometry.within(client.number) == geometry.keys_until - 10, 5)
    epoch = geometry.epoch_of(client.number)
    world.stall("alice", 0.4)
    world.run(0.8)
    assert geometry.within(client.number) < 3 * geometry.keys_until
    assert epoch in client._circuits._pairs
    assert min(client._circuits._pairs) >= epoch
