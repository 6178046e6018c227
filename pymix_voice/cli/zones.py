"""Commands that make and check zones, and print sizes.

Must not know: sockets.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from pymix_voice import geometry as sizes
from pymix_voice.cli.finding import ZONE_FILE, find_zone
from pymix_voice.edge.clock import system_dice
from pymix_voice.edge.files import PUBLIC, make_folder, read_zone, write_file, write_key
from pymix_voice.errors import ConfigError
from pymix_voice.geometry import Geometry
from pymix_voice.onion.setup import Klass
from pymix_voice.zone.keyfile import GATEWAY, MIX, KeyFile, new_key
from pymix_voice.zone.phantoms import PRESETS
from pymix_voice.zone.table import key_text
from pymix_voice.zone.zonefile import GatewayEntry, MixEntry, Zone, parse_zone, render_zone

FIRST_MIX_OFFSET = 101
"""Mixes have ports from the gateways' first one and this on: 7000 and 7101."""


def new(
    folder: Path,
    /,
    *,
    name: str = "home",
    mixes: int = 3,
    gateways: int = 1,
    clients: int = 100,
    host: str = "127.0.0.1",
    port: int = 7000,
    round_ms: Annotated[int, Parameter(name="--round-ms")] = 20,
    min_rows: Annotated[int, Parameter(name="--min-rows")] = 0,
    patience_ms: Annotated[float, Parameter(name="--patience-ms")] = 10.0,
    phantoms: Literal["off", "few", "many"] = "off",
) -> int:
    """Make a zone file and all its keys.

    For a zone on one computer, or to start from: edit the addresses in zone.toml, and give each
    operator one file of keys/, by a safe way. Gateways get the ports from --port on (7000),
    mixes those from 101 further on (7101). Nothing that is there is overwritten.

    Args:
        folder: new folder for zone.toml and keys/.
        name: of the zone, lower-case letters, digits and dashes.
        mixes: length of the chain, 1 to 8; anonymity holds while one of them is honest.
        gateways: where clients connect.
        clients: the most that can take part.
        host: address or name of the machine that all run on.
        port: of the first gateway.
        round_ms: length of a round: 20, 40 or 60; the longer, the fewer bytes and the more delay.
        min_rows: refuse to run circuits for fewer rows (a client has two).
        patience_ms: how long a mix waits for the rest of a round.
        phantoms: circuits that mixes add, so that the last one cannot count calls exactly; see
            docs/phantoms.md for what they hide and cost.
    """
    most = FIRST_MIX_OFFSET - 1
    if not 1 <= gateways <= most:
        raise ConfigError(f"{gateways} gateways were asked for, but 1 to {most} are possible here")
    last = port + FIRST_MIX_OFFSET + sizes.MAX_MIXES
    if not 1 <= port <= last <= 65535:
        raise ConfigError(f"port {port} was asked for, but 1 to {65535 - last + port} are possible")
    Geometry(mixes, clients, round_ms, patience_ms)
    dice = system_dice()
    mix_keys = [new_key(MIX, f"mix{number}", dice) for number in range(1, mixes + 1)]
    gateway_keys = [new_key(GATEWAY, f"gateway{number}", dice) for number in range(1, gateways + 1)]
    zone = Zone(
        name=name,
        clients=clients,
        mixes=_mix_entries(mix_keys, host, port + FIRST_MIX_OFFSET),
        gateways=_gateway_entries(gateway_keys, host, port),
        round_ms=round_ms,
        min_rows=min_rows,
        patience_ms=patience_ms,
        phantoms=PRESETS[phantoms],
    )
    text = render_zone(zone).encode()
    parse_zone(text, ZONE_FILE)  # refuses a host or name that cannot be one
    _write_all(folder, text, [*mix_keys, *gateway_keys])
    _tell_new(folder, zone)
    return 0


def _mix_entries(keys: Sequence[KeyFile], host: str, port: int) -> tuple[MixEntry, ...]:
    return tuple(
        MixEntry(key.name, host, port + hop, key.link.public, key.sign_public)
        for hop, key in enumerate(keys)
    )


def _gateway_entries(keys: Sequence[KeyFile], host: str, port: int) -> tuple[GatewayEntry, ...]:
    return tuple(
        GatewayEntry(key.name, host, port + index, key.link.public)
        for index, key in enumerate(keys)
    )


def _write_all(folder: Path, text: bytes, keys: list[KeyFile]) -> None:
    zone_path = folder / ZONE_FILE
    paths = {folder / "keys" / f"{key.name}.key": key for key in keys}
    for path in (zone_path, *paths):
        if path.exists():
            raise ConfigError(f"{path} is there already, and is not replaced; give a new folder")
    make_folder(folder / "keys", 0o700)
    for path, key in paths.items():
        write_key(path, key)
    write_file(zone_path, text, PUBLIC)


