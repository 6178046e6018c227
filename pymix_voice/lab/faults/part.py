"""The command `pymix-voice` on a computer with something wrong: its clock, or its UDP buffers.

    python -m pymix_voice.lab.faults.part [--least-buffer] WORDS...

The words are those of `pymix-voice`. On SIGUSR1 the time of day goes back an hour, as far as this
process can see. With --least-buffer its UDP sockets have the smallest buffers that the system
gives, as if nobody had ever allowed larger ones.

Must not know: which command it is.
"""

import runpy
import signal
import socket
import sys

from pymix_voice.edge import port
from pymix_voice.edge.clock import Clock

BACK_S = 3600.0
LEAST_BUFFER = "--least-buffer"
SET_BACK = signal.SIGUSR1


def least(sock: socket.socket, wanted: int) -> int:
    """Ask for no room at all; what the system gives in bytes as it charges them."""
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, 0)
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def let_clock_go_back() -> None:
    """From the signal on, `Clock.unix` is an hour behind what it would be."""
    right = Clock.unix
    back_s = 0.0

    def unix(clock: Clock) -> float:
        return right(clock) - back_s

    def go_back(number: int, frame: object) -> None:
        nonlocal back_s
        back_s = BACK_S

    Clock.unix = unix  # type: ignore[assignment, method-assign]
    signal.signal(SET_BACK, go_back)


def run() -> None:
    """Run the command, as a person would."""
    let_clock_go_back()
    if sys.argv[1:2] == [LEAST_BUFFER]:
        del sys.argv[1]
        port.enlarge = least
    runpy.run_module("pymix_voice", run_name="__main__")


if __name__ == "__main__":
    run()
