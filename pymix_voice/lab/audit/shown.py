"""An audit for people at a terminal: attacks down, builds across, and what it comes to in words.

Must not know: how anything was recorded or attacked.
"""

from collections.abc import Sequence

from rich.table import Table

from pymix_voice.lab.audit.attacks import ATTACKS
from pymix_voice.lab.audit.bench import REAL, SOUND
from pymix_voice.lab.audit.findings import Row
from pymix_voice.lab.audit.variants import BROKEN, HEALTHY

NOTHING = "·"
"""Where an attack had nothing to guess, or did no better than chance."""
LEGEND = (
    "In per cent: how far above chance an attack is (0 is the null, 100 always right), where that "
    "is beyond luck, allowing for all attacks on that build; · where it is not."
)


def last(rows: Sequence[Row]) -> list[Row]:
    """Of every attack on every variant the row of the longest time, in the order of the pages."""
    longest = {(row.variant, row.name): row for row in sorted(rows, key=lambda row: row.seconds)}
    variants = [HEALTHY.name, REAL, *(variant.name for variant in BROKEN)]
    places = [(variant, attack.name) for variant in variants for attack in ATTACKS]
    return [longest[place] for place in places if place in longest]


def table(rows: Sequence[Row]) -> Table:
    """A line for each attack, a column for each build."""
    final = {(row.name, row.variant): row for row in last(rows)}
    variants = list(dict.fromkeys(variant for _, variant in final))
    shown = Table(title="What each attack finds out", caption=LEGEND, caption_justify="left")
    shown.add_column("attack")
    for variant in variants:
        shown.add_column(variant.replace("-", "\n"), justify="right")
    for name in dict.fromkeys(name for name, _ in final):
        shown.add_row(name, *(_cell(final.get((name, variant))) for variant in variants))
    return shown


def _cell(row: Row | None) -> str:
    return f"{row.judged.advantage:.0%}" if row is not None and row.caught else NOTHING


def sentences(rows: Sequence[Row]) -> list[str]:
    """What it comes to: the healthy build first."""
    final = last(rows)
    told = []
    for variant in dict.fromkeys(row.variant for row in final):
        found = [row for row in final if row.variant == variant]
        by = sorted((row for row in found if row.caught), key=lambda row: row.judged.p)
        names = ", ".join(row.name for row in by)
        if variant in SOUND and not by:
            told.append(f"{variant}: none of {len(found)} attacks did better than chance.")
        elif variant in SOUND:
            told.append(
                f"{variant}: {names} did better than chance. That is a finding: please report it."
            )
        elif not by:
            told.append(f"{variant}: no attack noticed, so the audit was blind to it.")
    return told


def is_sound(rows: Sequence[Row]) -> bool:
    """Whether nothing was found in the healthy build, and something in every broken one."""
    final = last(rows)
    variants = {row.variant for row in final}
    noticed = {row.variant for row in final if row.caught}
    return noticed == variants - SOUND
