"""The clocks and the randomness of this machine, for machines that take both as arguments.

All instants are seconds of `time.monotonic`, so that processes on one machine can be compared.
trio's own clock has another zero: it is only ever given durations.

Must not know: what happens at which instant.
"""

import math
import secrets
import time

import trio

from pymix_voice.onion.dice import Dice


class Clock:
    """Tells the time.

    Args:
        unix_offset: seconds added to this machine's time of day (tests set a clock back).
    """

    def __init__(self, unix_offset: float = 0.0) -> None:
        self._unix_offset = unix_offset

    @staticmethod
    def now() -> float:
        """Seconds, monotonic."""
        return time.monotonic()

    def unix(self) -> float:
        """Seconds since 1970 by this machine's clock; may jump, so it is asked once, at start."""
        return time.time() + self._unix_offset


def scope_until(instant: float, now: float) -> trio.CancelScope:
    """A scope that ends at an instant of `Clock.now`; infinity never comes."""
    left = math.inf if instant == math.inf else max(0.0, instant - now)
    return trio.CancelScope(deadline=trio.current_time() + left)


async def sleep_until(instant: float) -> None:
    """Wait for an instant of `Clock.now`."""
    await trio.sleep(max(0.0, instant - Clock.now()))


def system_dice() -> Dice:
    """Dice of the operating system's CSPRNG."""
    return Dice(secrets.token_bytes)
