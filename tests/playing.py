"""Sound without a codec, a card or a network, for tests of what is heard when."""

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import BadCell, Drop
from pymix_voice.geometry import FRAME_SAMPLES, SAMPLE_RATE
from pymix_voice.voice.playout import Playout
from pymix_voice.voice.resample import Sound

START = 1000.0
"""Instants are those of some monotonic clock."""
AHEAD_S = 0.020
SILENCE, GUESS = 0, -1
GARBAGE = b"garbage"


def frame_of(number: int) -> bytes:
    return b"%d" % number


LOUD = 1000
"""Frames are so much louder than their numbers: none is quiet enough for a stretch of any kind."""


def loud(number: int) -> int:
    return number + LOUD if number >= 0 else number - LOUD


def number_of(sample: int) -> int:
    """What a sample stands for; what fades is silence."""
    if abs(sample) < LOUD:
        return SILENCE
    return sample - LOUD if sample > 0 else sample + LOUD


def copy_of(number: int) -> bytes:
    """Sounds like a number below -1."""
    return b"-%d" % (number + 2)


class NumberDecoder:
    """A frame sounds like its number, a copy like -2 less its number, a guess like -1."""

    def decode(self, frame: bytes) -> NDArray[np.int16]:
        if frame == GARBAGE:
            raise BadCell(Drop.MALFORMED)
        return np.full(FRAME_SAMPLES, loud(int(frame)), np.int16)

    def conceal(self) -> NDArray[np.int16]:
        return np.full(FRAME_SAMPLES, loud(GUESS), np.int16)


class OneSound:
    """A decoder that is quick: every frame is the same samples."""

    def __init__(self) -> None:
        self._sound = np.full(FRAME_SAMPLES, 1000, np.int16)

    def decode(self, frame: bytes) -> NDArray[np.int16]:
        return self._sound

    def conceal(self) -> NDArray[np.int16]:
        return self._sound


class NoResampler:
    """Says the last sample twice, or leaves it out, where the ratio asks for that."""

    def __init__(self) -> None:
        self._over = 0.0

    def process(self, sound: Sound, ratio: float) -> Sound:
        self._over += len(sound) * (ratio - 1.0)
        more = int(self._over)
        if not more:
            return sound
        self._over -= more
        return np.concatenate((sound, sound[-more:])) if more > 0 else sound[:more]


class Heard(NamedTuple):
    """A run of one sound."""

    what: int
    ms: float
    """When it began to be heard, after `START`."""
    samples: int


def runs(sound: NDArray[np.int16], first_ms: float = AHEAD_S * 1000) -> list[Heard]:
    """What was heard, one behind the other."""
    found, place = [], 0
    for what, same in groupby(map(number_of, sound.tolist())):
        count = len(list(same))
        found.append(Heard(what, first_ms + place * 1000 / SAMPLE_RATE, count))
        place += count
    return found


class Arrival(NamedTuple):
    """A frame on its way here."""

    ms: float
    number: int
    frame: bytes
    copies: tuple[tuple[int, bytes], ...] = ()


def listen(
    playout: Playout,
    arrivals: Iterable[Arrival],
    until_ms: float,
    *,
    from_ms: float = 0.0,
    block: int = SAMPLE_RATE // 100,
    watch: Callable[[float], None] | None = None,
) -> NDArray[np.int16]:
    """A card that asks for its next block 20 ms before that is heard.

    Returns:
        int16 [n], all that was heard from `from_ms` + 20 on.
    """
    waiting = sorted(arrivals, key=lambda arrival: arrival.ms)
    heard, place, now = [np.zeros(0, np.int16)], 0, from_ms
    for count in range(int((until_ms - from_ms) * SAMPLE_RATE / 1000) // block):
        now = from_ms + count * block * 1000 / SAMPLE_RATE
        while place < len(waiting) and waiting[place].ms <= now:
            ms, number, frame, copies = waiting[place]
            playout.push(number, [frame], START + ms / 1000, copies)
            place += 1
        instant = START + now / 1000
        heard.append(playout.render(block, instant + AHEAD_S, instant))
        if watch is not None:
            watch(now)
    return np.concatenate(heard)
