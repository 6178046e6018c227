"""Whose row is it, behind the honest mix?

The gateways know whose each row of the first mix is; the last mix knows which rows are joined. If
anything carries over from a row to the same row behind the honest mix, the two together know who
talks with whom. Three things might: its place, the rounds that it missed, and a cell that
was changed when a round was sent twice.

Sources: Chaum, "Untraceable Electronic Mail, Return Addresses, and Digital Pseudonyms", 1981
(order, and why nothing may pass twice); Lazar, Gilad and Zeldovich, "Yodel", SOSP 2019 (losses).

Must not know: how a recording was made.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pymix_voice.lab.audit.attack import Attack, Recording, Watcher
from pymix_voice.lab.audit.attacks.series import Matrix, unit
from pymix_voice.lab.audit.guesses import Linking
from pymix_voice.lab.audit.insiders import Epoch
from pymix_voice.onion.dice import Dice

Scorer = Callable[[Epoch], Matrix]
"""How likely each row at the last mix is each row of the first, float64 [lines out, lines in]."""


def guess(recording: Recording, dice: Dice, *, scorer: Scorer) -> Linking | None:
    """For each row at the last mix that is a client's, which row of the first mix it is."""
    if recording.insiders is None:
        return None
    tables, truths = [], []
    insiders = recording.insiders
    for epoch, truth in zip(insiders.epochs, insiders.truth_rows, strict=True):
        real = np.flatnonzero(truth >= 0)
        if len(epoch.rows) > 1 and real.size:
            tables.append(scorer(epoch)[real])
            truths.append(truth[real])
    return _stacked(tables, truths)


def _stacked(tables: list[Matrix], truths: list[NDArray[np.intp]]) -> Linking | None:
    """All epochs as one guess; where an epoch has fewer candidates, the others cannot be it."""
    if not tables:
        return None
    most = max(table.shape[1] for table in tables)
    wide = [
        np.pad(table, ((0, 0), (0, most - table.shape[1])), constant_values=-np.inf)
        for table in tables
    ]
    return Linking(np.concatenate(wide), np.concatenate(truths))


def by_place(epoch: Epoch) -> Matrix:
    """A row is likely where it was, or as far between first and last."""
    out, into = len(epoch.partners), len(epoch.rows)
    last = np.arange(out)[:, None] * 1.0
    first = np.arange(into)[None, :] * 1.0
    stretched = first * max(1, out - 1) / max(1, into - 1)
    return -np.minimum(np.abs(last - first), np.abs(last - stretched))


def by_filler(epoch: Epoch) -> Matrix:
    """A row is likely if what looks like filler is in the rounds that it missed."""
    missed = (~epoch.present).astype(np.float64)
    return np.asarray(_alike(epoch.evidence) @ _alike(missed).T, np.float64)


def _alike(rounds: NDArray[np.float64]) -> Matrix:
    """Each row over all rounds, without its mean and what all rows have in common."""
    rows = np.asarray(rounds, np.float64).T
    if not rows.size:
        return np.zeros(rows.shape)
    common = np.median(rows, axis=0, keepdims=True)
    own = rows - common
    return unit(own - own.mean(axis=1, keepdims=True))


def guess_replayed(recording: Recording, dice: Dice) -> Linking | None:
    """For each row that was changed when its round was sent again, where that was seen."""
    if recording.insiders is None:
        return None
    tables, truths = [], []
    insiders = recording.insiders
    for epoch, truth in zip(insiders.epochs, insiders.truth_rows, strict=True):
        for row, seen in epoch.replayed:
            right = np.flatnonzero(truth == row)
            if right.size:
                table = np.zeros((1, len(truth)))
                if seen >= 0:
                    table[0, seen] = 1.0
                tables.append(table)
                truths.append(right[:1])
    return _stacked(tables, truths)


WANTS = "whose a row behind the honest mix is"
ORDER = Attack(
    name="row-order",
    watcher=Watcher.INSIDE,
    wants=WANTS,
    way="Take it that rows leave the honest mix in the order in which they came.",
    source="Chaum, Untraceable Electronic Mail, Return Addresses, and Digital Pseudonyms, 1981",
    guess=partial(guess, scorer=by_place),
)
FILLER = Attack(
    name="filler",
    watcher=Watcher.INSIDE,
    wants=WANTS,
    way=(
        "Note which clients' cells did not come in time, and look behind the honest mix for rows "
        "that seem to hold filler in just these rounds."
    ),
    source="Lazar, Gilad and Zeldovich, Yodel: Strong Metadata Security for Voice Calls, 2019",
    guess=partial(guess, scorer=by_filler),
)
REPLAYED = Attack(
    name="replayed",
    watcher=Watcher.INSIDE,
    wants=WANTS,
    way=(
        "Send the honest mix one round twice, the second time with one row's cell changed, and "
        "see which row differs behind it."
    ),
    source="Chaum, Untraceable Electronic Mail, Return Addresses, and Digital Pseudonyms, 1981",
    guess=guess_replayed,
)
