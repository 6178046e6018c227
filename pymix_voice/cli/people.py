"""Commands about people: oneself, and the contacts whom one knows by name.

Must not know: zones, calls, where in a profile things are.
"""

import io
import shlex
import sys
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pymix_voice.cli.finding import JsonOption, ProfileOption, find_profile
from pymix_voice.client.contacts import Contact
from pymix_voice.edge.profile import (
    FIRST_NAME,
    change_contacts,
    locked,
    new_door,
    open_identity,
    read_contacts,
    rename_me,
)
from pymix_voice.edge.report import write_line
from pymix_voice.errors import ConfigError
from pymix_voice.zone.address import parse_address
from pymix_voice.zone.keyfile import KeyFile
from pymix_voice.zone.names import folded, personal_name

QR_BORDER = 2
"""Light modules around the code; the standard wants four, but readers find it with two."""
BLOCKS = "█▀▄"
"""What a QR code is drawn of, two modules a character."""

WIDEST = 200
"""Characters of a line with an address, and more."""

ME = App(name="me")
"""The command `me`: it does something by itself, and has commands below it."""


# ── oneself ──────────────────────────────────────────────────────────────────────────────────


@ME.default
def me(
    *,
    profile: ProfileOption = None,
    qr: Annotated[
        bool,
        Parameter(negative="", help="Show name and QR code also where stderr is no terminal."),
    ] = False,
    json: JsonOption = False,
) -> int:
    """Print your address: what others need to call you.

    Whoever has it can see whether you are online. A new profile is a new address.
    """
    keys = open_identity(find_profile(profile))
    if json:
        write_line({"name": keys.name, "address": keys.address.text})
    if qr or (sys.stderr.isatty() and not json):
        _introduce(keys)
    if not json:
        print(keys.address.text)
    return 0


@ME.command(name="rename", help="Change the name that you have here.")
def rename_person(
    name: Annotated[str, Parameter(help="In quotes if it has spaces.")],
    /,
    *,
    profile: ProfileOption = None,
) -> int:
    """Change the name that you have here; your address stays, and nobody is told."""
    keys = rename_me(find_profile(profile), name)
    print(f"You are '{keys.name}' now; your address is the same as before.")
    return 0


@ME.command(name="new-door", help="Get a new address, and silence the old one.")
def replace_door(
    *,
    profile: ProfileOption = None,
    yes: Annotated[bool, Parameter(negative="", help="Do not ask.")] = False,
) -> int:
    """Get a new address, and silence the old one. You stay the same person to your contacts."""
    folder = find_profile(profile)
    if not yes:
        with locked(folder):
            pass  # who would be refused in the end is not asked first
        _ask_for_new_door()
    keys = new_door(folder)
    print("This is your new address:", file=sys.stderr)
    print(keys.address.text)
    return 0


