"""What an audit found: a row for each attack on each variant, as figures tell it.

Must not know: how recordings were made, how attacks work, how figures are shown.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pymix_voice.lab.audit.attack import Attack, caught
from pymix_voice.lab.audit.guesses import Guess, Judged, judge
from pymix_voice.lab.processes import Told
from pymix_voice.onion.dice import Dice

Guesses = Mapping[str, Sequence[Guess]]
"""By attack: what it guessed in each recording."""


class Row(NamedTuple):
    """One attack on one variant, over all its recordings.

    Attributes:
        name: of the attack.
        watcher: who can do it.
        variant: which build, and where it was recorded.
        seconds: how long each recording was watched.
        judged: how well it did.
        caught: whether that is beyond luck, allowing for all attacks on this variant.
    """

    name: str
    watcher: str
    variant: str
    seconds: float
    judged: Judged
    caught: bool

    def told(self) -> Told:
        """As an object of plain values."""
        found = self.judged
        return {
            "name": self.name,
            "watcher": self.watcher,
            "variant": self.variant,
            "seconds": round(self.seconds, 1),
            "success": round(found.success, 4),
            "null": round(found.null, 4),
            "advantage": round(found.advantage, 4),
            "ci": [round(found.low, 4), round(found.high, 4)],
            "p": round(found.p, 5),
            "n": found.n,
            "entropy_bits": round(found.entropy, 3),
            "anonymity_set": round(found.anonymity_set, 2),
            "caught": self.caught,
        }


def rows_of(
    variant: str, seconds: float, attacks: Sequence[Attack], guesses: Guesses, dice: Dice
) -> list[Row]:
    """Judge all attacks on one variant; those that had nothing to guess have no row.

    Args:
        variant: its name.
        seconds: how long each recording was watched.
        attacks: in the order of the rows.
        guesses: by attack.
        dice: for shuffles and ties.
    """
    judged: dict[str, Judged] = {}
    for attack in attacks:
        found = judge(guesses.get(attack.name, ()), dice.fork(f"{variant} {attack.name}"))
        if found is not None:
            judged[attack.name] = found
    verdicts = caught(judged)
    watchers = {attack.name: str(attack.watcher) for attack in attacks}
    return [
        Row(name, watchers[name], variant, seconds, found, verdicts[name])
        for name, found in judged.items()
    ]
