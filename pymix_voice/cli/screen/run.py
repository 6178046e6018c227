"""Running the call screen: engine, terminal and person, until the engine has ended.

The program that sends cells must never wait for drawing, since whatever it does late shows on
the wire. So it is a process of its own, and everything here may be slow: pictures are drawn in a
thread, so that what the engine tells is read even while the terminal takes nothing.

Must not know: sound, keys of the zone, the network; what an event or an order means.
"""

import math
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress

import trio
from rich.console import Console
from rich.live import Live

from pymix_voice.cli.screen.canvas import console_on, drawing
from pymix_voice.cli.screen.engine import Engine
from pymix_voice.cli.screen.frame import Frame
from pymix_voice.cli.screen.strokes import Strokes
from pymix_voice.cli.screen.terminal import cbreak, drawing_end
from pymix_voice.cli.screen.view import View
from pymix_voice.edge.clock import Clock

LEAVE_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LEAVING_S = 4.0
"""An engine that was asked to hang up and quit has so long before it is terminated."""
TERMINATING_S = 2.0
"""And then so long before it is killed."""
DRAW_S = 0.2
"""From one picture to the next, at least."""
LOOK_S = 0.5
"""What changes by itself, such as a falling peak, is looked at so often."""
ESCAPE_S = 0.05
"""The rest of an escape sequence comes within so long, or it was the escape key."""
NICENESS = 5
"""Where processors are scarce, cells go before pictures."""


async def attend(command: Sequence[str], *, keys: int = 0) -> int:
    """Show what an engine does, and pass on what the person wants, until it has ended.

    Args:
        command: the engine's program and arguments.
        keys: file number of the terminal that keys come from.

    Returns:
        The engine's exit code.

    Raises:
        OSError: if there is no such program.
    """
    console = console_on(drawing_end())
    view = View()
    with (
        trio.open_signal_receiver(*LEAVE_ON, signal.SIGWINCH) as signals,
        Engine(command) as engine,
    ):
        os.nice(NICENESS)  # after the engine was started, which keeps what it has
        with cbreak(keys), drawing(console) as live:
            attendant = _Attendant(engine, view, live, keys)
            code = await attendant.attend(signals)
    _tell_afterwards(console, view)
    if code != 0:
        print(engine.last_words, end="", file=sys.stderr, flush=True)
    return code


def _tell_afterwards(console: Console, view: View) -> None:
    """Leave a few plain lines in the terminal."""
    file = console.file
    for line in view.facts.afterwards:
        file.write(line.encode(console.encoding, "replace").decode(console.encoding) + "\n")
    file.flush()


class _Attendant:
    """What moves between engine, terminal and person."""

    def __init__(self, engine: Engine, view: View, live: Live, keys: int) -> None:
        self._engine = engine
        self._view = view
        self._live = live
        self._keys = keys
        self._changed = trio.Event()
        self._asked = False
        self._urge, self._urged = trio.open_memory_channel[None](math.inf)

    async def attend(self, signals: AsyncIterator[int]) -> int:
        """Until the engine has ended; its exit code."""
        async with trio.open_nursery() as nursery:
            for task in (self._draw, self._read_keys, self._leave):
                nursery.start_soon(task)
            nursery.start_soon(self._obey, signals)
            code = await self._engine.follow(self._hear)
            nursery.cancel_scope.cancel()
        return code

    def _hear(self, event: Mapping[str, object]) -> None:
        self._view.take(event)
        self._changed.set()

    # ── leaving ──────────────────────────────────────────────────────────────────────────

    async def _obey(self, signals: AsyncIterator[int]) -> None:
        async for number in signals:
            if number == signal.SIGHUP:
                self._gone()
            elif number in LEAVE_ON:
                self._hurry()
            self._changed.set()

    def _hurry(self) -> None:
        """Somebody wants us to end."""
        self._asked = True
        self._urge.send_nowait(None)

    def _gone(self) -> None:
        """The terminal is gone, which is seen in several places but asks for one thing."""
        if not self._asked:
            self._hurry()

    async def _leave(self) -> None:
        """Each time somebody wants us to end: in order, then sooner."""
        await self._urged.receive()
        for order in self._view.desk.leave():
            self._engine.order(order)
        self._changed.set()
        with trio.move_on_after(LEAVING_S):
            await self._urged.receive()
        self._engine.signal(signal.SIGTERM)
        with trio.move_on_after(TERMINATING_S):
            await self._urged.receive()
        self._engine.signal(signal.SIGKILL)

    # ── keys ─────────────────────────────────────────────────────────────────────────────

    async def _read_keys(self) -> None:
        strokes = Strokes()
        while True:
            patience = ESCAPE_S if strokes.waiting else math.inf
            with trio.move_on_after(patience) as scope:
                await trio.lowlevel.wait_readable(self._keys)
            if scope.cancelled_caught:
                pressed = strokes.flush()
            else:
                data = b""
                with suppress(OSError):
                    data = os.read(self._keys, 4096)
                if not data:
                    self._gone()
                    return
                pressed = strokes.feed(data)
            for key in pressed:
                order = self._view.desk.press(key, Clock.now())
                if order is not None:
                    self._engine.order(order)
            self._changed.set()

    # ── pictures ─────────────────────────────────────────────────────────────────────────

    async def _draw(self) -> None:
        drawn: tuple[int, Frame] | None = None
        while True:
            size = self._live.console.size
            frame = self._view.render(size.width, Clock.now(), size.height)
            if drawn != (size.width, frame):
                drawn = (size.width, frame)
                try:
                    await trio.to_thread.run_sync(self._show, frame, abandon_on_cancel=True)
                except OSError:
                    self._gone()
                    return
            await trio.sleep(DRAW_S)
            with trio.move_on_after(LOOK_S):
                await self._changed.wait()
            self._changed = trio.Event()

    def _show(self, frame: Frame) -> None:
        self._live.update(frame, refresh=True)
