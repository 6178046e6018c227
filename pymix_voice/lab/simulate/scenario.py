"""A scenario: a zone, its people and links, what people do and what goes wrong, all from one seed.

Small worlds most of the time: they are quick, and what goes wrong in large ones mostly does in
small ones. Faults end some time before the run does, so that everything can recover.

Must not know: how a world is run, what must hold in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple, TypeVar

from pymix_voice.geometry import Geometry
from pymix_voice.lab.clocked import Rate
from pymix_voice.lab.network import Law
from pymix_voice.lab.profiles import PROFILES
from pymix_voice.onion.dice import Dice

BEGIN_S = 9.0
"""The first calls are made so long after the world's beginning: by then there are rows."""
CALM_S = 24.0
"""So long before the end of a run the last fault is over: clients whose gateway was gone look for
it again within some 10 s, and have rows two epochs later."""
LONG_CALM_S = 75.0
"""Sometimes: so that people who are left alone in a call, or ring for ever, are told."""
LEAST_S = BEGIN_S + CALM_S + 8.0
_NAMES = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy")

Thing = TypeVar("Thing")


class Draw:
    """Draws from dice, in the words of a scenario."""

    def __init__(self, dice: Dice) -> None:
        self.dice = dice

    def between(self, low: float, high: float) -> float:
        """A number."""
        return low + (high - low) * self.dice.below(1 << 32) / (1 << 32)

    def whole(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + self.dice.below(high - low + 1)

    def pick(self, things: Sequence[Thing]) -> Thing:
        """One of them."""
        return things[self.dice.below(len(things))]

    def chance(self, share: float) -> bool:
        """True so often."""
        return self.dice.chance(share)


class Do(StrEnum):
    """What people do."""

    DIAL = "dial"
    HANG_UP = "hang up"
    MUTE = "mute"
    LEAVE = "leave"


class Act(NamedTuple):
    """Somebody does something, so many seconds after the beginning."""

    at: float
    who: str
    what: Do
    whom: str = ""
    seconds: float = 0.0
    """How long it lasts."""


class Kind(StrEnum):
    """What goes wrong."""

    PARTITION = "partition"
    CONTROL = "control"
    CRASH = "crash"
    STALL = "stall"
    CLOCK = "clock"
    JUNK = "junk"
    REPLAY = "replay"
    ROAM = "roam"


class Fault(NamedTuple):
    """Something goes wrong, so many seconds after the beginning, and for so long."""

    at: float
    kind: Kind
    seconds: float
    names: tuple[str, ...]
    """Of parts; two of them are the ends of a link, where links are what goes wrong."""
    amount: float = 0.0
    """By how many seconds a clock is wrong afterwards, or how many datagrams come a second."""


class Guest(NamedTuple):
    """A person, and how they take calls."""

    name: str
    joins_at: float
    gateway: int
    worker: int
    strangers: bool
    answers: float
    """The share of calls that they accept; the rest they decline."""


@dataclass(frozen=True)
class Scenario:
    """All of a run that is not the seed's dice themselves."""

    seed: int
    seconds: float
    calm_s: float
    mixes: int
    gateways: int
    workers: int
    clients: int
    access: Law
    chain: Law
    guests: tuple[Guest, ...]
    contacts: bool
    """Whether people know each other."""
    rates: dict[str, Rate] = field(default_factory=dict)
    acts: tuple[Act, ...] = ()
    faults: tuple[Fault, ...] = ()


def parts_of(mixes: int, gateways: int, workers: int) -> tuple[list[str], list[str]]:
    """The names of mixes, and of gateways' workers, as a world has them."""
    numbered = [
        f"gateway{number + 1}" + (f".{worker + 1}" if worker else "")
        for number in range(gateways)
        for worker in range(workers)
    ]
    return [f"mix{number + 1}" for number in range(mixes)], numbered


def draw(seed: int, seconds: float, most_people: int = 200) -> Scenario:
    """The scenario of a seed.

    Args:
        seed: everything follows from it.
        seconds: how long it is, virtual; somewhat longer now and then, and never shorter than
            `LEAST_S`.
        most_people: in the zone.
    """
    dice = Dice.seeded(seed).fork("scenario")
    take = Draw(dice.fork("zone"))
    calm_s = LONG_CALM_S if take.chance(0.1) else CALM_S
    seconds = max(seconds, LEAST_S) + calm_s - CALM_S
    mixes, gateways = take.whole(1, 5), take.pick((1, 1, 1, 2, 3))
    workers = take.pick((1, 1, 1, 2))
    people = min(most_people, _population(take))
    access, chain = _laws(Draw(dice.fork("laws")))
    guests = _guests(Draw(dice.fork("people")), people, gateways, workers)
    # Places for those who come back before their old session is forgotten.
    clients = (2 * -(-people // (gateways * workers)) + 2) * gateways * workers
    mix_names, gateway_names = parts_of(mixes, gateways, workers)
    parts = [*mix_names, *gateway_names, *(guest.name for guest in guests)]
    until = seconds - calm_s
    epoch_s = Geometry(mixes, clients).epoch_s
    faults = _faults(Draw(dice.fork("faults")), mix_names, gateway_names, guests, until)
    return Scenario(
        seed,
        seconds + 2 * max(0.0, epoch_s - 4.0),
        calm_s + 2 * max(0.0, epoch_s - 4.0),
        mixes,
        gateways,
        workers,
        clients,
        access,
        chain,
        guests,
        take.chance(0.5),
        _rates(Draw(dice.fork("clocks")), parts),
        _acts(Draw(dice.fork("acts")), guests, until),
        faults,
    )


def _population(take: Draw) -> int:
    size = take.between(0, 1)
    if size < 0.7:
        return take.whole(2, 4)
    if size < 0.93:
        return take.whole(5, 10)
    return take.whole(11, 30) if size < 0.99 else take.whole(31, 200)


def _laws(take: Draw) -> tuple[Law, Law]:
    """Of access links and of the chain's."""
    if take.chance(0.3):
        profile = take.pick(list(PROFILES.values()))
        return profile.access, profile.chain
    if take.chance(0.3):
        return Law(), Law()
    loss = take.pick((0.0, 0.001, 0.01, 0.05))
    access = Law(
        delay=take.between(0.0002, 0.08),
        jitter=take.between(0, 0.01),
        loss=loss,
        burst=take.pick((0.0, 0.0, 2.0, 4.0)),
        duplicate=take.pick((0.0, 0.02)),
        reorder=take.pick((0.0, 0.0, 0.03)),
        wait=take.pick((0.0, 0.0, 0.004)),
        rate=take.pick((float("inf"), float("inf"), 40_000.0)),
    )
    chain = Law(
        delay=take.between(0.0002, 0.04),
        jitter=take.between(0, 0.002),
        loss=take.pick((0.0, 0.0, 0.001)),
        duplicate=take.pick((0.0, 0.01)),
        reorder=take.pick((0.0, 0.0, 0.002)),
    )
    return access, chain


def _guests(take: Draw, people: int, gateways: int, workers: int) -> tuple[Guest, ...]:
    return tuple(
        Guest(
            _NAMES[number] if number < len(_NAMES) else f"guest{number}",
            take.between(0, 5) if take.chance(0.8) else take.between(5, 15),
            number % gateways,
            number // gateways % workers,
            take.chance(0.9),
            0.9,
        )
        for number in range(people)
    )


def _rates(take: Draw, parts: Sequence[str]) -> dict[str, Rate]:
    """Clocks of computers are off by some millionths; half of the worlds have perfect ones."""
    if take.chance(0.5):
        return {}
    return {
        name: Rate(take.between(0, 1e6), 1 + take.between(-1e-4, 1e-4))
        for name in parts
        if take.chance(0.6)
    }


def _acts(take: Draw, guests: Sequence[Guest], until: float) -> tuple[Act, ...]:
    names = [guest.name for guest in guests]
    acts = []
    count = take.whole(2, 4 + len(names) // 2)
    for at in sorted(take.between(BEGIN_S, until) for _ in range(count)):
        who = take.pick(names)
        whom = take.pick([name for name in names if name != who])
        what = take.pick((Do.DIAL, Do.DIAL, Do.DIAL, Do.DIAL, Do.HANG_UP, Do.MUTE, Do.LEAVE))
        away = min(take.between(0.5, 10), until - at)
        acts.append(Act(at, who, what, whom, away))
    # At least one call, early.
    first, second = names[0], names[1]
    return (Act(take.between(1, BEGIN_S), first, Do.DIAL, second), *acts)


def _faults(
    take: Draw,
    mixes: Sequence[str],
    gateways: Sequence[str],
    guests: Sequence[Guest],
    until: float,
) -> tuple[Fault, ...]:
    """None in a tenth of all worlds, a few in most."""
    people = [guest.name for guest in guests]
    chain = [(gateway, mixes[0]) for gateway in gateways]
    chain += list(pairwise(mixes))
    faults = []
    for _ in range(0 if take.chance(0.1) else take.whole(1, 5)):
        kind = take.pick(list(Kind))
        at = take.between(BEGIN_S - 4, until - 0.5)
        seconds = min(take.pick((0.05, 0.3, 1.0, 3.0, 8.0)) * take.between(0.8, 1.2), until - at)
        names: tuple[str, ...] = (take.pick([*mixes, *gateways, take.pick(people)]),)
        amount = 0.0
        match kind:
            case Kind.PARTITION:
                names = take.pick(chain)
                if take.chance(0.5):
                    guest = take.pick(guests)
                    names = (guest.name, "")
            case Kind.CONTROL:
                names = take.pick(chain)
            case Kind.CRASH:
                names = _crashing(take, mixes, gateways)
                amount = take.pick((0.0, 0.0, -20.0, 20.0))
                if names == (mixes[0],) and take.chance(0.3):
                    amount = -3600.0
            case Kind.CLOCK:
                names, amount = (take.pick(mixes),), take.pick((-3600.0, -45.0, 45.0, 3600.0))
            case Kind.JUNK | Kind.REPLAY:
                amount = take.pick((5.0, 50.0))
                seconds = min(seconds, 3.0)
            case Kind.ROAM:
                names = (take.pick(people),)
        faults.append(Fault(at, kind, max(0.0, seconds), names, amount))
    return tuple(sorted(faults))


def _crashing(take: Draw, mixes: Sequence[str], gateways: Sequence[str]) -> tuple[str, ...]:
    if take.chance(0.1):
        return tuple(mixes)
    names = [take.pick([*mixes, *gateways])]
    if take.chance(0.3):
        names.append(take.pick([*mixes, *gateways]))
    return tuple(dict.fromkeys(names))
