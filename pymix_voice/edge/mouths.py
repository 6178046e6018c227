"""Mouths: where what a client says comes from, 20 ms a round.

A recording, a microphone, nothing, or, for the echo test, what was heard a second ago. A mouth is
asked in every round, in a call or not.

Must not know: codecs, the network, who hears it.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pymix_voice.edge.cards import Microphone
from pymix_voice.geometry import FRAME_SAMPLES, SAMPLE_RATE
from pymix_voice.voice.capture import Capture
from pymix_voice.voice.echo import EchoCanceller
from pymix_voice.voice.microphone import FileMicrophone
from pymix_voice.voice.resample import make_resampler

ECHO_S = 1.0
"""The echo test answers so much later: long enough to tell one's own voice from its echo."""

_SILENCE: NDArray[np.int16] = np.zeros(FRAME_SAMPLES, np.int16)


class Mouth(Protocol):
    """What speaks."""

    def begin(self, now: float) -> None:
        """A call has begun in which this side talks from now on."""

    def read(self, now: float) -> NDArray[np.int16]:
        """The next 20 ms, int16 [960]."""
        ...

    @property
    def finished(self) -> bool:
        """Whether nothing more will be said in this call."""
        ...

    @property
    def t0(self) -> float | None:
        """The instant at which sample 0 of a recording was spoken, in monotonic seconds."""
        ...

    @property
    def trouble(self) -> int:
        """How often samples were lost or missing."""
        ...

    @property
    def delay_s(self) -> float:
        """From the middle of the mouth to here: how old the beginning of a frame is when read."""
        ...


class NoMouth:
    """Has nothing to say."""

    finished = True
    t0 = None
    trouble = 0
    delay_s = 0.0

    def begin(self, now: float) -> None:
        """A call has begun."""

    def read(self, now: float) -> NDArray[np.int16]:
        """Silence, int16 [960]."""
        return _SILENCE


class RecordedMouth:
    """Speaks a recording from its beginning in each call, in real time.

    Args:
        pcm: int16 [n], 48 kHz mono.
    """

    delay_s = 0.025

    def __init__(self, pcm: NDArray[np.int16]) -> None:
        self._pcm = pcm
        self._microphone = FileMicrophone(pcm)

    def begin(self, now: float) -> None:
        """Speak it anew."""
        self._microphone = FileMicrophone(self._pcm)
        self._microphone.start(now)

    def read(self, now: float) -> NDArray[np.int16]:
        """The next 20 ms, int16 [960]."""
        return self._microphone.read(now)

    @property
    def finished(self) -> bool:
        """Whether it was spoken to its end."""
        return self._microphone.finished

    @property
    def t0(self) -> float | None:
        """The instant at which its first sample was spoken."""
        return self._microphone.t0

    @property
    def trouble(self) -> int:
        """Reads that came too early, or left frames out."""
        return self._microphone.starved + self._microphone.skipped


class LiveMouth:
    """A person at a microphone; silence while there is none, or it stands still.

    Args:
        canceller: takes out what the loudspeaker plays, if wanted.
    """

    finished = False
    t0 = None

    def __init__(self, canceller: EchoCanceller | None) -> None:
        self._canceller = canceller
        self._capture = Capture(make_resampler())
        self._waits = True
        """Whether nothing came yet of what it is to capture."""
        self._card: Microphone | None = None
        self._trouble = 0

    def plug(self, card: Microphone | None) -> None:
        """Use another microphone from now on, or none."""
        self._trouble = self.trouble
        self._card = card
        self._capture, self._waits = Capture(make_resampler()), True

    def begin(self, now: float) -> None:
        """A call has begun."""

    def read(self, now: float) -> NDArray[np.int16]:
        """The next 20 ms, int16 [960]."""
        if self._card is None or not self._card.runs(now):
            if not self._waits:
                # It will not be late for ever that it was late once.
                self._trouble += self._capture.starved + 1
                self._capture, self._waits = Capture(make_resampler()), True
            return _SILENCE
        self._waits = False
        samples, until = self._card.take()
        if self._canceller is not None:
            samples = self._canceller.hear(samples)
            until -= self._canceller.kept_back_s
        self._capture.push(samples, until)
        return self._capture.frame(now)

    @property
    def trouble(self) -> int:
        """Overruns and underruns of all microphones so far."""
        card = 0 if self._card is None else self._card.trouble
        return self._trouble + card + self._capture.starved

    @property
    def delay_s(self) -> float:
        """Block, frame, and what waits."""
        latency = 0.0 if self._card is None else self._card.latency_s
        return latency + 0.020 + self._capture.waiting_s


class EchoMouth:
    """Says what was heard, a second later: the echo test."""

    finished = False
    t0 = None
    delay_s = ECHO_S

    def __init__(self) -> None:
        self._line: Capture | None = None

    def begin(self, now: float) -> None:
        """A call has begun: nothing was heard yet."""
        self._line = Capture(make_resampler(), spare_s=ECHO_S)
        self._line.push(np.zeros(int(ECHO_S * SAMPLE_RATE), np.int16), now)

    def hear(self, pcm: NDArray[np.int16], at: float) -> None:
        """What was heard, int16 [n], and when the first of it was."""
        if self._line is not None:
            self._line.push(pcm, at + len(pcm) / SAMPLE_RATE)

    def read(self, now: float) -> NDArray[np.int16]:
        """The next 20 ms, int16 [960]."""
        return _SILENCE if self._line is None else self._line.frame(now)

    @property
    def trouble(self) -> int:
        """Frames that were not there in time."""
        return 0 if self._line is None else self._line.starved
