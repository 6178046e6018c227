"""The report of an audit: a page, pictures, all figures as JSON and CSV.

Must not know: how anything was recorded or attacked.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from pymix_voice.edge.files import PUBLIC, make_folder, write_file
from pymix_voice.errors import ConfigError
from pymix_voice.lab.audit import pictures
from pymix_voice.lab.audit.attacks import ATTACKS
from pymix_voice.lab.audit.bench import REAL, SOUND, Found
from pymix_voice.lab.audit.findings import Row
from pymix_voice.lab.audit.shown import is_sound, last, sentences
from pymix_voice.lab.audit.variants import BROKEN, HEALTHY
from pymix_voice.lab.calls.machine import facts, today
from pymix_voice.lab.processes import Told
from pymix_voice.lab.report import drawing, page, sheets
from pymix_voice.lab.report.drawing import Picture
from pymix_voice.lab.report.grids import Grid
from pymix_voice.lab.report.page import Chapter, Drawn, Head

PAGE, RESULTS, TABLE, LIMITS = "index.html", "results.json", "attacks.csv", "limits.csv"
NEEDED: Final = ("scipy", "sklearn")
HEAD: Final = Head(
    "pymix-voice: the audit",
    "pymix-voice carries calls so that whoever watches the whole network, and runs all mixes but "
    "one, cannot tell who talks with whom, or whether anybody talks. This page shows what happens "
    "when one tries: attacks that are known for such systems, on the project as it is and on "
    "builds that were broken on purpose, so that it is seen that the attacks work.",
)


LIMITED: Final = "Tried many times on what the real switchboard joins and real phantoms add."
EXPLAINED: Final = [
    "Some attacks work, and the project says so. Dropping: a client's set-up is stopped, and the "
    "last mix counts whether there is a pair less. n-1: all set-ups but two are held back. "
    "Phantoms, which mixes add if the zone file says so, blur both counts; the more often it is "
    "done, the less.",
    "The peer: whoever you talk with hears when your cells are missing, and with somebody who sees "
    "losses on all access links finds yours. The address: who has it sees when your door is there, "
    "and compares that with who was online when. Phantoms change nothing of these two.",
]


def load(*, report: bool) -> None:
    """See whether the libraries for an audit are there, which are not installed with the rest.

    Args:
        report: whether a report is wanted, too.

    Raises:
        ConfigError: if one is missing; the text has the line that installs them.
    """
    for name in NEEDED:
        try:
            importlib.import_module(name)
        except ImportError:
            raise ConfigError(
                f"an audit needs {name}; install it with `pip install 'pymix-voice[audit]'`"
            ) from None
    if report:
        drawing.load()


def told(found: Found, rows: Sequence[Row]) -> Told:
    """One object."""
    return {
        "audit": "quick" if found.quick else "full",
        "whole": found.whole,
        "measured_at": today(),
        "machine": facts(),
        "seeds": sorted({one.life.seed for one in found.attacked}),
        "sound": is_sound(rows),
        "attacks": [row.told() for row in rows],
        "limits": [limit.told() for limit in found.limits],
    }


def write(folder: Path, found: Told, rows: Sequence[Row]) -> None:
    """Write the report.

    Args:
        folder: made if it is not there; an earlier report's files are replaced.
        found: as from `told`.
        rows: what it was made of.

    Raises:
        ConfigError: if something cannot be written.
    """
    with drawing.style():
        made = [
            pictures.matrix(rows),
            pictures.healthy(rows, HEALTHY.name),
            pictures.healthy(rows, REAL),
            pictures.in_time(rows, HEALTHY.name),
        ]
        drawn = _drawn(made)
        limits = _drawn([pictures.limits(found["limits"])])
        both = [*drawn, *limits]
        files = {f"{each.picture.name}.png": drawing.png(each.picture.figure) for each in both}
    chapters = _chapters(found, rows, drawn, limits)
    html = page.rendered(chapters, _tiles(rows), [TABLE, LIMITS], HEAD)
    files |= {
        PAGE: html.encode(),
        RESULTS: msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n",
        TABLE: sheets.rendered(found["attacks"], first=("name", "variant", "success")).encode(),
        LIMITS: sheets.rendered(found["limits"], first=("name", "phantoms", "watched")).encode(),
    }
    make_folder(folder)
    for name, content in files.items():
        write_file(folder / name, content, PUBLIC, replace=True)


def _drawn(made: Sequence[Picture | None]) -> list[Drawn]:
    return [Drawn(picture, drawing.svg(picture)) for picture in made if picture is not None]


def _tiles(rows: Sequence[Row]) -> list[tuple[str, str]]:
    final = last(rows)
    ours = [row for row in final if row.variant in SOUND]
    broken = {row.variant for row in final} - SOUND
    noticed = {row.variant for row in final if row.caught} - SOUND
    return [
        (f"{sum(row.caught for row in ours)} of {len(ours)}", "attacks beat chance on the project"),
        (f"{len(noticed)} of {len(broken)}", "broken builds were found out"),
        (f"{sum(row.judged.n for row in ours):,}", "guesses were made about the project"),
    ]


def _chapters(
    found: Told, rows: Sequence[Row], drawn: list[Drawn], limits: list[Drawn]
) -> list[Chapter]:
    machine = found["machine"]
    about = (
        f"Recorded and attacked on {found['measured_at']}: {machine['cpu']}, {machine['cores']} "
        f"cores, {machine['system']}, Python {machine['python']}; seeds {found['seeds']}."
    )
    warnings = [] if found["whole"] else ["This run was interrupted: some builds are missing."]
    words = sentences(rows)
    return [
        Chapter("found", "What was found", about, warnings, words, drawn, [_grid(rows)]),
        Chapter("limits", "What works anyway", LIMITED, [], EXPLAINED, limits, [_limits(found)]),
        Chapter(
            "attacks",
            "What each attack does",
            "Who watches, what for, and how.",
            grids=[_attacks()],
        ),
        Chapter("builds", "What was broken", "Each has one thing broken.", grids=[_builds()]),
    ]


def _grid(rows: Sequence[Row]) -> Grid:
    head = ["", "build", "watched, s", "right", "chance", "95 % interval", "p", "n"]
    head += ["bits lacking", "hides among"]
    return Grid("Every attack on every build", head, [_line(row) for row in rows])


def _line(row: Row) -> list[str]:
    found = row.judged
    return [
        row.name,
        row.variant,
        f"{row.seconds:.0f}",
        f"{found.success:.3f}",
        f"{found.null:.3f}",
        f"{found.low:.3f} to {found.high:.3f}",
        f"{found.p:.4f}",
        f"{found.n:,}",
        f"{found.entropy:.2f}",
        f"{found.anonymity_set:.1f}",
    ]


def _limits(found: Told) -> Grid:
    head = ["", "phantoms", "among clients", "watched", "right", "chance", "95 % interval", "tries"]
    rows = [
        [
            each["name"],
            each["phantoms"],
            f"{each['among']:,}",
            f"{each['watched']} {each['unit']}",
            f"{each['success']:.3f}",
            f"{each['null']:.3f}",
            f"{each['ci'][0]:.3f} to {each['ci'][1]:.3f}",
            f"{each['trials']:,}",
        ]
        for each in found["limits"]
    ]
    return Grid("Attacks that work", head, rows)


def _attacks() -> Grid:
    rows = [[each.name, str(each.watcher), each.wants, each.way, each.source] for each in ATTACKS]
    return Grid("Attacks", ["", "who watches", "to find out", "how", "source"], rows, words=1)


def _builds() -> Grid:
    rows = [[each.name, each.words] for each in (HEALTHY, *BROKEN)]
    return Grid("Builds", ["", "what is different"], rows, words=1)
