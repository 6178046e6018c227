"""Is a client in a call, by the sizes of its datagrams alone?

Every second of a link is a handful of sizes, in each direction. How often each size comes in calls
and out of them is learnt from some clients (naive Bayes), and others are then judged by it.

Sources: Wright, Ballard, Monrose and Masson, "Language Identification of Encrypted VoIP Traffic",
USENIX Security 2007; Sun et al., "Statistical Identification of Encrypted Web Browsing Traffic",
S&P 2002.

Must not know: how a recording was made.
"""

import numpy as np
from numpy.typing import NDArray

from pymix_voice.lab.audit.attack import Attack, Recording, Watcher
from pymix_voice.lab.audit.attacks.cases import Cases, cases_of, learnt
from pymix_voice.lab.audit.attacks.series import Links, Matrix, received, sent, summed
from pymix_voice.lab.audit.guesses import Telling
from pymix_voice.onion.dice import Dice

WIDTH_S = 1.0
MOST_SIZES = 24
"""Of one direction; rarer ones count as one."""


def guess(recording: Recording, dice: Dice) -> Telling | None:
    """For each client and second, how much likelier its sizes are in a call."""
    capture = recording.capture
    cases = cases_of(recording, WIDTH_S)
    found = [*_counts(sent(capture)), *_counts(received(capture))]
    if not found:
        return None
    counts = np.stack(found, axis=2)[:, cases.windows]

    def learner(
        learn: NDArray[np.intp], ask: NDArray[np.intp], cases: Cases, weights: Matrix
    ) -> Matrix:
        mine, labels = counts[learn] * weights[learn][:, :, None], cases.talking[learn]
        likely = [1e-3 + mine[labels == sort].sum(axis=0) for sort in (True, False)]
        shares = [each / each.sum() for each in likely]
        return np.asarray(counts[ask] @ np.log(shares[0] / shares[1]), np.float64)

    return learnt(recording, cases, learner, dice)


def _counts(links: Links) -> list[Matrix]:
    """How many datagrams of each size, [clients, windows] each."""
    values, owners = np.unique(links.sizes, return_inverse=True)
    common = np.argsort(np.bincount(owners, minlength=len(values)))[::-1][:MOST_SIZES]
    counts = [summed(links, WIDTH_S, (owners == each).astype(np.float64)) for each in common]
    rest = summed(links, WIDTH_S) - np.sum(counts, axis=0) if counts else None
    return [*counts, rest] if rest is not None and rest.any() else counts


ATTACK = Attack(
    name="sizes",
    watcher=Watcher.OUTSIDE,
    wants="whether a client is in a call",
    way=(
        "Learn which sizes of datagrams come in calls and which out of them, and judge every "
        "second of other clients' links by that."
    ),
    source="Wright, Ballard, Monrose and Masson, Language Identification of Encrypted VoIP, 2007",
    guess=guess,
)
