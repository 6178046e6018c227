"""Writes a report into a folder: a page, pictures, tables, and all figures as JSON.

Everything is made before anything is written, and each file appears whole. What an earlier report
left of benches that are missing now is deleted, so that page and files agree.

Must not know: how anything was measured.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import structs

from pymix_voice.edge.files import PUBLIC, make_folder, write_file
from pymix_voice.errors import ConfigError
from pymix_voice.lab.report import budget, chapters, cost, delay, drawing, page, sheets, sound
from pymix_voice.lab.report.drawing import Picture
from pymix_voice.lab.report.results import Results, read, rendered, taken

PAGE, RESULTS = "index.html", "results.json"
PICTURES = ("delay.png", "budget.png", "quality.png", "cost.png")
TABLES = ("latency.csv", "quality.csv", "cost.csv")


def write(folder: Path, results: Results) -> list[Path]:
    """Write a report.

    Args:
        folder: made if it is not there; files of an earlier report are replaced.
        results: what was measured, whole or not.

    Returns:
        What was written, the page first.

    Raises:
        ConfigError: a library is missing, or a file cannot be written.
    """
    files = made(results)
    make_folder(folder)
    for name, content in files.items():
        write_file(folder / name, content, PUBLIC, replace=True)
    for name in (*PICTURES, *TABLES):
        if name not in files:
            _delete(folder / name)
    return [folder / name for name in files]


def add(folder: Path, name: str, told: Mapping[str, Any]) -> list[Path]:
    """Write a report of what was measured now, and of what an earlier one there told of the rest.

    Args:
        folder: made if it is not there.
        name: of the bench: latency, quality or cost.
        told: what it tells.

    Returns:
        What was written, the page first.

    Raises:
        ConfigError: as for `write`; or what is there is no report.
    """
    before = folder / RESULTS
    earlier = read(before) if before.exists() else Results()
    fresh = taken({name: told})
    return write(folder, structs.replace(earlier, **{name: getattr(fresh, name)}))


def made(results: Results) -> dict[str, bytes]:
    """All files of a report, by name.

    Raises:
        ConfigError: a library is missing.
    """
    drawing.load()
    late, heard, spent = results.latency, results.quality, results.cost
    with drawing.style():
        delays = [] if late is None else [delay.draw(late, every_run=True), budget.draw(late)]
        sounds = [] if heard is None else [sound.draw(heard)]
        costs = [] if spent is None else [cost.draw(spent)]
        told = [
            chapters.latency(late, _there(delays)),
            chapters.quality(heard, _there(sounds)),
            chapters.cost(spent, _there(costs)),
        ]
        # As a file, the first picture stands alone: of our runs it has only the main one.
        alone = [] if late is None else [delay.draw(late, every_run=False)]
        pictures = _there([*alone, *delays[1:], *sounds, *costs])
        pngs = {f"{each.name}.png": drawing.png(each.figure) for each in pictures}
    tables = _tables(results)
    html = page.rendered(told, chapters.tiles(results), list(tables))
    return {PAGE: html.encode(), RESULTS: rendered(results), **tables, **pngs}


def _there(pictures: Sequence[Picture | None]) -> list[Picture]:
    return [picture for picture in pictures if picture is not None]


def _tables(results: Results) -> dict[str, bytes]:
    """The CSV files of what was measured, by name."""
    found = {}
    if results.latency is not None:
        found["latency.csv"] = sheets.latency_csv(results.latency)
    if results.quality is not None:
        found["quality.csv"] = sheets.quality_csv(results.quality)
    if results.cost is not None:
        found["cost.csv"] = sheets.cost_csv(results.cost)
    return {name: text.encode() for name, text in found.items()}


def _delete(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"{path} cannot be deleted: {error.strerror}") from None
