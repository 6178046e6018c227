"""One call, from the first opened cell to the last: how it stands on both sides.

    calling/ringing --> accepted --> talking --> ended
                          (accepted, and the peer was heard on the line)

Time is counted in rounds, and only rounds. Nothing on the wire follows from any of this but
what the cells hold.

Source: the project's protocol page, section "Dialing, step by step".

Must not know: circuits, the session, voice, what time it is.
"""

from enum import StrEnum

from pymix_voice.client.callkeys import CallKeys, Path
from pymix_voice.client.words import Word, body_of, parse_word
from pymix_voice.onion.cell import Kind

QUIET_S = 2.0
"""After so long without the peer a person is told "reconnecting"."""
LOST_S = 45.0
"""After so long the call is over for the person."""
PAUSE = b""
"""In place of a frame: nothing is said in this round, though there is a call."""
RING_S = 60.0
"""A call that nobody answers rings so long."""


class Ending(StrEnum):
    """Why a call is over."""

    HUNG_UP_HERE = "you hung up"
    HUNG_UP_THERE = "the other side hung up"
    DECLINED_HERE = "you declined"
    DECLINED_THERE = "the other side declined"
    BUSY = "the other side is in another call"
    NO_ANSWER = "nobody answered"
    ABSENT = "nobody is there: the other side is not online"
    LOST = "the other side has not been heard for 45 seconds"
    ROUNDS_WENT_BACK = "the zone's rounds went back, so the call's keys were given up"
    REPLACED = "the other side called anew"


class Call:
    """A call with one peer.

    Args:
        peer: the peer's identity key.
        keys: what seals its cells.
        caller: whether this side dialed.
        number: the round it began in.
        check: digits that are the same on both sides if nobody is between them.
    """

    def __init__(
        self, peer: bytes, keys: CallKeys, *, caller: bool, number: int, check: str = ""
    ) -> None:
        self.peer = peer
        self.keys = keys
        self.caller = caller
        self.check = check
        self.confirmed = False
        """A cell under the call's keys was opened."""
        self.accepted = False
        self.line_heard = False
        self.crossing = False
        """Both dialed each other, and the other of the two calls is the one that counts."""
        self.finished_here = False
        self.finished_there = False
        self.muted_there = False
        """The peer says nothing just now, on purpose."""
        self.ending: Ending | None = None
        self.began = number
        self.heard_number = number
        self.frames_sent = 0

    def __repr__(self) -> str:
        return "Call()"

    @property
    def over(self) -> bool:
        """Whether it has ended for the person here."""
        return self.ending is not None

    @property
    def talking(self) -> bool:
        """Whether voice flows: it was accepted, and the way to the peer is known to work."""
        return self.accepted and self.line_heard and not self.over

    def end(self, ending: Ending) -> None:
        """It is over; the first reason counts."""
        if self.ending is None:
            self.ending = ending

    # ── this side speaks ─────────────────────────────────────────────────────────────────

    @property
    def word(self) -> Word:
        """How things stand here."""
        if self.crossing:
            return Word.CROSSING
        if self.ending == Ending.DECLINED_HERE:
            return Word.DECLINE
        if self.ending == Ending.BUSY:
            return Word.BUSY
        if self.over:
            return Word.HANG_UP
        if self.caller:
            return Word.FINISHED if self.finished_here else Word.CALLING
        if self.finished_here:
            return Word.FINISHED
        return Word.ACCEPT if self.accepted else Word.RINGING

    def say(self, path: Path, number: int, frame: bytes | None) -> bytes:
        """The cell for a round: voice on the line while talking, else the word.

        Args:
            path: line or door.
            number: the round.
            frame: a body of voice; `PAUSE` for none now, None when nothing more will be said.
        """
        kind, body = Kind.CONTROL, body_of(self.word)
        if path == Path.LINE and self.talking:
            self.finished_here = frame is None
            if frame is None:
                body = body_of(self.word)
            elif frame == PAUSE:
                body = body_of(Word.MUTED)
            else:
                kind, body = Kind.VOICE, frame
                self.frames_sent += self.keys.geometry.frames
        return self.keys.seal(path, number, kind, body)

    # ── the peer speaks ──────────────────────────────────────────────────────────────────

    def hear(self, path: Path, number: int, cell: bytes) -> bytes | None:
        """Take the peer's cell of a round.

        Returns:
            Its frame of voice, `PAUSE` if the peer says that it says nothing, else None.

        Raises:
            BadCell: if the peer did not seal it.
        """
        kind, body = self.keys.open(path, number, cell)
        self.confirmed = True
        self.heard_number = max(self.heard_number, number)
        self.line_heard |= path == Path.LINE
        if kind == Kind.VOICE:
            # Only who was accepted speaks: a voice cell says so as well as the word does.
            self.accepted |= self.caller
            self.finished_there = self.muted_there = False
            return body if self.accepted and not self.over else None
        if kind == Kind.CONTROL:
            word = parse_word(body)
            self._take(word)
            if word in (Word.MUTED, Word.FINISHED) and self.talking:
                return PAUSE
        return None

    def _take(self, word: Word) -> None:
        match word:
            case Word.ACCEPT if self.caller:
                self.accepted = True
            case Word.MUTED | Word.FINISHED:
                self.accepted |= self.caller
                self.muted_there = word == Word.MUTED
                self.finished_there = word == Word.FINISHED
            case Word.CROSSING if self.caller:
                self.crossing = True
            case Word.DECLINE if self.caller:
                self.end(Ending.DECLINED_THERE)
            case Word.BUSY if self.caller:
                self.end(Ending.BUSY)
            case Word.HANG_UP:
                self.end(Ending.HUNG_UP_THERE)
            case _:
                pass

    def pass_time(self, number: int) -> None:
        """End what has lasted too long without the peer, or without an answer."""
        rounds_in = self.keys.geometry.rounds_in
        if number - self.heard_number > rounds_in(LOST_S):
            self.end(Ending.LOST)
        elif not self.accepted and number - self.began > rounds_in(RING_S):
            self.end(Ending.NO_ANSWER)

    def quiet(self, number: int) -> bool:
        """Whether the peer has not been heard for so long that a person is told."""
        return number - self.heard_number > self.keys.geometry.rounds_in(QUIET_S)
