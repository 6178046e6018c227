"""What copies in cells are worth: speech quality under loss, with them and without.

Two ways to fill the same 111 bytes, judged by PESQ-WB over the same losses of the same recordings:

    plain    one frame; what is lost is guessed by Opus
    copies   what cells carry: a smaller frame, and a copy of the one two rounds before

Playout is assumed to wait for copies, as it does where rounds are lost: 40 ms more. What happens
on the way there is measured by `pymix-voice bench playout`.

Must not know: rounds, sockets, who prints the figures.
"""

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from pymix_voice.errors import SoundError
from pymix_voice.geometry import FRAME_SAMPLES, SAMPLE_RATE
from pymix_voice.lab import quality
from pymix_voice.lab.losses import Losses, Mask, mask
from pymix_voice.lab.zoning import wav_files
from pymix_voice.voice.opus import LOOKAHEAD_SAMPLES, Decoder, Encoder
from pymix_voice.voice.recordings import read_recording
from pymix_voice.voice.redundancy import ONE_FRAME, Packer, unpack

SEEDS = 3
PLAIN, COPIES = "plain", "copies"


class Condition(NamedTuple):
    """How much is lost, and how."""

    losses: Losses
    share: float


ALL = (
    *(Condition(Losses.RANDOM, share) for share in (0.0, 0.01, 0.05, 0.10, 0.20)),
    *(Condition(Losses.BURSTY, share) for share in (0.01, 0.05, 0.10, 0.20)),
)
FEW = (
    *(Condition(Losses.RANDOM, share) for share in (0.0, 0.05, 0.10)),
    Condition(Losses.BURSTY, 0.10),
)


