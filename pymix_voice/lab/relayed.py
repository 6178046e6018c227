"""A whole zone on this computer with a relay in between, as processes.

The relay has the addresses of the zone file, the parts listen elsewhere (`--listen`): whoever has
the zone file goes through the relay without knowing it. Who shall not, is told where the gateway
really is (`Elsewhere.place`; a crowd by `--to`).

Must not know: what it is for.
"""

import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pymix_voice.errors import ConfigError
from pymix_voice.lab.processes import Part, Parts
from pymix_voice.lab.profiles import Profile
from pymix_voice.lab.zoning import PORT_TRIES, PORTS, START_S, is_free, serve
from pymix_voice.zone.zonefile import GatewayEntry, MixEntry, Zone

RELAY = (sys.executable, "-m", "pymix_voice.lab.relay")
HOST = "127.0.0.1"


class Elsewhere(NamedTuple):
    """Where the parts of a zone listen, if not where its file says.

    Attributes:
        ports: of loopback, by the part's name.
    """

    ports: Mapping[str, int]

    def place(self, name: str) -> str:
        """Where a part really is: "127.0.0.1:31000"."""
        return f"{HOST}:{self.ports[name]}"

    def listen(self, name: str) -> tuple[str, str]:
        """What a part's command line has more."""
        return "--listen", self.place(name)


class Relayed(NamedTuple):
    """A zone that runs behind a relay.

    Attributes:
        relay: tells its figures every second.
        gateways, mixes: in the order of the zone file.
        elsewhere: where they really are.
    """

    relay: Part
    gateways: list[Part]
    mixes: list[Part]
    elsewhere: Elsewhere


def elsewhere(zone: Zone) -> Elsewhere:
    """Free ports for all parts of a zone, none of which its file names.

    Raises:
        ConfigError: if none were found.
    """
    entries: list[GatewayEntry | MixEntry] = [*zone.gateways, *zone.mixes]
    taken = {entry.port for entry in entries}
    for _ in range(PORT_TRIES):
        first = PORTS.start + secrets.randbelow(len(PORTS))
        ports = range(first, first + len(entries))
        if taken.isdisjoint(ports) and all(map(is_free, ports)):
            names = [entry.name for entry in entries]
            return Elsewhere(dict(zip(names, ports, strict=True)))
    raise ConfigError(f"no free ports were found on {HOST} from {PORTS.start} on")


async def start_relay(
    parts: Parts,
    folder: Path,
    profile: Profile,
    places: Elsewhere,
    *,
    seed: int = 1,
    more: Sequence[str] = (),
) -> Part:
    """Start the relay of a zone, and come back when its ports are open.

    Args:
        parts: where it is started.
        folder: with zone.toml.
        profile: what the network is like; a named one.
        places: of the parts that are behind it.
        seed: of all that it draws.
        more: words of its command line, such as "--chain", "loss=0.01".
    """
    words = [str(folder / "zone.toml"), "--profile", profile.name, "--seed", str(seed), *more]
    for name in places.ports:
        words += ["--part", f"{name}={places.place(name)}"]
    relay = parts.start("relay", *words, command=RELAY)
    await relay.until("up", within_s=START_S)
    return relay


async def start_relayed_zone(
    parts: Parts,
    zone: Zone,
    folder: Path,
    profile: Profile,
    *,
    seed: int = 1,
    more: Sequence[str] = (),
    tell_s: float | None = None,
) -> Relayed:
    """Start a relay, and the gateways and mixes behind it; see `zoning.start_zone`.

    Args:
        parts: where they are started.
        zone: its file, read.
        folder: with zone.toml and keys/.
        profile: what the network is like; a named one.
        seed: of all that the relay draws.
        more: words of the relay's command line, such as "--chain", "loss=0.01".
        tell_s: how often gateways and mixes tell figures; None for once an epoch.
    """
    places = elsewhere(zone)
    relay = await start_relay(parts, folder, profile, places, seed=seed, more=more)
    telling = () if tell_s is None else ("--tell-every", str(tell_s))

    def start(role: str, name: str, port: int) -> Part:
        return parts.start(name, *serve(role, folder, port, *places.listen(name), *telling))

    gateways = [start("gateway", entry.name, entry.port) for entry in zone.gateways]
    mixes = [start("mix", entry.name, entry.port) for entry in zone.mixes]
    for part in (*mixes, *gateways):
        await part.until("note", within_s=START_S)
    return Relayed(relay, gateways, mixes, places)
