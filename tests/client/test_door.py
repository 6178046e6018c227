"""A door in one epoch: one guest, known by the handshake and not by what it claims."""

import pytest
from sizes import BODY_BYTES, CELL_BYTES

from pymix_voice.client.dialing import Knock
from pymix_voice.client.door import Doorstep
from pymix_voice.client.identity import CALLER, Identity
from pymix_voice.errors import BadCell, Drop
from pymix_voice.geometry import Geometry
from pymix_voice.onion.cell import seal_dialing
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair

GEOMETRY = Geometry(3, 20)
E = 450_000
FIRST = GEOMETRY.first_round(E)
FRAME = b"\xa5" * BODY_BYTES


def person(number: int) -> Identity:
    dice = Dice.seeded(number)
    return Identity(KeyPair.draw(dice), dice.bytes(16), bytes(32))


ALICE, BOB, CAROL = person(1), person(2), person(3)


def door(contacts: tuple[Identity, ...] = (ALICE, CAROL), *, strangers: bool = True) -> Doorstep:
    return Doorstep(
        GEOMETRY,
        BOB,
        E,
        contacts=[each.key.public for each in contacts],
        strangers=strangers,
        dice=Dice.seeded(2),
    )


def refused(host: Doorstep, number: int, cell: bytes) -> None:
    with pytest.raises(BadCell) as caught:
        host.hear(number, cell)
    assert caught.value.reason == Drop.FORGED


def text_from(caller: Identity, seed: int = 1) -> bytes:
    return caller.handshake(E, KeyPair.draw(Dice.seeded(seed)), BOB.key.public).write()


def knock(key: bytes, number: int, text: bytes) -> bytes:
    """A caller's cell under this key."""
    return seal_dialing(key, CALLER, bytes(16), number, text, CELL_BYTES)


def test_an_empty_door_has_nothing_to_say() -> None:
    assert door().say(FIRST, FRAME) is None


def test_a_contact_cannot_pass_for_another_contact() -> None:
    """Carol seals under the pair key that she shares, a handshake text that is Alice's."""
    carols = CAROL.pair_key(BOB.key.public, caller=True, epoch=E)
    host = door()
    refused(host, FIRST, knock(carols, FIRST, text_from(ALICE)))
    host.hear(
        FIRST + 10,
        knock(carols, FIRST + 10, text_from(CAROL)),
    )
    assert host.call is not None
    assert host.call.peer == CAROL.key.public


def test_who_calls_under_the_door_key_is_who_the_handshake_says() -> None:
    host = door(())
    cell = seal_dialing(
        BOB.address.door_key, CALLER, bytes(16), FIRST, text_from(ALICE), CELL_BYTES
    )
    host.hear(FIRST, cell)
    assert host.call is not None
    assert host.call.peer == ALICE.key.public


def test_ones_own_knock_is_no_guest() -> None:
    host = door((BOB, ALICE))
    own = Knock(GEOMETRY, BOB, BOB.address, E, Dice.seeded(1))
    for number in range(FIRST, FIRST + 40, 10):
        refused(host, number, own.say(number, FRAME))
    assert host.call is None


def test_a_cell_replayed_in_a_later_round_is_nothing() -> None:
    guest, host = Knock(GEOMETRY, ALICE, BOB.address, E, Dice.seeded(1)), door()
    cell = guest.say(FIRST, FRAME)
    refused(host, FIRST + 10, cell)
    assert host.call is None
    host.hear(FIRST, cell)


def test_a_text_replayed_by_who_holds_the_door_key_never_rings() -> None:
    """The text of an earlier dial in this epoch, sealed anew: answered, but not confirmed."""
    host = door()
    text = text_from(ALICE)
    for number in range(FIRST, FIRST + 200, 10):
        cell = knock(BOB.address.door_key, number, text)
        if number == FIRST:
            host.hear(number, cell)
        else:
            refused(host, number, cell)
        host.say(number, FRAME)
    assert host.call is not None
    assert not host.call.confirmed


def test_the_first_guest_is_the_only_one() -> None:
    host = door()
    host.hear(FIRST, Knock(GEOMETRY, ALICE, BOB.address, E, Dice.seeded(1)).say(FIRST, FRAME))
    second = Knock(GEOMETRY, CAROL, BOB.address, E, Dice.seeded(2))
    refused(host, FIRST + 10, second.say(FIRST + 10, FRAME))
    assert host.call is not None
    assert host.call.peer == ALICE.key.public


def test_a_garbled_text_leaves_the_door_open_for_the_next() -> None:
    host, key = door(), ALICE.pair_key(BOB.key.public, caller=True, epoch=E)
    for number, text in ((FIRST, bytes(96)), (FIRST + 10, Dice.seeded(1).bytes(96))):
        refused(host, number, knock(key, number, text))
    assert host.call is None
    host.hear(FIRST + 20, knock(key, FIRST + 20, text_from(ALICE)))
    assert host.call is not None


def test_the_same_dice_are_drawn_whether_strangers_may_call_or_not() -> None:
    draws = []
    for strangers in (True, False):
        dice = Dice.seeded(5)
        Doorstep(GEOMETRY, BOB, E, contacts=[], strangers=strangers, dice=dice)
        draws.append(dice.bytes(8))
    assert draws[0] == draws[1]
