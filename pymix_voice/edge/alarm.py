"""An alarm: wakes at an instant, to a tenth of a millisecond.

trio waits by epoll, which counts whole milliseconds from when it is called: a cell would leave up
to a millisecond late, by how much depending on what was done last. Linux's timerfd is told the
instant itself. Elsewhere there is none, and trio's own clock has to do.

Source: timerfd_create(2); measured 0.1 to 0.2 ms late in place of 0.2 to 1.2.

Must not know: what happens at the instant.
"""

import ctypes
import math
import os
import sys

import trio

_MONOTONIC = 1
_NONBLOCK_CLOEXEC = os.O_NONBLOCK | os.O_CLOEXEC if sys.platform == "linux" else 0
_ABSOLUTE = 1
_SOON = 1e-6
"""Instants of zero would turn the timer off."""


class _Timer(ctypes.Structure):
    """struct itimerspec: interval and value, each seconds and nanoseconds."""

    _fields_ = [(name, ctypes.c_long) for name in ("every_s", "every_ns", "s", "ns")]


class Alarm:
    """One instant that somebody waits for."""

    def __init__(self) -> None:
        self._file = -1
        if sys.platform == "linux":
            self._libc = ctypes.CDLL(None, use_errno=True)
            self._file = self._libc.timerfd_create(_MONOTONIC, _NONBLOCK_CLOEXEC)
        self._timer = _Timer()

    @property
    def works(self) -> bool:
        """Whether this system has such alarms."""
        return self._file >= 0

    def set(self, instant: float) -> None:
        """Ring at an instant of `Clock.now`, and no longer at an earlier set one; inf for never."""
        seconds = 0.0 if instant == math.inf else max(instant, _SOON)
        self._timer.s = int(seconds)
        self._timer.ns = int((seconds - int(seconds)) * 1e9)
        self._libc.timerfd_settime(self._file, _ABSOLUTE, ctypes.byref(self._timer), None)

    async def ring(self) -> None:
        """Wait until it rings."""
        while True:
            await trio.lowlevel.wait_readable(self._file)
            try:
                os.read(self._file, 8)
            except BlockingIOError:
                continue  # it was set anew meanwhile
            return

    def fileno(self) -> int:
        """What is readable once it rings, until it is heard or set anew."""
        return self._file

    def close(self) -> None:
        """Give it back."""
        if self.works:
            os.close(self._file)
            self._file = -1
