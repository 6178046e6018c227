"""Elastic sound: what waits to be taken, and can be made a little longer or shorter.

Both ends of a call have one: between the microphone and the encoder, whose clock is the zone's,
and between the decoder and the loudspeaker. What comes is stretched if need be, resampled, and
waits; `Pace` says by how much, from the error that the owner measures.

    put  ->  stretch  ->  resample  ->  waiting  ->  take

Must not know: rounds, codecs, devices, what time it is.
"""

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import Misuse
from pymix_voice.geometry import FRAME_SAMPLES, SAMPLE_RATE
from pymix_voice.voice.pace import Pace, Stretch
from pymix_voice.voice.resample import Resampler, Sound
from pymix_voice.voice.stretch import best_lag, is_quiet, lengthen, shorten

FULL_SCALE = np.float32(32768.0)


def to_float(pcm: NDArray[np.int16]) -> Sound:
    """int16 [n] to float32 [n], full scale 1."""
    return pcm.astype(np.float32) / FULL_SCALE


def to_int16(sound: Sound) -> NDArray[np.int16]:
    """float32 [n] to int16 [n]; what is too loud is clipped."""
    scaled = np.rint(sound * FULL_SCALE)
    clipped: NDArray[np.int16] = np.clip(scaled, -32768, 32767).astype(np.int16)
    return clipped


class Elastic:
    """A queue of sound with a pace.

    Args:
        resampler: for the small errors.

    Attributes:
        pace: what it goes by.
        shortened: samples left out by stretches so far.
        lengthened: samples said twice.
        stretches: how many there were.
    """

    def __init__(self, resampler: Resampler) -> None:
        self.pace = Pace()
        self._resampler = resampler
        self._pieces: list[Sound] = []
        self.waiting = 0
        self.shortened = 0
        self.lengthened = 0
        self.stretches = 0

    @property
    def waiting_s(self) -> float:
        """Seconds of sound that can be taken."""
        return self.waiting / SAMPLE_RATE

    def put(self, pcm: NDArray[np.int16], error_s: float) -> None:
        """Add sound.

        Args:
            pcm: int16 [n], 48 kHz mono; whole frames can be stretched, shorter pieces are not.
            error_s: seconds of sound too much (negative: too little) that wait, by the owner.
        """
        sound = to_float(pcm)
        whole = len(sound) >= FRAME_SAMPLES
        wanted = self.pace.look(error_s, quiet=whole and is_quiet(sound))
        if wanted != Stretch.NONE and whole:
            sound = self._stretched(sound, wanted)
        self._append(self._resampler.process(sound, self.pace.ratio))

    def _stretched(self, sound: Sound, wanted: Stretch) -> Sound:
        lag = best_lag(sound, int(abs(self.pace.agreed_s) * SAMPLE_RATE))
        if lag is None:
            return sound
        self.stretches += 1
        self.pace.stretched(wanted * lag / SAMPLE_RATE)
        if wanted == Stretch.SHORTEN:
            self.shortened += lag
            return shorten(sound, lag)
        self.lengthened += lag
        return lengthen(sound, lag)

    def put_silence(self, samples: int) -> None:
        """Add silence of an exact length: where nothing is heard, a delay can be set at once."""
        self._append(np.zeros(samples, np.float32))
        self.pace.moved()

    def _append(self, sound: Sound) -> None:
        self._pieces.append(sound)
        self.waiting += len(sound)

    def take(self, samples: int) -> NDArray[np.int16]:
        """Take what was put first.

        Returns:
            int16 [samples].

        Raises:
            Misuse: if less is waiting.
        """
        if samples > self.waiting:
            raise Misuse(f"{samples} samples were taken, but {self.waiting} are waiting")
        joined = np.concatenate(self._pieces) if len(self._pieces) != 1 else self._pieces[0]
        self._pieces = [joined[samples:]]
        self.waiting -= samples
        return to_int16(joined[:samples])
