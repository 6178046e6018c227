"""The terminal: whether there is one, its modes, and giving it back as it was.

Whoever only asks whether a screen fits need not load what draws: nothing but Python is imported.

Must not know: what is drawn, what keys mean.
"""

import importlib.util
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

LFLAG, IFLAG, CC = 3, 0, 6
"""Where `termios.tcgetattr` has them."""


def fits() -> bool:
    """Whether a screen can be used: a terminal at both ends, and we are in its foreground."""
    if importlib.util.find_spec("termios") is None:
        return False
    try:
        keys = sys.stdin.fileno()
        return (
            os.isatty(keys)
            and (sys.stdout.isatty() or sys.stderr.isatty())
            and os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown")
            and os.tcgetpgrp(keys) == os.getpgrp()
        )
    except (OSError, ValueError, AttributeError):  # closed, or not there at all
        return False


def drawing_end() -> TextIO:
    """Where to draw: stdout, unless that goes elsewhere."""
    return sys.stdout if sys.stdout.isatty() else sys.stderr


@contextmanager
def cbreak(keys: int) -> Iterator[None]:
    """A key at a time, unseen; afterwards everything is as it was.

    Ctrl-C still is a signal. Ctrl-S, Ctrl-Z and Ctrl-backslash are not: a screen that stands
    still, or ends without giving the terminal back, helps nobody.

    Args:
        keys: file number of the terminal.
    """
    import termios  # not everywhere

    before = termios.tcgetattr(keys)
    modes = termios.tcgetattr(keys)
    modes[LFLAG] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
    modes[LFLAG] |= termios.ISIG
    modes[IFLAG] &= ~(termios.IXON | termios.IXOFF)
    off = os.fpathconf(keys, "PC_VDISABLE").to_bytes(1, "little")
    for each in (termios.VSUSP, termios.VQUIT):
        modes[CC][each] = off
    modes[CC][termios.VMIN], modes[CC][termios.VTIME] = 1, 0
    stopping = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    # NOW, not DRAIN: a terminal that takes nothing more must not hold us.
    termios.tcsetattr(keys, termios.TCSANOW, modes)
    try:
        yield
    finally:
        with suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(keys, termios.TCSANOW, before)
        signal.signal(signal.SIGTSTP, stopping)
