"""Whatever comes from the network, every part goes on, counts it by reason, and changes nothing."""

import pytest
from calls import first_call, frames_gained, lost, online
from hypothesis import given, settings
from hypothesis import strategies as st
from zones import FUZZ

from pymix_voice.errors import Drop
from pymix_voice.lab.cast import Person
from pymix_voice.lab.world import World
from pymix_voice.zone.drain import Drain

SIZES = st.sampled_from([0, 1, 4, 8, 24, 96, 120, 151, 152, 153, 176, 346, 1199, 1200, 1400])


@pytest.fixture(scope="module")
def call() -> tuple[World, Person, Person]:
    world = World(seed=21)
    alice, bob = world.join("alice"), world.join("bob")
    first_call(world, alice, bob)
    return world, alice, bob


def captured(world: World, seconds: float = 0.5) -> list[tuple[str, str, bytes]]:
    """All datagrams of a while, as an observer could keep them."""
    seen: list[tuple[str, str, bytes]] = []

    def tap(source: str, destination: str, raw: bytes) -> bytes:
        seen.append((source, destination, raw))
        return raw

    world.tap = tap
    world.run(seconds)
    world.tap = None
    return seen


@given(datagram=SIZES.flatmap(lambda size: st.binary(min_size=size, max_size=size)))
@settings(FUZZ, deadline=None)
def test_any_bytes_from_a_stranger_are_dropped_by_reason(
    call: tuple[World, Person, Person], datagram: bytes
) -> None:
    world, *_ = call
    for part in [*world.mix_names, "gateway1", "alice"]:
        before = sum(world.parts[part].drops.values())
        world.deliver("stranger", part, datagram)
        assert sum(world.parts[part].drops.values()) == before + 1


def test_truncated_flipped_replayed_and_reflected_datagrams_cost_no_frame(
    call: tuple[World, Person, Person],
) -> None:
    world, alice, bob = call
    seen = captured(world)
    before = {name: sum(part.drops.values()) for name, part in world.parts.items()}
    for index, (source, destination, raw) in enumerate(seen):
        flipped = bytearray(raw)
        flipped[index % len(raw)] ^= 1 << index % 8
        world.deliver(source, destination, bytes(flipped))
        world.deliver(source, destination, raw[: index % len(raw)])
        world.deliver(source, destination, raw)
        world.deliver(destination, source, raw)
        world.deliver("stranger", destination, raw)
    for name, count in before.items():
        assert sum(world.parts[name].drops.values()) > count
    gained = frames_gained(world, bob, 5.0)
    assert gained >= 249
    assert lost(bob, alice) == lost(alice, bob) == 0


def test_a_replayed_cell_from_elsewhere_does_not_move_a_session(
    call: tuple[World, Person, Person],
) -> None:
    world, _, bob = call
    for source, destination, raw in captured(world):
        if source == "bob":
            world.deliver("thief", destination, raw)
    world.trace = []
    gained = frames_gained(world, bob, 2.0)
    assert gained >= 99
    assert not [sent for sent in world.trace if sent.destination == "thief"]
    world.trace = None


def test_a_newer_cell_from_elsewhere_gets_one_datagram_down_for_one_up_until_it_answers() -> None:
    world = World(seed=22)
    alice = world.join("alice")
    online(world, alice)
    gateway = world.parts["gateway1"]
    stolen: list[bytes] = []

    def intercept(source: str, destination: str, raw: bytes) -> bytes | None:
        if source == "alice" and len(raw) == 152 and len(stolen) < 5:
            stolen.append(raw)
            return None
        return raw

    world.tap = intercept
    world.trace = []
    world.run(0.02 * 5)
    for raw in stolen:
        world.deliver("elsewhere", "gateway1", raw)
    world.run(1.0)
    there = [sent for sent in world.trace if sent.destination == "elsewhere"]
    assert len(there) <= len(stolen)
    world.tap = None
    before = alice.machine.loops_back
    world.run(1.0)
    assert alice.machine.loops_back - before >= 45
    assert gateway.drops[Drop.FORGED] == 0


def test_a_client_that_moves_to_another_network_keeps_its_session_and_its_call() -> None:
    world = World(seed=23)
    alice, bob = world.join("alice"), world.join("bob")
    first_call(world, alice, bob)
    # From now on the gateway sees Alice at another address, as behind a new NAT binding.
    world.seen_as["alice"] = "alice-2"
    gained = frames_gained(world, bob, 5.0)
    assert gained >= 240
    assert frames_gained(world, alice, 5.0) >= 240
    assert alice.machine.connection.sessions == 1


def test_a_flood_of_hellos_is_answered_with_cookies_and_keeps_nobody_out() -> None:
    world = World(seed=24, clients=10)
    alice, bob = world.join("alice"), world.join("bob")
    first_call(world, alice, bob)
    hellos: list[bytes] = []
    world.join("flooder")
    world.tap = lambda source, _, raw: hellos.append(raw) if source == "flooder" else raw
    world.run(2)
    del world.parts["flooder"], world.people["flooder"]
    world.tap = None
    gateway = world.parts["gateway1"]
    for number in range(500):
        drain = Drain.of([hellos[0]], [f"spoofed {number}".encode()], world.now, 2048)
        gateway.receive_clients(drain, world.now)  # type: ignore[union-attr]
    world.touch("gateway1")
    assert frames_gained(world, bob, 3.0) >= 149
    carol = world.join("carol")
    online(world, carol)
    assert carol.machine.in_zone
