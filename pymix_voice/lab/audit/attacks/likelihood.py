"""How likely is what one client is sent, given what another sent?

Rounds in which a client sent nothing, or something of an unusual size, are causes; such rounds of
what others are sent are effects. If two talk, effects follow causes after a delay that is the same
for all pairs of a chain: of all delays the one is taken that makes all pairs together likeliest.

Source: Danezis, "The Traffic Analysis of Continuous-Time Mixes", PET 2004 (likelihood under the
law of the delay).

Must not know: how a recording was made.
"""

import numpy as np
from numpy.typing import NDArray

from pymix_voice.lab.audit.attack import Attack, Recording, Watcher
from pymix_voice.lab.audit.attacks.pairs import by_lag, callees, most_lag
from pymix_voice.lab.audit.attacks.series import Matrix, received, sent, slots
from pymix_voice.lab.audit.guesses import Linking
from pymix_voice.onion.dice import Dice

NEAR = 1
"""Effects may come so many rounds beside the delay: links jitter."""


def guess(recording: Recording, dice: Dice) -> Linking | None:
    """For each caller, for whom what it is sent is best explained by what the caller sent."""
    capture = recording.capture
    up, down = slots(sent(capture)), slots(received(capture))
    most = most_lag(capture.round_s, up.missing.shape[1])
    if most < 1:
        return None
    ratios = [
        _ratios(_widened(cause), effect.astype(np.float64), most)
        for cause in (up.missing, up.odd)
        for effect in (down.missing, down.odd)
    ]
    found = np.sum(ratios, axis=0)
    both = found + found.transpose(0, 2, 1)
    others = np.where(np.eye(len(capture.clients), dtype=np.bool_), -np.inf, both)
    likeliest = int(others.max(axis=2, initial=0.0).sum(axis=1).argmax())
    return callees(recording, both[likeliest])


def _widened(causes: NDArray[np.bool_]) -> Matrix:
    """Rounds near a cause."""
    near = causes.copy()
    for far in range(1, NEAR + 1):
        near[:, far:] |= causes[:, :-far]
        near[:, :-far] |= causes[:, far:]
    return near.astype(np.float64)


def _ratios(causes: Matrix, effects: Matrix, most: int) -> Matrix:
    """Log-likelihood ratios: effects are more frequent near causes, or as frequent as elsewhere.

    Returns:
        float64 [lags, clients, clients]; 0 where they are rarer.
    """
    together = by_lag(causes, effects, most)
    near = np.maximum(causes.sum(axis=1)[:, None], 1.0)
    usual = np.clip(effects.mean(axis=1)[None, :], 1e-4, 1 - 1e-4)
    share = np.clip(together / near, 1e-9, 1 - 1e-9)
    ratios = near * (
        share * np.log(share / usual) + (1 - share) * np.log((1 - share) / (1 - usual))
    )
    return np.where(share > usual, ratios, 0.0)


ATTACK = Attack(
    name="likelihood",
    watcher=Watcher.OUTSIDE,
    wants="with whom each caller talks",
    way=(
        "Note each round in which a client sent nothing or something unusual, and reckon for "
        "whom that best explains the unusual rounds on the way back, given the chain's delay."
    ),
    source="Danezis, The Traffic Analysis of Continuous-Time Mixes, 2004",
    guess=guess,
)
