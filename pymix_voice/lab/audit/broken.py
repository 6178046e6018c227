"""Parts with one thing broken on purpose, to see whether the audit notices.

Each is the real part but for what its first line says; nothing here is used by the product.

Must not know: how it is noticed.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pymix_voice.client.machine import Client
from pymix_voice.client.phone import Phone
from pymix_voice.client.states import State
from pymix_voice.gateway.rows import Placing
from pymix_voice.geometry import DROP_BYTES
from pymix_voice.lab.audit.corrupt import CorruptFirst, CorruptGateway, CorruptLast, sealed_again
from pymix_voice.mix.circuits import Circuits
from pymix_voice.mix.machine import Mix
from pymix_voice.mix.neighbours import DOWN
from pymix_voice.onion.chunk import Chunks
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.setup import Flag
from pymix_voice.zone.access import Kind
from pymix_voice.zone.epochs import epoch_of_age
from pymix_voice.zone.link import RoundLink
from pymix_voice.zone.rounds import Inlet

MOST_SKEW: Final = 50e-6
"""How wrong a usual crystal may be, either way."""
LATER_S, JITTER_S = 0.0004, 0.0004
"""How much later a cell leaves during a call, and by how much that varies."""
LOOPS_ROUNDS: Final = 50
FEWEST_LOOPS: Final = 0.5
"""With fewer of its own cells back in so many rounds a client believes that something is wrong."""
REST_ROUNDS: Final = 150
"""It does so again only after so many more."""


# ── clients ──────────────────────────────────────────────────────────────────────────────────


class Dtx(Client):
    """Sends no line cell in a call while nobody speaks: discontinuous transmission."""

    _spoke = True

    def _seal_cell(self, kind: Kind, epoch: int, number: int, frame: bytes | None) -> bytes:
        self._spoke = bool(frame)
        return super()._seal_cell(kind, epoch, number, frame)

    def _seal(self, now: float) -> None:
        super()._seal(now)
        if self._sealed is not None and self.phone.state == State.TALKING and not self._spoke:
            self._sealed = self._sealed._replace(datagrams=self._sealed.datagrams[1:])


class FreeClock(Client):
    """Is steered by nobody: it sends by a clock of its own, which runs a little fast or slow."""

    _began: tuple[int, int, float] | None = None

    @cached_property
    def _skew(self) -> float:
        return (2 * self._onion_dice.fork("crystal").below(1 << 20) / (1 << 20) - 1) * MOST_SKEW

    def _send_at(self, number: int) -> float:
        sessions = self.connection.sessions
        if self._began is None or self._began[0] != sessions:
            self._began = sessions, number, super()._send_at(number)
        _, first, at = self._began
        return at + (number - first) * self._geometry.round_s * (1 + self._skew)


class LateInCalls(Client):
    """Takes longer to send during a call, as if there were more to do."""

    def _send(self, datagram: bytes, at: float = 0.0) -> None:
        jitter = JITTER_S * self._filler.below(1 << 16) / (1 << 16)
        if at and self.phone.state == State.TALKING:
            at += LATER_S + jitter
        super()._send(datagram, at)


class Reconnecting(Client):
    """Seeks a new session when its own cells do not come back."""

    _looked = _loops = 0
    _rested = 0

    def handle_deadline(self, now: float) -> None:
        """As `Client.handle_deadline`, and look after one's own cells."""
        super().handle_deadline(now)
        if not self.in_zone:
            self._looked, self._loops = self.number, self.loops_back
        if self.number < self._looked + LOOPS_ROUNDS:
            return
        came, self._loops = self.loops_back - self._loops, self.loops_back
        self._looked = self.number
        idle = self.phone.state == State.IDLE
        if idle and came < FEWEST_LOOPS * LOOPS_ROUNDS and self.number > self._rested:
            self._rested = self.number + REST_ROUNDS
            # As if the gateway had not been heard for long: a hello is due at once.
            self.connection.heard_at = self.connection._next_try = now - 3600.0
            hello = self.connection.try_again(now)
            if hello is not None:
                self._send(hello)


class OneCircuitPhone(Phone):
    """Is at the door's place only while nothing else is done with the one circuit there is."""

    def name_drops(self, epoch: int) -> tuple[tuple[bytes, Flag], tuple[bytes, Flag]]:
        """As `Phone.name_drops`."""
        line, door = super().name_drops(epoch)
        elsewhere = self._drop_dice.bytes(DROP_BYTES), Flag.HOST
        return line, door if self.state == State.IDLE else elsewhere


class OneCircuit(Client):
    """Has one circuit for what lines and doors are for: see `OneCircuitPhone`."""

    def _seal_setup(self, number: int) -> list[bytes]:
        # The same phone, but for what it names.
        self.phone.__class__ = OneCircuitPhone
        return super()._seal_setup(number)


