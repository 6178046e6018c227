"""What peers need of this computer: programs that are installed, and ports that are free.

Must not know: which peers there are.
"""

import shutil
import socket
from contextlib import ExitStack

from pymix_voice.lab.peers.tor_settings import HOST


def find(*names: str) -> str | None:
    """The first of these programs that is installed; Debian puts some where not everybody looks."""
    for name in names:
        found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
        if found:
            return found
    return None


def free_ports(count: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> list[int]:
    """Ports that nobody has now: of TCP, if nothing else is said."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket(type=kind)) for _ in range(count)]
        for each in sockets:
            each.bind((HOST, 0))
        return [int(each.getsockname()[1]) for each in sockets]
