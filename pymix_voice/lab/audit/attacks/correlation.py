"""Whose traffic moves as another's does, some time later.

All links are cut into bins of several widths; counts, bytes and instants within the round of each
two clients are correlated at all delays up to a second. What happens to all clients at once is
taken away first.

Sources: Levine, Reiter, Wang and Wright, "Timing Attacks in Low-Latency Mix Systems", FC 2004;
Danezis, "The Traffic Analysis of Continuous-Time Mixes", PET 2004.

Must not know: how a recording was made.
"""

from pymix_voice.lab.audit.attack import Attack, Recording, Watcher
from pymix_voice.lab.audit.attacks.pairs import MOST_LAG_S, best_of, callees, likeness
from pymix_voice.lab.audit.attacks.series import (
    Links,
    Matrix,
    against_others,
    averaged,
    bins_in,
    received,
    sent,
    summed,
    unit,
)
from pymix_voice.lab.audit.guesses import Linking
from pymix_voice.onion.dice import Dice

WIDTHS_S = (0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
LEAST_BINS = 8
"""Fewer are no series."""


def guess(recording: Recording, dice: Dice) -> Linking | None:
    """For each caller, whose series are most like its own."""
    up, down = sent(recording.capture), received(recording.capture)
    found: list[Matrix] = []
    for width_s in WIDTHS_S:
        if bins_in(up, width_s) < LEAST_BINS:
            continue
        most = int(MOST_LAG_S / width_s)
        for mine, theirs in zip(_kinds(up, width_s), _kinds(down, width_s), strict=True):
            found += [
                likeness(mine, theirs, most),  # what one sends comes out at the other
                likeness(mine, mine, most),  # or starts it to send
                likeness(theirs, theirs, 0),  # or both are sent alike
            ]
    return callees(recording, best_of(found)) if found else None


def _kinds(links: Links, width_s: float) -> list[Matrix]:
    """Counts, bytes, instants within the round."""
    kinds = (
        summed(links, width_s),
        averaged(links, width_s, links.common_sizes()),
        averaged(links, width_s, links.offsets()),
    )
    return [unit(against_others(kind)) for kind in kinds]


ATTACK = Attack(
    name="correlation",
    watcher=Watcher.OUTSIDE,
    wants="with whom each caller talks",
    way=(
        "Cut all links into short spans of time, and see whose number of datagrams, bytes or "
        "instants of sending rise and fall together, at any delay up to a second."
    ),
    source="Levine, Reiter, Wang and Wright, Timing Attacks in Low-Latency Mix Systems, 2004",
    guess=guess,
)
