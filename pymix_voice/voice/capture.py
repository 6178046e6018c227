"""Capture: samples of a sound card in, one frame a round out.

The card's clock and the zone's differ, and the instants at which frames are asked for are steered.
So what waits between the two is kept at a small level by `Elastic` sound: a card that is too fast
is resampled a little slower, and nothing piles up, gets lost or runs dry.

Must not know: devices, codecs, rounds, what time it is (instants are arguments).
"""

import numpy as np
from numpy.typing import NDArray

from pymix_voice.geometry import FRAME_SAMPLES, SAMPLE_RATE
from pymix_voice.voice.elastic import Elastic
from pymix_voice.voice.resample import Resampler

FRAME_S = FRAME_SAMPLES / SAMPLE_RATE
SPARE_S = 0.006
"""Room for an instant of asking that comes earlier."""
MOST_S = 0.2
"""More than this beside the spare is not kept: whoever was away so long has lost it."""
LEAST_LAG_S = 0.010
"""A card gives a block at a time, and its drift moves the instant of asking through it: if the
samples are here just in time now, they will be a block later once."""
LAG_FALL_S = 0.000_000_2
"""How fast it is forgotten, each frame, how late the card gave its samples."""
HABIT_S, LAG_FALL = 0.020, 0.01
"""Of what is later than any card's habit this share is forgotten each frame: half in 1.4 s."""
MOST_LAG_S = 0.050
"""A card that gives nothing for longer is not late, it stands still: nobody waits for that."""


class Capture:
    """What a microphone heard and nobody took yet.

    Args:
        resampler: for the drift of clocks.
        spare_s: how much is to be left when a frame has been taken, beside what the card has not
            yet given.

    Attributes:
        starved: frames for which samples were missing.
        overrun: samples thrown away, since too many waited.
    """

    def __init__(self, resampler: Resampler, spare_s: float = SPARE_S) -> None:
        self._out = Elastic(resampler)
        self._spare_s = spare_s
        self._raw: NDArray[np.int16] = np.zeros(0, np.int16)
        self._until: float | None = None
        self._begun = False
        self._lag = LEAST_LAG_S
        self.starved = 0
        self.overrun = 0

    def push(self, pcm: NDArray[np.int16], until: float) -> None:
        """Take samples.

        Args:
            pcm: int16 [n], 48 kHz mono, by the card's clock.
            until: the instant at which the last of them was heard.
        """
        self._raw = np.concatenate((self._raw, pcm))
        self._until = until
        too_many = len(self._raw) - int((MOST_S + self._spare_s) * SAMPLE_RATE)
        if too_many > 0:
            self.overrun += too_many
            self._raw = self._raw[too_many:]

    def frame(self, now: float) -> NDArray[np.int16]:
        """The next 20 ms.

        Returns:
            int16 [960]; what is missing is silence, and so is all before enough has come.
        """
        error = self._error(now)
        if not self._begun:
            if error < 0.0:
                return np.zeros(FRAME_SAMPLES, np.int16)
            # Nothing was heard of it yet, so it can begin with just as much as is wanted.
            self._raw = self._raw[int(error * SAMPLE_RATE) :]
            self._begun, error = True, 0.0
        while self._out.waiting < FRAME_SAMPLES and len(self._raw):
            # A little more than is missing, as the ratio may take some of it.
            missing = min(FRAME_SAMPLES, FRAME_SAMPLES - self._out.waiting + 2)
            piece, self._raw = self._raw[:missing], self._raw[missing:]
            self._out.put(piece, error)
        if self._out.waiting < FRAME_SAMPLES:
            self.starved += 1
            self._out.put_silence(FRAME_SAMPLES - self._out.waiting)
        return self._out.take(FRAME_SAMPLES)

    def _error(self, now: float) -> float:
        """By how much too much waits, as if the card gave its samples one by one."""
        if self._until is None:
            return -np.inf
        given = min(now - self._until, MOST_LAG_S)
        fall = LAG_FALL_S + LAG_FALL * max(0.0, self._lag - HABIT_S)
        self._lag = max(given, LEAST_LAG_S, self._lag - fall)
        waiting = len(self._raw) / SAMPLE_RATE + self._out.waiting_s + given
        return waiting - FRAME_S - self._lag - self._spare_s

    @property
    def waiting_s(self) -> float:
        """Seconds of sound that wait here, after the last frame was taken."""
        return len(self._raw) / SAMPLE_RATE + self._out.waiting_s

    @property
    def stretched(self) -> tuple[int, int, int]:
        """Stretches so far, samples left out by them, samples said twice."""
        return self._out.stretches, self._out.shortened, self._out.lengthened
