"""Who is connected: a table of sessions, one slot each, and where they are.

What every datagram touches lies in columns, so that one operation serves a whole drain or round.
What is rare stays beside them in a `Session`. A session begins to count when its first authentic
datagram comes; unconfirmed ones and those of one address prefix are bounded.

Source: the project's protocol page, section "Access link".

Must not know: sockets, cells, what time it is (it is told).
"""

from collections import Counter, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pymix_voice.geometry import KEY_BYTES
from pymix_voice.onion.dice import Dice
from pymix_voice.zone import access
from pymix_voice.zone.drain import ADDRESS, NOWHERE, Address
from pymix_voice.zone.link import NOT_MEASURED

SILENT_ROUNDS = 25
"""After so many rounds without an uplink the gateway stops sending."""
FORGOTTEN_ROUNDS = 250
"""And after so many it forgets the session."""
UNCONFIRMED = 64
"""At most so many sessions wait for their first datagram."""

Slots = NDArray[np.intp]
NO_SLOT = -1


@dataclass(slots=True, eq=False)
class Session:
    """What is rarely asked about one client's connection."""

    session_id: bytes
    prefix: Hashable
    slot: int
    candidate: Address = NOWHERE
    """Where newer datagrams come from, until a challenge has come back from there."""
    challenge: bytes = b""
    allowance: int = 0
    """Datagrams that may still go to the candidate: one down for one up."""

    def __repr__(self) -> str:
        return "Session()"


