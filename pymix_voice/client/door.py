"""Answering: one epoch of a door, and the one guest it may have.

Whoever comes is known by the pair key its cell opens under, or, a stranger, by the door key, if
the person allows strangers. The handshake says who it truly is. It rings only after a cell
under the call's keys was opened: a replayed first text proves nothing.

Source: the project's protocol page, sections "Call keys", "Dialing, step by step"; Noise
revision 34, pattern IK.

Must not know: circuits, the session, contacts' names, what time it is.
"""

from collections.abc import Sequence

from pymix_voice.client.call import Call
from pymix_voice.client.callkeys import CallKeys, Path
from pymix_voice.client.check import check_digits
from pymix_voice.client.dialing import SALT_BYTES, STRANGER_CELLS
from pymix_voice.client.identity import CALLEE, CALLER, Identity
from pymix_voice.errors import BadCell, Drop
from pymix_voice.geometry import Geometry
from pymix_voice.onion.cell import open_dialing, seal_dialing
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair

FIRST_TEXT_BYTES = 96
"""The first text of IK; the rest of its cell, if there is any, is padding."""


class Doorstep:
    """A door in one epoch.

    Args:
        geometry: gives epochs.
        me: this side.
        epoch: that the door's set-up was for.
        contacts: identity keys that may call.
        strangers: whether others may, too.
        dice: for the ephemeral and salts.
    """

    def __init__(
        self,
        geometry: Geometry,
        me: Identity,
        epoch: int,
        *,
        contacts: Sequence[bytes],
        strangers: bool,
        dice: Dice,
    ) -> None:
        self._geometry = geometry
        self._me = me
        self._epoch = epoch
        self._dice = dice
        # Drawn whether somebody comes or not: a guest costs no work that none would not.
        self._ephemeral = KeyPair.draw(dice)
        self._keys: list[tuple[bytes, bytes | None]] = [
            (me.pair_key(peer, caller=False, epoch=epoch), peer) for peer in contacts
        ]
        if strangers:
            self._keys.append((me.address.door_key, None))
        self._answer: tuple[bytes, bytes] | None = None
        """The key that the guest's cell opened under, and what answers it."""
        self._stranger_cells = 0
        self.call: Call | None = None
        """With whoever is at the door; it rings once `call.confirmed`."""

    def wipe(self) -> None:
        """Forget the ephemeral key."""
        self._ephemeral.wipe()

    def say(self, number: int, frame: bytes | None) -> bytes | None:
        """The door's cell for a door round; None if there is nobody to speak to."""
        if self.call is None or self._answer is None:
            return None
        if self.call.confirmed:
            return self.call.say(Path.DOOR, number, frame)
        key, text = self._answer
        if key == self._me.address.door_key:
            if self._stranger_cells == STRANGER_CELLS:
                return None
            self._stranger_cells += 1
        salt = self._dice.bytes(SALT_BYTES)
        return seal_dialing(key, CALLEE, salt, number, text, self._geometry.cell_bytes)

    def hear(self, number: int, cell: bytes) -> None:
        """The cell that came to the door in a door round.

        Raises:
            BadCell: if it is nothing for us.
        """
        if self.call is not None:
            self.call.hear(Path.DOOR, number, cell)
            return
        for key, peer in self._keys:
            try:
                text = open_dialing(key, CALLER, number, cell)
            except BadCell:
                continue
            self._meet(number, key, peer, text)
            return
        raise BadCell(Drop.FORGED)

    def _meet(self, number: int, key: bytes, peer: bytes | None, text: bytes) -> None:
        """Somebody dials: answer, and wait for a cell under the call's keys."""
        handshake = self._me.handshake(self._epoch, self._ephemeral)
        handshake.read(text[:FIRST_TEXT_BYTES])
        who = handshake.remote_static
        if who is None or (peer is not None and who != peer) or who == self._me.key.public:
            raise BadCell(Drop.FORGED)
        answer = handshake.write()
        secret, _ = handshake.split()
        keys = CallKeys(self._geometry, self._epoch, secret, caller=False)
        self._answer = key, answer
        check = check_digits(handshake.hash)
        self.call = Call(who, keys, caller=False, number=number, check=check)
