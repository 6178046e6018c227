"""Epoch descriptors: all mixes' onion keys for one epoch, signed by every mix.

    label 16 | zone hash 32 | epoch 8 | first round 8 | onion keys 32 each    (the body)
    signatures 64 each, in the order of the chain, every one over the whole body

Each mix signs the whole list, not its own key alone: else a dishonest last mix and a gateway
could hand one client keys of its own and know its row by them. Source: the project's protocol
page, section "Epoch descriptor".

Must not know: when a list is due, which epochs were signed before, whose piece came when.
"""

import struct
from dataclasses import dataclass, field
from functools import cached_property

from pymix_voice.errors import BadCell, Drop
from pymix_voice.geometry import (
    HASH_BYTES,
    KEY_BYTES,
    PIECE_BYTES,
    SIGNATURE_BYTES,
    Geometry,
)
from pymix_voice.onion import curves
from pymix_voice.onion.keys import digest
from pymix_voice.zone.zonefile import Zone

LABEL = b"pymix descriptor"
_HEAD = struct.Struct(f"<{len(LABEL)}s{HASH_BYTES}sQQ")


@dataclass(frozen=True)
class Descriptor:
    """The onion keys of one epoch.

    Attributes:
        zone_hash: 32 bytes.
        epoch: the epoch that the keys are for.
        first_round: its first round.
        onion_keys: X25519 public keys of 32 bytes in the order of the chain.
        signatures: 64 bytes of each mix in the same order; empty while nobody has signed.
    """

    zone_hash: bytes = field(repr=False)
    epoch: int
    first_round: int
    onion_keys: tuple[bytes, ...] = field(repr=False)
    signatures: tuple[bytes, ...] = field(default=(), repr=False)

    @cached_property
    def body(self) -> bytes:
        """What all mixes sign."""
        head = _HEAD.pack(LABEL, self.zone_hash, self.epoch, self.first_round)
        return head + b"".join(self.onion_keys)

    @cached_property
    def hash(self) -> bytes:
        """32 bytes that bind a set-up onion to these keys; signatures do not matter."""
        return digest("pymix list", self.body)

    def encode(self) -> bytes:
        """The whole descriptor, as `parse_descriptor` takes it."""
        return self.body + b"".join(self.signatures)


def body_bytes(mixes: int) -> int:
    """Length of a descriptor's body."""
    return _HEAD.size + KEY_BYTES * mixes


def sign_list(body: bytes, seed: bytes) -> bytes:
    """A mix's signature over the body of a list, 64 bytes."""
    return curves.sign(seed, body)


def parse_list(body: bytes, zone: Zone) -> Descriptor:
    """Read the body of a list that nobody has signed yet, as a mix does before it signs.

    Raises:
        BadCell: MALFORMED if it is not a list; REFUSED if it is for another zone, or its first
            round does not belong to its epoch.
    """
    mixes = len(zone.mixes)
    if len(body) != body_bytes(mixes) or not body.startswith(LABEL):
        raise BadCell(Drop.MALFORMED)
    _, zone_hash, epoch, first_round = _HEAD.unpack_from(body)
    if zone_hash != zone.hash or first_round != zone.geometry.first_round(epoch):
        raise BadCell(Drop.REFUSED)
    return Descriptor(zone_hash, epoch, first_round, _cut(body[_HEAD.size :], KEY_BYTES))


def parse_descriptor(raw: bytes, zone: Zone) -> Descriptor:
    """Read a descriptor and check everything about it but whether its epoch is the right one.

    Raises:
        BadCell: as `parse_list`; FORGED if one signature is not that of its mix.
    """
    size = body_bytes(len(zone.mixes))
    if len(raw) != zone.geometry.descriptor_bytes:
        raise BadCell(Drop.MALFORMED)
    unsigned = parse_list(raw[:size], zone)
    signatures = _cut(raw[size:], SIGNATURE_BYTES)
    for mix, signature in zip(zone.mixes, signatures, strict=True):
        curves.verify(mix.sign, unsigned.body, signature)
    return Descriptor(
        unsigned.zone_hash,
        unsigned.epoch,
        unsigned.first_round,
        unsigned.onion_keys,
        signatures,
    )


def _cut(joined: bytes, size: int) -> tuple[bytes, ...]:
    return tuple(joined[at : at + size] for at in range(0, len(joined), size))


def pieces_of(raw: bytes) -> list[bytes]:
    """A descriptor cut into what one status carries each."""
    return list(_cut(raw.ljust(-(-len(raw) // PIECE_BYTES) * PIECE_BYTES, b"\0"), PIECE_BYTES))


class PieceCollector:
    """Puts a descriptor together from the pieces in statuses, in whatever order they come.

    Nothing is believed here: pieces of two descriptors may come mixed while one takes the
    other's place. The whole is offered whenever it has changed, for `parse_descriptor` to
    check, and comes right once all old pieces are overwritten.

    Args:
        geometry: gives the length of a descriptor.
    """

    def __init__(self, geometry: Geometry) -> None:
        self._length = geometry.descriptor_bytes
        self._pieces: list[bytes | None] = [None] * geometry.pieces

    def add(self, index: int, piece: bytes) -> bytes | None:
        """Take one piece.

        Args:
            index: its place, from 0.
            piece: 16 bytes; all zeros mean that there is no descriptor yet.

        Returns:
            All pieces joined, if none is missing and this one is new; else None.

        Raises:
            BadCell: there is no such place, or the piece has another length.
        """
        if not 0 <= index < len(self._pieces) or len(piece) != PIECE_BYTES:
            raise BadCell(Drop.MALFORMED)
        if not any(piece) or piece == self._pieces[index]:
            return None
        self._pieces[index] = bytes(piece)
        there = [piece for piece in self._pieces if piece is not None]
        return b"".join(there)[: self._length] if len(there) == len(self._pieces) else None

    def clear(self) -> None:
        """Forget all pieces."""
        self._pieces = [None] * len(self._pieces)
