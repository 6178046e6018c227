"""What comes of trials: mouth-to-ear delay by the audio, its parts, loss, and how long set-up took.

Must not know: how a trial was made, how figures are shown.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from pymix_voice.geometry import FRAME_S
from pymix_voice.lab.calls.instants import Path, spread
from pymix_voice.lab.calls.trial import MeasuredCall, Trial
from pymix_voice.lab.outcome import Way
from pymix_voice.lab.processes import Told


def run_of(trials: Sequence[Trial]) -> Told:
    """The figures of one setting, from all its trials.

    Raises:
        SoundError: if a recording cannot be read.
    """
    setting = trials[0].setting
    calls = [(trial, call) for trial in trials for call in trial.calls]
    ways = [way for _, call in calls for way in call.ways]
    values = [value for way in ways for value in way.delays_ms()]
    cells = [
        float(ms) for trial, call in calls for path in paths(trial, call) for ms in path.cells_ms()
    ]
    summary = spread(cells)
    shaky = (
        None if not cells else round(float(np.percentile(cells, 95) - np.percentile(cells, 5)), 2)
    )
    return {
        "name": setting.name,
        "mixes": setting.mixes,
        "clients": setting.clients,
        "round_ms": setting.round_ms,
        "network": setting.network,
        "calls": len(calls),
        "mouth_to_ear_ms": spread(values),
        "values_ms": values,
        "cell_ms": summary,
        "parts_ms": parts_of(calls),
        "jitter_ms": shaky,
        "loss": _mean(way.hearer["loss"] for way in ways),
        "loss_after_repair": _mean(way.hearer["loss_after_repair"] for way in ways),
        "setup_s": {
            "ringing": _median(_since_dialed(call, call.ringing_at) for _, call in calls),
            "speech": _median(_since_dialed(call, call.heard_at) for _, call in calls),
        },
        "correlation": round(min(way.likeness() for way in ways), 4),
    }


class SetUp(NamedTuple):
    """How long it took from dialing, in seconds; None for what was not told.

    Attributes:
        ringing: until it rang there.
        speech: until the first word was heard.
        epoch_s: length of an epoch of that zone, in seconds.
    """

    ringing: float | None
    speech: float | None
    epoch_s: float


def set_ups(trial: Trial) -> list[SetUp]:
    """Of every call."""
    return [
        SetUp(
            _since_dialed(call, call.ringing_at),
            _since_dialed(call, call.heard_at),
            trial.epoch_s,
        )
        for call in trial.calls
    ]


def paths(trial: Trial, call: MeasuredCall) -> tuple[Path, Path]:
    """What all parts told of both ways while this call was on."""
    (caller, callee), (there, back) = call.status, call.ways
    marks = [each["t"] for each in (*caller, *callee)]
    round_s = trial.setting.round_ms / 1000
    if not marks:
        nothing = Path([], [], [], [], round_s)
        return nothing, nothing
    first, last = min(marks), max(marks)

    def meanwhile(told: list[Told]) -> list[Told]:
        return [each for each in told if first <= each["t"] <= last]

    gateway, mixes = meanwhile(trial.gateway), [meanwhile(told) for told in trial.mixes]
    assert there.speaker is back.hearer
    return (
        Path(caller, callee, gateway, mixes, round_s),
        Path(callee, caller, gateway, mixes, round_s),
    )


def parts_of(calls: Sequence[tuple[Trial, MeasuredCall]]) -> dict[str, float]:
    """Where the delay comes from: means over all ways of the medians of each."""
    found = [
        path.parts_ms(spoken)
        for trial, call in calls
        for path, way in zip(paths(trial, call), call.ways, strict=True)
        if (spoken := _spoken(way)) is not None
    ]
    whole = [parts for parts in found if parts]
    if not whole:
        return {}
    return {name: round(float(np.mean([parts[name] for parts in whole])), 2) for name in whole[0]}


def _spoken(way: Way) -> float | None:
    """The phase of speech: its first sample's instant less the 20 ms of each frame before it."""
    began, first = way.speaker["t0"], way.speaker["first_frame_sent"]
    return None if began is None or first is None else began - first * FRAME_S


def _since_dialed(call: MeasuredCall, at: float | None) -> float | None:
    return None if at is None else round(at - call.dialed_at, 3)


def _mean(values: Iterable[float]) -> float:
    return round(float(np.mean(list(values))), 5)


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(float(np.median(known)), 3) if known else None
