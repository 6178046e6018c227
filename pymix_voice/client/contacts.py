"""Contacts: people whom one knows by a name, and whose calls are known at the door.

A contact hangs on the identity key. A new door key is a new address of the same person, who
stays verified; another identity is another person, and never slips in under a known name. A
book does not change: whatever changes it gives a new one.

Must not know: files, calls, whether anybody is online.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Final

from pymix_voice.errors import ConfigError, Misuse
from pymix_voice.zone.address import Address, looks_like_address, parse_address
from pymix_voice.zone.names import LONGEST_NAME, folded, personal_name
from pymix_voice.zone.table import Table, parse_file, quoted

MOST_CONTACTS = 500
"""Each costs a trial decryption for whatever comes to the door."""

_HOW_TO_ADD: Final = "`pymix-voice contacts add NAME ADDRESS` adds one"
_HEAD: Final = """\
# Contacts of pymix-voice: who has a name for you, and whom your door knows. Who reads an address
# can call it and see whether somebody is there: keep this file to yourself.
# `verified` says that you compared the check digits of a call with this person.
"""


@dataclass(frozen=True)
class Contact:
    """One person.

    Attributes:
        name: as `personal_name` gives it.
        address: the last one that is known.
        verified: whether both have read the same check digits aloud in a call.
    """

    name: str
    address: Address = field(repr=False)
    verified: bool = False

    def __post_init__(self) -> None:
        """Refuse a name that nobody read."""
        if personal_name(self.name) != self.name:
            raise Misuse("a contact's name is kept in the one form that `personal_name` gives")


@dataclass(frozen=True)
class Contacts:
    """A book of contacts, in the order in which they were added.

    Args:
        people: no two with one name or one identity, at most `MOST_CONTACTS`.

    Raises:
        ConfigError: if they do not go together.
    """

    people: tuple[Contact, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        """Refuse a book in which a name or an identity would mean two people."""
        if len(self.people) > MOST_CONTACTS:
            raise ConfigError(
                f"these are {len(self.people)} contacts, but {MOST_CONTACTS} at most are "
                "possible; remove some"
            )
        seen: dict[str | bytes, Contact] = {}
        for contact in self.people:
            for mark in (folded(contact.name), contact.address.identity):
                if mark in seen:
                    what = "name" if isinstance(mark, str) else "person"
                    raise ConfigError(
                        f"'{seen[mark].name}' and '{contact.name}' are one {what}, but each may "
                        "stand only once among the contacts"
                    )
                seen[mark] = contact

    def __len__(self) -> int:
        return len(self.people)

    def __iter__(self) -> Iterator[Contact]:
        return iter(self.people)

    @cached_property
    def identities(self) -> tuple[bytes, ...]:
        """The identity keys of all, 32 bytes each."""
        return tuple(contact.address.identity for contact in self.people)

    @cached_property
    def _by_name(self) -> dict[str, Contact]:
        return {folded(contact.name): contact for contact in self.people}

    @cached_property
    def _by_identity(self) -> dict[bytes, Contact]:
        return {contact.address.identity: contact for contact in self.people}

    def named(self, identity: bytes) -> Contact | None:
        """Who has this identity key, if it is a contact."""
        return self._by_identity.get(identity)

    def find(self, name: str) -> Contact:
        """The contact of a name, in any capitals.

        Raises:
            ConfigError: there is none; the sentence names those most like it.
        """
        wanted = folded(name)
        if wanted in self._by_name:
            return self._by_name[wanted]
        if not self.people:
            raise ConfigError(f"you have no contacts yet; {_HOW_TO_ADD}")
        # Nobody's name is longer; without the cut, comparing could take as long as one likes.
        near = get_close_matches(wanted[:LONGEST_NAME], self._by_name, 3, 0.5)
        if not near:
            raise ConfigError(
                f"you have no contact of this name; {_HOW_TO_ADD}, and "
                "`pymix-voice contacts list` names those you have"
            )
        names = " or ".join(f"'{self._by_name[each].name}'" for each in near)
        raise ConfigError(f"you have no contact of this name; did you mean {names}? {_HOW_TO_ADD}")

    def add(self, name: str, address: Address) -> "Contacts":
        """With one more, or with the new address of one who is there under this name.

        Raises:
            ConfigError: the name or the person is there already, apart from each other; or the
                name is not possible, or the book full.
        """
        name = personal_name(name)
        holder = self._by_name.get(folded(name))
        known = self.named(address.identity)
        if holder is not None and holder is known:
            return self._with(holder, replace(holder, address=address))
        if holder is not None:
            raise ConfigError(
                f"'{holder.name}' is another person among your contacts; remove it first, or "
                "give another name"
            )
        if known is not None:
            raise ConfigError(
                f"you have this person already, as '{known.name}'; use that name, or change it "
                "with `pymix-voice contacts rename`"
            )
        if len(self) == MOST_CONTACTS:
            raise ConfigError(
                f"you have {MOST_CONTACTS} contacts, and more are not possible; remove one first"
            )
        return Contacts((*self.people, Contact(name, address)))

    def remove(self, name: str) -> "Contacts":
        """Without the contact of a name.

        Raises:
            ConfigError: there is none.
        """
        gone = self.find(name)
        return Contacts(tuple(contact for contact in self.people if contact is not gone))

    def rename(self, old: str, new: str) -> "Contacts":
        """With another name for the same person, who stays verified.

        Raises:
            ConfigError: there is none, or the new name is not possible or somebody else's.
        """
        contact = self.find(old)
        new = personal_name(new)
        holder = self._by_name.get(folded(new), contact)
        if holder is not contact:
            raise ConfigError(
                f"'{holder.name}' is another of your contacts already; give another name"
            )
        return self._with(contact, replace(contact, name=new))

    def verify(self, name: str, yes: bool) -> "Contacts":
        """With a person marked as verified, or not.

        Raises:
            ConfigError: there is no contact of this name.
        """
        contact = self.find(name)
        return self._with(contact, replace(contact, verified=yes))

    def _with(self, old: Contact, new: Contact) -> "Contacts":
        return Contacts(tuple(new if contact is old else contact for contact in self.people))


def find_peer(who: str, book: Contacts) -> tuple[Address, Contact | None]:
    """Whom a person means: by address or by name.

    Args:
        who: an address, which begins as one does, or else the name of a contact.
        book: their contacts.

    Returns:
        The address, as given if one was; and the contact, if it is one.

    Raises:
        ConfigError: the address is mistyped, or nobody has this name.
    """
    if looks_like_address(who):
        address = parse_address(who)
        return address, book.named(address.identity)
    contact = book.find(who)
    return contact.address, contact


def parse_contacts(text: bytes, name: str) -> Contacts:
    """Read a file of contacts.

    Args:
        text: the whole file.
        name: the file's name, for errors.

    Raises:
        ConfigError: in one sentence, without any address.
    """
    table = parse_file(text, name)
    table.known(["contacts"])
    people = tuple(_parse_contact(each) for each in table.tables("contacts", MOST_CONTACTS, 0))
    try:
        return Contacts(people)
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None


def _parse_contact(table: Table) -> Contact:
    table.known(Contact.__match_args__)
    return Contact(
        table.read("name", personal_name),
        table.read("address", parse_address),
        table.flag("verified", default=False),
    )


def render_contacts(book: Contacts) -> str:
    """The file of a book of contacts."""
    return "\n".join([_HEAD, *(_render_contact(contact) for contact in book)])


def _render_contact(contact: Contact) -> str:
    return (
        f"[[contacts]]\nname = {quoted(contact.name)}\naddress = {quoted(contact.address.text)}\n"
        f"verified = {'true' if contact.verified else 'false'}\n"
    )
