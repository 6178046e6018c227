"""Is a client in a call, by when it says hello, falls silent or starts a session anew?

If a client reconnected because a call went badly, or to begin one, its hellos would show it. In
each epoch count the datagrams of sizes that are rare in the whole zone, and the times when
nothing is sent for a while.

Source: the design's rule that reconnecting depends on access links only; in idea, active attacks
on Herd's and Yodel's clients, Lazar, Gilad and Zeldovich, "Yodel", SOSP 2019.

Must not know: how a recording was made.
"""

import numpy as np
from numpy.typing import NDArray

from pymix_voice.lab.audit.attack import Attack, Recording, Watcher
from pymix_voice.lab.audit.attacks.cases import cases_of, telling
from pymix_voice.lab.audit.attacks.series import Links, received, sent, summed
from pymix_voice.lab.audit.guesses import Telling
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.access import HELLO_BYTES

WIDTH_S = 2.0
ORDINARY = 0.5
"""Sizes that more than this share of all clients have are no hellos."""
SILENCE_S = 0.4


def guess(recording: Recording, dice: Dice) -> Telling | None:
    """For each client and window, how many hellos and silences there are."""
    cases = cases_of(recording, WIDTH_S)
    links = sent(recording.capture), received(recording.capture)
    found = [
        summed(each, WIDTH_S, which(each).astype(np.float64))
        for each in links
        for which in (is_hello, ends_silence)
    ]
    return telling(cases, np.sum(found, axis=0)[:, cases.windows])


def is_hello(links: Links) -> NDArray[np.bool_]:
    """Which datagrams are as long as a hello, or as few clients' are, bool [n]."""
    values, kinds = np.unique(links.sizes, return_inverse=True)
    have = np.zeros((len(values), links.clients), np.bool_)
    have[kinds, links.owners] = True
    rare = have.mean(axis=1) <= ORDINARY
    return np.asarray(rare[kinds] | (links.sizes == HELLO_BYTES), np.bool_)


def ends_silence(links: Links) -> NDArray[np.bool_]:
    """Before which datagrams nothing was sent for a while, bool [n]."""
    same = np.diff(links.owners, prepend=-1) == 0
    return np.asarray(same & (np.diff(links.at, prepend=0.0) > SILENCE_S), np.bool_)


ATTACK = Attack(
    name="reconnects",
    watcher=Watcher.OUTSIDE,
    wants="whether a client is in a call",
    way=(
        "Count hellos, new sessions and silences of every client, and take those who have many "
        "for clients in a call."
    ),
    source="Lazar, Gilad and Zeldovich, Yodel: Strong Metadata Security for Voice Calls, 2019",
    guess=guess,
)
