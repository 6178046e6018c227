"""A whole zone on this computer, as processes: for the demo, and for measurements.

Made and started by the very commands that a person would type, each with a profile of its own.

Must not know: what it is for.
"""

import secrets
import socket
from pathlib import Path
from typing import NamedTuple

import pymix_voice
from pymix_voice.errors import ConfigError
from pymix_voice.lab.processes import Part, Parts
from pymix_voice.zone.zonefile import Zone, parse_zone

CALLER_SAYS = "kennedy.wav"
CALLEE_SAYS = "austen-leisure.wav"

PORTS = range(20_000, 30_000)
PORT_TRIES = 100
FIRST_MIX = 101
"""`zone new` gives the mixes the ports from here on above the gateway's."""

START_S = 15.0
"""Until a program tells its first word, on a busy computer."""
ZONE_S = 30.0
"""Until a client has circuits: at most two epochs, and again as much for a bad start."""


class Started(NamedTuple):
    """A zone that runs.

    Attributes:
        gateway: its only one.
        mixes: in the order of the chain.
    """

    gateway: Part
    mixes: list[Part]


async def make_zone(
    parts: Parts, folder: Path, mixes: int, clients: int | None = None, round_ms: int = 20
) -> Zone:
    """Keys and zone file, on free ports of this computer.

    Args:
        parts: where it is made.
        folder: new.
        mixes: length of the chain.
        clients: for how many; as many as `zone new` takes if None.
        round_ms: length of a round.
    """
    words = ["zone", "new", str(folder), "--mixes", str(mixes), "--port", str(free_port(mixes))]
    words += [] if clients is None else ["--clients", str(clients)]
    words += ["--round-ms", str(round_ms)]
    maker = parts.start("zone new", *words, lasts=False)
    await maker.finished(within_s=START_S)
    path = folder / "zone.toml"
    return parse_zone(path.read_bytes(), path.name)


async def start_zone(parts: Parts, zone: Zone, folder: Path, *more: str) -> Started:
    """Start the gateway and the mixes, and come back when all are up.

    Args:
        parts: where they are started.
        zone: its file, read.
        folder: with zone.toml and keys/.
        more: words of each command line, such as "--tell-every", "1".
    """
    gateway = parts.start("gateway", *serve("gateway", folder, zone.gateways[0].port, *more))
    mixes = [
        parts.start(f"mix {number}", *serve("mix", folder, entry.port, *more))
        for number, entry in enumerate(zone.mixes, 1)
    ]
    for part in (*mixes, gateway):
        await part.until("note", within_s=START_S)
    return Started(gateway, mixes)


# ── what a person would type ─────────────────────────────────────────────────────────────────


def serve(role: str, zone: Path, port: int, *more: str) -> list[str]:
    """`pymix-voice mix` or `gateway`."""
    return [role, "--port", str(port), "--zone", str(zone), "--json", *more]


def client(verb: str, home: Path, name: str) -> list[str]:
    """The beginning of `pymix-voice listen` and `call`, with a profile of its own."""
    profile = home / name.replace(" ", "-")
    words = [verb, "--zone", str(home / "zone"), "--profile", str(profile), "--json"]
    return words if verb == "echo" else [*words, "--silent"]


def idle(home: Path, name: str) -> list[str]:
    """A bystander: online, in no call."""
    return client("listen", home, name)


def listen(home: Path, name: str, said: Path, heard: Path, *more: str) -> list[str]:
    """Somebody who answers one call with a recording."""
    answers = ["--auto-answer", "--once", "--input", str(said), "--output", str(heard)]
    return [*client("listen", home, name), *answers, *more]


def call(
    home: Path, address: str, said: Path, heard: Path, *more: str, name: str = "caller"
) -> list[str]:
    """Somebody who calls with a recording, and stays only as long as that takes."""
    speaks = ["--now", "--input", str(said), "--output", str(heard)]
    return [*client("call", home, name), address, *speaks, *more]


# ── what is on this computer ─────────────────────────────────────────────────────────────────


def samples() -> Path:
    """The folder of recordings: in the installed package, or beside it in the project.

    Raises:
        ConfigError: if there is none.
    """
    package = Path(pymix_voice.__file__).parent
    for folder in (package / "samples", package.parent / "samples"):
        if (folder / CALLER_SAYS).exists():
            return folder
    raise ConfigError("the recordings of the demo are missing; install pymix-voice again")


def wav_files(folder: Path, most: int | None = None) -> list[Path]:
    """The recordings of a folder, by name.

    Args:
        folder: where they are.
        most: no more than the first so many.

    Raises:
        ConfigError: if there are none.
    """
    paths = sorted(folder.glob("*.wav"))[:most]
    if not paths:
        raise ConfigError(f"there are no WAV files in {folder}; give a folder with recordings")
    return paths


def free_port(mixes: int) -> int:
    """A number for `zone new`: this and those of the mixes are free, for UDP and TCP alike.

    It lies below the range from which the system itself gives out ports, so nobody gets one of
    them by chance between now and the start of the parts.

    Raises:
        ConfigError: if none was found.
    """
    for _ in range(PORT_TRIES):
        port = PORTS.start + secrets.randbelow(len(PORTS))
        if all(is_free(port + offset) for offset in (0, *range(FIRST_MIX, FIRST_MIX + mixes))):
            return port
    raise ConfigError(f"no free ports were found on 127.0.0.1 from {PORTS.start} on")


def is_free(port: int) -> bool:
    """Whether both a UDP and a TCP socket could be bound to this port of loopback."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as trial:
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
