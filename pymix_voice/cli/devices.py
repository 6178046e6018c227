"""The command that lists sound devices, and tries them.

Must not know: calls, zones.
"""

import time
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from pymix_voice.cli.finding import JsonOption
from pymix_voice.edge.cards import BLOCK, Loudspeaker, Microphone
from pymix_voice.edge.devices import Device, Side, choose, devices, leave_behind
from pymix_voice.edge.report import write_line
from pymix_voice.voice.level import SILENCE_DB, Level, decibels
from pymix_voice.voice.tones import Tone, piece

TEST_S = 4.0
QUIET_DB = -60.0
"""A microphone below this all the time hears nobody."""


def list_devices(
    *,
    test: Annotated[bool, Parameter(negative="")] = False,
    input_device: str | None = None,
    output_device: str | None = None,
    json: JsonOption = False,
) -> int:
    """List sound devices, the default ones marked.

    With --test a tone is played for four seconds, and you see how loud the microphone hears you.

    Args:
        test: try a microphone and a loudspeaker.
        input_device: which microphone to try: number or part of the name.
        output_device: which loudspeaker to try.
    """
    found = devices()
    if json:
        for device in found:
            write_line({"event": "device", **device._asdict()})
    else:
        _show(found)
    if not test:
        return 0
    microphone = choose(found, Side.INPUT, input_device)
    loudspeaker = choose(found, Side.OUTPUT, output_device)
    loudest = _try(Microphone(microphone), Loudspeaker(loudspeaker), quiet=json)
    if json:
        write_line({"event": "test", "loudest_db": round(loudest, 1)})
    elif loudest < QUIET_DB:
        print(
            f"'{microphone.name}' heard next to nothing ({loudest:.0f} dB); "
            "is it muted, or is another one meant?"
        )
    else:
        print(f"'{microphone.name}' works: {loudest:.0f} dB at the loudest")
    return 0


def _show(found: list[Device]) -> None:
    if not found:
        print("no sound devices were found; plug one in, or is the sound system not running?")
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("no.", "name", "system", "microphone", "loudspeaker"):
        table.add_column(column)
    for device in found:
        marks = ["default" if device.is_default(side) else "yes" for side in Side]
        sides = [
            mark if device.serves(side) else "" for side, mark in zip(Side, marks, strict=True)
        ]
        table.add_row(str(device.number), device.name, device.host, *sides)
    Console(highlight=False).print(table)


def _try(microphone: Microphone, loudspeaker: Loudspeaker, *, quiet: bool) -> float:
    """Play and listen for a while; the loudest level heard, in dB below full scale."""
    level, loudest, played = Level(), SILENCE_DB, 0
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[shown]}")
    console = Console(stderr=True)
    quiet |= not console.is_terminal
    with Progress(*columns, console=console, disable=quiet, transient=True) as bars:
        bar = bars.add_task("speak now", total=-QUIET_DB, shown="")
        microphone.start()
        loudspeaker.start()
        end = time.monotonic() + TEST_S
        while (now := time.monotonic()) < end:
            while loudspeaker.runs(now) and loudspeaker.deadline() <= now:
                loudspeaker.write(piece(Tone.TEST, played, BLOCK))
                played += BLOCK
            heard: NDArray[np.int16] = microphone.take()[0]
            level.take(heard)
            loudest = max(loudest, decibels(heard))
            if len(heard):
                shown = level.look()
                bars.update(bar, completed=max(0.0, shown - QUIET_DB), shown=f"{shown:.0f} dB")
            time.sleep(BLOCK / 48_000)
        cards = (microphone, loudspeaker)
        left = [card.stream for card in cards if card.lost(now)]
        if left:
            leave_behind(left)
        else:
            for card in cards:
                card.close()
    return loudest
