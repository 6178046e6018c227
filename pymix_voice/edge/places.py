"""Places on the network: names to addresses, and which addresses count as one neighbourhood.

A place is (address, port), for IPv4 and IPv6 alike, so that places can be compared.

Must not know: what is sent there.
"""

import errno
import socket
from collections.abc import Hashable
from ipaddress import IPv4Address, IPv6Address, ip_address

from pymix_voice.errors import ConfigError

Place = tuple[str, int]


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
    address = found[0][4]
    return str(address[0]), port


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
            sock.bind((address, port))
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


def prefix_of(source: Hashable) -> Hashable:
    """The prefix that a bound on sessions goes by: /24 or /56; None for this machine itself."""
    address = source[0] if isinstance(source, tuple) else source
    bare: IPv4Address | IPv6Address = ip_address(str(address).partition("%")[0])
    if isinstance(bare, IPv6Address) and bare.ipv4_mapped is not None:
        bare = bare.ipv4_mapped
    if bare.is_loopback:
        return None
    return bare.version, bare.packed[:3] if bare.version == 4 else bare.packed[:7]
