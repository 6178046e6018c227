"""Lock files: one holder at a time, and free again however it ends."""

import errno
import importlib.util
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest

from pymix_voice.edge import lockfile
from pymix_voice.edge.lockfile import holding
from pymix_voice.errors import ConfigError

HOLD = """
import sys
from pathlib import Path
from pymix_voice.edge.lockfile import holding
with holding(Path(sys.argv[1]), "held"):
    print("holding", flush=True)
    sys.stdin.read()
"""


def test_a_second_holder_is_refused_with_the_sentence_it_gave(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    with (
        holding(path, "first"),
        pytest.raises(ConfigError, match=r"^come back later$"),
        holding(path, "come back later"),
    ):
        pass
    with holding(path, "never told"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_lock_is_free_again_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), holding(tmp_path / "x.lock", "held"):
        raise ZeroDivisionError
    with holding(tmp_path / "x.lock", "held"):
        pass


def test_a_patient_holder_gets_the_lock_when_it_is_free(tmp_path: Path) -> None:
    path, waits, got = tmp_path / "x.lock", threading.Event(), threading.Event()

    def wait() -> None:
        waits.set()
        with holding(path, "held", patience_s=10.0):
            got.set()

    thread = threading.Thread(target=wait)
    with holding(path, "held"):
        thread.start()
        assert waits.wait(5)
        assert not got.is_set()
    thread.join()
    assert got.is_set()


def test_patience_ends(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    with (
        holding(path, "held"),
        pytest.raises(ConfigError, match="too long"),
        holding(path, "too long", patience_s=0.03),
    ):
        pass


def test_a_file_that_cannot_be_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match="cannot be written"),
        holding(tmp_path / "no" / "x.lock", "held"),
    ):
        pass


@pytest.mark.slow
def test_another_process_holds_it_until_it_ends_or_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"holding\n"
        with pytest.raises(ConfigError, match="another"), holding(path, "another"):
            pass
        process.kill()
        process.wait()
    with holding(path, "another"):
        pass


def for_windows(monkeypatch: pytest.MonkeyPatch, held: set[tuple[int, int]]) -> ModuleType:
    """The module as Windows would load it, with a `msvcrt` that locks the first byte of a file."""
    fake = ModuleType("msvcrt")

    def locking(number: int, mode: int, size: int) -> None:
        assert (os.lseek(number, 0, os.SEEK_CUR), size) == (0, 1)
        file = os.fstat(number).st_dev, os.fstat(number).st_ino
        if mode == 0:
            held.remove(file)
        elif file in held:
            raise PermissionError(errno.EACCES, "Permission denied")
        else:
            held.add(file)

    vars(fake).update(locking=locking, LK_UNLCK=0, LK_NBLCK=2)
    spec = importlib.util.spec_from_file_location("lockfile_for_windows", lockfile.__file__)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    with monkeypatch.context() as there:
        there.setitem(sys.modules, "msvcrt", fake)
        there.setattr(sys, "platform", "win32")
        spec.loader.exec_module(loaded)
    return loaded


def test_on_windows_too_a_second_holder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: set[tuple[int, int]] = set()
    there = for_windows(monkeypatch, held)
    path = tmp_path / "x.lock"
    with there.holding(path, "held"):
        assert len(held) == 1
        with pytest.raises(ConfigError, match="come back"), there.holding(path, "come back"):
            pass
        assert len(held) == 1
    assert held == set()
