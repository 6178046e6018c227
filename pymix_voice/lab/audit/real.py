"""A recording of a real zone: processes, UDP, and a relay that watches all clients' links.

    an audience of whole clients --> the relay, which loses 1 % --> gateway --> mixes

The gateway, the first mix and the last are corrupt: they write down what they see, and act
(`corrupted`). What goes between gateway and mixes is the same in every round, whatever clients do,
and is recorded in simulated lives; here it would only keep the relay from being in time.

Rounds last 60 ms: a hundred whole clients with sockets of their own, and the zone besides, are then
what two cores carry in time.

Must not know: how a recording is attacked.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from signal import SIGTERM
from typing import Final, NamedTuple

import numpy as np
import trio

from pymix_voice.client.identity import door_drop
from pymix_voice.edge.clock import Clock
from pymix_voice.lab.audit.attack import Recording
from pymix_voice.lab.audit.capture import Call, Capture, Truth
from pymix_voice.lab.audit.notes import Known, Pages, insiders, read_page
from pymix_voice.lab.processes import Part, Parts, Told, parts_in
from pymix_voice.lab.profiles import find
from pymix_voice.lab.relay.witness import Seen, read_seen
from pymix_voice.lab.relayed import Elsewhere, elsewhere, start_relay
from pymix_voice.lab.throughput.zones import with_room
from pymix_voice.lab.zoning import START_S, make_zone
from pymix_voice.zone.zonefile import Zone

AUDIENCE: Final = (sys.executable, "-m", "pymix_voice.lab.audit.audience")
CORRUPTED: Final = (sys.executable, "-m", "pymix_voice.lab.audit.corrupted")
MIXES: Final = 3
ROUND_MS: Final = 60
NETWORK: Final = "lan"
LOSS: Final = "loss=0.01"
SPREAD_S: Final = 0.045
"""People are so differently far away: were they not, all of them would send at one instant, and
one computer is not so many."""
ENDS_S: Final = 10.0
"""The relay writes all it has seen in so long."""
Lines = Sequence[Told]
"""What was told, oldest first."""


async def record_real(
    folder: Path, people: int, seconds: float, seed: int, tell: Callable[[str], None]
) -> Recording:
    """Run a zone, and record it.

    Args:
        folder: new; logs stay there.
        people: how many are in it.
        seconds: how long the recording is, from when all have circuits.
        seed: of what people do, and of the network.
        tell: what a person is told meanwhile.

    Raises:
        ExceptionGroup: of `PartError`, if a part fails.
    """
    seen = folder / "seen.npz"
    async with parts_in(folder) as parts:
        home = folder / "zone"
        tell(f"a zone of processes with {people} people")
        zone = await make_zone(parts, home, MIXES, with_room(people), ROUND_MS)
        relay, chain = await _start(parts, zone, home, seen, seed)
        audience = parts.start(
            "audience",
            *(str(home / "zone.toml"), "--people", str(people), "--seed", str(seed)),
            command=AUDIENCE,
        )
        await audience.until("pair", within_s=people)
        await trio.sleep(2 * zone.geometry.epoch_s)
        begin = Clock.now()
        tell(f"recording it for {seconds:.0f} s")
        await trio.sleep(seconds)
        told = {
            name: audience.all_told(name) for name in ("here", "gone", "pair", "talking", "silent")
        }
        figures = chain[0].all_told("figures")
        # They write what they have seen when they end; all others may end with them.
        for part in (relay, *chain):
            part.no_longer_needed()
            part.signal(SIGTERM)
        ended = await relay.until("ended", within_s=ENDS_S)
        for part in chain:
            await part.finished(within_s=ENDS_S)
    pages = Pages(*(read_page(_page(folder, part.name)) for part in chain))
    recording = recording_of(read_seen(seen), told, figures[-1], zone, begin, begin + seconds)
    return with_insiders(recording, pages, told["here"], ended["fronts"], figures[-1], zone)


async def _start(
    parts: Parts, zone: Zone, home: Path, seen: Path, seed: int
) -> tuple[Part, list[Part]]:
    """The relay before the gateway; and the gateway and mixes, in their order."""
    (entry,) = zone.gateways
    place = Elsewhere({entry.name: elsewhere(zone).ports[entry.name]})
    more = ("--record", str(seen), "--access", LOSS, "--spread", str(SPREAD_S))
    relay = await start_relay(parts, home, find(NETWORK), place, seed=seed, more=more)
    listens = {entry.name: place.listen(entry.name)}
    chain = [
        parts.start(
            name,
            *(name, str(home), "--page", str(_page(seen.parent, name)), *listens.get(name, ())),
            command=CORRUPTED,
        )
        for name in (entry.name, *(mix.name for mix in zone.mixes))
    ]
    for part in chain:
        await part.until("note", within_s=START_S)
    return relay, chain


def _page(folder: Path, name: str) -> Path:
    """Where a part's notes are."""
    return folder / f"{name}.page"


