"""The zone file: one chain, its gateways, sizes and rates, in TOML.

Everybody in a zone holds the same zone file; its hash goes into every handshake and descriptor,
so two who differ in anything but comments cannot talk. Source: the project's design page,
section "Words", and protocol page, sections "Epoch descriptor" and "Rules".

Must not know: private keys, sockets, who is online.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address
from typing import Final

import msgspec

from pymix_voice.errors import ConfigError
from pymix_voice.geometry import KEY_BYTES, MAX_MIXES, MAX_ROWS, Geometry
from pymix_voice.onion.keys import digest
from pymix_voice.onion.setup import Klass
from pymix_voice.zone.phantoms import Phantoms, parse_phantoms, phantom_values, render_phantoms
from pymix_voice.zone.table import Table, key_text, parse_file

MAX_GATEWAYS = 128
MAX_PER_PREFIX = 100_000

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*\.?")
WANTED_PLACE: Final = '"host:port" or "[IPv6]:port" is wanted, port 1 to 65535'
"""How a host and port are written."""


@dataclass(frozen=True)
class MixEntry:
    """A mix of the chain; TCP and UDP have one port number.

    Attributes:
        link: X25519 public key for handshakes with neighbours, 32 bytes.
        sign: Ed25519 public key for epoch descriptors, 32 bytes.
    """

    name: str
    host: str = field(repr=False)
    port: int = field(repr=False)
    link: bytes = field(repr=False)
    sign: bytes = field(repr=False)


@dataclass(frozen=True)
class GatewayEntry:
    """A gateway; clients come to this UDP port.

    Attributes:
        link: X25519 public key for handshakes with clients and with the first mix, 32 bytes.
    """

    name: str
    host: str = field(repr=False)
    port: int = field(repr=False)
    link: bytes = field(repr=False)


@dataclass(frozen=True)
class Zone:
    """One zone, as its file describes it.

    Args:
        name: for people.
        clients: the most clients with rows in one epoch.
        mixes: the chain in order, first mix first.
        gateways: at least one.
        round_ms: length of a round: 20, 40 or 60.
        min_rows: a batch with fewer rows (lines and doors together) is refused.
        patience_ms: how long a mix waits for the rest of a round.
        sessions_per_prefix: the most sessions a gateway keeps per address prefix.
        phantoms: what every mix but the last adds to each epoch; None for nothing.

    Raises:
        ConfigError: if the entries do not go together.
    """

    name: str
    clients: int
    mixes: tuple[MixEntry, ...]
    gateways: tuple[GatewayEntry, ...]
    round_ms: int = 20
    min_rows: int = 0
    patience_ms: float = 10.0
    sessions_per_prefix: int = 64
    phantoms: Phantoms | None = None

    def __post_init__(self) -> None:
        """Refuse a zone that does not fit, or that has something twice."""
        rows = self.geometry.rows
        if not 0 <= self.min_rows <= rows:
            raise ConfigError(
                f"min_rows is {self.min_rows}, but 0 to 2 * clients = {rows} is wanted"
            )
        if not self.gateways:
            raise ConfigError("the zone has no gateway, but clients need at least one")
        if self.clients < len(self.gateways):
            raise ConfigError(
                f"the zone is for {self.clients} clients, but it has {len(self.gateways)} "
                "gateways, and each needs room for one at least"
            )
        entries: list[MixEntry | GatewayEntry] = [*self.mixes, *self.gateways]
        _differ("name", [entry.name for entry in entries], [entry.name for entry in entries])
        _differ("address", [(e.host, e.port) for e in entries], [entry.name for entry in entries])
        keys = [(entry.link, entry.name) for entry in entries]
        keys += [(mix.sign, mix.name) for mix in self.mixes]
        _differ("key", [key for key, _ in keys], [name for _, name in keys])

    @cached_property
    def geometry(self) -> Geometry:
        """All sizes and times of the zone."""
        lines, doors = (self.phantoms.most(k) if self.phantoms else 0 for k in Klass)
        return Geometry(
            len(self.mixes), self.clients, self.round_ms, self.patience_ms, lines, doors
        )

    @cached_property
    def hash(self) -> bytes:
        """32 bytes that name this zone; comments and order of keys in the file do not matter."""
        entries = [
            *([mix.name, mix.host, mix.port, mix.link, mix.sign] for mix in self.mixes),
            *(
                [gateway.name, gateway.host, gateway.port, gateway.link]
                for gateway in self.gateways
            ),
        ]
        sizes = [self.clients, self.round_ms, self.min_rows, float(self.patience_ms)]
        fields = [self.name, *sizes, self.sessions_per_prefix, len(self.mixes), entries]
        fields.append(phantom_values(self.phantoms))
        return digest("pymix zone", msgspec.msgpack.encode(fields))


def _differ(what: str, values: Sequence[object], names: Sequence[str]) -> None:
    seen: dict[object, str] = {}
    for value, name in zip(values, names, strict=True):
        if value in seen:
            raise ConfigError(
                f"'{seen[value]}' and '{name}' have the same {what}, but each {what} may "
                "stand only once in a zone"
            )
        seen[value] = name


def parse_zone(text: bytes, name: str) -> Zone:
    """Read a zone file.

    Args:
        text: the whole file.
        name: the file's name, for errors.

    Raises:
        ConfigError: in one sentence, without any key or address.
    """
    table = parse_file(text, name)
    table.known(Zone.__match_args__)
    most = MAX_ROWS // 2
    try:
        return Zone(
            name=table.name("name"),
            clients=table.whole("clients", None, 1, most),
            mixes=tuple(_parse_mix(entry) for entry in table.tables("mixes", MAX_MIXES)),
            gateways=tuple(
                _parse_gateway(entry) for entry in table.tables("gateways", MAX_GATEWAYS)
            ),
            round_ms=table.whole("round_ms", 20, 1, 1000),
            min_rows=table.whole("min_rows", 0, 0, MAX_ROWS),
            patience_ms=table.number("patience_ms", 10.0, 1.0, 40.0),
            sessions_per_prefix=table.whole("sessions_per_prefix", 64, 1, MAX_PER_PREFIX),
            phantoms=parse_phantoms(table.table("phantoms")),
        )
    except ConfigError as error:
        if str(error).startswith(f"{name}: "):
            raise
        raise ConfigError(f"{name}: {error}") from None


def _parse_mix(table: Table) -> MixEntry:
    table.known(["name", "address", "link", "sign"])
    host, port = _parse_place(table)
    return MixEntry(
        table.name("name"),
        host,
        port,
        table.key("link", KEY_BYTES),
        table.key("sign", KEY_BYTES),
    )


def _parse_gateway(table: Table) -> GatewayEntry:
    table.known(["name", "address", "link"])
    host, port = _parse_place(table)
    return GatewayEntry(table.name("name"), host, port, table.key("link", KEY_BYTES))


def _parse_place(table: Table) -> tuple[str, int]:
    try:
        return parse_place(table.text("address"))
    except ValueError as wrong:
        raise table.error("address", str(wrong), WANTED_PLACE) from None


def parse_place(text: str) -> tuple[str, int]:
    """Read a host and port as they stand in a zone file: "mix.example.net:7101" or "[::1]:7101".

    Raises:
        ValueError: saying what the text has that it should not have; see `WANTED_PLACE`.
    """
    host, colon, digits = text.rpartition(":")
    if not colon:
        raise ValueError("has no port")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5):
        raise ValueError("has a port that is not a number")
    if not 1 <= int(digits) <= 65535:
        raise ValueError("has a port that is not possible")
    return _host(host), int(digits)


def _host(host: str) -> str:
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        if bracketed and "%" not in host:  # a scope id means something on one machine only
            return str(IPv6Address(host[1:-1]))
        named = ":" not in host and not host.replace(".", "").isdigit()
        if not named:
            return str(IPv4Address(host))
    except ValueError:
        raise ValueError("has a host that is no IP address") from None
    if not _HOST.fullmatch(host):
        raise ValueError("has a host that cannot be one")
    return host.lower()


def place(host: str, port: int) -> str:
    """A host and port as they stand in a zone file."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def render_zone(zone: Zone) -> str:
    """The zone file of a zone, with comments for its operators."""
    head = f"""\
# Zone file of pymix-voice. Everybody in the zone needs the same one: operators and clients.
# Nothing in it is secret, but who can change your copy can choose your mixes: get it from
# somebody you trust.

name = "{zone.name}"
# The most clients that can take part in one epoch.
clients = {zone.clients}
# Length of a round in milliseconds: 20, 40 or 60. In each, every client sends and gets a cell
# with one, two or three frames of voice: the longer, the fewer bytes, and the more delay.
round_ms = {zone.round_ms}
# A batch with fewer rows is refused (a client has two rows). Few rows hide little. A mix does not
# count its own phantoms; those of mixes before it, it cannot tell from clients.
min_rows = {zone.min_rows}
# How long a mix waits for the rest of a round after its first datagram, in milliseconds.
patience_ms = {zone.patience_ms!r}
# The most sessions that a gateway keeps for clients of one address prefix.
sessions_per_prefix = {zone.sessions_per_prefix}

{render_phantoms(zone.phantoms)}
# The chain, first mix first. Anonymity holds while one of them is honest: let different people
# run them. TCP and UDP use the same port. `link` is a mix's X25519 key, `sign` its Ed25519 key.
"""
    parts = [head]
    for mix in zone.mixes:
        parts.append(f'[[mixes]]\n{_render_entry(mix)}sign = "{key_text(mix.sign)}"\n\n')
    parts.append("# Where clients connect, by UDP. Gateways are not trusted with anonymity.\n")
    parts += [f"[[gateways]]\n{_render_entry(gateway)}\n" for gateway in zone.gateways]
    return "".join(parts).rstrip("\n") + "\n"


def _render_entry(entry: MixEntry | GatewayEntry) -> str:
    address = place(entry.host, entry.port)
    return f'name = "{entry.name}"\naddress = "{address}"\nlink = "{key_text(entry.link)}"\n'
