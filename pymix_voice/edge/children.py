"""Child processes that end when we do, even if we are killed outright.

Each has a session of its own, so a Ctrl-C in the terminal reaches only us, who then end the
child in order. Should we be killed outright, Linux ends it: the kernel keeps the promise that no
code of ours could keep then.

Must not know: what the child is, what it says.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence

_PR_SET_PDEATHSIG = 1


def spawn(
    command: Sequence[str],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
    keep: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a process from this very thread, which has to live as long as the child.

    The kernel's leash is tied to the thread that forked. trio would fork in a worker thread,
    whose end some seconds later would end the child.

    Args:
        command: program and arguments; ours, never made of what somebody sent.
        stdin: as in `subprocess.Popen`, and so are the other two.
        stdout: its own pipe, if nothing else is said.
        stderr: its own pipe, if nothing else is said.
        keep: open files that the child gets under the same numbers.

    Raises:
        OSError: if there is no such program.
    """
    return subprocess.Popen(  # noqa: S603  our own interpreter and our own arguments
        command,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        pass_fds=keep,
        start_new_session=True,
        preexec_fn=_leash(),
    )


def _leash() -> Callable[[], None] | None:
    """What a child does before it becomes a program: tell Linux to end it when we are gone."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def hold() -> None:  # between fork and exec: system calls only, no lock of Python's
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # gone before the leash was on
            os._exit(1)

    return hold
