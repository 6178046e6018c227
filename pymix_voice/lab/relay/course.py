"""Who gets what when: datagrams on their way through the relay, in the order of their arrival.

    came at an instant --> its way's link --> due at none, one or two --> given out when due

Source: RFC 4737, section 3.3, for what counts as reordered: what comes after something that was
sent later.

Must not know: sockets, clocks, what is in a datagram.
"""

import heapq
import math
from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, TypeVar

from pymix_voice.lab.network import Law, Link
from pymix_voice.onion.dice import Dice

Kind = Literal["access", "chain"]
"""Between a client and a gateway, or between gateways and mixes."""


@dataclass
class Counts:
    """What became of datagrams on all ways of a kind.

    Attributes:
        came: were to be passed on.
        given: were due, and given out; copies as well.
        copies: second copies among them.
        lost: by law.
        dropped: found no room in a link's queue.
        reordered: were given out after one that had come later.
    """

    came: int = 0
    given: int = 0
    copies: int = 0
    lost: int = 0
    dropped: int = 0
    reordered: int = 0


class Way:
    """One direction between two ends.

    Args:
        kind: of the link.
        law: how it treats datagrams.
        dice: its own.
    """

    def __init__(self, kind: Kind, law: Law, dice: Dice) -> None:
        self.kind: Kind = kind
        self.link = Link(law, dice)
        self.newest = -1
        """Number of the latest that was sent, among those given out."""


W = TypeVar("W", bound=Way)


class _Waiting(NamedTuple, Generic[W]):
    """What is under way; ordered by its first three, which no two have alike."""

    due: float
    number: int
    copy: int
    way: W
    datagram: bytes


class Handed(NamedTuple, Generic[W]):
    """What is due on one way.

    Attributes:
        way: it.
        datagrams: in the order of their arrival.
        dues: when each was due, in seconds.
    """

    way: W
    datagrams: list[bytes]
    dues: list[float]


class Course(Generic[W]):
    """All datagrams under way.

    Attributes:
        counts: by kind.
    """

    def __init__(self) -> None:
        self.counts: dict[Kind, Counts] = {"access": Counts(), "chain": Counts()}
        self._waiting: list[_Waiting[W]] = []
        self._number = 0

    @property
    def waiting(self) -> int:
        """How many are under way."""
        return len(self._waiting)

    def take(self, way: W, datagram: bytes, now: float) -> None:
        """A datagram sets out.

        Args:
            way: which.
            datagram: all of it.
            now: when it came, in seconds.
        """
        counts, link = self.counts[way.kind], way.link
        counts.came += 1
        before = link.overflowed
        arrivals = link.arrivals(now, len(datagram))
        if not arrivals:
            dropped = link.overflowed > before
            counts.dropped += dropped
            counts.lost += not dropped
            return
        self._number += 1
        for copy, due in enumerate(arrivals):
            heapq.heappush(self._waiting, _Waiting(due, self._number, copy, way, datagram))

    def deadline(self) -> float:
        """When the next is due; inf if none is under way."""
        return self._waiting[0].due if self._waiting else math.inf

    def due(self, now: float) -> list[Handed[W]]:
        """What is due by now, by ways: each way's in order."""
        handed: dict[int, Handed[W]] = {}
        while self._waiting and self._waiting[0].due <= now:
            due, number, copy, way, datagram = heapq.heappop(self._waiting)
            found = handed.setdefault(id(way), Handed(way, [], []))
            found.datagrams.append(datagram)
            found.dues.append(due)
            counts = self.counts[way.kind]
            counts.given += 1
            counts.copies += copy
            if number > way.newest:
                way.newest = number
            else:
                counts.reordered += not copy
        return list(handed.values())
