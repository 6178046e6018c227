"""One trial: a zone of processes, a network, a crowd, and calls between recordings in it.

    caller 1 --+                                   all of it processes of their own; a network that
    callee 1 --+-- gateway -- mix 1 -- ... -- mix N   is not "none" is a relay between them, which
    crowd -----+                                   the crowd goes around

Must not know: what comes of it, which trials there are.
"""

from pathlib import Path
from typing import NamedTuple

from pymix_voice.lab.outcome import Way
from pymix_voice.lab.processes import Part, Parts, Told, parts_in
from pymix_voice.lab.profiles import find
from pymix_voice.lab.relayed import start_relayed_zone
from pymix_voice.lab.throughput.zones import CROWD, FEW_WAKEUPS, JOIN_S, with_room
from pymix_voice.lab.zoning import START_S, ZONE_S, call, listen, make_zone, start_zone
from pymix_voice.zone.zonefile import Zone

TELL_S = 0.2
"""How often parts tell which round passed them."""
CALL_S = 60.0
"""From dialing to talking, in the largest zones and with bad luck."""
TALK_S = 45.0
NO_NETWORK = "none"

Said = tuple[Path, Path]
"""The recordings that caller and callee speak."""


class Setting(NamedTuple):
    """What is tried.

    Attributes:
        name: what people call it.
        mixes: length of the chain.
        clients: online, those who talk among them.
        network: name of a profile.
        pairs: calls, begun one after the other within an epoch.
        round_ms: length of a round.
    """

    name: str
    mixes: int = 3
    clients: int = 2
    network: str = NO_NETWORK
    pairs: int = 1
    round_ms: int = 20


class MeasuredCall(NamedTuple):
    """What was told of one call.

    Attributes:
        ways: caller to callee, callee to caller.
        status: of the caller and of the callee, while they talked.
        dialed_at: when the caller dialed.
        ringing_at: when it rang at the callee.
        heard_at: when the caller heard the first word.
    """

    ways: tuple[Way, Way]
    status: tuple[list[Told], list[Told]]
    dialed_at: float
    ringing_at: float | None
    heard_at: float | None


class Trial(NamedTuple):
    """What was told of all.

    Attributes:
        setting: what was tried.
        epoch_s: of its zone.
        calls: each that was made.
        gateway: its figures.
        mixes: the figures of each.
        relay: figures of the network's relay; none if there was no network.
    """

    setting: Setting
    epoch_s: float
    calls: list[MeasuredCall]
    gateway: list[Told]
    mixes: list[list[Told]]
    relay: list[Told]


class _Zone(NamedTuple):
    """A zone that runs."""

    zone: Zone
    gateway: Part
    mixes: list[Part]
    relay: Part | None
    way_around: tuple[str, ...]
    """What a crowd is told, so that it does not go through the relay."""


async def try_calls(folder: Path, setting: Setting, said: Said) -> Trial:
    """Make calls, and gather what is told of them.

    Args:
        folder: new; recordings and logs stay there.
        setting: what is tried.
        said: what caller and callee speak.

    Raises:
        ExceptionGroup: of `PartError`, if a call does not come about.
    """
    async with parts_in(folder) as parts:
        running = await _start(parts, folder, setting)
        await _crowd(parts, folder, running, setting.clients - 2 * setting.pairs)
        pairs = await _dial(parts, folder, running, setting, said)
        calls = [await _talk(folder, number, pair, said) for number, pair in enumerate(pairs)]
        relay = running.relay
        return Trial(
            setting,
            running.zone.geometry.epoch_s,
            calls,
            running.gateway.all_told("figures"),
            [mix.all_told("figures") for mix in running.mixes],
            [] if relay is None else relay.all_told("figures"),
        )


async def _start(parts: Parts, folder: Path, setting: Setting) -> _Zone:
    home = folder / "zone"
    clients = with_room(setting.clients)
    zone = await make_zone(parts, home, setting.mixes, clients, setting.round_ms)
    if setting.network != NO_NETWORK:
        profile = find(setting.network)
        relayed = await start_relayed_zone(parts, zone, home, profile, tell_s=TELL_S)
        around = "--to", relayed.elsewhere.place(zone.gateways[0].name)
        return _Zone(zone, relayed.gateways[0], relayed.mixes, relayed.relay, around)
    gateway, mixes = await start_zone(parts, zone, home, "--tell-every", str(TELL_S))
    return _Zone(zone, gateway, mixes, None, ())


async def _crowd(parts: Parts, folder: Path, running: _Zone, clients: int) -> None:
    """Light clients, half of them in calls, until all have rows."""
    if clients < 1:
        return
    words = [str(folder / "zone" / "zone.toml"), "--clients", str(clients), "--calls", "0.5"]
    crowd = parts.start("crowd", *words, *FEW_WAKEUPS, *running.way_around, command=CROWD)
    await crowd.until("in zone", within_s=4 * START_S + clients * JOIN_S)


async def _dial(
    parts: Parts, folder: Path, running: _Zone, setting: Setting, said: Said
) -> list[tuple[Part, Part]]:
    """All callees come online, then the callers one by one; each dials once it is in the zone."""
    status = ("--status", str(TELL_S))
    callees = [
        parts.start(
            f"callee {number}",
            *listen(folder, f"callee {number}", said[1], _heard(folder, "callee", number), *status),
            lasts=False,
        )
        for number in range(setting.pairs)
    ]
    for callee in callees:
        await callee.until("in zone", within_s=ZONE_S + 2 * running.zone.geometry.epoch_s)
    callers = []
    for number, callee in enumerate(callees):
        address = str((await callee.until("address", within_s=START_S))["address"])
        heard = _heard(folder, "caller", number)
        words = call(folder, address, said[0], heard, *status, name=f"caller {number}")
        callers.append(parts.start(f"caller {number}", *words, lasts=False))
        await callers[-1].until("online", within_s=START_S)
    return list(zip(callers, callees, strict=True))


async def _talk(folder: Path, number: int, pair: tuple[Part, Part], said: Said) -> MeasuredCall:
    """Let one pair talk until all was said."""
    within_s = ZONE_S + CALL_S + TALK_S
    told = [await part.until("summary", within_s=within_s) for part in pair]
    status = [
        [each for each in part.all_told("status") if each.get("playout_ms") is not None]
        for part in pair
    ]
    ringing = pair[1].all_told("incoming")
    there = _heard(folder, "callee", number)
    back = _heard(folder, "caller", number)
    return MeasuredCall(
        (
            Way("caller_to_callee", told[0], told[1], said[0], there),
            Way("callee_to_caller", told[1], told[0], said[1], back),
        ),
        (status[0], status[1]),
        float(told[0]["dialed_at"]),
        float(ringing[0]["t"]) if ringing else None,
        told[0]["first_played_at"],
    )


def _heard(folder: Path, side: str, number: int) -> Path:
    return folder / f"heard-by-{side}-{number}.wav"
