"""Results for tests of reports. EVERY FIGURE HERE IS MADE UP; none was measured."""

from typing import Any

import numpy as np

Told = dict[str, Any]

BENCH: Told = {
    "quick": False,
    "whole": True,
    "measured_at": "2026-11-25",
    "machine": {"cpu": "made-up cpu", "cores": 2, "system": "Linux 6.18", "python": "3.11.9"},
    "noise": {"before_ms": 0.31, "after_ms": 0.29},
}
PARTS: Told = {
    "frame": 20.0,
    "before the tick": 9.0,
    "client to gateway": 6.5,
    "mix 1": 8.1,
    "mix 2": 7.9,
    "mix 3": 7.0,
    "playout": 58.0,
}


def drawn(middle: float, wide: float, n: int, seed: int) -> list[float]:
    """Delays that look a little like real ones."""
    values = middle + np.random.default_rng(seed).gamma(2.0, wide, n)
    return [round(float(ms), 1) for ms in values]


def spread(values: list[float]) -> Told:
    points = [round(float(each), 1) for each in np.percentile(values, (50, 95, 99))]
    return {**dict(zip(("p50", "p95", "p99"), points, strict=True)), "n": len(values)}


def run(name: str, middle: float, seed: int, **more: Any) -> Told:
    values = drawn(middle, 5.0, 400, seed)
    return {
        "name": name,
        "mixes": 3,
        "clients": 6,
        "round_ms": 20,
        "network": "loopback",
        "calls": 4,
        "mouth_to_ear_ms": spread(values),
        "values_ms": values,
        "cell_ms": spread(drawn(20.0, 2.0, 100, seed)),
        "parts_ms": {part: round(ms * middle / 110, 1) for part, ms in PARTS.items()},
        "jitter_ms": 1.5,
        "loss": 0.002,
        "loss_after_repair": 0.0,
        "setup_s": {"ringing": 4.2, "speech": 8.9},
        "correlation": 0.987,
    } | more


def beside(scheme: str, middle: float, wide: float, n: int, seed: int) -> Told:
    values = drawn(middle, wide, n, seed)
    return {
        "scheme": scheme,
        "sentence": f"{scheme}, as made up for a test.",
        "mouth_to_ear_ms": spread(values),
        "values_ms": values,
        "missing": None,
    }


def latency() -> Told:
    runs = [run("3 mixes", 110, 1), run("5 mixes", 128, 2), run("3 mixes, home network", 160, 3)]
    return BENCH | {
        "bench": "latency",
        "mouth_to_ear_ms": runs[0]["mouth_to_ear_ms"],
        "direct_ms": {"p50": 78.0, "p95": 84.0, "p99": 86.0, "n": 400},
        "added_ms": {"p50": 41.0, "p95": 50.0, "n": 400},
        "runs": runs,
        "beside": [
            beside("direct", 70, 4, 400, 4),
            beside("naive timers", 150, 18, 400, 5),
            beside("Tor", 90, 22, 400, 6),
            beside("Mumble", 85, 6, 21, 7),
        ],
        "published": [
            {"scheme": f"Other {n}", "ms": ms, "sentence": "Made up.", "source": source}
            for n, (ms, source) in enumerate(
                [(990.0, "https://example.org/a?b=1&c=2"), (1206.0, "A paper, 2021"), (360.0, "x")]
            )
        ],
    }


def heard(scheme: str, pattern: str, loss: float, pesq: float) -> Told:
    return {
        "scheme": scheme,
        "kbit_s": 44.4,
        "loss": loss,
        "pattern": pattern,
        "pesq": {"mean": pesq, "sd": 0.15, "n": 15},
        "stoi": {"mean": 0.97, "sd": 0.01, "n": 15},
        "delay_ms": 130.0,
        "r": 84.0,
        "mos": 4.1,
    }


def quality() -> Told:
    rows = [
        heard(
            scheme,
            pattern,
            loss,
            max(1.1, best - fall * loss * (1.6 if pattern == "bursty" else 1)),
        )
        for scheme, best, fall in (
            ("pymix-voice", 4.3, 6.0),
            ("plain Opus", 4.4, 17.0),
            ("in-band FEC", 4.1, 9.0),
        )
        for pattern, losses in (
            ("random", (0.0, 0.01, 0.05, 0.1, 0.2)),
            ("bursty", (0.01, 0.05, 0.1, 0.2)),
        )
        for loss in losses
    ]
    return BENCH | {"bench": "quality", "quality": rows}


def cost() -> Told:
    return BENCH | {
        "bench": "cost",
        "client": {
            "kbit_s_up": 62.0,
            "kbit_s_down": 71.5,
            "bytes_per_second_up": 7750.0,
            "bytes_per_second_down": 8937.5,
            "bytes_per_day": 1.44e9,
        },
        "rows": [
            {
                "clients": clients,
                "gateway_us_per_client_second": 340 + 9000 / clients,
                "mix_us_per_client_second": 90 + 5000 / clients,
                "mix_bytes_per_circuit": 17_900.0 + 10_000 / clients,
                "gateway_bytes_per_client": None if clients > 5000 else 8_200.0,
            }
            for clients in (100, 300, 1000, 3000, 8000)
        ],
    }
