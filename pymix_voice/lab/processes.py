"""Parts of a zone as real processes: started, listened to, and ended whatever happens.

A part is a `pymix-voice` command that tells what it does on stdout, one JSON object a line; both
go to files as well. Its standard input is ours. A Ctrl-C reaches only us, and the parts end in
order (`pymix_voice/edge/children.py`).

Must not know: which parts a zone has, and what they talk about.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import trio

from pymix_voice.edge.children import spawn
from pymix_voice.edge.report import read_line
from pymix_voice.errors import PymixError

Told = dict[str, Any]
"""One thing that a part told: "event", "t" in monotonic seconds, and what belongs to it."""

PYMIX_VOICE = (sys.executable, "-m", "pymix_voice")
GRACE_S = 3.0
"""From being asked to end until being killed."""
LAST_LINES = 6
_CHUNK_BYTES = 65_536


class PartError(PymixError):
    """A part ended that should have gone on, or did not get where it should in time."""


class Part:
    """One running command.

    Attributes:
        name: what people call it.
        told: all it has told so far, oldest first.
    """

    def __init__(
        self, name: str, process: subprocess.Popen[bytes], log: Path, *, lasts: bool
    ) -> None:
        self.name = name
        self.told: list[Told] = []
        self._process = process
        self._log = log
        self._lasts = lasts
        self._spared = False
        self._news = trio.Event()
        self._ended = False

    def all_told(self, event: str, since: float = 0.0) -> list[Told]:
        """What was told under this name from an instant on, oldest first."""
        return [told for told in self.told if told["event"] == event and told["t"] >= since]

    def order(self, line: str) -> None:
        """Write a line to the part's standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    async def until(
        self,
        *events: str,
        within_s: float,
        since: float = 0.0,
        where: Callable[[Told], bool] = lambda told: True,
    ) -> Told:
        """Wait for the first thing told under one of these names; it may be told already.

        Args:
            events: the names.
            within_s: give up after so long.
            since: what was told before this instant does not count.
            where: what must be so of what was told.

        Raises:
            PartError: if it is not told in time, or the part ends without it.
        """
        with trio.move_on_after(within_s):
            while True:
                for told in self.told:
                    if told["event"] in events and told["t"] >= since and where(told):
                        return told
                if self._ended:
                    raise self._failure(f"ended without being {events[0]!r}")
                await self._news.wait()
        raise self._failure(f"was not {events[0]!r} within {within_s:.0f} s")

    async def finished(self, *, within_s: float) -> None:
        """Wait until it has ended by itself, and well.

        Raises:
            PartError: if it has not in time.
        """
        with trio.move_on_after(within_s):
            while not self._ended:
                await self._news.wait()
            return
        raise self._failure(f"did not end within {within_s:.0f} s")

    def log_lines(self) -> list[str]:
        """What it wrote on stderr."""
        return self._log.read_text(errors="replace").splitlines()

    @property
    def code(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.poll()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is still there."""
        return self._process.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal to the part, and to whatever it may have started."""
        if self.running:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    async def gone(self) -> None:
        """Wait until the process has ended."""
        await trio.to_thread.run_sync(self._process.wait, abandon_on_cancel=True)

    async def follow(self) -> None:
        """Read what the part tells until it ends.

        Raises:
            PartError: if it should have gone on, or ended with an error.
        """
        assert self._process.stdout is not None
        part_line = b""
        async with trio.lowlevel.FdStream(os.dup(self._process.stdout.fileno())) as stream:
            while chunk := await stream.receive_some(_CHUNK_BYTES):
                *lines, part_line = (part_line + chunk).split(b"\n")
                self._keep(lines)
                for line in lines:
                    self._hear(line)
        await self.gone()
        code = self._process.returncode
        if self._lasts or (code != 0 and not self._spared):
            raise self._failure(_ending(code))
        self._ended = True
        self._wake()

    def no_longer_needed(self) -> None:
        """From now on it may end in any way."""
        self._lasts = False
        self._spared = True

    def close(self) -> None:
        """Give back what the ended process held."""
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def _keep(self, lines: Sequence[bytes]) -> None:
        """Add what was told to a file beside the log, for whoever wants to know more."""
        with self._log.with_suffix(".jsonl").open("ab") as file:
            file.writelines(line + b"\n" for line in lines)

    def _hear(self, line: bytes) -> None:
        told = read_line(line)
        if told is not None and "event" in told:
            told.setdefault("t", time.monotonic())
            self.told.append(told)
            self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = trio.Event()

    def _failure(self, what: str) -> PartError:
        """Say which part and why, in its own last words."""
        lines = self._log.read_text(errors="replace").strip().splitlines()
        notes = [str(told["text"]) for told in self.told if told["event"] == "note"]
        reasons = [str(told.get("reason")) for told in self.told if told["event"] == "ended"]
        words = (lines or reasons or notes)[-LAST_LINES:]
        return PartError("\n  ".join([f"{self.name} {what}" + (":" if words else ""), *words]))


class Parts:
    """All parts of one run."""

    def __init__(self, nursery: trio.Nursery, logs: Path, command: Sequence[str]) -> None:
        self._nursery = nursery
        self._logs = logs
        self._command = command
        self._parts: list[Part] = []

    def start(
        self,
        name: str,
        *arguments: str,
        lasts: bool = True,
        command: Sequence[str] | None = None,
    ) -> Part:
        """Start a command of ours.

        Args:
            name: what people call it.
            arguments: what follows `pymix-voice`.
            lasts: whether it is a failure if it ends by itself, even well.
            command: what the arguments follow in place of `pymix-voice`.
        """
        log = self._logs / f"{name.replace(' ', '-')}.log"
        log.with_suffix(".jsonl").unlink(missing_ok=True)
        with log.open("wb") as errors:
            process = spawn(
                [*(command or self._command), *arguments],
                stdin=subprocess.PIPE,
                stderr=errors.fileno(),
            )
        part = Part(name, process, log, lasts=lasts)
        self._parts.append(part)
        self._nursery.start_soon(part.follow)
        return part

    async def end(self) -> None:
        """Ask every part to end, wait a little, and kill what is left."""
        for part in self._parts:
            part.no_longer_needed()
            part.signal(signal.SIGTERM)
        with trio.move_on_after(GRACE_S):
            for part in self._parts:
                await part.gone()
        for part in self._parts:
            part.signal(signal.SIGKILL)
            part.close()


@asynccontextmanager
async def parts_in(logs: Path, command: Sequence[str] = PYMIX_VOICE) -> AsyncIterator[Parts]:
    """A place to start parts; all are gone when it is left, in whichever way.

    Args:
        logs: existing folder for what the parts write on stderr.
        command: what each part's arguments follow.

    Raises:
        ExceptionGroup: of `PartError`, or of what the body raised.
    """
    async with trio.open_nursery() as nursery:
        parts = Parts(nursery, logs, command)
        try:
            yield parts
        finally:
            with trio.CancelScope(shield=True):
                await parts.end()


def _ending(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    return f"was ended by {signal.Signals(-code).name}"
