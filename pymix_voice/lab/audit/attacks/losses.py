"""Whose losses show in what another is sent.

A datagram of one client that was not sent, or never arrived, is a hole in what its peer is
sent, if nothing stands in for it. Each two clients' patterns of holes are compared at the
delay at which all pairs together are most alike.

Source: the observation of Lazar, Gilad and Zeldovich, "Yodel", SOSP 2019, that losses on the
links of clients must not be seen behind a mix.

Must not know: how a recording was made.
"""

import numpy as np
from numpy.typing import NDArray

from pymix_voice.lab.audit.attack import Attack, Recording, Watcher
from pymix_voice.lab.audit.attacks.pairs import by_lag, callees, most_lag
from pymix_voice.lab.audit.attacks.series import Matrix, against_others, received, sent, slots, unit
from pymix_voice.lab.audit.guesses import Linking
from pymix_voice.onion.dice import Dice


def guess(recording: Recording, dice: Dice) -> Linking | None:
    """For each caller, whose holes are most like its own."""
    capture = recording.capture
    up, down = slots(sent(capture)), slots(received(capture))
    most = most_lag(capture.round_s, up.missing.shape[1])
    if most < 1:
        return None
    products = by_lag(_pattern(up.missing), _pattern(down.missing), most)
    # Jitter may move a hole to the next round.
    near = products + np.pad(products, ((0, 1), (0, 0), (0, 0)))[1:]
    both = near + near.transpose(0, 2, 1)
    others = np.where(np.eye(len(capture.clients), dtype=np.bool_), -np.inf, both)
    likeliest = int(others.max(axis=2, initial=0.0).sum(axis=1).argmax())
    return callees(recording, both[likeliest])


def _pattern(missing: NDArray[np.bool_]) -> Matrix:
    return unit(against_others(missing.astype(np.float64)))


ATTACK = Attack(
    name="loss-pattern",
    watcher=Watcher.OUTSIDE,
    wants="with whom each caller talks",
    way=(
        "Compare the rounds in which a client's datagram was missing or got lost with the rounds "
        "in which somebody is sent nothing."
    ),
    source="Lazar, Gilad and Zeldovich, Yodel: Strong Metadata Security for Voice Calls, 2019",
    guess=guess,
)
