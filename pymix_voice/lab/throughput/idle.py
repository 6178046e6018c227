"""How late an idle timer is on this computer: what no program can be blamed for.

Must not know: what else is measured.
"""

from typing import NamedTuple

import numpy as np
import trio

from pymix_voice.edge.alarm import Alarm
from pymix_voice.edge.clock import Clock

TICK_S = 0.02


class IdleTimer(NamedTuple):
    """Milliseconds from an instant to being awake, of `n` instants."""

    n: int
    p50: float
    p99: float


async def idle_timer(ticks: int) -> IdleTimer:
    """Wait for so many ticks, and do nothing else."""
    alarm, late_ms = Alarm(), []
    if not alarm.works:
        return IdleTimer(0, 0.0, 0.0)
    at = Clock.now()
    try:
        for _ in range(ticks):
            at += TICK_S
            alarm.set(at)
            await alarm.ring()
            late_ms.append(1000 * (Clock.now() - at))
            await trio.lowlevel.checkpoint()
    finally:
        alarm.close()
    p50, p99 = np.percentile(late_ms, (50, 99))
    return IdleTimer(ticks, round(float(p50), 3), round(float(p99), 3))
