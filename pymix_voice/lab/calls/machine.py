"""The computer that measures: what it is, and how steady it was meanwhile.

Must not know: what is measured.
"""

import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from pymix_voice.lab.processes import Told
from pymix_voice.onion.dice import Dice

LOOPS = 40
ROWS = 2_000
CPUINFO = Path("/proc/cpuinfo")


def facts() -> Told:
    """What it is; nothing that would tell it from others of its kind."""
    return {
        "cpu": _processor(),
        "cores": _cores(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
    }


def today() -> str:
    """The day of the measurement."""
    return datetime.now(UTC).date().isoformat()


def steadiness() -> Told:
    """How long the same loop of work takes: its median, and how much more the slow ones took.

    A mix's XOR and gather over some rows, again and again, on whatever processor is free.
    """
    cells, order = Dice.seeded(1).matrix(ROWS, 128), Dice.seeded(2).order(ROWS)
    out = np.empty_like(cells)
    took = []
    for _ in range(LOOPS):
        began = time.perf_counter()
        for _ in range(20):
            np.take(np.bitwise_xor(cells, 0x5A, out=out), order, axis=0)
        took.append(1000 * (time.perf_counter() - began))
    half, most = np.percentile(took, (50, 95))
    return {"p50_ms": round(float(half), 3), "p95_ms": round(float(most), 3)}


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    if CPUINFO.exists() and sys.platform == "linux":
        for line in CPUINFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
