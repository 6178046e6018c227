"""Tardiness: how long after it was due something happened, as an operator wants to know it.

Due is a tick, or the instant at which the last datagram of a round came (by the system's stamp,
where there is one): so what waited in a socket counts.

Must not know: what the work is.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BOUNDS_MS: NDArray[np.float64] = np.geomspace(0.01, 1000.0, 121)
"""Classes of lateness; each is a tenth wider than the one before."""


class Tardiness:
    """Counts lateness by classes.

    Args:
        name: of what happened, for its figures.

    Attributes:
        counts: int64 [122], since the beginning: below the first bound, between two, above all.
    """

    def __init__(self, name: str = "late") -> None:
        self._name = name
        self.counts: NDArray[np.int64] = np.zeros(len(BOUNDS_MS) + 1, np.int64)
        self._told = self.counts.copy()
        self._most_s = 0.0

    def note(self, late_s: float) -> None:
        """Something was begun so long after it was due."""
        self.counts[np.searchsorted(BOUNDS_MS, late_s * 1000)] += 1
        self._most_s = max(self._most_s, late_s)

    def note_all(self, late_s: NDArray[np.float64]) -> None:
        """Much was begun, each so long after it was due: float64 [k], seconds."""
        if len(late_s):
            self.counts += np.bincount(
                np.searchsorted(BOUNDS_MS, late_s * 1000), minlength=len(self.counts)
            )
            self._most_s = max(self._most_s, float(late_s.max()))

    def figures(self) -> dict[str, float | list[int]]:
        """What was noted since the last look, in milliseconds; and all counts."""
        p50, p99 = percentiles_ms(self.counts - self._told, (50, 99))
        most, self._most_s = round(self._most_s * 1000, 2), 0.0
        self._told = self.counts.copy()
        return {
            f"{self._name}_ms_p50": p50,
            f"{self._name}_ms_p99": p99,
            f"{self._name}_ms_most": most,
            f"{self._name}_counts": self.counts.tolist(),
        }


def percentiles_ms(
    counts: NDArray[np.int64] | Sequence[int], wanted: Sequence[float]
) -> list[float]:
    """Percentiles of lateness from counts by classes: the upper bound of the class it lies in."""
    below = np.cumsum(counts)
    if not below[-1]:
        return [0.0 for _ in wanted]
    uppers = np.append(BOUNDS_MS, np.inf)
    places = (np.searchsorted(below, below[-1] * share / 100) for share in wanted)
    return [round(float(uppers[place]), 3) for place in places]
