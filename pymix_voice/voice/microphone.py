"""A microphone that reads a file: samples come to be one by one, as if someone spoke them.

It stands where a sound device stands, so that a call without a sound card has a true
mouth-to-ear delay: sample k exists at the instant t0 + k / 48,000 and not before.

Must not know: files, codecs, rounds, what time it is (`now` is an argument).
"""

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import Misuse
from pymix_voice.geometry import FRAME_SAMPLES, SAMPLE_RATE

SLACK_S = 0.005
"""How long the first frame has been whole when it is read: room for reads that come early."""

SPARE_S = 0.015
"""If more than a frame and this would be left over after a read, a frame is skipped."""

_FRAME_S = FRAME_SAMPLES / SAMPLE_RATE
_ROUNDING = 1e-3
"""In samples: instants are floats, and a sample due right now has come."""


class FileMicrophone:
    """Speaks a recording once, in real time, with silence before and after.

    Args:
        pcm: int16 [n], 48 kHz mono.

    Attributes:
        t0: the instant of sample 0 in monotonic seconds; None until the first read after start.
        frames_read: how many frames of the recording were given out.
        starved: reads that came before their 960 samples had all come to be.
        skipped: frames left out because too many waited.
    """

    def __init__(self, pcm: NDArray[np.int16]) -> None:
        if pcm.ndim != 1 or pcm.dtype != np.int16:
            raise Misuse(f"a recording is int16 in one dimension, not {pcm.shape} {pcm.dtype}")
        self._pcm = pcm
        self._started: float | None = None
        self._position = 0
        self.t0: float | None = None
        self.frames_read = 0
        self.starved = 0
        self.skipped = 0

    @property
    def finished(self) -> bool:
        """Whether every sample was read or skipped."""
        return self._position >= len(self._pcm)

    def start(self, now: float) -> None:
        """Speak from the first read at or after this instant.

        Raises:
            Misuse: if it was started before.
        """
        if self._started is not None:
            raise Misuse("the microphone was started twice")
        self._started = now

    def read(self, now: float) -> NDArray[np.int16]:
        """The next 960 samples.

        The first read sets t0 = now - 25 ms: its frame has then been whole for `SLACK_S`.

        Returns:
            int16 [960], the caller's own; zeros before the start, after the end and when starved.
        """
        frame: NDArray[np.int16] = np.zeros(FRAME_SAMPLES, dtype=np.int16)
        if self._started is None or now < self._started or self.finished:
            return frame
        if self.t0 is None:
            self.t0 = now - _FRAME_S - SLACK_S
        waiting = (now - self.t0) * SAMPLE_RATE - self._position + _ROUNDING
        if waiting < FRAME_SAMPLES:
            self.starved += 1
            return frame
        while waiting > 2 * FRAME_SAMPLES + SPARE_S * SAMPLE_RATE and not self.finished:
            self._position += FRAME_SAMPLES
            self.skipped += 1
            waiting -= FRAME_SAMPLES
        piece = self._pcm[self._position : self._position + FRAME_SAMPLES]
        frame[: len(piece)] = piece
        self._position += FRAME_SAMPLES
        self.frames_read += 1
        return frame
