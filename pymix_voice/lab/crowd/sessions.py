"""The light clients' sessions: a table of those there are, and the hellos of those to come.

Each client makes its session as a real one does, by `Connection`; but all clients of a crowd have
one address. So an answer of the gateway, which names nobody, is tried on those who wait, in the
order of their hellos. Only so many knock at once: the gateway keeps at most 64 sessions that have
not sent yet, and has other things to do.

Source: the project's protocol page, section "Access link".

Must not know: circuits, cells, steering.
"""

from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.client.connection import PATIENCE_ROUNDS, Connection, Session
from pymix_voice.errors import BadCell, Drop
from pymix_voice.geometry import KEY_BYTES, Geometry
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.sodium import Chosen
from pymix_voice.zone import access
from pymix_voice.zone.access import AccessKeys
from pymix_voice.zone.zonefile import Zone

AT_ONCE = 24
"""So many may be on their way from hello to first datagram down."""
HELLO_EVERY_S = 0.0025
"""Slower than a gateway answers: what it leaves out comes again only after half a second."""
LOOK_EVERY_S = 0.1
"""How often it is looked whose session is broken."""


class Table:
    """The sessions there are, by client.

    Args:
        clients: how many.
        geometry: gives set-up instants.

    Attributes:
        live: who has a session: bool[n].
        keys: access keys: uint8[2n, 32], those to the gateway first, then those from it.
        raw_ids: session ids: uint8[n, 4].
        start: the first round of each session: int64[n].
        setup_at: the round within an epoch of each one's set-up: int64[n].
        heard_at: when the last valid datagram came, in seconds: float64[n].
    """

    def __init__(self, clients: int, geometry: Geometry) -> None:
        self._geometry = geometry
        self.live: NDArray[np.bool_] = np.zeros(clients, np.bool_)
        self._clients = clients
        self.keys: NDArray[np.uint8] = np.zeros((2 * clients, KEY_BYTES), np.uint8)
        self.raw_ids: NDArray[np.uint8] = np.zeros((clients, 4), np.uint8)
        self.start: NDArray[np.int64] = np.zeros(clients, np.int64)
        self.setup_at: NDArray[np.int64] = np.zeros(clients, np.int64)
        self.heard_at: NDArray[np.float64] = np.zeros(clients)
        self._known: NDArray[np.uint32] = np.zeros(0, np.uint32)
        self._owners: NDArray[np.intp] = np.zeros(0, np.intp)

    def put(self, client: int, session: Session, now: float) -> None:
        """A client's new session takes the place of its old one."""
        number = int.from_bytes(session.session_id, "little")
        self.live[client] = True
        self.keys[client] = np.frombuffer(session.keys.up, np.uint8)
        self.keys[self._clients + client] = np.frombuffer(session.keys.down, np.uint8)
        self.raw_ids[client] = np.frombuffer(session.session_id, np.uint8)
        self.start[client] = session.number
        self.setup_at[client] = self._geometry.setup_at(number)
        self.heard_at[client] = now
        self._sort()

    def up_keys(self, clients: NDArray[np.intp]) -> Chosen:
        """The keys of these clients to the gateway: one a row of clients, intp[k]."""
        return Chosen(self.keys, clients)

    def down_keys(self, clients: NDArray[np.intp]) -> Chosen:
        """The keys of these clients from the gateway: one a row of clients, intp[k]."""
        return Chosen(self.keys, clients + self._clients)

    def keys_of(self, client: int) -> AccessKeys:
        """One client's keys."""
        up, down = self.keys[client], self.keys[self._clients + client]
        return AccessKeys(up.tobytes(), down.tobytes())

    def clear(self) -> None:
        """Forget all."""
        self.live.fill(False)
        self._sort()

    def _sort(self) -> None:
        owners = np.flatnonzero(self.live)
        ids = self.raw_ids[owners].view("<u4")[:, 0]
        order = np.argsort(ids)
        self._known, self._owners = ids[order], owners[order]

    def find(self, ids: NDArray[np.uint32]) -> NDArray[np.intp]:
        """Whose sessions these are: intp[k], -1 for nobody's."""
        if not len(self._known):
            return np.full(len(ids), -1, np.intp)
        places = np.searchsorted(self._known, ids)
        places[places == len(self._known)] = 0
        return np.where(self._known[places] == ids, self._owners[places], -1)

    def by_setup(self) -> list[int]:
        """Those that have a session, in the order of their set-up instants."""
        here = np.flatnonzero(self.live)
        order: list[int] = here[np.argsort(self.setup_at[here], kind="stable")].tolist()
        return order

    def all_broken(self, first: int, end: int, now: float) -> bool:
        """Whether none of a range of clients has a session that still brings datagrams."""
        heard = self.heard_at[first:end] > now - PATIENCE_ROUNDS * self._geometry.round_s
        return not (heard & self.live[first:end]).any()


class Welcomed(NamedTuple):
    """A client's new session, and when its welcome came."""

    client: int
    session: Session
    at: float


