"""Commands that measure delay and cost, and the tour that makes a report of everything.

Must not know: how anything is measured.
"""

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console

from pymix_voice.cli import DONE, INTERRUPTED
from pymix_voice.cli.finding import JsonOption
from pymix_voice.cli.progress import Doing
from pymix_voice.cli.reporting import ReportOption, keep, make_ready, show
from pymix_voice.edge.running import run
from pymix_voice.lab.processes import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pymix_voice.lab.calls.trial import Setting
    from pymix_voice.lab.peers.beside import Scheme

QuickOption = Annotated[bool, Parameter(negative="")]


def latency(
    *,
    quick: QuickOption = False,
    samples: Path | None = None,
    report: ReportOption = None,
    json: JsonOption = False,
) -> int:
    """How long a voice takes from mouth to ear, part by part, and beside other ways to carry it.

    A whole zone of processes runs on this computer, and two people talk by recordings. The delay is
    that of the sound itself: what was heard is laid beside what was said, half a second at a time.
    Chains of 1 to 5 mixes, up to 500 clients and networks from a LAN to bad Wi-Fi are tried, and
    the same voice is carried without a chain, over mixes with a timer each, Tor and Mumble, where
    those are installed. Ctrl-C shows what was measured until then.

    Args:
        quick: three mixes on this computer, and no chain; under 90 seconds. In full it takes
            a quarter of an hour.
        samples: folder with WAV files of speech; its first two are spoken.
    """
    from pymix_voice.lab.calls import bench as calls
    from pymix_voice.lab.calls import shown

    make_ready(report)
    plan, schemes = calls.plan_of(quick=quick)
    told = _latency(plan, schemes, samples, quick=quick)
    show(told, shown.table(told), shown.sentences(told), as_json=json)
    keep(report, "latency", told)
    return DONE if told["whole"] else INTERRUPTED


def cost(
    *, quick: QuickOption = False, report: ReportOption = None, json: JsonOption = False
) -> int:
    """What a client, a gateway and a mix spend: bytes, processor and memory, as the zone grows.

    Leave the computer alone meanwhile. Ctrl-C shows what was measured until then. Linux only.

    Args:
        quick: two populations; under 90 seconds.
    """
    from pymix_voice.lab.calls import shown

    make_ready(report)
    told = _cost(quick=quick)
    show(told, shown.cost_table(told), shown.cost_sentences(told), as_json=json)
    keep(report, "cost", told)
    return DONE if told["whole"] else INTERRUPTED


def tour(*, report: Annotated[Path, Parameter(name="--report")] = Path("bench-report")) -> int:
    """Measure a little of everything, and write a page about it: some three minutes.

    Args:
        report: folder for the page, its pictures, and the figures as JSON and CSV.
    """
    from pymix_voice.cli.hearing import measured
    from pymix_voice.lab.calls import bench as calls

    make_ready(report)
    plan, schemes = calls.plan_of(quick=False, tour=True)
    steps: dict[str, Callable[[], Told]] = {
        "latency": partial(_latency, plan, schemes, None, quick=True),
        "quality": lambda: measured(quick=True)[1],
        "cost": partial(_cost, quick=True),
    }
    whole = True
    for name, measure in steps.items():
        if whole:  # a person who stops one wants none of the others
            told = measure()
            keep(report, name, told)
            whole = told["whole"]
    Console(stderr=True, highlight=False).print(f"open {report / 'index.html'}", soft_wrap=True)
    return DONE if whole else INTERRUPTED


def _latency(
    plan: "Sequence[Setting]", schemes: "Sequence[Scheme]", samples: Path | None, *, quick: bool
) -> Told:
    from pymix_voice.lab.calls import bench as calls

    said = calls.recordings(samples)
    with Doing(len(plan) + len(schemes)) as doing:
        bench = calls.Bench(plan, schemes, said, quick=quick, tell=doing.tell)
        with suppress(KeyboardInterrupt):
            run(partial(bench.run, doing.advance))
    return calls.summary(bench.found)


def _cost(*, quick: bool) -> Told:
    from pymix_voice.lab.throughput import cost as bench

    with Doing(len(bench.QUICK if quick else bench.FULL)) as doing:
        measured = bench.Cost(quick=quick, tell=doing.tell)
        with suppress(KeyboardInterrupt):
            run(partial(measured.run, doing.advance))
    return measured.summary()
