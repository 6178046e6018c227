"""Playout: when each round's frame is heard. The plain form, with one fixed delay.

The first frame is heard `delay_s` after it came, and from then on one frame of sound leaves
every 20 ms without end. Round r has its place at s0 + (r - r0) * 20 ms: a frame that comes
later than its place is lost, a missing one is concealed. After five concealed frames there is
silence. A frame that comes in silence and has no place any more, because the path became
longer or the peer's rounds jumped, sets the timetable anew, again with `delay_s` before it.

Must not know: cells, sound devices, what time it is (`now` is an argument).
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import BadCell, Misuse
from pymix_voice.geometry import FRAME_SAMPLES, SAMPLE_RATE

CONCEAL_FRAMES = 5
"""After 100 ms Opus has faded out; more would be work for silence."""

WINDOW = 64
"""The most rounds ahead that a frame is kept: a bound on memory, far above any delay."""

_FRAME_S = FRAME_SAMPLES / SAMPLE_RATE
_ROUNDING = 1e-9
"""In seconds: a frame due right now is due."""


class FrameDecoder(Protocol):
    """What playout needs of a codec."""

    def decode(self, frame: bytes) -> NDArray[np.int16]:
        """One frame to int16 [960]; BadCell if it is none."""
        ...

    def conceal(self) -> NDArray[np.int16]:
        """A guess, int16 [960]."""
        ...


class Playout:
    """Frames by round number in, sound by instant out.

    Args:
        decoder: the codec; used in the order of playing only.
        delay_s: from the arrival of the first frame to its being heard.

    Attributes:
        s0: the instant of the first output sample in monotonic seconds; None until a frame came.
            Output sample j is heard at s0 + j / 48,000.
        heard: frames decoded.
        concealed: frames guessed.
        silent: frames of silence, after too many guesses.
        late: frames that came after their place.
        early: frames too many rounds ahead to keep.
        garbled: frames that the codec refused (concealed then).
    """

    def __init__(self, decoder: FrameDecoder, delay_s: float = 0.04) -> None:
        if delay_s < 0:
            raise Misuse(f"a playout delay of {delay_s} s is not possible")
        self._decoder = decoder
        self._delay_s = delay_s
        self._waiting: dict[int, bytes] = {}
        self._next = 0  # the round whose place is next
        self._emitted = 0  # frames of sound given out
        self._missed = 0  # frames in a row without a decoded one
        self.s0: float | None = None
        self.heard = 0
        self.concealed = 0
        self.silent = 0
        self.late = 0
        self.early = 0
        self.garbled = 0

    def push(self, round: int, frame: bytes, now: float) -> None:
        """Take a round's frame. A second one for the same round is ignored."""
        if self.s0 is None:
            self.s0 = now + self._delay_s
            self._next = round
        ahead = round - self._next
        if not 0 <= ahead < WINDOW:
            if not self._in_silence:
                self.late += ahead < 0
                self.early += ahead >= WINDOW
                return
            self._begin_anew(round, now)
        self._waiting.setdefault(round, frame)

    def deadline(self) -> float | None:
        """When the next 20 ms of sound are due; None before the first frame came."""
        return None if self.s0 is None else self.s0 + self._emitted * _FRAME_S

    def pull(self, now: float) -> list[NDArray[np.int16]]:
        """All sound that is due by now.

        Returns:
            Frames of int16 [960] in order, without gap since the last pull.
        """
        sound: list[NDArray[np.int16]] = []
        while (due := self.deadline()) is not None and due <= now + _ROUNDING:
            sound.append(self._play(self._waiting.pop(self._next, None)))
            self._next += 1
            self._emitted += 1
        return sound

    @property
    def _in_silence(self) -> bool:
        """Whether nobody hears a change of timetable: nothing is playing, nothing waits."""
        return self._missed >= CONCEAL_FRAMES and not self._waiting

    def _begin_anew(self, round: int, now: float) -> None:
        """Give this round the first place of the running output that is `delay_s` away."""
        due = self.deadline()
        wait = 0.0 if due is None else now + self._delay_s - due
        self._next = round - max(0, int(np.ceil(wait / _FRAME_S - _ROUNDING)))

    def _play(self, frame: bytes | None) -> NDArray[np.int16]:
        """Decode, else conceal, else be silent."""
        if frame is not None:
            try:
                sound = self._decoder.decode(frame)
            except BadCell:
                self.garbled += 1
            else:
                self.heard += 1
                self._missed = 0
                return sound
        self._missed += 1
        if self._missed <= CONCEAL_FRAMES:
            self.concealed += 1
            return self._decoder.conceal()
        self.silent += 1
        return np.zeros(FRAME_SAMPLES, dtype=np.int16)
