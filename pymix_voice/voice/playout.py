"""Playout: what is heard, and when, of frames that come early, late, or not at all.

A frame is to be heard when it can be counted on to be here (`Arrivals`), which follows
the jitter of the way; `Elastic` sound gets there by small changes of rate and by stretches, so
there is neither a gap nor a jump. For each next frame:

    here                   decode it
    lost, a copy is here   decode the copy that a later cell carried
    lost                   conceal it, and go on to the next one
    nothing is here        conceal and wait: what is late will be heard, later
    five times nothing     silence, until a frame comes and can be counted on

What was waited for, and then turns out to have been lost, is skipped: the delay comes back.

Frames are numbered without a gap: round r of n frames has those from r · n on.

Source: the rules of NetEq (WebRTC) in idea, driven by round numbers in place of time stamps.

Must not know: cells, sound devices, what time it is (instants are arguments).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import BadCell
from pymix_voice.geometry import FRAME_S, FRAME_SAMPLES, SAMPLE_RATE
from pymix_voice.voice.arrivals import Arrivals
from pymix_voice.voice.elastic import Elastic
from pymix_voice.voice.lead import Lead
from pymix_voice.voice.resample import Resampler

CONCEAL_FRAMES = 5
"""After 100 ms Opus has faded out; more would be work for silence."""
WINDOW = 64
"""The most frames that are kept, and copies: a bound on memory, far above any delay."""
MARGIN_S = 0.003
"""A frame is to be here so long before it is needed."""
STALE_S = 0.03
"""After silence, playing begins no further behind than this if newer frames are here."""
MOST_ERROR_S = 0.3
"""Further off than this a stretch does not mend it: begin anew."""
LONGEST_GAP = 2250
"""A call is over after so many frames of silence; a longer gap is a jump of the zone's rounds."""
REPAIR_ABOVE, REPAIR_BELOW = 0.006, 0.003
"""From this loss on playout waits for copies; below that one it no longer does."""

PAUSE = b""
"""A frame that says: nothing is said in its place."""


class FrameDecoder(Protocol):
    """What playout needs of a codec."""

    def decode(self, frame: bytes) -> NDArray[np.int16]:
        """One frame, or the copy of one, to int16 [960]; BadCell if it is none."""
        ...

    def conceal(self) -> NDArray[np.int16]:
        """A guess, int16 [960]."""
        ...


class Counts(NamedTuple):
    """How the frames fared whose time has come."""

    heard: int
    """Frames decoded."""
    paused: int
    """Frames in whose place the peer said that it said nothing."""
    repaired: int
    """Lost frames that a copy stood in for."""
    concealed: int
    """Frames guessed."""
    lost: int
    """Frames that were not there in time, repaired or not."""
    late: int
    """Frames that came after their time."""
    dropped: int
    """Frames not used: skipped to catch up, or too many."""

    @property
    def rounds(self) -> int:
        """All of them, as rounds of 20 ms."""
        return self.heard + self.paused + self.lost

    @property
    def loss(self) -> float:
        """The share of frames that were not there in time."""
        return self.lost / self.rounds if self.rounds else 0.0

    @property
    def loss_after_repair(self) -> float:
        """The share of frames that were not there, nor a copy."""
        return (self.lost - self.repaired) / self.rounds if self.rounds else 0.0


