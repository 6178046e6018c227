"""What an observer of all links writes down: when, from where, to where, how many bytes.

A capture is the same whether it was made in the simulated world or of real processes. Beside it
stands the truth, which no attack may look at: it serves to judge what an attack guessed.

Must not know: what a datagram says, how a capture was made, how it is attacked.
"""

from collections.abc import Sequence
from copy import copy
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Instants = NDArray[np.float64]


class Way(NamedTuple):
    """The datagrams of one client's link, in one direction, in order of time."""

    at: Instants
    """Seconds, float64 [n]."""
    sizes: NDArray[np.intp]
    """Bytes, intp [n]."""
    lost: NDArray[np.bool_]
    """Which were seen to be sent but not to arrive, bool [n]."""

    def between(self, begin: float, end: float) -> "Way":
        """Those from `begin` on, before `end`, in seconds."""
        part = slice(*np.searchsorted(self.at, (begin, end)))
        return Way(self.at[part], self.sizes[part], self.lost[part])


class Capture:
    """Every datagram on every link, in order of time; and what is public of the zone.

    Args:
        ends: the names of all ends of links, by number. The observer tells ends apart, and
            knows which are clients; names mean nothing to it.
        clients: the numbers of those that are clients, intp [clients].
        at: when each datagram was sent, in seconds, float64 [n].
        sources: the number of its sender, intp [n].
        destinations: the number of its receiver, intp [n].
        sizes: its bytes, intp [n].
        round_s: length of a round in seconds.
        epoch_s: length of an epoch in seconds.
        epoch_at: when an epoch begins, in seconds; all others follow from it.
        begin: from when on the recording is to be attacked, in seconds.
        end: until when.
        lost: which datagrams never arrived, bool [n], for one who watches both ends of each link;
            None for one who does not see that.
    """

    def __init__(
        self,
        ends: Sequence[str],
        clients: NDArray[np.intp],
        at: Instants,
        sources: NDArray[np.intp],
        destinations: NDArray[np.intp],
        sizes: NDArray[np.intp],
        *,
        round_s: float,
        epoch_s: float,
        epoch_at: float,
        begin: float,
        end: float,
        lost: NDArray[np.bool_] | None = None,
    ) -> None:
        self.ends = tuple(ends)
        self.clients = clients
        self.at, self.sources, self.destinations, self.sizes = at, sources, destinations, sizes
        self.round_s, self.epoch_s, self.epoch_at = round_s, epoch_s, epoch_at
        self.begin, self.end = begin, end
        self.lost = np.zeros(len(at), np.bool_) if lost is None else lost

    def until(self, end: float) -> "Capture":
        """The same recording, to be attacked up to an earlier instant only."""
        shorter = copy(self)
        shorter.end = min(end, self.end)
        return shorter

    def up(self, client: int) -> Way:
        """What a client sent; `client` is its place in `clients`, as everywhere else here."""
        return self._ups[client]

    def down(self, client: int) -> Way:
        """What was sent to a client, as its link has it before anything is lost."""
        return self._downs[client]

    @cached_property
    def _ups(self) -> list[Way]:
        return self._ways(self.sources)

    @cached_property
    def _downs(self) -> list[Way]:
        return self._ways(self.destinations)

    def _ways(self, ends: NDArray[np.intp]) -> list[Way]:
        order = np.argsort(ends, kind="stable")
        edges = np.searchsorted(ends[order], np.arange(len(self.ends) + 1))
        parts = [order[edges[end] : edges[end + 1]] for end in self.clients]
        return [Way(self.at[part], self.sizes[part], self.lost[part]) for part in parts]

    def epochs(self) -> list[tuple[float, float]]:
        """The whole epochs between begin and end, each with its first and last instant."""
        first = int(np.ceil((self.begin - self.epoch_at) / self.epoch_s))
        last = int(np.floor((self.end - self.epoch_at) / self.epoch_s))
        edges = [self.epoch_at + number * self.epoch_s for number in range(first, last + 1)]
        return list(pairwise(edges))


class Call(NamedTuple):
    """Two clients talk: numbers as in `Capture.up`, and instants in seconds."""

    caller: int
    callee: int
    begin: float
    end: float


class Truth(NamedTuple):
    """What really happened, by which guesses are judged.

    Attributes:
        calls: all of them.
        passing: clients that were not there all the time. Nobody hides that, and of them it is
            not asked whether they talked.
    """

    calls: tuple[Call, ...]
    passing: tuple[int, ...] = ()

    def talking(self, client: int, begin: float, end: float) -> float:
        """The share of a span in which a client was in a call."""
        spans = (
            min(end, call.end) - max(begin, call.begin) for call in self.calls if client in call[:2]
        )
        return sum(max(0.0, span) for span in spans) / (end - begin)
