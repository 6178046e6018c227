"""What each process of a private Tor network is told: a network that agrees within seconds.

Source: Tor's manual ("TestingTorNetwork"), and the templates of its own test tool, chutney.

Must not know: processes, streams.
"""

from pathlib import Path
from typing import NamedTuple

HOST = "127.0.0.1"
AUTHORITY = "authority"
RELAYS = (AUTHORITY, "first", "second", "third")
CLIENT = "client"


class Node(NamedTuple):
    """One process: `port` is for Tor's own protocol, or SOCKS at the client."""

    name: str
    folder: Path
    port: int
    dir_port: int

    @property
    def pid_file(self) -> Path:
        """Where Tor writes its process id."""
        return self.folder / "pid"

    @property
    def consensus(self) -> Path:
        """Where Tor keeps the list of relays that it goes by."""
        return self.folder / "cached-microdesc-consensus"


def text(node: Node, authority: str) -> str:
    """The whole of a process's settings.

    Args:
        node: which one.
        authority: see `authority_line`.
    """
    return f"""\
TestingTorNetwork 1
DataDirectory {node.folder}
PidFile {node.pid_file}
DirAuthority {authority}
Log notice stderr
PathsNeededToBuildCircuits 0.25
{_relay(node) if node.name in RELAYS else _client(node)}"""


def onion_service(node: Node, authority: str, port: int) -> str:
    """The whole of the settings of a client that keeps an onion service.

    Args:
        node: it.
        authority: see `authority_line`.
        port: the service's, and where it leads on this machine.
    """
    return f"""\
{text(node, authority)}HiddenServiceDir {node.folder / "onion"}
HiddenServicePort {port} {HOST}:{port}
"""


def _client(node: Node) -> str:
    """No guards: which relay comes first does not matter here, and guards are chosen once only."""
    return f"""\
SocksPort {HOST}:{node.port}
ClientOnly 1
UseEntryGuards 0
ConfluxEnabled 0
"""


def _relay(node: Node) -> str:
    """The authority relays as well.

    An exit counts as one only if it lets streams out to nearly everywhere; only our client knows
    of it.
    """
    return f"""\
Nickname {node.name}
SocksPort 0
Address {HOST}
ORPort {HOST}:{node.port}
ContactInfo none
AssumeReachable 1
ExitRelay 1
ExitPolicyRejectPrivate 0
ExitPolicy accept *:*
{_authority(node) if node.name == AUTHORITY else ""}"""


def _authority(node: Node) -> str:
    """It votes as often as Tor allows, and believes everybody."""
    return f"""\
AuthoritativeDirectory 1
V3AuthoritativeDirectory 1
DirPort {HOST}:{node.dir_port}
TestingV3AuthInitialVotingInterval 5
TestingV3AuthInitialVoteDelay 2
TestingV3AuthInitialDistDelay 2
V3AuthVotingInterval 10
V3AuthVoteDelay 2
V3AuthDistDelay 2
TestingDirAuthVoteExit *
TestingDirAuthVoteGuard *
TestingDirAuthVoteHSDir *
TestingMinExitFlagThreshold 0
TestingAuthDirTimeToLearnReachability 0
AuthDirMaxServersPerAddr 0
"""


def authority_line(node: Node, identity: str, fingerprint: str) -> str:
    """How everybody is told of the authority.

    Args:
        node: the authority.
        identity: fingerprint of the key that signs its votes' certificate.
        fingerprint: of its key as a relay.
    """
    return (
        f"{node.name} orport={node.port} no-v2 v3ident={identity} "
        f"{HOST}:{node.dir_port} {fingerprint}"
    )


def identity_in(certificate: str) -> str:
    """The fingerprint that an authority's certificate names."""
    lines = [line.split() for line in certificate.splitlines()]
    return next(words[1] for words in lines if words[:1] == ["fingerprint"])


def fingerprint_in(told: str) -> str:
    """The fingerprint that `tor --list-fingerprint` prints: a name and ten groups of four."""
    return "".join(told.split()[-10:])


def all_listed(consensus: str) -> bool:
    """Whether a list of relays has every one of them, and each may be an exit."""
    lines = [line.split() for line in consensus.splitlines()]
    names = {words[1] for words in lines if words[:1] == ["r"]}
    flags = [words for words in lines if words[:1] == ["s"]]
    return names == set(RELAYS) and all("Exit" in words for words in flags)
