"""Whose door is gone when somebody else's is?

The last mix knows the addresses it has heard of, and so sees in which epochs each of them can be
found. If being in a call took a door away, it would see who is in a call; and whose doors are gone
in the same epochs talk with each other.

Source: the design, section "Why two circuits"; in idea, Kedogan, Agrawal and Penz, "Limits of
Anonymity in Open Environments", IH 2002.

Must not know: how a recording was made.
"""

import numpy as np
from numpy.typing import NDArray

from pymix_voice.lab.audit.attack import Attack, Recording, Watcher
from pymix_voice.lab.audit.attacks.pairs import callees
from pymix_voice.lab.audit.attacks.series import Matrix
from pymix_voice.lab.audit.guesses import Linking, Telling
from pymix_voice.onion.dice import Dice


def _gone(recording: Recording) -> NDArray[np.bool_] | None:
    """Whose door is gone in which epoch, bool [clients, epochs]; no door at all is not gone."""
    if recording.insiders is None or not recording.insiders.epochs:
        return None
    clients = np.arange(len(recording.capture.clients))
    gone = [~np.isin(clients, epoch.doors) for epoch in recording.insiders.epochs]
    whole = np.stack(gone, axis=1)
    return whole & ~whole.all(axis=1, keepdims=True)


def guess_pairs(recording: Recording, dice: Dice) -> Linking | None:
    """For each caller, whose door is gone in the same epochs."""
    gone = _gone(recording)
    if gone is None:
        return None
    # An epoch in which few doors are gone tells more of those few.
    share = np.clip(gone.mean(axis=0), 1 / len(gone), 1.0)
    is_gone = gone.astype(np.float64)
    both = (is_gone * -np.log(share)) @ is_gone.T
    alone = is_gone @ (1 - is_gone).T
    scores: Matrix = both - alone - alone.T
    # Whose door is never gone is like all others of that sort.
    ever = is_gone.sum(axis=1, keepdims=True) > 0
    return callees(recording, np.where(ever, scores, 0.0))


def guess_talking(recording: Recording, dice: Dice) -> Telling | None:
    """For each client and epoch, whether its door is gone."""
    gone = _gone(recording)
    if gone is None or recording.insiders is None:
        return None
    epochs = recording.insiders.epochs
    talking = np.array(
        [
            [recording.truth.talking(client, epoch.begin, epoch.end) > 0.5 for epoch in epochs]
            for client in range(len(gone))
        ],
        np.bool_,
    )
    if not talking.any() or talking.all():
        return None
    owners = np.repeat(np.arange(len(gone)), len(epochs))
    # Who talks has dialed, or was dialed, an epoch before.
    before = np.pad(gone, ((0, 0), (1, 0)))[:, :-1]
    return Telling((gone * (1.0 + before)).ravel(), talking.ravel(), owners)


PAIRS = Attack(
    name="doors",
    watcher=Watcher.INSIDE,
    wants="with whom each caller talks",
    way="See at the last mix whose doors are gone in the same epochs.",
    source="Kedogan, Agrawal and Penz, Limits of Anonymity in Open Environments, 2002",
    guess=guess_pairs,
)
TALKING = Attack(
    name="doors-talking",
    watcher=Watcher.INSIDE,
    wants="whether a client is in a call",
    way="See at the last mix in which epochs a known address cannot be found.",
    source="Kedogan, Agrawal and Penz, Limits of Anonymity in Open Environments, 2002",
    guess=guess_talking,
)
