"""A client's voice: from its mouth into cells, from cells into its ear.

    mouth -> encode, with copies of earlier frames -> cell
    cell  -> playout: decode, repair, conceal      -> ear

Once a round its frames are asked for, and in every round the same is done for them, in a call or
not: read, encode, play out. Outside of calls a hum is encoded in place of what the microphone
heard; it goes through the chain to oneself, and is played out to nobody. That teaches playout the
way here, so that a call begins with the delay it needs.

Source: the project's design page, section "Voice"; its protocol page, "Rules" 3 and 4.

Must not know: circuits, sockets, devices, who the peer is.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pymix_voice.client.call import PAUSE
from pymix_voice.edge.ears import Ear, RecordingEar
from pymix_voice.edge.mouths import Mouth
from pymix_voice.errors import BadCell
from pymix_voice.geometry import FRAME_S, FRAME_SAMPLES
from pymix_voice.voice.arrivals import Arrivals
from pymix_voice.voice.level import Level
from pymix_voice.voice.opus import Decoder
from pymix_voice.voice.playout import Playout
from pymix_voice.voice.redundancy import Layout, Packer, unpack
from pymix_voice.voice.resample import make_resampler
from pymix_voice.voice.tones import Tone, hum, piece

MOST_REST = 5
"""At the end of a call so many frames that still wait are kept, 100 ms: more would take so long
that a cell might leave late, just then."""
TALK_HELD_S = 0.8
"""A push-to-talk key counts as held for so long: a terminal tells of no key that is let go, and
begins to repeat one after up to two thirds of a second."""
MOST_VOLUME = 200


def new_playout(arrivals: Arrivals) -> Playout:
    """For one call.

    Raises:
        SoundError: if a library is missing.
    """
    return Playout(Decoder(), make_resampler(), Layout(arrivals.frames).frames_back, arrivals)


class Talked(Protocol):
    """What sound needs to know of a call."""

    @property
    def caller(self) -> bool:
        """Whether this side dialed."""
        ...

    @property
    def talking(self) -> bool:
        """Whether voice flows."""
        ...

    @property
    def finished_there(self) -> bool:
        """Whether the peer has said all that it will say."""
        ...

    @property
    def frames_sent(self) -> int:
        """Frames of voice that were sent."""
        ...


class CallSound:
    """How one call sounded.

    Args:
        call: it; gives what was sent.
        arrivals: what is known of the way here.
    """

    def __init__(self, call: Talked, arrivals: Arrivals) -> None:
        self.call = call
        self.playout = new_playout(arrivals)
        self.began_at: float | None = None
        """When the first sample of its sound was heard, be it silence."""
        self.first_sent: int | None = None
        """Number of the first frame that was spoken."""

    def summary(self, dialed_at: float | None, mouth: Mouth, ear: Ear) -> dict[str, object]:
        """How the call was, for people and benchmarks; instants are monotonic seconds."""
        counts = self.playout.counts
        first = self.playout.first_played
        recorded = ear.path if isinstance(ear, RecordingEar) else None
        return {
            "role": "caller" if self.call.caller else "callee",
            "frames_sent": self.call.frames_sent,
            "frames_heard": counts.heard,
            "frames_repaired": counts.repaired,
            "frames_concealed": counts.concealed,
            "frames_late": counts.late,
            "loss": round(counts.loss, 5),
            "loss_after_repair": round(counts.loss_after_repair, 5),
            "stretches": self.playout.stretched[0],
            "t0": mouth.t0,
            "first_frame_sent": self.first_sent,
            "s0": self.began_at,
            "first_frame_played": None if first is None else first[0],
            "first_played_at": None if first is None else first[1],
            "dialed_at": dialed_at,
            "mouth_trouble": mouth.trouble,
            "ear_trouble": ear.trouble,
            "output": None if recorded is None else str(recorded),
        }


class Sound:
    """What a client says and hears, all the time.

    Args:
        mouth: where what is said comes from.
        ear: where what is heard goes to.
        frames: how many of 20 ms a round takes.

    Raises:
        SoundError: if there is no codec.
    """

    def __init__(self, mouth: Mouth, ear: Ear, frames: int) -> None:
        self.mouth = mouth
        self.ear = ear
        self.frames = frames
        self._layout = Layout(frames)
        self._packer = Packer(self._layout)
        self._idle = new_playout(Arrivals(frames))
        for tone in Tone:  # made once, and not while a round waits
            piece(tone, 0, 1)
        hum(0)
        self.call: CallSound | None = None
        self.tone: Tone | None = None
        """What rings, while there is no call."""
        self._tone_samples = 0
        self.muted = False
        self.push_to_talk = False
        self._talk_until = 0.0
        self._spoke = False
        self.volume = 100
        """Of what is heard, in per cent."""
        self.level_in, self.level_out = Level(), Level()

    # ── out ──────────────────────────────────────────────────────────────────────────────

    def speaks(self, now: float) -> bool:
        """Whether the person wants to be heard now."""
        return now < self._talk_until if self.push_to_talk else not self.muted

    def talk(self, now: float) -> None:
        """The push-to-talk key is down."""
        self._talk_until = now + TALK_HELD_S

    @property
    def finished(self) -> bool:
        """Whether all was said that is to be said in this call."""
        return self._began and self.mouth.finished

    @property
    def _began(self) -> bool:
        return self.call is not None and self.call.first_sent is not None

    def frame(self, number: int, now: float) -> bytes | None:
        """What to say in a round: a body, `PAUSE`, or None when all was said."""
        # As if each frame were read when it is whole: the newest now, those before it earlier.
        instants = [now - back * FRAME_S for back in reversed(range(self.frames))]
        self._begin_to_speak(number, instants[0])
        finished = self.finished
        pcm = np.concatenate([self.mouth.read(instant) for instant in instants])
        self.level_in.take(pcm)
        speaks = self._began and not finished and self.speaks(now)
        if speaks and not self._spoke:
            self._packer.begin()  # the peer's decoder knows nothing of the hum
        self._spoke = speaks
        body = self._packer.pack(pcm if speaks else self._hum(number))
        if finished:
            return None
        return PAUSE if self._began and not speaks else body

    def _hum(self, number: int) -> NDArray[np.int16]:
        first = number * self.frames
        return np.concatenate([hum(place) for place in range(first, first + self.frames)])

    def _begin_to_speak(self, number: int, now: float) -> None:
        """The first round in which this side talks."""
        sound = self.call
        if sound is not None and sound.first_sent is None and sound.call.talking:
            sound.first_sent = number * self.frames
            self.mouth.begin(now)

    # ── in ───────────────────────────────────────────────────────────────────────────────

    def push(self, number: int, body: bytes, now: float) -> None:
        """A round of the peer's came: a body, or `PAUSE`."""
        if self.call is not None:
            self._push(self.call.playout, number, body, now)

    def push_loop(self, number: int, body: bytes, now: float) -> None:
        """What an idle client said to itself came back: the same is done for it as in a call."""
        if self.call is None:
            self._push(self._idle, number, body, now)

    def _push(self, playout: Playout, number: int, body: bytes, now: float) -> None:
        if body == PAUSE:
            playout.push(number, [PAUSE] * self.frames, now)
            return
        try:
            unpacked = unpack(body, self._layout)
        except BadCell:
            return  # the peer's own doing; it is missed like a lost one
        playout.push(number, unpacked.frames, now, unpacked.copies_of(number))

    def deadline(self) -> float:
        """When the ear wants more."""
        return self.ear.deadline()

    def pull(self, now: float) -> None:
        """Give the ear what it wants."""
        while (wish := self.ear.wish(now)).samples:
            self.ear.write(self._heard(wish.samples, wish.at, now))

    def _heard(self, count: int, at: float, now: float) -> NDArray[np.int16]:
        """What is heard: the peer, or a tone."""
        playout = self._idle if self.call is None else self.call.playout
        pcm = self._louder(playout.render(count, at, now))
        if self.call is None:
            pcm = self._ringing(count)
        elif self.call.began_at is None:
            self.call.began_at = at
        self.level_out.take(pcm)
        return pcm

    def _louder(self, pcm: NDArray[np.int16]) -> NDArray[np.int16]:
        scaled = np.clip(pcm * np.float32(self.volume / 100), -32768, 32767)
        changed: NDArray[np.int16] = scaled.astype(np.int16)
        return changed

    def _ringing(self, count: int) -> NDArray[np.int16]:
        if self.tone is None:
            self._tone_samples = 0
            return np.zeros(count, np.int16)
        self._tone_samples += count
        return piece(self.tone, self._tone_samples - count, count)

    # ── calls ────────────────────────────────────────────────────────────────────────────

    @property
    def dry(self) -> bool:
        """Whether all that came has been heard."""
        return self.call is None or self.call.playout.dry

    def begin(self, call: Talked, now: float) -> None:
        """A call's sound begins."""
        self.call = CallSound(call, self._idle.arrivals.successor())
        self.ear.begin(now)

    def end(self, now: float) -> CallSound | None:
        """It is over: what still waits is played at once. The call's sound, if there was one."""
        ended, self.call = self.call, None
        if ended is not None:
            rest = [np.zeros(0, np.int16)]
            while not ended.playout.dry and len(rest) <= MOST_REST:
                at = now + len(rest) * FRAME_S
                rest.append(ended.playout.render(FRAME_SAMPLES, at, at))
            self.ear.end(np.concatenate(rest))
        return ended
