"""The benchmark of faults: inflict one after the other, and see what both calls are like.

What was heard is looked at when all is over, or a person stops it: only at the end of a call its
clients tell at which instants their recordings begin.

Must not know: what a fault does, how figures are shown.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import trio

from pymix_voice.edge.running import first
from pymix_voice.errors import PymixError
from pymix_voice.lab.calls.machine import facts, steadiness, today
from pymix_voice.lab.faults.inflicting import Fault, Inflicted, path_of
from pymix_voice.lab.faults.people import Pair
from pymix_voice.lab.faults.rows import Draft, row
from pymix_voice.lab.faults.scene import Scene, now, set_up
from pymix_voice.lab.faults.watching import Look, leaks, look, sentences, words_of
from pymix_voice.lab.processes import Told, parts_in

PART = (sys.executable, "-m", "pymix_voice.lab.faults.part")
SETTLE_S = 2.5
"""After a fault is listened for so long at the least."""
HEARD_S = 1.5
"""Who was heard for so long is heard again."""
RECOVERY_S = 40.0
"""A call that is not heard again in so long has not survived."""
UNHEALED_S = 6.0
"""So long is listened where nobody expects a call to be well."""
LOOK_S = 0.1
SPEECH_S = 60.0
A_FAULT_S = 40.0
MOST_SPEECH_S = 1_800.0
"""What clients hold in memory, and so much of it at most."""
LEAVE_S = 20.0


@dataclass
class Found:
    """All that was found in one run."""

    quick: bool
    whole: bool = False
    before: Told = field(default_factory=dict)
    after: Told = field(default_factory=dict)
    rows: list[Told] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    leaks: list[str] = field(default_factory=list)


class Bench:
    """One run.

    Args:
        plan: what is inflicted, in this order.
        quick: whether that is little.
        tell: takes what is being done.

    Attributes:
        found: what was found; its rows are there when the run ends.
    """

    def __init__(self, plan: Sequence[Fault], *, quick: bool, tell: Callable[[str], None]) -> None:
        self._plan = plan
        self._tell = tell
        self._drafts: list[Draft] = []
        self.found = Found(quick=quick)

    @property
    def steps(self) -> int:
        """How many things are done: the beginning, each fault, and listening to it."""
        return 1 + 2 * len(self._plan)

    async def run(self, advance: Callable[[], None] = lambda: None) -> None:
        """Inflict all of it; what was heard until then is told if this is cut short.

        Args:
            advance: called after each step.
        """
        self.found.before = self.found.after = steadiness()
        with TemporaryDirectory(prefix="pymix-bench-") as name:
            try:
                await self._run(Path(name), advance)
            finally:
                # Not in a thread: a second Ctrl-C is to end this as well.
                self._listen(advance)
        self.found.after = steadiness()

    async def _run(self, folder: Path, advance: Callable[[], None]) -> None:
        logs = folder / "logs"
        logs.mkdir()
        speech_s = min(MOST_SPEECH_S, SPEECH_S + A_FAULT_S * len(self._plan))
        async with parts_in(logs, PART) as parts:
            self._tell("a zone of three mixes, and two calls in it")
            scene = await set_up(parts, folder, speech_s)
            advance()
            try:
                for fault in self._plan:
                    self._tell(f"{fault.name}: {fault.part}")
                    try:
                        await self._try(scene, fault)
                    except* (PymixError, OSError) as error:
                        self.found.failed[path_of(fault)] = str(first(error))
                    advance()
                self.found.whole = True
            finally:
                self._search(scene)
                with trio.CancelScope(shield=True, deadline=trio.current_time() + LEAVE_S):
                    for pair in scene.pairs:
                        await self._end(scene, pair, leave=True)

    # ── one fault ────────────────────────────────────────────────────────────────────────

    async def _try(self, scene: Scene, fault: Fault) -> None:
        await self._make_ready(scene, fault)
        names, before = list(scene.servers), _looks(scene)
        done = await fault.inflict(scene)
        await self._settle(scene, fault, done)
        await trio.sleep(HEARD_S)
        until = now()
        after = _looks(scene)
        draft = Draft(fault, done, until, {name: (before[name], after[name]) for name in names})
        draft.failed += [
            f"{name} ended by itself" for name in names if not scene.servers[name].running
        ]
        draft.failed += [
            f"a call ended: {reason}"
            for pair in scene.pairs
            for reason in pair.endings(done.begin)
            if not fault.fresh or pair is scene.bystander
        ]
        self._drafts.append(draft)
        if fault.restore is not None:
            if fault.fresh:
                await self._end(scene, scene.measured)
            draft.failed += await fault.restore(scene)

    async def _make_ready(self, scene: Scene, fault: Fault) -> None:
        """All parts are there, and both calls are well."""
        for name, part in scene.servers.items():
            if not part.running:
                await scene.start(name)
        if fault.fresh:
            await self._end(scene, scene.measured)
        with trio.move_on_after(RECOVERY_S):
            await self._heard(scene)
            return
        for pair in scene.pairs:
            if not pair.is_heard():
                await self._end(scene, pair)
        await self._heard(scene)

    async def _settle(self, scene: Scene, fault: Fault, done: Inflicted) -> None:
        await trio.sleep(max(0.0, done.end + SETTLE_S - now()))
        with trio.move_on_after(RECOVERY_S if fault.heals else UNHEALED_S):
            await self._heard(scene)

    async def _heard(self, scene: Scene) -> None:
        """Wait until all have been heard for a while; those that do not talk dial."""
        since = now()
        while now() - since < HEARD_S:
            for pair in scene.pairs:
                if pair.is_over:
                    await self._end(scene, pair)
                if not pair.talks:
                    await pair.dial()
                if not pair.is_heard():
                    since = now()
            await trio.sleep(LOOK_S)

    async def _end(self, scene: Scene, pair: Pair, *, leave: bool = False) -> None:
        """End a call: now it can be listened to what was wrong meanwhile."""
        if not pair.talks:
            return
        ways = await pair.hang_up(leave=leave)
        for draft in self._drafts:
            if pair is scene.measured and draft.measured is None:
                draft.measured = ways[:1] if draft.fault.deaf else ways
            if pair is scene.bystander and draft.bystander is None:
                draft.bystander = ways

    # ── afterwards ───────────────────────────────────────────────────────────────────────

    def _search(self, scene: Scene) -> None:
        """Look for what must not be in any log of a gateway or mix."""
        secrets = words_of(scene.folder / "zone" / "keys")
        for pair in scene.pairs:
            for part in pair.sides:
                for told in part.all_told("address"):
                    secrets[f"the address of {part.name}"] = str(told["address"])
        for part in scene.told:
            for what in leaks(sentences(part), secrets):
                self.found.leaks.append(f"{part.name} logged {what}")

    def _listen(self, advance: Callable[[], None]) -> None:
        for draft in self._drafts:
            self._tell(f"listening: {draft.fault.name}: {draft.fault.part}")
            self.found.rows.append(row(draft))
            advance()


def _looks(scene: Scene) -> dict[str, Look]:
    return {name: look(part) for name, part in scene.servers.items()}


def summary(found: Found) -> Told:
    """One object."""
    return {
        "bench": "faults",
        "quick": found.quick,
        "whole": found.whole,
        "measured_at": today(),
        "machine": facts(),
        "noise": {
            "before_ms": found.before.get("p50_ms"),
            "after_ms": found.after.get("p50_ms"),
        },
        "leaks": found.leaks,
        "failed": found.failed,
        "rows": found.rows,
    }


def all_well(told: Told) -> bool:
    """Whether every fault went as it should."""
    return all(each["ok"] for each in told["rows"]) and not told["leaks"] and not told["failed"]
