"""What the two circuits of an epoch are used for.

A line talks in a call, knocks at a door, or loops: sends cells to itself, which measures the
chain. A door waits for a guest, and loops meanwhile.

Source: the project's protocol page, section "Dialing, step by step".

Must not know: keystreams, the session, what time it is.
"""

from dataclasses import dataclass, field

from pymix_voice.client.call import Call
from pymix_voice.client.dialing import Knock
from pymix_voice.client.door import Doorstep
from pymix_voice.errors import BadCell
from pymix_voice.geometry import KEY_BYTES
from pymix_voice.onion.cell import CellSealer, Kind, open_cell
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import Secret
from pymix_voice.zone.address import Address


@dataclass
class Dial:
    """Somebody is being dialed."""

    peer: Address
    began: int
    """The round it began in."""
    epochs: int = 0
    empty: int = 0
    waiting: bool = False
    """The peer is dialing us, and its call is the one that counts."""


class Loop:
    """Cells to oneself on one circuit in one epoch; they measure the chain."""

    def __init__(self, body_bytes: int, dice: Dice) -> None:
        key = dice.bytes(KEY_BYTES)
        self._key = Secret(key)
        self._sealer = CellSealer(key, body_bytes)

    def say(self, number: int, frame: bytes | None) -> bytes:
        """A loop cell; it holds a frame as any other cell does."""
        return self._sealer.seal(number, Kind.LOOP, frame or b"")

    def hear(self, number: int, cell: bytes) -> bytes | None:
        """The body of one's own cell, come back; None if it is another's."""
        try:
            return open_cell(self._key.reveal(), number, cell)[1]
        except BadCell:
            return None

    def wipe(self) -> None:
        """Forget the key."""
        self._key.wipe()
        self._sealer.wipe()


@dataclass
class Use:
    """What the two circuits of one epoch are for."""

    doorstep: Doorstep
    knock: Knock | None = None
    call: Call | None = None
    line_loop: Loop = field(kw_only=True)
    door_loop: Loop = field(kw_only=True)
    own_door: bool = False
    """Whether the line is guest at the own door: in door rounds neither loop comes back then."""
    judged: bool = False
    """Whether whoever is at the door has been let in, or told off."""

    @property
    def calls(self) -> set[Call]:
        """All that cells of this epoch may be sealed for."""
        knocked = None if self.knock is None else self.knock.call
        return {call for call in (self.call, self.doorstep.call, knocked) if call is not None}

    def wipe(self) -> None:
        """The epoch is over: forget what only it needed."""
        self.doorstep.wipe()
        if self.knock is not None:
            self.knock.wipe()
        self.line_loop.wipe()
        self.door_loop.wipe()
