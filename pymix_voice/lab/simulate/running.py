"""One seed: the world it describes is run, and all rules are asked.

Must not know: how many seeds there are, how results are shown.
"""

import traceback
from hashlib import blake2b
from typing import NamedTuple

from pymix_voice.lab.simulate.frames import Frames
from pymix_voice.lab.simulate.matrices import Matrices
from pymix_voice.lab.simulate.memory import Memory
from pymix_voice.lab.simulate.observed import Observed, Rule, Violation
from pymix_voice.lab.simulate.once import Headers, Nonces
from pymix_voice.lab.simulate.playing import Play
from pymix_voice.lab.simulate.recovery import Recovery
from pymix_voice.lab.simulate.scenario import Scenario
from pymix_voice.lab.simulate.secrets import Secrets
from pymix_voice.lab.simulate.wiped import Wiped


class Outcome(NamedTuple):
    """What came of one seed.

    Attributes:
        seed: of everything.
        seconds: virtual.
        rounds: matrices that mixes and gateways sealed.
        calls: in which both sides talked.
        frames: heard.
        people: how many there were.
        faults: how often each kind came.
        recovery_s: for each way of each call that was on at the end, how long after the last fault
            the last silence ended.
        violations: what did not hold.
        digest: of every datagram, with where from, where to and when.
    """

    seed: int
    seconds: float
    rounds: int
    calls: int
    frames: int
    people: int
    faults: dict[str, int]
    recovery_s: list[float]
    violations: list[Violation]
    digest: str


class Digest(Rule):
    """No rule: a fingerprint of all that was sent."""

    def __init__(self) -> None:
        super().__init__()
        self._hash = blake2b(digest_size=16)

    def sent(self, source: str, destination: str, datagram: bytes) -> None:
        """One more."""
        self._hash.update(f"{self.world.now!r} {source} {destination} ".encode() + datagram)

    @property
    def text(self) -> str:
        """In hexadecimal."""
        return self._hash.hexdigest()


def world_of(scenario: Scenario, rules: list[Rule]) -> Observed:
    """The world that a scenario begins with."""
    return Observed(
        rules,
        mixes=scenario.mixes,
        gateways=scenario.gateways,
        workers=scenario.workers,
        clients=scenario.clients,
        seed=scenario.seed,
        access=scenario.access,
        chain=scenario.chain,
        rates=scenario.rates,
    )


def run(scenario: Scenario) -> Outcome:
    """Run a scenario, and say what came of it. A part that raises has broken a rule, too."""
    recovery, digest = Recovery(), Digest()
    rules = [Frames(), Nonces(), Headers(), Matrices(), Wiped(), Memory(), Secrets()]
    world = world_of(scenario, [*rules, recovery, digest])
    play = Play(scenario, world)
    with world.recorded():
        try:
            world.run(scenario.seconds - scenario.calm_s)
            play.calm()
            recovery.calm()
            world.run(scenario.calm_s)
            violations = world.close()
        except Exception as error:  # whatever a part raises is what is looked for
            violations = [violation for rule in world.rules for violation in rule.violations]
            violations.append(_raised(error, world.now - world.began))
    return Outcome(
        scenario.seed,
        scenario.seconds,
        world.rounds,
        recovery.calls,
        world.frames_heard,
        len(scenario.guests),
        dict(play.faults),
        recovery.times,
        violations,
        digest.text,
    )


def _raised(error: Exception, at: float) -> Violation:
    where = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{where.filename.rpartition('/')[2]}, line {where.lineno}"
    return Violation("raised", round(at, 3), f"{type(error).__name__} in {place}: {error}")
