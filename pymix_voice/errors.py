"""What can go wrong, by whose fault it is, and why a datagram was dropped.

A person can act on every `PymixError` but `BadCell` and `Misuse`: its text says what was
found, what was wanted and what to do, and never names an address, key, drop or row.
`BadCell` is the only error that bytes from the network can cause; whoever reads the network
catches it once and counts its reason. `Misuse` is a fault of our own: a traceback is right.

Must not know: anything of the project.
"""

from collections import Counter
from enum import StrEnum


class Drop(StrEnum):
    """Why something from the network was not used. No reason names a person, key, drop or row."""

    MALFORMED = "malformed"
    """Wrong length, unknown kind, or a value outside its range."""
    UNKNOWN_SESSION = "unknown session"
    """No session or link has this id."""
    FORGED = "forged"
    """The AEAD or the handshake did not open."""
    REPLAYED = "replayed"
    """This number was used before."""
    LATE = "late"
    """Its round is closed."""
    EARLY = "early"
    """Its round is further ahead than anyone honest would send."""
    OTHER_EPOCH = "other epoch"
    """It belongs to circuits that are not in use here."""
    NO_CIRCUITS = "no circuits"
    """Its circuits are not known here, or no longer."""
    FULL = "full"
    """A bound on sessions, rows or bytes is reached."""
    BUSY = "busy"
    """Too many handshakes at once; who wants one comes again."""
    UNEXPECTED = "unexpected"
    """Well formed, but not from this neighbour or not at this time."""
    CLOCK = "clock"
    """A round more than a minute from this mix's own clock."""
    REFUSED = "refused"
    """A signed list or a batch that the rules do not allow."""


Drops = Counter[Drop]
"""How often each reason came up."""


class PymixError(Exception):
    """Base of every error that the project raises on purpose."""


class ConfigError(PymixError):
    """A file, option or address that a person wrote cannot be used as it is."""


class CallError(PymixError):
    """A call could not be made, or did not go on."""


class SoundError(PymixError):
    """A recording, codec or sound device cannot be used."""


class BadCell(PymixError):
    """Bytes from the network that are not what they should be.

    Args:
        reason: what is counted; the only thing that is ever told of it.
    """

    def __init__(self, reason: Drop) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Misuse(PymixError):
    """Our own code broke a rule that must hold, such as sealing twice in one round."""
