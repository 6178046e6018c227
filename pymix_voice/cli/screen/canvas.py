"""The terminal's second screen: drawn on while it lasts, and gone without a trace.

Must not know: what is drawn, the terminal's modes.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from rich.console import Console
from rich.live import Live

from pymix_voice.cli.screen.strokes import PASTE_OFF, PASTE_ON


def console_on(file: IO[str]) -> Console:
    """A console that draws there, whatever rich thinks of it."""
    return Console(file=file, force_terminal=True, force_interactive=True, highlight=False)


@contextmanager
def drawing(console: Console) -> Iterator[Live]:
    """A second screen of the terminal to draw on; the first is as it was afterwards."""
    live = Live(
        console=console,
        screen=True,
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    live.start()
    try:
        console.file.write(PASTE_ON)
        yield live
    finally:
        try:
            console.file.write(PASTE_OFF)
            live.stop()
        except OSError:  # the terminal is gone
            _let_go(console.file)


def _let_go(gone: IO[str]) -> None:
    """Nobody can be told anything more; Python must not fail over that when it ends."""
    terminal = os.fstat(gone.fileno()).st_rdev
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for file in (sys.stdout, sys.stderr):
        if os.fstat(file.fileno()).st_rdev == terminal:  # isatty no longer tells
            os.dup2(nowhere, file.fileno())
    os.close(nowhere)
