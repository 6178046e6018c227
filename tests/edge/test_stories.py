"""What `listen` and `call` do, with a client that does what the test says."""

import os
import signal
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
from eventually import eventually

from pymix_voice.client.call import Ending
from pymix_voice.client.connection import ZoneFullError
from pymix_voice.client.states import Event, State
from pymix_voice.edge import stories
from pymix_voice.edge.orders import Order, Verb
from pymix_voice.edge.stories import call_story, listen_story
from pymix_voice.edge.talk import Talk
from pymix_voice.errors import CallError, ConfigError
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.address import Address

pytestmark = pytest.mark.live

PEER = Address(bytes(32), bytes(16))


class Puppet:
    """Has the face of a `Talk`; the test pulls the strings."""

    def __init__(self) -> None:
        self.state = State.IDLE
        self.online = True
        self.all_said = False
        self.not_recorded = False
        self.calls_done = 0
        self.epoch_s = 0.01
        self.dice = Dice.seeded(1)
        self.client = SimpleNamespace(connection=SimpleNamespace(full=False), in_zone=True)
        sound = SimpleNamespace(finished=False)
        self.talker = SimpleNamespace(events=[], sound=sound, talking_since=None)
        self.leaving = False
        self.dials_end: Ending | None = None
        self.done: list[str] = []
        self.notes: list[str] = []

    async def run(self) -> None:
        await trio.sleep_forever()

    async def until(self, holds: Callable[[], bool]) -> None:
        def looked() -> bool:
            self._dialed()
            return holds()

        await eventually(looked, 60)

    def dial(self, peer: Address) -> None:
        self.done.append("dial")

    def _dialed(self) -> None:
        """What the test said becomes of the dial, once it is on."""
        if self.dials_end is not None and self.done == ["dial"]:
            self.end(self.dials_end)
            self.dials_end = None

    def accept(self) -> None:
        self.done.append("accept")
        self.state = State.TALKING

    def decline(self) -> None:
        self.done.append("decline")
        self.state = State.IDLE

    def obey(self, order: Order) -> None:
        match order.verb:
            case Verb.ANSWER if self.state == State.INCOMING:
                self.accept()
            case Verb.DECLINE if self.state == State.INCOMING:
                self.decline()
            case Verb.QUIT:
                self.leaving = True
            case _:
                raise ConfigError("nobody is calling just now")

    async def hang_up(self) -> None:
        await trio.lowlevel.checkpoint()
        self.done.append("hang up")
        self.end(Ending.HUNG_UP_HERE)
        await trio.sleep(0.02)
        self.done.append("stayed")

    def end(self, ending: Ending) -> None:
        self.talker.events.append(Event(State.IDLE, None, ending))

    def talk(self) -> Talk:
        return cast("Talk", self)


async def place_call(puppet: Puppet, **options: Any) -> int:
    chosen: dict[str, Any] = {"now": True, "duration": None, **options}
    with trio.fail_after(5):
        return await call_story(puppet.talk, puppet.notes.append, PEER, **chosen)


def only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    (error,) = group.exceptions
    return only(error) if isinstance(error, BaseExceptionGroup) else error


async def test_a_call_that_both_have_finished_is_hung_up(nursery: trio.Nursery) -> None:
    puppet = Puppet()
    puppet.calls_done, puppet.all_said = 1, True
    assert await place_call(puppet) == 0
    assert puppet.done[:3] == ["dial", "hang up", "stayed"], "until the other side knows"


async def test_a_call_that_could_not_be_recorded_to_its_end_is_no_success() -> None:
    puppet = Puppet()
    puppet.calls_done, puppet.dials_end, puppet.not_recorded = 1, Ending.HUNG_UP_THERE, True
    assert await place_call(puppet) == 1


async def test_who_was_hung_up_on_after_talking_is_done() -> None:
    puppet = Puppet()
    puppet.calls_done = 1
    puppet.dials_end = Ending.HUNG_UP_THERE
    assert await place_call(puppet) == 0


@pytest.mark.parametrize(
    "ending",
    [Ending.ABSENT, Ending.BUSY, Ending.DECLINED_THERE, Ending.NO_ANSWER, Ending.LOST],
)
async def test_no_call_is_a_sentence(ending: Ending) -> None:
    puppet = Puppet()
    puppet.dials_end = ending
    with pytest.raises(BaseExceptionGroup) as told:
        await place_call(puppet)
    assert isinstance(only(told.value), CallError)
    assert str(only(told.value)) == ending.value


async def test_a_gateway_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stories, "NO_GATEWAY_S", 0.01)
    puppet = Puppet()
    puppet.online = False
    with pytest.raises(BaseExceptionGroup) as told:
        await place_call(puppet)
    assert "the gateway does not answer" in str(only(told.value))
    assert puppet.done == []


async def test_a_full_zone_is_told() -> None:
    puppet = Puppet()
    puppet.client.connection.full = True
    with pytest.raises(BaseExceptionGroup) as told:
        await place_call(puppet)
    assert isinstance(only(told.value), ZoneFullError)


