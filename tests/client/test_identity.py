"""Who one is: pair keys that both ends derive, and drops that only holders of a door key find."""

import pytest

from pymix_voice.client.identity import Identity, door_drop
from pymix_voice.errors import BadCell
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair

ZONE = bytes(range(32))


def person(number: int, zone: bytes = ZONE) -> Identity:
    dice = Dice.seeded(number)
    return Identity(KeyPair.draw(dice), dice.bytes(16), zone)


ALICE, BOB, CAROL = person(1), person(2), person(3)


def test_both_ends_of_a_dial_derive_one_pair_key() -> None:
    called = ALICE.pair_key(BOB.key.public, caller=True, epoch=7)
    assert called == BOB.pair_key(ALICE.key.public, caller=False, epoch=7)


def test_a_pair_key_depends_on_peer_role_epoch_and_zone() -> None:
    elsewhere = person(1, zone=bytes(32))
    keys = {
        ALICE.pair_key(BOB.key.public, caller=True, epoch=7),
        ALICE.pair_key(BOB.key.public, caller=False, epoch=7),
        ALICE.pair_key(BOB.key.public, caller=True, epoch=8),
        ALICE.pair_key(CAROL.key.public, caller=True, epoch=7),
        elsewhere.pair_key(BOB.key.public, caller=True, epoch=7),
    }
    assert len(keys) == 5


def test_a_peer_whose_key_is_of_low_order_is_a_bad_cell() -> None:
    with pytest.raises(BadCell):
        ALICE.pair_key(bytes(32), caller=True, epoch=7)


def test_a_door_is_at_another_drop_in_every_epoch() -> None:
    drops = {door_drop(key, epoch) for key in (bytes(16), b"d" * 16) for epoch in range(20)}
    assert len(drops) == 40
    assert {len(drop) for drop in drops} == {16}


@pytest.mark.parametrize(
    ("callee", "epoch", "zone"),
    [(CAROL.key.public, 7, ZONE), (BOB.key.public, 8, ZONE), (BOB.key.public, 7, bytes(32))],
)
def test_a_handshake_opens_only_for_its_callee_epoch_and_zone(
    callee: bytes, epoch: int, zone: bytes
) -> None:
    text = ALICE.handshake(7, KeyPair.draw(Dice.seeded(9)), BOB.key.public).write()
    assert BOB.handshake(7, KeyPair.draw(Dice.seeded(8))).read(text) == b""
    other = Identity(BOB.key if callee == BOB.key.public else CAROL.key, bytes(16), zone)
    with pytest.raises(BadCell):
        other.handshake(epoch, KeyPair.draw(Dice.seeded(8))).read(text)


def test_nothing_of_an_identity_shows() -> None:
    assert repr(ALICE) == "Identity()"
