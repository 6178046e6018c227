"""The command that measures how good calls sound.

Must not know: how anything is measured.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, validators
from rich.console import Console

from pymix_voice.cli import DONE, INTERRUPTED
from pymix_voice.cli.finding import JsonOption
from pymix_voice.cli.progress import follow
from pymix_voice.cli.reporting import ReportOption, keep, make_ready
from pymix_voice.edge.report import write_line
from pymix_voice.lab.processes import Told

if TYPE_CHECKING:
    from pymix_voice.lab.quality_shown import Row


def quality(
    *,
    quick: Annotated[bool, Parameter(negative="")] = False,
    seeds: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    samples: Path | None = None,
    report: ReportOption = None,
    json: JsonOption = False,
) -> int:
    """How good calls sound over bit rates, losses and networks: PESQ, STOI and the E-model.

    Recorded speech goes through the codec, over a way that loses and delays, and through the real
    playout; what comes out is compared with what was said. Beside what this project sends stand
    plain Opus frames of 16 to 44 kbit/s. PESQ (1 to 4.6) judges how it sounds, STOI (0 to 1) what
    is understood, and the E-model (ITU-T G.107) rates delay and loss. PESQ and STOI are packages
    of their own: `pip install 'pymix-voice[bench]'`. PESQ's code is ITU's, and has its own terms.

    All is played in virtual time and drawn from seeds: the figures are the same each time. Ctrl-C
    shows what was measured until then.

    Args:
        quick: fewer recordings, losses and seeds; under 90 seconds. In full it takes some
            ten minutes.
        seeds: in how many ways each loss and network is drawn; 3 if not given, 1 with --quick.
        samples: folder with WAV files of speech; the project's own if not given.
    """
    from pymix_voice.lab import quality_shown as shown

    make_ready(report)
    rows, told = measured(quick=quick, seeds=seeds, samples=samples)
    if json:
        write_line(told)
    else:
        console = Console(highlight=False)
        console.print(shown.table(rows))
        console.print(shown.LEGEND)
    keep(report, "quality", told)
    return DONE if told["whole"] else INTERRUPTED


def measured(
    *, quick: bool, seeds: int | None = None, samples: Path | None = None
) -> "tuple[list[Row], Told]":
    """Measure quality: the rows, and all of it as one object."""
    from pymix_voice.lab import quality as scoring
    from pymix_voice.lab import quality_bench as bench
    from pymix_voice.lab import quality_shown as shown
    from pymix_voice.lab.calls.machine import facts, today
    from pymix_voice.lab.zoning import samples as own_samples

    scoring.load()
    scoring.load_stoi()
    conditions = bench.FEW if quick else bench.ALL
    drawn = seeds or (1 if quick else bench.SEEDS)
    most = bench.QUICK_RECORDINGS if quick else None
    spoken = bench.speeches(samples or own_samples(), most)
    total = bench.count(spoken, conditions, drawn)
    scores, whole = follow(bench.scores(spoken, conditions, drawn), total, "speech over ways")
    rows = shown.rows(scores)
    return rows, {
        "bench": "quality",
        "quick": quick,
        "whole": whole,
        "measured_at": today(),
        "machine": facts(),
        "seeds": drawn,
        "quality": [row.told() for row in rows],
    }