def with_insiders(
    recording: Recording,
    pages: Pages,
    here: Lines,
    fronts: Mapping[str, str],
    figures: Told,
    zone: Zone,
) -> Recording:
    """A recording, and what corrupt parts know beside.

    Args:
        recording: of the clients' links.
        pages: what gateway and mixes wrote down.
        here: what the audience told of who is where.
        fronts: what the gateway takes for a client's port, and whose it is.
        figures: of the gateway: which round it was, and when.
        zone: for lengths.
    """
    capture, geometry = recording.capture, zone.geometry
    seats = {capture.ends[end]: seat for seat, end in enumerate(capture.clients.tolist())}
    present = geometry.epoch_of(int(figures["forward_round"]))

    def begins(epoch: int) -> float:
        return capture.epoch_at + (epoch - present) * geometry.epoch_s

    def doors(epoch: int) -> dict[bytes, int]:
        # Later ones go over earlier ones: who came back is at another port.
        return {
            door_drop(bytes.fromhex(each["door"]), epoch): seats[f":{each['port']}"]
            for each in here
            if f":{each['port']}" in seats and each["t"] < begins(epoch)
        }

    known = Known(
        {front: seats[port] for front, port in fronts.items() if port in seats},
        doors,
        begins,
        geometry.epoch_s,
    )
    told = insiders(pages, known)
    return replace(recording, insiders=told.within(capture.begin, capture.end))


def recording_of(
    seen: Seen, told: Mapping[str, Lines], figures: Told, zone: Zone, begin: float, end: float
) -> Recording:
    """What was seen and what was told, as one recording.

    Args:
        seen: by the relay.
        told: by the audience, by event.
        figures: of the gateway: which round it was, and when.
        zone: for lengths.
        begin: from when on it is attacked, in seconds.
        end: until when.
    """
    geometry = zone.geometry
    # Somebody who comes back has another port, and is a client of their own to the observer.
    known = [each for each in told["here"] if f":{each['port']}" in seen.ends]
    clients = np.array([seen.ends.index(f":{each['port']}") for each in known], np.intp)
    order = np.argsort(seen.at, kind="stable")
    number = int(figures["forward_round"])
    epoch_at = float(figures["forward_at"]) - geometry.within(number) * geometry.round_s
    capture = Capture(
        seen.ends,
        clients,
        seen.at[order],
        seen.sources[order],
        seen.destinations[order],
        seen.sizes[order],
        round_s=geometry.round_s,
        epoch_s=geometry.epoch_s,
        epoch_at=epoch_at,
        begin=begin,
        end=end,
    )
    goers = {each["who"] for each in told["gone"]} | {
        each["who"] for each in known if each["t"] > begin
    }
    passing = tuple(seat for seat, each in enumerate(known) if each["who"] in goers)
    return Recording(capture, Truth(tuple(_calls(told, known, end)), passing))


class _Spell(NamedTuple):
    """Somebody says that they talk, for a while."""

    seat: int
    begin: float
    end: float


def _calls(told: Mapping[str, Lines], known: Lines, end: float) -> list[Call]:
    """When both of a pair talk."""
    spells = {who: _spells(told, known, who, end) for who in {each["who"] for each in known}}
    both = [
        (mine, theirs)
        for pair in told["pair"]
        for mine in spells.get(pair["who"], ())
        for theirs in spells.get(pair["peer"], ())
    ]
    calls = [
        Call(one.seat, other.seat, max(one.begin, other.begin), min(one.end, other.end))
        for one, other in both
    ]
    return [call for call in calls if call.begin < call.end]


def _spells(told: Mapping[str, Lines], known: Lines, who: int, end: float) -> list[_Spell]:
    """One's own, each at the place where one was then."""
    places = [(each["t"], seat) for seat, each in enumerate(known) if each["who"] == who]
    stops = [each["t"] for each in told["silent"] if each["who"] == who]
    found = []
    for each in told["talking"]:
        begin = each["t"]
        seat = max((place for place in places if place[0] <= begin), default=None)
        if each["who"] == who and seat is not None:
            found.append(
                _Spell(seat[1], begin, min((at for at in stops if at >= begin), default=end))
            )
    return found
