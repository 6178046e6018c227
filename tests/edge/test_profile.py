"""A profile: an identity made once, contacts that nobody loses, one program at a time."""

import stat
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
from zones import example_keys

from pymix_voice.client.contacts import Contacts
from pymix_voice.edge.files import PRIVATE, write_key
from pymix_voice.edge.profile import (
    CONTACTS_FILE,
    CONTACTS_LOCK_FILE,
    IDENTITY_FILE,
    change_contacts,
    locked,
    new_door,
    open_identity,
    read_contacts,
    rename_me,
)
from pymix_voice.errors import ConfigError
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.zone.address import Address

HOLD = """
import sys
from pathlib import Path
from pymix_voice.edge.profile import locked
with locked(Path(sys.argv[1])):
    print("holding", flush=True)
    sys.stdin.read()
"""


def address(number: int) -> Address:
    return Address(KeyPair.draw(Dice.seeded(number)).public, bytes(16))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# ── the identity ─────────────────────────────────────────────────────────────────────────────


def test_an_identity_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "me"
    made = open_identity(folder)
    assert made.name == "me"
    assert mode(folder) == 0o700
    assert mode(folder / IDENTITY_FILE) == PRIVATE
    assert open_identity(folder).address == made.address


def test_another_kind_of_key_is_no_identity(tmp_path: Path) -> None:
    write_key(tmp_path / IDENTITY_FILE, example_keys()[0][0])
    for use in (open_identity, new_door):
        with pytest.raises(ConfigError, match="is the key file of a mix, not of a person"):
            use(tmp_path)


def test_a_profile_that_can_be_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for use in (open_identity, read_contacts):
        with pytest.raises(ConfigError, match="file is a file, but a folder is wanted"):
            use(tmp_path / "file")
        with pytest.raises(ConfigError, match="cannot be read: File name too long"):
            use(tmp_path / ("x" * 300))


def test_a_new_name_leaves_the_address_as_it_is(tmp_path: Path) -> None:
    before = open_identity(tmp_path).address
    assert rename_me(tmp_path, ' Zoë "Z" ').name == 'Zoë "Z"'
    assert open_identity(tmp_path).name == 'Zoë "Z"'
    assert open_identity(tmp_path).address == before
    assert mode(tmp_path / IDENTITY_FILE) == PRIVATE


def test_a_name_can_be_the_first_use_of_a_profile(tmp_path: Path) -> None:
    rename_me(tmp_path / "new", "Zoë")
    assert open_identity(tmp_path / "new").name == "Zoë"
    with pytest.raises(ConfigError, match="this name is empty"):
        rename_me(tmp_path / "other", " ")
    assert not (tmp_path / "other").exists()


def test_a_new_door_is_another_address_of_the_same_person(tmp_path: Path) -> None:
    rename_me(tmp_path, "Zoë")
    before = open_identity(tmp_path).address
    after = new_door(tmp_path)
    assert after.name == "Zoë"
    assert after.address.identity == before.identity
    assert after.address.door_key != before.door_key
    assert open_identity(tmp_path).address == after.address
    assert mode(tmp_path / IDENTITY_FILE) == PRIVATE


def test_who_has_no_door_gets_no_new_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no key file at"):
        new_door(tmp_path / "mistyped")
    assert not (tmp_path / "mistyped").exists()


def test_a_profile_is_held_by_one_program(tmp_path: Path) -> None:
    with (
        locked(tmp_path),
        pytest.raises(ConfigError, match="another program uses the profile"),
        locked(tmp_path),
    ):
        pass
    with locked(tmp_path):
        pass


def test_an_identity_in_use_is_not_changed(tmp_path: Path) -> None:
    before = open_identity(tmp_path)
    with locked(tmp_path):
        with pytest.raises(ConfigError, match="another program uses the profile"):
            rename_me(tmp_path, "Zoë")
        with pytest.raises(ConfigError, match="another program uses the profile"):
            new_door(tmp_path)
        assert (open_identity(tmp_path).name, open_identity(tmp_path).address) == (
            before.name,
            before.address,
        )


