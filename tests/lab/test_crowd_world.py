"""A crowd in a whole simulated zone: the real gateway and mixes."""

from types import SimpleNamespace
from typing import cast

import pytest

from pymix_voice.client.identity import Identity
from pymix_voice.client.machine import Client
from pymix_voice.lab.cast import Person
from pymix_voice.lab.crowd.machine import Crowd
from pymix_voice.lab.crowd.tally import Sort, percentiles_ms
from pymix_voice.lab.world import World

pytestmark = pytest.mark.slow

CROWD = "crowd"
WAY_S = 0.0006


class Hosted(Crowd):
    """A crowd where the world expects a client: nobody sits at it."""

    phone = SimpleNamespace(events=[], heard=[], looped=[])


class CrowdWorld(World):
    """A world with a crowd, whose datagrams arrive together, as many as there are."""

    def __init__(self, clients: int, *, calls: float = 0.5, zone_clients: int = 0) -> None:
        super().__init__(clients=zone_clients or clients)
        self.lost = 0.0
        self._net = self.dice.fork("crowd's net")
        self.crowd = Hosted(
            self.zone,
            0,
            clients,
            calls=calls,
            dice=self.dice.fork(CROWD),
            now=self.now,
            where=self.gateway_names[0].encode(),
        )
        self.parts[CROWD] = cast(Client, self.crowd)
        nobody = cast(Identity, None)
        self.people[CROWD] = Person(CROWD, cast(Client, self.crowd), nobody, [], [])
        self.touch(CROWD)

    def post(self, source: str, destination: str, datagram: bytes) -> None:
        if CROWD not in (source, destination):
            super().post(source, destination, datagram)
        elif not self._net.chance(self.lost):
            self.bring(self.now + WAY_S, source, destination, datagram)

    def until_in_zone(self, clients: int) -> None:
        self.run_until(lambda: self.crowd.in_zone == clients, 12)


def test_sixty_have_rows_and_every_pair_hears_each_other_over_three_epochs() -> None:
    world = CrowdWorld(60)
    world.until_in_zone(60)
    world.run(3 * world.zone.geometry.epoch_s)
    crowd, figures = world.crowd, world.crowd.figures()
    assert figures["joined"] == figures["in_zone"] == figures["population"] == 60
    assert figures["sessions"] == 60
    for nothing in ("missed", "wrong", "surplus", "rowless", "skipped", "made_late"):
        assert figures[nothing] == 0
    assert (crowd.tally.heard >= 3 * world.zone.geometry.epoch_rounds - 10).all()
    assert (crowd.tally.door_heard >= 3 * world.zone.geometry.epoch_rounds // 10 - 1).all()
    assert not crowd.tally.drops
    for sort in Sort:
        middle, _, most = percentiles_ms(crowd.tally.delays.counts[sort])
        assert 5 < middle < most < 40


def test_a_crowd_and_real_clients_share_a_zone() -> None:
    world = CrowdWorld(6, zone_clients=20)
    people = [world.join(name) for name in ("alice", "bob")]
    world.until_in_zone(6)
    world.run(2.0)
    assert all(person.machine.in_zone for person in people)
    assert world.crowd.population == 8
    figures = world.crowd.figures()
    assert figures["missed"] == figures["wrong"] == 0
    assert figures["heard"] > 6 * 90


def test_what_the_network_loses_is_missed_and_nothing_else() -> None:
    world = CrowdWorld(8)
    world.until_in_zone(8)
    world.lost = 0.02
    world.run(8.0)
    figures = world.crowd.figures()
    assert 0.02 < figures["missed"] / figures["expected"] < 0.07
    assert figures["wrong"] == figures["surplus"] == 0
    assert figures["rowless"] == 0


def test_a_crowd_comes_back_after_its_gateway_was_restarted() -> None:
    world = CrowdWorld(8)
    world.until_in_zone(8)
    world.kill("gateway1")
    world.run(1.0)
    world.restart("gateway1")
    world.run(12.0)
    figures = world.crowd.figures()
    assert figures["sessions"] == 16
    assert figures["in_zone"] == 8
    heard = figures["heard"]
    world.run(1.0)
    assert world.crowd.figures()["heard"] - heard == pytest.approx(400, abs=9)
