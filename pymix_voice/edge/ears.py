"""Ears: where what a client hears goes to, and at whose pace.

A loudspeaker asks for sound by its own clock; a recording, and nothing at all, by this machine's.
The echo test's ear tells its mouth. An ear is given sound all the time, in a call or not.

Must not know: codecs, the network, who is heard.
"""

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from pymix_voice.edge.cards import BLOCK, Loudspeaker
from pymix_voice.edge.mouths import EchoMouth
from pymix_voice.errors import SoundError
from pymix_voice.geometry import FRAME_SAMPLES, SAMPLE_RATE
from pymix_voice.voice.echo import EchoCanceller
from pymix_voice.voice.recordings import Recorder

LONGEST_NAP_S = 0.5
"""After a stall longer than this an ear without a card does not make up for it."""


class Wish(NamedTuple):
    """What an ear wants to be given."""

    samples: int
    at: float
    """The instant at which the first of them will be heard."""


class Ear(Protocol):
    """What hears."""

    def deadline(self) -> float:
        """When it wants more."""
        ...

    def wish(self, now: float) -> Wish:
        """What it wants now; no samples if it is not yet time."""
        ...

    def write(self, pcm: NDArray[np.int16]) -> None:
        """Give it what it wished for, int16 [n]."""

    def begin(self, now: float) -> None:
        """A call's sound begins."""

    def end(self, rest: NDArray[np.int16]) -> None:
        """It is over; what was not yet played of it."""

    @property
    def trouble(self) -> int:
        """How often samples were missing."""
        ...

    @property
    def failures(self) -> list[str]:
        """What could not be recorded, and why: a sentence each."""
        ...


class PacedEar:
    """Hears by this machine's clock, 20 ms at a time; nobody is there.

    Attributes:
        block: samples at a time.
    """

    block = FRAME_SAMPLES

    def __init__(self) -> None:
        self._due: float | None = None
        self.failures: list[str] = []

    @property
    def trouble(self) -> int:
        """Nothing is ever missing."""
        return 0

    def deadline(self) -> float:
        """When the next block is due."""
        return 0.0 if self._due is None else self._due

    def wish(self, now: float) -> Wish:
        """A block, when it is due."""
        if self._due is None or now - self._due > LONGEST_NAP_S:
            self._due = now
        return Wish(self.block if self._due <= now else 0, self._due)

    def write(self, pcm: NDArray[np.int16]) -> None:
        """Let time pass."""
        assert self._due is not None
        self._due += len(pcm) / SAMPLE_RATE

    def begin(self, now: float) -> None:
        """A call's sound begins."""

    def end(self, rest: NDArray[np.int16]) -> None:
        """It is over."""


class RecordingEar(PacedEar):
    """Records each call. Where that cannot be, as on a full disk, the call goes on without.

    Args:
        output: where the first is recorded; later ones beside it: b.wav, b-2.wav, b-3.wav.
    """

    block = BLOCK
    """As a sound card would, since delays are measured by it."""

    def __init__(self, output: Path) -> None:
        super().__init__()
        self._output = output
        self._calls = 0
        self._recorder: Recorder | None = None
        self.path: Path | None = None
        """Where the newest call is recorded, once anything was."""

    def begin(self, now: float) -> None:
        """Record from here on."""
        self._calls += 1
        self._recorder = Recorder(numbered(self._output, self._calls))
        self.path = None

    def write(self, pcm: NDArray[np.int16]) -> None:
        """Record, if there is a call."""
        super().write(pcm)
        self._record(pcm)

    def _record(self, pcm: NDArray[np.int16]) -> None:
        if self._recorder is None or not len(pcm):
            return
        try:
            self._recorder.write(pcm)
        except SoundError as error:
            self._fail(error)
        else:
            self.path = numbered(self._output, self._calls)

    def end(self, rest: NDArray[np.int16]) -> None:
        """The recording is whole."""
        self._record(rest)
        if self._recorder is not None:
            try:
                self._recorder.close()
            except SoundError as error:
                self._fail(error)
        self._recorder = None

    def _fail(self, error: SoundError) -> None:
        """Give this recording up; what was written of it stays."""
        recorder, self._recorder = self._recorder, None
        self.failures.append(f"{error}; the call goes on, but is not recorded any more")
        if recorder is not None:
            with suppress(SoundError):
                recorder.close()


class EchoEar(PacedEar):
    """Tells a mouth what it hears.

    Args:
        mouth: which.
    """

    def __init__(self, mouth: EchoMouth) -> None:
        super().__init__()
        self._mouth = mouth

    def write(self, pcm: NDArray[np.int16]) -> None:
        """Tell it."""
        assert self._due is not None
        self._mouth.hear(pcm, self._due)
        super().write(pcm)


class LiveEar(PacedEar):
    """A person at a loudspeaker; without one, or while it stands still, time passes all the same.

    Args:
        canceller: is told what is played, if there is one.
    """

    def __init__(self, canceller: EchoCanceller | None) -> None:
        super().__init__()
        self._canceller = canceller
        self._card: Loudspeaker | None = None
        self._trouble = 0

    def plug(self, card: Loudspeaker | None) -> None:
        """Use another loudspeaker from now on, or none."""
        self._trouble = self.trouble
        self._card, self._due = card, None

    def deadline(self) -> float:
        """When the loudspeaker wants more."""
        if self._card is None or self._due is not None:
            return super().deadline()
        return self._card.deadline()

    def wish(self, now: float) -> Wish:
        """10 ms, when the loudspeaker is running low."""
        if self._card is None or not self._card.runs(now):
            return super().wish(now)
        self._due = None
        return Wish(BLOCK if self._card.deadline() <= now else 0, self._card.heard_at())

    def write(self, pcm: NDArray[np.int16]) -> None:
        """Play."""
        if self._canceller is not None:
            self._canceller.play(pcm)
        if self._card is None or self._due is not None:
            super().write(pcm)
        else:
            self._card.write(pcm)

    @property
    def trouble(self) -> int:
        """Underruns of all loudspeakers so far."""
        return self._trouble + (0 if self._card is None else self._card.trouble)


def numbered(output: Path, number: int) -> Path:
    """The recording of the n-th call of one run: b.wav, b-2.wav, b-3.wav."""
    if number == 1:
        return output
    return output.with_name(f"{output.stem}-{number}{output.suffix}")
