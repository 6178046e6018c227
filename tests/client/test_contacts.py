"""Contacts: one name, one person; and a file that reads back as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zones import FUZZ

from pymix_voice.client.contacts import (
    MOST_CONTACTS,
    Contact,
    Contacts,
    find_peer,
    parse_contacts,
    render_contacts,
)
from pymix_voice.errors import ConfigError, Misuse
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.zone.address import Address
from pymix_voice.zone.names import folded, personal_name


def address(number: int, door: int = 0) -> Address:
    """Person `number` with their door number `door`."""
    return Address(KeyPair.draw(Dice.seeded(number)).public, door.to_bytes(16, "little"))


BOB, CAROL, DAVE = address(1), address(2), address(3)
BOOK = Contacts().add("Bob", BOB).add("Carol Ünal", CAROL).verify("bob", yes=True)


def refusal(change: str, *arguments: object) -> str:
    with pytest.raises(ConfigError) as caught:
        getattr(BOOK, change)(*arguments)
    told = str(caught.value)
    assert "\n" not in told
    assert "pymix1" not in told
    return told


def is_name(text: str) -> bool:
    try:
        return bool(personal_name(text))
    except ConfigError:
        return False


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(is_name)


# ── the book ─────────────────────────────────────────────────────────────────────────────────


def test_a_contact_is_found_by_name_in_any_capitals_and_by_identity() -> None:
    assert BOOK.find("BOB") == Contact("Bob", BOB, verified=True)
    assert BOOK.find(" carol  u\u0308NAL ").address == CAROL
    assert BOOK.named(CAROL.identity) == Contact("Carol Ünal", CAROL)
    assert BOOK.named(DAVE.identity) is None


def test_a_book_is_gone_through_in_the_order_of_adding() -> None:
    assert [contact.name for contact in BOOK] == ["Bob", "Carol Ünal"]
    assert BOOK.identities == (BOB.identity, CAROL.identity)
    assert len(BOOK) == 2


def test_a_change_leaves_the_old_book_as_it_was() -> None:
    before = tuple(BOOK)
    for after in (
        BOOK.add("Dave", DAVE),
        BOOK.remove("Bob"),
        BOOK.rename("Bob", "Robert"),
        BOOK.verify("Bob", yes=False),
    ):
        assert after != BOOK
    assert tuple(BOOK) == before


def test_a_name_that_another_person_has_is_refused() -> None:
    assert refusal("add", "BOB", DAVE) == (
        "'Bob' is another person among your contacts; remove it first, or give another name"
    )
    assert refusal("add", "carol ünal", BOB).startswith("'Carol Ünal' is another person")


def test_a_second_name_for_one_person_is_refused_with_the_first() -> None:
    told = "you have this person already, as 'Bob'"
    assert told in refusal("add", "Robert", BOB)
    assert told in refusal("add", "Robert", address(1, door=5))


def test_a_new_door_key_is_taken_and_the_person_stays_verified() -> None:
    moved = BOOK.add("bob", address(1, door=5))
    assert [*moved][:1] == [Contact("Bob", address(1, door=5), verified=True)]
    assert len(moved) == 2
    assert BOOK.add("Bob", BOB) == BOOK


def test_a_removed_contact_comes_back_unverified() -> None:
    gone = BOOK.remove("bOb")
    assert gone.named(BOB.identity) is None
    assert not gone.add("Bob", BOB).find("Bob").verified


def test_a_renamed_contact_stays_verified_and_in_its_place() -> None:
    assert [*BOOK.rename("bob", " Robert ")][:1] == [Contact("Robert", BOB, verified=True)]
    assert BOOK.rename("bob", "BOB").find("bob").name == "BOB"
    assert "'Carol Ünal' is another of your contacts" in refusal("rename", "Bob", "CAROL ÜNAL")
    assert "cannot begin with '-'" in refusal("rename", "Bob", "-v")


def test_the_mark_of_verification_comes_and_goes() -> None:
    assert BOOK.verify("carol ünal", yes=True).find("Carol Ünal").verified
    assert not BOOK.verify("Bob", yes=False).find("Bob").verified


def test_a_full_book_takes_no_more_people_but_new_addresses() -> None:
    people = [Contact(f"n{number}", address(number)) for number in range(MOST_CONTACTS)]
    full = Contacts(tuple(people))
    with pytest.raises(ConfigError, match="you have 500 contacts, and more are not possible"):
        full.add("one more", address(MOST_CONTACTS))
    assert len(full.add("n7", address(7, door=1))) == MOST_CONTACTS
    with pytest.raises(ConfigError, match="501 contacts"):
        Contacts((*people, Contact("one more", address(MOST_CONTACTS))))
    assert parse_contacts(render_contacts(full).encode(), "c.toml") == full


def test_an_unknown_name_is_told_with_those_like_it() -> None:
    assert "did you mean 'Bob'?" in refusal("find", "bobb")
    assert "did you mean 'Carol Ünal'?" in refusal("remove", "carol")
    assert "contacts list` names those you have" in refusal("verify", "xyz", True)
    assert "no contact of this name" in refusal("rename", "q" * 100_000, "x")


def test_repr_shows_no_address() -> None:
    assert repr(BOOK.find("bob")) == "Contact(name='Bob', verified=True)"
    assert repr(BOOK) == "Contacts()"


def test_a_name_that_nobody_read_is_misuse() -> None:
    with pytest.raises(Misuse):
        Contact(" Bob", BOB)


# ── whom a person means ──────────────────────────────────────────────────────────────────────


def test_a_peer_is_found_by_name() -> None:
    assert find_peer("bob", BOOK) == (BOB, BOOK.find("Bob"))


def test_a_peer_is_found_by_address_whether_or_not_it_is_a_contact() -> None:
    assert find_peer(BOB.text, BOOK) == (BOB, BOOK.find("Bob"))
    assert find_peer(f" {DAVE.text[:9].upper()} {DAVE.text[9:]}\n", BOOK) == (DAVE, None)


def test_an_address_is_taken_as_it_is_given() -> None:
    moved = address(1, door=9)
    assert find_peer(moved.text, BOOK) == (moved, BOOK.find("Bob"))


@pytest.mark.parametrize(
    ("who", "told"),
    [
        (BOB.text[:-1], "this address is too short"),
        (BOB.text[:-1] + ("b" if BOB.text[-1] == "a" else "a"), "checksum"),
        (BOB.text[6:], "you have no contact of this name"),
        ("", "you have no contact of this name"),
        ("bib", "did you mean 'Bob'? `pymix-voice contacts add NAME ADDRESS` adds one"),
    ],
)
def test_who_cannot_be_found_is_told_without_any_address(who: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find_peer(who, BOOK)
    assert told in str(caught.value)
    assert BOB.text[6:16] not in str(caught.value)


def test_without_contacts_a_name_means_nobody() -> None:
    with pytest.raises(ConfigError, match=r"you have no contacts yet; .* adds one"):
        find_peer("Bob", Contacts())


# ── the file ─────────────────────────────────────────────────────────────────────────────────


def test_a_file_of_contacts_reads_back_as_it_was() -> None:
    assert parse_contacts(render_contacts(BOOK).encode(), "c.toml") == BOOK
    assert parse_contacts(render_contacts(Contacts()).encode(), "c.toml") == Contacts()
    assert parse_contacts(b"", "c.toml") == Contacts()


@pytest.mark.slow
@FUZZ
@given(
    st.lists(st.tuples(NAMES, st.booleans()), max_size=8, unique_by=lambda each: folded(each[0]))
)
def test_any_book_reads_back_as_it_was(people: list[tuple[str, bool]]) -> None:
    book = Contacts()
    for number, (name, verified) in enumerate(people):
        book = book.add(name, address(number, door=number)).verify(name, verified)
    assert parse_contacts(render_contacts(book).encode(), "c.toml") == book


RENDERED = render_contacts(BOOK).encode()


@FUZZ
@given(st.integers(0, len(RENDERED)), st.integers(0, 5), st.binary(max_size=5))
def test_any_change_of_the_file_gives_a_book_or_a_sentence(at: int, gone: int, put: bytes) -> None:
    told = parsed(RENDERED[:at] + put + RENDERED[at + gone :])
    assert told == "Contacts()" or told.startswith("c.toml: ")


@FUZZ
@given(st.binary(max_size=200))
def test_any_bytes_give_a_book_or_a_sentence(text: bytes) -> None:
    told = parsed(text)
    assert told == "Contacts()" or told.startswith("c.toml: ")


def parsed(text: bytes) -> str:
    try:
        told = repr(parse_contacts(text, "c.toml"))
    except ConfigError as error:
        told = str(error)
    assert "\n" not in told
    assert not any(each.text[10:30] in told for each in (BOB, CAROL))
    return told


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[[contacts]]", "[[contacst]]", "unknown key 'contacst'; did you mean 'contacts'?"),
        ("verified = true", "verifed = true", "'verifed' in contacts[1]; did you mean 'verified'"),
        ("verified = true", 'verified = "yes"', "contacts[1].verified is a text, but true or"),
        ('name = "Bob"', "", "contacts[1].name is missing"),
        ('"Bob"', '"-v"', "contacts[1].name: a name cannot begin with '-'"),
        ('"Bob"', '"carol ünal"', "'carol ünal' and 'Carol Ünal' are one name"),
        (CAROL.text, BOB.text, "'Bob' and 'Carol Ünal' are one person"),
        (CAROL.text, CAROL.text[:-1], "contacts[2].address: this address is too short"),
    ],
)
def test_mistakes_in_the_file_are_told_with_their_place(old: str, new: str, told: str) -> None:
    text = render_contacts(BOOK)
    assert old in text
    assert told in parsed(text.replace(old, new, 1 if old.startswith('"') else -1).encode())


def test_who_is_not_said_to_be_verified_is_not() -> None:
    text = f'[[contacts]]\nname = "Bob"\naddress = "{BOB.text.upper()}"\n'
    assert parse_contacts(text.encode(), "c.toml") == Contacts().add("Bob", BOB)