@pytest.mark.slow
def test_a_profile_that_another_process_uses_is_refused_until_it_ends(tmp_path: Path) -> None:
    open_identity(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"holding\n"
        with pytest.raises(ConfigError, match="another program uses the profile"):
            rename_me(tmp_path, "Zoë")
        with pytest.raises(ConfigError, match="another program uses the profile"):
            new_door(tmp_path)
        change_contacts(tmp_path, lambda book: book.add("Bob", address(1)))
        process.kill()
    assert rename_me(tmp_path, "Zoë").name == "Zoë"


# ── contacts ─────────────────────────────────────────────────────────────────────────────────


def test_a_profile_begins_without_contacts_and_keeps_those_it_gets(tmp_path: Path) -> None:
    folder = tmp_path / "me"
    assert read_contacts(folder) == Contacts()
    assert not folder.exists()
    book = change_contacts(folder, lambda book: book.add("Bob", address(1)))
    assert read_contacts(folder) == book == Contacts().add("Bob", address(1))
    assert mode(folder) == 0o700
    assert mode(folder / CONTACTS_FILE) == PRIVATE


def test_contacts_that_others_can_read_are_refused(tmp_path: Path) -> None:
    change_contacts(tmp_path, lambda book: book.add("Bob", address(1)))
    (tmp_path / CONTACTS_FILE).chmod(0o644)
    with pytest.raises(ConfigError, match=r"others can read the file of contacts .* chmod 600 "):
        read_contacts(tmp_path)


def test_broken_contacts_are_told_and_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / CONTACTS_FILE
    path.touch(PRIVATE)
    path.write_text("[[contacst]]\n")
    with pytest.raises(ConfigError, match="did you mean 'contacts'"):
        change_contacts(tmp_path, lambda book: book.add("Bob", address(1)))
    assert path.read_text() == "[[contacst]]\n"


def test_a_change_that_is_refused_changes_nothing(tmp_path: Path) -> None:
    book = change_contacts(tmp_path, lambda book: book.add("Bob", address(1)))
    before = (tmp_path / CONTACTS_FILE).read_bytes()
    with pytest.raises(ConfigError, match="you have this person already"):
        change_contacts(tmp_path, lambda book: book.add("Robert", address(1)))
    assert (tmp_path / CONTACTS_FILE).read_bytes() == before
    assert read_contacts(tmp_path) == book


def test_a_change_that_is_refused_makes_no_profile(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="you have no contacts yet"):
        change_contacts(tmp_path / "mistyped", lambda book: book.remove("Bob"))
    assert not (tmp_path / "mistyped").exists()


def test_contacts_as_they_were_are_not_written_again(tmp_path: Path) -> None:
    change_contacts(tmp_path, lambda book: book.add("Bob", address(1)))
    path = tmp_path / CONTACTS_FILE
    path.write_text("# by hand\n" + path.read_text())
    change_contacts(tmp_path, lambda book: book.add("bob", address(1)))
    assert path.read_text().startswith("# by hand\n")


def test_two_who_change_contacts_at_once_lose_nothing(tmp_path: Path) -> None:
    start = threading.Barrier(2)

    def add(first: int) -> None:
        start.wait(5)
        for number in range(first, first + 5):
            change_contacts(
                tmp_path, partial(Contacts.add, name=f"n{number}", address=address(number))
            )

    threads = [threading.Thread(target=add, args=(first,)) for first in (0, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {contact.name for contact in read_contacts(tmp_path)} == {f"n{n}" for n in range(10)}
    assert {each.name for each in tmp_path.iterdir()} == {CONTACTS_FILE, CONTACTS_LOCK_FILE}


def test_contacts_change_while_a_phone_holds_the_profile(tmp_path: Path) -> None:
    with locked(tmp_path):
        assert len(change_contacts(tmp_path, lambda book: book.add("Bob", address(1)))) == 1


def test_who_changes_contacts_for_ever_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pymix_voice.edge.profile.CHANGE_PATIENCE_S", 0.02)

    def change(book: Contacts) -> Contacts:
        return change_contacts(tmp_path, lambda book: book)

    with pytest.raises(ConfigError, match=r"has been changing the contacts in .* for too long"):
        change_contacts(tmp_path, change)