# ── gateways and mixes that do not heal ──────────────────────────────────────────────────────


class Zeros(Dice):
    """Dice that give only zeros: what a missing cell is filled with can be told."""

    def __init__(self) -> None:
        super().__init__(bytes)

    def fork(self, label: str) -> Dice:
        """The same."""
        return self


def _missing(cells: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray(cells.max(axis=1, initial=0) == 0, np.bool_)


class MarkedCircuits(Circuits):
    """Leaves a missing cell missing: what came as zeros goes on as zeros."""

    def peel(self, number: int, cells: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """As `Circuits.peel`."""
        absent = np.zeros(self.rows_out(number), np.bool_)
        absent[: len(cells)] = _missing(cells)
        out = super().peel(number, cells)
        out[absent[self._order(number)]] = 0
        return out

    def wrap(self, number: int, cells: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """As `Circuits.wrap`."""
        absent = _missing(cells)[self._undone(number)]
        out = super().wrap(number, cells)
        out[absent] = 0
        return out

    def turn(self, number: int, cells: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """As `Circuits.turn`."""
        absent = _missing(cells)[self._order(number)]
        out = super().turn(number, cells)
        out[absent] = 0
        return out


class Marking(Mix):
    """Does not heal: see `MarkedCircuits`."""

    def _switch(self) -> None:
        coming = self.coming.circuits
        if coming is not None:
            # The same circuits, handled in another way.
            coming.__class__ = MarkedCircuits
        super()._switch()


class MarkingFirst(Marking, CorruptFirst):
    """The first mix of such a chain."""


class MarkingLast(Marking, CorruptLast):
    """The last mix of such a chain."""


class UnhealedGateway(CorruptGateway):
    """Marks what is missing, and sends nothing to a client whose row is missing."""

    shows_downward = True

    def _go(self, number: int, now: float) -> None:
        self._collection._dice = Zeros()
        super()._go(number, now)

    def _send_down(
        self, kind: Kind, number: int, cells: NDArray[np.uint8], placing: Placing
    ) -> None:
        absent = _missing(cells)
        if not self.shows_downward:
            cells = cells.copy()
            cells[absent] = self._filler.matrix(int(absent.sum()), cells.shape[1])
        before = len(self._bursts)
        super()._send_down(kind, number, cells, placing)
        if not self.shows_downward or len(self._bursts) == before or not absent.any():
            return
        slots = self._entry.sessions.active(self._last)
        rows = placing._rows[slots]
        kept = (rows < 0) | ~absent[rows]
        burst = self._bursts.pop()
        if not isinstance(burst.to, bytes):
            sent = burst._replace(datagrams=burst.datagrams[kept].copy(), to=burst.to[kept])
            self._bursts.append(sent)


class TaggedGateway(UnhealedGateway):
    """Marks what is missing for the mixes, but sends every client something."""

    shows_downward = False


# ── honest mixes that are not as they should be ──────────────────────────────────────────────


class Orderless(Dice):
    """Dice that leave everything in its order."""

    def __init__(self, dice: Dice) -> None:
        super().__init__(dice.bytes)
        self._inner = dice

    def fork(self, label: str) -> Dice:
        """Of the same kind."""
        return Orderless(self._inner.fork(label))

    def order(self, count: int) -> NDArray[np.intp]:
        """No other than there was."""
        return np.arange(count, dtype=np.intp)


class KeepsOrder(Mix):
    """Keeps the order of its rows."""

    def _make_inlets(self) -> Mapping[int, Inlet]:
        self.coming._dice = Orderless(self.coming._dice)
        return super()._make_inlets()


class TakesTwice(Mix):
    """Takes a round a second time, as long as its circuits are there."""

    @cached_property
    def _second(self) -> dict[int, tuple[NDArray[np.uint8], NDArray[np.bool_]]]:
        return {}

    def _take(self, peer: int, link: RoundLink, chunks: Chunks, came: float) -> None:
        if peer == DOWN or chunks.round not in self._forwarded:
            super()._take(peer, link, chunks, came)
            return
        epoch = epoch_of_age(self._geometry, chunks.round, chunks.age)
        circuits, below = self._live.find(epoch), self._neighbours.link(DOWN)
        if circuits is None or below is None:
            return
        rows = circuits.rows_in(chunks.round)
        count = self._geometry.chunks(rows)
        blank = np.zeros((count, self._geometry.chunk_body_bytes), np.uint8)
        cells, there = self._second.setdefault(chunks.round, (blank, np.zeros(count, np.bool_)))
        cells[chunks.numbers], there[chunks.numbers] = chunks.cells, True
        if there.all():
            del self._second[chunks.round]
            matrix = cells.reshape(-1, self._geometry.cell_bytes)[:rows]
            out = circuits.peel(chunks.round, matrix)
            self._bursts.append(sealed_again(self, below, chunks.round, epoch, out, came))
