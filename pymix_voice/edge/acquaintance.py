"""Acquaintance: who is who to the person, as the contacts in their profile say.

Contacts may be changed by another program at any time, so they are read anew before somebody is
looked up. Files are touched in a thread: a disk takes longer than a round has time.

Must not know: calls, how a terminal looks.
"""

from functools import partial
from pathlib import Path

import trio

from pymix_voice.client.contacts import Contacts, find_peer
from pymix_voice.edge.profile import change_contacts, read_contacts
from pymix_voice.errors import ConfigError
from pymix_voice.zone.address import Address


class Acquaintance:
    """The people whom somebody knows.

    Args:
        folder: the profile; None for nobody.
        also: identity keys of others who may call as if they were contacts.

    Raises:
        ConfigError: if the contacts cannot be read.
    """

    def __init__(self, folder: Path | None = None, also: tuple[bytes, ...] = ()) -> None:
        self._folder = folder
        self._also = also
        self.contacts = Contacts() if folder is None else read_contacts(folder)

    @property
    def identities(self) -> tuple[bytes, ...]:
        """Whom a door knows, each once."""
        return tuple(dict.fromkeys((*self.contacts.identities, *self._also)))

    def who(self, peer: bytes | None) -> dict[str, object]:
        """A peer's name and whether it was verified, for whoever tells of it."""
        contact = None if peer is None else self.contacts.named(peer)
        if contact is None:
            return {"name": None, "verified": False}
        return {"name": contact.name, "verified": contact.verified}

    async def find(self, who: str) -> Address:
        """Whom a name or an address means, by the contacts as they are now.

        Raises:
            ConfigError: nobody.
        """
        if self._folder is not None:
            self.contacts = await trio.to_thread.run_sync(read_contacts, self._folder)
        return find_peer(who, self.contacts)[0]

    async def verify(self, peer: bytes, yes: bool) -> str:
        """Note that check digits were the same (or, after all, were not); what to tell the person.

        Raises:
            ConfigError: it is none of the contacts.
        """
        contact = self.contacts.named(peer)
        if contact is None or self._folder is None:
            raise ConfigError(
                "only a contact can be marked as verified; after the call, "
                "`pymix-voice contacts add NAME ADDRESS` makes one"
            )

        def change(book: Contacts) -> Contacts:
            return book.verify(contact.name, yes)

        write = partial(change_contacts, self._folder, change)
        self.contacts = await trio.to_thread.run_sync(write)
        return f"{contact.name} is marked as {'' if yes else 'not '}verified"
