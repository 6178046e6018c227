"""How much of an echo is taken away, and what that costs who speaks: an echo made by rules.

    far speech -> loudspeaker -> 60 ms -> room ----+
                  (may clip)                       +-> microphone -> EchoCanceller -> cleaned
    near speech, or none ------------- + noise ----+

Far speech alone tells what is left of the echo. Near speech alone tells what is done to a voice
that needed nothing, and how much later it comes. Both at once tell whether the near voice survives.
No sound devices are used, so real loudspeakers will do worse; the numbers compare, and show harm.

Must not know: devices, calls, who prints the figures.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import soxr
from numpy.typing import NDArray
from rich.table import Table

from pymix_voice.errors import SoundError
from pymix_voice.geometry import SAMPLE_RATE
from pymix_voice.lab.measure import correlation, delays, percentiles
from pymix_voice.voice.recordings import read_recording

Sound = NDArray[np.float64]
"""Samples at 48 kHz mono, of the size of 16-bit ones, not yet rounded."""

SEED = 1
BLOCK = SAMPLE_RATE // 100
WAY_S = 0.060
"""From handing a sample to the loudspeaker to its first echo: buffers of both cards."""
ROOM_S = 0.250
"""In this time the room's answer falls by 60 dB."""
ECHO_DB = -18.0
NOISE_DB = -65.0
"""Below full scale, root mean square; the echo's where it is speech."""
CLIP_DB = 3.0
"""A loudspeaker that clips bends what is louder than speech by so much."""
LEARNING_S = 3.0
"""At the beginning the echo is not known yet, and told by itself."""
SPEECH_DB = -20.0
"""A block of 10 ms is speech if it has this much of the loudest one's level."""
FULL_SCALE = 32768.0
FAR_SAYS = ("kennedy.wav", "austen-leisure.wav")
NEAR_SAYS = "austen-amiable.wav"


class Canceller(Protocol):
    """What is measured."""

    def play(self, pcm: NDArray[np.int16]) -> None:
        """Hear of what the loudspeaker was given."""
        ...

    def hear(self, pcm: NDArray[np.int16]) -> NDArray[np.int16]:
        """Clean what the microphone heard."""
        ...


class Case(NamedTuple):
    """What the echo goes through."""

    name: str
    drift_ppm: float = 0.0
    """By how much the microphone's clock is faster than the loudspeaker's."""
    clips: bool = False
    direct: bool = True
    """Whether the loudspeaker itself is heard, as loud as all its answers from the room."""


CASES = (
    Case("plain echo"),
    Case("clocks 100 ppm apart", drift_ppm=100),
    Case("loudspeaker that clips", clips=True),
    Case("both of these", drift_ppm=100, clips=True),
    Case("no direct sound", direct=False),
)

COUNT = len(CASES) + 1


class Left(NamedTuple):
    """What is left of one echo."""

    case: str
    erle_first_db: float
    """Echo return loss enhancement while it learns; see `enhancement`."""
    erle_db: float
    """The same from then on."""
    both_heard: float
    """Likeness of near speech to itself in what the microphone heard while far speaks, too."""
    both_cleaned: float
    """And in what was cleaned."""


class Harm(NamedTuple):
    """What is done to near speech alone."""

    likeness: float
    """1 for unchanged."""
    level_db: float
    delay_ms: float
    """How much later it comes."""


# ── the echo ─────────────────────────────────────────────────────────────────────────────────


def echo_of(far: Sound, case: Case, rng: np.random.Generator) -> Sound:
    """What the microphone hears of far speech: as long as it, and quieter or louder as need be."""
    played = _clipped(far) if case.clips else far
    late = np.concatenate((np.zeros(round(WAY_S * SAMPLE_RATE)), played))[: len(far)]
    heard = _convolved(late, _room(case.direct, rng))
    if case.drift_ppm:
        heard = soxr.resample(heard, SAMPLE_RATE, SAMPLE_RATE * (1 + case.drift_ppm / 1e6))
        heard = np.pad(heard, (0, max(0, len(far) - len(heard))))[: len(far)]
    return heard * (_full(ECHO_DB) / _speech_level(heard))


def noise(count: int, rng: np.random.Generator) -> Sound:
    """What the microphone hears of nothing."""
    return rng.normal(size=count) * _full(NOISE_DB)


def _room(direct: bool, rng: np.random.Generator) -> Sound:
    """A room's answer to a click: noise that decays."""
    count = round(ROOM_S * SAMPLE_RATE)
    answer = rng.normal(size=count) * 10 ** (-3 * np.arange(count) / count)
    answer /= np.sqrt(answer @ answer)
    answer[0] += 1.0 if direct else 0.0
    return answer


def _clipped(far: Sound) -> Sound:
    most = _speech_level(far) * 10 ** (CLIP_DB / 20)
    return most * np.tanh(far / most)


def _convolved(sound: Sound, answer: Sound) -> Sound:
    size = 1 << (len(sound) + len(answer)).bit_length()
    product = np.fft.rfft(sound, size) * np.fft.rfft(answer, size)
    both: Sound = np.fft.irfft(product, size)[: len(sound)]
    return both


def _full(decibels: float) -> float:
    """A level below full scale as the size of samples."""
    return float(FULL_SCALE * 10 ** (decibels / 20))


# ── figures ──────────────────────────────────────────────────────────────────────────────────


