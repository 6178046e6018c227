"""`pymix-voice bench throughput`: how much a mix, a gateway and a zone carry, beside their peers.

    peers     the machine's limit in C, a straightforward version in trio, Sphinx, Tor
    mix       a middle mix on a processor of its own; its neighbours on another
    gateway   the same, with light clients
    zone      all of it on all processors

Quick: the least that is wanted is tried once, and the most is reckoned from the processor's time.
In full: the most that goes without loss is found by bisection, and cost and memory are shown from
100 circuits to 20,000. The peers are measured three times, minutes apart, and the fastest counts: a
machine that others share is slower at times, and a peer should not look worse for that.

Must not know: how anything is shown.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import trio

from pymix_voice.lab.peers import limit, naive_run, sphinx, tor, tor_network
from pymix_voice.lab.peers.measured import PeerError
from pymix_voice.lab.processes import PartError
from pymix_voice.lab.throughput.figures import (
    AEGIS_LINKS,
    CHACHA_LINKS,
    PUNCTUAL_SHARES,
    Found,
    is_served,
    part_load,
)
from pymix_voice.lab.throughput.idle import idle_timer
from pymix_voice.lab.throughput.mixes import MixTrial, try_mix
from pymix_voice.lab.throughput.search import largest
from pymix_voice.lab.throughput.steps import steps
from pymix_voice.lab.throughput.trials import processors
from pymix_voice.lab.throughput.zones import MIXES, ZoneTrial, try_gateway, try_zone
from pymix_voice.onion.sodium import AEGIS, CHACHA

LEAST_MIX = 8_000
LEAST_GATEWAY = 1_500
LEAST_ZONE = 600
MORE_ZONE = 1_000
MOST_MIX = 20_000
MOST_GATEWAY = 4_000
GROWTH = (100, 300, 1_000, 3_000, 10_000, 20_000)
STEP_ROWS = 4_000
NAIVE_ROWS = 100
PEER_S = 1.0
TOR_S = 5.0
IDLE_TICKS = 100
WATCH_S = 8.0
QUICK_WATCH_S = 6.0
ZONE_S = 60.0

Tell = Callable[[str], None]


class Bench:
    """One run.

    Args:
        quick: an answer in under 90 seconds.
        tell: takes what is being done.

    Attributes:
        found: what was measured so far.
    """

    def __init__(self, *, quick: bool, tell: Tell) -> None:
        self._quick = quick
        self._tell = tell
        self._peer_s = PEER_S / 2 if quick else PEER_S
        self._cpus = processors()
        self._folders = 0
        self._folder = Path()
        self._limit: Path | None = None
        self.found = Found(quick=quick)

    async def run(self) -> None:
        """Measure all of it; what was measured stays in `found` if this is cut short."""
        with TemporaryDirectory(prefix="pymix-bench-") as name:
            self._folder = Path(name)
            self._tell("how late an idle timer is here")
            self.found.idle = await idle_timer(IDLE_TICKS)
            await self._measure_peers()
            await (self._floors() if self._quick else self._all())
        self.found.whole = True

    def _new(self) -> Path:
        """A folder for a trial."""
        self._folders += 1
        folder = self._folder / str(self._folders)
        folder.mkdir()
        return folder

    # ── peers ────────────────────────────────────────────────────────────────────────────

    async def _measure_peers(self) -> None:
        """Measure them, and our steps; of several times in a run the fastest counts."""
        peer_s, cpu, keep = self._peer_s, self._cpus.measured, self.found.peers.keep
        self._tell("the machine's limit: the same in C")
        program = self._limit = self._limit or await limit.build(self._folder)
        if program is not None:
            rows = LEAST_MIX * 11 // 10
            wanted: list[tuple[str, limit.Mode, limit.Cipher, int]] = [
                ("c_mix", "mix", CHACHA_LINKS, rows),
                ("c_mix_aegis", "mix", AEGIS_LINKS, rows),
                ("c_gateway", "gateway", AEGIS_LINKS, LEAST_GATEWAY),
            ]
            for name, mode, links, count in wanted:
                keep(name, await limit.measure(program, mode, links, count, peer_s, cpu))
        self._tell("a straightforward version: one await and one AEAD call a cell")
        keep("naive_mix", await naive_run.measure("mix", NAIVE_ROWS, peer_s, cpu))
        keep("naive_gateway", await naive_run.measure("gateway", NAIVE_ROWS, peer_s, cpu))
        self._tell("where a mix's time goes")
        for links, cipher in ((CHACHA_LINKS, CHACHA), (AEGIS_LINKS, AEGIS)):
            self.found.keep_steps(links, await trio.to_thread.run_sync(steps, STEP_ROWS, cipher))
        if sphinx.available():
            self._tell("a hop of Sphinx")
            keep("sphinx", await sphinx.measure_apart(peer_s))

    async def _tor(self) -> None:
        if tor_network.available():
            self._tell("a private Tor network")
            with suppress(PeerError):  # then it is told as missing
                self.found.peers.tor = await tor.measure(TOR_S)

    # ── quick ────────────────────────────────────────────────────────────────────────────

    async def _floors(self) -> None:
        await self._mix(LEAST_MIX, aegis=False)
        await self._gateway(LEAST_GATEWAY)
        await self._zone(LEAST_ZONE, QUICK_WATCH_S)

    # ── in full ──────────────────────────────────────────────────────────────────────────

    async def _all(self) -> None:
        await self._tor()
        await self._largest_mix(aegis=False)
        await self._largest_gateway()
        await self._measure_peers()
        for clients in (LEAST_ZONE, MORE_ZONE):
            await self._zone(clients, ZONE_S)
        await self._largest_mix(aegis=True)
        for clients in GROWTH:
            await self._mix(clients, aegis=True)
        await self._measure_peers()

    async def _largest_mix(self, *, aegis: bool) -> None:
        """The most circuits; then half and four fifths of them, for punctuality."""

        def attempt(clients: int) -> Awaitable[MixTrial]:
            return self._mix(clients, aegis=aegis)

        best = await largest(attempt, is_good_mix, LEAST_MIX, MOST_MIX)
        if best is not None:
            for share in PUNCTUAL_SHARES:
                await self._mix(part_load(best.clients, share), aegis=aegis)

    async def _largest_gateway(self) -> None:
        """The most clients; then half and four fifths of them."""
        best = await largest(self._gateway, is_served, LEAST_GATEWAY, MOST_GATEWAY)
        if best is not None:
            for share in PUNCTUAL_SHARES:
                await self._gateway(part_load(best.clients, share))

    # ── trials ───────────────────────────────────────────────────────────────────────────

    async def _mix(self, clients: int, *, aegis: bool) -> MixTrial:
        cipher = "AEGIS-128L" if aegis else "ChaCha20-Poly1305"
        self._tell(f"a middle mix with {clients:,} clients' circuits, links by {cipher}")
        try:
            trial = await try_mix(self._new(), clients, self._cpus, aegis=aegis)
        except* PartError:
            # Its first circuits were not there in time: so many are too many.
            trial = MixTrial.none(clients, aegis=aegis)
        self.found.mixes.append(trial)
        return trial

    async def _gateway(self, clients: int) -> ZoneTrial:
        self._tell(f"a gateway with {clients:,} clients")
        try:
            seconds = QUICK_WATCH_S if self._quick else WATCH_S
            trial = await try_gateway(self._new(), clients, self._cpus, seconds=seconds)
        except* PartError:
            # So many that not all of them ever came in: that answers it, too.
            trial = ZoneTrial.none(clients, 1)
        self.found.gateways.append(trial)
        return trial

    async def _zone(self, clients: int, seconds: float) -> ZoneTrial:
        self._tell(f"a gateway, three mixes and {clients:,} clients, half of them in calls")
        try:
            trial = await try_zone(self._new(), clients, seconds=seconds)
        except* PartError:
            trial = ZoneTrial.none(clients, MIXES)
        self.found.zones.append(trial)
        return trial


def is_good_mix(trial: MixTrial) -> bool:
    """Whether not a single row was lost."""
    return trial.loss_free
