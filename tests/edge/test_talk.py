"""A real client at a real gateway, on the loopback interface."""

import gc
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing
from eventually import eventually

from pymix_voice.client.identity import Identity
from pymix_voice.client.states import State
from pymix_voice.edge.acquaintance import Acquaintance
from pymix_voice.edge.clock import Clock, system_dice
from pymix_voice.edge.files import SignedFile
from pymix_voice.edge.orders import Order, Verb
from pymix_voice.edge.outfit import Choice, outfit
from pymix_voice.edge.profile import change_contacts
from pymix_voice.edge.report import Report
from pymix_voice.edge.serve import check_key, serve_gateway, serve_mix
from pymix_voice.edge.talk import Talk
from pymix_voice.edge.udp import Port
from pymix_voice.errors import ConfigError
from pymix_voice.onion.keys import KeyPair
from pymix_voice.zone.address import Address
from pymix_voice.zone.keyfile import GATEWAY, MIX, KeyFile, new_key
from pymix_voice.zone.zonefile import GatewayEntry, MixEntry, Zone

pytestmark = pytest.mark.live

Told = list[tuple[str, dict[str, object]]]


@pytest.fixture(autouse=True)
def garbage() -> Iterator[None]:
    """Who serves looks for garbage itself, and ends all other looking in its process."""
    yield
    gc.unfreeze()
    gc.enable()


def free_port() -> int:
    with Port(("127.0.0.1", 0)) as port:
        return port.place[1]


def make_zone() -> tuple[Zone, KeyFile]:
    """A zone on loopback whose mix nobody runs."""
    zone, _, gateway = make_parts(mix_port=1)
    return zone, gateway


def make_parts(mix_port: int) -> tuple[Zone, KeyFile, KeyFile]:
    """A zone of one mix and a gateway, and their keys."""
    dice = system_dice()
    mix, gateway = new_key(MIX, "mix1", dice), new_key(GATEWAY, "gateway1", dice)
    zone = Zone(
        name="home",
        clients=4,
        mixes=(MixEntry("mix1", "127.0.0.1", mix_port, mix.link.public, mix.sign_public),),
        gateways=(GatewayEntry("gateway1", "127.0.0.1", free_port(), gateway.link.public),),
    )
    return zone, mix, gateway


def make_talk(
    zone: Zone,
    told: Told,
    output: Path | None = None,
    *,
    known: Acquaintance | None = None,
    status_s: float = 0.0,
) -> Talk:
    dice = system_dice()
    me = Identity(KeyPair.draw(dice), dice.bytes(16), zone.hash)

    def tell(event: str, more: dict[str, object]) -> None:
        told.append((event, more))

    return Talk(
        zone,
        0,
        me=me,
        known=known or Acquaintance(),
        strangers=True,
        outfit=outfit(Choice(output=output, silent=True), 1),
        tell=tell,
        status_s=status_s,
    )


async def test_a_client_comes_online_and_speaks_in_every_round(
    nursery: trio.Nursery, tmp_path: Path
) -> None:
    zone, mix_keys, keys = make_parts(free_port())
    signed = SignedFile(tmp_path / "mix1.key")
    quiet = Report("mix-talk", as_json=False)
    nursery.start_soon(partial(serve_mix, zone, 0, mix_keys, signed, Clock(), quiet))
    told: Told = []
    report = Report("gateway-talk", as_json=False)
    nursery.start_soon(partial(serve_gateway, zone, 0, keys, Clock(), report))
    talk = make_talk(zone, told)
    nursery.start_soon(talk.run)
    with trio.fail_after(5):
        await talk.until(lambda: talk.online)
    assert ("online", {}) in told
    sent, number, began = talk.client.cells_sent, talk.client.number, Clock.now()
    await trio.sleep(0.2)
    passed = (Clock.now() - began) / 0.02
    assert abs(talk.client.number - number - passed) <= 3
    assert abs(talk.client.cells_sent - sent - passed) <= 3
    assert talk.client.cells_heard > 0
    assert talk.state == State.IDLE


