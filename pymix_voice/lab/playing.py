"""Playing patterns: what jitter and loss do to delay and sound, without a network or a card.

Recorded speech, encoded as in a call, arrives as a pattern says, and goes through the real playout
and codec into a sound card that asks for 10 ms at a time, 20 ms before they are heard. Nothing
waits for a clock, so a minute takes a second.

Must not know: how patterns came to be, who prints the figures.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from pymix_voice.geometry import FRAME_SAMPLES, SAMPLE_RATE
from pymix_voice.lab.measure import percentiles
from pymix_voice.lab.patterns import Pattern
from pymix_voice.voice.opus import Decoder
from pymix_voice.voice.playout import Playout
from pymix_voice.voice.redundancy import ONE_FRAME, Packer, unpack
from pymix_voice.voice.resample import make_resampler

BLOCK = SAMPLE_RATE // 100
BLOCK_S = BLOCK / SAMPLE_RATE
AHEAD_S = 0.020
"""The card is asked to be filled so long before a block is heard."""
START = 1000.0
"""Instants are those of some monotonic clock."""

LEGEND = """\
delay      from when a round can be here at the soonest until it is heard: half
           of all, and 95 % of all, less than this
late       rounds that came when their time was over
lost       rounds that were not here in time; missing: nor was a copy of them
guessed    pieces of 20 ms that the codec made up
stretched  sound left out or said twice to change the delay; how often a minute"""


class Packet(NamedTuple):
    """What one round brings."""

    frame: bytes
    copies: tuple[tuple[int, bytes], ...] = ()
    """Of frames of earlier rounds: their rounds, and they."""


class Figures(NamedTuple):
    """What one pattern did; shares from 0 to 1."""

    name: str
    sentence: str
    delay_p50_ms: float | None
    """From the soonest that a round can be here to when it is heard; None if none was."""
    delay_p95_ms: float | None
    late: float
    """Rounds that came after their time."""
    loss: float
    """Rounds that were not there in time, lost ones and late ones."""
    loss_after_repair: float
    concealed: float
    """Pieces of 20 ms that were guessed, for each round."""
    stretched: float
    """Sound left out, or said twice, so that a delay changes."""
    stretches_per_minute: float


def results(pcm: NDArray[np.int16], corpus: Sequence[Pattern]) -> Iterator[Figures]:
    """Play patterns, one after the other.

    Args:
        pcm: int16 [n], 48 kHz mono, what is said, over and over.
        corpus: what is played.

    Raises:
        SoundError: if a library is missing.
    """
    said = bodies(pcm, max((len(pattern.rows) for pattern in corpus), default=0))
    for pattern in corpus:
        yield play(pattern, said)


def bodies(pcm: NDArray[np.int16], count: int) -> list[bytes]:
    """What a peer who says this, over and over, sends in so many rounds."""
    packer = Packer()
    frames = np.resize(pcm, count * FRAME_SAMPLES).reshape(count, FRAME_SAMPLES)
    return [packer.pack(frame) for frame in frames]


def packets(said: Sequence[bytes]) -> list[Packet]:
    """What the bodies of rounds hold."""
    unpacked = [unpack(body) for body in said]
    return [Packet(each.frames[0], tuple(each.copies_of(n))) for n, each in enumerate(unpacked)]


def play(pattern: Pattern, said: Sequence[bytes]) -> Figures:
    """Let somebody hear what was said, as it arrives.

    Args:
        pattern: when each round comes.
        said: a body for each of its rounds, or more.
    """
    playout = Playout(Decoder(), make_resampler(), ONE_FRAME.frames_back)
    delays: list[float] = []
    blocks = 0
    for now in listen(pattern, packets(said), playout):
        rounds = playout.counts.rounds
        playout.render(BLOCK, now + AHEAD_S, now)
        blocks += 1
        if playout.counts.rounds > rounds:
            delays.append(playout.delay_s * 1000)
    return _figures(pattern, playout, np.array(delays), blocks)


def listen(pattern: Pattern, said: Sequence[Packet], playout: Playout) -> Iterator[float]:
    """The instants at which the card asks; what has come by then is with the playout.

    Args:
        pattern: when each round comes; the first was sent at `START`.
        said: a packet for each of its rounds, or more.
        playout: what is given to it.
    """
    arrivals = sorted((row.at, row.number) for row in pattern.rows if row.at is not None)
    if not arrivals:
        return
    end, place = arrivals[-1][0], 0
    for block in range(int(end / BLOCK_S)):
        passed = block * BLOCK_S
        while place < len(arrivals) and arrivals[place][0] <= passed:
            at, number = arrivals[place]
            playout.push(number, [said[number].frame], START + at, said[number].copies)
            place += 1
        yield START + passed


def _figures(
    pattern: Pattern, playout: Playout, delays: NDArray[np.float64], blocks: int
) -> Figures:
    counts = playout.counts
    stretches, shortened, lengthened = playout.stretched
    rounds = max(1, counts.rounds)
    half, most = percentiles(delays, 50, 95)
    known = delays.size > 0
    return Figures(
        name=pattern.name,
        sentence=pattern.sentence,
        delay_p50_ms=round(half, 1) if known else None,
        delay_p95_ms=round(most, 1) if known else None,
        late=round(counts.late / rounds, 5),
        loss=round(counts.loss, 5),
        loss_after_repair=round(counts.loss_after_repair, 5),
        concealed=round(counts.concealed / rounds, 5),
        stretched=round((shortened + lengthened) / max(1, blocks * BLOCK), 5),
        stretches_per_minute=round(stretches / max(BLOCK_S, blocks * BLOCK_S) * 60, 1),
    )


def table(figures: Sequence[Figures], *, sentences: bool = True) -> Table:
    """The figures for people, a line for each pattern.

    Args:
        figures: of all patterns.
        sentences: whether there is room to say what each pattern is.
    """
    shown = Table(box=None, padding=(0, 2, 0, 0))
    shown.add_column("pattern", no_wrap=True)
    headings = ("delay", "95 %", "late", "lost", "missing", "guessed", "stretched", "/min")
    for heading in headings:
        shown.add_column(heading, justify="right")
    if sentences:
        shown.add_column("what comes")
    for each in figures:
        shown.add_row(
            each.name,
            *(_ms(delay) for delay in (each.delay_p50_ms, each.delay_p95_ms)),
            *(f"{share:.1%}" for share in (each.late, each.loss, each.loss_after_repair)),
            *(f"{share:.1%}" for share in (each.concealed, each.stretched)),
            f"{each.stretches_per_minute:.0f}",
            *([each.sentence] if sentences else []),
        )
    return shown


def _ms(delay: float | None) -> str:
    return "-" if delay is None else f"{delay:.0f} ms"
