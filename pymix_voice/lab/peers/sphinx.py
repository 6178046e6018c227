"""What a hop of Sphinx costs: `sphinxmix` unwraps packets the size of a cell.

Sphinx is the packet format of message mixes: every packet brings its own keys, so every hop pays
for public-key work in every packet, where ours pays once for an epoch. Only the unwrapping is
timed, no network, and one direction; the package is optional and this says whether it is there.

Source: Danezis, Goldberg 2009; PyPI's sphinxmix 0.0.7, with X25519 as the group.

Must not know: sockets, rounds.
"""

import sys
import time
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec

import msgspec

from pymix_voice.lab.peers.measured import Measured, PeerError, measured_by
from pymix_voice.lab.peers.sizes import CELL_BYTES

HOPS = 3
HEADER_BYTES = 192
"""The package's own size, enough for five hops."""
BODY_BYTES = CELL_BYTES + 32
"""A cell, the package's check of 16 and its framing; whole blocks of 16."""
PROCESSES = 5
"""With this group the package opens hardly any packet but the first of a process, and sometimes
not that one."""
_AT_ONCE = 50


def available() -> bool:
    """Whether the package is installed; nothing of it is imported yet."""
    return all(find_spec(name) is not None for name in ("sphinxmix", "petlib"))


def measure(seconds: float) -> Measured | None:
    """Unwrap one packet again and again at the first of three hops.

    It computes all the time, and petlib must not run in a thread: give it a process of its own.

    Args:
        seconds: of CPU time.

    Returns:
        None if the package is not there.

    Raises:
        PeerError: if the packet does not come out at the end of its hops.
    """
    if not available():
        return None
    client = import_module("sphinxmix.SphinxClient")
    unwrap = import_module("sphinxmix.SphinxNode").sphinx_process
    group = import_module("sphinxmix.SphinxParamsC25519").Group_C25519()
    make_params = import_module("sphinxmix.SphinxParams").SphinxParams
    params = make_params(group=group, header_len=HEADER_BYTES, body_len=BODY_BYTES)

    names = [client.Nenc(bytes([hop])) for hop in range(HOPS)]
    cell = bytes(range(CELL_BYTES))

    secrets = [group.gensecret() for _ in range(HOPS)]
    publics = [group.expon_base([secret]) for secret in secrets]
    first = client.create_forward_message(params, names, publics, b"-", cell)
    packet, check = first, b""
    try:
        for secret in secrets:
            _, _, packet, check = unwrap(params, secret, *packet)
    except import_module("sphinxmix").SphinxException as refused:
        raise PeerError(f"a Sphinx packet did not open: {refused}") from None
    if list(client.receive_forward(params, check, packet[1])) != [b"-", cell]:
        raise PeerError("a Sphinx packet came out wrong")
    count, since, spent = 0, time.thread_time(), 0.0
    while spent < seconds:
        for _ in range(_AT_ONCE):
            unwrap(params, secrets[0], *first)
        count += _AT_ONCE
        spent = time.thread_time() - since
    return Measured.of("mix", "x25519 and lioness", 1, count, spent, verified=1)


async def measure_apart(seconds: float) -> Measured | None:
    """The same in a process of its own; in another, where the package's packet does not open.

    Args:
        seconds: of CPU time.

    Returns:
        None if the package is not there, or opens nothing.
    """
    if not available():
        return None
    command = (sys.executable, "-m", __name__, str(seconds))
    for _ in range(PROCESSES):
        with suppress(PeerError):
            return await measured_by(command, seconds)
    return None


def main(seconds: str) -> None:
    """Print what was measured, as one JSON object."""
    sys.stdout.write(msgspec.json.encode(measure(float(seconds))).decode() + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
