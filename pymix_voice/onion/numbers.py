"""Numbers without end on a short wire: send the low bits, take the nearest that has them.

Must not know: what is numbered.
"""

import numpy as np
from numpy.typing import NDArray


def expand(low: int, bits: int, near: int) -> int:
    """The number nearest to `near`, and not below zero, that ends in these low bits.

    Args:
        low: what the wire carried, 0 … 2^bits - 1.
        bits: how many bits it carries.
        near: a number known here that cannot be far off.

    Returns:
        At most 2^(bits-1) away from `near` (exactly half way is taken forward), unless only a
        number below zero would be.
    """
    span = 1 << bits
    ahead = (low - near) % span
    number = near + ahead - (span if ahead > span // 2 else 0)
    return number if number >= 0 else number + span


def expand_all(low: NDArray[np.int64], bits: int, near: int) -> NDArray[np.int64]:
    """`expand` for many: int64 [k], both."""
    span = 1 << bits
    ahead = (low - near) % span
    number = near + ahead - np.where(ahead > span // 2, span, 0)
    return np.where(number < 0, number + span, number)
