"""Places on the network: names to addresses, and which addresses count as one neighbourhood.

A place is (address, port), for IPv4 and IPv6 alike, so that places can be compared. An address
that is good on one interface only has that one's number behind it, as in fe80::1%2. The bytes
that the system writes for a place are what datagrams come from and go to (`Drain`, `Burst`).

Source: sockaddr_in and sockaddr_in6 in ip(7) and ipv6(7), on BSD and macOS in inet(4).

Must not know: what is sent there.
"""

import errno
import socket
import sys
from collections.abc import Hashable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

from pymix_voice.errors import ConfigError
from pymix_voice.zone.drain import ADDRESS_BYTES, Address

Place = tuple[str, int]
SocketPlace = tuple[str, int] | tuple[str, int, int, int]
"""The same for the socket module, which wants the interface apart."""

V4_BYTES = 16
"""A sockaddr_in: head 2 | port 2, big-endian | address 4 | zeros 8."""
V6_BYTES = 28
"""A sockaddr_in6: head 2 | port 2, big-endian | flow 4 | address 16 | interface 4, native."""

_LENGTH_FIRST: Final = sys.platform.startswith(("darwin", "freebsd", "openbsd", "netbsd"))
"""The head is the family, native; there it is a byte of length and one of family."""

_REMEMBERED: Final = 1 << 14
"""So many are kept of each: strangers cannot fill the memory by coming from everywhere."""


def resolve(host: str, port: int, who: str) -> Place:
    """The address of a host; asked once, at start.

    Args:
        host: a name or address from the zone file.
        port: goes along.
        who: its name in the zone file, for the error.

    Raises:
        ConfigError: if the name has no address.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        raise ConfigError(
            f"the host of '{who}' in the zone file has no address; check its name and this "
            "computer's network"
        ) from None
    return place_from(found[0][4])[0], port


# ── as the system writes them ────────────────────────────────────────────────────────────────


@lru_cache(_REMEMBERED)
def address_of(place: Place) -> Address:
    """A place as the system writes it, without the zeros at its end.

    Raises:
        OSError: if it has no address, but a name.
    """
    host, port = place
    bare, _, interface = host.partition("%")
    if family_of(bare) == socket.AF_INET:
        written = _head(socket.AF_INET, V4_BYTES) + port.to_bytes(2, "big")
        written += socket.inet_pton(socket.AF_INET, bare)
    else:
        written = _head(socket.AF_INET6, V6_BYTES) + port.to_bytes(2, "big") + bytes(4)
        written += socket.inet_pton(socket.AF_INET6, bare)
        written += _number_of(interface).to_bytes(4, sys.byteorder)
    return written.rstrip(b"\0")


@lru_cache(_REMEMBERED)
def place_of(address: Address) -> Place:
    """The place that the system wrote so; ("", 0), where nothing can be sent, if it is none."""
    written = address.ljust(ADDRESS_BYTES, b"\0")
    port = int.from_bytes(written[2:4], "big")
    if written.startswith(_head(socket.AF_INET, V4_BYTES)):
        return socket.inet_ntop(socket.AF_INET, written[4:8]), port
    if written.startswith(_head(socket.AF_INET6, V6_BYTES)):
        host = socket.inet_ntop(socket.AF_INET6, written[8:24])
        interface = int.from_bytes(written[24:28], sys.byteorder)
        return (f"{host}%{interface}" if interface else host), port
    return "", 0


def _head(family: int, length: int) -> bytes:
    return bytes((length, family)) if _LENGTH_FIRST else family.to_bytes(2, sys.byteorder)


def _number_of(interface: str) -> int:
    if not interface or interface.isdecimal():
        return int(interface or 0)
    return socket.if_nametoindex(interface)


def for_socket(place: Place) -> SocketPlace:
    """A place as the socket module takes it."""
    host, port = place
    bare, _, interface = host.partition("%")
    return (bare, port, 0, _number_of(interface)) if interface else place


def place_from(found: tuple[Any, ...]) -> Place:
    """The place that the socket module tells so: of IPv6 in four parts."""
    host, port, *more = found
    return (f"{host}%{more[1]}" if more and more[1] else host), port


# ── families and neighbourhoods ──────────────────────────────────────────────────────────────


def family_of(address: str) -> socket.AddressFamily:
    """IPv4 or IPv6."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def wildcard(address: str) -> str:
    """The address that stands for all of this machine's, of the same family.

    A loopback address stands for itself: what is served there is for this machine only.
    """
    bare = ip_address(address)
    if bare.is_loopback:
        return address
    return "::" if bare.version == 6 else "0.0.0.0"  # noqa: S104 - a server is to be reached


def bind(sock: socket.socket, place: Place, what: str) -> None:
    """Bind to a place, or to the same port of all addresses if that one is not this machine's.

    The second is for machines behind a translator of addresses.

    Args:
        sock: of the place's family.
        place: where.
        what: for the error, such as "UDP".

    Raises:
        ConfigError: if the port cannot be had.
    """
    address, port = place
    try:
        try:
            sock.bind(for_socket(place))
        except OSError as error:
            if error.errno != errno.EADDRNOTAVAIL:
                raise
            sock.bind((wildcard(address), port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(
                f"{what} port {port} is in use on this computer; is this program running already?"
            ) from None
        raise ConfigError(
            f"{what} port {port} cannot be opened: {error.strerror}; try another port"
        ) from None


def check_own(place: Place, option: str) -> None:
    """Refuse an address that this computer does not have.

    Args:
        place: where somebody wants to listen.
        option: its name, for the error.

    Raises:
        ConfigError: if nothing can be bound there.
    """
    with socket.socket(family_of(place[0]), socket.SOCK_DGRAM) as trial:
        try:
            trial.bind(for_socket((place[0], 0)))
        except OSError:
            raise ConfigError(
                f"{option} names {place[0]}, which is no address of this computer; give one of its "
                "own, or 0.0.0.0 or [::] for all of them"
            ) from None


def prefix_of(source: Address) -> Hashable:
    """The prefix that a bound on sessions goes by: /24 or /56; None for this machine itself."""
    bare: IPv4Address | IPv6Address = ip_address(place_of(source)[0].partition("%")[0])
    if isinstance(bare, IPv6Address) and bare.ipv4_mapped is not None:
        bare = bare.ipv4_mapped
    if bare.is_loopback:
        return None
    return bare.version, bare.packed[:3] if bare.version == 4 else bare.packed[:7]
