"""What one side of a call tells the other in control cells.

A word says how things stand, not what has just happened: it is said again in every cell that
carries no voice, so a lost cell loses nothing.

Must not know: keys, rounds, who says it.
"""

from enum import IntEnum

from pymix_voice.errors import BadCell, Drop


class Word(IntEnum):
    """The first byte of a control cell's body; the rest is zero."""

    CALLING = 1
    """The caller: I am here, ring."""
    RINGING = 2
    """The callee: it rings here."""
    ACCEPT = 3
    """The callee: answered; talk."""
    DECLINE = 4
    """The callee: no."""
    BUSY = 5
    """The callee: in another call."""
    HANG_UP = 6
    """Either: the call is over."""
    FINISHED = 7
    """Either: I have nothing more to say (a recording has ended)."""
    CROSSING = 8
    """The callee: I am dialing you as well, and mine is the call that counts."""
    MUTED = 9
    """Either, in place of voice: I say nothing just now."""


def body_of(word: Word) -> bytes:
    """What a control cell says; the rest of its body is zero."""
    return bytes([word])


def parse_word(body: bytes) -> Word:
    """Read the body of an authentic control cell.

    Raises:
        BadCell: if it is no word.
    """
    try:
        return Word(body[0])
    except ValueError:
        raise BadCell(Drop.MALFORMED) from None
