"""One table of a file that a person wrote (TOML), read key by key.

Every error is one sentence that names the file, the key, what was found and what is wanted.
What was found is told by its kind and length only: a mistyped key or address must not come
out in a log.

Must not know: which keys there are, what they are for.
"""

import base64
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final, TypeVar

from pymix_voice.errors import ConfigError

MAX_FILE_BYTES = 1 << 20
MOST_DOTS = 200
"""In one line: more than the longest host has. A megabyte of such lines takes three seconds."""

_Read = TypeVar("_Read")

_KINDS: Final = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "a table",
}
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
# Shorter than a door key: one that lost its name, or its quotes, would stand in a log.
_TELLABLE: Final = re.compile(r"[A-Za-z0-9_-]{1,23}")
_PLACE: Final = re.compile(r"\(at ([^)]*)\)")


def parse_file(text: bytes, file: str) -> "Table":
    """Read a TOML file.

    Args:
        text: the whole file.
        file: its name, for errors.

    Raises:
        ConfigError: if it is not TOML.
    """
    if len(text) > MAX_FILE_BYTES:
        raise ConfigError(f"{file}: the file has {len(text)} bytes, which is far too long")
    _check_dots(text, file)
    try:
        return Table(tomllib.loads(text.decode()), file)
    except UnicodeDecodeError:
        raise ConfigError(
            f"{file}: this is not a text file (UTF-8); is it the right one?"
        ) from None
    except RecursionError:
        raise ConfigError(f"{file}: brackets are nested too deep; compare the example") from None
    except ValueError as error:  # all that tomllib raises; its text may quote the file
        found = _PLACE.search(str(error))
        where = found[1] if found else "some place"
        raise ConfigError(
            f"{file}: not TOML at {where}; a key there may lack its quotes or be set twice"
        ) from None


def _check_dots(text: bytes, file: str) -> None:
    """Refuse what tomllib would take hours for: a key of n parts takes it time by n squared.

    Keys of some megabyte's dots are nobody's; no key here has a dot at all.
    """
    for number, line in enumerate(text.split(b"\n"), start=1):
        dots = line.count(b".")
        if dots > MOST_DOTS and not line.lstrip().startswith(b"#"):
            raise ConfigError(
                f"{file}: line {number} has {dots} dots, but {MOST_DOTS} at most are possible"
            )


def key_text(key: bytes) -> str:
    """A key as it stands in files: lower-case base32 without padding."""
    return base64.b32encode(key).decode().rstrip("=").lower()


def quoted(text: str) -> str:
    """A text as it stands in files: quotes around, and inside nothing that TOML would misread."""
    # What JSON escapes, TOML reads alike; one control character is forbidden only in TOML.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def is_name(text: str) -> bool:
    """Whether a text can be a name: 1 to 32 lower-case letters, digits and inner dashes."""
    return _NAME.fullmatch(text) is not None


