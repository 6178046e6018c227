"""What a group sends in one round: lines' cells, doors' cells, set-ups, answers to challenges.

Sizes, keys and nonces are those of `pymix_voice/zone/access.py`; cells are sealed for all members
at once, what is rare one by one.

Source: the project's protocol page, sections "Access link", "An epoch's timetable".

Must not know: steering, when a round goes out.
"""

import numpy as np
from numpy.typing import NDArray

from pymix_voice.geometry import (
    ACCESS_HEADER_BYTES,
    RESEND_ROUNDS,
    TAG_BYTES,
    Geometry,
    is_door_round,
)
from pymix_voice.lab.crowd.cells import Cells
from pymix_voice.lab.crowd.group import Group
from pymix_voice.lab.crowd.kit import Senders
from pymix_voice.lab.crowd.sessions import Table
from pymix_voice.lab.crowd.tally import HELD_ROUNDS, SETTLED_ROUNDS, Tally
from pymix_voice.lab.crowd.told import Told
from pymix_voice.onion import sodium
from pymix_voice.zone import access
from pymix_voice.zone.access import Kind


class Upward:
    """Makes groups' datagrams.

    Args:
        geometry: the timetable.
        peers: who hears whom.
        table: of sessions.
        told: circuits and onions.
        cells: seals cells.
        tally: is told what should be heard.
        size: clients in a group at the most.
    """

    def __init__(
        self,
        geometry: Geometry,
        peers: NDArray[np.intp],
        table: Table,
        told: Told,
        cells: Cells,
        tally: Tally,
        size: int,
    ) -> None:
        self._geometry = geometry
        self._peers = peers
        self._table = table
        self._told = told
        self._cells = cells
        self._tally = tally
        self._setups: dict[int, tuple[int, bytes]] = {}
        self._acknowledged: NDArray[np.int64] = np.full(len(peers), -1, np.int64)
        self._challenges: dict[int, bytes] = {}
        self._sheet: NDArray[np.uint8] = np.zeros((size, geometry.up_bytes), np.uint8)
        self._nonces: NDArray[np.uint8] = np.zeros((size, sodium.NONCE_BYTES), np.uint8)
        self._sends: NDArray[np.bool_] = np.zeros(len(peers), np.bool_)

    def begin(self, client: int) -> None:
        """A client has a new session."""
        self._acknowledged[client] = -1
        self._setups.pop(client, None)
        self._challenges.pop(client, None)

    def forget_all(self) -> None:
        """Nobody has a session any more."""
        self._acknowledged.fill(-1)
        self._setups.clear()
        self._challenges.clear()
        self._sends.fill(False)

    def acknowledge(self, clients: NDArray[np.intp], epoch: int) -> None:
        """The gateway has these clients' set-ups for an epoch: intp[k]."""
        self._acknowledged[clients] = epoch

    def challenge(self, client: int, answer: bytes) -> None:
        """The gateway wants to see that a client is where it sends from."""
        self._challenges[client] = answer

    def seal(self, group: Group, number: int) -> None:
        """Make a group's datagrams for a round."""
        circuits = self._told.go_to(number)
        for old in range(max(group.last + 1, number - HELD_ROUNDS + 1), number + 1):
            self._tally.settle(old - SETTLED_ROUNDS, group.first, group.end)
        if group.admit(number):
            self._sends[group.members] = True
        senders = group.senders
        rows, members = senders
        lines, doors = group.sheets()
        doors = doors[: len(members) if is_door_round(number) else 0]
        # Sealed in one place for all groups, since pointers to it are remembered.
        sheet = self._sheet[: len(members)]
        inner = sheet[:, ACCESS_HEADER_BYTES:-TAG_BYTES]
        for out, kind in ((lines, Kind.LINE), (doors, Kind.DOOR)):
            if len(out):
                self._cells.seal(inner, kind, number, senders, circuits)
                self._seal_up(sheet, kind, number, senders)
                out[:] = sheet
        if circuits is not None:
            peers = self._peers[rows]
            due = circuits.has_row[rows] & circuits.has_row[peers] & self._sends[peers]
            self._tally.expect(number, rows, due & circuits.made[rows])
        rare = [self._seal_setups(number, members), self._answer(number, members)]
        group.keep(number, [lines, doors, *rare])

    def _seal_up(self, out: NDArray[np.uint8], kind: Kind, number: int, senders: Senders) -> None:
        """`access.seal_up` for many."""
        head = access.header(access.NO_SESSION, kind, number)
        out[:, :ACCESS_HEADER_BYTES] = np.frombuffer(head, np.uint8)
        out[:, : len(access.NO_SESSION)] = self._table.raw_ids[senders.rows]
        nonces = access.nonces(kind, number, self._nonces[: len(out)])
        sodium.seal_rows(out, ACCESS_HEADER_BYTES, nonces, self._table.up_keys(senders.clients))

    def _seal_setups(self, number: int, members: NDArray[np.intp]) -> NDArray[np.uint8]:
        """The set-ups for the coming epoch of those for whom this is an instant."""
        coming = self._geometry.epoch_of(number) + 1
        within = self._geometry.within(number)
        setups: list[bytes] = []
        if self._geometry.setup_from <= within < self._geometry.cutoff_at:
            since = within - self._table.setup_at[members]
            on_time = (since >= 0) & (since % RESEND_ROUNDS == 0)
            on_time &= self._acknowledged[members] != coming
            found = [self._setup(client, coming) for client in members[on_time].tolist()]
            setups = [datagram for datagram in found if datagram is not None]
        return _rows(setups, self._geometry.setup_bytes)

    def _setup(self, client: int, coming: int) -> bytes | None:
        """A client's set-up datagram: the same one each time."""
        epoch, datagram = self._setups.get(client, (-1, b""))
        if epoch == coming:
            return datagram
        mint = self._told.mint
        onions = None if mint is None or mint.circuits.epoch != coming else mint.take(client)
        if onions is None:
            return None
        datagram = self._seal_one(client, Kind.SETUP, coming, onions)
        self._setups[client] = coming, datagram
        return datagram

    def _answer(self, number: int, members: NDArray[np.intp]) -> NDArray[np.uint8]:
        """Answers to challenges."""
        asked: list[int] = []
        if self._challenges:
            asked = [client for client in members.tolist() if client in self._challenges]
        answers = [
            self._seal_one(client, Kind.CHALLENGE, number, self._padded(client)) for client in asked
        ]
        return _rows(answers, self._geometry.up_bytes)

    def _padded(self, client: int) -> bytes:
        """A challenge, of the size of a cell."""
        return self._challenges.pop(client).ljust(self._geometry.cell_bytes, b"\0")

    def _seal_one(self, client: int, kind: Kind, number: int, body: bytes) -> bytes:
        session = self._table.raw_ids[client].tobytes()
        return access.seal_up(self._table.keys_of(client), session, kind, number, body)


def _rows(datagrams: list[bytes], size: int) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(datagrams), np.uint8).reshape(-1, size)