async def test_a_call_is_hidden_by_time_before_and_after() -> None:
    puppet = Puppet()
    puppet.calls_done, puppet.all_said = 1, True
    assert await place_call(puppet, now=False) == 0
    assert ["before dialing" in note for note in puppet.notes] == [True, False]
    assert "before leaving" in puppet.notes[1]


async def test_who_comes_and_goes_at_once_is_told_what_it_shows() -> None:
    puppet = Puppet()
    puppet.calls_done, puppet.all_said = 1, True
    await place_call(puppet)
    assert "an observer sees that you came online" in puppet.notes[0]


async def test_nobody_stays_in_a_zone_without_circuits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stories, "NOT_IN_ZONE_S", 0.01)
    puppet = Puppet()
    puppet.client.in_zone = False
    with pytest.raises(BaseExceptionGroup) as told:
        await place_call(puppet, now=False)
    assert "are all its mixes running?" in str(only(told.value))


async def test_a_duration_ends_a_call() -> None:
    puppet = Puppet()
    puppet.calls_done = 1
    puppet.talker.talking_since = 1.0
    assert await place_call(puppet, duration=0.02) == 0
    assert puppet.done[:3] == ["dial", "hang up", "stayed"], "until the other side knows"


async def test_ctrl_c_hangs_up_first() -> None:
    puppet = Puppet()
    async with trio.open_nursery() as nursery:
        codes: list[int] = []

        async def place() -> None:
            codes.append(await place_call(puppet))

        nursery.start_soon(place)
        await eventually(lambda: puppet.done == ["dial"])
        os.kill(os.getpid(), signal.SIGINT)
    assert codes == [130]
    assert puppet.done == ["dial", "hang up", "stayed"]


# ── listen ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Where answers are read, and where they are typed."""
    reading, typing = os.pipe()
    yield reading, typing
    os.close(reading)
    os.close(typing)


async def listen(puppet: Puppet, *, auto_answer: bool, source: int = 0) -> int:
    with trio.fail_after(5):
        return await listen_story(
            puppet.talk,
            puppet.notes.append,
            auto_answer=auto_answer,
            once=True,
            source=source,
        )


async def test_every_call_is_answered_if_so_wished(nursery: trio.Nursery) -> None:
    puppet = Puppet()
    nursery.start_soon(lambda: listen(puppet, auto_answer=True))
    puppet.state = State.INCOMING
    await eventually(lambda: puppet.done == ["accept"])


@pytest.mark.parametrize(
    ("typed", "done"), [(b"y\n", "accept"), (b" YES \n", "accept"), (b"n\n", "decline")]
)
async def test_a_person_answers_with_a_line(
    typed: bytes, done: str, terminal: tuple[int, int], nursery: trio.Nursery
) -> None:
    puppet = Puppet()
    puppet.state = State.INCOMING
    nursery.start_soon(lambda: listen(puppet, auto_answer=False, source=terminal[0]))
    os.write(terminal[1], typed)
    await eventually(lambda: puppet.done == [done])
    os.write(terminal[1], b"y\n")
    await eventually(lambda: "nobody is calling just now" in puppet.notes)


async def test_what_is_no_answer_is_asked_again(
    terminal: tuple[int, int], nursery: trio.Nursery
) -> None:
    puppet = Puppet()
    puppet.state = State.INCOMING
    nursery.start_soon(lambda: listen(puppet, auto_answer=False, source=terminal[0]))
    os.write(terminal[1], b"perhaps\n")
    await eventually(lambda: "that is no order" in "".join(puppet.notes))
    assert puppet.done == []


async def test_a_closed_input_is_told(nursery: trio.Nursery) -> None:
    puppet = Puppet()
    reading, typing = os.pipe()
    os.close(typing)
    nursery.start_soon(lambda: listen(puppet, auto_answer=False, source=reading))
    await eventually(lambda: len(puppet.notes) == 1)
    assert "use --auto-answer" in puppet.notes[0]
    os.close(reading)


async def test_the_order_to_quit_hangs_up_and_ends(terminal: tuple[int, int]) -> None:
    puppet = Puppet()
    os.write(terminal[1], b"quit\n")
    assert await listen(puppet, auto_answer=False, source=terminal[0]) == 0
    assert puppet.done == ["hang up", "stayed"]


async def test_the_end_of_another_call_before_dialing_is_not_that_of_the_dialed_one() -> None:
    puppet = Puppet()
    puppet.end(Ending.HUNG_UP_THERE)
    puppet.dials_end = Ending.ABSENT
    with pytest.raises(BaseExceptionGroup) as told:
        await place_call(puppet)
    assert str(only(told.value)) == Ending.ABSENT.value


@pytest.mark.slow
async def test_once_means_one_call() -> None:
    puppet = Puppet()
    puppet.calls_done = 1
    assert await listen(puppet, auto_answer=True) == 0
