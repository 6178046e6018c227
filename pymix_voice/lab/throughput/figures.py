"""What a run found, and the figures that come of it: ratios first.

Must not know: how anything was measured, how it is shown.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

from pymix_voice.lab.peers.measured import Measured
from pymix_voice.lab.peers.tor import Relayed
from pymix_voice.lab.processes import Told
from pymix_voice.lab.throughput.idle import IdleTimer
from pymix_voice.lab.throughput.mixes import MixTrial
from pymix_voice.lab.throughput.zones import ZoneTrial

BUSY_MIX = 0.75
"""A share of a core at which a mix still lost nothing; quick runs reckon with it."""
BUSY_GATEWAY = 0.85
"""The same of a gateway."""
LOSS = 0.001
"""So many cells may be late or lost where clients' own instants count."""
CIRCUITS_A_CLIENT = 2
"""A line and a door."""
CHACHA_LINKS: Final = "chacha20-poly1305"
AEGIS_LINKS: Final = "aegis-128l"
PUNCTUAL_SHARES = (0.5, 0.8)
"""Punctuality is looked at again with so much of the load that a part bears."""


@dataclass
class Peers:
    """What else does such work, on this machine; None where it is missing."""

    c_mix: Measured | None = None
    c_mix_aegis: Measured | None = None
    c_gateway: Measured | None = None
    naive_mix: Measured | None = None
    naive_gateway: Measured | None = None
    sphinx: Measured | None = None
    tor: Relayed | None = None

    def keep(self, name: str, measured: Measured | None) -> None:
        """Take one measurement of a peer, if it is the first or faster than those before."""
        before: Measured | None = getattr(self, name)
        if measured and (before is None or measured.ns_per_cell < before.ns_per_cell):
            setattr(self, name, measured)


@dataclass
class Found:
    """All that was measured in one run."""

    quick: bool
    whole: bool = False
    idle: IdleTimer | None = None
    peers: Peers = field(default_factory=Peers)
    mixes: list[MixTrial] = field(default_factory=list)
    gateways: list[ZoneTrial] = field(default_factory=list)
    zones: list[ZoneTrial] = field(default_factory=list)
    steps: dict[str, dict[str, float]] = field(default_factory=dict)

    def keep_steps(self, links: str, told: dict[str, float]) -> None:
        """Take one measurement of a mix's steps, if it is the first or the fastest in all."""
        before = self.steps.get(links, told)
        self.steps[links] = min(told, before, key=lambda each: sum(each.values()))

    def mixes_with(self, links: str) -> list[MixTrial]:
        """The trials with this cipher in which anything went through."""
        return [trial for trial in self.mixes if trial.links == links and trial.cells]

    def best_mix(self, links: str) -> MixTrial | None:
        """The largest trial without loss; if none was, the smallest."""
        trials = self.mixes_with(links)
        good = [trial for trial in trials if trial.loss_free]
        if good:
            return max(good, key=lambda trial: trial.clients)
        return min(trials, key=lambda trial: trial.clients, default=None)

    def best_gateway(self) -> ZoneTrial | None:
        """The same for gateways."""
        good = [trial for trial in self.gateways if is_served(trial)]
        if good:
            return max(good, key=lambda trial: trial.clients)
        return min(self.gateways, key=lambda trial: trial.clients, default=None)


def part_load(clients: int, share: float) -> int:
    """How many clients are such a share of so many."""
    return int(clients * share)


def is_served(trial: ZoneTrial) -> bool:
    """Whether everybody had a row, and hardly a cell was late or lost."""
    return trial.online == trial.clients and trial.loss < LOSS


def summary(found: Found) -> Told:
    """One object: `mix`, `mix_aegis`, `gateway`, `zone`, the peers, and every trial."""
    peers = found.peers
    chacha, aegis = (found.best_mix(links) for links in (CHACHA_LINKS, AEGIS_LINKS))
    return {
        "bench": "throughput",
        "quick": found.quick,
        "whole": found.whole,
        "mix": None if chacha is None else _mix(found, chacha, peers.c_mix),
        "mix_aegis": None if aegis is None else _mix(found, aegis, peers.c_mix_aegis),
        "gateway": _gateway(found),
        "zone": _zone(found),
        "punctuality": [*_punctuality(found)],
        "idle_timer_ms": None if found.idle is None else found.idle._asdict(),
        "peers": {name: _told(peer) for name, peer in vars(peers).items()},
        "steps_ns_per_cell": found.steps,
        "trials": {
            "mix": [trial._asdict() for trial in found.mixes],
            "gateway": [trial._asdict() for trial in found.gateways],
            "zone": [trial._asdict() | {"loss": trial.loss} for trial in found.zones],
        },
    }


