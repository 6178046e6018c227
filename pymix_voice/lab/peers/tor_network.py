"""A private Tor network on loopback: four relays, one of them the authority, and a client.

All of it is on 127.0.0.1, in a folder that is deleted afterwards.

Must not know: what goes through it.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import trio

from pymix_voice.lab.peers.local import find, free_ports
from pymix_voice.lab.peers.measured import PeerError
from pymix_voice.lab.peers.tor_settings import (
    AUTHORITY,
    CLIENT,
    HOST,
    RELAYS,
    Node,
    all_listed,
    authority_line,
    fingerprint_in,
    identity_in,
    text,
)
from pymix_voice.lab.processes import Parts, parts_in

STARTED_WITHIN_S = 90.0
_AGAIN_S = 0.5
_SPEAK_UP = ("sh", "-c", 'exec "$0" "$@" >&2')
"""Tor says on stdout what is wrong with its settings; words are looked for on stderr."""


class Network(NamedTuple):
    """One that runs: its processes, and what else is to run with Tor's program."""

    relays: list[Node]
    client: Node
    authority: str
    """The line that tells everybody of the authority."""
    parts: Parts


def available() -> bool:
    """Whether Tor is installed."""
    return find("tor") is not None and find("tor-gencert") is not None


@asynccontextmanager
async def network_in(folder: Path) -> AsyncIterator[Network]:
    """A network whose relays know of each other; the client has been started.

    Args:
        folder: existing, for all that its processes write.

    Raises:
        PeerError: if Tor does not take what it is told, or the relays do not agree in time.
        ExceptionGroup: of `PartError`, if a process ends.
    """
    ports = free_ports(2 * (len(RELAYS) + 1))
    nodes = [Node(name, folder / name, ports.pop(), ports.pop()) for name in (*RELAYS, CLIENT)]
    for node in nodes:
        node.folder.mkdir(mode=0o700)
    *relays, client = nodes
    line = await _make_authority(nodes[0])
    for node in nodes:
        (node.folder / "torrc").write_text(text(node, line))
    async with parts_in(folder, command=[*_SPEAK_UP, str(find("tor"))]) as parts:
        for node in relays:
            parts.start(node.name, "-f", str(node.folder / "torrc"))
        await _listed(relays[-1].consensus)
        parts.start(client.name, "-f", str(client.folder / "torrc"))
        yield Network(relays, client, line, parts)


# ── before it runs ───────────────────────────────────────────────────────────────────────


async def _make_authority(node: Node) -> str:
    """Make the authority's keys; the line that tells everybody of it."""
    assert node.name == AUTHORITY
    keys = node.folder / "keys"
    keys.mkdir(mode=0o700)
    certificate = keys / "authority_certificate"
    files = {"-i": "authority_identity_key", "-s": "authority_signing_key", "-c": certificate.name}
    made = [word for option, name in files.items() for word in (option, str(keys / name))]
    at = ["-a", f"{HOST}:{node.dir_port}", "--create-identity-key", "--passphrase-fd", "0"]
    await _told("tor-gencert", *made, *at, said=b"-\n")
    options = {"--DataDirectory": node.folder, "--Nickname": node.name, "--ORPort": node.port}
    given = [str(word) for option in options.items() for word in option]
    alone = ["-f", os.devnull, "--ignore-missing-torrc", "--DisableNetwork", "1", "--quiet"]
    told = await _told("tor", "--list-fingerprint", *alone, *given)
    return authority_line(node, identity_in(certificate.read_text()), fingerprint_in(told))


async def _told(name: str, *arguments: str, said: bytes = b"") -> str:
    """Run a program of Tor's; what it wrote."""
    done = await trio.run_process(
        [str(find(name)), *arguments],
        stdin=said,
        capture_stdout=True,
        capture_stderr=True,
        check=False,
    )
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise PeerError(f"{name} failed: {''.join(last)}")
    return done.stdout.decode()


# ── while it runs ────────────────────────────────────────────────────────────────────────


async def _listed(consensus: Path) -> None:
    """Wait until a relay has a list with all of them: a client that comes earlier may get stuck.

    Raises:
        PeerError: if it has not in time.
    """
    with trio.move_on_after(STARTED_WITHIN_S):
        while True:
            if all_listed(_text_of(consensus)):
                return
            await trio.sleep(_AGAIN_S)
    raise PeerError(f"its relays were not listed within {STARTED_WITHIN_S:.0f} s")


def _text_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""
