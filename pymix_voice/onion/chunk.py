"""Datagrams between mixes: some cells of one round under one seal, all of one size.

A round's matrix goes out as `geometry.chunks(rows)` datagrams, of 1,200 bytes in rounds of 20 ms:

    offset  bytes  header (authenticated)
         0      4  link id
         4      4  round, low 32 bits
         8      2  age of the circuits, low 16 bits (zone/epochs.py)
        10      2  chunk: which rows of the matrix
        12      2  early: signed, 1/16 ms, for the other side's steering
        14      1  the round that `early` speaks of, low 8 bits
        15      1  flags
        16   1152  nine cells (sealed); the last chunk is padded with zeros
      1168     32  tag: 32 of AEGIS-128L; or 16 zeros (sealed) and 16 of ChaCha20-Poly1305

nonce = whole round 8 | chunk 2 | zeros. Each (round, chunk) is sealed once per key: whoever seals
keeps to that, and resends only the same bytes. Source: the project's protocol page, "Mix links".

Must not know: sockets, what the rows are, which rounds may still come.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import Drop, Drops, Misuse
from pymix_voice.geometry import CHUNK_HEADER_BYTES, CHUNK_TAG_BYTES, Geometry
from pymix_voice.onion import sodium
from pymix_voice.onion.keys import derive, digest
from pymix_voice.onion.noise import Handshake
from pymix_voice.onion.numbers import expand_all
from pymix_voice.onion.sheets import Sheets
from pymix_voice.onion.sodium import AEGIS, CHACHA, Cipher

LINK_ID_BYTES = 4

_HEADER = np.dtype(
    [
        ("link", "<u4"),
        ("round", "<u4"),
        ("age", "<u2"),
        ("chunk", "<u2"),
        ("early", "<i2"),
        ("early_round", "u1"),
        ("flags", "u1"),
    ]
)
_ROUND = slice(0, 8)
_CHUNK = slice(8, 10)
"""Where a nonce says which round and chunk it is for."""
_LABELS = {CHACHA: "rounds", AEGIS: "aegis"}


class LinkKeys(NamedTuple):
    """One mix link: its id in every header, and a key for each direction of the chain."""

    link_id: bytes
    forward: bytes
    backward: bytes
    cipher: Cipher = CHACHA

    @classmethod
    def of(cls, handshake: Handshake, cipher: Cipher) -> "LinkKeys":
        """The keys that both ends of a finished control handshake share for its rounds.

        They stand apart from the control link's own keys by label, and outlive its connection.
        """
        first, second = handshake.split()
        label, size = _LABELS[cipher], cipher.key_bytes
        return cls(
            digest("pymix link", handshake.hash)[:LINK_ID_BYTES],
            derive(first, f"pymix {label} fw", handshake.hash, size=size),
            derive(second, f"pymix {label} bw", handshake.hash, size=size),
            cipher,
        )

    def __repr__(self) -> str:
        return "LinkKeys()"


class Beside(NamedTuple):
    """What a datagram says beside its cells, of interest to gateways.

    Attributes:
        early: 1/16 ms; beyond 16 bits it stays at the bound.
        early_round: the round that `early` speaks of; its low byte goes out.
        flags: 0 … 255.
    """

    early: int = 0
    early_round: int = 0
    flags: int = 0


class Chunks(NamedTuple):
    """Authentic chunks of one round and age.

    Attributes:
        round: its whole number.
        age: of the circuits, as on the wire.
        beside: of the last of them.
        numbers: int64 [k], which chunks of the round.
        cells: uint8 [k, cells · cell], their cells.
    """

    round: int
    age: int
    beside: Beside
    numbers: NDArray[np.int64]
    cells: NDArray[np.uint8]

    def __repr__(self) -> str:
        return "Chunks()"


class Sealer:
    """Seals one link's matrices in one direction, into matrices of its own that it uses again.

    Args:
        link_id: 4 bytes.
        key: of this link and direction; never asked twice for one round.
        geometry: sizes of the zone.
        cipher: what the key is for.
    """

    def __init__(
        self, link_id: bytes, key: bytes, geometry: Geometry, cipher: Cipher = CHACHA
    ) -> None:
        if len(link_id) != LINK_ID_BYTES:
            raise Misuse("a link id has 4 bytes")
        self._link = int.from_bytes(link_id, "little")
        self._key = key
        self._geometry = geometry
        self._cipher = cipher
        self._nonces = _nonces(cipher, 0)
        self._sheets = Sheets(geometry.chunk_bytes)

    def seal(
        self, number: int, age: int, cells: NDArray[np.uint8], beside: Beside
    ) -> NDArray[np.uint8]:
        """A round's matrix as sealed datagrams.

        Args:
            number: the round.
            age: of its circuits, see `zone.epochs`.
            cells: uint8 [n, cell]; n may be 0.
            beside: goes along in every header.

        Returns:
            uint8 [k, chunk] with k = geometry.chunks(n); valid until `reuse`.

        Raises:
            Misuse: a shape or number is out of range.
        """
        if not (0 <= number < 1 << 63 and age >= 0 and 0 <= beside.flags < 256):
            raise Misuse("round, age or flags do not fit the header")
        out = self._sheets.take(self._geometry.chunks(len(cells)))
        if len(self._nonces) < len(out):
            self._nonces = _nonces(self._cipher, len(out) + len(out) // 4)
        head = _headers(out)
        head["link"] = self._link
        head["round"] = number & 0xFFFFFFFF
        head["age"] = age & 0xFFFF
        head["chunk"] = self._nonces[: len(out), _CHUNK].view("<u2")[:, 0]
        head["early"] = max(-(1 << 15), min((1 << 15) - 1, beside.early))
        head["early_round"] = beside.early_round & 0xFF
        head["flags"] = beside.flags
        _lay_cells(out[:, CHUNK_HEADER_BYTES:], cells, self._geometry)
        nonces = self._nonces[: len(out)]
        nonces[:, _ROUND].view("<u8")[:, 0] = number
        sodium.seal_rows(out, CHUNK_HEADER_BYTES, nonces, self._key, self._cipher)
        return out

    def reuse(self) -> None:
        """All that was sealed has left; its room may be taken again."""
        self._sheets.reuse()

    def __repr__(self) -> str:
        return "Sealer()"


class Opener:
    """Opens one link's datagrams of one direction in place.

    Args:
        key: of this link and direction.
        cipher: what the key is for.
    """

    def __init__(self, key: bytes, cipher: Cipher = CHACHA) -> None:
        self._key = key
        self._cipher = cipher
        self._nonces = _nonces(cipher, 0)

    def open(
        self, datagrams: NDArray[np.uint8], near: int, drops: Drops
    ) -> tuple[NDArray[np.int64], Iterator[Chunks]]:
        """Open datagrams together; those that are not authentic are counted and forgotten.

        Args:
            datagrams: uint8 [k, chunk], writable; rows may lie apart (part of a wider drain).
            near: a round known here; round numbers are taken nearest to it.
            drops: counts.

        Returns:
            int64 [k], the whole round number of each, −1 where it did not open; and what opened,
            by round and age in rising order.
        """
        head = _headers(datagrams)
        rounds = expand_all(head["round"].astype(np.int64), 32, near)
        if len(self._nonces) < len(datagrams):
            self._nonces = _nonces(self._cipher, len(datagrams))
        nonces = self._nonces[: len(datagrams)]
        nonces[:, _ROUND].view("<u8")[:, 0] = rounds
        nonces[:, _CHUNK].view("<u2")[:, 0] = head["chunk"]
        opened = sodium.open_rows(datagrams, CHUNK_HEADER_BYTES, nonces, self._key, self._cipher)
        if not opened.all():
            drops[Drop.FORGED] += len(opened) - int(np.count_nonzero(opened))
            rounds[~opened] = -1
        return rounds, _grouped(datagrams, head, rounds)

    def __repr__(self) -> str:
        return "Opener()"


def _grouped(
    datagrams: NDArray[np.uint8], head: NDArray[np.void], rounds: NDArray[np.int64]
) -> Iterator[Chunks]:
    ages = head["age"].astype(np.int64)
    numbers, cells = (
        head["chunk"].astype(np.int64),
        datagrams[:, CHUNK_HEADER_BYTES:-CHUNK_TAG_BYTES],
    )
    if not len(rounds):
        return
    first = int(rounds[0])
    if first >= 0 and (rounds == first).all() and (ages == ages[0]).all():
        yield Chunks(first, int(ages[0]), _beside(head[-1]), numbers, cells)
        return
    opened = rounds >= 0
    # Rounds of one drain are near one another, and any number may be near: only what lies
    # between them can be shifted.
    lowest = int(rounds.min(initial=1 << 62, where=opened))
    kinds = np.where(opened, rounds - lowest, -1) << 16 | ages
    for kind in np.unique(kinds[opened]).tolist():
        those = np.flatnonzero(kinds == kind)
        beside = _beside(head[those[-1]])
        yield Chunks(lowest + (kind >> 16), kind & 0xFFFF, beside, numbers[those], cells[those])


def _beside(head: np.void) -> Beside:
    return Beside(int(head["early"]), int(head["early_round"]), int(head["flags"]))


def link_ids(datagrams: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """The link id that each datagram claims, to look its key up; nothing is checked yet."""
    ids: NDArray[np.uint32] = _headers(datagrams)["link"]
    return ids


def _headers(datagrams: NDArray[np.uint8]) -> NDArray[np.void]:
    """The headers of datagrams, in place: _HEADER [k]."""
    heads: NDArray[np.void] = datagrams[:, :CHUNK_HEADER_BYTES].view(_HEADER)[:, 0]
    return heads


def _lay_cells(bodies: NDArray[np.uint8], cells: NDArray[np.uint8], geometry: Geometry) -> None:
    """So many cells to a body; what is left of the last, and of the room for the tag, is zero."""
    if cells.shape[1:] != (geometry.cell_bytes,) or cells.dtype != np.uint8:
        raise Misuse(f"a matrix is uint8[n, {geometry.cell_bytes}]")
    each, size = geometry.chunk_cells, geometry.chunk_body_bytes
    full = len(cells) // each
    bodies[:full, :size] = cells[: full * each].reshape(full, size)
    bodies[:, size:] = 0
    rest = cells[full * each :].reshape(-1)
    bodies[full:, : len(rest)] = rest
    bodies[full:, len(rest) :] = 0


def _nonces(cipher: Cipher, count: int) -> NDArray[np.uint8]:
    """Nonces of round 0: uint8 [count, 12 or 16]."""
    if count > 1 << 16:
        raise Misuse("a matrix has at most 65,536 chunks")
    out = np.zeros((count, cipher.nonce_bytes), np.uint8)
    out[:, _CHUNK].view("<u2")[:, 0] = np.arange(count)
    return out
