"""What is heard of a recording: encoded in some way, over some pattern, through the real playout.

    8 s of the same voice, so that playout knows the way  |  the recording  |  silence

Only the recording is judged. Nothing waits for a clock, so nothing depends on how busy the machine
is. What was heard is kept twice: as it came, with all that playout did to its pace, and round by
round, each from the instant at which it was heard, for scores that find no delay.

Must not know: how good it is, who prints the figures.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.geometry import FRAME_S, FRAME_SAMPLES, SAMPLE_RATE
from pymix_voice.lab import quality
from pymix_voice.lab.patterns import Pattern
from pymix_voice.lab.playing import AHEAD_S, BLOCK, START, Packet, listen, packets
from pymix_voice.voice.opus import LOOKAHEAD_SAMPLES, Decoder, Encoder
from pymix_voice.voice.playout import Counts, Playout
from pymix_voice.voice.redundancy import ONE_FRAME, Packer
from pymix_voice.voice.resample import make_resampler

WARM_ROUNDS = 400
"""8 s, as long as playout remembers."""
AFTER_ROUNDS = 50
"""1 s of silence, or what is late would not be heard to its end."""
LATER_SAMPLES = LOOKAHEAD_SAMPLES + 20
"""Opus and the resampler give what they take so much later."""
BEFORE_SENT_MS = 1000 * (FRAME_S + LATER_SAMPLES / SAMPLE_RATE)
"""A frame is spoken before it is sent, and it comes out of its piece of sound a little later."""


class Scheme(NamedTuple):
    """What fills a packet."""

    name: str
    size: int
    """Bytes each 20 ms."""
    copies: bool = False

    @property
    def kbit_s(self) -> float:
        """What all of it takes, without headers."""
        return round(self.size * 8 / FRAME_S / 1000, 1)


COPIES = Scheme("copies", ONE_FRAME.body_bytes, copies=True)
"""What this project sends: a frame, and a copy of the one two rounds before."""
PLAIN = Scheme("opus 44", ONE_FRAME.body_bytes)
"""The same bytes, all of them for one frame."""
SCHEMES = (COPIES, PLAIN, Scheme("opus 32", 80), Scheme("opus 24", 60), Scheme("opus 16", 40))


class Speech:
    """One recording, as each scheme sends it.

    Args:
        name: the file's.
        pcm: int16 [n], 48 kHz mono; 20 s of it are used.

    Attributes:
        said: int16 [m].
        rounds: how many it takes.
    """

    def __init__(self, name: str, pcm: NDArray[np.int16]) -> None:
        self.name = name
        self.said = pcm[: int(quality.LONGEST_S * SAMPLE_RATE)]
        self.rounds = -(-len(self.said) // FRAME_SAMPLES)
        self._sent: dict[Scheme, list[Packet]] = {}

    @property
    def parts(self) -> tuple[int, int, int]:
        """Rounds before what is judged, of it, and after it."""
        return WARM_ROUNDS, self.rounds, AFTER_ROUNDS

    def sent(self, scheme: Scheme) -> list[Packet]:
        """A packet for each round of all parts; encoded once.

        Raises:
            SoundError: if there is no codec.
        """
        if scheme not in self._sent:
            self._sent[scheme] = _encoded(scheme, self._sound())
        return self._sent[scheme]

    def _sound(self) -> NDArray[np.int16]:
        """What is spoken into the microphone, int16 [rounds, 960]."""
        sound = np.zeros((sum(self.parts), FRAME_SAMPLES), np.int16)
        flat = sound.reshape(-1)
        begin = WARM_ROUNDS * FRAME_SAMPLES
        # The recording's end comes before its beginning, as if it were said over and over.
        flat[:begin] = np.resize(self.said[::-1], begin)[::-1]
        flat[begin : begin + len(self.said)] = self.said
        return sound


def _encoded(scheme: Scheme, sound: NDArray[np.int16]) -> list[Packet]:
    if scheme.copies:
        packer = Packer()
        return packets([packer.pack(frame) for frame in sound])
    encoder = Encoder(scheme.size)
    return [Packet(encoder.encode(frame)) for frame in sound]


class Heard(NamedTuple):
    """What came out of the loudspeaker."""

    sound: NDArray[np.int16]
    """int16 [n], 48 kHz mono: as it came, from where the recording began to be heard."""
    by_round: NDArray[np.int16]
    """int16 [m], as long as the recording: each round from where it began to be heard."""
    delay_ms: float
    """From mouth to ear, of the median round; sound cards take a buffer of theirs beside it."""
    missing: int
    """Rounds of the recording that neither a frame nor a copy was there for in time."""
    runs: int
    """So many times some of them were missing in a row."""


class _Log:
    """Notes when each round is heard.

    Args:
        rounds: how many there are.
    """

    def __init__(self, rounds: int) -> None:
        self.behind = np.full(rounds, np.nan)
        """Seconds from sent to heard, [rounds]; NaN for those whose time never came."""
        self.missing = np.zeros(rounds, np.bool_)
        """Those that nothing was there for, [rounds]."""
        self._next = 0

    def note(self, playout: Playout, before: Counts) -> None:
        """Note what playout did since it had these counts."""
        after = playout.counts
        if after.rounds == before.rounds:
            return
        assert playout.first_played is not None
        end = playout.first_played[0] + after.rounds
        gone = after.lost - after.repaired - (before.lost - before.repaired)
        # Rounds are sent as evenly as they are expected, so that any of them tells the same.
        self.behind[self._next : end] = playout.delay_s + playout.arrivals.soonest(0) - START
        self.missing[end - gone : end] = True
        self._next = end


def hear(speech: Speech, scheme: Scheme, pattern: Pattern) -> Heard | None:
    """Let somebody hear a recording.

    Args:
        speech: what is said.
        scheme: how it is sent.
        pattern: when each round comes, of all the speech's parts.

    Returns:
        None if nothing of the recording was heard.

    Raises:
        SoundError: if a library is missing.
    """
    playout = Playout(Decoder(), make_resampler(), ONE_FRAME.frames_back if scheme.copies else 0)
    log, blocks = _Log(len(pattern.rows)), []
    for now in listen(pattern, speech.sent(scheme), playout):
        before = playout.counts
        blocks.append(playout.render(BLOCK, now + AHEAD_S, now))
        log.note(playout, before)
    judged = slice(WARM_ROUNDS, WARM_ROUNDS + speech.rounds)
    behind, missing = log.behind[judged], log.missing[judged]
    known = ~np.isnan(behind)
    if not known.any():
        return None
    half = float(np.median(behind[known]))
    numbers = np.arange(WARM_ROUNDS, WARM_ROUNDS + speech.rounds)
    heard_at = numbers * FRAME_S + np.where(known, behind, half)
    first = np.rint((heard_at - AHEAD_S) * SAMPLE_RATE).astype(np.int64) + LATER_SAMPLES
    # Rounds that are missing at the end of all sound are silence.
    sound = np.concatenate((*blocks, np.zeros(AFTER_ROUNDS * FRAME_SAMPLES, np.int16)))
    by_round = [sound[at : at + FRAME_SAMPLES] for at in first]
    return Heard(
        sound=sound[first[0] :],
        by_round=np.concatenate(by_round)[: len(speech.said)],
        delay_ms=BEFORE_SENT_MS + 1000 * half,
        missing=int(missing.sum()),
        runs=runs(missing),
    )


def runs(missing: Sequence[bool] | NDArray[np.bool_]) -> int:
    """How many runs of true there are."""
    return int(np.count_nonzero(np.diff(np.asarray(missing, np.int8), prepend=0) == 1))
