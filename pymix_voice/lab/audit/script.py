"""What people do in a life that is recorded: who calls whom, when; who comes and goes.

Must not know: what their clients are, who watches.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from pymix_voice.onion.dice import Dice


class Planned(NamedTuple):
    """One call.

    Attributes:
        caller: who dials.
        callee: who is dialed.
        dials: when, in seconds from the start of the life.
        answers: after ringing for so many seconds.
        hangs_up: when the caller does; inf for never.
    """

    caller: int
    callee: int
    dials: float
    answers: float
    hangs_up: float

    @property
    def lasts(self) -> bool:
        """Whether nobody ends it."""
        return self.hangs_up == float("inf")


@dataclass(frozen=True)
class Script:
    """What happens in a life; seconds from its start.

    Attributes:
        people: how many.
        calls: all of them.
        leaves: who leaves, and when.
        comes: who comes only then.
        ends: when the life ends.
    """

    people: int
    calls: tuple[Planned, ...]
    leaves: dict[int, float] = field(default_factory=dict)
    comes: dict[int, float] = field(default_factory=dict)
    ends: float = 24.0


def script(people: int, ends: float, dice: Dice) -> Script:
    """Half of them call each other; some of these hang up; a few others come and go."""
    pairs = max(1, round(0.3 * people))
    order = dice.order(people).tolist()
    calls = []
    for number in range(pairs):
        # Most of them in the first epoch, so that there is much to hear.
        epoch = (0, 0, 0, 1, 0, 2)[number % 6]
        dials = 4.0 * epoch + between(dice, 0.8, 1.9)
        hangs_up = between(dice, 17.0, ends) if number % 3 == 2 else float("inf")
        answers = between(dice, 0.3, 1.5)
        pair = order[2 * number], order[2 * number + 1]
        calls.append(Planned(*pair, dials, answers, hangs_up))
    idle = order[2 * pairs :]
    return Script(
        people,
        tuple(calls),
        {idle[0]: between(dice, 10.0, ends)} if idle else {},
        {idle[1]: between(dice, 5.0, 12.0)} if len(idle) > 1 else {},
        ends,
    )


def between(dice: Dice, low: float, high: float) -> float:
    """Somewhere from one to the other."""
    return low + (high - low) * dice.below(1 << 20) / (1 << 20)
