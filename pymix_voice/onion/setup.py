"""Set-up onions: how a client shares a key with every mix for one epoch, in one go.

An onion is Noise N to each mix in turn, the payload of each being the onion for the next:

    for mix i:  ephemeral 32 | sealed (onion for mix i+1) | tag 16      48 bytes a hop
    innermost:  drop 16 | flag 1

The prologue ties each layer to the signed list of onion keys, the hop and the class (line or
door), so an onion opens at one place only. Both layer keys of a hop come from its handshake.
A mix that cannot open an onion replaces it; that, and repeats, are the mix's part.

Source: the project's protocol page, "Layers and set-up onions".

Must not know: whose circuit it is, what a drop stands for, who saw which onion before.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

from pymix_voice.errors import BadCell, Drop, Misuse
from pymix_voice.geometry import DROP_BYTES, HASH_BYTES, KEY_BYTES
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair, Secret, derive
from pymix_voice.onion.noise import Handshake, OneWayReader, Pattern


class Klass(IntEnum):
    """Which of a client's two circuits it is."""

    LINE = 0
    DOOR = 1


class Flag(IntEnum):
    """How a circuit comes to its drop: host meets guest, plain meets plain."""

    HOST = 1
    GUEST = 2
    PLAIN = 3


class HopKeys(NamedTuple):
    """The keystream keys that client and one mix share for one circuit, 32 bytes each."""

    forward: bytes
    backward: bytes

    def __repr__(self) -> str:
        return "HopKeys()"


class OnionMaker:
    """Makes one onion: all X25519 ahead, in slices of one hop, the drop as late as possible.

    Args:
        onion_keys: the mixes' public onion keys in the order of the chain.
        descriptor_hash: of the signed list they come from, 32 bytes.
        klass: line or door.
        dice: the ephemeral keys are drawn here, at once.
        first_hop: the place of the first of these mixes in the chain: 0 for a client; a mix's
            own circuit starts at the next one.
    """

    def __init__(
        self,
        onion_keys: Sequence[bytes],
        descriptor_hash: bytes,
        klass: Klass,
        dice: Dice,
        *,
        first_hop: int = 0,
    ) -> None:
        if not onion_keys:
            raise Misuse("an onion needs at least one mix")
        self._onion_keys = list(onion_keys)
        self._ephemerals = [Secret(dice.bytes(KEY_BYTES)) for _ in onion_keys]
        self._descriptor_hash = descriptor_hash
        self._klass = klass
        self._first_hop = first_hop
        self._started: list[tuple[Handshake, bytes]] = []
        self._hops: list[HopKeys] = []

    def step(self) -> bool:
        """Do one hop's share of the X25519 (two of them, some 80 µs).

        Returns:
            Whether more hops are left.

        Raises:
            BadCell: a mix's onion key is no usable key.
        """
        hop = len(self._started)
        if hop < len(self._onion_keys):
            ephemeral = KeyPair.of(self._ephemerals[hop].reveal())
            handshake = Handshake(
                Pattern.N,
                True,
                prologue(self._descriptor_hash, self._first_hop + hop, self._klass),
                ephemeral=ephemeral,
                remote_static=self._onion_keys[hop],
            )
            self._started.append((handshake, handshake.write_keys()))
            ephemeral.wipe()
            self._ephemerals[hop].wipe()
        return len(self._started) < len(self._onion_keys)

    def seal(self, drop: bytes, flag: Flag) -> bytes:
        """The onion for the first mix, 48 bytes a hop and 17.

        Raises:
            Misuse: it was sealed before (the same keys would seal two drops), or the drop has
                another size than 16 bytes.
            BadCell: a mix's onion key is no usable key.
        """
        if self._hops or len(drop) != DROP_BYTES:
            raise Misuse("an onion is sealed once, with a drop of 16 bytes")
        while self.step():
            pass
        text = drop + bytes([flag])
        for handshake, keys in reversed(self._started):
            text = keys + handshake.write_payload(text)
        self._hops = [hop_keys(handshake) for handshake, _ in self._started]
        return text

    @property
    def hops(self) -> list[HopKeys]:
        """Each hop's layer keys, first mix first.

        Raises:
            Misuse: the onion is not sealed yet; the keys depend on all of it.
        """
        if not self._hops:
            raise Misuse("the onion is not sealed yet")
        return list(self._hops)

    def __repr__(self) -> str:
        return "OnionMaker()"


class OnionOpener:
    """Opens one layer of the onions of one batch; what they have in common is done once.

    Args:
        key: this mix's onion key for the epoch.
        descriptor_hash: of the epoch's signed list, 32 bytes.
        hop: this mix's place in the chain, from 0.
        klass: which batch they came in.
    """

    def __init__(self, key: KeyPair, descriptor_hash: bytes, hop: int, klass: Klass) -> None:
        self._reader = OneWayReader(prologue(descriptor_hash, hop, klass), key)

    def open(self, onion: bytes) -> tuple[HopKeys, bytes]:
        """Open one layer.

        Args:
            onion: from the network. Its ephemeral key is its first 32 bytes.

        Returns:
            The layer keys, and the onion for the next mix (or at the last the payload).

        Raises:
            BadCell: whatever is wrong with it.
        """
        inner, keys, seen = self._reader.read(onion)
        return _hop_keys(keys, seen), inner

    def __repr__(self) -> str:
        return "OnionOpener()"


def open_onion(
    onion: bytes, key: KeyPair, descriptor_hash: bytes, hop: int, klass: Klass
) -> tuple[HopKeys, bytes]:
    """Open one layer of a single onion; see `OnionOpener`."""
    return OnionOpener(key, descriptor_hash, hop, klass).open(onion)


def parse_payload(payload: bytes) -> tuple[bytes, Flag]:
    """The drop and flag that an onion's last layer carries.

    Raises:
        BadCell: another size, or an unknown flag (malformed).
    """
    if len(payload) != DROP_BYTES + 1:
        raise BadCell(Drop.MALFORMED)
    try:
        return payload[:DROP_BYTES], Flag(payload[DROP_BYTES])
    except ValueError:
        raise BadCell(Drop.MALFORMED) from None


def prologue(descriptor_hash: bytes, hop: int, klass: Klass) -> bytes:
    """What client and mix agree on without sending it."""
    if len(descriptor_hash) != HASH_BYTES:
        raise Misuse("a descriptor's hash has 32 bytes")
    return b"pymix onion" + descriptor_hash + bytes([hop, klass])


def hop_keys(handshake: Handshake) -> HopKeys:
    """The layer keys that come of a hop's finished handshake."""
    return _hop_keys(handshake.split(), handshake.hash)


def _hop_keys(keys: tuple[bytes, bytes], seen: bytes) -> HopKeys:
    return HopKeys(derive(keys[0], "pymix fwd", seen), derive(keys[1], "pymix back", seen))