class Table:
    """The keys of one table.

    Args:
        entries: what TOML gave.
        file: name of the file, for errors.
        path: where in the file this table is, such as "mixes[1]"; empty for the whole file.
    """

    def __init__(self, entries: Mapping[str, Any], file: str, path: str = "") -> None:
        self._entries = entries
        self._file = file
        self._path = path

    def error(self, key: str, found: str, wanted: str) -> ConfigError:
        """The sentence for one key."""
        where = f"{self._path}.{key}" if self._path else key
        return ConfigError(f"{self._file}: {where} {found}, but {wanted}")

    def known(self, names: Iterable[str]) -> None:
        """Refuse any key but these.

        Raises:
            ConfigError: naming the first unknown key and the known one most like it.
        """
        names = list(names)
        for key in self._entries:
            if key in names:
                continue
            shown = f"'{key}'" if _TELLABLE.fullmatch(key) else f"of {len(key)} characters"
            near = get_close_matches(key, names, 1, 0.5)
            hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(names)}"
            inside = f" in {self._path}" if self._path else ""
            raise ConfigError(f"{self._file}: unknown key {shown}{inside}; {hint}")

    def text(self, key: str) -> str:
        """A text that must be there."""
        value = self._entry(key, "a text in quotes is wanted")
        if not isinstance(value, str):
            raise self.error(key, f"is {_kind(value)}", "a text in quotes is wanted")
        return value

    def name(self, key: str) -> str:
        """A short name: lower-case letters, digits and dashes, at most 32 characters."""
        value = self.text(key)
        if not is_name(value):
            raise self.error(
                key,
                f"has {len(value)} characters or others than allowed",
                "1 to 32 lower-case letters, digits and inner dashes are wanted",
            )
        return value

    def read(self, key: str, reader: Callable[[str], _Read]) -> _Read:
        """A text that something else can read, such as an address.

        Args:
            key: of the text.
            reader: raises ConfigError with a sentence, which here gets its place in the file.
        """
        text = self.text(key)
        try:
            return reader(text)
        except ConfigError as error:
            where = f"{self._path}.{key}" if self._path else key
            raise ConfigError(f"{self._file}: {where}: {error}") from None

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self._entries.get(key, default)
        if not isinstance(value, bool):
            raise self.error(key, f"is {_kind(value)}", "true or false is wanted, without quotes")
        return value

    def whole(self, key: str, default: int | None, low: int, high: int) -> int:
        """A whole number between two bounds; without a default it must be there."""
        wanted = f"a whole number from {low} to {high} is wanted"
        if default is not None and key not in self._entries:
            return default
        value = self._entry(key, wanted)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(key, f"is {_kind(value)}", wanted)
        if not low <= value <= high:
            raise self.error(key, f"is {_short(value)}", wanted)
        return value

    def number(self, key: str, default: float | None, low: float, high: float) -> float:
        """A number between two bounds; without a default it must be there."""
        wanted = f"a number from {low:g} to {high:g} is wanted"
        if default is not None and key not in self._entries:
            return default
        value = self._entry(key, wanted)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.error(key, f"is {_kind(value)}", wanted)
        if not low <= value <= high:
            raise self.error(key, f"is {_short(value)}", wanted)
        return float(value)

    def key(self, key: str, size: int) -> bytes:
        """A cryptographic key, in base32 or hexadecimal."""
        characters = -(-size * 8 // 5)
        wanted = f"{characters} characters of base32 (or {2 * size} of hexadecimal) are wanted"
        text = self.text(key)
        if len(text) not in (characters, 2 * size):
            raise self.error(key, f"has {len(text)} characters", wanted)
        try:
            value = _key_of(text, size)
        except ValueError:  # binascii's error is one of these
            raise self.error(key, "has characters that do not belong there", wanted) from None
        if value is None:
            raise self.error(key, "is not the text of any key", wanted)
        return value

    def table(self, key: str) -> "Table | None":
        """A table inside this one; None if there is none."""
        if key not in self._entries:
            return None
        value = self._entries[key]
        if not isinstance(value, dict):
            raise self.error(key, f"is {_kind(value)}", "a table is wanted")
        return Table(value, self._file, f"{self._path}.{key}" if self._path else key)

    def tables(self, key: str, most: int, least: int = 1) -> list["Table"]:
        """A list of tables; it may be missing only if there need be none."""
        wanted = f"{least} to {most} tables are wanted, each beginning with [[{key}]]"
        if not least and key not in self._entries:
            return []
        value = self._entry(key, wanted)
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.error(key, f"is {_kind(value)}", wanted)
        if not least <= len(value) <= most:
            raise self.error(key, f"are {len(value)}", wanted)
        return [
            Table(item, self._file, f"{key}[{index}]") for index, item in enumerate(value, start=1)
        ]

    def _entry(self, key: str, wanted: str) -> Any:  # noqa: ANN401 - whatever TOML has
        if key not in self._entries:
            raise self.error(key, "is missing", wanted)
        return self._entries[key]


def _key_of(text: str, size: int) -> bytes | None:
    """The bytes that this text stands for; of several texts for one key only one is right."""
    if len(text) == 2 * size:
        value = bytes.fromhex(text)
        return value if value.hex() == text.lower() else None
    padded = text.upper() + "=" * (-len(text) % 8)
    value = base64.b32decode(padded)
    return value if len(value) == size and key_text(value) == text.lower() else None


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "a date or time")


def _short(value: float) -> str:
    return "a huge number" if abs(value) >= 1e15 else f"{value:g}"
