"""Rule: no key, address, drop or session id is in any text that a part could write down.

Texts are what parts tell their operators, reasons for drops, errors, and what every object of the
project says of itself (`repr`), as it would stand in a log or a traceback. Secrets are looked for
raw, escaped, in hexadecimal, in base 32 and 64, and as a list of numbers. Nor does a mix or gateway
name a person.

Must not know: what the secrets are for.
"""

import base64
import re
from collections.abc import Iterator

import numpy as np

from pymix_voice.client.machine import Client
from pymix_voice.gateway.machine import Gateway
from pymix_voice.lab.simulate.observed import Rule
from pymix_voice.lab.simulate.walking import everything, ours
from pymix_voice.lab.world import Part

SIZES = {16, 32}
"""Keys, drops, door keys and identities have so many bytes."""
MOST_PEOPLE = 12
"""In a larger world only what is told is read, and not what every object says of itself."""
_PUBLIC = {
    *("_pieces", "piece", "_onion_keys", "onion_keys", "_descriptor_hash", "hash", "_have"),
    "Editor._keys",
}
"""Attributes that hold what everybody in the zone may know."""
_LEAST_NAME = 3


class Secrets(Rule):
    """All texts against all secrets, now and then.

    Args:
        every: of so many looks one is thorough.
    """

    name = "secrets"

    def __init__(self, every: int = 40) -> None:
        super().__init__()
        self._every, self._looks = every, 0

    def look(self) -> None:
        """Now and then, search."""
        self._looks += 1
        if self._looks % self._every == 0:
            self._search()

    def close(self) -> None:
        """The last search."""
        self._search()

    def _search(self) -> None:
        world = self.world
        texts = {(name, "notes"): "\n".join(notes) for name, notes in world.notes.items()}
        small = len(world.people) <= MOST_PEOPLE
        for name, part in world.parts.items():
            for kind, text in _texts_of(part, whole=small):
                texts[name, kind] = f"{texts.get((name, kind), '')}\n{text}"
        everybody = "\n".join(texts.values())
        for where, secret in self._secrets(whole=small).items():
            told = [form for form in forms(secret) if form in everybody]
            if told:
                who, kind = next(key for key, text in texts.items() if told[0] in text)
                self.broken(f"{kind} of {who} tells a secret: {where}")
        self._search_names(texts)

    def _search_names(self, texts: dict[tuple[str, str], str]) -> None:
        names = [re.escape(name) for name in self.world.people if len(name) >= _LEAST_NAME]
        named = re.compile(rf"\b(?:{'|'.join(names)})\b") if names else None
        for (name, kind), text in texts.items():
            if name not in self.world.people and named is not None and named.search(text):
                self.broken(f"{kind} of {name} names a person")

    def _secrets(self, *, whole: bool) -> dict[str, bytes]:
        """All of them; by where they are, and a number."""
        found: dict[str, bytes] = {}

        def add(where: str, secret: bytes) -> None:
            found[f"{where} ({len(found)})"] = secret

        for name, keys in self.world._keys.items():
            add(f"private key of {name}", keys.link.private.reveal())
            if keys.sign is not None:
                add(f"signing key of {name}", keys.sign.reveal())
            if keys.door is not None:
                add(f"door key of {name}", keys.door.reveal())
                add(f"identity of {name}", keys.link.public)
                add(f"address of {name}", keys.address.text.encode())
        if whole:
            for name, part in self.world.parts.items():
                for where, secret in _kept_by(part):
                    add(f"{where} of {name}", secret)
        return found


def forms(secret: bytes) -> Iterator[str]:
    """How a secret could stand in a text."""
    yield secret.hex()
    yield repr(secret)[2:-1]
    yield repr(list(secret[:8]))[1:-1]
    yield secret.decode("latin-1")
    if len(secret) >= min(SIZES):
        # Without the end, where what follows would show.
        yield base64.b64encode(secret)[: len(secret) // 3 * 4].decode()
        yield base64.urlsafe_b64encode(secret)[: len(secret) // 3 * 4].decode()
        yield base64.b32encode(secret)[: len(secret) // 5 * 8].decode()
        yield base64.b32encode(secret)[: len(secret) // 5 * 8].decode().lower()


def _texts_of(part: Part, *, whole: bool) -> Iterator[tuple[str, str]]:
    """What it is, and how it reads."""
    yield "drops", repr(part.drops)
    if isinstance(part, Client):
        yield "drops", repr(part.phone.drops)
    else:
        yield "figures", repr(part.figures())
    for each in ours(part) if whole else [part]:
        yield f"a {type(each).__name__}", repr(each)


def _kept_by(part: Part) -> Iterator[tuple[str, bytes]]:
    """Whatever a part holds that has the size of a key; and session ids."""
    for where, what in everything(part):
        if where in _PUBLIC or where.rpartition(".")[2] in _PUBLIC:
            continue
        if isinstance(what, bytes | bytearray) and len(what) in SIZES and any(what):
            yield where, bytes(what)
    if isinstance(part, Gateway):
        sessions = part._entry.sessions
        for session in sessions._by_slot.values():
            yield "a session id", session.session_id
        for keys in (sessions.up, sessions.down):
            for key in keys[np.any(keys, axis=1)]:
                yield "a session's key", key.tobytes()
    elif isinstance(part, Client) and part.connection.session is not None:
        yield "a session id", part.connection.session.session_id
