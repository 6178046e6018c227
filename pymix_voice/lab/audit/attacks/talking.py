"""Is a client in a call, by anything about the instants and sizes of its datagrams?

Every two seconds of a link are described by some thirty figures: how many datagrams, how far apart,
where in the round, how regular, how large, and how far each of this is from what is usual for that
client. A forest of small trees (gradient boosting) learns from some clients and judges others.

Sources: Friedman, "Greedy Function Approximation: A Gradient Boosting Machine", 2001; Hayes and
Danezis, "k-fingerprinting", USENIX Security 2016, for the sort of figures.

Must not know: how a recording was made.
"""

import numpy as np
from numpy.typing import NDArray

from pymix_voice.lab.audit.attack import Attack, Recording, Watcher
from pymix_voice.lab.audit.attacks.cases import Cases, cases_of, learnt
from pymix_voice.lab.audit.attacks.series import (
    Links,
    Matrix,
    bins_in,
    mean_where,
    received,
    sent,
    summed,
)
from pymix_voice.lab.audit.guesses import Telling
from pymix_voice.onion.dice import Dice

WIDTH_S = 2.0
TREES = 25
LEAVES = 6
LEVELS = 32
"""Into which each figure is sorted; trees look for thresholds between them."""
DIGITS = 4
"""Of figures in milliseconds or bytes; finer differences may be those of reckoning."""
POINTS = (0.0, 0.1, 0.5, 0.9, 1.0)
"""Quantiles of where in the round a client sends."""


def guess(recording: Recording, dice: Dice) -> Telling | None:
    """For each client and window, how much a forest takes it for a call."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    cases = cases_of(recording, WIDTH_S)
    links = sent(recording.capture), received(recording.capture)
    described = np.stack([each for link in links for each in _described(link)], axis=2)
    described = described[:, cases.windows]
    if not cases.windows.size:
        return None
    own = described - np.median(described, axis=1, keepdims=True)
    figures = _levels(np.concatenate([described, own], axis=2))
    seed = dice.below(1 << 31)

    def learner(
        learn: NDArray[np.intp], ask: NDArray[np.intp], cases: Cases, weights: Matrix
    ) -> Matrix:
        forest = HistGradientBoostingClassifier(
            max_iter=TREES,
            max_leaf_nodes=LEAVES,
            learning_rate=0.2,
            max_bins=LEVELS,
            random_state=seed,
        )
        width = figures.shape[2]
        forest.fit(
            figures[learn].reshape(-1, width),
            cases.talking[learn].ravel(),
            sample_weight=weights[learn].ravel(),
        )
        found = forest.decision_function(figures[ask].reshape(-1, width))
        return np.asarray(found, np.float64).reshape(len(ask), -1)

    with threadpool_limits(1):  # a library that was loaded just now is not limited yet
        return learnt(recording, cases, learner, dice)


def _levels(figures: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each figure's level among all cases, [clients, windows, figures]."""
    rough = np.round(figures, DIGITS)
    levels = np.zeros_like(rough)
    for edge in np.quantile(rough, np.arange(1, LEVELS) / LEVELS, axis=(0, 1)):
        levels += rough > edge
    return levels


def _described(links: Links) -> list[Matrix]:
    """All figures of one direction, in milliseconds or bytes, [clients, windows] each."""
    counts = summed(links, WIDTH_S)
    offsets, sizes = 1000 * links.offsets(), links.sizes.astype(np.float64)
    follows = np.diff(links.owners, prepend=-1) == 0
    round_ms = 1000 * links.round_s
    apart = np.where(follows, 1000 * np.diff(links.at, prepend=0.0), round_ms)
    before = np.where(follows, np.roll(offsets, 1), offsets)

    def mean(values: NDArray[np.float64]) -> Matrix:
        return mean_where(summed(links, WIDTH_S, values), counts)

    middle, size, far = mean(offsets), mean(sizes), mean(apart)
    return [
        counts,
        size,
        np.sqrt(np.maximum(mean(sizes**2) - size**2, 0.0)),
        mean((links.sizes != links.usual_size()).astype(np.float64)),
        far,
        np.sqrt(np.maximum(mean(apart**2) - far**2, 0.0)),
        mean((apart > 1.5 * round_ms).astype(np.float64)),
        mean((apart < 0.25 * round_ms).astype(np.float64)),
        middle,
        np.sqrt(np.maximum(mean(offsets**2) - middle**2, 0.0)),
        mean(np.abs(offsets - before)),
        mean(offsets * before),
        *_quantiles(links, offsets),
    ]


def _quantiles(links: Links, offsets: NDArray[np.float64]) -> list[Matrix]:
    """Of the instants within the round; 0 in windows with none."""
    bins = bins_in(links, WIDTH_S)
    windows = (links.at / WIDTH_S).astype(np.intp)
    places = links.owners * (bins + 1) + np.minimum(windows, bins)
    ordered = np.append(offsets[np.lexsort((offsets, places))], 0.0)
    edges = np.searchsorted(places, np.arange(links.clients * (bins + 1) + 1))
    counts = np.diff(edges)
    found = []
    for point in POINTS:
        at = edges[:-1] + (point * np.maximum(counts - 1, 0)).astype(np.intp)
        values = np.where(counts > 0, ordered[np.minimum(at, len(offsets))], 0.0)
        found.append(values.reshape(links.clients, bins + 1)[:, :bins])
    return found


ATTACK = Attack(
    name="idle-or-talking",
    watcher=Watcher.OUTSIDE,
    wants="whether a client is in a call",
    way=(
        "Describe every two seconds of a link by many figures of instants and sizes, let a "
        "forest of decision trees learn from some clients what calls look like, and ask it "
        "about the others."
    ),
    source="Friedman, Greedy Function Approximation: A Gradient Boosting Machine, 2001",
    guess=guess,
)
