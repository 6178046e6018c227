"""Who may say which onion keys an epoch has: one list an epoch, signed by every mix.

Were each key signed alone, a dishonest last mix and gateway could hand one client a key of its
own and know its row by it. So every mix signs the whole list, and an honest mix signs one list
an epoch. The highest epoch it signed is on disk before the signature leaves; after a start it
signs only epochs at least two ahead of the present one, whatever the disk says (it may be an
old copy).

Source: the project's protocol page, section "Epoch descriptor".

Must not know: links, disks, what time it is.
"""

from pymix_voice.errors import BadCell, Drop
from pymix_voice.onion import curves
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.zone.descriptor import Descriptor, parse_list, sign_list
from pymix_voice.zone.zonefile import Zone

FIRST_AHEAD = 2
"""How far ahead of the epoch of its start a mix begins to sign."""


class Signer:
    """A mix's onion keys, and its signature under the lists that hold them.

    Args:
        zone: what the mixes of this zone are.
        hop: this mix's place in the chain, from 0.
        seed: its Ed25519 seed.
        signed: the highest epoch it may have signed before it was started, -1 for none.
        dice: for onion keys.
    """

    def __init__(self, zone: Zone, hop: int, seed: bytes, signed: int, dice: Dice) -> None:
        self._zone = zone
        self._hop = hop
        self._seed = seed
        self._next = signed + 1
        self._started = False
        self._dice = dice
        self._keys: dict[int, KeyPair] = {}
        self._signed: dict[int, tuple[bytes, bytes]] = {}

    def start(self, epoch: int) -> None:
        """Told the epoch this mix was started in; it signs from two ahead of that one on."""
        if not self._started:
            self._started = True
            self._next = max(self._next, epoch + FIRST_AHEAD)

    def key(self, epoch: int) -> KeyPair | None:
        """This mix's onion key for an epoch, drawn once; None if it may not sign for it."""
        if epoch not in self._keys and epoch >= self._next:
            self._keys[epoch] = KeyPair.draw(self._dice)
        return self._keys.get(epoch)

    def sign(self, epoch: int, body: bytes) -> bytes:
        """Sign a list; the same list again gets the same signature.

        Raises:
            BadCell: if it is not a list of this zone and epoch with this mix's key in its
                place, or another one was signed for this epoch.
        """
        if epoch in self._signed and self._signed[epoch][0] == body:
            return self._signed[epoch][1]
        key = self._keys.get(epoch)
        listed = parse_list(body, self._zone)
        if key is None or epoch < self._next or listed.epoch != epoch:
            raise BadCell(Drop.REFUSED)
        if listed.onion_keys[self._hop] != key.public:
            raise BadCell(Drop.REFUSED)
        if not all(curves.is_usable(each) for each in listed.onion_keys):
            # Such a key would break every onion that this mix makes itself.
            raise BadCell(Drop.REFUSED)
        self._next = epoch + 1
        self._signed = {epoch: (body, sign_list(body, self._seed))}
        return self._signed[epoch][1]

    def wipe_until(self, epoch: int) -> None:
        """Forget the onion keys of this epoch and all before it."""
        for old in [each for each in self._keys if each <= epoch]:
            self._keys.pop(old).wipe()


class Editor:
    """At the first mix: gathers the keys of an epoch into a list, and the signatures under it.

    Args:
        zone: what the mixes of this zone are.
        epoch: what the list is for.
    """

    def __init__(self, zone: Zone, epoch: int) -> None:
        self._zone = zone
        self._epoch = epoch
        self._keys: dict[int, bytes] = {}
        self._signatures: dict[int, bytes] = {}
        self.body: bytes | None = None

    @property
    def waits_for(self) -> list[str]:
        """The mixes whose key or signature has not come."""
        has = self._keys if self.body is None else self._signatures
        return [mix.name for hop, mix in enumerate(self._zone.mixes) if hop not in has]

    def add_key(self, hop: int, key: bytes) -> bool:
        """Take a mix's key; the first one counts. Whether the list is complete with it."""
        if self.body is not None or hop >= len(self._zone.mixes):
            return False
        self._keys.setdefault(hop, key)
        if len(self._keys) < len(self._zone.mixes):
            return False
        keys = tuple(self._keys[hop] for hop in range(len(self._keys)))
        first = self._zone.geometry.first_round(self._epoch)
        self.body = Descriptor(self._zone.hash, self._epoch, first, keys, ()).body
        return True

    def add_signature(self, hop: int, signature: bytes) -> bytes | None:
        """Take a mix's signature; the finished descriptor once all are there.

        Raises:
            BadCell: if it is not that mix's signature of this list.
        """
        if self.body is None or hop >= len(self._zone.mixes):
            raise BadCell(Drop.UNEXPECTED)
        if hop in self._signatures:
            return None
        curves.verify(self._zone.mixes[hop].sign, self.body, signature)
        self._signatures[hop] = signature
        if len(self._signatures) < len(self._zone.mixes):
            return None
        return self.body + b"".join(self._signatures[hop] for hop in range(len(self._signatures)))
