"""The option `--report` of benchmarks.

Must not know: what was measured, what a report looks like.
"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pymix_voice.lab.processes import Told

ReportOption = Annotated[
    Path | None,
    Parameter(
        name="--report",
        help="Folder for a page with pictures, and the figures as JSON and CSV; what other "
        "benchmarks left there stays part of it.",
    ),
]


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
        told: its figures.

    Raises:
        ConfigError: if it cannot be written, or what is there is no report of ours.
    """
    if folder is None:
        return
    from pymix_voice.lab.report.writing import add

    add(folder, name, told)
