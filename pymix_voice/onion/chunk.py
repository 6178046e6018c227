"""Datagrams between mixes: nine cells of one round under one seal, all of one size.

A round's matrix goes out as `geometry.chunks(rows)` datagrams of 1,184 bytes:

    offset  bytes  header (authenticated)
         0      4  link id
         4      4  round, low 32 bits
         8      2  age of the circuits, low 16 bits (zone/epochs.py)
        10      2  chunk: which nine rows of the matrix
        12      2  early: signed, 1/16 ms, for the other side's steering
        14      1  the round that `early` speaks of, low 8 bits
        15      1  flags
        16   1152  nine cells (sealed); the last chunk is padded with zeros
      1168     16  tag

nonce = whole round 8 | chunk 2 | 0 0. Each (round, chunk) is sealed once per key: whoever seals
keeps to that, and resends only the same bytes. Source: the project's protocol page, "Mix links".

Must not know: sockets, what the rows are, which rounds may still come.
"""

from struct import Struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice import geometry
from pymix_voice.errors import BadCell, Drop, Misuse
from pymix_voice.geometry import (
    CELL_BYTES,
    CHUNK_BODY_BYTES,
    CHUNK_BYTES,
    CHUNK_CELLS,
    CHUNK_HEADER_BYTES,
)
from pymix_voice.onion import sodium
from pymix_voice.onion.keys import derive, digest
from pymix_voice.onion.noise import Handshake
from pymix_voice.onion.numbers import expand

LINK_ID_BYTES = 4

_HEADER = np.dtype(
    [
        ("link", "<u4"),
        ("round", "<u4"),
        ("epoch", "<u2"),
        ("chunk", "<u2"),
        ("early", "<i2"),
        ("early_round", "u1"),
        ("flags", "u1"),
    ]
)
_HEAD = Struct("<IHHhBB")
"""The header after the link id, for one datagram; `_HEADER` is the same for many."""
_NONCES = Struct("<QHH")
_NONCE = np.dtype([("round", "<u8"), ("chunk", "<u2"), ("zero", "<u2")])


class LinkKeys(NamedTuple):
    """One mix link: its id in every header, and a key for each direction of the chain."""

    link_id: bytes
    forward: bytes
    backward: bytes

    @classmethod
    def of(cls, handshake: Handshake) -> "LinkKeys":
        """The keys that both ends of a finished control handshake share for its rounds.

        They stand apart from the control link's own keys by label, and outlive its connection.
        """
        first, second = handshake.split()
        return cls(
            digest("pymix link", handshake.hash)[:LINK_ID_BYTES],
            derive(first, "pymix rounds fw", handshake.hash),
            derive(second, "pymix rounds bw", handshake.hash),
        )

    def __repr__(self) -> str:
        return "LinkKeys()"


class ChunkHeader(NamedTuple):
    """What an opened datagram says of itself: `round` is whole, the rest as on the wire."""

    round: int
    epoch_low: int
    chunk: int
    early: int
    early_round: int
    flags: int


class Chunks(NamedTuple):
    """Datagrams opened together; fields of rows that did not open have no meaning.

    Attributes:
        opened: bool[k], whether the seal was right.
        rounds: int64[k], whole round numbers.
        epochs_low: int64[k].
        chunks: int64[k].
        early: int64[k], 1/16 ms.
        early_rounds: int64[k].
        flags: int64[k].
        cells: uint8[k, 9, 128], a view of the datagrams.
    """

    opened: NDArray[np.bool_]
    rounds: NDArray[np.int64]
    epochs_low: NDArray[np.int64]
    chunks: NDArray[np.int64]
    early: NDArray[np.int64]
    early_rounds: NDArray[np.int64]
    flags: NDArray[np.int64]
    cells: NDArray[np.uint8]


def seal_chunks(
    link_id: bytes,
    key: bytes,
    round: int,
    epoch: int,
    cells: NDArray[np.uint8],
    early: int,
    early_round: int,
    flags: int,
) -> NDArray[np.uint8]:
    """A round's matrix as sealed datagrams.

    Args:
        link_id: 4 bytes.
        key: of this link and direction; never asked twice for one round.
        round: whole number of the round.
        epoch: whole number of the circuit epoch.
        cells: uint8[n, 128]; n may be 0.
        early: 1/16 ms; beyond 16 bits it stays at the bound.
        early_round: the round that `early` speaks of; its low byte goes out.
        flags: 0 … 255.

    Returns:
        uint8[k, 1184] with k = geometry.chunks(n).

    Raises:
        Misuse: a shape or number is out of range.
    """
    header = ChunkHeader(round, epoch, 0, early, early_round, flags)
    count = geometry.chunks(len(cells))
    out = np.zeros((count, CHUNK_BYTES), dtype=np.uint8)
    out[:, :CHUNK_HEADER_BYTES] = _headers(link_id, header, count)
    _lay_cells(out[:, CHUNK_HEADER_BYTES : CHUNK_HEADER_BYTES + CHUNK_BODY_BYTES], cells)
    nonces = _nonces(np.full(count, round), np.arange(count))
    sodium.seal_rows(out, CHUNK_HEADER_BYTES, nonces, key)
    return out


