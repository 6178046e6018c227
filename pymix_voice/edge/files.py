"""Files at the edge: zone files, key files, what was signed.

Private files are made for their owner alone, and refused if others can read them. Whatever is
written appears under its name only when it is whole and on disk.

Must not know: what keys are used for.
"""

import contextlib
import os
import shlex
import stat
from pathlib import Path
from typing import Final

from pymix_voice.errors import ConfigError
from pymix_voice.zone.keyfile import KeyFile, parse_key, render_key
from pymix_voice.zone.zonefile import Zone, parse_zone

MAX_BYTES = 1 << 20
PRIVATE: Final = 0o600
PUBLIC: Final = 0o644


def read_file(path: Path, what: str, most: int = MAX_BYTES) -> bytes:
    """A whole file.

    Args:
        path: where.
        what: what it should be, for the error.
        most: bytes; of a longer file one more is given, so that it can be told.

    Raises:
        ConfigError: if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except FileNotFoundError:
        raise ConfigError(f"there is no {what} at {path}") from None
    except IsADirectoryError:
        raise ConfigError(f"{path} is a folder, but a {what} is wanted") from None
    except OSError as error:
        raise ConfigError(f"the {what} {path} cannot be read: {error.strerror}") from None


def read_private(path: Path, what: str) -> bytes:
    """A whole file that its owner alone may read; one that others can read is refused.

    Args:
        path: where.
        what: what it should be, for the error.

    Raises:
        ConfigError: in one sentence.
    """
    content = read_file(path, what)
    if os.name != "nt" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        place = shlex.quote(str(path))
        raise ConfigError(f"others can read the {what} {path}; run: chmod 600 {place}")
    return content


def write_file(path: Path, content: bytes, mode: int, *, replace: bool = False) -> None:
    """Write a whole file, or nothing; it is on disk when this returns.

    Args:
        path: where.
        content: all of it.
        mode: permission bits, from the first byte on.
        replace: whether an older file may be replaced.

    Raises:
        ConfigError: if there is one already, or it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()  # of an earlier process with this number that was killed
        number = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(number, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if replace:
                temporary.replace(path)
            else:
                os.link(temporary, path)  # unlike a rename, this never replaces
        finally:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
        _sync_folder(path.parent)
    except FileExistsError:
        raise ConfigError(f"{path} is there already, and is not replaced; move it away") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # Windows has no handle of a folder to sync
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def make_folder(path: Path, mode: int = 0o755) -> None:
    """A folder with its parents, if it is not there.

    Raises:
        ConfigError: if it cannot be made.
    """
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
    except FileExistsError:
        raise ConfigError(f"{path} is a file, but a folder is wanted") from None
    except OSError as error:
        raise ConfigError(f"the folder {path} cannot be made: {error.strerror}") from None


# ── zone and keys ────────────────────────────────────────────────────────────────────────────


def read_zone(path: Path) -> Zone:
    """Read a zone file.

    Raises:
        ConfigError: in one sentence.
    """
    return parse_zone(read_file(path, "zone file"), str(path))


def read_key(path: Path) -> KeyFile:
    """Read a private key file; one that others can read is refused.

    Raises:
        ConfigError: in one sentence.
    """
    return parse_key(read_private(path, "key file"), str(path))


def write_key(path: Path, keys: KeyFile) -> None:
    """Write a private key file; an older one is never replaced.

    Raises:
        ConfigError: if that cannot be done.
    """
    write_file(path, render_key(keys).encode(), PRIVATE)


class SignedFile:
    """The highest epoch that a mix signed a list for, beside its key file: `mix1.signed`.

    Args:
        key_path: of the mix's key file.
    """

    def __init__(self, key_path: Path) -> None:
        self.path = key_path.with_suffix(".signed")

    def read(self) -> int:
        """The epoch; -1 if none was ever signed.

        Raises:
            ConfigError: if the file is broken: then nobody knows what was signed.
        """
        if not self.path.exists():
            return -1
        text = read_file(self.path, "record of signed epochs").strip()
        if not (text.isdigit() and len(text) < 19):
            raise ConfigError(
                f"{self.path} does not hold the number of an epoch; if this mix was off for a "
                "minute or more, it is safe to delete that file"
            )
        return int(text)

    def write(self, epoch: int) -> None:
        """Keep an epoch; it is on disk when this returns.

        Raises:
            ConfigError: if that cannot be done.
        """
        write_file(self.path, b"%d\n" % epoch, PRIVATE, replace=True)
