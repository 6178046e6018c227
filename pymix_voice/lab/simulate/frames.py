"""Rule: a frame is heard by the person it was said to, by nobody else, at most once, in order.

Must not know: how frames travel.
"""

from bisect import bisect_left
from collections.abc import Sequence

from pymix_voice.client.states import Heard
from pymix_voice.lab.cast import Person
from pymix_voice.lab.simulate.observed import Rule

Pair = tuple[str, str]


class Frames(Rule):
    """Whom each frame was said to, and who heard it."""

    name = "frames"

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, dict[int, bytes]] = {}
        self._heard: dict[Pair, list[tuple[int, int]]] = {}

    def spoke(self, talker: Person, index: int) -> None:
        """Note whose it is."""
        call = talker.machine.phone.call
        if call is not None:
            self._said.setdefault(talker.name, {})[index] = call.peer

    def heard(self, hearer: Person, heard: Sequence[Heard]) -> None:
        """Look whose they are."""
        for each in heard:
            if not each.frame:
                continue
            words = each.frame.split(b" ", 2)
            if len(words) != 3 or not words[1].isdigit():
                self.broken(f"{hearer.name} heard what nobody said")
                continue
            self._check(hearer, words[0].decode(), int(words[1]), each.number)

    def _check(self, hearer: Person, talker: str, index: int, number: int) -> None:
        meant = self._said.get(talker, {}).get(index)
        if meant != hearer.identity.key.public:
            self.broken(f"{hearer.name} heard frame {index} of {talker}, said to somebody else")
        rounds = self._heard.setdefault((hearer.name, talker), [])
        at = bisect_left(rounds, (number, index))
        before, after = rounds[at - 1 : at] if at else [], rounds[at : at + 1]
        if any(other == number or place == index for other, place in before + after):
            self.broken(f"{hearer.name} heard frame {index} of {talker} twice, in round {number}")
        elif any(place > index for _, place in before) or any(place < index for _, place in after):
            self.broken(f"{hearer.name} heard frame {index} of {talker} out of order")
        rounds.insert(at, (number, index))
