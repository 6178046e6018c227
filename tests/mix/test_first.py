"""The first mix: its clock and what may move it, and the rows of many gateways and workers."""

import pytest
from calls import EPOCH_S, frames_gained, lost, online, talk
from sizes import CHUNK_BYTES

from pymix_voice.geometry import MAX_WORKERS
from pymix_voice.lab.cast import Person
from pymix_voice.lab.world import World
from pymix_voice.mix.first import FirstMix
from pymix_voice.mix.machine import Mix
from pymix_voice.mix.neighbours import DOWN
from pymix_voice.zone.drain import Drain
from pymix_voice.zone.records import Hello

WORKERS = [(0, 0), (0, 1), (1, 0), (1, 1)]
"""Gateways and their processes, in the order of their rows."""


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


# ── many gateways, and gateways of many processes ────────────────────────────────────────


def crowded(seed: int = 72) -> tuple[World, list[Person]]:
    """Two gateways of two processes each, one of them with two clients, the last with none."""
    world = World(seed=seed, gateways=2, workers=2, clients=16)
    places = [*WORKERS[:3], WORKERS[1]]
    people = [
        world.join(f"p{number}", gateway=gateway, worker=worker)
        for number, (gateway, worker) in enumerate(places)
    ]
    online(world, *people)
    return world, people


def test_rows_of_all_gateways_and_workers_are_one_batch_and_each_gets_its_own_back() -> None:
    world, people = crowded()
    world.run(EPOCH_S)
    mixes = [part for part in world.parts.values() if isinstance(part, Mix)]
    assert [mix.figures()["lines"] for mix in mixes] == [4, 4, 4]
    first = world.parts["mix1"]
    assert isinstance(first, FirstMix)
    shares = first._shares[first._live.epoch]
    assert shares == {0: 1, 1: 2, MAX_WORKERS: 1, MAX_WORKERS + 1: 0}
    before = [person.machine.loops_back for person in people]
    world.run(4)
    for person, was in zip(people, before, strict=True):
        # Cells to oneself come back to oneself, those of the door too.
        assert person.machine.loops_back - was >= 195


def test_calls_go_between_workers_and_between_gateways() -> None:
    world, people = crowded(seed=73)
    talk(world, people[0], people[1])
    talk(world, people[2], people[3])
    world.run(2 * EPOCH_S)
    for one, other in ((0, 1), (2, 3)):
        assert lost(people[one], people[other]) == lost(people[other], people[one]) == 0
        assert len(people[one].heard) > 380


def test_a_worker_that_dies_costs_only_its_own_clients_and_comes_back() -> None:
    world, people = crowded(seed=74)
    talk(world, people[0], people[2])
    world.kill("gateway1.2")
    assert frames_gained(world, people[0], 3.0) >= 148
    assert lost(people[0], people[2]) == lost(people[2], people[0]) == 0
    assert [person.machine.in_zone for person in people] == [True, False, True, False]
    world.restart("gateway1.2")
    world.run(2 * EPOCH_S + 1)
    assert all(person.machine.in_zone for person in people)
    assert lost(people[0], people[2]) == lost(people[2], people[0]) == 0


@pytest.mark.parametrize("late_s", [0.0, 0.003, 0.015])
def test_how_early_a_gateway_is_counts_from_when_its_rows_came_not_from_when_they_are_read(
    late_s: float,
) -> None:
    world, first, _ = running()
    stolen: list[bytes] = []
    world.tap = lambda source, destination, raw: (
        stolen.append(raw) if (source, destination) == ("gateway1", "mix1") else raw
    )
    world.run(0.021)
    world.tap = None
    datagram = stolen[-1]
    assert len(datagram) == CHUNK_BYTES
    link = first._neighbours.link(0)
    assert link is not None
    first.receive(Drain.of([datagram], [b"gateway1"], world.now - late_s, 2048), world.now)
    number, early = link.early
    assert number == link.newest
    tick = first._clock.tick_at(number)
    assert early / 16_000 == pytest.approx(tick - (world.now - late_s), abs=1e-4)
