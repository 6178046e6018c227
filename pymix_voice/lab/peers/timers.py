"""A chain as one would time it first: every hop has a timer of 20 ms of its own.

    python -m pymix_voice.lab.peers.timers ZONE_FOLDER PORT

The mixes are the product's, served by the product, but for one thing: a round that is complete
does not leave at once, it waits for the next tick of this hop's own timer. Where in the 20 ms a
timer ticks is drawn at the start, for each direction by itself. So each pass through a timer costs
up to 20 ms, 10 on average; a chain of three has four of them, since the first mix's way out is the
round clock itself, and the last one turns rounds round.

The phases stay as long as a mix runs, so one run shows one draw of that; what rounds really waited
is told along with it.

Must not know: how a mix works otherwise.
"""

import sys
import tempfile
from functools import partial
from pathlib import Path

from pymix_voice.edge.clock import Clock
from pymix_voice.edge.files import SignedFile, read_key, read_zone
from pymix_voice.edge.priority import ask_for_priority
from pymix_voice.edge.report import Report
from pymix_voice.edge.running import run
from pymix_voice.edge.serve import serve_mix
from pymix_voice.geometry import FRAME_S, Geometry
from pymix_voice.lab.outcome import Way
from pymix_voice.lab.peers.voices import Said, Voice, Ways, voice_of
from pymix_voice.lab.processes import Part, Parts, parts_in
from pymix_voice.lab.zoning import START_S, ZONE_S, call, idle, listen, make_zone, serve
from pymix_voice.mix.first import FirstMix
from pymix_voice.mix.machine import Mix
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.rounds import PatientInlet

SCHEME = "timers"
SENTENCE = "a chain of 3 of our mixes, but each with a timer of 20 ms of its own"
MIXES = 3
TELL_S = 1.0
"""Between a mix's figures."""
CALL_S = 30.0
"""From dialing to talking: at most three epochs."""
TALK_S = 40.0
_FINE = 1_000_000


class TimedInlet(PatientInlet):
    """Rounds are to be taken at ticks of a timer only.

    Args:
        geometry: of the zone.
        dice: for filler, and where the timer ticks.
    """

    def __init__(self, geometry: Geometry, dice: Dice) -> None:
        super().__init__(geometry, dice)
        self.timer_s = dice.below(_FINE) / _FINE * FRAME_S
        self.waited_s = 0.0
        self.waited = 0

    def tick_after(self, instant: float) -> float:
        """The timer's first tick at or after an instant."""
        if instant == float("inf"):
            return instant
        return self.timer_s - (self.timer_s - instant) // FRAME_S * FRAME_S

    def _due_at(self, number: int) -> float:
        return self.tick_after(super()._due_at(number))

    def due(self, now: float) -> list[int]:
        """As `PatientInlet.due`; sums up how long complete rounds waited."""
        numbers = super().due(now)
        for number in numbers:
            pending = self._pending.get(number)
            if pending is not None and not pending.missing:
                self.waited_s += now - pending.last_at
                self.waited += 1
        return numbers


class Timed(Mix):
    """What a mix with timers has in place of patient inlets. Arguments as of `Mix`."""

    def _make_inlet(self) -> PatientInlet:
        return TimedInlet(self._geometry, self._filler)

    def figures(self) -> dict[str, int | float]:
        """As `Mix.figures`, and what a round waited for timers here, both ways, in microseconds."""
        inlets = (*self._upstream.values(), self._downstream)
        timed = [each for each in inlets if isinstance(each, TimedInlet) and each.waited]
        waited_s = sum(each.waited_s / each.waited for each in timed)
        return {**super().figures(), "waited_us": round(waited_s * 1e6)}


class TimedFirstMix(Timed, FirstMix):
    """The first mix: its way out is the round clock, only its way back has a timer."""


def timed_at(hop: int) -> type[Mix]:
    """The kind of mix that stands at a place of this chain."""
    return TimedFirstMix if hop == 0 else Timed


async def measure(said: Said, folder: Path) -> Voice:
    """A zone of such mixes, with the product's gateway and clients, and a call through it.

    Args:
        said: what the caller and the callee speak.
        folder: existing, for recordings and logs.

    Raises:
        PeerError: if a voice did not come through.
        ExceptionGroup: of `PartError`, if a part fails.
    """
    with tempfile.TemporaryDirectory(prefix="pymix-timers-") as home:
        async with parts_in(folder) as parts:
            mixes = await _start(parts, Path(home))
            ways = await _call(parts, Path(home), said, folder)
            waited = [mix.all_told("figures")[-1]["waited_us"] for mix in mixes]
    drawn = f"{SENTENCE}; its draw cost {sum(waited) / 1000:.0f} ms, 40 are to be expected"
    return voice_of(SCHEME, drawn, ways)


async def _start(parts: Parts, home: Path) -> list[Part]:
    """The zone at work; its mixes."""
    zone = await make_zone(parts, home / "zone", MIXES)
    gateway = parts.start("gateway", *serve("gateway", home / "zone", zone.gateways[0].port))
    program = (sys.executable, "-m", "pymix_voice.lab.peers.timers")
    mixes = [
        parts.start(f"mix {number}", str(home / "zone"), str(entry.port), command=program)
        for number, entry in enumerate(zone.mixes, 1)
    ]
    for part in (*mixes, gateway):
        await part.until("note", within_s=START_S)
    return mixes


async def _call(parts: Parts, home: Path, said: Said, folder: Path) -> Ways:
    """Both speak at once, as in the demo."""
    by_caller, by_callee = folder / "heard-by-caller.wav", folder / "heard-by-callee.wav"
    callee = parts.start("callee", *listen(home, "callee", said[1], by_callee), lasts=False)
    others = [parts.start(f"bystander {n}", *idle(home, f"bystander {n}")) for n in (1, 2)]
    for part in (callee, *others):
        await part.until("in zone", within_s=ZONE_S)
    address = str((await callee.until("address", within_s=START_S))["address"])
    caller = parts.start("caller", *call(home, address, said[0], by_caller), lasts=False)
    within_s = START_S + ZONE_S + CALL_S + TALK_S
    spoke = await caller.until("summary", within_s=within_s)
    answered = await callee.until("summary", within_s=TALK_S)
    return (
        Way("caller_to_callee", spoke, answered, said[0], by_callee),
        Way("callee_to_caller", answered, spoke, said[1], by_caller),
    )


def main(folder: str, port: str) -> None:
    """Run the mix of a zone that has this port, until a signal."""
    zone = read_zone(Path(folder) / "zone.toml")
    hop = [entry.port for entry in zone.mixes].index(int(port))
    name = zone.mixes[hop].name
    key = Path(folder) / "keys" / f"{name}.key"
    report = Report(name, as_json=True, every_s=TELL_S)
    ask_for_priority()
    keys = read_key(key)
    run(partial(serve_mix, zone, hop, keys, SignedFile(key), Clock(), report, kind=timed_at))


if __name__ == "__main__":
    main(*sys.argv[1:])