def _tell_new(folder: Path, zone: Zone) -> None:
    place = shlex.quote(str(folder))
    print(f"The zone '{zone.name}' is in {folder / ZONE_FILE}: everybody needs that file.")
    print(f"Private keys are in {folder / 'keys'}: each is for one operator alone.\n")
    print("Start its parts, each in a terminal of its own:")
    for mix in zone.mixes:
        print(f"  pymix-voice mix --port {mix.port} --zone {place}")
    for gateway in zone.gateways:
        print(f"  pymix-voice gateway --port {gateway.port} --zone {place}")
    print("\nThen wait for a call; it prints the line for the other side:")
    print(f"  pymix-voice listen --zone {place} --profile {shlex.quote(str(folder / 'bob'))}")


def key(path: Path, role: Literal["mix", "gateway"], name: str, /) -> int:
    """Make one operator's key file, and print the lines for the zone file.

    So each operator makes their own key, and nobody else ever has it.

    Args:
        path: the new file; it is not overwritten.
        role: mix or gateway.
        name: as in the zone file, such as mix1.
    """
    keys = new_key(role, name, system_dice())
    write_key(path, keys)
    print(f"# The private keys are in {path}. These lines go into the zone file:")
    print("[[mixes]]" if role == MIX else "[[gateways]]")
    print(f'name = "{name}"\naddress = "HOST:PORT"\nlink = "{key_text(keys.link.public)}"')
    if role == MIX:
        print(f'sign = "{key_text(keys.sign_public)}"')
    return 0


def check(zone: Path | None = None, /) -> int:
    """Read a zone file and print what is in it.

    Args:
        zone: zone file, or the folder with zone.toml.
    """
    found = read_zone(find_zone(zone))
    print(f"zone '{found.name}': the file is in order")
    print(f"  chain      {' -> '.join(mix.name for mix in found.mixes)}")
    print(f"  gateways   {', '.join(gateway.name for gateway in found.gateways)}")
    print(f"  min_rows   {found.min_rows}")
    print(f"  phantoms   {_told_phantoms(found)}")
    print(f"  check      {found.hash.hex()[:16]}  (the same for everybody in the zone)\n")
    _print_sizes(found.geometry)
    return 0


def _told_phantoms(zone: Zone) -> str:
    if zone.phantoms is None:
        return "none: the last mix can count calls"
    lines, doors = (zone.phantoms.most(klass) // 2 for klass in Klass)
    return f"{lines} lines and {doors} doors of every mix but the last, more or less"


def geometry(
    *,
    mixes: int = 3,
    clients: int = 100,
    round_ms: Annotated[int, Parameter(name="--round-ms")] = 20,
) -> int:
    """Print the sizes and times of a zone.

    Args:
        mixes: length of the chain.
        clients: the most that can take part.
        round_ms: length of a round: 20, 40 or 60.
    """
    _print_sizes(Geometry(mixes, clients, round_ms))
    return 0


def _print_sizes(geometry: Geometry) -> None:
    lines: list[tuple[str, float, str]] = [
        ("mixes", geometry.mixes, ""),
        ("clients", geometry.clients, "at most"),
        ("rows", geometry.rows, "a line and a door for each client"),
        ("round", geometry.round_ms, "ms"),
        ("patience", geometry.patience_ms, "ms that a mix waits for the rest of a round"),
        ("frames", geometry.frames, "of voice in a round, 20 ms each"),
        ("cell", geometry.cell_bytes, "bytes"),
        ("voice", geometry.body_bytes, "bytes of a cell"),
        ("datagram up", geometry.up_bytes, "bytes"),
        ("datagram down", geometry.down_bytes, "bytes"),
        ("set-up", geometry.setup_bytes, "bytes, once an epoch"),
        ("between mixes", geometry.chunk_bytes, f"bytes for {geometry.chunk_cells} cells"),
        ("datagrams", geometry.chunks(geometry.most_rows), "in a full round between mixes"),
        ("epoch", geometry.epoch_rounds, f"rounds, {geometry.epoch_s:g} s"),
        ("keys until", geometry.keys_until, "round of the epoch"),
        ("set-up from", geometry.setup_from, "round of the epoch"),
        ("cut-off", geometry.cutoff_at, "round of the epoch"),
        ("decision", geometry.decide_at, "round of the epoch"),
    ]
    for name, value, unit in lines:
        print(f"  {name:<15}{value:>8g}  {unit}".rstrip())
