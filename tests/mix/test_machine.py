"""A mix in the middle: rounds that are complete are due at once, each goes on once."""

import numpy as np
import pytest
from calls import online
from sizes import CHUNK_BYTES

from pymix_voice.errors import Drop
from pymix_voice.geometry import DOOR_EVERY
from pymix_voice.lab.world import World
from pymix_voice.mix.machine import Mix
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.drain import Burst, Drain

Rounds = list[list[bytes]]


def held_up(rounds: int, people: int = 12) -> tuple[World, Mix, Rounds]:
    """A zone that runs, its second mix, and the datagrams of the next rounds down to it."""
    world = World(seed=75, clients=24)
    online(world, *(world.join(f"p{number}") for number in range(people)))
    first, mix = world.parts["mix1"], world.parts["mix2"]
    assert isinstance(first, Mix)
    assert isinstance(mix, Mix)
    # Door rounds have more rows; the next ones are none.
    world.run_until(lambda: first.now_round(world.now) % DOOR_EVERY == 1, 1)
    stolen: dict[float, list[bytes]] = {}

    def steal(source: str, destination: str, raw: bytes) -> bytes | None:
        if (source, destination) != ("mix1", "mix2"):
            return raw
        stolen.setdefault(world.now, []).append(raw)
        return None

    world.tap = steal
    while len(stolen) < rounds:
        world.run(0.005)
    world.tap = None
    return world, mix, list(stolen.values())


def drain_of(world: World, datagrams: list[bytes], ago_s: float = 0.0) -> Drain:
    return Drain.of(datagrams, [b"mix1"] * len(datagrams), world.now - ago_s, 2048)


def sent_down(bursts: list[Burst]) -> list[Burst]:
    """To the next mix; the datagrams are copied, as the next call of the mix may use their room."""
    down = [burst for burst in bursts if burst.to == b"mix3"]
    return [burst._replace(datagrams=burst.datagrams.copy()) for burst in down]


def test_a_round_is_due_at_the_instant_at_which_its_last_datagram_came() -> None:
    world, mix, ((*most, last), *_) = held_up(1)
    assert len(most) == 1, "twelve rows are two datagrams"
    mix.receive(drain_of(world, most, 0.004), world.now)
    assert world.now < mix.deadline() == pytest.approx(world.now + 0.006, abs=1e-6)
    mix.receive(drain_of(world, [last], 0.001), world.now)
    assert mix.deadline() == pytest.approx(world.now - 0.001, abs=1e-9)
    assert mix.bursts() == [], "nothing goes out before it is due"
    mix.handle_deadline(world.now)
    (burst,) = sent_down(mix.bursts())
    assert burst.datagrams.shape == (2, CHUNK_BYTES)
    assert mix.bursts() == []


def test_rounds_that_come_together_go_on_one_by_one_and_do_not_overwrite_one_another() -> None:
    """As after a stall: their datagrams in any order, in one drain."""
    world, mix, rounds = held_up(3)
    alone_world, alone, again = held_up(3)
    assert again == rounds
    expected = []
    for datagrams in rounds:
        alone.receive(drain_of(alone_world, datagrams), alone_world.now)
        alone.handle_deadline(alone_world.now)
        expected += sent_down(alone.bursts())
    together = [datagram for datagrams in rounds for datagram in datagrams]
    order = Dice.seeded(1).order(len(together))
    mix.receive(drain_of(world, [together[index] for index in order]), world.now)
    mix.handle_deadline(world.now)
    bursts = sent_down(mix.bursts())
    assert len(bursts) == len(expected) == 3
    for burst, other in zip(bursts, expected, strict=True):
        assert np.array_equal(burst.datagrams, other.datagrams)


def test_a_round_that_comes_twice_goes_on_once_and_the_rest_is_counted() -> None:
    world, mix, (datagrams, *_) = held_up(1)
    mix.receive(drain_of(world, datagrams * 2), world.now)
    assert mix.drops == {Drop.REPLAYED: 2}
    mix.handle_deadline(world.now)
    assert len(sent_down(mix.bursts())) == 1
    mix.receive(drain_of(world, datagrams), world.now)
    assert mix.drops == {Drop.REPLAYED: 2, Drop.LATE: 2}
    mix.handle_deadline(world.now)
    assert sent_down(mix.bursts()) == []


def test_of_one_drain_each_datagram_is_taken_or_counted_by_its_reason() -> None:
    world, mix, (datagrams, *_) = held_up(1)
    one, two = datagrams
    junk = [one[:-1], b"", one[:4] + two[4:500] + bytes(700), b"none" + one[4:]]
    forged = one[:700] + bytes([one[700] ^ 1]) + one[701:]
    mix.receive(drain_of(world, [junk[0], two, junk[1], forged, *junk[2:], one]), world.now)
    assert mix.drops == {Drop.MALFORMED: 2, Drop.FORGED: 2, Drop.UNKNOWN_SESSION: 1}
    assert mix.deadline() == world.now
    mix.handle_deadline(world.now)
    assert len(sent_down(mix.bursts())) == 1
