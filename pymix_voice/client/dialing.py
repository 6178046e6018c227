"""Dialing: one epoch as guest at somebody's door.

The caller sends the first text of Noise IK in every door round, each time under a fresh salt,
until it is answered; then control cells under the call's keys. Its own cell coming back three
times means: nobody is there.

Callers who may be strangers to the callee also seal under the door key, at most four cells an
epoch: whoever holds the door key could recognise them.

Source: the project's protocol page, sections "Call keys", "Dialing, step by step"; Noise
revision 34, pattern IK.

Must not know: circuits, the session, what time it is.
"""

from pymix_voice.client.call import Call
from pymix_voice.client.callkeys import CallKeys, Path
from pymix_voice.client.check import check_digits
from pymix_voice.client.identity import CALLEE, CALLER, Identity
from pymix_voice.errors import BadCell
from pymix_voice.geometry import Geometry
from pymix_voice.onion.cell import open_dialing, seal_dialing
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.zone.address import Address

SALT_BYTES = 16
ANSWER_BYTES = 48
"""The second text of IK; the rest of its cell is padding."""
STRANGER_CELLS = 4
"""At most so many cells an epoch go under a door key."""
NOBODY_ROUNDS = 3
"""After so many door rounds of one's own cell it is said that nobody is there."""


class Knock:
    """One epoch's attempt.

    Args:
        geometry: gives epochs.
        me: this side.
        peer: whose door it is.
        epoch: that the line's set-up was for.
        dice: for the ephemeral and salts.
    """

    def __init__(
        self, geometry: Geometry, me: Identity, peer: Address, epoch: int, dice: Dice
    ) -> None:
        self._geometry = geometry
        self._epoch = epoch
        self._dice = dice
        self._peer = peer
        self._keys = (me.pair_key(peer.identity, caller=True, epoch=epoch), peer.door_key)
        self._ephemeral = KeyPair.draw(dice)
        self._handshake = me.handshake(epoch, self._ephemeral, peer.identity)
        self._text = self._handshake.write()
        self._sent: dict[int, bytes] = {}
        self._cells = 0
        self._own_came_back = 0
        self.counted = False
        """Whether this epoch's empty door has been counted."""
        self.given_up = False
        """Whether the person no longer wants it."""
        self.call: Call | None = None

    def wipe(self) -> None:
        """Forget the ephemeral key."""
        self._ephemeral.wipe()

    @property
    def used(self) -> bool:
        """Whether it was ever said, so that somebody could have heard it."""
        return self._cells > 0

    @property
    def nobody_there(self) -> bool:
        """Whether the door has proved empty in this epoch."""
        return self.call is None and self._own_came_back >= NOBODY_ROUNDS

    def say(self, number: int, frame: bytes | None) -> bytes:
        """The line's cell for a door round."""
        if self.call is not None:
            return self.call.say(Path.DOOR, number, frame)
        as_stranger = self._cells % 2 == 1 and self._cells < 2 * STRANGER_CELLS
        self._cells += 1
        salt = self._dice.bytes(SALT_BYTES)
        cell = seal_dialing(
            self._keys[as_stranger], CALLER, salt, number, self._text, self._geometry.cell_bytes
        )
        self._sent[number] = cell
        return cell

    def hear(self, number: int, cell: bytes) -> None:
        """The cell that came back on the line in a door round.

        Raises:
            BadCell: if it is nothing for us.
        """
        if self.call is not None:
            self.call.hear(Path.DOOR, number, cell)
            return
        if self._sent.pop(number, None) == cell:
            self._own_came_back += 1
            return
        answer = self._open(number, cell)
        self._handshake.read(answer[:ANSWER_BYTES])
        secret, _ = self._handshake.split()
        keys = CallKeys(self._geometry, self._epoch, secret, caller=True)
        check = check_digits(self._handshake.hash)
        self.call = Call(self._peer.identity, keys, caller=True, number=number, check=check)

    def _open(self, number: int, cell: bytes) -> bytes:
        try:
            return open_dialing(self._keys[0], CALLEE, number, cell)
        except BadCell:
            return open_dialing(self._keys[1], CALLEE, number, cell)
