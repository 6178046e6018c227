"""The faults, one by one: what each does to a scene, and how long a call may suffer from it.

Must not know: how calls are listened to, how it is shown.
"""

import resource
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

import trio

from pymix_voice.edge.stories import NOT_RECORDED
from pymix_voice.errors import ConfigError
from pymix_voice.lab.faults.part import LEAST_BUFFER, SET_BACK
from pymix_voice.lab.faults.scene import CALLER, GATEWAY, Scene, now
from pymix_voice.lab.faults.slow import Strangers

JUNK_PER_S = 100_000
JUNK_S = 4.0
SLOW_S = 7.0
HELLOS = 10_000
HELLOS_S = 2.5
AWAY_S = 3.0
AT_ONCE_S = 0.3
"""A gap that a person takes for a cough: what should do nothing may do so much."""
ROWS_S = 14.0
"""Until there are circuits again: two epochs to take a part in, and one that began badly."""

OFFSET = ("--unix-offset", "-3600")
MIXES = ("mix 1", "mix 2", "mix 3")


class Inflicted(NamedTuple):
    """What was done.

    Attributes:
        begin, end: instants between which it was wrong.
        notes: sentences about it.
        failed: sentences about what should not have happened.
        gap_s: how long the measured call was gone, if it had to be begun anew.
    """

    begin: float
    end: float
    notes: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    gap_s: float = 0.0


Inflict = Callable[[Scene], Awaitable[Inflicted]]


class Fault(NamedTuple):
    """One fault at one part.

    Attributes:
        name: of the fault.
        part: whom it befalls.
        inflict: does it.
        allowed_s: the longest gap that a call may have, either one.
        restore: makes the part well again, and says what should not have happened; None if it
            is well already.
        fresh: whether the measured call has to be begun anew before.
        heals: whether calls are to be well before it is restored.
        deaf: whether the measured caller records nothing from then on.
    """

    name: str
    part: str
    inflict: Inflict
    allowed_s: float
    restore: Callable[[Scene], Awaitable[tuple[str, ...]]] | None = None
    fresh: bool = False
    heals: bool = True
    deaf: bool = False


async def do_nothing(scene: Scene) -> Inflicted:
    """What calls are like here with nothing wrong: to compare with."""
    begin = now()
    await trio.sleep(AWAY_S)
    return Inflicted(begin, now())


# ── processes ────────────────────────────────────────────────────────────────────────────────


async def kill(scene: Scene, name: str) -> Inflicted:
    """SIGKILL, and started again at once, as a supervisor would."""
    begin = now()
    await scene.restart(name)
    end = now()
    return Inflicted(begin, end, (f"gone for {end - begin:.1f} s",))


async def kill_caller(scene: Scene) -> Inflicted:
    """A client dies in a call, comes back, and calls again; its peer waits and is called."""
    pair, peer = scene.measured, scene.measured.callee
    begin = now()
    pair.caller.signal(signal.SIGKILL)
    await pair.caller.gone()
    await trio.sleep(AWAY_S)
    waits = peer.all_told("status", since=now() - 1.0)
    failed = [] if waits and peer.running else ["its peer's program stopped"]
    pair.restart_caller()
    end = now()
    await pair.dial()
    state = waits[-1]["state"] if waits else "gone"
    notes = f"its peer was '{state}' meanwhile", "talking again by a new call"
    return Inflicted(begin, end, notes, tuple(failed), gap_s=now() - begin)


async def stop(scene: Scene, name: str, seconds: float) -> Inflicted:
    """SIGSTOP and, some time later, SIGCONT."""
    part = scene.part(name)
    begin = now()
    part.signal(signal.SIGSTOP)
    try:
        await trio.sleep(seconds)
    finally:
        part.signal(signal.SIGCONT)
    end = now()
    if name == CALLER:
        scene.measured.stood(part, end - begin)
    return Inflicted(begin, end)


# ── strangers ────────────────────────────────────────────────────────────────────────────────


async def throw_junk(scene: Scene, name: str, seconds: float) -> Inflicted:
    """Datagrams of all kinds at a port."""
    part, port = scene.part(name), scene.entry(name).name
    begin = now()
    before = _counts(scene, name)
    words = (port, str(JUNK_PER_S), str(seconds))
    told = await scene.throw("junk", *words, seconds=seconds)
    end = now()
    await part.until("figures", since=end, within_s=AWAY_S)
    counts = _gained(before, _counts(scene, name))
    rate = f"{told['per_second']:,.0f} datagrams a second reached"
    return Inflicted(begin, end, (rate, *counts))