def _mix(found: Found, trial: MixTrial, c: Measured | None) -> Told:
    circuits = _reckoned(trial.clients, BUSY_MIX / trial.share_of_core) if found.quick else None
    naive, sphinx = found.peers.naive_mix, found.peers.sphinx
    steps = sum(found.steps.get(trial.links, {}).values())
    return {
        "circuits_per_core": circuits or trial.clients,
        "reckoned": found.quick,
        "tried": trial.clients,
        "loss_free": trial.loss_free,
        "share_of_core": round(trial.share_of_core, 3),
        "cells_per_second": round(trial.cells / trial.seconds),
        "ns_per_cell": round(trial.ns_per_cell),
        "share_of_c": _ratio(None if c is None else c.ns_per_cell, trial.ns_per_cell),
        "times_naive": _ratio(None if naive is None else naive.ns_per_cell, trial.ns_per_cell),
        "ns_per_cell_in_steps": round(steps),
        "times_sphinx": _ratio(None if sphinx is None else sphinx.ns_per_cell, steps),
        "bytes_per_circuit": round(
            (trial.resident_bytes - trial.empty_bytes) / trial.clients / CIRCUITS_A_CLIENT
        ),
        **_tardiness(trial),
    }


def _gateway(found: Found) -> Told | None:
    trial, c, naive = found.best_gateway(), found.peers.c_gateway, found.peers.naive_gateway
    if trial is None or not trial.cells:
        return None
    clients = _reckoned(trial.clients, BUSY_GATEWAY / trial.share_of_core) if found.quick else None
    return {
        "circuits_per_core": clients or trial.clients,
        "reckoned": found.quick,
        "tried": trial.clients,
        "loss": trial.loss,
        "share_of_core": round(trial.share_of_core, 3),
        "cells_per_second": round(trial.cells / trial.seconds),
        "ns_per_cell": round(trial.ns_per_cell),
        "share_of_c": _ratio(None if c is None else c.ns_per_cell, trial.ns_per_cell),
        "times_naive": _ratio(None if naive is None else naive.ns_per_cell, trial.ns_per_cell),
        "bytes_per_circuit": round((trial.resident_bytes - trial.empty_bytes) / trial.clients),
        **_tardiness(trial),
    }


def _tardiness(trial: MixTrial | ZoneTrial) -> Told:
    """From due to begun, and to the last datagram of what came of it."""
    return {
        "tick_late_ms": dict(zip(("p50", "p99"), trial.late_ms, strict=True)),
        "done_ms": dict(zip(("p50", "p99"), trial.done_ms, strict=True)),
    }


def _punctuality(found: Found) -> Iterator[Told]:
    """The same of each part at less load, where that was tried."""
    tried: list[tuple[str, MixTrial | ZoneTrial | None, Sequence[MixTrial | ZoneTrial]]] = [
        ("mix", found.best_mix(CHACHA_LINKS), found.mixes_with(CHACHA_LINKS)),
        ("mix_aegis", found.best_mix(AEGIS_LINKS), found.mixes_with(AEGIS_LINKS)),
        ("gateway", found.best_gateway(), found.gateways),
    ]
    for part, best, trials in tried:
        if best is None:
            continue
        for load in PUNCTUAL_SHARES:
            clients = part_load(best.clients, load)
            # The search may have tried that size, too; what was tried for this came last.
            trial = next((trial for trial in reversed(trials) if trial.clients == clients), None)
            if trial is not None:
                yield {"part": part, "load": load, "clients": clients, **_tardiness(trial)}


def _zone(found: Found) -> Told | None:
    """The largest whose loss is small; if none, the smallest."""
    good = [trial for trial in found.zones if is_served(trial)]
    if not found.zones:
        return None
    by_size = sorted(good or found.zones, key=lambda trial: trial.clients)
    trial = by_size[-1] if good else by_size[0]
    return {
        "clients": trial.clients,
        "online": trial.online,
        "loss": trial.loss,
        "seconds": round(trial.seconds),
        "sockets": trial.sockets,
        "mixes": trial.mixes,
        "delay_ms": dict(zip(("p50", "p99"), trial.delay_ms, strict=True)),
    }


def _reckoned(clients: int, more: float) -> int:
    """How many there could be, two digits of it."""
    size = max(1, int(clients * more))
    return int(float(f"{size:.1e}"))


def _ratio(other: float | None, ours: float) -> float | None:
    return None if other is None or not ours else round(other / ours, 3)


def _told(peer: Measured | Relayed | None) -> Told | None:
    if isinstance(peer, Measured):
        return asdict(peer)
    return None if peer is None else peer._asdict()