def open_chunks(datagrams: NDArray[np.uint8], key: bytes, near: int) -> Chunks:
    """Open many datagrams of one link and direction in place.

    Args:
        datagrams: uint8[k, 1184], writable; rows may lie apart (part of a wider drain).
        key: of this link and direction.
        near: a round known here; round numbers are taken nearest to it.

    Raises:
        BadCell: the datagrams have another size (malformed).
        Misuse: the array is read-only.
    """
    if datagrams.ndim != 2 or datagrams.shape[1] != CHUNK_BYTES:
        raise BadCell(Drop.MALFORMED)
    count = len(datagrams)
    raw = np.ascontiguousarray(datagrams[:, :CHUNK_HEADER_BYTES])
    head = raw.reshape(-1).view(_HEADER)
    numbers = head["chunk"].astype(np.int64)
    rounds = _expand_rounds(head["round"].astype(np.int64), near)
    opened = sodium.open_rows(datagrams, CHUNK_HEADER_BYTES, _nonces(rounds, numbers), key)
    body = datagrams[:, CHUNK_HEADER_BYTES : CHUNK_HEADER_BYTES + CHUNK_BODY_BYTES]
    cells = np.lib.stride_tricks.as_strided(
        body, (count, CHUNK_CELLS, CELL_BYTES), (datagrams.strides[0], CELL_BYTES, 1)
    )
    return Chunks(
        opened,
        rounds,
        head["epoch"].astype(np.int64),
        numbers,
        head["early"].astype(np.int64),
        head["early_round"].astype(np.int64),
        head["flags"].astype(np.int64),
        cells,
    )


def open_chunk(
    datagram: NDArray[np.uint8], key: bytes, near: int
) -> tuple[ChunkHeader, NDArray[np.uint8]]:
    """Open one datagram in place; see `open_chunks`.

    Returns:
        The header, and the cells: uint8[9, 128], a view of the datagram.

    Raises:
        BadCell: another size (malformed), or the seal is wrong (forged).
        Misuse: the array is read-only.
    """
    if datagram.shape != (CHUNK_BYTES,):
        raise BadCell(Drop.MALFORMED)
    head = datagram[:CHUNK_HEADER_BYTES].tobytes()
    low, epoch_low, chunk, early, early_round, flags = _HEAD.unpack_from(head, LINK_ID_BYTES)
    number = expand(low, 32, near)
    sealed = datagram[CHUNK_HEADER_BYTES:]
    body = sealed[:CHUNK_BODY_BYTES]
    if not sodium.open_into(body, sealed, head, _NONCES.pack(number, chunk, 0), key):
        raise BadCell(Drop.FORGED)
    header = ChunkHeader(number, epoch_low, chunk, early, early_round, flags)
    return header, body.reshape(CHUNK_CELLS, CELL_BYTES)


def link_id_of(datagram: NDArray[np.uint8]) -> bytes:
    """The link id a datagram claims, to look its key up; nothing is checked yet."""
    return datagram[:LINK_ID_BYTES].tobytes()


def _headers(link_id: bytes, first: ChunkHeader, count: int) -> NDArray[np.uint8]:
    """The headers of a round's chunks: uint8[count, 16]."""
    if not (0 <= first.round < 1 << 63 and first.epoch_low >= 0 and 0 <= first.flags < 256):
        raise Misuse("round, epoch or flags do not fit the header")
    if len(link_id) != LINK_ID_BYTES or count > 1 << 16:
        raise Misuse("a link id has 4 bytes, a matrix at most 65,536 chunks")
    head = np.zeros(count, dtype=_HEADER)
    head["link"] = int.from_bytes(link_id, "little")
    head["round"] = first.round & 0xFFFFFFFF
    head["epoch"] = first.epoch_low & 0xFFFF
    head["chunk"] = np.arange(count)
    head["early"] = max(-(1 << 15), min((1 << 15) - 1, first.early))
    head["early_round"] = first.early_round & 0xFF
    head["flags"] = first.flags
    return head.view(np.uint8).reshape(count, CHUNK_HEADER_BYTES)


def _lay_cells(bodies: NDArray[np.uint8], cells: NDArray[np.uint8]) -> None:
    """Nine cells to a body; what is left of the last stays zero."""
    if cells.shape[1:] != (CELL_BYTES,) or cells.dtype != np.uint8:
        raise Misuse("a matrix is uint8[n, 128]")
    full = len(cells) // CHUNK_CELLS
    bodies[:full] = cells[: full * CHUNK_CELLS].reshape(full, CHUNK_BODY_BYTES)
    rest = cells[full * CHUNK_CELLS :].reshape(-1)
    bodies[full:, : len(rest)] = rest


def _nonces(rounds: NDArray[np.int64], chunks: NDArray[np.int64]) -> list[bytes]:
    out = np.zeros(len(rounds), dtype=_NONCE)
    out["round"] = rounds
    out["chunk"] = chunks
    raw, size = out.tobytes(), sodium.NONCE_BYTES
    return [raw[at : at + size] for at in range(0, len(raw), size)]


def _expand_rounds(low: NDArray[np.int64], near: int) -> NDArray[np.int64]:
    """`numbers.expand` with 32 bits for a whole array."""
    span = 1 << 32
    ahead = (low - near) % span
    number = near + ahead - np.where(ahead > span // 2, span, 0)
    return np.where(number < 0, number + span, number)
