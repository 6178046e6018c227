"""A call: what each side says and hears, and how it stands after."""

import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sizes import BODY_BYTES
from zones import FUZZ

from pymix_voice.client.call import PAUSE, Call, Ending
from pymix_voice.client.callkeys import CallKeys, Path
from pymix_voice.client.words import Word, body_of, parse_word
from pymix_voice.errors import BadCell, Drop
from pymix_voice.geometry import Geometry
from pymix_voice.onion.cell import Kind

GEOMETRY = Geometry(3, 20)
E = 450_000
FIRST = GEOMETRY.first_round(E)
SECRET = bytes([7] * 32)
FRAME = b"\xa5" * BODY_BYTES


def keys(caller: bool) -> CallKeys:
    return CallKeys(GEOMETRY, E, SECRET, caller=caller)


def call(caller: bool) -> Call:
    return Call(b"p" * 32, keys(caller), caller=caller, number=FIRST)


class Peer:
    """The other end, which says whatever a test wants."""

    def __init__(self, to: Call) -> None:
        self._to = to
        self._keys = keys(not to.caller)
        self.number = FIRST

    def says(self, kind: Kind, body: bytes, path: Path = Path.LINE) -> bytes | None:
        self.number += 1
        return self._to.hear(path, self.number, self._keys.seal(path, self.number, kind, body))

    def word(self, word: Word, path: Path = Path.LINE) -> bytes | None:
        return self.says(Kind.CONTROL, body_of(word), path)

    def reads(self, path: Path, frame: bytes | None) -> tuple[Kind, bytes]:
        """What this end makes of the next cell of the call under test."""
        self.number += 1
        return self._keys.open(path, self.number, self._to.say(path, self.number, frame))


@pytest.mark.parametrize(
    ("word", "caller", "ending"),
    [
        (Word.CALLING, True, None),
        (Word.CALLING, False, None),
        (Word.RINGING, True, None),
        (Word.ACCEPT, True, None),
        (Word.ACCEPT, False, None),
        (Word.DECLINE, True, Ending.DECLINED_THERE),
        (Word.DECLINE, False, None),
        (Word.BUSY, True, Ending.BUSY),
        (Word.BUSY, False, None),
        (Word.HANG_UP, True, Ending.HUNG_UP_THERE),
        (Word.HANG_UP, False, Ending.HUNG_UP_THERE),
        (Word.FINISHED, True, None),
        (Word.FINISHED, False, None),
        (Word.CROSSING, True, None),
        (Word.CROSSING, False, None),
        (Word.MUTED, True, None),
        (Word.MUTED, False, None),
    ],
)
def test_what_a_word_of_the_peer_does(word: Word, caller: bool, ending: Ending | None) -> None:
    one = call(caller)
    # Who says that it says nothing is there all the same: no round of its is lost.
    speechless = caller and word in (Word.FINISHED, Word.MUTED)
    assert Peer(one).word(word) == (PAUSE if speechless else None)
    assert one.confirmed
    assert one.line_heard
    assert one.ending == ending
    assert one.accepted == (caller and word in (Word.ACCEPT, Word.FINISHED, Word.MUTED))
    assert one.crossing == (caller and word == Word.CROSSING)
    assert one.finished_there == (word == Word.FINISHED)
    assert one.muted_there == (word == Word.MUTED)


def test_only_the_person_here_can_accept_an_incoming_call() -> None:
    callee = call(caller=False)
    peer = Peer(callee)
    for word in Word:
        if word != Word.HANG_UP:
            peer.word(word)
    assert peer.says(Kind.VOICE, FRAME) is None, "not heard before it is accepted"
    assert not callee.accepted
    callee.accepted = True
    assert peer.says(Kind.VOICE, FRAME) == FRAME


def test_a_voice_cell_says_accept_to_the_caller() -> None:
    caller = call(caller=True)
    assert Peer(caller).says(Kind.VOICE, FRAME) == FRAME
    assert caller.talking


@pytest.mark.parametrize(
    ("caller", "accepted", "line_heard", "finished", "said"),
    [
        (True, False, False, False, Word.CALLING),
        (True, False, True, False, Word.CALLING),
        (True, True, False, False, Word.CALLING),
        (False, False, False, False, Word.RINGING),
        (False, False, True, False, Word.RINGING),
        (False, True, False, False, Word.ACCEPT),
        (False, True, True, True, Word.FINISHED),
        (True, True, True, True, Word.FINISHED),
    ],
)
def test_without_voice_the_cell_is_the_word_for_how_things_stand(
    caller: bool, accepted: bool, line_heard: bool, finished: bool, said: Word
) -> None:
    one = call(caller)
    one.accepted, one.line_heard = accepted, line_heard
    kind, body = Peer(one).reads(Path.LINE, None if finished else FRAME)
    assert (kind, parse_word(body)) == (Kind.CONTROL, said)
    assert one.frames_sent == 0


@pytest.mark.parametrize("caller", [True, False])
def test_voice_goes_on_the_line_while_talking_and_never_on_a_door(caller: bool) -> None:
    one = call(caller)
    one.accepted = one.line_heard = True
    peer = Peer(one)
    assert peer.reads(Path.LINE, FRAME) == (Kind.VOICE, FRAME)
    assert peer.reads(Path.DOOR, FRAME)[0] == Kind.CONTROL
    assert peer.reads(Path.LINE, b"short")[1] == b"short".ljust(BODY_BYTES, b"\0")
    assert one.frames_sent == 2


