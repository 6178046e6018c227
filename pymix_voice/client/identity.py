"""Who one is to others: identity key, door key, and the keys shared with a peer.

    door drop = BLAKE2b-128(door key, 'pymix door', epoch)
    pair key  = BLAKE2b-256(X25519(own identity, peer's), 'pymix pair', caller, callee, zone, epoch)

Source: the project's protocol page, section "Call keys".

Must not know: files, circuits, what time it is.
"""

from collections.abc import Iterable

from pymix_voice.geometry import DROP_BYTES
from pymix_voice.onion import curves
from pymix_voice.onion.keys import KeyPair, derive
from pymix_voice.onion.noise import Handshake, Pattern
from pymix_voice.zone.address import Address

CALLER, CALLEE = 0, 1
"""Roles in a dialing cell."""


def door_drop(door_key: bytes, epoch: int) -> bytes:
    """Where a door can be found in an epoch, 16 bytes."""
    return derive(door_key, "pymix door", epoch.to_bytes(8, "little"), size=DROP_BYTES)


class Identity:
    """A person's keys in one zone.

    Args:
        key: the identity key.
        door_key: 16 bytes.
        zone_hash: of the zone file.
    """

    def __init__(self, key: KeyPair, door_key: bytes, zone_hash: bytes) -> None:
        self.key = key
        self.address = Address(key.public, door_key)
        self._zone_hash = zone_hash
        self._shared: dict[bytes, bytes] = {}

    def __repr__(self) -> str:
        return "Identity()"

    def meet(self, peers: Iterable[bytes]) -> None:
        """Do the public-key work for these now, so that none is left for a round.

        Raises:
            BadCell: if one of them is no usable key.
        """
        for peer in peers:
            self._shared_with(peer)

    def _shared_with(self, peer: bytes) -> bytes:
        """X25519 with a peer's identity, done once.

        Raises:
            BadCell: if the peer's key is no usable key.
        """
        if peer not in self._shared:
            self._shared[peer] = curves.scalarmult(self.key.private.reveal(), peer)
        return self._shared[peer]

    def pair_key(self, peer: bytes, *, caller: bool, epoch: int) -> bytes:
        """The key that a dial between the two goes under in an epoch.

        Raises:
            BadCell: if the peer's key is no usable key.
        """
        ends = (self.key.public, peer) if caller else (peer, self.key.public)
        shared = self._shared_with(peer)
        zone_epoch = self._zone_hash + epoch.to_bytes(8, "little")
        return derive(shared, "pymix pair", *ends, zone_epoch)

    def handshake(self, epoch: int, ephemeral: KeyPair, callee: bytes | None = None) -> Handshake:
        """A fresh Noise IK handshake: as caller of `callee`, or as callee."""
        called = self.key.public if callee is None else callee
        prologue = b"pymix dial" + self._zone_hash + called + epoch.to_bytes(8, "little")
        return Handshake(
            Pattern.IK,
            callee is not None,
            prologue,
            ephemeral=ephemeral,
            static=self.key,
            remote_static=callee,
        )