async def call_slowly(scene: Scene, name: str, meanwhile: str | None = None) -> Inflicted:
    """TCP connections of strangers, and the neighbour above restarts meanwhile if wanted."""
    strangers = Strangers(scene.place(name), scene.dice)
    begin = now()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(strangers.call, SLOW_S)
        if meanwhile is not None:
            await trio.sleep(1.0)
            await scene.restart(meanwhile)
    end = now()
    opened = f"{sum(strangers.opened.values()):,} connections"
    if meanwhile is not None:
        linked = _told_within(scene, meanwhile, "linked with", begin, end)
        failed = () if linked else (f"{meanwhile} found no way in",)
        return Inflicted(begin, end, (opened, f"{meanwhile} restarted meanwhile"), failed)
    return Inflicted(begin, end, (opened,))


def _told_within(scene: Scene, name: str, text: str, begin: float, end: float) -> bool:
    notes = scene.part(name).all_told("note", since=begin)
    return any(text in told["text"] and told["t"] <= end for told in notes)


async def flood_hellos(scene: Scene, count: int) -> Inflicted:
    """First messages of clients that never come."""
    begin = now()
    before = _counts(scene, GATEWAY)
    told = await scene.throw("hellos", str(count), str(HELLOS_S), seconds=HELLOS_S + 120)
    end = now()
    await scene.part(GATEWAY).until("figures", since=end, within_s=AWAY_S)
    most = max(each["clients"] for each in scene.part(GATEWAY).all_told("figures", since=begin))
    notes = (
        f"{told['sent']:,.0f} hellos at {told['per_second']:,.0f} a second",
        f"{told['retries']:,.0f} times a cookie was asked for",
        f"{told['welcomes']:,.0f} answers",
        f"{most} sessions at most",
        *_gained(before, _counts(scene, GATEWAY)),
    )
    return Inflicted(begin, end, notes)


def _counts(scene: Scene, name: str) -> dict[str, float]:
    """What a part has counted of what it did not use."""
    figures = scene.part(name).all_told("figures")
    wanted = ("dropped: ", "access_overflowed", "link_overflowed", "link_misfits")
    last = figures[-1] if figures else {}
    return {key: value for key, value in last.items() if key.startswith(wanted)}


def _gained(before: dict[str, float], after: dict[str, float]) -> tuple[str, ...]:
    """What was counted since."""
    gained = {key: value - before.get(key, 0) for key, value in after.items()}
    return tuple(f"{key} {value:,.0f}" for key, value in gained.items() if value > 0)


# ── computers ────────────────────────────────────────────────────────────────────────────────


async def lessen_buffers(scene: Scene, name: str) -> Inflicted:
    """The smallest UDP buffers that the system gives."""
    begin = now()
    await scene.restart(name, before=(LEAST_BUFFER,))
    warned = [
        told["text"]
        for told in scene.part(name).all_told("note", since=begin)
        if "sysctl -w net.core.rmem_max=" in told["text"]
    ]
    failed = () if warned else ("it did not warn",)
    return Inflicted(begin, now(), tuple(warned[:1]), failed)


async def fill_disk(scene: Scene) -> Inflicted:
    """No byte more fits into any file of the caller's, in the middle of a call."""
    pair = scene.measured
    caller = pair.caller
    recordings = scene.folder.glob(f"heard-{pair.name}-caller-*")
    heard = max(recordings, key=lambda path: path.stat().st_mtime)
    begin = now()
    # The system refuses to make a file longer than this: as if the disk was full.
    resource.prlimit(caller.pid, resource.RLIMIT_FSIZE, (heard.stat().st_size, -1))
    await trio.sleep(AWAY_S)
    told = [each["text"] for each in caller.all_told("note", since=begin)]
    failed = []
    if not caller.running:
        failed.append(f"the program ended: {' '.join(caller.log_lines()[-1:])}")
    elif len(told) != 1:
        failed.append(f"{len(told)} sentences in place of one")
    return Inflicted(begin, begin, tuple(told), tuple(failed))


async def leave_full_disk(scene: Scene) -> tuple[str, ...]:
    """End the caller's program, look at its exit code, and start it anew."""
    caller = scene.measured.caller
    failed: tuple[str, ...] = ()
    if caller.running:
        caller.order("quit")
    with trio.move_on_after(AWAY_S):
        await caller.gone()
    if caller.code != NOT_RECORDED:
        failed = (f"exit code {caller.code} in place of {NOT_RECORDED}",)
    caller.signal(signal.SIGKILL)
    scene.measured.restart_caller()
    return failed


