"""How things stand for a person, and what is told when that changes.

Must not know: how it comes about.
"""

from enum import StrEnum
from typing import NamedTuple

from pymix_voice.client.call import Ending


class State(StrEnum):
    """How things stand for the person."""

    IDLE = "idle"
    DIALING = "dialing"
    RINGING = "ringing"
    INCOMING = "incoming"
    CONNECTING = "connecting"
    TALKING = "talking"
    RECONNECTING = "reconnecting"


class Event(NamedTuple):
    """The state changed."""

    state: State
    peer: bytes | None = None
    """The peer's identity key."""
    ending: Ending | None = None
    """Why the call or dial that was on is over."""

    def __repr__(self) -> str:
        return f"Event({self.state})"


class Heard(NamedTuple):
    """A frame of the peer's voice."""

    number: int
    frame: bytes

    def __repr__(self) -> str:
        return "Heard()"
