"""Fuzz: `make fuzz`, or `python -m fuzz` in the folder of tests.

Runs each harness under atheris, one after the other, and prints a table. What it finds is left in
the work folder; with `--keep` the corpus in the repository gets what is new, as little as possible.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from fuzz.corpus import found, inputs, name_of, smallest, write
from fuzz.harness import Harness
from fuzz.registry import HARNESSES

TESTS = Path(__file__).parents[1]
_DONE = re.compile(rb"Done (\d+) runs in (\d+) second")
_COVERED = re.compile(rb"\bcov: (\d+)")


class Outcome(NamedTuple):
    """What came of one harness."""

    name: str
    inputs: int
    seconds: float
    edges: int
    findings: list[str]

    @property
    def row(self) -> str:
        """A line of the table."""
        rate = self.inputs / self.seconds if self.seconds else 0.0
        return (
            f"| `{self.name}` | {self.inputs:,} | {self.seconds:.0f} | {rate:,.0f} "
            f"| {self.edges:,} | {len(self.findings)} |"
        )


HEAD = "| harness | inputs | seconds | a second | edges | findings |\n|---|--:|--:|--:|--:|--:|"


def fuzz(harness: Harness, runs: int, seconds: int, work: Path) -> Outcome:
    """Run one harness under atheris, in a process of its own."""
    live = work / "corpus" / harness.name
    live.mkdir(parents=True, exist_ok=True)
    for data in [*harness.seeds(), *inputs(harness.name)]:
        (live / name_of(data)).write_bytes(data)
    told, log = work / f"{harness.name}.json", work / f"{harness.name}.log"
    options = [f"-runs={runs}", f"-max_total_time={seconds}", f"-max_len={harness.longest}"]
    options += ["-seed=1", "-timeout=60", "-rss_limit_mb=2048", "-use_value_profile=0"]
    options += ["-print_final_stats=1", f"-artifact_prefix={work}/{harness.name}-native-"]
    command = [sys.executable, "-m", "fuzz.worker", harness.name, str(told), *options, str(live)]
    paths = [str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")]
    with log.open("wb") as file:
        done = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            stdout=file,
            stderr=file,
            check=False,
        )
    left = json.loads(told.read_text()) if told.exists() else {}
    findings = list(left.get("findings", []))
    if done.returncode:
        findings.append(f"ended with {done.returncode}: see {log}")
    covered = _COVERED.findall(log.read_bytes())
    edges = int(covered[-1]) if covered else 0
    # Its own count, if it came to its end; else what was last told.
    ended = _DONE.search(log.read_bytes())
    units, took = left.get("inputs", 0), left.get("seconds", 0.0)
    if ended:
        units, took = int(ended[1]), max(1.0, float(ended[2]))
    return Outcome(harness.name, units, took, edges, findings)


def keep(harness: Harness, work: Path) -> int:
    """Put what is new and needed into the repository's corpus; how many files it has now."""
    live = work / "corpus" / harness.name
    fresh = [file.read_bytes() for file in live.iterdir()] if live.is_dir() else []
    kept = smallest(harness, [*inputs(harness.name), *fresh], found(harness.name))
    write(harness.name, kept)
    return len(kept)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--only", action="append", choices=sorted(HARNESSES), metavar="NAME")
    parser.add_argument("--runs", type=int, help="inputs in all, shared by weight")
    parser.add_argument("--seconds", type=int, default=0, help="at most so many for each harness")
    parser.add_argument("--keep", action="store_true", help="add to the repository's corpus")
    parser.add_argument("--work", type=Path, help="folder for findings, logs and live corpora")
    given = parser.parse_args()
    chosen = [HARNESSES[name] for name in given.only or HARNESSES]
    work = given.work or Path(tempfile.mkdtemp(prefix="pymix-fuzz-"))
    work.mkdir(parents=True, exist_ok=True)
    runs = given.runs or (0 if given.seconds else 100_000)
    whole = sum(harness.weight for harness in chosen)
    outcomes = []
    print(HEAD, flush=True)
    for harness in chosen:
        share = max(1, round(runs * harness.weight / whole)) if runs else -1
        outcomes.append(fuzz(harness, share, given.seconds, work))
        print(outcomes[-1].row, flush=True)
        if given.keep:
            keep(harness, work)
    for outcome in outcomes:
        for finding in outcome.findings:
            print(f"{outcome.name}: {finding}")
    total = sum(outcome.inputs for outcome in outcomes)
    print(f"{total:,} inputs; findings, logs and live corpora are in {work}")
    return 1 if any(outcome.findings for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
