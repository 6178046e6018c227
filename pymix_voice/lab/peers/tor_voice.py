"""The same voice over Tor, in a private network on this machine: Tor's exit, and an onion service.

    exit     caller -- 3 relays -- callee, who listens on loopback      hides the caller
    onion    caller -- 3 relays, 3 relays -- callee's own Tor           hides both

Each round's record goes over one stream, as `voice_ends` has it. Tor is no mix: it hides where a
stream goes from whoever sees one part of its way, not from whoever sees both ends.

Source: Tor's specifications (rend-spec-v3 for onion services).

Must not know: what is compared with it.
"""

import tempfile
from pathlib import Path

import trio

from pymix_voice.lab.peers.local import free_ports
from pymix_voice.lab.peers.measured import PeerError
from pymix_voice.lab.peers.tor_network import Network, available, network_in
from pymix_voice.lab.peers.tor_settings import HOST, Node, onion_service
from pymix_voice.lab.peers.voices import Said, Voice, Ways, missing, talk_over, voice_of

EXIT = "tor"
EXIT_SENTENCE = "a stream through 3 relays of a private Tor network: hides the caller only"
ONION = "tor onion"
ONION_SENTENCE = "a stream to an onion service, 6 relays of a private Tor network: hides both"
NOT_INSTALLED = "Tor is not installed; `apt-get install tor` does that"

ONION_WITHIN_S = 60.0
"""Until an onion service has to have its name."""
_AGAIN_S = 0.2


async def measure_exit(said: Said, folder: Path) -> Voice:
    """Through three relays, out to a listener.

    Args:
        said: what the two speak.
        folder: existing, for recordings and logs.

    Raises:
        PeerError: if a voice did not come through.
        ExceptionGroup: of `PartError`, if a process fails.
    """
    if not available():
        return missing(EXIT, EXIT_SENTENCE, NOT_INSTALLED)
    with tempfile.TemporaryDirectory(prefix="pymix-tor-") as home:
        async with network_in(Path(home)) as network:
            (port,) = free_ports(1)
            ways = await _talk(said, folder, network, HOST, port)
    return voice_of(EXIT, EXIT_SENTENCE, ways)


async def measure_onion(said: Said, folder: Path) -> Voice:
    """To an onion service that a Tor of the callee's own keeps.

    Args:
        said: what the two speak.
        folder: existing, for recordings and logs.

    Raises:
        PeerError: if a voice did not come through.
        ExceptionGroup: of `PartError`, if a process fails.
    """
    if not available():
        return missing(ONION, ONION_SENTENCE, NOT_INSTALLED)
    with tempfile.TemporaryDirectory(prefix="pymix-tor-") as home:
        async with network_in(Path(home)) as network:
            port, socks_port = free_ports(2)
            node = Node("callee", Path(home) / "callee", socks_port, 0)
            node.folder.mkdir(mode=0o700)
            torrc = node.folder / "torrc"
            torrc.write_text(onion_service(node, network.authority, port))
            network.parts.start(node.name, "-f", str(torrc))
            name = await _name_in(trio.Path(node.folder) / "onion" / "hostname")
            ways = await _talk(said, folder, network, name, port)
    return voice_of(ONION, ONION_SENTENCE, ways)


async def _talk(said: Said, folder: Path, network: Network, host: str, port: int) -> Ways:
    """The callee listens at a port of this computer, the caller goes through the network."""
    caller = ["socks", str(network.client.port), host, str(port)]
    return await talk_over(said, folder, ["listen", str(port)], caller, ready="listening")


async def _name_in(path: trio.Path) -> str:
    """The service's name, once its Tor has made it.

    Raises:
        PeerError: if it has none in time.
    """
    with trio.move_on_after(ONION_WITHIN_S):
        while True:
            if await path.exists() and (name := (await path.read_text()).strip()):
                return name
            await trio.sleep(_AGAIN_S)
    raise PeerError(f"the onion service had no name within {ONION_WITHIN_S:.0f} s")
