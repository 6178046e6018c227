"""Many seeds, on all processors; each is a world of its own, and can be run again alone.

Must not know: how results are shown.
"""

import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median
from typing import NamedTuple

from pymix_voice.lab.processes import Told
from pymix_voice.lab.simulate.running import Outcome, run
from pymix_voice.lab.simulate.scenario import LEAST_S, draw

USUAL_S = 50.0
"""A seed's virtual time, if nobody says how many seeds there are to be."""
MOST_PEOPLE = 200


class Plan(NamedTuple):
    """What is to be run.

    Attributes:
        seed: the first; the others follow it.
        seeds: how many.
        seconds: virtual, of each; a tenth of them take somewhat longer.
        people: the most in one world.
    """

    seed: int
    seeds: int
    seconds: float
    people: int = MOST_PEOPLE

    def replay(self, seed: int) -> str:
        """The command that runs one of the seeds again."""
        people = "" if self.people == MOST_PEOPLE else f" --people {self.people}"
        hours = f"{self.seconds / 3600:.6f}".rstrip("0")
        return f"pymix-voice simulate --seed {seed} --seeds 1 --hours {hours}{people}"


def plan(hours: float, seeds: int | None, seed: int, people: int = MOST_PEOPLE) -> Plan:
    """Share virtual hours among seeds: whole seconds for each, enough to recover from faults."""
    count = seeds or max(1, round(hours * 3600 / USUAL_S))
    return Plan(seed, count, max(float(round(hours * 3600 / count)), LEAST_S), people)


def outcomes(planned: Plan, processes: int | None = None) -> Iterator[Outcome]:
    """What comes of each seed, as it comes; the order is not that of the seeds.

    Args:
        planned: what is to be run.
        processes: how many at once; as many as there are processors if not given.
    """
    tasks = [(planned, planned.seed + number) for number in range(planned.seeds)]
    count = min(processes or os.cpu_count() or 1, len(tasks))
    if count == 1:
        yield from map(_one, tasks)
        return
    with multiprocessing.get_context("spawn").Pool(count, _leave_to_parent) as pool:
        yield from pool.imap_unordered(_one, tasks)


def _leave_to_parent() -> None:
    """A person's Ctrl-C is for the process that shows results."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _one(task: tuple[Plan, int]) -> Outcome:
    planned, seed = task
    return run(draw(seed, planned.seconds, planned.people))


def summary(planned: Plan, found: Sequence[Outcome], real_s: float, *, whole: bool) -> Told:
    """All figures in one object.

    Args:
        planned: what was to be run.
        found: what came of those seeds that were.
        real_s: how long it took.
        whole: whether those were all.
    """
    faults: Counter[str] = Counter()
    for each in found:
        faults.update(each.faults)
    times = sorted(time for each in found for time in each.recovery_s)
    return {
        "bench": "simulate",
        "whole": whole,
        "first_seed": planned.seed,
        "seeds": len(found),
        "virtual_hours": round(sum(each.seconds for each in found) / 3600, 3),
        "real_s": round(real_s, 1),
        "people": sum(each.people for each in found),
        "rounds": sum(each.rounds for each in found),
        "calls": sum(each.calls for each in found),
        "frames_heard": sum(each.frames for each in found),
        "faults": dict(sorted(faults.items())),
        "recovery_s": {"p50": median(times), "max": times[-1], "n": len(times)} if times else None,
        "violations": [
            {
                "seed": each.seed,
                "rule": violation.rule,
                "at_s": violation.at,
                "sentence": violation.sentence,
                "replay": planned.replay(each.seed),
            }
            for each in sorted(found)
            for violation in each.violations
        ],
    }