def cleaned(canceller: Canceller, microphone: Sound, far: Sound) -> Sound:
    """Run a canceller, 10 ms at a time.

    Args:
        canceller: a new one.
        microphone: float64 [n].
        far: float64 [n], what the loudspeaker is given.

    Returns:
        float64 [n], whole blocks.
    """
    near, given = (
        np.rint(sound.clip(-32768, 32767)).astype(np.int16) for sound in (microphone, far)
    )
    blocks = []
    for start in range(0, len(near) // BLOCK * BLOCK, BLOCK):
        canceller.play(given[start : start + BLOCK])
        blocks.append(canceller.hear(near[start : start + BLOCK]))
    return np.concatenate(blocks).astype(np.float64)


def spoken(sound: Sound) -> NDArray[np.bool_]:
    """Which blocks of 10 ms are speech, bool [n // 480].

    Raises:
        SoundError: if none is.
    """
    power = _powers(sound)
    if not power.size or power.max() <= 1.0:
        raise SoundError("there is only silence in the recording; give recordings of speech")
    speech: NDArray[np.bool_] = power >= power.max() * 10 ** (SPEECH_DB / 10)
    return speech


def enhancement(microphone: Sound, clean: Sound, blocks: NDArray[np.bool_]) -> float:
    """Echo return loss enhancement: power of microphone over cleaned, in these blocks, in dB."""
    count = min(len(microphone), len(clean)) // BLOCK
    before, after = (
        float(_powers(sound)[:count][blocks[:count]].sum()) for sound in (microphone, clean)
    )
    return float(10 * np.log10(max(before, 1e-9) / max(after, 1e-9)))


def left_of(case: Case, far: Sound, near: Sound, make: Callable[[], Canceller]) -> Left:
    """Measure one case.

    Args:
        case: what the echo goes through.
        far: float64 [n], speech for longer than `LEARNING_S`.
        near: float64 [m], speech that begins in the middle of far speech.
        make: gives a new canceller.

    Raises:
        SoundError: if there is no speech, or the canceller's library is missing.
    """
    rng = np.random.default_rng(SEED)
    echo = echo_of(far, case, rng)
    microphone = echo + noise(len(far), rng)
    speech = spoken(echo)
    learning = np.arange(len(speech)) < LEARNING_S * SAMPLE_RATE / BLOCK
    clean = cleaned(make(), microphone, far)
    start = len(far) // 2
    voice = near[: len(far) - start]
    both = microphone.copy()
    both[start : start + len(voice)] += voice
    return Left(
        case.name,
        erle_first_db=round(enhancement(microphone, clean, speech & learning), 1),
        erle_db=round(enhancement(microphone, clean, speech & ~learning), 1),
        both_heard=round(correlation(voice, both[start:]), 3),
        both_cleaned=round(correlation(voice, cleaned(make(), both, far)[start:]), 3),
    )


def harm_to(near: Sound, make: Callable[[], Canceller]) -> Harm:
    """Measure what is done to near speech while the loudspeaker is silent.

    Args:
        near: float64 [n].
        make: gives a new canceller.

    Raises:
        SoundError: if there is no speech, or the canceller's library is missing.
    """
    microphone = near + noise(len(near), np.random.default_rng(SEED))
    clean = cleaned(make(), microphone, np.zeros(len(near)))
    (late_s,) = percentiles(delays(near, 0.0, clean, 0.0), 50)
    placed = clean[round(late_s * SAMPLE_RATE) :]
    return Harm(
        likeness=round(correlation(near, clean), 4),
        level_db=round(-enhancement(microphone, placed, spoken(near)), 1),
        delay_ms=round(late_s * 1000, 1),
    )


def voices(folder: Path) -> tuple[Sound, Sound]:
    """Far and near speech: recordings of the project.

    Raises:
        SoundError: if one cannot be read.
    """
    far = np.concatenate([read_recording(folder / name) for name in FAR_SAYS])
    return far.astype(np.float64), read_recording(folder / NEAR_SAYS).astype(np.float64)


def measure(
    far: Sound, near: Sound, make: Callable[[], Canceller], cases: Sequence[Case] = CASES
) -> Iterator[Left | Harm]:
    """All figures, one after the other: what is left in every case, then the harm."""
    for case in cases:
        yield left_of(case, far, near, make)
    yield harm_to(near, make)


def table(cases: Sequence[Left]) -> Table:
    """What is left of echoes, for people."""
    shown = Table(box=None, padding=(0, 3, 0, 0))
    shown.add_column("echo taken away")
    for heading in ("first 3 s", "later", "both speak", "before"):
        shown.add_column(heading, justify="right")
    for left in cases:
        shown.add_row(
            left.case,
            *(f"{decibels:.1f} dB" for decibels in (left.erle_first_db, left.erle_db)),
            *(f"{likeness:.2f}" for likeness in (left.both_cleaned, left.both_heard)),
        )
    return shown


LEGEND = "both speak: likeness of the near voice to itself, 1 at most, cleaned and before"


def sentence(harm: Harm) -> str:
    """What is done to near speech, for people."""
    return (
        f"near voice alone: likeness {harm.likeness:.3f}, level {harm.level_db:+.1f} dB, "
        f"{harm.delay_ms:.1f} ms later"
    )


def _powers(sound: Sound) -> Sound:
    """The mean square of every whole block."""
    blocks = sound[: len(sound) // BLOCK * BLOCK].reshape(-1, BLOCK)
    powers: Sound = (blocks**2).mean(axis=1)
    return powers


def _speech_level(sound: Sound) -> float:
    """Root mean square where it is speech."""
    return float(np.sqrt(_powers(sound)[spoken(sound)].mean()))
