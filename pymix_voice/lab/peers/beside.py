"""All schemes that carry a voice, one after the other, on this machine and with these recordings.

    python -m pymix_voice.lab.peers.beside [SCHEME ...]

What fails, or is not installed, is told as missing, with the reason; nothing is guessed.

Must not know: how any of them works.
"""

import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import trio

from pymix_voice.edge.running import first, run
from pymix_voice.errors import PymixError
from pymix_voice.geometry import SAMPLE_RATE
from pymix_voice.lab.peers import direct, mumble, timers, tor_voice
from pymix_voice.lab.peers.voices import Said, Voice, missing
from pymix_voice.lab.zoning import CALLEE_SAYS, CALLER_SAYS, samples
from pymix_voice.voice.recordings import Recorder, read_recording

SAID_S = 8.0
"""So much of each recording is spoken."""


class Scheme(NamedTuple):
    """One that can be measured."""

    name: str
    sentence: str
    measure: Callable[[Said, Path], Awaitable[Voice]]
    within_s: float = 40.0
    """Longer than this it does not get."""


SCHEMES = (
    Scheme(direct.SCHEME, direct.SENTENCE, direct.measure),
    Scheme(timers.SCHEME, timers.SENTENCE, timers.measure, within_s=60.0),
    Scheme(tor_voice.EXIT, tor_voice.EXIT_SENTENCE, tor_voice.measure_exit, within_s=90.0),
    Scheme(tor_voice.ONION, tor_voice.ONION_SENTENCE, tor_voice.measure_onion, within_s=120.0),
    Scheme(mumble.SCHEME, mumble.SENTENCE, mumble.measure),
)


async def all_of(schemes: Sequence[Scheme], folder: Path, said_s: float = SAID_S) -> list[Voice]:
    """Measure schemes, one after the other.

    Args:
        schemes: which; some of `SCHEMES`.
        folder: existing; each scheme's recordings and logs stay in a folder of its own there.
        said_s: seconds of speech.

    Raises:
        SoundError: if the recordings are not there.
    """
    said = shortened((samples() / CALLER_SAYS, samples() / CALLEE_SAYS), folder, said_s)
    return [await one_of(scheme, said, folder / scheme.name) for scheme in schemes]


async def one_of(scheme: Scheme, said: Said, folder: Path) -> Voice:
    """Measure one scheme; if it cannot be, say why.

    Args:
        scheme: which.
        said: what the two speak.
        folder: for recordings and logs; made here.
    """
    await trio.Path(folder).mkdir(parents=True, exist_ok=True)
    try:
        with trio.move_on_after(scheme.within_s):
            return await scheme.measure(said, folder)
    except (BaseExceptionGroup, PymixError, OSError) as error:
        if isinstance(error, BaseExceptionGroup) and error.split((PymixError, OSError))[1]:
            raise
        return missing(scheme.name, scheme.sentence, str(first(error)))
    why = f"it did not end within {scheme.within_s:.0f} s"
    return missing(scheme.name, scheme.sentence, why)


def shortened(said: Said, folder: Path, seconds: float) -> Said:
    """The beginnings of two recordings, as recordings.

    Args:
        said: both.
        folder: where they are put.
        seconds: so much of each.

    Raises:
        SoundError: if one of them cannot be read or written.
    """

    def short(path: Path) -> Path:
        to = folder / f"said-{path.stem}.wav"
        with Recorder(to) as recorder:
            recorder.write(read_recording(path)[: int(seconds * SAMPLE_RATE)])
        return to

    return short(said[0]), short(said[1])


def main(*names: str) -> None:
    """Measure those that are named, or all; each is told as one line of JSON."""
    chosen = [scheme for scheme in SCHEMES if not names or scheme.name in names]

    async def whole() -> list[Voice]:
        with tempfile.TemporaryDirectory(prefix="pymix-beside-") as folder:
            return await all_of(chosen, Path(folder))

    for voice in run(whole):
        told = {"p50": voice.percentile(50), "p95": voice.percentile(95), "n": len(voice.values_ms)}
        summary = {**voice._asdict(), "values_ms": None, **told}
        sys.stdout.write(msgspec.json.encode(summary).decode() + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