class Sessions:
    """All sessions of a gateway, or of one of its workers.

    Args:
        capacity: how many at the most.
        per_prefix: how many at the most from one address prefix.
        prefix_of: a source's prefix; None where no bound applies.
        dice: for session ids.
        worker: ids are drawn so that the system gives this worker the datagrams that bear them.
        workers: how many share the port.

    Attributes:
        ids: uint32 [slots], as headers carry them.
        up, down: uint8 [slots, 32], the sessions' keys.
        sources: S28 [slots], where each client is.
        confirmed: bool [slots], whether an authentic datagram has come.
        heard: int64 [slots], in which round one came last.
        newest: int64 [slots], the highest round that came.
        early, early_rounds: int64 [slots], which cell came least early since the last word on it,
            and how early, in 1/16 ms.
        early_told: bool [slots], whether that word has left.
        setup_epochs: int64 [slots], for which epoch a set-up came.
        moving: the sessions whose newest datagrams come from elsewhere, by slot.
    """

    def __init__(
        self,
        capacity: int,
        per_prefix: int,
        prefix_of: Callable[[Address], Hashable],
        dice: Dice,
        worker: int = 0,
        workers: int = 1,
    ) -> None:
        self._per_prefix = per_prefix
        self._prefix_of = prefix_of
        self._dice = dice
        self._worker, self._workers = worker, workers
        self._free = list(range(capacity - 1, -1, -1))
        self._by_slot: dict[int, Session] = {}
        self._prefixes: Counter[Hashable] = Counter()
        self._unconfirmed: deque[Session] = deque()
        self.ids = np.zeros(capacity, np.uint32)
        self.up = np.zeros((capacity, KEY_BYTES), np.uint8)
        self.down = np.zeros((capacity, KEY_BYTES), np.uint8)
        self.sources = np.zeros(capacity, ADDRESS)
        self.confirmed = np.zeros(capacity, np.bool_)
        self.heard = np.zeros(capacity, np.int64)
        self.newest = np.zeros(capacity, np.int64)
        self.early = np.zeros(capacity, np.int64)
        self.early_rounds = np.zeros(capacity, np.int64)
        self.early_told = np.zeros(capacity, np.bool_)
        self.setup_epochs = np.zeros(capacity, np.int64)
        self.moving: dict[int, Session] = {}
        self._sort_ids()

    def __len__(self) -> int:
        return len(self._by_slot)

    def _sort_ids(self) -> None:
        """For finding many at once."""
        slots = np.fromiter(self._by_slot, np.intp, len(self._by_slot))
        self._slots_by_id = slots[np.argsort(self.ids[slots])]
        self._sorted_ids = self.ids[self._slots_by_id]

    def find(self, ids: NDArray[np.uint32]) -> Slots:
        """The slots of the sessions with these ids, `NO_SLOT` where there is none: intp [k]."""
        if not len(self._sorted_ids):
            return np.full(len(ids), NO_SLOT, np.intp)
        at = np.searchsorted(self._sorted_ids, ids)
        at[at == len(self._sorted_ids)] = 0
        return np.where(self._sorted_ids[at] == ids, self._slots_by_id[at], NO_SLOT)

    def get(self, session_id: bytes) -> Session | None:
        """The session with this id."""
        slot = int(self.find(_as_ids(session_id))[0])
        return self._by_slot.get(slot)

    def at(self, slot: int) -> Session:
        """The session in this slot, which there must be."""
        return self._by_slot[slot]

    def active(self, number: int) -> Slots:
        """The slots of those that were heard of lately."""
        return np.flatnonzero(self.confirmed & (number - self.heard <= SILENT_ROUNDS))

    def reserve(self, source: Address, number: int) -> Session | None:
        """A new session, unconfirmed and still without keys; None if there is no place for it."""
        prefix = self._prefix_of(source)
        if prefix is not None and self._prefixes[prefix] >= self._per_prefix:
            return None
        if len(self._unconfirmed) >= UNCONFIRMED:
            self.remove(self._unconfirmed.popleft())
        if not self._free:
            return None
        session = Session(self._draw_id(), prefix, self._free.pop())
        slot = session.slot
        self.ids[slot] = _as_ids(session.session_id)[0]
        self.sources[slot] = source
        self.confirmed[slot] = False
        self.heard[slot] = number
        self.newest[slot] = self.setup_epochs[slot] = -1
        self.early_rounds[slot], self.early[slot] = 0, NOT_MEASURED
        self.early_told[slot] = True
        self._by_slot[slot] = session
        self._prefixes[prefix] += 1
        self._unconfirmed.append(session)
        self._sort_ids()
        return session

    def _draw_id(self) -> bytes:
        while True:
            session_id = self._dice.bytes(4)
            # As the system's filter reads it, see `edge/workers.py`.
            ours = int.from_bytes(session_id, "big") % self._workers == self._worker
            if ours and session_id != access.NO_SESSION and self.get(session_id) is None:
                return session_id

    def give_keys(self, session: Session, keys: access.AccessKeys) -> None:
        """Its handshake is done."""
        self.up[session.slot] = np.frombuffer(keys.up, np.uint8)
        self.down[session.slot] = np.frombuffer(keys.down, np.uint8)

    def confirm(self, slots: Slots) -> None:
        """Authentic datagrams came of these."""
        for slot in slots[~self.confirmed[slots]].tolist():
            if not self.confirmed[slot]:
                self.confirmed[slot] = True
                self._unconfirmed.remove(self._by_slot[slot])

    def remove(self, session: Session) -> None:
        """Forget a session."""
        slot = session.slot
        if self._by_slot.get(slot) is not session:
            return
        del self._by_slot[slot]
        self.moving.pop(slot, None)
        self.confirmed[slot] = False
        self.up[slot] = self.down[slot] = 0
        self._free.append(slot)
        self._prefixes[session.prefix] -= 1
        if not self._prefixes[session.prefix]:
            del self._prefixes[session.prefix]
        self._sort_ids()

    def expire(self, number: int) -> list[Session]:
        """Forget those that have not been heard of for long; who they were."""
        limits = np.where(self.confirmed, FORGOTTEN_ROUNDS, SILENT_ROUNDS)
        late = np.flatnonzero(number - self.heard > limits).tolist()
        gone = [self._by_slot[slot] for slot in late if slot in self._by_slot]
        for session in gone:
            if session in self._unconfirmed:
                self._unconfirmed.remove(session)
            self.remove(session)
        return gone

    def clear(self) -> None:
        """Forget all (the numbering of rounds starts anew)."""
        for session in list(self._by_slot.values()):
            self.remove(session)
        self._unconfirmed.clear()


def _as_ids(session_id: bytes) -> NDArray[np.uint32]:
    return np.frombuffer(session_id, "<u4")
