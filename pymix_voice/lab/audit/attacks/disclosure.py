"""Who is active in the epochs in which a target is, more than at other times.

Over many epochs, those who act with a target stand out from the background of all others, however
many act in each. Every epoch of every link gives some figures of activity.

Sources: Kedogan, Agrawal and Penz, "Limits of Anonymity in Open Environments", IH 2002;
Danezis, "Statistical Disclosure Attacks", SEC 2003.

Must not know: how a recording was made.
"""

from pymix_voice.lab.audit.attack import Attack, Recording, Watcher
from pymix_voice.lab.audit.attacks.pairs import best_of, callees
from pymix_voice.lab.audit.attacks.series import (
    Links,
    Matrix,
    against_others,
    averaged,
    per_bin,
    received,
    sent,
    slots,
    summed,
    unit,
)
from pymix_voice.lab.audit.guesses import Linking
from pymix_voice.onion.dice import Dice

LEAST_EPOCHS = 3


def guess(recording: Recording, dice: Dice) -> Linking | None:
    """For each caller, who is active in the same epochs."""
    capture = recording.capture
    epochs = capture.epochs()
    if len(epochs) < LEAST_EPOCHS:
        return None
    span = epochs[0][0], epochs[-1][1]
    links = (sent(capture, span), received(capture, span))
    kinds = [kind for each in links for kind in _activity(each, capture.epoch_s)]
    alike = [unit(against_others(kind)) for kind in kinds]
    return callees(recording, best_of([kind @ kind.T for kind in alike]))


def _activity(links: Links, epoch_s: float) -> list[Matrix]:
    """Presence, hellos and other rare sizes, holes, instants within the round."""
    held = slots(links)
    return [
        summed(links, epoch_s),
        averaged(links, epoch_s, links.common_sizes()),
        per_bin(held.odd, links, epoch_s),
        per_bin(held.missing, links, epoch_s),
        averaged(links, epoch_s, links.offsets()),
    ]


ATTACK = Attack(
    name="disclosure",
    watcher=Watcher.OUTSIDE,
    wants="with whom each caller talks",
    way=(
        "Note epoch by epoch who is there, who says hello, whose datagrams are missing, odd or "
        "shifted, and see who is active just when a target is."
    ),
    source="Danezis, Statistical Disclosure Attacks, 2003; Kedogan, Agrawal and Penz, 2002",
    guess=guess,
)
