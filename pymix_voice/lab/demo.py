"""A whole zone on this computer, and a call through it: what `pymix-voice demo` does.

    caller --+                 +-- mix 1 -- mix 2 -- mix 3
             |-- gateway ------+   each of these boxes is a process of its own,
    callee --+                     talking UDP and TCP over loopback
    two bystanders

The same commands that a person would type, in the same order. Both people speak at once, from
recordings, in real time; what each heard is compared with what the other said.

Must not know: how a call works.
"""

import json
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import trio
from rich.console import Console

from pymix_voice.edge.running import first
from pymix_voice.errors import CallError, PymixError
from pymix_voice.lab.outcome import Way, outcome, table, unheard
from pymix_voice.lab.processes import Part, Parts, Told, parts_in
from pymix_voice.lab.zoning import (
    CALLEE_SAYS,
    CALLER_SAYS,
    START_S,
    ZONE_S,
    call,
    idle,
    listen,
    make_zone,
    samples,
    start_zone,
)

MIXES = 3
BYSTANDERS = 2
HEARD_BY_CALLER = "heard-by-caller.wav"
HEARD_BY_CALLEE = "heard-by-callee.wav"

CALL_S = 30.0
"""From dialing to talking: at most three epochs."""
TALK_S = 40.0


class StoppedError(Exception):
    """A person or the system asked the demo to end.

    Args:
        number: the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number


class Pair(NamedTuple):
    """The two who talk."""

    caller: Part
    callee: Part


class Narrator:
    """Tells a person on stderr what is going on, calmly."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._began = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Since the demo began."""
        return time.monotonic() - self._began

    def tell(self, text: str) -> None:
        """One line, with the time since the start."""
        self._console.print(f"[dim]{self.elapsed_s:5.1f} s[/dim]  {text}", soft_wrap=True)

    def complain(self, text: str) -> None:
        """Why it did not work."""
        self._console.print(text, style="red", markup=False, soft_wrap=True)


def demo(*, as_json: bool, out: Path | None) -> int:
    """Run a zone and a call in it, and show what it was like.

    Args:
        as_json: one JSON object on stdout instead of a table.
        out: folder for the recordings and logs; `demo-out` here if None.

    Returns:
        The exit code: 0 if both heard each other, 1 if not, 128 + number after a signal.
    """
    narrator = Narrator()
    code = 0
    try:
        summary = trio.run(_stoppable, (out or Path("demo-out")).resolve(), narrator)
        _show(summary, as_json)
        silence = unheard(summary)
        if silence:
            raise CallError(silence)
    except* StoppedError as stopped:
        cause = first(stopped)
        assert isinstance(cause, StoppedError)
        code = 128 + cause.number
        narrator.complain(f"{cause}; all parts have ended")
    except* (PymixError, OSError) as failed:
        code = 1
        narrator.complain(str(first(failed)))
    return code


async def _stoppable(folder: Path, narrator: Narrator) -> Told:
    """Run until done or until a signal asks to stop."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_stop, signals)
            summary = await _run(folder, narrator)
            nursery.cancel_scope.cancel()
    return summary


async def _stop(signals: AsyncIterator[int]) -> None:
    async for number in signals:
        raise StoppedError(number)


async def _run(folder: Path, narrator: Narrator) -> Told:
    """Make the zone, let them talk, and work out what it was like."""
    logs = folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    heard_by_caller, heard_by_callee = folder / HEARD_BY_CALLER, folder / HEARD_BY_CALLEE
    for old in (heard_by_caller, heard_by_callee):
        old.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="pymix-voice-") as home:
        async with parts_in(logs) as parts:
            narrator.tell(f"making a zone: a gateway and {MIXES} mixes")
            zone = await make_zone(parts, Path(home) / "zone", MIXES)
            narrator.tell("starting them, each a process of its own")
            _, mixes = await start_zone(parts, zone, Path(home) / "zone")
            pair = await _talk(parts, Path(home), folder, narrator)
            caller = await pair.caller.until("summary", within_s=TALK_S)
            callee = await pair.callee.until("summary", within_s=TALK_S)
            narrator.tell("the call is over")
    there = Way("caller_to_callee", caller, callee, samples() / CALLER_SAYS, heard_by_callee)
    back = Way("callee_to_caller", callee, caller, samples() / CALLEE_SAYS, heard_by_caller)
    in_zone = await pair.caller.until("in zone", within_s=0)
    figures = [mix.all_told("figures", since=in_zone["t"]) for mix in mixes]
    narrator.tell("comparing what was heard with what was said")
    summary = await trio.to_thread.run_sync(outcome, (there, back), figures, zone.geometry)
    elapsed = round(narrator.elapsed_s, 1)
    return {**summary, "population": in_zone["population"], "elapsed_s": elapsed}


async def _talk(parts: Parts, home: Path, folder: Path, narrator: Narrator) -> Pair:
    """Start the people, dial, and come back as soon as both talk."""
    narrator.tell(f"the callee and {BYSTANDERS} bystanders come online")
    hears, speaks = folder / HEARD_BY_CALLEE, samples() / CALLEE_SAYS
    callee = parts.start("callee", *listen(home, "callee", speaks, hears), lasts=False)
    bystanders = [
        parts.start(name, *idle(home, name))
        for name in (f"bystander {number}" for number in range(1, BYSTANDERS + 1))
    ]
    for part in (callee, *bystanders):
        await part.until("in zone", within_s=ZONE_S)
    narrator.tell("all three are in the zone; the caller comes online")
    address = str((await callee.until("address", within_s=START_S))["address"])
    hears, speaks = folder / HEARD_BY_CALLER, samples() / CALLER_SAYS
    caller = parts.start("caller", *call(home, address, speaks, hears), lasts=False)
    await caller.until("dialing", within_s=START_S + ZONE_S)
    narrator.tell("the caller dials, and is heard from an epoch switch on")
    await caller.until("talking", within_s=ZONE_S + CALL_S)
    narrator.tell("they talk, both at once")
    return Pair(caller, callee)


def _show(summary: Told, as_json: bool) -> None:
    """The summary on stdout."""
    if as_json:
        sys.stdout.write(json.dumps(summary) + "\n")
        sys.stdout.flush()
        return
    console = Console(highlight=False)
    console.print(table(summary))
    setup = summary["setup_ms"]
    if setup is not None:
        console.print(f"from dialing to the first word heard: {setup / 1000:.1f} s")
    console.print(
        f"{summary['cells_per_second']} cells a second in all mixes, "
        f"{summary['zone']['mixes']} mixes, {summary['population']} clients online"
    )
    for path in summary["received"].values():
        console.print(f"listen: {path}", soft_wrap=True)
