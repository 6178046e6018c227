"""Who is who to the person."""

from pathlib import Path

import pytest

from pymix_voice.edge.acquaintance import Acquaintance
from pymix_voice.edge.profile import change_contacts, read_contacts
from pymix_voice.errors import ConfigError
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.zone.address import Address

DICE = Dice.seeded(7)
BOB = Address(KeyPair.draw(DICE).public, bytes(16))
EVE = KeyPair.draw(DICE).public


@pytest.fixture
def known(tmp_path: Path) -> Acquaintance:
    change_contacts(tmp_path, lambda book: book.add("Bob", BOB))
    return Acquaintance(tmp_path, also=(EVE, BOB.identity))


def test_a_contact_has_a_name_and_others_have_none(known: Acquaintance) -> None:
    assert known.who(BOB.identity) == {"name": "Bob", "verified": False}
    assert known.who(EVE) == {"name": None, "verified": False}
    assert known.who(None) == {"name": None, "verified": False}
    assert known.identities == (BOB.identity, EVE)


async def test_contacts_that_were_added_meanwhile_are_found(
    known: Acquaintance, tmp_path: Path
) -> None:
    change_contacts(tmp_path, lambda book: book.rename("Bob", "Robert"))
    assert await known.find("robert") == BOB
    with pytest.raises(ConfigError):
        await known.find("Bob")


async def test_a_contact_is_marked_as_verified_on_disk(known: Acquaintance, tmp_path: Path) -> None:
    assert await known.verify(BOB.identity, True) == "Bob is marked as verified"
    assert known.who(BOB.identity) == {"name": "Bob", "verified": True}
    assert read_contacts(tmp_path).find("Bob").verified
    assert await known.verify(BOB.identity, False) == "Bob is marked as not verified"
    assert not read_contacts(tmp_path).find("Bob").verified


async def test_a_stranger_cannot_be_verified(known: Acquaintance) -> None:
    with pytest.raises(ConfigError, match="only a contact"):
        await known.verify(EVE, True)
    with pytest.raises(ConfigError, match="only a contact"):
        await Acquaintance().verify(BOB.identity, True)
