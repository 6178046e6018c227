"""The latency benchmark: a plan of trials, run one after the other, and what stands beside them.

Must not know: how a trial is made, how figures are shown.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import trio

from pymix_voice.edge.running import first
from pymix_voice.errors import ConfigError, PymixError
from pymix_voice.geometry import ROUNDS_MS
from pymix_voice.lab.calls.figures import SetUp, run_of, set_ups
from pymix_voice.lab.calls.instants import spread
from pymix_voice.lab.calls.machine import facts, steadiness, today
from pymix_voice.lab.calls.trial import Said, Setting, Trial, try_calls
from pymix_voice.lab.peers.beside import SCHEMES, Scheme, one_of
from pymix_voice.lab.peers.direct import SCHEME as DIRECT
from pymix_voice.lab.peers.voices import Voice
from pymix_voice.lab.processes import Told
from pymix_voice.lab.zoning import CALLEE_SAYS, CALLER_SAYS
from pymix_voice.lab.zoning import samples as own_samples

MAIN: Final = Setting("3 mixes")
"""What stands beside the other schemes: a chain of three on this computer."""
SETUPS: Final = Setting("3 mixes, 6 calls", clients=12, pairs=6)
CHAINS = tuple(Setting(f"{mixes} mixes" if mixes > 1 else "1 mix", mixes) for mixes in (1, 2, 4, 5))
CROWDS = tuple(Setting(f"3 mixes, {count} clients", clients=count) for count in (20, 100, 250, 500))
ROUNDS = tuple(Setting(f"3 mixes, {ms} ms", round_ms=ms) for ms in ROUNDS_MS[1:])
NETWORKS = tuple(
    Setting(f"3 mixes, {name}", network=name)
    for name in ("lan", "region", "continent", "intercontinental", "mobile", "wifi", "reordering")
)
FULL = (MAIN, *CHAINS, MAIN, *CROWDS, SETUPS, *ROUNDS, *NETWORKS, MAIN)
"""The main setting is tried three times, spread over the run."""
TOUR = (MAIN,)
TOUR_SCHEMES = ("direct", "timers")
QUICK = (MAIN,)

PUBLISHED: Final[list[Told]] = [
    {
        "scheme": "Yodel",
        "ms": 990.0,
        "sentence": "100 servers, 5 million simulated users; other machines, another scale",
        "source": "Lazar, Gilad, Zeldovich: Yodel, SOSP 2019",
    },
    {
        "scheme": "Addra",
        "ms": 1206.0,
        "sentence": "726 ms (p99) and 480 ms of framing; 32,000 users, 80 machines, another scale",
        "source": "Ahmad and others: Addra, OSDI 2021",
    },
    {
        "scheme": "Donar",
        "ms": 360.0,
        "sentence": "99 % of packets in 86 % of calls, over the public Tor network, which does not "
        "withstand an observer of all links",
        "source": "Bromberg, Dufour, Frey, Rivière: Donar, NSDI 2022",
    },
]
"""What others report of their systems, from other machines and at other scales than ours."""


@dataclass
class Found:
    """All that was measured in one run."""

    quick: bool
    whole: bool = False
    before: Told = field(default_factory=dict)
    after: Told = field(default_factory=dict)
    trials: list[Trial] = field(default_factory=list)
    runs: dict[str, Told] = field(default_factory=dict)
    set_ups: list[SetUp] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    beside: list[Voice] = field(default_factory=list)


class Bench:
    """One run.

    Args:
        plan: what is tried, in this order.
        schemes: what else carries a voice, and is measured beside.
        said: what caller and callee speak.
        quick: whether that is little.
        tell: takes what is being done.

    Attributes:
        found: what was measured so far.
    """

    def __init__(
        self,
        plan: Sequence[Setting],
        schemes: Sequence[Scheme],
        said: Said,
        *,
        quick: bool,
        tell: Callable[[str], None],
    ) -> None:
        self._plan = plan
        self._schemes = schemes
        self._said = said
        self._tell = tell
        self.found = Found(quick=quick)

    @property
    def steps(self) -> int:
        """How many things are measured."""
        return len(self._plan) + len(self._schemes)

    async def run(self, advance: Callable[[], None] = lambda: None) -> None:
        """Measure all of it; what was measured stays in `found` if this is cut short.

        Args:
            advance: called after each step.
        """
        found = self.found
        found.before = found.after = steadiness()
        with TemporaryDirectory(prefix="pymix-bench-") as name:
            for number, step in enumerate(self._all_steps()):
                await step(_new(name, str(number)))
                found.after = steadiness()
                advance()
        found.whole = True

    def _all_steps(self) -> list[Callable[[Path], Awaitable[None]]]:
        calls = [self._try(setting) for setting in self._plan]
        return [*calls, *(self._beside(scheme) for scheme in self._schemes)]

    def _try(self, setting: Setting) -> Callable[[Path], Awaitable[None]]:
        async def step(folder: Path) -> None:
            self._tell(f"a call: {setting.name}")
            try:
                await self._take(await try_calls(folder, setting, self._said))
            except* (PymixError, OSError) as error:
                self.found.failed[setting.name] = str(first(error))

        return step

    async def _take(self, trial: Trial) -> None:
        """Add a trial to those of its setting; the recordings of earlier ones are still there."""
        found, setting = self.found, trial.setting
        found.trials.append(trial)
        same = [each for each in found.trials if each.setting == setting]
        found.runs[setting.name] = await trio.to_thread.run_sync(run_of, same)
        found.set_ups += set_ups(trial)

    def _beside(self, scheme: Scheme) -> Callable[[Path], Awaitable[None]]:
        async def step(folder: Path) -> None:
            self._tell(f"the same voice by another way: {scheme.name}")
            self.found.beside.append(await one_of(scheme, self._said, folder / "scheme"))

        return step


def _new(folder: str, name: str) -> Path:
    new = Path(folder, name)
    new.mkdir()
    return new


def recordings(folder: Path | None) -> Said:
    """What the two speak: the first two recordings of a folder, or the project's own.

    Raises:
        ConfigError: if there are not two.
    """
    if folder is None:
        return own_samples() / CALLER_SAYS, own_samples() / CALLEE_SAYS
    found = sorted(folder.glob("*.wav"))
    if len(found) < 2:
        raise ConfigError(
            f"{folder} has {len(found)} WAV files, but two are wanted: one for each side"
        )
    return found[0], found[1]


def plan_of(*, quick: bool, tour: bool = False) -> tuple[Sequence[Setting], Sequence[Scheme]]:
    """What a run measures, and what beside it."""
    if quick:
        return QUICK, [scheme for scheme in SCHEMES if scheme.name == DIRECT]
    if tour:
        return TOUR, [scheme for scheme in SCHEMES if scheme.name in TOUR_SCHEMES]
    return FULL, SCHEMES


def summary(found: Found) -> Told:
    """One object, as `lab.report` wants it."""
    runs = list(found.runs.values())
    main = found.runs.get(MAIN.name, runs[0] if runs else None)
    direct = next((each for each in found.beside if each.scheme == DIRECT), None)
    ours = spread([] if main is None else main["values_ms"])
    floor = None if direct is None else spread(direct.values_ms)
    return {
        "bench": "latency",
        "quick": found.quick,
        "whole": found.whole,
        "measured_at": today(),
        "machine": facts(),
        "noise": {
            "before_ms": found.before.get("p50_ms"),
            "after_ms": found.after.get("p50_ms"),
        },
        "mouth_to_ear_ms": ours,
        "direct_ms": floor,
        "added_ms": _added(ours, floor),
        "setups": _setups(found.set_ups),
        "failed": found.failed,
        "runs": runs,
        "beside": [_voice(each) for each in found.beside],
        "published": PUBLISHED,
    }


def _setups(found: Sequence[SetUp]) -> Told:
    """From dialing until it rings there, and to the first word: in seconds and in epochs."""
    rings = [(each.ringing, each.epoch_s) for each in found if each.ringing is not None]
    words = [(each.speech, each.epoch_s) for each in found if each.speech is not None]
    return {
        "seconds": spread([took for took, _ in words]),
        "epochs": spread([took / epoch for took, epoch in words]),
        "ringing_seconds": spread([took for took, _ in rings]),
        "ringing_epochs": spread([took / epoch for took, epoch in rings]),
    }


def _added(
    ours: dict[str, float | None], floor: dict[str, float | None] | None
) -> dict[str, float | None] | None:
    """What the chain adds: differences of percentiles."""
    if floor is None:
        return None
    pairs = {name: (ours[name], floor[name]) for name in ("p50", "p95")}
    shown = {
        name: None if mine is None or theirs is None else round(mine - theirs, 2)
        for name, (mine, theirs) in pairs.items()
    }
    return {**shown, "n": ours["n"]}


def _voice(voice: Voice) -> Told:
    return {
        "scheme": voice.scheme,
        "sentence": voice.sentence,
        "mouth_to_ear_ms": None if voice.missing else spread(voice.values_ms),
        "values_ms": voice.values_ms,
        "missing": voice.missing,
    }
