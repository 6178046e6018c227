"""One gateway as several processes that share its port for clients.

The system gives each datagram to the worker that its session id names, whatever address it comes
from, so a client that moves stays where it is known; a hello, which has no session yet, goes by
its ephemeral key, and comes again with its cookie to the same worker. To the first mix each worker
is a neighbour of its own, and all their rows are one batch.

    parent     opens all the sockets in order, tells the system how to choose, watches
    workers    have a socket each, which outlives them: who is started again has the old place

Source: socket(7), SO_REUSEPORT and SO_ATTACH_REUSEPORT_CBPF of Linux.

Must not know: what a gateway does.
"""

import ctypes
import signal
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from subprocess import Popen

import trio

from pymix_voice.edge.children import spawn
from pymix_voice.edge.places import Place, bind, family_of
from pymix_voice.edge.report import Report
from pymix_voice.edge.running import wait_for_signal
from pymix_voice.errors import ConfigError
from pymix_voice.zone.access import EPHEMERAL_AT

AGAIN_S = 1.0
"""From the end of a worker until it is started anew."""
GRACE_S = 3.0
"""From being asked to end until being killed."""
FIXABLE = (1, 2)
"""Exit codes of a worker that has told a person what to do."""

_SO_ATTACH_REUSEPORT_CBPF = 51
_LOAD_WORD, _JUMP_IF_EQUAL, _MODULO, _RETURN = 0x20, 0x15, 0x94, 0x16


def _steering(workers: int) -> list[tuple[int, int, int, int]]:
    """A program of the system's packet filter: which worker a datagram goes to.

    Each instruction is (code, steps if true, steps if false, value).
    """
    return [
        (_LOAD_WORD, 0, 0, 0),  # the session id
        (_JUMP_IF_EQUAL, 0, 1, 0),  # none: a hello
        (_LOAD_WORD, 0, 0, EPHEMERAL_AT),
        (_MODULO, 0, 0, workers),
        (_RETURN, 0, 0, 0),
    ]


def shared_sockets(place: Place, workers: int) -> list[socket.socket]:
    """A socket for each worker, bound to one place.

    Raises:
        ConfigError: if the place cannot be had, or this system cannot share one so.
    """
    if sys.platform != "linux":
        raise ConfigError("several workers need Linux; start the gateway without --workers")
    with socket.socket(family_of(place[0]), socket.SOCK_DGRAM) as alone:
        # Who shares may share with anybody: a second gateway would take half of the first one's.
        bind(alone, place, "UDP")
    sockets: list[socket.socket] = []
    try:
        for _ in range(workers):
            sock = socket.socket(family_of(place[0]), socket.SOCK_DGRAM)
            sockets.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            bind(sock, place if len(sockets) == 1 else sockets[0].getsockname()[:2], "UDP")
        _attach(sockets[0], _steering(workers))
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _attach(sock: socket.socket, program: Sequence[tuple[int, int, int, int]]) -> None:
    code = b"".join(struct.pack("HBBI", *each) for each in program)
    room = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog: the number of instructions, and where they are.
    described = struct.pack("HP", len(program), ctypes.addressof(room))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, described)


async def run_workers(
    place: Place, workers: int, command: Callable[[int, int], Sequence[str]], report: Report
) -> None:
    """Run all workers of a gateway until SIGINT or SIGTERM; who ends is started again.

    Args:
        place: of the port for clients.
        workers: how many.
        command: what starts a worker, given its number and the number of its open socket.
        report: for the operator.

    Raises:
        ConfigError: if the port cannot be had, or a worker cannot run.
    """
    sockets = shared_sockets(place, workers)
    running: dict[int, Popen[bytes]] = {}
    try:
        async with trio.open_nursery() as nursery:
            for number, sock in enumerate(sockets):
                nursery.start_soon(_keep, number, sock, command, running, report)
            await wait_for_signal()
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await _end(running)
        for sock in sockets:
            sock.close()


async def _keep(
    number: int,
    sock: socket.socket,
    command: Callable[[int, int], Sequence[str]],
    running: dict[int, Popen[bytes]],
    report: Report,
) -> None:
    """Keep one worker running."""
    while True:
        process = spawn(
            command(number, sock.fileno()),
            stdout=sys.stdout.fileno(),
            stderr=sys.stderr.fileno(),
            keep=[sock.fileno()],
        )
        running[number] = process
        code = await trio.to_thread.run_sync(process.wait, abandon_on_cancel=True)
        if code in FIXABLE:
            raise ConfigError(f"worker {number + 1} cannot run; why, it has said above")
        report.note(f"worker {number + 1} has ended, and is started again")
        await trio.sleep(AGAIN_S)


async def _end(running: dict[int, Popen[bytes]]) -> None:
    for process in running.values():
        process.send_signal(signal.SIGTERM)
    with trio.move_on_after(GRACE_S):
        for process in running.values():
            await trio.to_thread.run_sync(process.wait, abandon_on_cancel=True)
    for process in running.values():
        process.kill()
        process.wait()
