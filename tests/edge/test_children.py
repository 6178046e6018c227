"""Child processes: out of reach of the terminal's Ctrl-C, and never left behind."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from pymix_voice.edge.children import spawn

pytestmark = [pytest.mark.live, pytest.mark.slow]


def alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def test_a_child_has_a_session_of_its_own() -> None:
    program = "import os; print(os.getsid(0) == os.getpid())"
    with spawn([sys.executable, "-c", program], stderr=subprocess.DEVNULL) as child:
        out, _ = child.communicate(timeout=10)
    assert out == b"True\n"


def test_a_child_is_fed_only_if_that_was_asked_for() -> None:
    program = "import sys; print(sys.stdin.read())"
    command = [sys.executable, "-c", program]
    with spawn(command) as child:
        assert child.communicate(timeout=10)[0] == b"\n"
    with spawn(command, stdin=subprocess.PIPE) as child:
        assert child.communicate(b"fed", timeout=10)[0] == b"fed\n"


def test_a_child_gets_the_open_files_that_are_meant_for_it_under_their_numbers() -> None:
    program = """
import os, sys
for number in map(int, sys.argv[1:]):
    try:
        os.write(number, b"here")
    except OSError:
        print("not", end=" ")
print("done")
"""
    pipes = [os.pipe() for _ in range(2)]
    (kept_out, kept), (other_out, other) = pipes
    with spawn([sys.executable, "-c", program, str(kept), str(other)], keep=[kept]) as child:
        assert child.communicate(timeout=10)[0] == b"not done\n"
    for number in (kept, other):
        os.close(number)
    assert os.read(kept_out, 10) == b"here"
    assert os.read(other_out, 10) == b""
    for number in (kept_out, other_out):
        os.close(number)


def test_what_is_no_program_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        spawn(["no-such-program-anywhere"])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the children of the killed")
def test_a_child_ends_with_who_started_it_even_if_that_was_killed() -> None:
    program = """
import sys, time
from pymix_voice.edge.children import spawn
child = spawn([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert alive(pid)
        owner.send_signal(signal.SIGKILL)
    until = time.monotonic() + 5
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert not alive(pid)
