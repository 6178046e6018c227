"""What happens in `listen`, `phone`, `echo` and `call`, from the first datagram to the exit code.

Source: the project's protocol page, "Rules" 1 and 2.

Must not know: how the client does it.
"""

from collections.abc import Awaitable, Callable

import trio

from pymix_voice.client.call import Ending
from pymix_voice.client.connection import ZoneFullError
from pymix_voice.client.states import State
from pymix_voice.edge.orders import read_orders
from pymix_voice.edge.running import ENDING
from pymix_voice.edge.talk import LEAVING_S, Talk
from pymix_voice.errors import CallError
from pymix_voice.zone.address import Address

NO_GATEWAY_S = 15.0
"""A caller is told after so long that nobody answers at the gateway's port."""
NOT_IN_ZONE_S = 60.0
Note = Callable[[str], None]

NOT_RECORDED = 1
"""Exit code if all else went well, but a recording could not be written to its end."""
SIGNAL_CODE = 128
"""Exit codes of a program that a signal ended begin here: 130 for Ctrl-C."""


async def play(
    talk: Talk,
    note: Note,
    story: Callable[[], Awaitable[int]],
    source: int,
    at_end_of_orders: str | None = None,
) -> int:
    """Run a client while a story lasts.

    Lines of orders are obeyed meanwhile. A signal, or the order to quit, ends the story, and then
    hangs up.

    Args:
        talk: the client.
        note: takes a sentence for the person.
        story: what happens.
        source: the file number that orders come from; standard input.
        at_end_of_orders: noted when no more orders will come.

    Returns:
        The exit code.
    """
    code = 0
    signals_seen: list[int] = []
    async with trio.open_nursery() as nursery:
        scope = trio.CancelScope()

        async def watch() -> None:
            with trio.open_signal_receiver(*ENDING) as signals:
                async for number in signals:
                    if signals_seen:
                        nursery.cancel_scope.cancel()  # asked twice: leave now
                    signals_seen.append(number)
                    scope.cancel()

        async def quit_when_asked() -> None:
            await talk.until(lambda: talk.leaving)
            scope.cancel()

        async def take_orders() -> None:
            await read_orders(source, talk.obey, note)
            if at_end_of_orders is not None:
                note(at_end_of_orders)

        nursery.start_soon(talk.run)
        nursery.start_soon(watch)
        nursery.start_soon(quit_when_asked)
        nursery.start_soon(take_orders)
        with scope:
            code = await story()
        if signals_seen:
            code = SIGNAL_CODE + signals_seen[0]
        await talk.hang_up()
        nursery.cancel_scope.cancel()
    # The person was told already, when it happened.
    return code or (NOT_RECORDED if talk.not_recorded else 0)


# ── listen, phone, echo ──────────────────────────────────────────────────────────────────────


async def listen_story(
    make: Callable[[], Talk],
    note: Note,
    *,
    auto_answer: bool = False,
    once: bool = False,
    source: int = 0,
) -> int:
    """Be there for calls, and dial when asked to.

    Args:
        make: makes the client.
        note: takes a sentence for the person.
        auto_answer: answer every call.
        once: end after the first that was answered.
        source: the file number that orders come from; standard input.
    """
    talk = make()

    async def story() -> int:
        async with trio.open_nursery() as nursery:
            if auto_answer:
                nursery.start_soon(_answer_all, talk)
            await talk.until(lambda: once and talk.calls_done > 0)
            await trio.sleep(LEAVING_S)
            nursery.cancel_scope.cancel()
        return 0

    lonely = "standard input is closed: no call can be answered; use --auto-answer"
    return await play(talk, note, story, source, None if auto_answer else lonely)


async def _answer_all(talk: Talk) -> None:
    while True:
        await talk.until(lambda: talk.state == State.INCOMING)
        talk.accept()
        await talk.until(lambda: talk.state != State.INCOMING)


# ── call ─────────────────────────────────────────────────────────────────────────────────────


async def call_story(
    make: Callable[[], Talk],
    note: Note,
    peer: Address,
    *,
    now: bool,
    duration: float | None,
    source: int = 0,
) -> int:
    """Call somebody once.

    Args:
        make: makes the client.
        note: takes a sentence for the person.
        peer: whom.
        now: without the random times before and after.
        duration: hang up after so many seconds of talking.
        source: the file number that orders come from; standard input.

    Raises:
        CallError: if there was no call, or it was lost.
    """
    talk = make()

    async def story() -> int:
        await _come_online(talk)
        if now:
            note(
                "--now: an observer sees that you came online, a call's time later left, and may "
                "guess that you called"
            )
        else:
            await _stay(talk, note, "dialing")
        talk.dial(peer)
        ending = await _until_over(talk, note, duration, len(talk.talker.events))
        if not now:
            await _stay(talk, note, "leaving")
        return _judge(talk, ending)

    return await play(talk, note, story, source)


async def _come_online(talk: Talk) -> None:
    with trio.move_on_after(NO_GATEWAY_S):
        await talk.until(lambda: talk.online or talk.client.connection.full)
    if talk.client.connection.full:
        raise ZoneFullError
    if not talk.online:
        raise CallError(
            "the gateway does not answer; is it running, is this the zone file that it has, "
            "and is there a network?"
        )


async def _stay(talk: Talk, note: Note, before: str) -> None:
    """Be in the zone for one to three epochs: what shows of a call begins and ends at random."""
    with trio.move_on_after(NOT_IN_ZONE_S):
        await talk.until(lambda: talk.client.in_zone)
    if not talk.client.in_zone:
        raise CallError("the zone has no circuits for anyone just now; are all its mixes running?")
    seconds = talk.epoch_s * (1 + talk.dice.below(2001) / 1000)
    note(f"staying in the zone for {seconds:.0f} s before {before}, so that it tells little")
    await trio.sleep(seconds)


async def _until_over(talk: Talk, note: Note, duration: float | None, before: int) -> Ending:
    """Until either side ended it; this side does, when both have said all.

    `before` endings were of other calls, which came while this client waited to dial.
    """

    def over() -> bool:
        return len(talk.talker.events) > before

    expired = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_limit, talk, duration, expired)
        nursery.start_soon(_tell_finished, talk, note)
        await talk.until(lambda: over() or talk.all_said or expired.is_set())
        nursery.cancel_scope.cancel()
    if not over():
        await talk.hang_up()
    await talk.until(over)
    ending = talk.talker.events[-1].ending
    assert ending is not None
    return ending


async def _limit(talk: Talk, duration: float | None, expired: trio.Event) -> None:
    if duration is None:
        return
    await talk.until(lambda: talk.talker.talking_since is not None)
    await trio.sleep(duration)
    expired.set()


async def _tell_finished(talk: Talk, note: Note) -> None:
    await talk.until(lambda: talk.talker.sound.finished)
    note("nothing more to say here; the call goes on until the other side is done, or Ctrl-C")


def _judge(talk: Talk, ending: Ending) -> int:
    if talk.calls_done and ending in (Ending.HUNG_UP_HERE, Ending.HUNG_UP_THERE):
        return 0
    raise CallError(ending.value)
