"""Control links over TCP: one to the next neighbour, any number from those before.

A dialer keeps one link up, and says once, not per try, what it waits for. A listener takes
strangers in small number and for a short time only: the oldest makes room for the next, since a
neighbour needs no more than a moment. The newest link of a neighbour counts.

Source: the project's protocol page, section "Mix links".

Must not know: what records mean, rounds.
"""

import contextlib
import socket
from collections.abc import Callable, Sequence
from typing import Protocol

import trio

from pymix_voice.edge.places import Place, bind, family_of
from pymix_voice.errors import BadCell
from pymix_voice.onion.chunk import LinkKeys
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.control import ControlLink
from pymix_voice.zone.records import Record

HANDSHAKE_S = 5.0
CONNECT_S = 2.0
MAX_STRANGERS = 32
"""Connections whose other side has not proven itself."""
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 1.0
READ_BYTES = 65_536
DEAD_AFTER_MS = 2_000
"""A neighbour that acknowledges nothing for so long is gone."""


class Side(Protocol):
    """What control links need of a machine; peers are -1 downstream, 0... upstream."""

    def link_up(self, peer: int, keys: LinkKeys) -> None:
        """A neighbour has proven itself."""

    def link_down(self, peer: int) -> None:
        """Its link broke."""

    def receive_control(self, peer: int, record: Record) -> None:
        """It said something."""


class _Wire:
    """One TCP connection and its control link."""

    def __init__(self, stream: trio.SocketStream, link: ControlLink, peer: int | None) -> None:
        self.stream = stream
        self.link = link
        self.peer = peer
        self.proven = False
        self.scope = trio.CancelScope()
        self._spoken = trio.Event()

    def speak(self) -> None:
        """There may be something to send."""
        self._spoken.set()

    async def send_on(self) -> None:
        """Send what the link gives, in order."""
        while True:
            self._spoken = trio.Event()
            outgoing = self.link.outgoing()
            if outgoing:
                await self.stream.send_all(outgoing)
            else:
                await self._spoken.wait()


