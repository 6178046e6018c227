"""A stream through a SOCKS proxy, which may not be ready yet.

Source: SOCKS 4 and 4A, as their authors' notes have them: the answer has eight bytes, the second 90
if it was granted.

Must not know: what goes over it.
"""

from ipaddress import AddressValueError, IPv4Address

import trio

from pymix_voice.lab.peers.measured import PeerError

GRANTED_WITHIN_S = 90.0
_HERE = "127.0.0.1"
_AGAIN_S = 0.5
_ANSWER_BYTES = 8
_GRANTED = b"\x5a"
_BY_NAME = bytes(3) + b"\1"
"""The address that says: a name follows."""


def request(host: str, port: int, user: int = 0) -> bytes:
    """What a proxy is asked.

    Args:
        host: an IPv4 address, or a name that the proxy knows.
        port: there.
        user: Tor gives each user circuits of its own.
    """
    try:
        address, name = IPv4Address(host).packed, b""
    except AddressValueError:
        address, name = _BY_NAME, host.encode() + b"\0"
    return b"\x04\x01" + port.to_bytes(2) + address + b"%d\0" % user + name


async def connected(
    socks_port: int, host: str, port: int, user: int = 0, within_s: float = GRANTED_WITHIN_S
) -> trio.SocketStream:
    """A stream to somewhere, asked for again and again until it is granted.

    Args:
        socks_port: of the proxy, on this machine.
        host: see `request`.
        port: see `request`.
        user: see `request`.
        within_s: how long it is tried.

    Raises:
        PeerError: if there is none in time.
    """
    with trio.move_on_after(within_s):
        while True:
            stream = await _try(socks_port, request(host, port, user))
            if stream is not None:
                return stream
            await trio.sleep(_AGAIN_S)
    raise PeerError(f"no stream stood within {within_s:.0f} s")


async def _try(socks_port: int, asked: bytes) -> trio.SocketStream | None:
    try:
        stream = await trio.open_tcp_stream(_HERE, socks_port)
    except OSError:
        return None
    answer = b""
    try:
        await stream.send_all(asked)
        while missing := _ANSWER_BYTES - len(answer):
            more = await stream.receive_some(missing)
            if not more:
                break
            answer += more
    except trio.BrokenResourceError:
        pass
    finally:
        if answer[1:2] != _GRANTED:
            await trio.aclose_forcefully(stream)
    return stream if answer[1:2] == _GRANTED else None
