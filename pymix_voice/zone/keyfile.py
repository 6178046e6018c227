"""Private key files: what makes a machine this mix or gateway, and a person this person.

TOML like all files here; keys in lower-case base32. Secrets stand in no repr and no error.
Source: the project's protocol page, section "Primitives" (every key has one purpose).

Must not know: where the file is kept, who may read it, zones.
"""

from dataclasses import dataclass, field, replace
from typing import Final

from pymix_voice.errors import ConfigError, Misuse
from pymix_voice.geometry import KEY_BYTES
from pymix_voice.onion import curves
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair, Secret
from pymix_voice.zone.address import DOOR_KEY_BYTES, Address
from pymix_voice.zone.names import personal_name
from pymix_voice.zone.table import is_name, key_text, parse_file, quoted

MIX = "mix"
GATEWAY = "gateway"
IDENTITY = "identity"

_KEYS: Final = {
    MIX: ["role", "name", "link", "sign"],
    GATEWAY: ["role", "name", "link"],
    IDENTITY: ["role", "name", "link", "door"],
}


@dataclass(frozen=True)
class KeyFile:
    """The private keys of one mix, gateway or person.

    Attributes:
        role: 'mix', 'gateway' or 'identity'.
        name: of a mix or gateway as in the zone file: lower-case letters, digits and dashes; of
            a person whatever they call themselves.
        link: X25519; of an identity, the identity key itself.
        sign: Ed25519 seed of 32 bytes; only a mix has one.
        door: door key of 16 bytes; only an identity has one.
    """

    role: str
    name: str
    link: KeyPair = field(repr=False)
    sign: Secret | None = field(default=None, repr=False)
    door: Secret | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse keys that do not go with the role."""
        if self.role not in _KEYS:
            raise Misuse("a key file is for a mix, a gateway or an identity")
        wanted = (self.role == MIX, self.role == IDENTITY)
        if (self.sign is not None, self.door is not None) != wanted:
            raise Misuse(f"these are not the keys of the role '{self.role}'")

    @property
    def sign_public(self) -> bytes:
        """The Ed25519 public key of a mix, 32 bytes.

        Raises:
            Misuse: the role is another one.
        """
        if self.sign is None:
            raise Misuse("only a mix signs")
        return curves.sign_public(self.sign.reveal())

    @property
    def address(self) -> Address:
        """The address of an identity.

        Raises:
            Misuse: the role is another one.
        """
        if self.door is None:
            raise Misuse("only an identity has an address")
        return Address(self.link.public, self.door.reveal())

    def renamed(self, name: str) -> "KeyFile":
        """The same keys under another name.

        Raises:
            ConfigError: the name is not possible for this role.
        """
        return replace(self, name=_name_for(self.role, name))

    def with_new_door(self, dice: Dice) -> "KeyFile":
        """The same person with a fresh door key, and so another address.

        Raises:
            Misuse: the role is another one.
        """
        if self.door is None:
            raise Misuse("only an identity has a door")
        return replace(self, door=Secret(dice.bytes(DOOR_KEY_BYTES)))

    def wipe(self) -> None:
        """Zero all keys."""
        for secret in (self.link, self.sign, self.door):
            if secret is not None:
                secret.wipe()


def new_key(role: str, name: str, dice: Dice) -> KeyFile:
    """Draw the keys for a role.

    Args:
        role: 'mix', 'gateway' or 'identity'.
        name: of a mix or gateway 1 to 32 lower-case letters, digits and inner dashes; of a
            person any that `personal_name` takes.

    Raises:
        ConfigError: the role or name is not possible.
    """
    if role not in _KEYS:
        raise ConfigError(f"this role is not known, but one of {', '.join(_KEYS)} is wanted")
    return KeyFile(
        role,
        _name_for(role, name),
        KeyPair.draw(dice),
        Secret(dice.bytes(KEY_BYTES)) if role == MIX else None,
        Secret(dice.bytes(DOOR_KEY_BYTES)) if role == IDENTITY else None,
    )


def _name_for(role: str, name: str) -> str:
    if role == IDENTITY:
        return personal_name(name)
    if not is_name(name):
        raise ConfigError(
            f"the name has {len(name)} characters or others than allowed, but 1 to 32 lower-case "
            "letters, digits and inner dashes are wanted"
        )
    return name


def render_key(keys: KeyFile) -> str:
    """The text of a private key file."""
    lines = [
        "# Private key file of pymix-voice. Who has this file is you: keep it to yourself,",
        "# readable by you alone, with a copy in a safe place.",
        "",
        f'role = "{keys.role}"',
        f"name = {quoted(keys.name)}",
    ]
    if keys.role == IDENTITY:
        lines += ["", "# Who you are. With another one, nobody knows you any more."]
    else:
        lines += ["", f"# For handshakes; in the zone file: link = {key_text(keys.link.public)!r}"]
    lines += [f'link = "{key_text(keys.link.private.reveal())}"']
    if keys.sign is not None:
        lines += ["", f"# For descriptors; in the zone file: sign = {key_text(keys.sign_public)!r}"]
        lines += [f'sign = "{key_text(keys.sign.reveal())}"']
    if keys.door is not None:
        lines += ["", "# Your door. A new one gives you a new address; the old one then is silent."]
        lines += [f'door = "{key_text(keys.door.reveal())}"']
    return "\n".join(lines) + "\n"


def parse_key(text: bytes, name: str) -> KeyFile:
    """Read a private key file.

    Args:
        text: the whole file.
        name: the file's name, for errors.

    Raises:
        ConfigError: in one sentence, without any key.
    """
    table = parse_file(text, name)
    role = table.text("role")
    if role not in _KEYS:
        raise table.error("role", "is not a known one", f"one of {', '.join(_KEYS)} is wanted")
    table.known(_KEYS[role])
    return KeyFile(
        role,
        table.read("name", personal_name) if role == IDENTITY else table.name("name"),
        KeyPair.of(table.key("link", KEY_BYTES)),
        Secret(table.key("sign", KEY_BYTES)) if role == MIX else None,
        Secret(table.key("door", DOOR_KEY_BYTES)) if role == IDENTITY else None,
    )
