"""What a zone costs: bytes on a client's line, processor and memory at gateway and mix.

For each population a gateway and a middle mix are tried, each on a processor of its own (`zones`,
`mixes`). Bytes are those that the gateway's socket took and gave, and 28 more a datagram for IPv4
and UDP; to the line itself Ethernet adds its own.

Must not know: how a trial is made, how figures are shown.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from pymix_voice.lab.calls.machine import facts, steadiness, today
from pymix_voice.lab.processes import PartError, Told
from pymix_voice.lab.throughput.mixes import MixTrial, try_mix
from pymix_voice.lab.throughput.trials import processors
from pymix_voice.lab.throughput.zones import ZoneTrial, try_gateway

FULL = (100, 300, 1_000, 1_500)
QUICK = (100, 1_000)
WATCH_S = 8.0
QUICK_WATCH_S = 5.0
HEADERS_BYTES = 28
"""IPv4 and UDP, for each datagram."""
DAY_S = 86_400


class Population(NamedTuple):
    """So many clients, and what served them."""

    clients: int
    gateway: ZoneTrial
    mix: MixTrial


class Cost:
    """One run.

    Args:
        quick: whether two populations are enough.
        tell: takes what is being done.

    Attributes:
        found: what was measured so far.
        whole: whether that is all.
    """

    def __init__(self, *, quick: bool, tell: Callable[[str], None]) -> None:
        self._quick = quick
        self._tell = tell
        self._before = self._after = steadiness()
        self.populations: Sequence[int] = QUICK if quick else FULL
        self.found: list[Population] = []
        self.whole = False

    async def run(self, advance: Callable[[], None] = lambda: None) -> None:
        """Measure all of it; what was measured stays if this is cut short.

        Args:
            advance: called after each population.
        """
        seconds = QUICK_WATCH_S if self._quick else WATCH_S
        cpus = processors()
        with TemporaryDirectory(prefix="pymix-bench-") as name:
            for clients in self.populations:
                self._tell(f"a gateway and a mix with {clients:,} clients")
                gateway, mix = (_new(name, f"{part} {clients}") for part in ("gateway", "mix"))
                try:
                    served = await try_gateway(gateway, clients, cpus, seconds=seconds)
                    mixed = await try_mix(mix, clients, cpus, aegis=True, seconds=seconds)
                    self.found.append(Population(clients, served, mixed))
                except* PartError:
                    self._tell(f"{clients:,} clients are too many for this computer")
                self._after = steadiness()
                advance()
        self.whole = True

    def summary(self) -> Told:
        """One object, as `lab.report` wants it."""
        return {
            "bench": "cost",
            "quick": self._quick,
            "whole": self.whole,
            "measured_at": today(),
            "machine": facts(),
            "noise": {"before_ms": self._before["p50_ms"], "after_ms": self._after["p50_ms"]},
            "client": None if not self.found else client_cost(self.found[-1].gateway),
            "rows": [row(each) for each in self.found],
        }


def _new(folder: str, name: str) -> Path:
    new = Path(folder, name)
    new.mkdir()
    return new


def client_cost(trial: ZoneTrial) -> Told:
    """What one client sends and gets, in a call or not."""
    client_seconds = trial.clients * trial.seconds
    headers = HEADERS_BYTES * trial.cells / 2 / client_seconds
    up = trial.bytes_in / client_seconds + headers
    down = trial.bytes_out / client_seconds + headers
    return {
        "kbit_s_up": round(up * 8 / 1000, 1),
        "kbit_s_down": round(down * 8 / 1000, 1),
        "bytes_per_second_up": round(up),
        "bytes_per_second_down": round(down),
        "bytes_per_day": round((up + down) * DAY_S),
    }


def row(population: Population) -> Told:
    """What one population costs who serves it."""
    clients, gateway, mix = population
    return {
        "clients": clients,
        "gateway_us_per_client_second": _us(gateway.cpu_s, gateway.seconds, clients),
        "mix_us_per_client_second": _us(mix.cpu_s, mix.seconds, clients),
        "mix_bytes_per_circuit": round((mix.resident_bytes - mix.empty_bytes) / (2 * clients)),
        "gateway_bytes_per_client": round((gateway.resident_bytes - gateway.empty_bytes) / clients),
    }


def _us(cpu_s: float, seconds: float, clients: int) -> float | None:
    return round(cpu_s / seconds / clients * 1e6, 1) if seconds else None
