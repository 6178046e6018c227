"""When a client hands its cells to the socket: idle and in a call, against the same schedule.

A zone of processes, the echo test as the peer, and in this process one client that speaks a
recording. It is idle and in a call by turns. For every round the instant is noted at which its
datagrams had been handed over, less the instant at which they were to be. The two-sample
Kolmogorov-Smirnov test then says how likely it is that both sets of offsets come from one law.

Must not know: what the offsets show.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import trio
from numpy.typing import NDArray

from pymix_voice.client.identity import Identity
from pymix_voice.client.states import State
from pymix_voice.edge.acquaintance import Acquaintance
from pymix_voice.edge.clock import Clock, system_dice
from pymix_voice.edge.ears import PacedEar
from pymix_voice.edge.mouths import RecordedMouth
from pymix_voice.edge.outfit import Outfit
from pymix_voice.edge.places import Place
from pymix_voice.edge.priority import ask_for_priority
from pymix_voice.edge.talk import Talk
from pymix_voice.edge.udp import Port
from pymix_voice.errors import CallError
from pymix_voice.lab.measure import percentiles
from pymix_voice.lab.processes import Parts, Told, parts_in
from pymix_voice.lab.zoning import START_S, ZONE_S, client, make_zone, samples, start_zone
from pymix_voice.onion.keys import KeyPair
from pymix_voice.voice.recordings import read_recording
from pymix_voice.zone.address import Address, parse_address
from pymix_voice.zone.drain import Burst
from pymix_voice.zone.zonefile import Zone

MIXES = 3
TURNS = 4
"""So many spells of idleness, and as many calls, by turns: what else the computer does at the
time then falls on both alike."""
SETTLE_S = 1.0
"""Not counted at the beginning of each spell."""
DIAL_S = 40.0
ALIKE = 0.01
"""Below this probability the two laws are told apart."""

Progress = Callable[[str, float], None]
"""Takes what goes on, and how much of all is done, 0 to 1."""


class WatchedPort(Port):
    """A port that notes when each burst had been handed to the system.

    Args:
        place: to bind to.
    """

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.handed_over: Callable[[float], None] = lambda now: None

    def send(self, burst: Burst, start: int = 0) -> int:
        """Send, and note when that was done."""
        sent = super().send(burst, start)
        self.handed_over(Clock.now())
        return sent


class Watcher:
    """Notes offsets while it is told to."""

    def __init__(self) -> None:
        self.offsets: dict[str, list[float]] = {"idle": [], "call": []}
        self._spell: str | None = None
        self._number = -1
        self._talk: Talk | None = None

    def watch(self, talk: Talk) -> None:
        """From now on note what this client sends."""
        self._talk = talk

    def handed_over(self, now: float) -> None:
        """Some datagrams had been sent by now."""
        if self._talk is None or self._talk.client.cells_sent == self._number:
            return  # of a round whose instant is noted already
        self._number = self._talk.client.cells_sent
        if self._spell is not None:
            self.offsets[self._spell].append(now - self._talk.client.planned_at)

    async def spell(self, name: str, seconds: float) -> None:
        """Note for so long."""
        await trio.sleep(SETTLE_S)
        self._spell = name
        await trio.sleep(seconds)
        self._spell = None


async def measure(seconds: float, progress: Progress) -> Told:
    """Measure in a zone of its own.

    Args:
        seconds: of idleness, and of calls; 50 rounds each.
        progress: is told how far it is.

    Returns:
        Figures for each of "idle" and "call" in milliseconds, the KS statistic and probability.

    Raises:
        CallError: if no call came to stand.
        PartError: if a part of the zone ended.
    """
    watcher = Watcher()
    with tempfile.TemporaryDirectory(prefix="pymix-voice-") as home:
        logs = Path(home) / "logs"
        logs.mkdir()
        async with parts_in(logs) as parts:
            progress("starting a gateway, three mixes and an echo", 0.0)
            zone = await make_zone(parts, Path(home) / "zone", MIXES)
            await start_zone(parts, zone, Path(home) / "zone")
            peer = await _start_echo(parts, Path(home))
            await _by_turns(zone, peer, watcher, seconds / TURNS, progress)
    return figures(watcher.offsets)


async def _start_echo(parts: Parts, home: Path) -> Address:
    words = [word for word in client("echo", home, "echo") if word != "--silent"]
    echo = parts.start("echo", *words)
    told = await echo.until("address", within_s=START_S)
    await echo.until("in zone", within_s=ZONE_S)
    return parse_address(str(told["address"]))


async def _by_turns(
    zone: Zone, peer: Address, watcher: Watcher, spell_s: float, progress: Progress
) -> None:
    made: list[WatchedPort] = []

    def make_port(place: Place) -> Port:
        made.append(WatchedPort(place))
        made[0].handed_over = watcher.handed_over
        return made[0]

    talk = _talk(zone, spell_s, make_port)
    watcher.watch(talk)
    ask_for_priority()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(talk.run)
        for turn in range(TURNS):
            await _until(talk, lambda: talk.client.in_zone, ZONE_S, "no circuits in the zone")
            progress(f"idle, {turn + 1} of {TURNS}", turn / TURNS)
            await watcher.spell("idle", spell_s)
            progress(f"dialing, {turn + 1} of {TURNS}", (turn + 0.4) / TURNS)
            talk.dial(peer)
            await _until(talk, lambda: talk.state == State.TALKING, DIAL_S, "no call came to stand")
            progress(f"in a call, {turn + 1} of {TURNS}", (turn + 0.6) / TURNS)
            await watcher.spell("call", spell_s)
            await talk.hang_up()
        nursery.cancel_scope.cancel()


def _talk(zone: Zone, spell_s: float, make_port: Callable[[Place], Port]) -> Talk:
    """The client that is watched: it never runs out of speech."""
    dice = system_dice()
    speech = np.concatenate([read_recording(path) for path in sorted(samples().glob("*.wav"))])
    repeats = int((spell_s + 2 * SETTLE_S) * 48_000 / len(speech)) + 1
    return Talk(
        zone,
        0,
        me=Identity(KeyPair.draw(dice), dice.bytes(16), zone.hash),
        known=Acquaintance(),
        strangers=True,
        outfit=Outfit(RecordedMouth(np.tile(speech, repeats)), PacedEar()),
        tell=lambda event, more: None,
        make_port=make_port,
    )


async def _until(talk: Talk, holds: Callable[[], bool], within_s: float, otherwise: str) -> None:
    with trio.move_on_after(within_s):
        await talk.until(holds)
        return
    raise CallError(f"{otherwise} within {within_s:.0f} s; is the computer very busy?")


# ── figures ──────────────────────────────────────────────────────────────────────────────────


def figures(offsets: dict[str, list[float]]) -> Told:
    """What the offsets were like, in milliseconds, and whether they can be told apart.

    Args:
        offsets: seconds, for "idle" and for "call".
    """
    from scipy.stats import ks_2samp

    told: Told = {}
    arrays: list[NDArray[np.float64]] = []
    for name, values in offsets.items():
        array = np.array(values)
        arrays.append(array)
        points = percentiles(array, 5, 50, 95, 99)
        told[name] = {"n": len(array)}
        for point, value in zip(("p5", "p50", "p95", "p99"), points, strict=True):
            told[name][point] = round(value * 1000, 3)
    test = ks_2samp(*arrays)
    told["ks"] = {"statistic": round(float(test.statistic), 4), "p": float(test.pvalue)}
    told["alike"] = bool(test.pvalue > ALIKE)
    return told