async def set_clock_back(scene: Scene, name: str) -> Inflicted:
    """The time of day goes back an hour while a part runs."""
    begin = now()
    scene.part(name).signal(SET_BACK)
    await trio.sleep(AWAY_S)
    return Inflicted(begin, begin)


async def restart_in_the_past(scene: Scene, name: str, refuses: bool) -> Inflicted:
    """A part starts anew, on a computer whose clock is an hour behind; the chain may refuse it."""
    begin = now()
    await scene.restart(name, more=OFFSET)
    end = now()
    if not refuses:
        return Inflicted(begin, end)
    await trio.sleep(AWAY_S)
    told = [each["text"] for each in scene.part(name).all_told("note", since=begin)]
    words = [text for text in told if "clock" in text]
    failed = () if len(words) == 1 else (f"{len(words)} sentences about its clock, not one",)
    return Inflicted(begin, end, tuple(words[:1]), failed)


async def _restart(scene: Scene, name: str) -> tuple[str, ...]:
    await scene.restart(name)
    return ()


# ── which there are ──────────────────────────────────────────────────────────────────────────


def _stops(seconds: float) -> list[Fault]:
    # A stop of mixes may cost an epoch's set-up as well.
    return [
        Fault(f"stop-{seconds:.0f}s", part, partial(stop, name=part, seconds=seconds), ROWS_S)
        for part in (*MIXES, GATEWAY, CALLER)
    ]


def _junk(part: str, seconds: float = JUNK_S) -> Fault:
    return Fault("junk", part, partial(throw_junk, name=part, seconds=seconds), AT_ONCE_S)


def _buffers(part: str) -> Fault:
    # What calls are like then hangs on luck: a part that warns has done what it can.
    inflict, restore = partial(lessen_buffers, name=part), partial(_restart, name=part)
    return Fault("buffers", part, inflict, ROWS_S, restore, heals=False)


def _past(part: str, *, heals: bool) -> Fault:
    inflict = partial(restart_in_the_past, name=part, refuses=not heals)
    restore = partial(_restart, name=part)
    return Fault("clock-restart", part, inflict, ROWS_S, restore, heals=heals)


DISK = Fault("disk", CALLER, fill_disk, AT_ONCE_S, leave_full_disk, fresh=True, deaf=True)
ALL: tuple[Fault, ...] = (
    Fault("none", "-", do_nothing, AT_ONCE_S),
    *(Fault("kill", part, partial(kill, name=part), ROWS_S) for part in (*MIXES, GATEWAY)),
    Fault("kill", CALLER, kill_caller, 45.0, fresh=True),
    *_stops(1.0),
    *_stops(3.0),
    *(_junk(part) for part in (GATEWAY, "mix 1", "mix 2")),
    Fault("control", "mix 1", partial(call_slowly, name="mix 1"), AT_ONCE_S),
    Fault("control", "mix 2", partial(call_slowly, name="mix 2"), AT_ONCE_S),
    Fault("control-kill", "mix 2", partial(call_slowly, name="mix 2", meanwhile="mix 1"), ROWS_S),
    Fault("hellos", GATEWAY, partial(flood_hellos, count=HELLOS), AT_ONCE_S),
    DISK,
    *(_buffers(part) for part in (GATEWAY, "mix 2")),
    *(
        Fault("clock", part, partial(set_clock_back, name=part), AT_ONCE_S)
        for part in ("mix 1", "mix 2", GATEWAY, CALLER)
    ),
    _past("mix 1", heals=True),
    _past("mix 2", heals=False),
    _past(GATEWAY, heals=True),
)
QUICK_NAMES = ("kill/mix 2", "stop-1s/gateway", "junk/gateway", "hellos/gateway", "disk/caller")


def chosen(only: list[str] | None, *, quick: bool) -> list[Fault]:
    """Which faults a run inflicts.

    Args:
        only: names of faults, or of a fault and a part as in "kill/mix 2"; None for all.
        quick: few that tell much.

    Raises:
        ConfigError: if there is none of such a name; the sentence lists those that are.
    """
    if only is None:
        return [fault for fault in ALL if not quick or path_of(fault) in QUICK_NAMES]
    names = {*(fault.name for fault in ALL), *map(path_of, ALL)}
    unknown = [name for name in only if name not in names]
    if unknown:
        known = ", ".join(dict.fromkeys(fault.name for fault in ALL))
        raise ConfigError(
            f"there is no fault '{unknown[0]}'; there are {known}, each alone or with a part, "
            "as in 'kill/mix 2'"
        )
    return [fault for fault in ALL if fault.name in only or path_of(fault) in only]


def path_of(fault: Fault) -> str:
    """Its name and its part."""
    return f"{fault.name}/{fault.part}"
