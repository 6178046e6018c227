"""Is a client in a call? Cases of that question, and training that cannot cheat.

A case is one client in one window of time; windows are the same for all clients. Only windows in
which some talk while others do not are of use, for else the time alone would tell. What learns
from cases is never shown any client of a call of which it is then asked, and in each window those
who talk weigh as much as those who do not.

Source: Blum, Kalai and Langford, "Beating the Hold-Out: Bounds for K-Fold and Progressive
Cross-Validation", COLT 1999 (progressive validation).

Must not know: what is learnt from.
"""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from pymix_voice.lab.audit.attack import Recording
from pymix_voice.lab.audit.attacks.series import Matrix
from pymix_voice.lab.audit.guesses import Telling
from pymix_voice.onion.dice import Dice

FOLDS = 5
ONLY_LEARNT = 2
"""So many of these parts of all clients are never asked of."""
DIGITS = 9
"""Of scores; finer differences are those of reckoning."""
LEAST_OF_A_SORT = 2
"""Clients that talk, and that do not, in a window of use."""


class Cases(NamedTuple):
    """Clients in windows."""

    talking: NDArray[np.bool_]
    """bool [clients, windows], for more than half of the window; labels."""
    windows: NDArray[np.intp]
    """Which windows these are, by their number since the recording is attacked."""
    passing: NDArray[np.bool_]
    """Who is not asked about, bool [clients]: see `Truth`."""


class Learner(Protocol):
    """Learns from some clients, and is asked of others."""

    def __call__(
        self, learn: NDArray[np.intp], ask: NDArray[np.intp], cases: Cases, weights: Matrix
    ) -> Matrix:
        """Scores of the clients that are asked of.

        Args:
            learn: clients to learn from.
            ask: those to give scores for.
            cases: with the labels, of which only those of `learn` may be looked at.
            weights: float64 [clients, windows] of the cases to learn from.

        Returns:
            float64 [clients asked of, windows].
        """
        ...


def cases_of(recording: Recording, width_s: float) -> Cases:
    """All cases in windows of one width; none where there are no windows of use."""
    capture = recording.capture
    count = int((capture.end - capture.begin) / width_s + 1e-9)
    begins = capture.begin + width_s * np.arange(count)
    shares = np.zeros((len(capture.clients), count))
    for call in recording.truth.calls:
        overlap = np.minimum(begins + width_s, call.end) - np.maximum(begins, call.begin)
        shares[list(call[:2])] += np.maximum(overlap, 0.0) / width_s
    talking = shares > 0.5
    yes = talking.sum(axis=0)
    both = (yes >= LEAST_OF_A_SORT) & (len(talking) - yes >= LEAST_OF_A_SORT)
    passing = np.zeros(len(talking), np.bool_)
    passing[list(recording.truth.passing)] = True
    return Cases(talking[:, both], np.flatnonzero(both), passing)


def telling(
    cases: Cases, scores: Matrix, clients: NDArray[np.intp] | None = None
) -> Telling | None:
    """The guess, from scores [clients, windows]; None where there are no cases of both sorts.

    Args:
        cases: with the labels.
        scores: of the clients that were asked of.
        clients: who these are; all of them if None.
    """
    asked = np.arange(len(cases.talking)) if clients is None else clients
    kept = ~cases.passing[asked]
    asked, scores = asked[kept], scores[kept]
    labels = cases.talking[asked]
    if not labels.any() or labels.all():
        return None
    return Telling(scores.ravel(), labels.ravel(), np.repeat(asked, labels.shape[1]))


def learnt(recording: Recording, cases: Cases, learner: Learner, dice: Dice) -> Telling | None:
    """The guess of a learner that is asked of some clients, then learns from them, and so on.

    So no score depends on labels that it is judged by, nor on scores that do: were each part of
    the clients asked of after learning from all others, chance would look like success too often.
    """
    folds = _folds(recording, len(cases.talking), dice)
    asked: list[NDArray[np.intp]] = []
    scores: list[Matrix] = []
    for fold in range(ONLY_LEARNT, FOLDS):
        learn, ask = np.flatnonzero(folds < fold), np.flatnonzero(folds == fold)
        labels = cases.talking[learn]
        if ask.size and labels.any() and not labels.all():
            asked.append(ask)
            # Folds learnt from different shares of talkers: only the order within one counts.
            scores.append(_ranks(learner(learn, ask, cases, _weights(cases.talking, learn))))
    return telling(cases, np.concatenate(scores), np.concatenate(asked)) if asked else None


def _folds(recording: Recording, clients: int, dice: Dice) -> NDArray[np.intp]:
    """In which fold each client is; those who call each other, or the same one, are in one."""
    company = np.arange(clients)
    for call in recording.truth.calls:
        one, other = company[call.caller], company[call.callee]
        company[company == other] = one
    names, members = np.unique(company, return_inverse=True)
    places = np.empty(len(names), np.intp)
    talkers = np.zeros(len(names), np.bool_)
    for call in recording.truth.calls:
        talkers[members[call.caller]] = True
    order = dice.order(len(names))
    # Those who call are dealt out first, so that each fold has its share of them.
    places[order[np.argsort(~talkers[order], kind="stable")]] = np.arange(len(names)) % FOLDS
    return np.asarray(places[members], np.intp)


def _weights(talking: NDArray[np.bool_], learn: NDArray[np.intp]) -> Matrix:
    """In each window both sorts weigh the same, if there are both to learn from; else nothing."""
    labels = talking[learn]
    yes, all_of_them = labels.sum(axis=0), len(labels)
    each = np.where(labels, 1 / np.maximum(yes, 1), 1 / np.maximum(all_of_them - yes, 1))
    weights = np.zeros(talking.shape)
    weights[learn] = each * ((yes > 0) & (yes < all_of_them))
    return weights


def _ranks(scores: Matrix) -> Matrix:
    from scipy.stats import rankdata

    ranks = np.asarray(rankdata(np.round(scores, DIGITS)), np.float64).reshape(scores.shape)
    return (ranks - 0.5) / max(1, scores.size)
