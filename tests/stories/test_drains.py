"""However datagrams are gathered into drains on their way in, all parts do the same with them."""

from collections import defaultdict
from functools import partial
from typing import TypeVar

import pytest
from calls import first_call, lost
from sizes import CHUNK_BYTES

from pymix_voice.errors import Drop
from pymix_voice.lab.network import Came, Law
from pymix_voice.lab.world import World
from pymix_voice.zone.drain import Drain

WorldT = TypeVar("WorldT", bound=World)

Traffic = dict[tuple[str, str], list[bytes]]
"""Every datagram of each link, in order."""


class OneByOne(World):
    """A world in which every datagram is a drain of its own."""

    def bring(self, at: float, source: str, destination: str, datagram: bytes) -> None:
        self.at(at, partial(self.deliver, source, destination, datagram))


class Together(World):
    """A world in which all that comes for a part at one instant is one drain."""

    longest = 0

    def change(self, came: list[Came]) -> list[Came]:
        return came

    def drain(self, came: list[Came]) -> Drain:
        self.longest = max(self.longest, len(came))
        return super().drain(self.change(came))


class Spoiled(Together):
    """And what comes for mixes, and from them, lies among bad copies of it, in any order."""

    added = 0

    def change(self, came: list[Came]) -> list[Came]:
        if any(len(each.datagram) != CHUNK_BYTES for each in came):
            return came
        dice, bad = self.dice.fork(f"spoil {self.added}"), list[Came]()
        for each in came:
            raw, place = each.datagram, dice.below(CHUNK_BYTES)
            flipped = raw[:place] + bytes([raw[place] ^ 0x40]) + raw[place + 1 :]
            forged = each._replace(source="a forger", datagram=flipped)
            bad += [forged, each._replace(source="a cutter", datagram=raw[:place]), each]
        self.added += len(bad)
        mixed = came + bad
        return [mixed[index] for index in dice.order(len(mixed))]


CHAIN = Law(0.001)


def life(world: World) -> Traffic:
    """Many clients, and a call between two of them; all that was sent."""
    traffic: Traffic = defaultdict(list)

    def tap(source: str, destination: str, raw: bytes) -> bytes:
        traffic[source, destination].append(raw)
        return raw

    world.tap = tap
    everybody = [world.join(f"p{number}", gateway=number % 2) for number in range(22)]
    first_call(world, *everybody[:2])
    world.run(2)
    assert lost(everybody[0], everybody[1]) == lost(everybody[1], everybody[0]) == 0
    for person in everybody[2:]:
        assert person.machine.loops_back > 100
    return traffic


def dropped(world: World) -> dict[str, int]:
    """How many datagrams each part did not use."""
    return {name: sum(part.drops.values()) for name, part in world.parts.items()}


def settled(kind: type[WorldT]) -> WorldT:
    """Nothing is gathered but what comes at one instant: else words leave some ms later."""
    return kind(seed=81, gateways=2, clients=24, chain=CHAIN, gather_s=0.0)


@pytest.fixture(scope="module")
def one_by_one() -> tuple[Traffic, dict[str, int]]:
    world = settled(OneByOne)
    return life(world), dropped(world)


def test_one_datagram_a_drain_or_all_at_once_makes_no_difference_to_any_byte(
    one_by_one: tuple[Traffic, dict[str, int]],
) -> None:
    world = settled(Together)
    assert (life(world), dropped(world)) == one_by_one
    assert world.longest == 5, "a door round of 44 rows"


def test_what_is_forged_cut_or_repeated_among_good_ones_makes_no_difference_to_any_byte(
    one_by_one: tuple[Traffic, dict[str, int]],
) -> None:
    """On the links between mixes and gateways; each of the bad ones is counted, once."""
    world = settled(Spoiled)
    traffic, drops = one_by_one
    assert life(world) == traffic
    assert sum(dropped(world).values()) == sum(drops.values()) + world.added


def test_clients_datagrams_gathered_for_some_milliseconds_are_in_time() -> None:
    """All but the first of each, which was sent before it was steered."""
    world = Together(seed=81, gateways=2, clients=24, chain=CHAIN)
    life(world)
    assert world.longest > 10, "most clients of a gateway"
    late = sum(part.drops[Drop.LATE] for part in world.parts.values())
    assert late <= len(world.people)
