"""A client's voice: from the microphone into frames, from frames into a recording.

Once a round a frame is asked for, and in every round the same is done for it, in a call or
not: read 20 ms, encode, and decode a frame if nothing else is being decoded.

Source: the project's design page, section "Voice"; its protocol page, "Rules" 3 and 4.

Must not know: circuits, sockets, who the peer is.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pymix_voice.client.call import Call
from pymix_voice.geometry import FRAME_SAMPLES
from pymix_voice.voice.microphone import FileMicrophone
from pymix_voice.voice.opus import Decoder, Encoder
from pymix_voice.voice.playout import Playout
from pymix_voice.voice.recordings import Recorder

FLUSH_S = 0.1
"""At the end of a call what still waits is played at once; nobody waits longer for more."""

_SILENCE: NDArray[np.int16] = np.zeros(FRAME_SAMPLES, np.int16)


class CallSound:
    """The sound of one call.

    Args:
        call: it; gives what was sent.
        pcm: what is spoken, int16 [n] at 48 kHz; None for nothing to say.
        output: where what is heard is recorded, if anywhere.
    """

    def __init__(self, call: Call, pcm: NDArray[np.int16] | None, output: Path | None) -> None:
        self.call = call
        self.output = output
        self._microphone = None if pcm is None else FileMicrophone(pcm)
        self._recorder = None if output is None else Recorder(output)
        self._playout = Playout(Decoder())
        self._started = False
        self._silent_at_push = 0
        self._rounds_heard = 0
        self._first_number: int | None = None
        self._last_number = -1
        self.first_sent: int | None = None
        self.finished = False
        """Whether the recording to speak was spoken."""

    # ── out ──────────────────────────────────────────────────────────────────────────────

    def read(self, number: int, now: float) -> NDArray[np.int16] | None:
        """What to say in a round: int16 [960], None when all was said."""
        if not self.call.talking and not self._started:
            return _SILENCE
        if not self._started:
            self._started = True
            self.first_sent = number
            if self._microphone is not None:
                self._microphone.start(now)
        self.finished = self._microphone is None or self._microphone.finished
        if self._microphone is None or self.finished:
            return None
        return self._microphone.read(now)

    # ── in ───────────────────────────────────────────────────────────────────────────────

    def push(self, number: int, frame: bytes, now: float) -> None:
        """A frame was heard."""
        if self._first_number is None:
            self._first_number = number
        self._rounds_heard += 1
        self._last_number = max(self._last_number, number)
        self._silent_at_push = self._playout.silent
        self._playout.push(number, frame, now)

    def pull(self, now: float) -> None:
        """Play what is due."""
        for pcm in self._playout.pull(now):
            if self._recorder is not None:
                self._recorder.write(pcm)

    def deadline(self) -> float:
        """When the next 20 ms are due."""
        due = self._playout.deadline()
        return float("inf") if due is None else due

    @property
    def playing(self) -> bool:
        """Whether there is anything to decode."""
        return self._playout.s0 is not None

    @property
    def dry(self) -> bool:
        """Whether all that was heard has been played."""
        return self._playout.s0 is None or self._playout.silent > self._silent_at_push

    def close(self, now: float) -> None:
        """The call is over: play what still waits, and finish the recording."""
        self.pull(now + FLUSH_S)
        if self._recorder is not None:
            self._recorder.close()

    def summary(self, dialed_at: float | None) -> dict[str, object]:
        """How the call was, for people and benchmarks; instants are monotonic seconds."""
        play = self._playout
        span = 0 if self._first_number is None else self._last_number - self._first_number + 1
        recorded = self._recorder is not None and self._recorder.samples > 0
        return {
            "role": "caller" if self.call.caller else "callee",
            "frames_sent": self.call.frames_sent,
            "frames_heard": play.heard,
            "frames_concealed": play.concealed,
            "frames_late": play.late,
            "loss": round(1 - min(1.0, play.heard / span), 5) if span else 0.0,
            "t0": None if self._microphone is None else self._microphone.t0,
            "first_round_sent": self.first_sent,
            "s0": play.s0,
            "first_round_played": self._first_number,
            "first_played_at": play.s0,
            "dialed_at": dialed_at,
            "microphone_skipped": 0 if self._microphone is None else self._microphone.skipped,
            "microphone_starved": 0 if self._microphone is None else self._microphone.starved,
            "output": str(self.output) if recorded else None,
        }


class Voice:
    """What is asked for a frame in every round.

    Raises:
        SoundError: if there is no codec.
    """

    def __init__(self) -> None:
        self._encoder = Encoder()
        self._idle_decoder = Decoder()

    def frame(self, sound: CallSound | None, number: int, now: float) -> bytes | None:
        """The frame of a round, 111 bytes; None when a recording was spoken to its end."""
        pcm = _SILENCE if sound is None else sound.read(number, now)
        frame = self._encoder.encode(_SILENCE if pcm is None else pcm)
        if sound is None or not sound.playing:
            # Whoever measures this process must not see from its work that a call is on.
            self._idle_decoder.decode(frame)
        return None if pcm is None else frame


def numbered(output: Path | None, number: int) -> Path | None:
    """The recording of the n-th call of one run: b.wav, b-2.wav, b-3.wav."""
    if output is None or number == 1:
        return output
    return output.with_name(f"{output.stem}-{number}{output.suffix}")
