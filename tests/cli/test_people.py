"""`me` and `contacts`: addresses for scripts, sentences for people."""

import io
import json
import stat
import sys
from pathlib import Path

import pytest
import segno

from pymix_voice.cli import main
from pymix_voice.edge.profile import IDENTITY_FILE, locked, read_contacts
from pymix_voice.zone.address import Address, parse_address


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Terminals without colours."""
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.delenv("FORCE_COLOR", raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "alice"


def said(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> str:
    assert main([*words, "--profile", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return str(out)


def refused(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> str:
    assert main([*words, "--profile", str(folder)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("pymix-voice: ")
    assert err.count("\n") == 1
    assert "pymix1" not in err.replace("'pymix1'", "").replace("with pymix1 ", "")
    return str(err)


@pytest.fixture
def bob(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    return said(capsys, tmp_path / "bob", "me").strip()


@pytest.fixture
def carol(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    return said(capsys, tmp_path / "carol", "me").strip()


# ── oneself ──────────────────────────────────────────────────────────────────────────────────


def test_an_address_is_made_once_and_stands_alone_on_stdout(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = said(capsys, folder, "me")
    assert said(capsys, folder, "me") == first
    assert parse_address(first).text + "\n" == first
    assert stat.S_IMODE((folder / IDENTITY_FILE).stat().st_mode) == 0o600


def test_programs_get_name_and_address_in_one_object(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = said(capsys, folder, "me").strip()
    said(capsys, folder, "me", "rename", "Zoë")
    assert json.loads(said(capsys, folder, "me", "--json")) == {"name": "Zoë", "address": address}


def modules(text: str) -> list[list[bool]]:
    """Dark modules of a QR code drawn in half blocks."""
    rows = []
    for line in text.splitlines():
        rows.append([character in " ▄" for character in line])
        rows.append([character in " ▀" for character in line])
    return rows


def test_people_get_a_qr_code_of_the_address_and_the_line_that_others_type(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, folder, "me", "rename", "Zoë Ü")
    assert main(["me", "--qr", "--profile", str(folder)]) == 0
    out, err = capsys.readouterr()
    address = out.strip()
    assert "You are 'Zoë Ü'." in err
    assert f"  pymix-voice contacts add 'Zoë Ü' {address}\n" in err
    drawn = "\n".join(line for line in err.splitlines() if set(line) & set("█▀▄"))
    wanted = segno.make(address.upper(), micro=False)
    assert wanted.version == 4, "small letters would need a larger one"
    rows = [[bool(dark) for dark in row] for row in wanted.matrix_iter(border=2)]
    assert modules(drawn)[: len(rows)] == rows


def test_who_has_no_name_yet_leaves_it_to_others(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["me", "--qr", "--profile", str(folder)]) == 0
    assert "contacts add NAME pymix1" in capsys.readouterr().err


def test_on_a_terminal_the_code_shows_unasked_and_stdout_stays_for_scripts(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    assert main(["me", "--json", "--profile", str(folder)]) == 0
    assert shown.getvalue() == ""
    json.loads(capsys.readouterr().out)
    assert main(["me", "--profile", str(folder)]) == 0
    assert "█" in shown.getvalue()
    parse_address(capsys.readouterr().out)


def test_a_terminal_without_blocks_gets_a_sentence_in_their_place(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(raw, "ascii", "backslashreplace"))
    assert main(["me", "--qr", "--profile", str(folder)]) == 0
    sys.stderr.flush()
    assert b"cannot show a QR code" in raw.getvalue()
    assert b"u258" not in raw.getvalue()


def test_a_name_is_changed_and_the_address_stays(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = said(capsys, folder, "me")
    assert "You are 'Zoë [b]' now" in said(capsys, folder, "me", "rename", "Zoë [b]")
    assert said(capsys, folder, "me") == address
    assert "this name is empty" in refused(capsys, folder, "me", "rename", " ")


def replaced(old: Address, out: str) -> bool:
    """Whether what was printed is another address of the same person, and nothing else."""
    new = parse_address(out)
    assert new.text + "\n" == out
    return new.identity == old.identity and new.door_key != old.door_key


def test_a_new_door_needs_a_yes(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = parse_address(said(capsys, folder, "me"))
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))
    assert "nobody can be asked here" in refused(capsys, folder, "me", "new-door")
    for answer in ("no\n", "", "y\n"):
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        assert main(["me", "new-door", "--profile", str(folder)]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert "will be silent from now on" in err
        assert "nothing was changed" in err
    assert parse_address(said(capsys, folder, "me")) == old
    monkeypatch.setattr(sys, "stdin", Terminal("Yes\n"))
    assert main(["me", "new-door", "--profile", str(folder)]) == 0
    assert replaced(old, capsys.readouterr().out)


def test_a_script_says_yes_beforehand(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = parse_address(said(capsys, folder, "me"))
    assert main(["me", "new-door", "--yes", "--profile", str(folder)]) == 0
    new = capsys.readouterr().out
    assert replaced(old, new)
    assert said(capsys, folder, "me") == new


def test_an_identity_in_use_is_neither_renamed_nor_moved(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said(capsys, folder, "me")
    with locked(folder):
        for words in (("rename", "Zoë"), ("new-door", "--yes")):
            assert "another program uses" in refused(capsys, folder, "me", *words)
        monkeypatch.setattr(sys, "stdin", Terminal("yes\n"))
        assert "another program uses" in refused(capsys, folder, "me", "new-door")


def test_a_mistyped_profile_gets_no_new_door(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refused(capsys, tmp_path / "typo", "me", "new-door", "--yes")
    assert "there is no key file at" in told
    assert not (tmp_path / "typo").exists()


# ── contacts ─────────────────────────────────────────────────────────────────────────────────


def test_contacts_are_added_and_listed(
    folder: Path, bob: str, carol: str, capsys: pytest.CaptureFixture[str]
) -> None:
    added = said(capsys, folder, "contacts", "add", "zed Bob", bob)
    assert added == "'zed Bob' is one of your contacts now.\n"
    said(capsys, folder, "contacts", "add", "Carol", carol.upper())
    said(capsys, folder, "contacts", "verify", "carol")
    assert said(capsys, folder, "contacts", "list") == "Carol\tverified\nzed Bob\t-\n"
    assert said(capsys, folder, "contacts", "list", "--addresses") == (
        f"Carol\tverified\t{carol}\nzed Bob\t-\t{bob}\n"
    )


def test_programs_get_contacts_as_objects(
    folder: Path, bob: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, folder, "contacts", "list", "--json") == ""
    said(capsys, folder, "contacts", "add", "Bob", bob)
    line = {"name": "Bob", "verified": False}
    assert json.loads(said(capsys, folder, "contacts", "list", "--json")) == line
    shown = said(capsys, folder, "contacts", "list", "--json", "--addresses")
    assert json.loads(shown) == {**line, "address": bob}


def test_people_get_a_table_in_which_names_are_only_names(
    folder: Path,
    bob: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said(capsys, folder, "contacts", "add", "[red]Bob :smile:", bob)
    shown = Terminal()
    monkeypatch.setattr(sys, "stdout", shown)
    assert main(["contacts", "list", "--addresses", "--profile", str(folder)]) == 0
    head, row = shown.getvalue().splitlines()
    assert head.split() == ["name", "verified", "address"]
    assert row.split() == ["[red]Bob", ":smile:", "-", bob]


def test_who_has_no_contacts_is_told_how_to_add_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["contacts", "list", "--profile", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "`pymix-voice contacts add NAME ADDRESS` adds one" in err
    assert not folder.exists()


def test_a_contact_that_moved_stays_verified(
    folder: Path, tmp_path: Path, bob: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, folder, "contacts", "add", "Bob", bob)
    said(capsys, folder, "contacts", "verify", "Bob")
    again = said(capsys, folder, "contacts", "add", "bob", bob)
    assert "one of your contacts already, with this address" in again
    main(["me", "new-door", "--yes", "--profile", str(tmp_path / "bob")])
    moved = capsys.readouterr().out.strip()
    assert "has the new address now" in said(capsys, folder, "contacts", "add", "bob", moved)
    (contact,) = read_contacts(folder)
    assert (contact.name, contact.address.text, contact.verified) == ("Bob", moved, True)


def test_contacts_are_renamed_unmarked_and_removed(
    folder: Path, bob: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, folder, "contacts", "add", "Bob", bob)
    assert "'Robert' now" in said(capsys, folder, "contacts", "rename", "bob", "Robert")
    told = said(capsys, folder, "contacts", "verify", "robert")
    assert "both of you should have read the same check digits aloud in a call" in told
    assert read_contacts(folder).find("Robert").verified
    told = said(capsys, folder, "contacts", "verify", "Robert", "--undo")
    assert "not marked as verified any more" in told
    assert not read_contacts(folder).find("Robert").verified
    told = said(capsys, folder, "contacts", "remove", "ROBERT")
    assert "'Robert' is no contact of yours any more" in told
    assert len(read_contacts(folder)) == 0


def test_what_cannot_be_a_contact_is_told_in_one_sentence(
    folder: Path, bob: str, carol: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, folder, "contacts", "add", "Bob", bob)
    me = said(capsys, folder, "me").strip()
    for words, told in (
        (("add", "Bob", carol), "'Bob' is another person among your contacts; remove it first"),
        (("add", "Robert", bob), "you have this person already, as 'Bob'"),
        (("add", "Me", me), "this is your own address"),
        (("add", carol, "Carol"), "a name cannot begin with 'pymix1'"),
        (("add", "Carol", carol[:-1]), "this address is too short"),
        (("add", "Carol", "carol"), "this is not an address"),
        (("remove", "Bobby"), "you have no contact of this name; did you mean 'Bob'?"),
        (("rename", "Bob", "x" * 41), "this name has 41 characters"),
        (("verify", "Dave"), "you have no contact of this name"),
    ):
        assert told in refused(capsys, folder, "contacts", *words)
    assert len(read_contacts(folder)) == 1


def test_contacts_change_beside_a_phone_that_runs(
    folder: Path, bob: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with locked(folder):
        said(capsys, folder, "contacts", "add", "Bob", bob)
        assert said(capsys, folder, "contacts", "list") == "Bob\t-\n"
