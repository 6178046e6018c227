"""The call screen on a real terminal, with an engine that knows nothing of calls."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pymix_voice.cli.screen import fits

pytestmark = [pytest.mark.patient, pytest.mark.slow]

WITHIN_S = 15.0
ON, OFF = "\x1b[?1049h", "\x1b[?1049l"
"""To the terminal's second screen, and back."""

COLOURS = re.compile(r"\x1b\[[0-9;]*m")

LAUNCH = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from pymix_voice.cli.screen import fits, run, screen, view
if not fits():
    sys.exit("it does not fit")
exec(sys.argv[1])
sys.exit(screen(sys.argv[2:]))
"""
IN_HASTE = "run.LEAVING_S = run.TERMINATING_S = 0.2"
BROKEN = "view.View.render = lambda *_: 1 / 0"
ENGINE = """
import json, os, signal, sys, time
log = open(sys.argv[1], "a", buffering=1)
def tell(event, **more):
    print(json.dumps({"event": event, **more}), flush=True)
def status(state, **more):
    tell("status", state=state, name="bob", contacts=["bob", "carol"], **more)
"""
OBEDIENT = ENGINE + (
    "status(sys.argv[2])\n"
    "for line in sys.stdin:\n"
    "    log.write(line)\n"
    "    if line == 'hangup\\n':\n"
    "        tell('ended', reason='you hung up', name='bob')\n"
    "        tell('summary', frames_sent=5, frames_heard=4, output='b.wav')\n"
    "    if line == 'quit\\n':\n"
    "        sys.exit(7)\n"
)
STUBBORN = ENGINE + (
    "status('talking')\n"
    "print(os.getpid(), file=log)\n"
    "for line in sys.stdin:\n"
    "    log.write(line)\n"
    "time.sleep(60)\n"
)


class Terminal:
    """A terminal of 80 by 24 with a screen in it; all that was drawn, and the orders."""

    def __init__(self, log: Path) -> None:
        self.ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.modes = termios.tcgetattr(self.theirs)
        self.drawn = ""
        self.process: subprocess.Popen[bytes] | None = None
        self._log = log

    def start(self, program: str, *arguments: str, before: str = "") -> None:
        engine = [sys.executable, "-c", program, str(self._log), *arguments]
        self.process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, before, *engine],
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=self.theirs,
            start_new_session=True,
            env=os.environ | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"},
        )

    def read(self, seconds: float = 0.02) -> None:
        if select.select([self.ours], [], [], seconds)[0]:
            self.drawn += COLOURS.sub("", os.read(self.ours, 65_536).decode(errors="replace"))

    def until_drawn(self, words: str) -> None:
        until = time.monotonic() + WITHIN_S
        while words not in self.drawn:
            assert time.monotonic() < until, self.drawn[-2000:]
            self.read()

    def type(self, keys: str) -> None:
        os.write(self.ours, keys.encode())

    @property
    def orders(self) -> list[str]:
        return self._log.read_text().splitlines() if self._log.exists() else []

    def until_ordered(self, *orders: str) -> None:
        until = time.monotonic() + WITHIN_S
        while self.orders[-len(orders) :] != list(orders):
            assert time.monotonic() < until, self.orders
            self.read()

    def code(self) -> int:
        """The exit code, once it has ended; what it drew until then was read."""
        assert self.process is not None
        until = time.monotonic() + WITHIN_S
        while self.process.poll() is None:
            assert time.monotonic() < until, self.drawn[-2000:]
            self.read()
        self.read()
        return self.process.returncode

    def hang_up(self) -> None:
        """The window is closed."""
        for end in (self.theirs, self.ours):
            os.close(end)

    @property
    def left(self) -> list[str]:
        """Lines that stay when the screen is gone."""
        assert self.drawn.count(OFF) == 1
        return self.drawn.split(OFF)[1].splitlines()

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for end in (self.theirs, self.ours):
            with suppress(OSError):
                os.close(end)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path / "orders")
    yield terminal
    terminal.close()


def test_keys_become_orders(terminal: Terminal) -> None:
    terminal.start(OBEDIENT, "idle")
    terminal.until_drawn("you can be called")
    terminal.type("mdc\t")
    terminal.until_drawn("call whom: carol")
    terminal.type("\r+\x1b[A")
    terminal.until_ordered("mute", "dial carol", "volume 110")
    terminal.type("q")
    assert terminal.code() == 7


def test_ctrl_c_hangs_up_then_quits_and_gives_the_terminal_back(terminal: Terminal) -> None:
    terminal.start(OBEDIENT, "talking")
    terminal.until_drawn("in call")
    during = termios.tcgetattr(terminal.theirs)
    assert during != terminal.modes
    terminal.type("\x03")
    assert terminal.code() == 7
    assert terminal.orders == ["hangup", "quit"]
    assert termios.tcgetattr(terminal.theirs) == terminal.modes
    assert terminal.drawn.index(ON) < terminal.drawn.index("in call")
    cursor, paste = "\x1b[?25", "\x1b[?2004"
    for mode in (cursor, paste):
        assert terminal.drawn.count(mode) == 2  # on and off
    assert terminal.left[-2:] == [
        "call with bob: 00:00, you hung up",
        "5 frames sent, 4 frames heard, recorded in b.wav",
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_from_elsewhere_does_the_same(terminal: Terminal, number: int) -> None:
    terminal.start(OBEDIENT, "talking")
    terminal.until_drawn("in call")
    assert terminal.process is not None
    terminal.process.send_signal(number)
    assert terminal.code() == 7
    assert terminal.orders == ["hangup", "quit"]
    assert termios.tcgetattr(terminal.theirs) == terminal.modes


def test_a_second_ctrl_c_does_not_wait_for_the_engine(terminal: Terminal) -> None:
    terminal.start(STUBBORN)
    terminal.until_drawn("in call")
    terminal.type("\x03")
    terminal.until_drawn("leaving ...")
    assert terminal.orders[1:] == ["hangup", "quit"]
    terminal.type("\x03")
    assert terminal.code() == 128 + signal.SIGTERM
    assert termios.tcgetattr(terminal.theirs) == terminal.modes
    with pytest.raises(ProcessLookupError):
        os.kill(int(terminal.orders[0]), 0)


def test_an_engine_that_will_not_end_is_ended(terminal: Terminal) -> None:
    program = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + STUBBORN
    terminal.start(program, before=IN_HASTE)
    terminal.until_drawn("in call")
    terminal.type("\x03")
    assert terminal.code() == 128 + signal.SIGKILL
    assert terminal.orders[1:] == ["hangup", "quit"]


def test_a_screen_that_fails_gives_the_terminal_back_and_ends_the_engine(
    terminal: Terminal,
) -> None:
    terminal.start(STUBBORN, before=BROKEN)
    assert terminal.code() == 1
    assert any("ZeroDivisionError" in line for line in terminal.left)
    assert termios.tcgetattr(terminal.theirs) == terminal.modes


def test_a_closed_window_hangs_up_in_order(terminal: Terminal) -> None:
    terminal.start(OBEDIENT, "talking")
    terminal.until_drawn("in call")
    terminal.hang_up()
    assert terminal.process is not None
    assert terminal.process.wait(WITHIN_S) == 7
    assert terminal.orders == ["hangup", "quit"]


def test_an_engine_that_fails_has_the_last_word(terminal: Terminal) -> None:
    program = ENGINE + (
        "status('idle')\n"
        "print('pymix-voice: the headset', file=sys.stderr)\n"
        "print('  was taken away', file=sys.stderr)\n"
        "sys.exit(3)\n"
    )
    terminal.start(program)
    assert terminal.code() == 3
    assert terminal.left == ["pymix-voice: the headset", "  was taken away"]
    assert termios.tcgetattr(terminal.theirs) == terminal.modes


def test_an_engine_that_ends_well_has_none(terminal: Terminal) -> None:
    terminal.start(ENGINE + "print('just so', file=sys.stderr)")
    assert terminal.code() == 0
    assert terminal.left == []


def test_an_engine_that_was_killed_is_told_by_its_code(terminal: Terminal) -> None:
    terminal.start(ENGINE + "os.kill(os.getpid(), signal.SIGKILL)")
    assert terminal.code() == 128 + signal.SIGKILL


def test_lines_that_are_no_events_are_passed_over(terminal: Terminal) -> None:
    program = ENGINE + "print('{half\\n[1]\\n\\xff')\nstatus('idle')\nsys.stdin.readline()\n"
    terminal.start(program)
    terminal.until_drawn("you can be called")
    terminal.type("m")
    assert terminal.code() == 0


def test_an_engine_is_not_held_up_by_a_terminal_that_takes_nothing(terminal: Terminal) -> None:
    program = ENGINE + (
        "for number in range(150):\n"
        "    status('talking', seconds=number, level_in=-50 + number % 40, junk='x' * 8000)\n"
        "    time.sleep(0.02)\n"
        "print('told all', file=log)\n"
    )
    terminal.start(program)
    until = time.monotonic() + WITHIN_S
    while terminal.orders != ["told all"]:  # and nobody reads what is drawn
        assert time.monotonic() < until
        time.sleep(0.02)
    assert terminal.code() == 0


def test_without_a_terminal_no_screen_fits() -> None:
    program = "from pymix_voice.cli.screen import fits; print(fits())"
    done = subprocess.run(
        [sys.executable, "-c", program], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert done.stdout == b"False\n"


def test_a_dumb_terminal_does_not_fit(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with os.fdopen(os.dup(terminal.theirs)) as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert not fits()


def test_asking_whether_a_screen_fits_loads_nothing_that_draws() -> None:
    program = "import sys, pymix_voice.cli.screen; print('rich' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.stdout == b"False\n"
