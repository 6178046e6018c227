"""How a voice fared over one scheme or another: mouth-to-ear delay, by the audio itself.

Each scheme carries the same recordings, both ways at once, in real time, on this machine; see
`voice_ends`. Schemes differ in what they hide, so a sentence goes with each.

Must not know: which schemes there are.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pymix_voice.lab.outcome import INTELLIGIBLE, Way
from pymix_voice.lab.peers.measured import PeerError
from pymix_voice.lab.processes import Part, parts_in

Said = tuple[Path, Path]
"""The recordings that the two speak, as a side is called first in `Ways`."""
Ways = tuple[Way, Way]

HUM_ROUNDS = 350
"""Rounds of the other's hum before an end begins to talk: 7 s, as long as a call takes to begin."""
START_S = 15.0
"""Until an end has begun, on a busy computer."""
TALK_S = 45.0
"""From then until both have said all, hum included."""
ENDS = (sys.executable, "-m", "pymix_voice.lab.peers.voice_ends")


class Voice(NamedTuple):
    """A voice over one scheme.

    Attributes:
        scheme: what carried it.
        sentence: what that is, and what it hides.
        values_ms: mouth-to-ear delay of each half second of speech, both ways together.
        loss: the share of rounds without a frame in time, both ways together.
        correlation: likeness of what was heard to what was said, of the worse way.
        missing: why there are no figures, if there are none.
    """

    scheme: str
    sentence: str
    values_ms: list[float]
    loss: float
    correlation: float
    missing: str | None = None

    def percentile(self, point: float) -> float | None:
        """The delay in ms below which `point` per cent lie."""
        return float(np.percentile(self.values_ms, point)) if self.values_ms else None


def missing(scheme: str, sentence: str, why: str) -> Voice:
    """One that could not be measured."""
    return Voice(scheme, sentence, [], 0.0, 0.0, why)


def voice_of(scheme: str, sentence: str, ways: Ways) -> Voice:
    """What became of the recordings.

    Args:
        scheme: what carried them.
        sentence: about it.
        ways: both directions.

    Raises:
        PeerError: if a voice did not come through.
    """
    values: list[float] = []
    likeness = []
    for way in ways:
        if not way.hearer["frames_heard"]:
            raise PeerError(f"not a frame came through {way.name.replace('_', ' ')}")
        values += way.delays_ms()
        likeness.append(way.likeness())
    if min(likeness) < INTELLIGIBLE or not values:
        raise PeerError(f"what was heard is not what was said: likeness {min(likeness):.2f} of 1")
    loss = sum(way.hearer["loss"] for way in ways) / len(ways)
    return Voice(scheme, sentence, values, round(loss, 5), round(min(likeness), 4))


async def talk_over(
    said: Said,
    folder: Path,
    first: Sequence[str],
    second: Sequence[str],
    *,
    ready: str | None = None,
    command: Sequence[str] = ENDS,
    hum_rounds: int = HUM_ROUNDS,
) -> Ways:
    """Two ends, each a process, that say all they have to say.

    Args:
        said: what the first and the second speak.
        folder: for recordings and logs.
        first: which carrier the first uses, in the words of its command.
        second: the same for the second.
        ready: what the first tells once the second may start; None if it may at once.
        command: the program of both.
        hum_rounds: of each, before they talk.

    Raises:
        ExceptionGroup: of `PartError`, if one of them fails or does not end in time.
    """
    heard = folder / "heard-by-first.wav", folder / "heard-by-second.wav"
    async with parts_in(folder, command=command) as parts:

        def start(side: int, words: Sequence[str]) -> Part:
            files = str(said[side]), str(heard[side]), str(hum_rounds)
            return parts.start(("first", "second")[side], *files, *words, lasts=False)

        one = start(0, first)
        if ready is not None:
            await one.until(ready, within_s=START_S)
        other = start(1, second)
        told = [await part.until("summary", within_s=START_S + TALK_S) for part in (one, other)]
    return (
        Way("first_to_second", told[0], told[1], said[0], heard[1]),
        Way("second_to_first", told[1], told[0], said[1], heard[0]),
    )