def test_who_has_more_to_say_after_the_end_of_a_recording_is_heard_again() -> None:
    caller = call(caller=True)
    caller.accepted = caller.line_heard = True
    peer = Peer(caller)
    assert parse_word(peer.reads(Path.LINE, None)[1]) == Word.FINISHED
    assert peer.reads(Path.LINE, FRAME) == (Kind.VOICE, FRAME)
    peer.word(Word.FINISHED)
    assert caller.finished_there
    peer.says(Kind.VOICE, FRAME)
    assert not caller.finished_there


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        (Ending.DECLINED_HERE, Word.DECLINE),
        (Ending.BUSY, Word.BUSY),
        (Ending.HUNG_UP_HERE, Word.HANG_UP),
        (Ending.LOST, Word.HANG_UP),
        (Ending.NO_ANSWER, Word.HANG_UP),
    ],
)
def test_a_call_that_is_over_says_so_in_every_cell(ending: Ending, said: Word) -> None:
    one = call(caller=False)
    one.accepted = one.line_heard = True
    one.end(ending)
    peer = Peer(one)
    for path in (Path.LINE, Path.DOOR):
        kind, body = peer.reads(path, FRAME)
        assert (kind, parse_word(body)) == (Kind.CONTROL, said)
    assert peer.says(Kind.VOICE, FRAME) is None, "nothing is heard after the end"


def test_the_first_reason_of_an_end_counts() -> None:
    one = call(caller=True)
    one.end(Ending.HUNG_UP_HERE)
    Peer(one).word(Word.DECLINE)
    assert one.ending == Ending.HUNG_UP_HERE


def test_a_crossing_call_says_that_the_other_one_counts() -> None:
    one = call(caller=False)
    one.crossing = True
    one.end(Ending.HUNG_UP_HERE)
    assert parse_word(Peer(one).reads(Path.LINE, FRAME)[1]) == Word.CROSSING


def test_cells_of_nobody_change_nothing() -> None:
    one = call(caller=True)
    own = one.say(Path.LINE, FIRST, FRAME)
    for cell in (own, bytes(128), b""):
        with pytest.raises(BadCell):
            one.hear(Path.LINE, FIRST, cell)
    assert not one.confirmed
    assert not one.line_heard
    assert one.heard_number == FIRST


def test_a_control_cell_that_is_no_word_is_malformed() -> None:
    one = call(caller=True)
    with pytest.raises(BadCell) as caught:
        Peer(one).says(Kind.CONTROL, bytes(BODY_BYTES))
    assert caught.value.reason == Drop.MALFORMED
    assert one.ending is None


def test_a_loop_cell_of_the_peer_is_a_sign_of_life_and_nothing_more() -> None:
    one = call(caller=True)
    assert Peer(one).says(Kind.LOOP, bytes(BODY_BYTES), Path.DOOR) is None
    assert (one.confirmed, one.accepted, one.line_heard) == (True, False, False)


def test_a_call_without_its_peer_is_quiet_then_lost() -> None:
    one = call(caller=True)
    one.accepted = True
    one.pass_time(FIRST + 2250)
    assert not one.quiet(FIRST + 100)
    assert one.quiet(FIRST + 100 + 1)
    assert not one.over
    one.pass_time(FIRST + 2250 + 1)
    assert one.ending == Ending.LOST


def test_a_call_that_nobody_answers_ends_though_the_peer_is_heard() -> None:
    one = call(caller=True)
    peer = Peer(one)
    peer.number = FIRST + 3000 - 1
    peer.word(Word.RINGING)
    one.pass_time(FIRST + 3000)
    assert not one.over
    one.pass_time(FIRST + 3000 + 1)
    assert one.ending == Ending.NO_ANSWER


class TwoSides(RuleBasedStateMachine):
    """Two calls back to back over a path that loses cells: they never contradict each other."""

    def __init__(self) -> None:
        super().__init__()
        self.caller, self.callee = call(caller=True), call(caller=False)
        self.number = FIRST
        self.answered = False

    def _round(self, path: Path, up: bool, down: bool) -> None:
        self.number += 1
        to_callee = self.caller.say(path, self.number, FRAME)
        to_caller = self.callee.say(path, self.number, FRAME)
        if up:
            self.callee.hear(path, self.number, to_callee)
        if down:
            self.caller.hear(path, self.number, to_caller)

    @rule()
    def meet_at_the_door(self) -> None:
        self._round(Path.DOOR, up=True, down=True)

    @rule()
    def meet_on_the_line(self) -> None:
        self._round(Path.LINE, up=True, down=True)

    @rule()
    def lose_the_way_up(self) -> None:
        self._round(Path.LINE, up=False, down=True)

    @rule()
    def lose_the_way_down(self) -> None:
        self._round(Path.LINE, up=True, down=False)

    @precondition(lambda self: not self.callee.over)
    @rule()
    def answer(self) -> None:
        self.callee.accepted = self.answered = True

    @rule()
    def caller_hangs_up(self) -> None:
        self.caller.end(Ending.HUNG_UP_HERE)

    @rule()
    def callee_declines(self) -> None:
        if not self.callee.accepted:
            self.callee.end(Ending.DECLINED_HERE)

    @invariant()
    def nobody_talks_without_an_answer(self) -> None:
        assert not (self.caller.accepted and not self.answered)
        if self.caller.frames_sent or self.callee.frames_sent:
            assert self.answered

    @invariant()
    def nobody_ends_what_nobody_ended(self) -> None:
        if self.caller.ending == Ending.DECLINED_THERE:
            assert self.callee.ending == Ending.DECLINED_HERE
        if self.callee.ending == Ending.HUNG_UP_THERE:
            assert self.caller.over


TwoSides.TestCase.settings = FUZZ
TestTwoSides = TwoSides.TestCase
