"""A zone whose mixes add phantoms: calls as ever, clients' links as ever, blurred counts."""

from functools import cache

import numpy as np
import pytest
from calls import EPOCH_S, answer, dial, ending, frames_gained, lost, online, reach, talk
from numpy.typing import NDArray

from pymix_voice.client.call import Ending
from pymix_voice.client.states import State
from pymix_voice.lab.network import Law, Sent
from pymix_voice.lab.world import START, World
from pymix_voice.mix.circuits import Circuits
from pymix_voice.mix.machine import Mix
from pymix_voice.onion.setup import Klass
from pymix_voice.zone.phantoms import Phantoms, Spread

PHANTOMS = Phantoms(*[Spread(mean, 1.0) for mean in (1, 2, 3, 1, 2)])
LINES, DOORS = (PHANTOMS.most(klass) for klass in Klass)
EVEN = Law(0.002, jitter=0.0)
"""A link that draws nothing: more datagrams on it shift no instant."""


@cache
def life(*, calls: bool, phantoms: bool) -> World:
    """Sixteen seconds of two people, of whom Alice may call Bob. It is lived once."""
    blur = PHANTOMS if phantoms else None
    world = World(seed=9, access=Law(0.005, 0.004, loss=0.01), chain=EVEN, phantoms=blur)
    alice, bob = world.join("alice"), world.join("bob")
    world.trace = []
    online(world, alice, bob)
    if calls:
        dial(world, alice, bob)
    while world.now < START + 16:
        world.run(0.5)
        if bob.machine.phone.state == State.INCOMING:
            answer(world, bob)
    assert (len(bob.heard) > 50) == calls
    return world


def on(world: World, *, access: bool) -> list[Sent]:
    """What went over the clients' links, or over the others."""
    assert world.trace is not None
    people = set(world.people)
    return [
        sent for sent in world.trace if access != people.isdisjoint({sent.source, sent.destination})
    ]


def test_on_the_clients_links_nothing_is_different_with_phantoms() -> None:
    without, within = (life(calls=True, phantoms=each) for each in (False, True))
    assert len(on(within, access=True)) > 2_000
    assert on(within, access=True) == on(without, access=True)


def test_with_phantoms_too_the_trace_is_the_same_whether_there_is_a_call_or_not() -> None:
    calling, idle = (life(calls=each, phantoms=True) for each in (True, False))
    assert calling.trace == idle.trace


def test_between_mixes_there_is_more_and_between_gateway_and_first_mix_there_is_not() -> None:
    def rounds(world: World, *ends: str) -> int:
        return sum({sent.source, sent.destination} == {*ends} for sent in on(world, access=False))

    without, within = (life(calls=True, phantoms=each) for each in (False, True))
    links = [("gateway1", "mix1"), ("mix1", "mix2"), ("mix2", "mix3")]
    times = [rounds(within, *link) / rounds(without, *link) for link in links]
    assert times[0] == 1.0
    assert times[0] < times[1] < times[2]


def test_calls_work_as_before_over_two_gateways() -> None:
    world = World(seed=10, gateways=2, phantoms=PHANTOMS)
    alice, bob = world.join("alice", gateway=0), world.join("bob", gateway=1)
    carol = world.join("carol", gateway=1)
    online(world, alice, bob, carol)
    talk(world, alice, bob)
    assert frames_gained(world, bob, EPOCH_S) > 190
    assert lost(alice, bob) == lost(bob, alice) == 0
    # A second caller finds her busy: doors are joined as ever.
    dial(world, carol, bob)
    reach(world, carol, State.IDLE)
    assert ending(carol) == Ending.BUSY
    assert lost(alice, bob) == lost(bob, alice) == 0


def mix_of(world: World, hop: int) -> Mix:
    part = world.parts[world.mix_names[hop]]
    assert isinstance(part, Mix)
    return part


def test_the_population_is_that_of_clients() -> None:
    world = life(calls=True, phantoms=True)
    assert mix_of(world, 0).figures()["lines"] == 2
    assert all(person.machine.population == 2 for person in world.people.values())
    assert mix_of(world, 1).figures()["lines"] > 2