class Joining:
    """Those who seek a session.

    Args:
        zone: the zone file.
        gateway: the gateway's place among the zone's.
        table: of sessions.
        dice: for ephemerals and pauses.
        now: seconds.
        at_once: how many may be on their way.
    """

    def __init__(
        self, zone: Zone, gateway: int, table: Table, dice: Dice, now: float, at_once: int
    ) -> None:
        self._zone = zone
        self._gateway = gateway
        self._table = table
        self._dice = dice
        self._at_once = at_once
        self._patience_s = PATIENCE_ROUNDS * zone.geometry.round_s
        self._waiting = deque(range(len(table.live)))
        self._seeking: dict[int, Connection] = {}
        """In the order of their last hellos."""
        self._no_cookie: dict[int, None] = {}
        """Whose last hello was not asked for a cookie yet, in order."""
        self._new: dict[int, float] = {}
        """Who was welcomed, and when, and has had no datagram since."""
        self._answers: deque[tuple[bytes, float]] = deque()
        self._next_hello = now
        self._next_look = now + LOOK_EVERY_S
        self.hellos = 0
        self.sessions = 0
        self.full = False

    @property
    def places(self) -> int:
        """How many more may knock."""
        return self._at_once - len(self._seeking) - len(self._new)

    def deadline(self) -> float:
        """When `hello` and `look` are to be called at the latest, in seconds."""
        due = min((each.deadline() for each in self._seeking.values()), default=np.inf)
        if self._waiting and self.places > 0:
            due = self._next_hello
        return float(min(self._next_look, max(due, self._next_hello)))

    def hello(self, now: float) -> bytes | None:
        """A hello to send now, if it is time for one; one at a time, since each costs much."""
        if now < self._next_hello:
            return None
        heard_at = self._table.heard_at
        self._new = {client: at for client, at in self._new.items() if heard_at[client] <= at}
        if self._waiting and self.places > 0:
            client = self._waiting.popleft()
            connection = Connection(self._zone, self._gateway, self._dice, now)
            self._seeking[client] = connection
        for client, connection in self._seeking.items():
            datagram = connection.try_again(now)
            if datagram is not None:
                self._next_hello = now + HELLO_EVERY_S
                self._seeking[client] = self._seeking.pop(client)
                self._no_cookie.pop(client, None)
                self._no_cookie[client] = None
                self.hellos += 1
                return datagram
        return None

    def look(self, now: float) -> None:
        """Those whose sessions are broken seek new ones; those that live again do not."""
        if now < self._next_look:
            return
        self._next_look = now + LOOK_EVERY_S
        quiet = self._table.live & (self._table.heard_at + self._patience_s < now)
        for client in [each for each in self._seeking if self._table.live[each]]:
            if not quiet[client]:
                self._stop(client)
        for client in np.flatnonzero(quiet).tolist():
            self._new.pop(client, None)
            if client not in self._seeking and client not in self._waiting:
                self._waiting.append(client)
        if any(self._table.live[client] and not quiet[client] for client in self._waiting):
            self._waiting = deque(
                each for each in self._waiting if quiet[each] or not self._table.live[each]
            )

    def _stop(self, client: int) -> None:
        self._seeking.pop(client, None)
        self._no_cookie.pop(client, None)

    # ── answers ──────────────────────────────────────────────────────────────────────────

    def keep(self, datagram: bytes, came: float) -> None:
        """A retry or a welcome came; it is read later, since that takes long.

        Raises:
            BadCell: if nobody waits for so many.
        """
        if len(self._answers) >= 2 * len(self._seeking):
            raise BadCell(Drop.UNEXPECTED)
        self._answers.append((datagram, came))

    def read(self) -> Welcomed | bytes | None:
        """Read the oldest answer, in the order in which they came.

        Returns:
            A new session, or a hello to send again with its cookie; None for a refusal, or if
            there is no answer.

        Raises:
            BadCell: if it is for none of those who wait.
        """
        if not self._answers:
            return None
        datagram, came = self._answers.popleft()
        if len(datagram) == access.RETRY_BYTES:
            return self._take_retry(datagram)
        for client, connection in self._seeking.items():
            try:
                session = connection.take_welcome(datagram, came)
            except BadCell:
                continue
            if session is None:
                self.full = True
                return None
            self._stop(client)
            self._new[client] = came
            self.sessions += 1
            return Welcomed(client, session, came)
        raise BadCell(Drop.FORGED)

    def _take_retry(self, datagram: bytes) -> bytes:
        """The hello again, with its cookie, of whoever was first to send one without."""
        client = next(iter(self._no_cookie), None)
        if client is None:
            raise BadCell(Drop.UNEXPECTED)
        del self._no_cookie[client]
        return self._seeking[client].take_retry(datagram)

    @property
    def answers(self) -> int:
        """How many answers wait to be read."""
        return len(self._answers)

    def start_over(self) -> None:
        """Everybody seeks a session, but whoever does already."""
        self._new.clear()
        out = [each for each in range(len(self._table.live)) if each not in self._seeking]
        self._waiting = deque(out)