def _ask_for_new_door() -> None:
    if not sys.stdin.isatty():
        raise ConfigError("nobody can be asked here whether to silence the old address; add --yes")
    print(
        "Your present address will be silent from now on: whoever calls it finds nobody there. "
        "Your contacts need the new one; give it to them by a safe way.",
        file=sys.stderr,
    )
    print('To go on, type "yes": ', end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().casefold() != "yes":
        raise ConfigError("nothing was changed, as the answer was not yes; your address stays")


def _introduce(keys: KeyFile) -> None:
    """Who one is, for people: name, QR code, and what others type."""
    print(f"You are '{keys.name}'.\n", file=sys.stderr)
    _draw(keys.address.text)
    unnamed = keys.name == FIRST_NAME
    name = "NAME" if unnamed else shlex.quote(keys.name)
    print("\nOthers who scan it, or copy the address, type:", file=sys.stderr)
    print(f"  pymix-voice contacts add {name} {keys.address.text}\n", file=sys.stderr)


def _draw(address: str) -> None:
    import segno  # here, as nothing but this needs it

    try:
        BLOCKS.encode(sys.stderr.encoding or "utf-8")
    except UnicodeEncodeError:
        print("(This terminal cannot show a QR code; UTF-8 is wanted.)", file=sys.stderr)
        return
    # Of capitals, digits and no others a QR code takes fewer bits; an address may be in any case.
    code = segno.make(address.upper(), micro=False)
    drawn = io.StringIO()
    code.terminal(drawn, border=QR_BORDER, compact=True)
    console = Console(stderr=True, highlight=False)
    for line in drawn.getvalue().splitlines():
        # Blocks are the light modules: some readers refuse them dark on a light terminal.
        console.print(Text(line, style="bright_white on black"), soft_wrap=True)


# ── contacts ─────────────────────────────────────────────────────────────────────────────────


def add(
    name: Annotated[str, Parameter(help="What you call them; in quotes if it has spaces.")],
    address: Annotated[str, Parameter(help="What `pymix-voice me` prints there.")],
    /,
    *,
    profile: ProfileOption = None,
) -> int:
    """Add a contact, or give one that is there their new address."""
    folder = find_profile(profile)
    name = personal_name(name)
    found = parse_address(address)
    if found.identity == open_identity(folder).address.identity:
        raise ConfigError("this is your own address, but a contact is somebody else")
    before = read_contacts(folder).named(found.identity)
    after = change_contacts(folder, lambda book: book.add(name, found)).find(name)
    if before is None:
        print(f"'{after.name}' is one of your contacts now.")
    elif before.address != after.address:
        print(f"'{after.name}' has the new address now, and is the same person as before.")
    else:
        print(f"'{after.name}' is one of your contacts already, with this address.")
    return 0


def listed(
    *,
    profile: ProfileOption = None,
    json: JsonOption = False,
    addresses: Annotated[
        bool, Parameter(negative="", help="With their addresses: who sees one can call it.")
    ] = False,
) -> int:
    """Name your contacts, and say whom you verified.

    Where stdout is no terminal, each is one line, with tabs between.
    """
    people = sorted(read_contacts(find_profile(profile)), key=lambda each: folded(each.name))
    if json:
        for each in people:
            more = {"address": each.address.text} if addresses else {}
            write_line({"name": each.name, "verified": each.verified, **more})
    elif not people:
        print(
            "You have no contacts yet; `pymix-voice contacts add NAME ADDRESS` adds one.",
            file=sys.stderr,
        )
    elif sys.stdout.isatty():
        # The terminal itself folds a line that is too long: so an address is copied as a whole.
        width, height = (WIDEST, 25) if addresses else (None, None)
        console = Console(width=width, height=height, highlight=False)
        console.print(_table(people, addresses=addresses))
    else:
        for each in people:
            print("\t".join(_columns(each, addresses=addresses)))
    return 0


def _columns(contact: Contact, *, addresses: bool) -> list[str]:
    mark = "verified" if contact.verified else "-"
    return [contact.name, mark, *([contact.address.text] if addresses else [])]


def _table(people: list[Contact], *, addresses: bool) -> Table:
    shown = Table(box=None, padding=(0, 3, 0, 0))
    for head in ("name", "verified", *(["address"] if addresses else [])):
        shown.add_column(head, overflow="fold")
    for each in people:
        # As Text: what stands in brackets in a name is no command to the terminal.
        shown.add_row(*(Text(column) for column in _columns(each, addresses=addresses)))
    return shown


def remove(name: str, /, *, profile: ProfileOption = None) -> int:
    """Remove a contact. To you they are a stranger then; they still have your address."""
    folder = find_profile(profile)
    gone = read_contacts(folder).find(name)
    change_contacts(folder, lambda book: book.remove(name))
    print(
        f"'{gone.name}' is no contact of yours any more, but still has your address; "
        "`pymix-voice me new-door` would silence it."
    )
    return 0


def rename(old: str, new: str, /, *, profile: ProfileOption = None) -> int:
    """Give a contact another name; who was verified stays so."""
    book = change_contacts(find_profile(profile), lambda book: book.rename(old, new))
    print(f"This contact is '{book.find(new).name}' now.")
    return 0


def verify(
    name: str,
    /,
    *,
    profile: ProfileOption = None,
    undo: Annotated[bool, Parameter(negative="", help="Take the mark away.")] = False,
) -> int:
    """Mark a contact as verified, after both have read the same check digits aloud in a call."""
    book = change_contacts(find_profile(profile), lambda book: book.verify(name, not undo))
    shown = book.find(name).name
    if undo:
        print(f"'{shown}' is not marked as verified any more.")
    else:
        print(
            f"'{shown}' is marked as verified: both of you should have read the same check "
            "digits aloud in a call, and known each other's voice. --undo takes the mark away."
        )
    return 0
