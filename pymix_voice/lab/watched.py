"""A client that is watched: it notes when each of its cells is handed to the socket.

    python -m pymix_voice.lab.watched ZONE-FILE ADDRESS PLACE

A program of its own, told what to do by lines on standard input, and telling what comes of it as
JSON lines: `call` dials the address, `hangup` ends that, `watch NAME SECONDS` tells all offsets of
that time. It speaks a recording without end. Since a client seldom shares its computer with a whole
zone, it keeps to one processor, by its place among those watched, and goes before all others there.

Must not know: what the offsets show.
"""

import contextlib
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import trio

from pymix_voice.client.identity import Identity
from pymix_voice.client.states import State
from pymix_voice.edge.acquaintance import Acquaintance
from pymix_voice.edge.clock import Clock, system_dice
from pymix_voice.edge.ears import PacedEar
from pymix_voice.edge.files import read_zone
from pymix_voice.edge.mouths import RecordedMouth
from pymix_voice.edge.outfit import Outfit
from pymix_voice.edge.places import Place
from pymix_voice.edge.report import write_line
from pymix_voice.edge.running import run
from pymix_voice.edge.talk import Talk
from pymix_voice.edge.udp import Port
from pymix_voice.lab.zoning import samples
from pymix_voice.onion.keys import KeyPair
from pymix_voice.voice.recordings import read_recording
from pymix_voice.zone.address import Address, parse_address
from pymix_voice.zone.zonefile import Zone

SPEECH_S = 600
"""Longer than any call is watched."""


class WatchedPort(Port):
    """A port that notes how long after its instant each burst is handed to the system.

    Args:
        place: to bind to.
        note: takes the instant that it was to be, and the instant it was.
    """

    def __init__(self, place: Place, note: Callable[[float, float], None]) -> None:
        super().__init__(place)
        self._note = note

    def hold(self, at: float) -> float:
        """Wait for the instant, and note when it was over."""
        now = super().hold(at)
        self._note(at, now)
        return now


class Watched:
    """One client, and when it sends.

    Args:
        zone: where.
        peer: whom it calls.
    """

    def __init__(self, zone: Zone, peer: Address) -> None:
        dice = system_dice()
        self._peer = peer
        self._noting = False
        self._last = 0.0
        self._offsets: list[float] = []
        self.talk = Talk(
            zone,
            0,
            me=Identity(KeyPair.draw(dice), dice.bytes(16), zone.hash),
            known=Acquaintance(),
            strangers=True,
            outfit=Outfit(RecordedMouth(_speech()), PacedEar(), zone.geometry.frames),
            tell=lambda event, more: None,
            make_port=partial(WatchedPort, note=self._note),
        )

    def _note(self, at: float, now: float) -> None:
        """Of the bursts of one round only the first counts, and only those that have an instant."""
        if self._noting and at and at != self._last:
            self._offsets.append(now - at)
        self._last = at

    async def obey(self, line: str) -> None:
        """Do what a line says, and tell when it is done."""
        word, *rest = line.split()
        match word:
            case "call":
                await self.talk.until(lambda: self.talk.client.in_zone)
                self.talk.dial(self._peer)
                await self.talk.until(lambda: self.talk.state == State.TALKING)
                write_line({"event": "talking", "t": Clock.now()})
            case "hangup":
                await self.talk.hang_up()
                write_line({"event": "idle", "t": Clock.now()})
            case "watch":
                self._offsets, self._noting = [], True
                await trio.sleep(float(rest[1]))
                self._noting = False
                offsets = {"name": rest[0], "offsets": self._offsets}
                write_line({"event": "watched", "t": Clock.now(), **offsets})

    async def run(self) -> None:
        """Be online, and obey, until there are no more lines."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.talk.run)
            await self.talk.until(lambda: self.talk.client.in_zone)
            write_line({"event": "in zone", "t": Clock.now()})
            while line := await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
                await self.obey(line)
            nursery.cancel_scope.cancel()


def _speech() -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    said = np.concatenate([read_recording(path) for path in sorted(samples().glob("*.wav"))])
    return np.resize(said, SPEECH_S * 48_000)


def _be_undisturbed(place: int) -> None:
    """Where the system allows it."""
    if not hasattr(os, "sched_setaffinity"):
        return
    processors = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {processors[place % len(processors)]})
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(2))


def main() -> None:
    """Run the program."""
    zone, peer = read_zone(Path(sys.argv[1])), parse_address(sys.argv[2])
    _be_undisturbed(int(sys.argv[3]))
    run(Watched(zone, peer).run)


if __name__ == "__main__":
    main()