class Desk:
    """All control links of one machine.

    Args:
        side: the machine.
        note: takes a sentence for the operator.
    """

    def __init__(self, side: Side, note: Callable[[str], None]) -> None:
        self._side = side
        self._note = note
        self._wires: dict[int, _Wire] = {}
        self._strangers: dict[_Wire, None] = {}
        """The oldest first."""
        self.refused = 0
        """Connections of strangers that proved nothing, in their time or until there were many."""

    @property
    def linked(self) -> list[int]:
        """Neighbours with a link."""
        return sorted(self._wires)

    def send(self, peer: int, record: Record) -> None:
        """Say something to a neighbour; without a link it is forgotten (and said again then)."""
        wire = self._wires.get(peer)
        if wire is None:
            return
        try:
            wire.link.send(record)
        except BadCell:
            wire.scope.cancel()  # it does not read
        wire.speak()

    # ── links ────────────────────────────────────────────────────────────────────────────

    async def run_link(
        self, stream: trio.SocketStream, link: ControlLink, peer: int | None
    ) -> bool:
        """Keep one link until it ends.

        Args:
            stream: the connection; closed at the end.
            link: its end here.
            peer: who is called, None to learn who calls.

        Returns:
            Whether the other side proved itself.
        """
        wire = _Wire(stream, link, peer)
        if peer is None:
            self._make_room()
            self._strangers[wire] = None
        try:
            with wire.scope:
                wire.scope.deadline = trio.current_time() + HANDSHAKE_S
                try:
                    async with stream, trio.open_nursery() as nursery:
                        nursery.start_soon(wire.send_on)
                        await self._hear(wire)
                        nursery.cancel_scope.cancel()
                except* (BadCell, trio.BrokenResourceError, trio.ClosedResourceError):
                    pass  # what the other side does ends its link, and nothing else
        finally:
            self._leave(wire)
        return wire.proven

    def _make_room(self) -> None:
        """Whoever holds a place without proving anything must not keep a neighbour out."""
        if len(self._strangers) >= MAX_STRANGERS:
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            oldest.scope.cancel()

    async def _hear(self, wire: _Wire) -> None:
        while chunk := await wire.stream.receive_some(READ_BYTES):
            records = wire.link.receive(chunk)
            wire.speak()
            if wire.link.established and not wire.proven:
                self._enter(wire)
            for record in records:
                self._side.receive_control(wire.peer or 0, record)

    def _enter(self, wire: _Wire) -> None:
        wire.proven = True
        wire.scope.deadline = float("inf")
        self._strangers.pop(wire, None)
        peer = wire.link.peer if wire.peer is None else wire.peer
        old = self._wires.get(peer)
        wire.peer, self._wires[peer] = peer, wire
        if old is not None:
            old.scope.cancel()
        self._side.link_up(peer, wire.link.link_keys)

    def _leave(self, wire: _Wire) -> None:
        self._strangers.pop(wire, None)
        if wire.proven and wire.peer is not None and self._wires.get(wire.peer) is wire:
            del self._wires[wire.peer]
            self._side.link_down(wire.peer)

    # ── the side that calls ──────────────────────────────────────────────────────────────

    async def keep_dialing(
        self, place: Place, make: Callable[[], ControlLink], name: str, peer: int, dice: Dice
    ) -> None:
        """Keep a link to a neighbour, for ever.

        Args:
            place: where it listens.
            make: gives a fresh control link for each try.
            name: of the neighbour, for notes.
            peer: its number here.
            dice: for pauses.
        """
        pause, told = FIRST_PAUSE_S, ""
        while True:
            word = f"waiting for {name}"
            stream = await _connect(place)
            if stream is not None:
                if await self.run_link(stream, make(), peer):
                    # The machine tells that the link broke; a new wait is not new to anybody.
                    pause, told = FIRST_PAUSE_S, word
                else:
                    word = (
                        f"{name} answers but does not take this link: do both have the same "
                        "zone file and their own keys?"
                    )
            if word != told:
                self._note(word)
                told = word
            jitter = 0.75 + dice.below(501) / 1000
            await trio.sleep(pause * jitter)
            pause = min(LONGEST_PAUSE_S, pause * 2)

    # ── the side that listens ────────────────────────────────────────────────────────────

    async def keep_listening(
        self, listener: trio.SocketListener, make: Callable[[], ControlLink]
    ) -> None:
        """Take neighbours' connections, for ever.

        Args:
            listener: see `listen`.
            make: gives a fresh control link for each connection.
        """

        async def take(stream: trio.SocketStream) -> None:
            await self._take(stream, make)

        await trio.serve_listeners(take, [listener])

    async def _take(self, stream: trio.SocketStream, make: Callable[[], ControlLink]) -> None:
        keep_alive(stream)
        if not await self.run_link(stream, make(), None):
            self.refused += 1


async def _connect(place: Place) -> trio.SocketStream | None:
    sock = trio.socket.socket(family_of(place[0]), socket.SOCK_STREAM)
    with trio.move_on_after(CONNECT_S):
        try:
            await sock.connect(place)
        except OSError:
            sock.close()
            return None
        stream = trio.SocketStream(sock)
        keep_alive(stream)
        return stream
    sock.close()
    return None


def listen(place: Place) -> trio.SocketListener:
    """Open the TCP port of a mix.

    Raises:
        ConfigError: if it cannot be had.
    """
    sock = socket.socket(family_of(place[0]), socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bind(sock, place, "TCP")
        sock.listen(MAX_STRANGERS)
    except BaseException:
        sock.close()
        raise
    return trio.SocketListener(trio.socket.from_stdlib_socket(sock))


def keep_alive(stream: trio.SocketStream) -> None:
    """Send at once, and notice soon when the other side is gone."""
    wanted: Sequence[tuple[int, str, int]] = (
        (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
        (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
        (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 1),
        (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 1),
        (socket.IPPROTO_TCP, "TCP_KEEPCNT", 2),
        (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", DEAD_AFTER_MS),
    )
    for level, name, value in wanted:
        # Not every system has all; a connection that is over already takes none.
        with contextlib.suppress(OSError, AttributeError):
            stream.setsockopt(level, getattr(socket, name), value)
