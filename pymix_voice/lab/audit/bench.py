"""The audit: lives of the healthy and of broken builds are recorded, and every attack tries them.

In full, real processes are recorded and attacked as well. Each life is lived and attacked in a
process of its own; what attacks guessed comes back, and is judged over all lives of a variant
together.

Must not know: how a life is recorded, how an attack works, how figures are shown.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from pymix_voice.lab.audit import limits
from pymix_voice.lab.audit.attack import Recording
from pymix_voice.lab.audit.attacks import ATTACKS
from pymix_voice.lab.audit.findings import Row, rows_of
from pymix_voice.lab.audit.guesses import Guess
from pymix_voice.lab.audit.limits import Limit
from pymix_voice.lab.audit.real import record_real
from pymix_voice.lab.audit.variants import BROKEN, HEALTHY, find
from pymix_voice.lab.audit.worlds import record
from pymix_voice.lab.pool import spread_out
from pymix_voice.onion.dice import Dice

SEED: Final = 1
HALVES: Final = (0.5, 1.0)
"""Shares of each recording that are attacked: more time, more chances."""
EIGHTHS: Final = (0.125, 0.25, 0.5, 1.0)
REAL: Final = "as it is, real"
"""The project as it is, as processes on this computer."""
SOUND: Final = frozenset({HEALTHY.name, REAL})
"""Where no attack may find anything out."""
REAL_PEOPLE: Final = 100
REAL_S: Final = 120.0
QUICK_TRIALS: Final = 400


class Life(NamedTuple):
    """One life to be recorded and attacked.

    Attributes:
        variant: which build.
        seed: of everything in it.
        shares: of the recording that are attacked.
    """

    variant: str
    seed: int
    shares: tuple[float, ...]


class Attacked(NamedTuple):
    """What came of one life.

    Attributes:
        life: which.
        seconds: how long it was watched, for each share.
        guesses: for each share, by attack.
    """

    life: Life
    seconds: tuple[float, ...]
    guesses: tuple[dict[str, Guess], ...]


@dataclass
class Found:
    """All that was found in one run.

    Attributes:
        whole: False if it was interrupted.
        attacked: every life.
        limits: what works anyway.
    """

    quick: bool
    whole: bool = False
    attacked: list[Attacked] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)


def lives(*, quick: bool, seed: int = SEED) -> list[Life]:
    """The healthy build more often than broken ones: what is not there is harder to show."""
    shares = HALVES if quick else EIGHTHS
    healthy, broken = (2, 1) if quick else (8, 2)
    seeds = range(seed, seed + healthy)
    return [Life(HEALTHY.name, each, shares) for each in seeds] + [
        Life(variant.name, each, shares) for variant in BROKEN for each in seeds[:broken]
    ]


def live(life: Life) -> Attacked:
    """Live one life, and attack it."""
    return attacked(life, record(find(life.variant), life.seed))


def attacked(life: Life, recording: Recording) -> Attacked:
    """Attack a recording."""
    dice = Dice.seeded(life.seed).fork(f"attacks on {life.variant}")
    parts = [recording.until(share) for share in life.shares]
    return Attacked(
        life,
        tuple(part.capture.end - part.capture.begin for part in parts),
        tuple(_guesses(part, dice) for part in parts),
    )


def _guesses(recording: Recording, dice: Dice) -> dict[str, Guess]:
    found = {attack.name: attack.guess(recording, dice.fork(attack.name)) for attack in ATTACKS}
    return {name: guess for name, guess in found.items() if guess is not None}


async def real(found: Found, seed: int, tell: Callable[[str], None]) -> None:
    """Record real processes on this computer, and attack the recording.

    Args:
        found: what comes of it is added.
        seed: of what people do, and of the network.
        tell: what a person is told meanwhile.

    Raises:
        ExceptionGroup: of `PartError`, if a part fails.
    """
    with TemporaryDirectory(prefix="pymix-audit-") as folder:
        recording = await record_real(Path(folder), REAL_PEOPLE, REAL_S, seed, tell)
    found.attacked.append(attacked(Life(REAL, seed, EIGHTHS), recording))


def audit(found: Found, plan: Sequence[Life], tell: Callable[[str], None]) -> Iterator[Life]:
    """Live and attack all, and give each life when it is done.

    Args:
        found: what comes of each is added to it.
        plan: which lives.
        tell: what a person is told meanwhile.
    """
    tell(f"{len(plan)} lives of a zone, each recorded and attacked")
    for one in spread_out(live, plan):
        found.attacked.append(one)
        yield one.life
    tell("what works anyway: dropping, n-1, the peer, the address")
    dice = Dice.seeded(plan[0].seed).fork("limits")
    found.limits = list(limits.measure(dice, QUICK_TRIALS if found.quick else limits.TRIALS))
    found.whole = True


def rows(found: Found) -> list[Row]:
    """All attacks on all variants, watched for the longest and for shorter times."""
    together: defaultdict[tuple[str, int], list[Attacked]] = defaultdict(list)
    for one in sorted(found.attacked, key=lambda each: each.life):
        for place in range(len(one.life.shares)):
            together[one.life.variant, place].append(one)
    out: list[Row] = []
    for (variant, place), some in together.items():
        guesses: defaultdict[str, list[Guess]] = defaultdict(list)
        for one in some:
            for name, guess in one.guesses[place].items():
                guesses[name].append(guess)
        dice = Dice.seeded(SEED).fork(f"share {place}")
        out += rows_of(variant, some[0].seconds[place], ATTACKS, guesses, dice)
    return out
