"""Attacks on recordings of a zone, one family a file.

Must not know: how a recording was made.
"""

from pymix_voice.lab.audit.attack import Attack
from pymix_voice.lab.audit.attacks import (
    changes,
    correlation,
    disclosure,
    doors,
    garbling,
    likelihood,
    losses,
    reconnects,
    rows,
    sizes,
    skew,
    talking,
    watermarks,
)

ATTACKS: tuple[Attack, ...] = (
    correlation.ATTACK,
    likelihood.ATTACK,
    changes.ATTACK,
    disclosure.ATTACK,
    losses.ATTACK,
    watermarks.DELAY,
    watermarks.DROP,
    sizes.ATTACK,
    talking.ATTACK,
    reconnects.ATTACK,
    skew.ATTACK,
    rows.ORDER,
    rows.FILLER,
    rows.REPLAYED,
    doors.PAIRS,
    doors.TALKING,
    garbling.ATTACK,
)
"""All of them, those from outside first."""
