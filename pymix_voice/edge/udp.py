"""Datagram ports: which kind serves whom best, and what room in memory they need.

All kinds do the same and are tested the same (`port`, `mmsg`, `gso`); whoever has one does not
see which it is.

Source: the project's protocol page, section "Mix links" (buffers).

Must not know: what datagrams mean, who they are for.
"""

import socket
import sys

from pymix_voice.edge.gso import LinkPort
from pymix_voice.edge.mmsg import ManyPort
from pymix_voice.edge.places import Place
from pymix_voice.edge.port import DRAIN_LIMIT, LEAST_BUFFER, WIDTH, Port

__all__ = [
    "CHUNK_CHARGE",
    "CLIENT_CHARGE",
    "DRAIN_LIMIT",
    "LEAST_BUFFER",
    "WIDTH",
    "Port",
    "buffer_warning",
    "open_port",
]

CLIENT_CHARGE = 832
"""What Linux charges the receive buffer for a datagram of a client, in bytes (measured)."""
CHUNK_CHARGE = 2304
"""The same for a chunk of a mix link."""


def open_port(
    place: Place,
    expected_bytes: int = 0,
    *,
    size: int | None = None,
    plain: bool = False,
    sock: socket.socket | None = None,
) -> Port:
    """The port that does its work with the least effort on this system.

    Args:
        place: address and port to bind to; port 0 for any.
        expected_bytes: what the receive buffer should hold, as the kernel charges it.
        size: the one length of datagrams that are of use, for few peers that send much of it;
            None for many peers, and datagrams of any length.
        plain: take the kind that works everywhere.
        sock: a socket that is bound already, to be used and closed in place of a new one.

    Raises:
        ConfigError: if the port cannot be had.
    """
    if plain or sys.platform != "linux":
        return Port(place, expected_bytes, size=size, sock=sock)
    if size is not None:
        return LinkPort(place, expected_bytes, size=size, sock=sock)
    return ManyPort(place, expected_bytes, sock=sock)


def buffer_warning(buffer_bytes: int, datagrams: int, charge: int) -> str | None:
    """What to tell an operator whose buffer does not hold two rounds.

    Args:
        buffer_bytes: what the kernel gave, see `Port.buffer_bytes`.
        datagrams: how many come in two rounds, at the most.
        charge: what the kernel charges for one.

    Returns:
        A sentence with the line that helps, or None if all is well.
    """
    needed = datagrams * charge
    if buffer_bytes >= needed:
        return None
    # Without SO_RCVBUFFORCE, rmem_max bounds what is asked for, which is half of what is charged.
    return (
        f"the UDP receive buffer holds {buffer_bytes // charge} datagrams, but two full rounds "
        f"are {datagrams}: a full zone would lose some; run: "
        f"sysctl -w net.core.rmem_max={-(-needed // 2)}"
    )
