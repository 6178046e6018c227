"""Commands that run a mix or a gateway.

Must not know: clients, voice.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pymix_voice.cli.finding import JsonOption, ZoneOption, find_zone
from pymix_voice.edge.clock import Clock
from pymix_voice.edge.files import SignedFile, read_key, read_zone
from pymix_voice.edge.priority import ask_for_priority
from pymix_voice.edge.report import Report
from pymix_voice.edge.running import run
from pymix_voice.edge.serve import check_key, serve_gateway, serve_mix
from pymix_voice.errors import ConfigError
from pymix_voice.zone.keyfile import GATEWAY, MIX, KeyFile
from pymix_voice.zone.zonefile import GatewayEntry, MixEntry, Zone

PortOption = Annotated[int, Parameter(name="--port", help="Port in the zone file: says which one.")]
KeyOption = Annotated[
    Path | None,
    Parameter(name="--key", help="Private key file. Default: keys/NAME.key beside the zone file."),
]
OffsetOption = Annotated[float, Parameter(name="--unix-offset", show=False)]


def mix(
    *,
    port: PortOption,
    zone: ZoneOption = None,
    key: KeyOption = None,
    json: JsonOption = False,
    unix_offset: OffsetOption = 0.0,
) -> int:
    """Run a mix of the chain, until Ctrl-C.

    It uses its port for UDP (rounds) and TCP (control). Keep the file NAME.signed that appears
    beside its key: it holds what this mix has signed. Its clock must be right to a minute.
    """
    found, hop, keys, key_path = _choose(MIX, zone, port, key)
    report = Report(found.mixes[hop].name, as_json=json)
    signed = SignedFile(key_path)
    ask_for_priority()
    run(partial(serve_mix, found, hop, keys, signed, Clock(unix_offset), report))
    return 0


def gateway(
    *,
    port: PortOption,
    zone: ZoneOption = None,
    key: KeyOption = None,
    json: JsonOption = False,
    unix_offset: OffsetOption = 0.0,
) -> int:
    """Run a gateway, where clients connect by UDP, until Ctrl-C."""
    found, index, keys, _ = _choose(GATEWAY, zone, port, key)
    report = Report(found.gateways[index].name, as_json=json)
    ask_for_priority()
    run(partial(serve_gateway, found, index, keys, Clock(unix_offset), report))
    return 0


def _choose(
    role: str, zone: Path | None, port: int, key: Path | None
) -> tuple[Zone, int, KeyFile, Path]:
    """The zone, which of its mixes or gateways is meant, its keys and where they are."""
    zone_path = find_zone(zone)
    found = read_zone(zone_path)
    entries = found.mixes if role == MIX else found.gateways
    named = None if key is None else read_key(key).link.public
    index = by_port(entries, port, role, named)
    me = entries[index]
    key_path = key or zone_path.parent / "keys" / f"{me.name}.key"
    keys = read_key(key_path)
    check_key(keys, role, me, str(key_path))
    return found, index, keys, key_path


def by_port(
    entries: Sequence[MixEntry | GatewayEntry], port: int, role: str, link: bytes | None = None
) -> int:
    """Which entry of the zone file has this port; of several, the one with this key.

    Raises:
        ConfigError: if there is none, or it cannot be told which.
    """
    found = [index for index, entry in enumerate(entries) if entry.port == port]
    if not found:
        ports = ", ".join(f"{entry.port} ({entry.name})" for entry in entries)
        raise ConfigError(f"the zone file has no {role} with port {port}; it has {ports}")
    if len(found) > 1 and link is None:
        raise ConfigError(
            f"{len(found)} entries of the zone file have a {role} with port {port}; "
            "add --key FILE to say which one this is"
        )
    return next((index for index in found if entries[index].link == link), found[0])
