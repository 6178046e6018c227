"""However datagrams are gathered into drains on their way in, all parts do the same with them."""

from collections import defaultdict
from collections.abc import Callable
from functools import partial

import pytest
from calls import lost, online, talk

from pymix_voice.gateway.machine import Gateway
from pymix_voice.geometry import CHUNK_BYTES
from pymix_voice.lab.network import Law
from pymix_voice.lab.world import World
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.drain import Drain

Traffic = dict[tuple[str, str], list[bytes]]
"""Every datagram of each link, in order."""
Arrived = list[tuple[str, bytes]]
"""Sources and datagrams that one part got at one instant."""


class Gathered(World):
    """A world in which all that comes for a part at one instant is one drain."""

    def __init__(self, change: Callable[[Arrived], Arrived]) -> None:
        self.waiting: dict[str, Arrived] = defaultdict(list)
        self.change = change
        self.longest = 0
        super().__init__(seed=81, gateways=2, clients=24, chain=CHAIN)

    def deliver(self, source: str, destination: str, datagram: bytes) -> None:
        if not self.waiting[destination]:
            self.at(self.now, partial(self._deliver_all, destination))
        self.waiting[destination].append((source, datagram))

    def _deliver_all(self, destination: str) -> None:
        came, part = self.waiting.pop(destination), self.parts[destination]
        if isinstance(part, Gateway):
            self._take(part.receive_link, [each for each in came if each[0] in self.mix_names])
            others = [each for each in came if each[0] not in self.mix_names]
            self._take(part.receive_clients, others)
        else:
            self._take(part.receive, came)
        self.touch(destination)

    def _take(self, receive: Callable[[Drain, float], None], came: Arrived) -> None:
        if came:
            self.longest = max(self.longest, len(came))
            came = self.change(came)
            datagrams, sources = [raw for _, raw in came], [source.encode() for source, _ in came]
            receive(Drain.of(datagrams, sources, self.now, 2048), self.now)


CHAIN = Law(0.001)


def life(world: World) -> Traffic:
    """Many clients, and a call between two of them; all that was sent."""
    traffic: Traffic = defaultdict(list)

    def tap(source: str, destination: str, raw: bytes) -> bytes:
        traffic[source, destination].append(raw)
        return raw

    world.tap = tap
    everybody = [world.join(f"p{number}", gateway=number % 2) for number in range(22)]
    online(world, *everybody)
    talk(world, *everybody[:2])
    world.run(2)
    assert lost(everybody[0], everybody[1]) == lost(everybody[1], everybody[0]) == 0
    for person in everybody[2:]:
        assert person.machine.loops_back > 100
    return traffic


def dropped(world: World) -> dict[str, int]:
    """How many datagrams each part did not use."""
    return {name: sum(part.drops.values()) for name, part in world.parts.items()}


@pytest.fixture(scope="module")
def one_by_one() -> tuple[Traffic, dict[str, int]]:
    """Every datagram a drain of its own."""
    world = World(seed=81, gateways=2, clients=24, chain=CHAIN)
    return life(world), dropped(world)


def test_one_datagram_a_drain_or_all_at_once_makes_no_difference_to_any_byte(
    one_by_one: tuple[Traffic, dict[str, int]],
) -> None:
    world = Gathered(lambda came: came)
    assert (life(world), dropped(world)) == one_by_one
    assert world.longest == 5, "a door round of 44 rows"


def test_what_is_forged_cut_or_repeated_among_good_ones_makes_no_difference_to_any_byte(
    one_by_one: tuple[Traffic, dict[str, int]],
) -> None:
    """On the links between mixes and gateways; each of the bad ones is counted, once."""
    dice, added = Dice.seeded(82), 0

    def spoil(came: Arrived) -> Arrived:
        nonlocal added
        if any(len(raw) != CHUNK_BYTES for _, raw in came):
            return came
        bad: Arrived = []
        for source, raw in came:
            place = dice.below(CHUNK_BYTES)
            flipped = raw[:place] + bytes([raw[place] ^ 0x40]) + raw[place + 1 :]
            bad += [("a forger", flipped), ("a cutter", raw[:place]), (source, raw)]
        added += len(bad)
        mixed = came + bad
        return [mixed[index] for index in dice.order(len(mixed))]

    world = Gathered(spoil)
    traffic, drops = one_by_one
    assert life(world) == traffic
    assert sum(dropped(world).values()) == sum(drops.values()) + added
