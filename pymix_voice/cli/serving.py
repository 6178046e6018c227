"""Commands that run a mix or a gateway.

Must not know: clients, voice.
"""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from socket import socket
from typing import Annotated

from cyclopts import Parameter, validators

from pymix_voice.cli.finding import JsonOption, ZoneOption, find_zone
from pymix_voice.edge.clock import Clock
from pymix_voice.edge.files import SignedFile, read_key, read_zone
from pymix_voice.edge.places import Place, check_own, resolve
from pymix_voice.edge.priority import ask_for_priority
from pymix_voice.edge.report import Report
from pymix_voice.edge.running import run
from pymix_voice.edge.serve import Worker, check_key, serve_gateway, serve_mix
from pymix_voice.edge.workers import run_workers
from pymix_voice.errors import ConfigError
from pymix_voice.geometry import MAX_WORKERS
from pymix_voice.zone.keyfile import GATEWAY, MIX, KeyFile
from pymix_voice.zone.zonefile import WANTED_PLACE, GatewayEntry, MixEntry, Zone, parse_place

PortOption = Annotated[int, Parameter(name="--port", help="Port in the zone file: says which one.")]
KeyOption = Annotated[
    Path | None,
    Parameter(name="--key", help="Private key file. Default: keys/NAME.key beside the zone file."),
]
WorkersOption = Annotated[
    int,
    Parameter(
        name="--workers",
        validator=validators.Number(gte=1, lte=MAX_WORKERS),
        help="So many processes share the port, for zones that one core cannot serve (Linux).",
    ),
]


def _is_place(kind: object, text: str | None) -> None:
    """What cyclopts asks of an option's value."""
    if text is not None:
        try:
            parse_place(text)
        except ValueError as wrong:
            raise ValueError(f"it {wrong}, but {WANTED_PLACE}") from None


ListenOption = Annotated[
    str | None,
    Parameter(
        name="--listen",
        validator=_is_place,
        help="HOST:PORT of this computer: where to listen, if that is not the address others know: "
        "behind NAT or a port forward.",
    ),
]
WorkerOption = Annotated[int | None, Parameter(name="--worker", show=False)]
SocketOption = Annotated[int | None, Parameter(name="--socket", show=False)]
TellOption = Annotated[
    float | None,
    Parameter(
        name="--tell-every",
        validator=validators.Number(gte=0.1),
        help="Seconds between figures. Default: an epoch.",
    ),
]
OffsetOption = Annotated[float, Parameter(name="--unix-offset", show=False)]


def mix(
    *,
    port: PortOption,
    zone: ZoneOption = None,
    key: KeyOption = None,
    listen: ListenOption = None,
    json: JsonOption = False,
    tell_every: TellOption = None,
    unix_offset: OffsetOption = 0.0,
) -> int:
    """Run a mix of the chain, until Ctrl-C.

    It uses its port for UDP (rounds) and TCP (control). Keep the file NAME.signed that appears
    beside its key: it holds what this mix has signed. Its clock must be right to a minute.
    """
    found, hop, keys, key_path = _choose(MIX, zone, port, key)
    report = Report(found.mixes[hop].name, as_json=json, every_s=tell_every)
    signed = SignedFile(key_path)
    here = _here(listen)
    ask_for_priority()
    run(partial(serve_mix, found, hop, keys, signed, Clock(unix_offset), report, here))
    return 0


def gateway(
    *,
    port: PortOption,
    zone: ZoneOption = None,
    key: KeyOption = None,
    listen: ListenOption = None,
    workers: WorkersOption = 1,
    json: JsonOption = False,
    tell_every: TellOption = None,
    unix_offset: OffsetOption = 0.0,
    worker: WorkerOption = None,
    socket_number: SocketOption = None,
) -> int:
    """Run a gateway, where clients connect by UDP, until Ctrl-C.

    One process serves some 1,500 clients. With --workers several share the port; to clients
    they are one gateway, to the zone one batch.
    """
    found, index, keys, _ = _choose(GATEWAY, zone, port, key)
    entry = found.gateways[index]
    here = _here(listen)
    if workers > 1 and worker is None:
        report = Report(entry.name, as_json=json)
        place = here or resolve(entry.host, entry.port, entry.name)
        run(partial(run_workers, place, workers, partial(_worker_command, workers), report))
        return 0
    part = Worker(
        worker or 0, workers, None if socket_number is None else socket(fileno=socket_number)
    )
    name = entry.name if workers == 1 else f"{entry.name} worker {part.number + 1}"
    report = Report(name, as_json=json, every_s=tell_every)
    ask_for_priority()
    run(partial(serve_gateway, found, index, keys, Clock(unix_offset), report, part, here))
    return 0


def _here(listen: str | None) -> Place | None:
    """Where to listen, if a person says so."""
    if listen is None:
        return None
    host, port = parse_place(listen)
    try:
        here = resolve(host, port, "--listen")
    except ConfigError:
        raise ConfigError("the host of --listen has no address; give it as numbers") from None
    check_own(here, "--listen")
    return here


def _worker_command(workers: int, number: int, socket_number: int) -> list[str]:
    """This very command, as one of its workers."""
    words = [*sys.argv[1:], "--worker", str(number), "--socket", str(socket_number)]
    return [sys.executable, "-m", "pymix_voice", *words]


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
