"""Outfit: what a client speaks and hears with, as a person chose it.

Each side is a recording, a sound device, or nothing; the echo test is both sides at once.

Must not know: calls, codecs, the network.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import trio
from numpy.typing import NDArray

from pymix_voice.edge.ears import Ear, EchoEar, LiveEar, PacedEar, RecordingEar
from pymix_voice.edge.mouths import EchoMouth, LiveMouth, Mouth, NoMouth, RecordedMouth
from pymix_voice.edge.plugs import Plugs, Wanted
from pymix_voice.edge.sound import Sound
from pymix_voice.voice.echo import EchoCanceller


class Choice(NamedTuple):
    """What a person said about sound."""

    said: NDArray[np.int16] | None = None
    """A recording to speak, int16 [n]."""
    output: Path | None = None
    """Where to record what is heard."""
    silent: bool = False
    """No sound devices: where no file is given, say nothing and hear nothing."""
    wanted: Wanted = Wanted()
    echo_cancel: bool = False


class Outfit:
    """A client's sound, and the devices it needs.

    Args:
        mouth: what speaks.
        ear: what hears.
        frames: how many of 20 ms a round of the zone takes.
        wanted: which devices a live mouth and ear are to use.

    Raises:
        SoundError: if there is no codec, or a device cannot be had.
    """

    def __init__(
        self,
        mouth: Mouth,
        ear: Ear,
        frames: int,
        wanted: Wanted = Wanted(),  # noqa: B008 - frozen
    ) -> None:
        self.sound = Sound(mouth, ear, frames)
        self._plugs = Plugs(
            mouth if isinstance(mouth, LiveMouth) else None,
            ear if isinstance(ear, LiveEar) else None,
            wanted,
        )
        self._plugs.open()
        self._plugs.plug()

    @property
    def names(self) -> tuple[str, str]:
        """What speaks and what hears, for the person."""
        microphone, loudspeaker = self._plugs.names
        return (
            microphone or MOUTHS[type(self.sound.mouth)],
            loudspeaker or EARS[type(self.sound.ear)],
        )

    async def watch(self, note: Callable[[str], None]) -> None:
        """Follow devices that come and go, until cancelled; then give them back."""
        try:
            await self._plugs.watch(note)
        finally:
            with trio.CancelScope(shield=True):
                await self._plugs.leave()


MOUTHS = {
    NoMouth: "nothing",
    RecordedMouth: "a recording",
    LiveMouth: "no microphone",
    EchoMouth: "an echo",
}
EARS = {
    PacedEar: "nothing",
    RecordingEar: "a recording",
    LiveEar: "no loudspeaker",
    EchoEar: "an echo",
}


def outfit(choice: Choice, frames: int) -> Outfit:
    """What a person chose, in a zone whose rounds take so many frames.

    Raises:
        SoundError: if a library or device is missing, in one sentence.
    """
    live = not choice.silent
    canceller = EchoCanceller() if choice.echo_cancel and live else None
    mouth: Mouth = NoMouth()
    if choice.said is not None:
        mouth = RecordedMouth(choice.said)
    elif live:
        mouth = LiveMouth(canceller)
    ear: Ear = PacedEar()
    if choice.output is not None:
        ear = RecordingEar(choice.output)
    elif live:
        ear = LiveEar(canceller)
    return Outfit(mouth, ear, frames, choice.wanted)


def echo_outfit(frames: int) -> Outfit:
    """The echo test: says what it hears, a second later."""
    mouth = EchoMouth()
    return Outfit(mouth, EchoEar(mouth), frames)