def test_an_extended_epoch_keeps_its_phantoms_and_they_end_with_it() -> None:
    world = World(seed=11, phantoms=PHANTOMS)
    people = [world.join("alice"), world.join("bob")]
    online(world, *people)
    world.cut_control()
    before = [person.machine.loops_back for person in people]
    world.run(2 * EPOCH_S)
    assert all(
        person.machine.loops_back - was > 380 for person, was in zip(people, before, strict=True)
    )
    world.run(4 * EPOCH_S)
    assert not any(person.machine.in_zone for person in people)
    # Without circuits there are no rows at all, and a round is one empty datagram.
    world.trace = []
    world.run(1)
    mixes = [sent for sent in on(world, access=False) if sent.source == "mix1"]
    assert len(mixes) <= 2 * 51
    world.mend_control()
    online(world, *people)


@pytest.mark.parametrize(("rows", "runs"), [(4, True), (6, False)])
def test_a_mix_does_not_take_its_own_phantoms_for_a_crowd(rows: int, runs: bool) -> None:
    world = World(seed=12, mixes=2, phantoms=PHANTOMS, min_rows=rows)
    people = [world.join("alice"), world.join("bob")]
    world.run(4 * EPOCH_S)
    assert all(person.machine.in_zone == runs for person in people)


# ── what a curious last mix counts ───────────────────────────────────────────────────────


def order_of(circuits: Circuits, number: int, cell_bytes: int) -> NDArray[np.intp]:
    """Which row comes out where: each goes in with its own number on it, and once with nothing."""
    rows = circuits.rows_in(number)
    plain = np.zeros((rows, cell_bytes), np.uint8)
    marked = plain.copy()
    marked[:, :2] = np.arange(rows, dtype="<u2").view(np.uint8).reshape(-1, 2)
    marks = circuits.turn(number, plain).copy() ^ circuits.turn(number, marked)
    return marks[:, :2].copy().view("<u2")[:, 0].astype(np.intp)


def counted(world: World, epochs: int) -> list[tuple[int, int, int, int]]:
    """Joined pairs, joined guests, lone lines and lone doors at the last mix, epoch by epoch."""
    last, found = mix_of(world, len(world.mix_names) - 1), []
    geometry = world.zone.geometry
    for _ in range(epochs):
        world.run_until(lambda: last.coming.circuits is not None, 3 * EPOCH_S)
        circuits = last.coming.circuits
        assert circuits is not None
        first = geometry.first_round(circuits.epoch)
        partners = order_of(circuits, first, geometry.cell_bytes)
        lines, own = circuits.lines, np.arange(len(partners))
        pairs = int(np.count_nonzero((partners != own)[:lines] & (partners[:lines] < lines))) // 2
        guests = int(np.count_nonzero(partners[:lines] >= lines))
        found.append((pairs, guests, lines - 2 * pairs - guests, circuits.doors - guests))
        world.run_until(lambda: last.coming.circuits is None, 3 * EPOCH_S)
    return found


def two_talking(phantoms: Phantoms | None) -> World:
    world = World(seed=13, mixes=2, phantoms=phantoms)
    alice, bob = world.join("alice"), world.join("bob")
    online(world, alice, bob)
    talk(world, alice, bob)
    return world


@pytest.mark.slow
def test_the_counts_at_the_switchboard_vary_within_the_law() -> None:
    """How often each comes, tests/lab/test_privacy.py looks at, without a world around it."""
    found = counted(two_talking(PHANTOMS), 8)
    own, means = (1, 0, 0, 2), (1, 2, 3 + 1, 2)
    for place, (clients, mean) in enumerate(zip(own, means, strict=True)):
        numbers = [each[place] - clients for each in found]
        assert 0 <= min(numbers) < max(numbers) <= 2 * mean
    assert set(counted(two_talking(None), 2)) == {own}, "without phantoms a call is plain to see"