class Recording:
    """Recorded speech, and what both ways make of it.

    Args:
        name: the file's.
        pcm: int16 [n], 48 kHz mono; 20 s of it are used.

    Attributes:
        said: int16 [m].
        frames: plain ones, 111 bytes each.
        bodies: with copies, as many and as long.

    Raises:
        SoundError: if there is no codec.
    """

    def __init__(self, name: str, pcm: NDArray[np.int16]) -> None:
        self.name = name
        self.said = pcm[: int(quality.LONGEST_S * SAMPLE_RATE)]
        # So many rounds more, or the last frames' copies would not come.
        rounds = -(-len(self.said) // FRAME_SAMPLES) + ONE_FRAME.frames_back + 1
        sound = np.zeros(rounds * FRAME_SAMPLES, np.int16)
        sound[: len(self.said)] = self.said
        encoder, packer = Encoder(ONE_FRAME.body_bytes), Packer()
        pieces = sound.reshape(rounds, FRAME_SAMPLES)
        self.frames = [encoder.encode(piece) for piece in pieces]
        self.bodies = [packer.pack(piece) for piece in pieces]


class Score(NamedTuple):
    """One recording over one mask, both ways."""

    condition: Condition
    plain: float
    copies: float


class Row(NamedTuple):
    """One way under one condition."""

    scheme: str
    pattern: str
    loss: float
    """Share of rounds, 0 to 1."""
    pesq: float
    """The mean of all scores."""
    n: int
    """How many: recordings times seeds."""
    spread: float
    """Their standard deviation; most of it lies between the recordings."""


def recordings(folder: Path, most: int | None = None) -> list[Recording]:
    """The WAV files of a folder, by name.

    Args:
        folder: where they are.
        most: no more than the first so many.

    Raises:
        ConfigError: if there are none.
        SoundError: if one cannot be read, or there is no codec.
    """
    return [Recording(path.name, read_recording(path)) for path in wav_files(folder, most)]


# ── what is heard ────────────────────────────────────────────────────────────────────────────


def heard_plain(frames: Sequence[bytes], lost: Mask) -> NDArray[np.int16]:
    """Plain frames, some of them lost.

    Args:
        frames: one a round.
        lost: bool [rounds].

    Returns:
        int16 [n], 48 kHz mono, without the codec's look-ahead.
    """
    decoder = Decoder()
    pieces = [
        decoder.conceal() if gone else decoder.decode(frame)
        for frame, gone in zip(frames, lost, strict=True)
    ]
    return np.concatenate(pieces)[LOOKAHEAD_SAMPLES:]


def heard_with_copies(bodies: Sequence[bytes], lost: Mask) -> NDArray[np.int16]:
    """Bodies with copies, some of them lost; a lost frame's copy is decoded in its place.

    Args:
        bodies: one a round.
        lost: bool [rounds].

    Returns:
        int16 [n], 48 kHz mono, without the codec's look-ahead.
    """
    here: dict[int, bytes] = {}
    for number, (body, gone) in enumerate(zip(bodies, lost, strict=True)):
        if not gone:
            unpacked = unpack(body)
            here[number] = unpacked.frames[0]
            for earlier, copy in unpacked.copies_of(number):
                here.setdefault(earlier, copy)
    decoder = Decoder()
    pieces = [
        decoder.decode(here[number]) if number in here else decoder.conceal()
        for number in range(len(bodies))
    ]
    return np.concatenate(pieces)[LOOKAHEAD_SAMPLES:]


# ── scores ───────────────────────────────────────────────────────────────────────────────────


def count(spoken: Sequence[Recording], conditions: Sequence[Condition], seeds: int) -> int:
    """How many scores there will be."""
    return len(spoken) * sum(_seeds(condition, seeds) for condition in conditions)


def scores(
    spoken: Sequence[Recording], conditions: Sequence[Condition], seeds: int
) -> Iterator[Score]:
    """Score all recordings under all conditions, one after the other.

    Args:
        spoken: what is said.
        conditions: what is lost.
        seeds: masks for each recording and condition.

    Raises:
        SoundError: if PESQ is missing, or a recording has no speech in it.
    """
    for condition in conditions:
        for place, recording in enumerate(spoken):
            for seed in range(_seeds(condition, seeds)):
                rng = np.random.default_rng([seed, place, *_drawn_for(condition)])
                lost = mask(*condition, len(recording.frames), rng)
                yield score(recording, condition, lost)


def _drawn_for(condition: Condition) -> tuple[int, int]:
    """Numbers that set one condition's dice apart from another's."""
    return round(condition.share * 1000), int(condition.losses is Losses.BURSTY)


def _seeds(condition: Condition, seeds: int) -> int:
    """Without loss all masks are the same."""
    return seeds if condition.share else 1


def score(recording: Recording, condition: Condition, lost: Mask) -> Score:
    """Score one recording over one mask, both ways."""
    try:
        plain = quality.pesq(recording.said, heard_plain(recording.frames, lost))
        copies = quality.pesq(recording.said, heard_with_copies(recording.bodies, lost))
    except SoundError as error:
        raise SoundError(f"{recording.name}: {error}") from error
    return Score(condition, plain, copies)


def rows(measured: Sequence[Score]) -> list[Row]:
    """The figures for programs: both ways under every condition, in the order measured."""
    found = []
    for condition, some in _by_condition(measured).items():
        for scheme in (PLAIN, COPIES):
            values = [float(getattr(each, scheme)) for each in some]
            mean, spread = round(statistics.fmean(values), 3), round(statistics.pstdev(values), 3)
            found.append(Row(scheme, *condition, mean, len(values), spread))
    return found


def table(measured: Sequence[Score]) -> Table:
    """The figures for people, a line for every condition."""
    shown = Table(box=None, padding=(0, 3, 0, 0))
    shown.add_column("lost")
    for heading in ("plain Opus", "as in cells", "gain", "n"):
        shown.add_column(heading, justify="right")
    for condition, some in _by_condition(measured).items():
        shown.add_row(
            f"{condition.share:4.0%} {condition.losses if condition.share else ''}",
            _shown([each.plain for each in some]),
            _shown([each.copies for each in some]),
            _shown([each.copies - each.plain for each in some], "+"),
            str(len(some)),
        )
    return shown


def _by_condition(measured: Sequence[Score]) -> dict[Condition, list[Score]]:
    found: dict[Condition, list[Score]] = {}
    for each in measured:
        found.setdefault(each.condition, []).append(each)
    return found


def _shown(values: Sequence[float], sign: str = "") -> str:
    """The mean, and how far the scores lie from it."""
    return f"{statistics.fmean(values):{sign}.2f} ± {statistics.pstdev(values):.2f}"
