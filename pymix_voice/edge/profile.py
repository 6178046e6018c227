"""A person's profile: one folder with their identity, their contacts and two lock files.

One program at a time uses the identity, for as long as it runs; a second one would answer the
first one's calls. Contacts are changed under a lock of their own, held for a moment only, so
that a phone that runs and a command beside it do not lose each other's changes.

Must not know: zones, calls, what keys are used for.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from pymix_voice.client.contacts import Contacts, parse_contacts, render_contacts
from pymix_voice.edge.clock import system_dice
from pymix_voice.edge.files import (
    PRIVATE,
    make_folder,
    read_key,
    read_private,
    write_file,
    write_key,
)
from pymix_voice.edge.lockfile import holding
from pymix_voice.errors import ConfigError
from pymix_voice.zone.keyfile import IDENTITY, KeyFile, new_key, render_key
from pymix_voice.zone.names import personal_name

IDENTITY_FILE = "identity.key"
LOCK_FILE = "in-use.lock"
CONTACTS_FILE = "contacts.toml"
CONTACTS_LOCK_FILE = "contacts.lock"
FIRST_NAME = "me"
"""What a person is called until they say otherwise."""
CHANGE_PATIENCE_S = 5.0
"""A change of contacts takes milliseconds; who holds the lock for longer is stuck."""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a profile: two programs with one identity would answer each other's calls.

    Raises:
        ConfigError: if another program holds it.
    """
    make_folder(folder, 0o700)
    refusal = f"another program uses the profile {folder}; end it, or give another --profile"
    with holding(folder / LOCK_FILE, refusal):
        yield


# ── the identity ─────────────────────────────────────────────────────────────────────────────


def open_identity(folder: Path) -> KeyFile:
    """A person's keys, made at first use.

    Args:
        folder: the profile; made for its owner alone.

    Raises:
        ConfigError: if that cannot be done, or the keys are not a person's.
    """
    path = folder / IDENTITY_FILE
    if not _is_there(path):
        make_folder(folder, 0o700)
        write_key(path, new_key(IDENTITY, FIRST_NAME, system_dice()))
    return _read_identity(folder)


def rename_me(folder: Path, name: str) -> KeyFile:
    """Give the person of a profile another name; only they see it.

    Args:
        folder: the profile; made if it is not there.
        name: any that `personal_name` takes.

    Raises:
        ConfigError: the name is not possible, or another program uses the profile.
    """
    name = personal_name(name)  # before a profile is made for it
    with locked(folder):
        return _rewrite(folder, open_identity(folder).renamed(name))


def new_door(folder: Path) -> KeyFile:
    """Give a person a fresh door, and so another address; the old one is silent from then on.

    Raises:
        ConfigError: there is no identity yet, or another program uses the profile.
    """
    _read_identity(folder)  # a mistyped profile is told, and not made
    with locked(folder):
        return _rewrite(folder, _read_identity(folder).with_new_door(system_dice()))


def _read_identity(folder: Path) -> KeyFile:
    path = folder / IDENTITY_FILE
    keys = read_key(path)
    if keys.role != IDENTITY:
        raise ConfigError(f"{path} is the key file of a {keys.role}, not of a person")
    return keys


def _rewrite(folder: Path, keys: KeyFile) -> KeyFile:
    write_file(folder / IDENTITY_FILE, render_key(keys).encode(), PRIVATE, replace=True)
    return keys


# ── contacts ─────────────────────────────────────────────────────────────────────────────────


def read_contacts(folder: Path) -> Contacts:
    """The contacts of a profile; none if it has no file of them.

    Raises:
        ConfigError: in one sentence, without any address.
    """
    path = folder / CONTACTS_FILE
    if not _is_there(path):
        return Contacts()
    return parse_contacts(read_private(path, "file of contacts"), str(path))


def change_contacts(folder: Path, change: Callable[[Contacts], Contacts]) -> Contacts:
    """Read the contacts, change them, write them back; nobody else does so in between.

    Blocks for the disk, and for whoever changes them at the same time: from trio, call it in a
    thread.

    Args:
        folder: the profile; made if it is not there.
        change: gives the new book, and does nothing else; if it raises, nothing is written.

    Returns:
        The new book; it is on disk.

    Raises:
        ConfigError: they cannot be read or written, or from `change`.
    """
    if not _is_there(folder):
        change(Contacts())  # what is refused makes no folder, as where a profile is mistyped
    make_folder(folder, 0o700)
    refusal = f"another program has been changing the contacts in {folder} for too long; end it"
    with holding(folder / CONTACTS_LOCK_FILE, refusal, CHANGE_PATIENCE_S):
        before = read_contacts(folder)
        after = change(before)
        if after != before:
            path = folder / CONTACTS_FILE
            write_file(path, render_contacts(after).encode(), PRIVATE, replace=True)
    return after


def _is_there(path: Path) -> bool:
    """Whether a file of the profile is there; a folder that cannot be one is told."""
    try:
        path.stat()
    except FileNotFoundError:
        return False
    except NotADirectoryError:
        raise ConfigError(f"{path.parent} is a file, but a folder is wanted") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    return True
