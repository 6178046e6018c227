"""Echo cancelling, and a little noise suppression, for who has loudspeakers and no headset.

WebRTC's audio processing by pywebrtc-audio, 10 ms at a time: from what the microphone heard it
takes away what the loudspeaker had just been given. No automatic gain: it cost more than it gave
(PESQ 4.05 to 3.16 for a headset). `pymix-voice bench echo` measures it. Source: WebRTC's AEC3.

Must not know: devices, calls, what time it is.
"""

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import SoundError
from pymix_voice.geometry import SAMPLE_RATE

BLOCK = SAMPLE_RATE // 100
MOST_FAR = 10 * BLOCK
"""Samples given to the loudspeaker that wait for their block of the microphone: 100 ms; more pile
up only if the two cards' clocks differ, and then the oldest go."""
NOISE_LEVEL = 0
"""Of 0 to 3. The least takes 6 dB of noise away and leaves clean speech as it is (PESQ 4.29 to
4.31); the next takes 0.8 dB more, and costs 0.17."""


class EchoCanceller:
    """Takes the loudspeaker's sound out of the microphone's.

    Raises:
        SoundError: if the library is missing.
    """

    def __init__(self) -> None:
        try:
            library: Any = importlib.import_module("pywebrtc_audio")
        except ImportError as error:
            raise SoundError(
                "pywebrtc-audio was not found, which cancels echo; install it with "
                "`pip install pywebrtc-audio`, or use a headset without --echo-cancel"
            ) from error
        self._processor = library.AudioProcessor(
            sample_rate=SAMPLE_RATE,
            num_channels=1,
            echo_cancellation=True,
            noise_suppression=True,
            ns_level=NOISE_LEVEL,
        )
        self._near: NDArray[np.int16] = np.zeros(0, np.int16)
        self._far: NDArray[np.int16] = np.zeros(0, np.int16)

    def play(self, pcm: NDArray[np.int16]) -> None:
        """Tell what the loudspeaker was given, int16 [n]."""
        self._far = np.concatenate((self._far, pcm))[-MOST_FAR:]

    def hear(self, pcm: NDArray[np.int16]) -> NDArray[np.int16]:
        """Clean what the microphone heard.

        Args:
            pcm: int16 [n], any length.

        Returns:
            int16 [m]: whole blocks of 480; the rest comes with the next.
        """
        near = np.concatenate((self._near, pcm))
        whole = len(near) // BLOCK * BLOCK
        self._near = near[whole:]
        blocks = [self._block(near[start : start + BLOCK]) for start in range(0, whole, BLOCK)]
        return np.concatenate(blocks) if blocks else np.zeros(0, np.int16)

    def _block(self, near: NDArray[np.int16]) -> NDArray[np.int16]:
        far, self._far = self._far[:BLOCK], self._far[BLOCK:]
        if len(far) < BLOCK:
            far = np.concatenate((far, np.zeros(BLOCK - len(far), np.int16)))
        clean: NDArray[np.int16] = self._processor.process(near, far)
        return clean

    @property
    def kept_back_s(self) -> float:
        """Seconds of sound that wait for a whole block."""
        return len(self._near) / SAMPLE_RATE
