"""Commands that measure how well it works here.

Must not know: how anything is measured.
"""

import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators
from rich.console import Console

from pymix_voice.cli import DONE, INTERRUPTED
from pymix_voice.cli.finding import JsonOption
from pymix_voice.cli.progress import Doing, follow
from pymix_voice.cli.reporting import show
from pymix_voice.edge.report import write_line
from pymix_voice.edge.running import run
from pymix_voice.errors import ConfigError

WIDE = 130
"""Columns of a terminal in which a line for each pattern has room to say what it is."""


def idle(
    *,
    seconds: Annotated[float, Parameter(validator=validators.Number(gte=2, lte=3600))] = 62.0,
    quick: Annotated[bool, Parameter(negative="")] = False,
    json: JsonOption = False,
) -> int:
    """Show that an idle client hands its cells to the socket when one in a call does.

    A whole zone runs on this computer, and in it one client that is idle and in a call by turns.
    For each round it is noted how long after its instant the cell had been handed over; the
    Kolmogorov-Smirnov test tells whether the two sets of offsets could be told apart.

    Args:
        seconds: of idleness, and of calls, 50 cells each; dialing takes a minute beside it.
        quick: 16 seconds.
    """
    from pymix_voice.lab import punctuality as bench
    from pymix_voice.lab.demo import Narrator

    told = run(partial(bench.measure, 16.0 if quick else seconds, Narrator().tell))
    if json:
        write_line({"bench": "idle", **told})
    else:
        console = Console(highlight=False)
        console.print(bench.table(told))
        console.print(bench.sentence(told))
    return DONE


def redundancy(
    *,
    quick: Annotated[bool, Parameter(negative="")] = False,
    seeds: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    samples: Path | None = None,
    json: JsonOption = False,
) -> int:
    """Speech quality (PESQ, 1 to 4.6) where cells get lost, with and without copies in them.

    Ctrl-C shows what was measured until then.

    Args:
        quick: fewer recordings, losses and seeds: a few seconds.
        seeds: in how many ways each loss is drawn; 3 if not given, 1 with --quick.
        samples: folder with WAV files of speech; the project's own if not given.
    """
    from pymix_voice.lab import quality
    from pymix_voice.lab import redundancy as bench
    from pymix_voice.lab.zoning import samples as own_samples

    quality.load()
    conditions = bench.FEW if quick else bench.ALL
    drawn = seeds or (1 if quick else bench.SEEDS)
    spoken = bench.recordings(samples or own_samples(), most=2 if quick else None)
    total = bench.count(spoken, conditions, drawn)
    scores, whole = follow(bench.scores(spoken, conditions, drawn), total, "speech under loss")
    if json:
        rows = [row._asdict() for row in bench.rows(scores)]
        write_line({"bench": "redundancy", "seeds": drawn, "whole": whole, "rows": rows})
    else:
        console = Console(highlight=False)
        console.print(bench.table(scores))
        console.print("PESQ-WB: mean ± standard deviation of n recordings and draws of losses")
        console.print("a playout that waits for copies is assumed, 40 ms more")
    return DONE if whole else INTERRUPTED


def throughput(
    *,
    quick: Annotated[bool, Parameter(negative="")] = False,
    plot: Annotated[Path | None, Parameter(name="--plot")] = None,
    json: JsonOption = False,
) -> int:
    """How much a mix, a gateway and a whole zone carry on this computer, beside their peers.

    Each part is a process on a processor of its own, loaded with real cells over real links; the
    same is done by a small C program (where there is a compiler), by a straightforward version
    in trio, by sphinxmix and by a private Tor network where they are installed. Ctrl-C shows what
    was measured until then. Linux only; leave the computer alone meanwhile.

    Args:
        quick: try the least that is wanted once, and reckon the most; under 90 seconds. In full it
            takes some 15 minutes, and finds the most without loss by bisection.
        plot: a .png or .svg file for cost and memory as the zone grows; full runs only.
    """
    from pymix_voice.lab.throughput import shown
    from pymix_voice.lab.throughput.bench import Bench
    from pymix_voice.lab.throughput.figures import summary

    if sys.platform != "linux":
        raise ConfigError("this measurement needs Linux, as mixes and gateways do")
    with Doing() as doing:
        bench = Bench(quick=quick, tell=doing.tell)
        with suppress(KeyboardInterrupt):
            run(bench.run)
    told = summary(bench.found)
    show(told, shown.table(told), shown.sentences(told), as_json=json)
    if plot is not None:
        shown.plot(bench.found, plot)
    return DONE if bench.found.whole else INTERRUPTED


def echo(*, json: JsonOption = False) -> int:
    """How much of a made echo is taken away, and what that costs who speaks."""
    from pymix_voice.lab import echo as bench
    from pymix_voice.lab.zoning import samples
    from pymix_voice.voice.echo import EchoCanceller

    far, near = bench.voices(samples())
    figures, whole = follow(bench.measure(far, near, EchoCanceller), bench.COUNT, "echo")
    cases = [figure for figure in figures if isinstance(figure, bench.Left)]
    harms = [figure for figure in figures if isinstance(figure, bench.Harm)]
    if json:
        near_alone = harms[0]._asdict() if harms else None
        echoes = [case._asdict() for case in cases]
        write_line({"bench": "echo", "whole": whole, "echoes": echoes, "near_alone": near_alone})
    else:
        console = Console(highlight=False)
        console.print(bench.table(cases))
        console.print(bench.LEGEND)
        for harm in harms:
            console.print(bench.sentence(harm))
    return DONE if whole else INTERRUPTED


def playout(
    *,
    seconds: Annotated[float, Parameter(validator=validators.Number(gte=5, lte=3600))] = 60.0,
    json: JsonOption = False,
) -> int:
    """What jitter, loss and drift do to delay and sound: speech over ways that are drawn.

    Ctrl-C shows what was measured until then.

    Args:
        seconds: how long somebody speaks over each way.
    """
    from pymix_voice.lab import playing as bench
    from pymix_voice.lab.patterns import patterns
    from pymix_voice.lab.zoning import CALLER_SAYS, samples
    from pymix_voice.voice.recordings import read_recording

    said, corpus = read_recording(samples() / CALLER_SAYS), patterns(seconds)
    figures, whole = follow(bench.results(said, corpus), len(corpus), "speech over bad ways")
    if json:
        shown = [each._asdict() for each in figures]
        write_line({"bench": "playout", "seconds": seconds, "whole": whole, "patterns": shown})
    else:
        console = Console(highlight=False)
        console.print(bench.table(figures, sentences=console.width >= WIDE))
        console.print(bench.LEGEND)
    return DONE if whole else INTERRUPTED
