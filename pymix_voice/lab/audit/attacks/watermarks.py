"""Whose link shows a pattern that was pressed upon another's.

An active observer delays or drops one client's datagrams in slots of its choice, and looks for
that pattern in what every other client is sent: in counts, sizes and instants within the round.

Sources: Wang, Chen and Jajodia, "Tracking Anonymous Peer-to-Peer VoIP Calls on the Internet", CCS
2005 (delays); Houmansadr, Kiyavash and Borisov, "RAINBOW", NDSS 2009; Yu et al., "DSSS-Based
Flow Marking", S&P 2007.

Must not know: how a recording was made.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np

from pymix_voice.lab.audit.attack import Attack, Recording, Watcher, Watermark
from pymix_voice.lab.audit.attacks.pairs import linked
from pymix_voice.lab.audit.attacks.series import (
    Links,
    Matrix,
    against_others,
    mean_where,
    received,
    unit,
)
from pymix_voice.lab.audit.guesses import Linking
from pymix_voice.onion.dice import Dice

LAGS_S = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
"""What comes of a slot may come so much later."""


def guess(recording: Recording, dice: Dice, *, drops: bool) -> Linking | None:
    """For each client that was struck while in a call, whose link shows it."""
    marks = [mark for mark in recording.watermarks if mark.drops == drops and len(mark.at)]
    down = received(recording.capture)
    sums = _sums(down)
    scores = np.zeros((len(recording.capture.clients),) * 2)
    pairs: list[tuple[int, int]] = []
    for mark in marks:
        shown = _shown(mark, down, sums, recording.capture.begin)
        scores[mark.client] = np.maximum(scores[mark.client], shown)
        pairs += [(mark.client, peer) for peer in _peers(recording, mark)]
    return linked(list(dict.fromkeys(pairs)), scores)


def _peers(recording: Recording, mark: Watermark) -> list[int]:
    """With whom the client was in a call while it was struck; only for labels."""
    begin, end = float(mark.at[0]), float(mark.at[-1]) + mark.slot_s
    calls = [call for call in recording.truth.calls if call.begin < end and call.end > begin]
    return [
        call.callee if call.caller == mark.client else call.caller
        for call in calls
        if mark.client in call[:2]
    ]


def _shown(mark: Watermark, down: Links, sums: Sequence[Matrix], begin: float) -> Matrix:
    """How much each client's link shows a mark, [clients]."""
    pattern = unit((mark.struck - mark.struck.mean())[None, :])[0]
    if not pattern.any():
        return np.zeros(down.clients)
    found = [
        np.abs(unit(against_others(series)) @ pattern)
        for lag_s in LAGS_S
        for series in _series(down, sums, mark.at - begin + lag_s, mark.slot_s)
    ]
    return np.asarray(np.max(found, axis=0), np.float64)


def _sums(down: Links) -> list[Matrix]:
    """Sums over the datagrams up to each: of ones, sizes, offsets and their squares, [n + 1]."""
    offsets = down.offsets()
    values = (np.ones(len(offsets)), down.sizes.astype(np.float64), offsets, offsets**2)
    return [np.concatenate([[0.0], np.cumsum(each)]) for each in values]


def _series(down: Links, sums: Sequence[Matrix], begins: Matrix, slot_s: float) -> list[Matrix]:
    """Counts, sizes, instants within the round and their spread in each slot."""
    # One search in the links of all clients, laid end to end.
    apart = 2 * (down.span_s + float(np.abs(begins).max()) + slot_s)
    whose = apart * np.arange(down.clients)[:, None]
    places = [
        np.searchsorted(down.at + apart * down.owners, whose + edges)
        for edges in (begins, begins + slot_s)
    ]
    counts, sizes, offsets, squares = (each[places[1]] - each[places[0]] for each in sums)
    mean = mean_where(offsets, counts)
    around = mean_where(squares, counts) - mean**2
    return [counts, mean_where(sizes, counts), mean, around]


DELAY = Attack(
    name="watermark-delay",
    watcher=Watcher.OUTSIDE,
    wants="with whom a client talks whose datagrams are held back",
    way=(
        "Delay one client's datagrams in a secret pattern, and look for the pattern in what "
        "all others are sent."
    ),
    source="Wang, Chen and Jajodia, Tracking Anonymous Peer-to-Peer VoIP Calls, 2005",
    guess=partial(guess, drops=False),
)
DROP = Attack(
    name="watermark-drop",
    watcher=Watcher.OUTSIDE,
    wants="with whom a client talks whose datagrams are dropped",
    way=(
        "Drop one client's datagrams in a secret pattern, and look for the pattern in what "
        "all others are sent."
    ),
    source="Yu, Fu, Graham, Xuan and Zhao, DSSS-Based Flow Marking Technique, 2007",
    guess=partial(guess, drops=True),
)
