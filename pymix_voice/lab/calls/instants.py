"""Where a call's delay comes from: the instants at which rounds passed each part, as it told them.

Every part tells now and then which round passed it last, and when (`zone.mark`). Rounds are evenly
apart, so what is left of an instant without its round's number is when any round passes there: its
*phase*. All parts run on one computer, by one clock: the differences of phases are delays.

    spoken --> sent --> gateway --> mix 1 (its tick) --> ... --> last mix
    heard <-- came <-- gateway <-- mix 1 <-- ... <-------------------+

Must not know: processes, how the parts were started.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.geometry import SAMPLE_RATE
from pymix_voice.lab.measure import percentiles
from pymix_voice.lab.processes import Told
from pymix_voice.voice.opus import LOOKAHEAD_SAMPLES

Spread = dict[str, float | None]
"""p50, p95, p99 in milliseconds, None if there is nothing; and n, of how many values."""


def spread(values_ms: Iterable[float]) -> Spread:
    """How values lie."""
    values = np.array(list(values_ms), np.float64)
    known = zip(("p50", "p95", "p99"), percentiles(values, 50, 95, 99), strict=True)
    shown = {name: round(value, 2) if values.size else None for name, value in known}
    return {**shown, "n": int(values.size)}


def phases(told: Iterable[Told], name: str, round_s: float) -> NDArray[np.float64]:
    """When rounds passed, in seconds less their numbers' lengths; one for each round told.

    Args:
        told: figures or status of one part.
        name: of the mark: "forward", "backward", "sent", "came".
        round_s: length of a round in seconds.
    """
    marks = {each[f"{name}_round"]: each[f"{name}_at"] for each in told if each[f"{name}_round"]}
    return np.array([at - number * round_s for number, at in sorted(marks.items())], np.float64)


class Path(NamedTuple):
    """What the parts of one way told while its call was on.

    Attributes:
        speaker: status of the side that speaks.
        hearer: status of the side that hears.
        gateway: its figures.
        mixes: the figures of each, in the order of the chain.
        round_s: length of a round in seconds.
    """

    speaker: Sequence[Told]
    hearer: Sequence[Told]
    gateway: Sequence[Told]
    mixes: Sequence[Sequence[Told]]
    round_s: float

    def cells_ms(self) -> NDArray[np.float64]:
        """From a client's socket to the other's: float64 [k], one for each round that was told."""
        sent = self._phases(self.speaker, "sent")
        if not sent.size:
            return np.zeros(0)
        delays: NDArray[np.float64] = 1000 * (self._phases(self.hearer, "came") - np.median(sent))
        return delays

    def parts_ms(self, spoken: float) -> dict[str, float]:
        """Medians of all parts of the way from mouth to ear, in its order.

        Args:
            spoken: the phase of speech: when a round's first sample was spoken.

        Returns:
            Milliseconds by name; nothing if some part told no round.
        """
        steps = [("sealing", self._phases(self.speaker, "sent")), *self._passed()]
        steps.append(("gateway to client", self._phases(self.hearer, "came")))
        waits = [each["playout_ms"] for each in self.hearer if each.get("playout_ms") is not None]
        if not waits or not all(passed.size for _, passed in steps):
            return {}
        parts, before = {"frame": 1000 * self.round_s}, spoken + self.round_s
        for name, passed in steps:
            at = float(np.median(passed))
            parts[name] = 1000 * (at - before)
            before = at
        parts |= {
            "playout": float(np.median(waits)),
            "codec": 1000 * LOOKAHEAD_SAMPLES / SAMPLE_RATE,
        }
        return {name: round(ms, 2) for name, ms in parts.items()}

    def _phases(self, told: Iterable[Told], name: str) -> NDArray[np.float64]:
        return phases(told, name, self.round_s)

    def _passed(self) -> list[tuple[str, NDArray[np.float64]]]:
        """The chain, there and back."""
        last = len(self.mixes)
        there = [
            (
                f"mix {hop - 1} to {hop}" if hop > 1 else "before the tick",
                self._phases(told, "forward"),
            )
            for hop, told in enumerate(self.mixes, 1)
        ]
        back = [
            (f"mix {hop + 1} to {hop}", self._phases(self.mixes[hop - 1], "backward"))
            for hop in range(last - 1, 0, -1)
        ]
        gateway = self.gateway
        return [
            ("client to gateway", self._phases(gateway, "forward")),
            *there,
            *back,
            ("mix 1 to gateway", self._phases(gateway, "backward")),
        ]
