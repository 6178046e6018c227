"""The engine as a child process: its events, the orders to it, its last words.

Orders never wait: an engine that does not read them loses them, and the screen goes on.

Must not know: what events and orders mean.
"""

import fcntl
import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import IO, Self

import trio

from pymix_voice.edge.children import spawn
from pymix_voice.edge.clock import Clock
from pymix_voice.edge.report import read_line

Hear = Callable[[Mapping[str, object]], None]

LAST_LINES = 60
"""Of what it wrote on stderr; enough for a traceback."""
ORDERS_WAITING = 100
GRACE_S = 2.0
"""From being asked to end until being killed."""
DRAIN_S = 1.0
"""What is still in the pipes of an engine that has ended is read for so long at most."""
SIGNAL_CODE = 128
PIPE_BYTES = 1 << 20
_CHUNK_BYTES = 65_536
_LINE_BYTES = 1 << 20


class Engine:
    """One running engine; it is gone when the place is left.

    Args:
        command: program and arguments; it tells JSON lines on stdout.

    Raises:
        OSError: if there is no such program.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._process = spawn(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        with suppress(OSError, AttributeError):
            # Should the screen stand still, the engine can go on telling for minutes.
            pipe = _there(self._process.stdout).fileno()
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._orders, self._waiting = trio.open_memory_channel[bytes](ORDERS_WAITING)
        self._words: deque[bytes] = deque(maxlen=LAST_LINES)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End it, if it has not ended by itself."""
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with suppress(OSError):
                _there(pipe).close()

    @property
    def last_words(self) -> str:
        """The end of what it wrote on stderr, as it is."""
        return b"".join(line + b"\n" for line in self._words).decode(errors="replace")

    def order(self, line: str) -> None:
        """Send an order; at once, or never."""
        with suppress(trio.WouldBlock, trio.BrokenResourceError):
            self._orders.send_nowait(line.encode() + b"\n")

    def signal(self, number: int) -> None:
        """Send a signal to it, and to whatever it may have started."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    async def follow(self, hear: Hear) -> int:
        """Pass on what it tells until it has ended.

        Args:
            hear: takes each event; "t" is there, in monotonic seconds.

        Returns:
            Its exit code; 128 and the signal's number if a signal ended it.
        """

        def told(line: bytes) -> None:
            event = read_line(line)
            if event is not None:
                hear({"t": Clock.now(), **event})

        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._send, _end(self._process.stdin))
            async with trio.open_nursery() as reading:
                reading.start_soon(_read_lines, _end(self._process.stdout), told)
                reading.start_soon(_read_lines, _end(self._process.stderr), self._words.append)
                await trio.to_thread.run_sync(self._process.wait, abandon_on_cancel=True)
                reading.cancel_scope.deadline = trio.current_time() + DRAIN_S
            nursery.cancel_scope.cancel()
        code = self._process.returncode
        return code if code >= 0 else SIGNAL_CODE - code

    async def _send(self, stream: trio.lowlevel.FdStream) -> None:
        async with stream, self._waiting:
            with suppress(trio.BrokenResourceError):  # it reads no more
                async for line in self._waiting:
                    await stream.send_all(line)


def _there(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _end(pipe: IO[bytes] | None) -> trio.lowlevel.FdStream:
    """Our end of a pipe, as trio wants it."""
    return trio.lowlevel.FdStream(os.dup(_there(pipe).fileno()))


async def _read_lines(stream: trio.lowlevel.FdStream, take: Callable[[bytes], None]) -> None:
    rest = b""
    async with stream:
        while chunk := await stream.receive_some(_CHUNK_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                take(line)
            rest = rest[:_LINE_BYTES]
    if rest:
        take(rest)
