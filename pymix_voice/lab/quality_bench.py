"""How good calls sound: what is heard beside what was said, over bit rates, losses and networks.

For each way (a loss, or a network) every scheme sends the same recordings over the same losses:

    encode  ->  the way  ->  playout  ->  sound  ->  PESQ, STOI
                                      ->  delay, what is missing  ->  E-model

Scores of one row lie apart because recordings, and places of losses, differ; the machine's load
changes none of them.

Must not know: sockets, who prints the figures.
"""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pymix_voice.errors import SoundError
from pymix_voice.geometry import FRAME_S
from pymix_voice.lab import patterns, quality
from pymix_voice.lab.hearing import COPIES, PLAIN, SCHEMES, Scheme, Speech, hear
from pymix_voice.lab.losses import Losses, mask
from pymix_voice.lab.network import Law
from pymix_voice.lab.patterns import Pattern, Way, links_of, pattern_of
from pymix_voice.lab.profiles import PROFILES, Profile
from pymix_voice.lab.zoning import wav_files
from pymix_voice.onion.dice import Dice
from pymix_voice.voice.recordings import read_recording

SEEDS = 3
QUICK_RECORDINGS = 2


class Condition(NamedTuple):
    """What speech is sent over, and how."""

    pattern: str
    way: Way | Profile
    """A way from gateway to client, or the links of a whole zone."""
    schemes: tuple[Scheme, ...]

    @property
    def loss(self) -> float:
        """The share of rounds that is lost, 0 to 1."""
        if isinstance(self.way, Way):
            return self.way.loss
        kept = math.prod(1 - law.loss for law in patterns.laws_of(self.way.access, self.way.chain))
        return round(1 - kept, 4)

    @property
    def always_the_same(self) -> bool:
        """Whether nothing is drawn that could be heard."""
        if isinstance(self.way, Way):
            return self.way == _STEADY
        return all(_is_still(law) for law in (self.way.access, self.way.chain))


def _is_still(law: Law) -> bool:
    return not (law.jitter or law.wait or law.loss or law.reorder)


def _lossy(losses: Losses, share: float, schemes: tuple[Scheme, ...] = SCHEMES) -> Condition:
    """A steady way that loses some rounds."""
    return Condition(losses, dataclasses.replace(_STEADY, loss=share, losses=losses), schemes)


def _over(way: Way | Profile) -> Condition:
    """Another way, for the two schemes of the same size."""
    return Condition(way.name, way, (COPIES, PLAIN))


_WAYS = {way.name: way for way in patterns.WAYS}
_STEADY = _WAYS["steady"]
_UNSTEADY = ("large jitter", "bursts", "spikes", "route longer", "route shorter")
_FEW_PROFILES = ("continent", "mobile", "wifi")

ALL = (
    *(_lossy(Losses.RANDOM, share) for share in (0.0, 0.01, 0.03, 0.05, 0.10, 0.20)),
    *(_lossy(Losses.BURSTY, share) for share in (0.01, 0.03, 0.05, 0.10, 0.20)),
    *(_over(_WAYS[name]) for name in _UNSTEADY),
    *map(_over, PROFILES.values()),
)
FEW = (
    *(_lossy(Losses.RANDOM, share) for share in (0.0, 0.10)),
    _lossy(Losses.BURSTY, 0.10, (COPIES, PLAIN)),
    *(_over(PROFILES[name]) for name in _FEW_PROFILES),
)


class Score(NamedTuple):
    """One recording, sent in one way over one draw of a condition."""

    condition: Condition
    scheme: Scheme
    pesq: float
    stoi: float
    delay_ms: float | None
    """None if nothing was heard."""
    rounds: int
    missing: int
    runs: int


def speeches(folder: Path, most: int | None = None) -> list[Speech]:
    """The WAV files of a folder, by name.

    Args:
        folder: where they are.
        most: no more than the first so many.

    Raises:
        ConfigError: if there are none.
        SoundError: if one cannot be read.
    """
    return [Speech(path.name, read_recording(path)) for path in wav_files(folder, most)]


# ── scores ───────────────────────────────────────────────────────────────────────────────────


def count(spoken: Sequence[Speech], conditions: Sequence[Condition], seeds: int) -> int:
    """How many scores there will be."""
    draws = sum(len(each.schemes) * _seeds(each, seeds) for each in conditions)
    return len(spoken) * draws


def _seeds(condition: Condition, seeds: int) -> int:
    return 1 if condition.always_the_same else seeds


def scores(
    spoken: Sequence[Speech], conditions: Sequence[Condition], seeds: int
) -> Iterator[Score]:
    """Score all recordings under all conditions, one after the other.

    Args:
        spoken: what is said.
        conditions: what it is sent over.
        seeds: draws for each recording and condition.

    Raises:
        SoundError: if a library is missing, or a recording has no speech in it.
    """
    for condition in conditions:
        for scheme in condition.schemes:
            for place, speech in enumerate(spoken):
                for seed in range(_seeds(condition, seeds)):
                    pattern = draw(condition.way, speech.parts, (seed, place))
                    yield score(speech, condition, scheme, pattern)


def draw(way: Way | Profile, parts: Sequence[int], seed: tuple[int, int]) -> Pattern:
    """How the rounds come.

    Args:
        way: what happens to them.
        parts: rounds of each part of a call; over a way each loses its whole share.
        seed: the same, the same pattern.
    """
    seconds = sum(parts) * FRAME_S
    if isinstance(way, Profile):
        dice = Dice.seeded(b"quality %d %d" % seed)
        return pattern_of(way.name, way.sentence, links_of(way.access, way.chain, dice), seconds)
    drawn_for = round(way.loss * 1000), int(way.losses is Losses.BURSTY)
    rng = np.random.default_rng([*seed, *drawn_for])
    rows = patterns.rows(dataclasses.replace(way, loss=0.0), seconds, rng)
    lost = np.concatenate([mask(way.losses, way.loss, part, rng) for part in parts])
    kept = [row._replace(at=None) if gone else row for row, gone in zip(rows, lost, strict=True)]
    return Pattern(way.name, way.sentence, kept)


def score(speech: Speech, condition: Condition, scheme: Scheme, pattern: Pattern) -> Score:
    """Score what is heard of one recording."""
    heard = hear(speech, scheme, pattern)
    sound, by_round = (heard.sound, heard.by_round) if heard else (_NOTHING, _NOTHING)
    try:
        pesq = quality.pesq(speech.said, sound)
        stoi = quality.stoi(speech.said, by_round)
    except SoundError as error:
        raise SoundError(f"{speech.name}: {error}") from error
    if heard is None:
        return Score(condition, scheme, pesq, stoi, None, speech.rounds, speech.rounds, 1)
    told = heard.delay_ms, speech.rounds, heard.missing, heard.runs
    return Score(condition, scheme, pesq, stoi, *told)


_NOTHING = np.zeros(0, np.int16)
