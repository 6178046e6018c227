"""Whose link behaves otherwise in the epochs in which a row's cells are spoilt?

The last mix spoils all cells of some rows for an epoch. A client that then reconnects, falls
silent, or sends at other instants gives away that the row is its own.

Sources: Pfitzmann and Pfitzmann, "How to Break the Direct RSA-Implementation of Mixes", 1989, for
the idea of tagging; Lazar, Gilad and Zeldovich, "Yodel", SOSP 2019.

Must not know: how a recording was made.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pymix_voice.lab.audit.attack import Attack, Recording, Watcher
from pymix_voice.lab.audit.attacks.pairs import NOTHING
from pymix_voice.lab.audit.attacks.reconnects import ends_silence, is_hello
from pymix_voice.lab.audit.attacks.series import (
    Links,
    Matrix,
    mean_where,
    received,
    sent,
    slots,
    spread,
)
from pymix_voice.lab.audit.guesses import Telling
from pymix_voice.lab.audit.insiders import NOBODY
from pymix_voice.onion.dice import Dice

TALLEST = 50.0
"""Deviations; more is no more than that."""


def guess(recording: Recording, dice: Dice) -> Telling | None:
    """For each client and epoch, how much its link behaved as if its row were spoilt."""
    insiders = recording.insiders
    if insiders is None or not any(epoch.garbled for epoch in insiders.epochs):
        return None
    odd = _odd(recording)
    scores, labels, groups = [], [], []
    for place, (epoch, truth) in enumerate(zip(insiders.epochs, insiders.truth_rows, strict=True)):
        if not epoch.garbled:
            continue
        spoilt = [int(epoch.rows[truth[row]]) for row in epoch.garbled if truth[row] >= 0]
        here = np.unique(epoch.rows[epoch.rows != NOBODY])
        scores.append(odd[here, place])
        labels.append(np.isin(here, spoilt))
        groups.append(here)
    told = Telling(np.concatenate(scores), np.concatenate(labels), np.concatenate(groups))
    return told if told.truth.any() and not told.truth.all() else None


def _odd(recording: Recording) -> Matrix:
    """How far from its usual behaviour each client is in each epoch, [clients, epochs]."""
    capture, spans = recording.capture, _spans(recording)
    found = np.zeros((len(capture.clients), len(spans)))
    events = np.zeros_like(found)
    for links in (sent(capture), received(capture)):
        events += _total(links, spans, is_hello(links) | ends_silence(links))
        for kind in _figures(links, spans):
            own = kind - np.median(kind, axis=0, keepdims=True)
            own = np.abs(own - np.median(own, axis=1, keepdims=True))
            scale = spread(np.concatenate([own, -own]).ravel())
            if scale > NOTHING:
                found = np.maximum(found, np.minimum(own / scale, TALLEST))
    # What hardly ever happens says more than any figure that is always a little different.
    return found + TALLEST * (events > 0)


def _spans(recording: Recording) -> list[tuple[float, float]]:
    """Begin and end of each epoch, in seconds of the recording."""
    begin = recording.capture.begin
    epochs = recording.insiders.epochs if recording.insiders else ()
    return [(epoch.begin - begin, epoch.end - begin) for epoch in epochs]


def _total(links: Links, spans: Sequence[tuple[float, float]], values: NDArray[Any]) -> Matrix:
    """The sum of `values` of each client's datagrams in each span, [clients, spans]."""
    sums = []
    for begin, end in spans:
        part = (links.at >= begin) & (links.at < end)
        sums.append(np.bincount(links.owners[part], values[part], links.clients))
    return np.stack(sums, axis=1).astype(np.float64)


def _figures(links: Links, spans: Sequence[tuple[float, float]]) -> list[Matrix]:
    """Counts, instants within the round and their spread, and holes: [clients, spans] each."""
    offsets, missing = links.offsets(), slots(links).missing
    counts = _total(links, spans, np.ones(len(offsets)))
    mean = mean_where(_total(links, spans, offsets), counts)
    around = mean_where(_total(links, spans, offsets**2), counts) - mean**2
    edges = np.clip(np.array(spans) / links.round_s, 0, missing.shape[1]).astype(np.intp)
    holes = [missing[:, first:last].sum(axis=1) * 1.0 for first, last in edges.tolist()]
    return [counts, mean, np.sqrt(np.maximum(around, 0.0)), np.stack(holes, axis=1)]


ATTACK = Attack(
    name="garbling",
    watcher=Watcher.INSIDE,
    wants="whose rows behind the honest mix were spoilt",
    way=(
        "Spoil all cells of some rows for an epoch, and see whose links behave otherwise then: who "
        "reconnects, falls silent or sends at other instants."
    ),
    source="Pfitzmann and Pfitzmann, How to Break the Direct RSA-Implementation of Mixes, 1989",
    guess=guess,
)
