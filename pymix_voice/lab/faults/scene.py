"""The scene of faults: a zone of processes, a call that is looked at, and one of bystanders.

    measured caller, callee   --+
                                |-- gateway -- mix 1 -- mix 2 -- mix 3
    bystanders, also talking  --+

Must not know: which faults there are.
"""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import trio

from pymix_voice.edge.clock import Clock, system_dice
from pymix_voice.edge.places import Place
from pymix_voice.errors import Misuse
from pymix_voice.lab.faults.people import Pair, endless
from pymix_voice.lab.processes import Part, Parts
from pymix_voice.lab.zoning import START_S, make_zone, samples, serve, wav_files
from pymix_voice.onion.dice import Dice
from pymix_voice.voice.recordings import read_recording
from pymix_voice.zone.zonefile import GatewayEntry, MixEntry, Zone

MIXES = 3
TELL_S = 0.5
GATEWAY = "gateway"
CALLER = "caller"
HOST = "127.0.0.1"
VOICES = ((0, 1), (2, 3))
"""Which recording each side begins with: caller and callee, then the bystanders."""


class Scene:
    """All that runs.

    Args:
        parts: where it is started.
        folder: new; zone, profiles and recordings.
        zone: its file, read; there already.
        dice: of what is random in faults.

    Attributes:
        servers: gateway and mixes that run now, by name.
        pairs: the measured call, then the bystanders'.
        told: all gateways and mixes that ever ran.
    """

    def __init__(self, parts: Parts, folder: Path, zone: Zone, dice: Dice) -> None:
        self.parts = parts
        self.folder = folder
        self.zone = zone
        self.dice = dice
        self.servers: dict[str, Part] = {}
        self.pairs: list[Pair] = []
        self.told: list[Part] = []
        self._starts = 0

    @property
    def measured(self) -> Pair:
        """The call that is looked at."""
        return self.pairs[0]

    @property
    def bystander(self) -> Pair:
        """The other one."""
        return self.pairs[1]

    @property
    def zone_file(self) -> Path:
        """Where it is."""
        return self.folder / "zone" / "zone.toml"

    def part(self, name: str) -> Part:
        """A part that runs, or the measured caller."""
        return self.measured.caller if name == CALLER else self.servers[name]

    def entry(self, name: str) -> GatewayEntry | MixEntry:
        """What the zone file says of a gateway or mix."""
        if name == GATEWAY:
            return self.zone.gateways[0]
        return self.zone.mixes[int(name.split()[1]) - 1]

    def place(self, name: str) -> Place:
        """Where a mix or gateway listens."""
        return HOST, self.entry(name).port

    async def start(self, name: str, before: Sequence[str] = (), more: Sequence[str] = ()) -> None:
        """Start a mix or gateway, and come back when it is up.

        Args:
            name: which.
            before: what is wrong with its computer, see `faults.part`.
            more: words of its command line.
        """
        role = name.split()[0]
        self._starts += 1
        words = serve(role, self.folder / "zone", self.entry(name).port, *more)
        telling = ("--tell-every", str(TELL_S))
        part = self.parts.start(f"{name} {self._starts}", *before, *words, *telling)
        part.no_longer_needed()  # whether it ends by itself is seen afterwards
        self.servers[name] = part
        self.told.append(part)
        await part.until("note", within_s=START_S, where=lambda told: "is up" in told["text"])

    def kill(self, name: str) -> None:
        """End a part at once, without a word."""
        self.part(name).signal(signal.SIGKILL)

    async def restart(
        self, name: str, before: Sequence[str] = (), more: Sequence[str] = ()
    ) -> None:
        """Kill a mix or gateway, and start it again at once."""
        part = self.part(name)
        self.kill(name)
        await part.gone()
        await self.start(name, before, more)

    async def throw(self, program: str, *words: str, seconds: float) -> dict[str, float]:
        """Let a program of the lab throw something, and come back when it has; what it tells.

        Args:
            program: module below `lab.faults`.
            words: what follows the zone file.
            seconds: how long it takes at the most.
        """
        command = (sys.executable, "-m", f"pymix_voice.lab.faults.{program}")
        self._starts += 1
        name = f"{program} {self._starts}"
        part = self.parts.start(name, str(self.zone_file), *words, command=command, lasts=False)
        told = await part.until("thrown", within_s=START_S + seconds)
        await part.finished(within_s=START_S)
        return told


async def set_up(parts: Parts, folder: Path, seconds: float) -> Scene:
    """Start a zone, and let both pairs talk.

    Args:
        parts: where it is started.
        folder: new.
        seconds: how long all of it may take: nobody stops talking before.
    """
    zone = await make_zone(parts, folder / "zone", MIXES)
    scene = Scene(parts, folder, zone, system_dice())
    for name in (GATEWAY, *(f"mix {number}" for number in range(1, MIXES + 1))):
        await scene.start(name)
    voices = [read_recording(path) for path in wav_files(samples())]
    if len(voices) < 2 * len(VOICES):
        raise Misuse("four voices are wanted, so that nobody is taken for another")
    for name, places in zip(("measured", "bystanding"), VOICES, strict=True):
        said = [
            endless(voices[place:] + voices[:place], seconds, folder / f"{name}-{place}.wav")
            for place in places
        ]
        scene.pairs.append(Pair(parts, folder, name, (said[0], said[1])))
    for pair in scene.pairs:
        await pair.come_online()
    async with trio.open_nursery() as nursery:
        for pair in scene.pairs:
            nursery.start_soon(pair.dial)
    return scene


def now() -> float:
    """Seconds, as programs tell them."""
    return Clock.now()