async def test_dialing_is_told_and_hanging_up_takes_its_time(nursery: trio.Nursery) -> None:
    zone, _ = make_zone()
    told: Told = []
    talk = make_talk(zone, told)
    nursery.start_soon(talk.run)
    await talk.hang_up()  # nothing is on: nothing is waited for
    talk.dial(Address(KeyPair.draw(system_dice()).public, bytes(16)))
    assert told == [("dialing", {"name": None, "verified": False})]
    assert talk.talker.dialed_at is not None
    talk.decline()
    assert told[1:] == [("ended", {"reason": "you hung up", "name": None, "verified": False})]
    assert talk.state == State.IDLE


async def test_a_contact_is_dialed_by_name_also_one_who_was_added_meanwhile(
    nursery: trio.Nursery, tmp_path: Path
) -> None:
    zone, _ = make_zone()
    told: Told = []
    talk = make_talk(zone, told, known=Acquaintance(tmp_path))
    nursery.start_soon(talk.run)
    await trio.testing.wait_all_tasks_blocked()
    talk.obey(Order(Verb.DIAL, "Bob"))
    await eventually(lambda: bool(told))
    assert told[0][0] == "note"
    assert "no contacts yet" in str(told.pop())
    bob = Address(KeyPair.draw(system_dice()).public, bytes(16))
    change_contacts(tmp_path, lambda book: book.add("Bob", bob))
    talk.obey(Order(Verb.DIAL, "bob"))
    await eventually(lambda: bool(told))
    assert told == [("dialing", {"name": "Bob", "verified": False})]
    with pytest.raises(ConfigError, match="there is a call already"):
        talk.obey(Order(Verb.DIAL, "bob"))


async def test_orders_for_the_sound_are_obeyed_and_shown(nursery: trio.Nursery) -> None:
    zone, _ = make_zone()
    told: Told = []
    talk = make_talk(zone, told, status_s=0.01)
    nursery.start_soon(talk.run)
    for order in (Order(Verb.MUTE), Order(Verb.VOLUME, "40"), Order(Verb.PUSH_TO_TALK, "on")):
        talk.obey(order)
    talk.obey(Order(Verb.TALK))
    await eventually(lambda: bool(told))
    event, status = told[0]
    assert event == "status"
    shown = {name: status[name] for name in ("muted", "volume", "push_to_talk", "speaking")}
    assert shown == {"muted": True, "volume": 40, "push_to_talk": True, "speaking": True}
    assert (status["state"], status["input"], status["output"]) == ("offline", "nothing", "nothing")


async def test_what_cannot_be_done_as_things_stand_is_a_sentence(nursery: trio.Nursery) -> None:
    zone, _ = make_zone()
    talk = make_talk(zone, [])
    nursery.start_soon(talk.run)
    for verb in (Verb.ANSWER, Verb.DECLINE):
        with pytest.raises(ConfigError, match="nobody is calling just now"):
            talk.obey(Order(verb))
    talk.obey(Order(Verb.HANG_UP))  # nothing is on: nothing is said of it
    talk.obey(Order(Verb.QUIT))
    assert talk.leaving


async def test_a_client_without_gateway_keeps_trying_and_can_be_ended(tmp_path: Path) -> None:
    zone, _ = make_zone()
    told: Told = []
    talk = make_talk(zone, told, tmp_path / "b.wav")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(talk.run)
        await eventually(lambda: talk.client.connection.deadline() > Clock.now())
        nursery.cancel_scope.cancel()
    assert not talk.online
    assert not os.listdir(tmp_path)


def test_a_key_must_be_the_one_of_the_zone_file() -> None:
    zone, keys = make_zone()
    check_key(keys, GATEWAY, zone.gateways[0], "gateway1.key")
    with pytest.raises(ConfigError, match="is the key file of a gateway, but a mix's is wanted"):
        check_key(keys, MIX, zone.mixes[0], "gateway1.key")
    other = new_key(GATEWAY, "gateway1", system_dice())
    with pytest.raises(ConfigError, match="are not those of 'gateway1' in the zone file"):
        check_key(other, GATEWAY, zone.gateways[0], "gateway1.key")


async def test_a_host_without_address_is_told() -> None:
    zone, _ = make_zone()
    entry = zone.gateways[0]
    lost = GatewayEntry(entry.name, "no-such-host.invalid", entry.port, entry.link)
    with pytest.raises(ConfigError, match="has no address"):
        make_talk(Zone("home", 4, zone.mixes, (lost,)), [])
