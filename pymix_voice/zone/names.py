"""Names that people give themselves and others.

Any writing of the world, but nothing that a terminal obeys, that cannot be seen, or that looks
like an address or an option. Two names are one if people would say so: capitals, spaces and the
joints between letters make no difference.

Must not know: what a mix or gateway may be called, who has which name.
"""

import unicodedata
from typing import Final

from pymix_voice.errors import ConfigError
from pymix_voice.zone.address import PREFIX, looks_like_address

LONGEST_NAME = 40
_LONGEST_TYPED = 20 * LONGEST_NAME
"""Nothing that is longer becomes a name by being composed."""

_WANTED: Final = f"1 to {LONGEST_NAME} printable characters are wanted"
# Persian and the scripts of India write with these two, and many emoji are made with the second.
_JOINERS: Final = frozenset("\u200c\u200d")


def personal_name(text: str) -> str:
    """Read a person's name.

    Args:
        text: as somebody typed it.

    Returns:
        The name in the one form that is kept: composed (NFC), trimmed, single spaces inside.

    Raises:
        ConfigError: in one sentence, which does not repeat the text: it may be an address.
    """
    trimmed = _composed(text).strip()
    if not all(c.isprintable() or c in _JOINERS or _is_space(c) for c in trimmed):
        raise ConfigError(f"this name has a control or invisible character, but {_WANTED}")
    name = " ".join(trimmed.split())
    if not folded(name):
        raise ConfigError(f"this name is empty, but {_WANTED}")
    if looks_like_address(folded(name)):
        raise ConfigError(f"a name cannot begin with '{PREFIX}', as addresses do; give another one")
    if name.startswith("-"):
        raise ConfigError("a name cannot begin with '-', as options do; give another one")
    if len(name) > LONGEST_NAME:
        raise ConfigError(f"this name has {len(name)} characters, but {_WANTED}")
    return name


def folded(name: str) -> str:
    """What two names have in common that are one to people; for any text."""
    composed = _composed(" ".join(name.split()))
    bare = "".join(c for c in composed if c not in _JOINERS)
    return _composed(bare.casefold())


def _composed(text: str) -> str:
    """NFC, but for what is far too long for a name: of a run of marks it takes time by the square.

    Twenty thousand of them took over a second, a megabyte would take an hour.
    """
    return unicodedata.normalize("NFC", text) if len(text) <= _LONGEST_TYPED else text


def _is_space(character: str) -> bool:
    return unicodedata.category(character) == "Zs"
