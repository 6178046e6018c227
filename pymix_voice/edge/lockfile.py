"""Lock files: one program at a time, held by the operating system.

A lock ends with the program that holds it, however that ends. The file stays, and by itself
means nothing: to delete it would let a second program lock another file of the same name.

Must not know: what is locked.
"""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pymix_voice.edge.clock import Clock
from pymix_voice.errors import ConfigError

AGAIN_S = 0.01
"""How long to wait before asking again for a lock that somebody else holds."""

if sys.platform == "win32":
    import msvcrt

    def _take(number: int) -> None:
        msvcrt.locking(number, msvcrt.LK_NBLCK, 1)

    def _give_back(number: int) -> None:
        msvcrt.locking(number, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _take(number: int) -> None:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _give_back(number: int) -> None:
        fcntl.flock(number, fcntl.LOCK_UN)


@contextlib.contextmanager
def holding(path: Path, refusal: str, patience_s: float = 0.0) -> Iterator[None]:
    """Hold a lock file. Blocks while it waits.

    Args:
        path: the file, made if it is not there; its folder must be.
        refusal: the sentence if somebody else holds it.
        patience_s: how many seconds to wait for them.

    Raises:
        ConfigError: somebody else holds it, or there can be no such file.
    """
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
    try:
        until = Clock.now() + patience_s
        while not _is_taken(number, path):
            if Clock.now() >= until:
                raise ConfigError(refusal)
            time.sleep(AGAIN_S)
        try:
            yield
        finally:
            _give_back(number)
    finally:
        os.close(number)


def _is_taken(number: int, path: Path) -> bool:
    """Take the lock if it is free."""
    try:
        _take(number)
    except (BlockingIOError, PermissionError):  # Linux and macOS, Windows
        return False
    except OSError as error:
        raise ConfigError(f"{path} cannot be locked: {error.strerror}") from None
    return True
