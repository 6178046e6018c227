"""Addresses: what a person gives to people who may call.

    'pymix1' | base32, lower case, no padding, of: identity key 32 | door key 16 | checksum 4

Ninety characters, short enough to paste or to show as a QR code. The checksum finds slips of
the hand, not fraud. An address is a capability: who has it can ring and see presence, so it
does not show in a repr or an error. Source: the project's design page, section "Dialing,
ringing, talking".

Must not know: private keys, contacts, epochs.
"""

import base64
import re
from dataclasses import dataclass, field
from typing import Final

from pymix_voice.errors import ConfigError, Misuse
from pymix_voice.geometry import KEY_BYTES
from pymix_voice.onion.curves import is_usable
from pymix_voice.onion.keys import digest

PREFIX = "pymix1"
DOOR_KEY_BYTES = 16
CHECKSUM_BYTES = 4
_BYTES = KEY_BYTES + DOOR_KEY_BYTES + CHECKSUM_BYTES
TEXT_LENGTH = len(PREFIX) + -(-_BYTES * 8 // 5)

_ALPHABET: Final = frozenset("abcdefghijklmnopqrstuvwxyz234567")
# What people and their mail programs put between: dashes of all kinds, invisible joints.
_BETWEEN: Final = frozenset("-\u2010\u2011\u2012\u2013\u2014\u00ad\u200b\u2060\ufeff")
_TELLING: Final = re.compile(rf"{PREFIX}\w+|\b[a-z2-7]{{24,}}\b", re.IGNORECASE)


@dataclass(frozen=True)
class Address:
    """Where somebody can be called.

    Attributes:
        identity: X25519 public key, 32 bytes.
        door_key: 16 bytes, from which the drops of the door are made.
    """

    identity: bytes = field(repr=False)
    door_key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse bytes of another length."""
        if len(self.identity) != KEY_BYTES or len(self.door_key) != DOOR_KEY_BYTES:
            raise Misuse("an address is made of an identity of 32 bytes and a door key of 16")

    @property
    def text(self) -> str:
        """The address as people pass it on."""
        body = self.identity + self.door_key
        return PREFIX + base64.b32encode(body + _checksum(body)).decode().rstrip("=").lower()


def _checksum(body: bytes) -> bytes:
    return digest("pymix address", body, size=CHECKSUM_BYTES)


def _bare(text: str) -> str:
    return "".join(c for c in text.lower() if not (c.isspace() or c in _BETWEEN))


def looks_like_address(text: str) -> bool:
    """Whether a text begins as an address does, in any case and with anything between."""
    return _bare(text).startswith(PREFIX)


def hide_addresses(text: str) -> str:
    """A text of others, such as a usage error, without the addresses and long pieces in it."""
    return _TELLING.sub(f"{PREFIX}...", text)


def parse_address(text: str) -> Address:
    """Read an address that a person typed or pasted.

    Args:
        text: in any case, with any spaces, line ends and dashes around or inside.

    Raises:
        ConfigError: in one sentence, which does not repeat the address.
    """
    bare = _bare(text)
    if not bare.startswith(PREFIX):
        raise ConfigError(
            f"this is not an address: one begins with {PREFIX} and has {TEXT_LENGTH} characters"
        )
    if len(bare) != TEXT_LENGTH:
        less = len(bare) < TEXT_LENGTH
        raise ConfigError(
            f"this address is too {'short' if less else 'long'}: it has {len(bare)} characters, "
            f"but {TEXT_LENGTH} are wanted; copy it again as a whole"
        )
    body = bare.removeprefix(PREFIX)
    if not _ALPHABET.issuperset(body):
        raise ConfigError(
            f"this address has a wrong character: after {PREFIX} only the letters a to z and the "
            "digits 2 to 7 occur; copy it again"
        )
    raw = base64.b32decode(body.upper() + "=" * (-len(body) % 8))
    found = Address(raw[:KEY_BYTES], raw[KEY_BYTES : KEY_BYTES + DOOR_KEY_BYTES])
    # Comparing whole texts also refuses spare bits at the end: one address has one text.
    if found.text != bare:
        raise ConfigError(
            "the checksum of this address is wrong: a character is mistyped; copy it again"
        )
    if not is_usable(found.identity):
        raise ConfigError("nobody can have this address: its key is no usable key")
    return found
