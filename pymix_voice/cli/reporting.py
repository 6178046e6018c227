"""How benchmarks give their figures: on stdout, and as a report.

Must not know: what was measured, what a report looks like.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from pymix_voice.edge.report import write_line
from pymix_voice.lab.processes import Told

ReportOption = Annotated[
    Path | None,
    Parameter(
        name="--report",
        help="Folder for a page with pictures, and the figures as JSON and CSV; what other "
        "benchmarks left there stays part of it.",
    ),
]

MEASURED = {"latency": ("runs", "beside"), "quality": ("quality",), "cost": ("rows",)}
"""Where each benchmark's figures are: a run that was stopped before any takes none away."""


def show(told: Told, table: Table, sentences: Iterable[str], *, as_json: bool) -> None:
    """Figures on stdout: one JSON object, or a table and what stands beside it.

    Args:
        told: the object.
        table: the same for people.
        sentences: a line each.
        as_json: which of both.
    """
    if as_json:
        write_line(told)
        return
    console = Console(highlight=False)
    console.print(table)
    for sentence in sentences:
        console.print(sentence)


def make_ready(folder: Path | None) -> None:
    """See before something is measured that it can be reported afterwards.

    Raises:
        ConfigError: a library is missing, or what is there is no report of ours.
    """
    if folder is None:
        return
    from pymix_voice.lab.report import drawing
    from pymix_voice.lab.report.results import read
    from pymix_voice.lab.report.writing import RESULTS

    drawing.load()
    if (folder / RESULTS).exists():
        read(folder / RESULTS)


def keep(folder: Path | None, name: str, told: Told) -> None:
    """Write the report, with what is there of other benchmarks.

    Args:
        folder: where; None if none is wanted.
        name: of the benchmark.
        told: its figures; nothing is kept if there are none.

    Raises:
        ConfigError: if it cannot be written, or what is there is no report of ours.
    """
    if folder is None or not any(told[part] for part in MEASURED[name]):
        return
    from pymix_voice.lab.report.writing import add

    add(folder, name, told)
