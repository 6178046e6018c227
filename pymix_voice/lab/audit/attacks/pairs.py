"""From scores of pairs of clients to a guess: for each caller, who is the callee?

Must not know: what the scores are made of.
"""

import numpy as np

from pymix_voice.lab.audit.attack import Recording
from pymix_voice.lab.audit.attacks.series import Matrix, spread
from pymix_voice.lab.audit.guesses import Linking

NOTHING = 1e-9
"""Differences below are those of reckoning."""


MOST_LAG_S = 1.0
"""From what one sends to what another is sent it takes no longer."""


def most_lag(round_s: float, rounds: int) -> int:
    """The same in rounds, as far as there are so many; below 1 if there are none to compare."""
    return min(round(MOST_LAG_S / round_s), rounds - 1)


def calls_in(recording: Recording) -> list[tuple[int, int]]:
    """Who calls whom while the recording is attacked; each pair once."""
    capture = recording.capture
    talking = [
        (call.caller, call.callee)
        for call in recording.truth.calls
        if call.begin < capture.end and call.end > capture.begin
    ]
    return list(dict.fromkeys(talking))


def callees(recording: Recording, scores: Matrix) -> Linking | None:
    """The guess for each caller.

    Args:
        recording: whose calls are the labels.
        scores: float64 [clients, clients], how likely the first talks with the second.

    Returns:
        None without calls. Nobody calls itself; and of several callees of one caller each is
        looked for without the others.
    """
    return linked(calls_in(recording), scores)


def linked(pairs: list[tuple[int, int]], scores: Matrix) -> Linking | None:
    """The same for given pairs of target and partner."""
    if not pairs:
        return None
    rows = np.array([scores[one] for one, _ in pairs], np.float64)
    for row, (one, other) in zip(rows, pairs, strict=True):
        row[one] = -np.inf
        row[[right for each, right in pairs if each == one and right != other]] = -np.inf
    return Linking(rows, np.array([other for _, other in pairs], np.intp))


def standing_out(scores: Matrix) -> Matrix:
    """How far each pair stands out from all others, in their deviations; 0 where none does.

    Who talks with whom is the same both ways, so both ways are added.
    """
    both = scores + scores.T
    others = ~np.eye(len(both), dtype=np.bool_)
    scale = spread(both[others])
    if scale <= NOTHING:
        return np.zeros_like(both)
    return np.asarray((both - float(np.median(both[others]))) / scale)


def best_of(found: list[Matrix]) -> Matrix:
    """For each pair what stands out most in any of several scores."""
    return np.asarray(np.max([standing_out(scores) for scores in found], axis=0))


def by_lag(first: Matrix, second: Matrix, most: int) -> Matrix:
    """Products of two clients' rows, the second client's 0 … `most` bins later.

    Args:
        first: float64 [clients, bins].
        second: likewise.
        most: the longest lag, in bins.

    Returns:
        float64 [lags, clients, clients].
    """
    clients, bins = first.shape
    later = np.pad(second, ((0, 0), (0, most)))
    # One product of two large matrices is far cheaper than one for each lag.
    shifted = np.lib.stride_tricks.sliding_window_view(later, bins, axis=1)
    products = shifted.reshape(-1, bins) @ first.T
    return products.reshape(clients, most + 1, clients).transpose(1, 2, 0)


def likeness(first: Matrix, second: Matrix, most: int) -> Matrix:
    """The highest correlation of two clients' rows at any lag, stretched near 1 (Fisher's z)."""
    best = by_lag(first, second, most).max(axis=0)
    return np.asarray(np.arctanh(np.clip(best, -0.999, 0.999)))
