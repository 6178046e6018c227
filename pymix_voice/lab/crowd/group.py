"""A group: light clients behind one way to the gateway, which send at the same instants.

One real `Steering` steers all of them. It is told one earliness a round, that of the member whose
cell came latest; so a group sends as early as its slowest member has to. Groups of one crowd are
steered apart: those whose cells had to wait until others' had been sent hear that they came later,
and go earlier.

A round's datagrams are made ahead of their instant and lie in one matrix a kind.

Source: the project's protocol page, sections "Access link", "Steering".

Must not know: circuits, what a cell carries.
"""

import numpy as np
from numpy.typing import NDArray

from pymix_voice.client.machine import BEHIND_ROUNDS, EMIT_AHEAD_S, SEAL_AHEAD_S
from pymix_voice.geometry import Geometry
from pymix_voice.lab.crowd.kit import Senders
from pymix_voice.lab.crowd.tally import HELD_ROUNDS
from pymix_voice.onion.numbers import expand
from pymix_voice.zone.drain import Address, Burst
from pymix_voice.zone.link import EARLY_UNIT_S
from pymix_voice.zone.steering import Steering

SIZE = 32
"""Clients in a group."""
REPORTED_ROUNDS = 64
"""A word on a round older than this is a repeated one."""
_NO_WORD = np.iinfo(np.int32).max


class Words:
    """The gateway's words on how early cells came, and when they went, by group.

    Args:
        groups: how many.

    Attributes:
        worst: the least word on each round, by its low byte: int32[g, 256].
        told: of which rounds there are words: bool[g, 256].
        sent_at: instants of the last rounds, in seconds, by their low bits: float64[g, 128].
    """

    def __init__(self, groups: int) -> None:
        self.worst: NDArray[np.int32] = np.full((groups, 256), _NO_WORD, np.int32)
        self.told: NDArray[np.bool_] = np.zeros((groups, 256), np.bool_)
        self.sent_at: NDArray[np.float64] = np.zeros((groups, HELD_ROUNDS))

    def hear(
        self, groups: NDArray[np.intp], lows: NDArray[np.uint8], early: NDArray[np.int16]
    ) -> None:
        """Words on members' cells: whose groups, rounds' low bytes, how early: all [k]."""
        places = groups * 256 + lows
        np.minimum.at(self.worst.reshape(-1), places, early.astype(np.int32))
        self.told.reshape(-1)[places] = True


class Group:
    """Some clients, one after the other in the crowd.

    Args:
        geometry: of the zone.
        first: the first client.
        end: the one after the last.
        where: the gateway.
        words: of the crowd.
        place: the group's place in it.

    Attributes:
        members: those that send: intp[k], in rising order.
        last: the newest round that was sealed; -1 if none was.
        due: when something is to be done next, in seconds.
        skipped: rounds that were not sent, being behind.
        late_s: the furthest that an instant was overrun.
    """

    def __init__(
        self, geometry: Geometry, first: int, end: int, where: Address, words: Words, place: int
    ) -> None:
        self._round_s = geometry.round_s
        self._where = where
        self.first, self.end = first, end
        self.steering = Steering(geometry)
        self.members: NDArray[np.intp] = np.zeros(0, np.intp)
        self.last = -1
        self.due = float("inf")
        self.skipped = 0
        self.late_s = 0.0
        size = end - first
        self._sheets: NDArray[np.uint8] = np.zeros((2, 2, size, geometry.up_bytes), np.uint8)
        self._turn = 0
        self._coming: list[tuple[int, int]] = []
        self._sealed: list[NDArray[np.uint8]] | None = None
        self._worst = words.worst[place]
        self._told = words.told[place]
        self._told_before = np.zeros_like(self._told)
        self._sent_at = words.sent_at[place]

    # ── members ──────────────────────────────────────────────────────────────────────────

    def start(self, number: int, due: float) -> None:
        """The way to the gateway is new: begin at this round, 20 ms before `due`."""
        self.steering.start(number, due)
        self.last = max(self.last, number - 1)
        self._sealed = None
        self._worst.fill(_NO_WORD)
        self._told.fill(False)
        self._told_before.fill(False)
        self._plan()

    def join(self, client: int, number: int) -> None:
        """A member has a session from this round on."""
        self._coming.append((client, number))

    def leave_all(self) -> None:
        """Nobody has a session any more, and rounds may be numbered anew."""
        self.members = np.zeros(0, np.intp)
        self._coming.clear()
        self._sealed = None
        self.steering.reset()
        self.last = -1
        self.due = float("inf")

    def admit(self, number: int) -> bool:
        """Those whose sessions begin by this round are members now; whether there are new ones."""
        ready = [client for client, start in self._coming if start <= number]
        if ready:
            self._coming = [each for each in self._coming if each[1] > number]
            self.members = np.union1d(self.members, np.array(ready, np.intp))
        return bool(ready)

    @property
    def senders(self) -> Senders:
        """The members."""
        whole = len(self.members) == self.end - self.first
        return Senders(slice(self.first, self.end) if whole else self.members, self.members)

    # ── rounds ───────────────────────────────────────────────────────────────────────────

    @property
    def sealed(self) -> bool:
        """Whether a round is ready to go."""
        return self._sealed is not None

    @property
    def idle(self) -> bool:
        """Whether the next round can be sealed."""
        return self._sealed is None and self.steering.started

    def next_number(self, now: float) -> int:
        """The round to seal now: the next one, or after a stall a later one."""
        behind = int((now - self.steering.send_at(self.last + 1)) / self._round_s)
        skipped = max(0, behind - BEHIND_ROUNDS + 1)
        self.skipped += skipped
        return self.last + 1 + skipped

    def sheets(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Room for lines' and doors' datagrams of a round, uint8[k, 152] each.

        They are others than those of the round before, which may not have left yet.
        """
        self._turn ^= 1
        lines, doors = self._sheets[self._turn, :, : len(self.members)]
        return lines, doors

    def keep(self, number: int, datagrams: list[NDArray[np.uint8]]) -> None:
        """A round's datagrams, by length: each uint8[k, size]; they stay until it is sent."""
        self.last = number
        self._sealed = datagrams
        self._plan()

    def emit(self, now: float) -> list[Burst]:
        """Hand out what is ready."""
        assert self._sealed is not None
        at = self.steering.send_at(self.last)
        self.late_s = max(self.late_s, now - at)
        bursts = [Burst(each, self._where, "access", at) for each in self._sealed if len(each)]
        self._sent_at[self.last % HELD_ROUNDS] = max(now, at)
        self.steering.sent(self.last, max(now, at))
        self._sealed = None
        self._follow()
        self._plan()
        return bursts

    def _follow(self) -> None:
        """Tell the steering the worst word on each round, once all members' had time to come.

        They come in several drains, and only the first thing that is told of a round counts.
        """
        ripe = np.flatnonzero(self._told & self._told_before)
        for number in sorted(expand(low, 8, self.last) for low in ripe.tolist()):
            # One on an old round is the last word on a member that has not been heard for long.
            if number > self.last - REPORTED_ROUNDS:
                low = number % 256
                self.steering.sample(low, int(self._worst[low]) * EARLY_UNIT_S)
        self._worst[ripe] = _NO_WORD
        self._told[ripe] = False
        self._told_before[:] = self._told

    def _plan(self) -> None:
        if self._sealed is None:
            self.due = self.steering.send_at(self.last + 1) - SEAL_AHEAD_S
        else:
            self.due = self.steering.send_at(self.last) - EMIT_AHEAD_S