class Playout:
    """Frames by number in, sound by instant out.

    Args:
        decoder: the codec; used in the order of playing only.
        resampler: for the drift of clocks.
        copies_back: how many frames later the copy of a frame comes.
        arrivals: what is known of the way here already.
    """

    def __init__(
        self,
        decoder: FrameDecoder,
        resampler: Resampler,
        copies_back: int = 2,
        arrivals: Arrivals | None = None,
    ) -> None:
        self._decoder = decoder
        self._out = Elastic(resampler)
        self.arrivals = Arrivals() if arrivals is None else arrivals
        self._repair_s = copies_back * FRAME_S
        self._repairs = False
        self._frames: dict[int, bytes] = {}
        self._copies: dict[int, bytes] = {}
        self._playing = False
        self._next = -1  # the frame whose time is next
        self._missed = 0  # pieces of sound in a row without a frame
        self._waited = 0  # how many of them were in place of no frame
        self._lead = Lead()
        self._block_s = 0.0
        self._heard = self._paused = self._repaired = self._concealed = 0
        self._lost = self._late = self._dropped = 0
        self.first_played: tuple[int, float] | None = None
        """The first frame that was heard, and the instant at which it began to be."""
        self.delay_s = 0.0
        """Of the newest frame: from when it is here at the soonest to when it is heard."""

    # ── in ───────────────────────────────────────────────────────────────────────────────

    def push(
        self,
        number: int,
        frames: Sequence[bytes],
        now: float,
        copies: Iterable[tuple[int, bytes]] = (),
    ) -> None:
        """Take a round's frames.

        Args:
            number: the round; what comes for it a second time is ignored.
            frames: what the peer said, or `PAUSE`; as many as a round takes.
            now: when they came.
            copies: of earlier frames, that came along: their numbers, and they.
        """
        first = number * len(frames)
        if first in self._frames or self.arrivals.came(number):
            return
        self.arrivals.take(number, now)
        for place, frame in enumerate(frames, first):
            if place < self._next:
                self._late += 1
            else:
                self._frames[place] = frame
        for earlier, copy in copies:
            if earlier >= self._next:
                self._copies.setdefault(earlier, copy)
        self._forget_far()

    def _forget_far(self) -> None:
        """Only the newest frames are kept; who is that far behind begins anew with them."""
        while len(self._frames) > WINDOW:
            del self._frames[min(self._frames)]
            self._dropped += 1
        while len(self._copies) > WINDOW:
            del self._copies[min(self._copies)]

    # ── out ──────────────────────────────────────────────────────────────────────────────

    def render(self, count: int, at: float, now: float) -> NDArray[np.int16]:
        """The next samples, without gap since the last ones.

        Args:
            count: how many.
            at: the instant at which the first of them will be heard.
            now: the present instant, on the same clock.

        Returns:
            int16 [count], 48 kHz mono.
        """
        self._block_s = count / SAMPLE_RATE
        while self._out.waiting < count:
            heard_at = at + self._out.waiting_s
            self._lead.take(heard_at - now)
            self._next_piece(heard_at)
        return self._out.take(count)

    def _error(self, number: int, heard_at: float) -> float:
        """How much later than need be a frame would be heard, in seconds."""
        lead_s = self._lead.most(self._block_s)
        needed = self.arrivals.counted_on(number) + MARGIN_S + lead_s
        return heard_at - needed - (self._repair_s if self._repairs else 0.0)

    def _next_piece(self, heard_at: float) -> None:
        """Put one more piece of sound into the queue."""
        loss = self.arrivals.loss
        self._repairs = loss > (REPAIR_BELOW if self._repairs else REPAIR_ABOVE)
        if self._playing and abs(self._error(self._next, heard_at)) > MOST_ERROR_S:
            self._stop()
        if not self._playing and not self._begin(heard_at):
            return
        self._skip_what_was_waited_for()
        number = self._next
        error = self._error(number, heard_at)
        frame, copy = self._frames.pop(number, None), self._copies.pop(number, None)
        if frame is None and copy is None and not self._frames:
            self._wait(error)
            return
        self._next += 1
        self.delay_s = heard_at - self.arrivals.soonest(number)
        if self.first_played is None and frame != PAUSE:
            self.first_played = number, heard_at
        self._out.put(self._sound_of(frame, copy), error)

    def _begin(self, heard_at: float) -> bool:
        """From silence: whether a frame's time has come; if not, be silent a little longer."""
        silence = FRAME_SAMPLES
        while self._frames:
            first = min(self._frames)
            error = self._error(first, heard_at)
            if error > STALE_S and len(self._frames) > 1:
                del self._frames[first]
                self._dropped += 1
                continue
            if error >= 0:
                self._count_gap(first)
                self._playing, self._next = True, first
                self._missed = self._waited = 0
                self._copies = {n: copy for n, copy in self._copies.items() if n >= first}
                self._out.pace.moved()
                return True
            silence = min(FRAME_SAMPLES, int(-error * SAMPLE_RATE) + 1)
            break
        self._out.put_silence(silence)
        return False

    def _count_gap(self, first: int) -> None:
        """Frames that passed in silence were lost, unless the zone counts anew."""
        if self._next >= 0 and first - self._next < LONGEST_GAP:
            self._lost += first - self._next

    def _stop(self) -> None:
        self._playing = False

    def _skip_what_was_waited_for(self) -> None:
        """Frames that were lost, and already guessed for, take no more time."""
        if self._waited and self._frames:
            skipped = min(self._waited, min(self._frames) - self._next)
            self._next += skipped
            self._lost += skipped
            self._waited = 0

    def _wait(self, error: float) -> None:
        """Nothing is here: guess, and be ready for the same frame a little later."""
        self._missed += 1
        self._waited += 1
        if self._missed > CONCEAL_FRAMES:
            self._stop()
            self._out.put_silence(FRAME_SAMPLES)
            return
        self._concealed += 1
        self._out.put(self._decoder.conceal(), error)

    def _sound_of(self, frame: bytes | None, copy: bytes | None) -> NDArray[np.int16]:
        """What a frame sounds like, by the best that is here of it."""
        if frame == PAUSE:
            self._paused += 1
            return self._fade_out()
        sound = self._decoded(frame)
        if sound is not None:
            self._heard += 1
            return sound
        self._lost += 1
        sound = self._decoded(copy)
        if sound is not None:
            self._repaired += 1
            return sound
        self._missed += 1
        if self._missed > CONCEAL_FRAMES:
            return np.zeros(FRAME_SAMPLES, np.int16)
        self._concealed += 1
        return self._decoder.conceal()

    def _decoded(self, frame: bytes | None) -> NDArray[np.int16] | None:
        """A frame's sound, if it is here and is one."""
        if frame is None:
            return None
        try:
            sound = self._decoder.decode(frame)
        except BadCell:
            return None
        self._missed = 0
        return sound

    def _fade_out(self) -> NDArray[np.int16]:
        """The first frame of a pause ends what was heard before softly; then it is silent."""
        first, self._missed = self._missed == 0, CONCEAL_FRAMES
        if not first:
            return np.zeros(FRAME_SAMPLES, np.int16)
        fading = self._decoder.conceal() * np.linspace(1, 0, FRAME_SAMPLES, dtype=np.float32)
        faded: NDArray[np.int16] = fading.astype(np.int16)
        return faded

    # ── how it goes ──────────────────────────────────────────────────────────────────────

    @property
    def dry(self) -> bool:
        """Whether all that came has been heard."""
        return not any(frame != PAUSE for frame in self._frames.values())

    @property
    def counts(self) -> Counts:
        """How the frames fared so far."""
        return Counts(
            self._heard,
            self._paused,
            self._repaired,
            self._concealed,
            self._lost,
            self._late,
            self._dropped,
        )

    @property
    def stretched(self) -> tuple[int, int, int]:
        """Stretches so far, samples left out by them, samples said twice."""
        return self._out.stretches, self._out.shortened, self._out.lengthened

    @property
    def jitter_s(self) -> float:
        """What the way's jitter asks to wait, in seconds."""
        return self.arrivals.jitter_s

    @property
    def loss(self) -> float:
        """The share of the last 10 s of rounds that did not come; what the peer is told."""
        return self.arrivals.loss
