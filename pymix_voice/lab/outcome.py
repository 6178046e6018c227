"""What a call between two recordings was like: figures for programs, a table for people.

Everything is worked out from what the commands told and from the recordings themselves; both
ends ran on this computer, so their instants are by one clock.

Must not know: how the parts were started.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.table import Table

from pymix_voice.geometry import FRAME_S, Geometry
from pymix_voice.lab.measure import correlation, delays, percentiles
from pymix_voice.lab.processes import Told
from pymix_voice.voice.recordings import read_recording

INTELLIGIBLE = 0.5
"""Below this likeness what was heard is not what was said."""


@dataclass(frozen=True)
class Way:
    """One direction of a call.

    Attributes:
        speaker: the summary told by the side that spoke.
        hearer: the summary told by the side that heard.
        said: the recording that was played into the microphone.
        heard: the recording of what came out.
    """

    name: str
    speaker: Told
    hearer: Told
    said: Path
    heard: Path

    def figures(self) -> Told:
        """All that is measured for one direction; None where nothing was heard."""
        sent = self.speaker["frames_sent"]
        heard = self.hearer["frames_heard"]
        return {
            "frames_sent": sent,
            "frames_heard": heard,
            "frames_concealed": self.hearer["frames_concealed"],
            "frames_late": self.hearer["frames_late"],
            "loss": self.hearer["loss"],
            "mouth_to_ear_ms": self._by_ear(),
            "mouth_to_ear_rounds_ms": self._by_rounds(),
            "correlation": round(self.likeness(), 4),
            "received": str(self.heard),
        }

    def delays_ms(self) -> list[float]:
        """Mouth-to-ear delay of each half second of speech; none where nothing was heard."""
        if not self.hearer["frames_heard"]:
            return []
        said, heard = read_recording(self.said), read_recording(self.heard)
        late = delays(said, self.speaker["t0"], heard, self.hearer["s0"])
        return [round(float(value) * 1000, 2) for value in late]

    def likeness(self) -> float:
        """Of what was heard to what was said; 0 where nothing was."""
        if not self.hearer["frames_heard"]:
            return 0.0
        return correlation(read_recording(self.said), read_recording(self.heard))

    def _by_ear(self) -> Told:
        """Delays from the audio itself, in short."""
        late = self.delays_ms()
        half, most = percentiles(np.array(late), 50, 95)
        return {
            "p50": round(half, 1) if late else None,
            "p95": round(most, 1) if late else None,
            "n": len(late),
        }

    def _by_rounds(self) -> float | None:
        """From the instant a frame began to be spoken to when it began to play."""
        spoken, first_sent = self.speaker["t0"], self.speaker["first_frame_sent"]
        played, first_played = self.hearer["first_played_at"], self.hearer["first_frame_played"]
        if None in (spoken, first_sent, played, first_played):
            return None
        return _ms(played - spoken - (first_played - first_sent) * FRAME_S)


def outcome(ways: tuple[Way, Way], mixes: list[list[Told]], geometry: Geometry) -> Told:
    """The whole summary, as one JSON object.

    Args:
        ways: caller to callee, callee to caller.
        mixes: for each mix the figures it told, oldest first.
        geometry: the zone's.
    """
    caller = ways[0].speaker
    figures = {way.name: way.figures() for way in ways}
    names = next(iter(figures.values()))
    by_figure = {name: {way: told[name] for way, told in figures.items()} for name in names}
    played, dialed = caller["first_played_at"], caller["dialed_at"]
    return {
        "setup_ms": None if played is None or dialed is None else _ms(played - dialed),
        **by_figure,
        "cells_per_second": round(sum(cells_per_second(told) for told in mixes)),
        "zone": {
            "mixes": geometry.mixes,
            "clients": geometry.clients,
            "epoch_s": geometry.epoch_s,
        },
    }


def cells_per_second(figures: list[Told]) -> float:
    """Between the first and the last figures that one mix told."""
    if len(figures) < 2:
        return 0.0
    first, last = figures[0], figures[-1]
    elapsed = last["t"] - first["t"]
    return float((last["cells"] - first["cells"]) / elapsed) if elapsed > 0 else 0.0


def unheard(summary: Told) -> str | None:
    """A sentence if a voice did not come through."""
    for way, likeness in summary["correlation"].items():
        if likeness < INTELLIGIBLE:
            side, other = (part.replace("_", " ") for part in way.split("_to_"))
            heard = summary["frames_heard"][way]
            return (
                f"no voice came through from the {side} to the {other}: "
                f"{heard} frames heard, likeness {likeness:.2f} of 1"
            )
    return None


def table(summary: Told) -> Table:
    """The summary for people."""
    shown = Table(box=None, padding=(0, 3, 0, 0))
    shown.add_column()
    shown.add_column("caller to callee", justify="right")
    shown.add_column("callee to caller", justify="right")
    for label, name, form in (
        ("frames sent", "frames_sent", "{}"),
        ("frames heard", "frames_heard", "{}"),
        ("lost", "loss", "{:.1%}"),
        ("likeness to what was said", "correlation", "{:.3f}"),
        ("mouth to ear, by rounds", "mouth_to_ear_rounds_ms", "{:.0f} ms"),
    ):
        shown.add_row(label, *(_shown(form, value) for value in summary[name].values()))
    for label, point in (("half the time under", "p50"), ("95 % under", "p95")):
        ways = summary["mouth_to_ear_ms"].values()
        shown.add_row(f"mouth to ear, {label}", *(_shown("{:.0f} ms", way[point]) for way in ways))
    return shown


def _shown(form: str, value: float | None) -> str:
    return "-" if value is None else form.format(value)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
