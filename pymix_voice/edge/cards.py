"""A microphone and a loudspeaker: PortAudio streams that only move samples.

PortAudio calls back in a thread of its own. A callback copies one block between PortAudio's memory
and a ring, and notes when; everything else is done by the program when it is due. What a ring
could not take or give is counted.

Must not know: codecs, rounds, calls, what becomes of the samples.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pymix_voice.edge.clock import Clock
from pymix_voice.edge.devices import Device, Side, portaudio
from pymix_voice.edge.priority import share_priority
from pymix_voice.edge.rings import Ring
from pymix_voice.errors import SoundError
from pymix_voice.geometry import SAMPLE_RATE
from pymix_voice.voice.card import CardClock

BLOCK = SAMPLE_RATE // 100
"""What a card gives or takes at once, 10 ms."""
RING = SAMPLE_RATE // 2
"""Half a second: far more than ever waits."""
STILL_S = 0.1
"""A card that has not asked for so long stands still."""
GONE_S = 1.0
"""A card that has not asked for so long is gone."""
FIRST_LEAD, LEAD_STEP, MOST_LEAD = BLOCK + BLOCK // 2, BLOCK // 2, 6 * BLOCK
"""Samples that wait for a loudspeaker at least; more after each time that they ran out."""
START = 2 * SAMPLE_RATE
"""Until so many samples were played, that says nothing of what is needed later."""


class Stream(Protocol):
    """What is needed of a PortAudio stream."""

    latency: float

    def start(self) -> None:
        """Begin."""

    def abort(self) -> None:
        """End at once."""

    def close(self) -> None:
        """Give it back."""


def open_stream(side: Side, device: Device, callback: Any) -> Stream:  # noqa: ANN401 - cffi's types
    """A stream of 48 kHz mono int16, not started.

    Raises:
        SoundError: if the device does not do that.
    """
    sd = portaudio()
    kind = sd.RawInputStream if side == Side.INPUT else sd.RawOutputStream
    try:
        stream: Stream = kind(
            samplerate=SAMPLE_RATE,
            blocksize=BLOCK,
            device=device.number,
            channels=1,
            dtype="int16",
            latency="low",
            callback=callback,
        )
    except (sd.PortAudioError, ValueError) as error:
        raise SoundError(
            f"the {side.thing} '{device.name}' cannot be used at 48 kHz; is another program using "
            "it? choose another one of `pymix-voice devices`"
        ) from error
    return stream


class Card:
    """One side of a sound card, from opening to closing.

    Args:
        side: which.
        device: to open.

    Attributes:
        trouble: how often samples were lost, or missing when the card wanted them.

    Raises:
        SoundError: if it cannot be opened.
    """

    def __init__(self, side: Side, device: Device) -> None:
        self.side = side
        self.device = device
        self.ring = Ring(RING)
        self.clock = CardClock()
        self.trouble = 0
        self._began_at = Clock.now()
        self._moved = 0
        self._passed = 0
        """Samples that did not go through the ring, lost or filled in: time went on with them."""
        self._wanted = side == Side.OUTPUT
        """Whether the program has begun to take what a microphone hears."""
        self._full = False
        take = self._take if side == Side.INPUT else self._give
        self._stream = open_stream(side, device, take)
        self.latency_s = 0.0

    def start(self) -> None:
        """Let the card run.

        Raises:
            SoundError: if it does not.
        """
        self._began_at = Clock.now()  # to open a card may take seconds
        try:
            self._stream.start()
        except portaudio().PortAudioError as error:
            raise SoundError(
                f"the {self.side.thing} '{self.device.name}' does not start; choose another one "
                "of `pymix-voice devices`"
            ) from error
        # ALSA plugins tell nonsense now and then.
        self.latency_s = min(max(0.0, float(self._stream.latency)), 0.5)

    def _take(self, block: Any, frames: int, time: Any, status: Any) -> None:  # noqa: ANN401 - cffi
        """A block of the microphone; called in PortAudio's thread."""
        now = Clock.now()
        samples = np.frombuffer(block, np.int16)
        kept = self.ring.write(samples) if self._wanted else 0
        full = self._wanted and kept < frames
        self.trouble += bool(status) or (full and not self._full)  # once, until it is read again
        self._full = full
        self._passed += frames - kept
        self._count(frames, now)

    def _give(self, block: Any, frames: int, time: Any, status: Any) -> None:  # noqa: ANN401 - cffi
        """A block for the loudspeaker; called in PortAudio's thread."""
        now = Clock.now()
        samples = np.frombuffer(block, np.int16)
        given = self.ring.read_into(samples)
        if given < frames:
            samples[given:] = 0
            self.trouble += self.ring.written > 0
            self._passed += frames - given
        self.trouble += bool(status)
        self._count(frames, now)

    def _count(self, frames: int, now: float) -> None:
        if self._moved % SAMPLE_RATE < frames:  # once a second: the program may ask only later
            share_priority()
        self._moved += frames
        self.clock.block(self._moved, now)

    def runs(self, now: float) -> bool:
        """Whether the card asks for sound: not at first, and not while it stands still."""
        asked_at = self.clock.asked_at
        return asked_at is not None and now - asked_at <= STILL_S

    def gone(self, now: float) -> bool:
        """Whether the card has stopped asking."""
        asked_at = self.clock.asked_at
        return now - (self._began_at if asked_at is None else asked_at) > GONE_S

    def lost(self, now: float) -> bool:
        """Whether nothing of it may be called any more: it stands still, and dies hard."""
        return self.device.dies_hard and not self.runs(now)

    @property
    def stream(self) -> Stream:
        """What PortAudio knows of it."""
        return self._stream

    def close(self) -> None:
        """Stop, and give it back; may take a while, so not beside a round."""
        self._stream.abort()
        self._stream.close()


class Microphone(Card):
    """A card that gives samples.

    Raises:
        SoundError: if it cannot be opened.
    """

    def __init__(self, device: Device) -> None:
        super().__init__(Side.INPUT, device)

    def take(self) -> tuple[NDArray[np.int16], float]:
        """All samples that wait, and the instant at which the last of them was heard."""
        self._wanted = True
        passed = self._passed
        samples: NDArray[np.int16] = np.empty(self.ring.waiting, np.int16)
        count = self.ring.read_into(samples)
        return samples[:count], self.clock.instant(self.ring.read + passed)


class Loudspeaker(Card):
    """A card that takes samples.

    Raises:
        SoundError: if it cannot be opened.
    """

    def __init__(self, device: Device) -> None:
        super().__init__(Side.OUTPUT, device)
        self._lead = FIRST_LEAD
        self._troubled = 0

    def deadline(self) -> float:
        """When the ring wants more at the latest; tells nothing while the card stands still."""
        if self.trouble > self._troubled:
            self._troubled = self.trouble
            if self._moved > START:  # a program that begins has much else to do
                self._lead = min(MOST_LEAD, self._lead + LEAD_STEP)
        # At that instant only the lead is left.
        return self.clock.instant(self.ring.written + self._passed - self._lead)

    def heard_at(self) -> float:
        """When the next sample that is written will be heard."""
        return self.clock.instant(self.ring.written + self._passed) + self.latency_s

    def write(self, samples: NDArray[np.int16]) -> None:
        """Add samples; what does not fit is lost and counted."""
        if self.ring.write(samples) < len(samples):
            self.trouble += 1
