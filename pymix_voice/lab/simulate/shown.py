"""Figures of random worlds for people: a table, and a few lines for every rule that was broken.

Must not know: how they came about.
"""

from collections.abc import Iterator

from rich.table import Table

from pymix_voice.lab.processes import Told


def table(told: Told) -> Table:
    """How much was run, and what came of it."""
    shown = Table(title="random worlds, and rules that must hold in each", show_header=False)
    shown.add_column("what")
    shown.add_column("figure", justify="right")
    first, count = told["first_seed"], told["seeds"]
    recovery = told["recovery_s"]
    rows = [
        ("seeds", f"{count} from {first} on"),
        ("virtual hours", f"{told['virtual_hours']:.2f}"),
        ("real seconds", f"{told['real_s']:.0f}"),
        ("people", f"{told['people']:,}"),
        ("rounds sealed for a neighbour", f"{told['rounds']:,}"),
        ("calls", f"{told['calls']:,}"),
        ("frames heard", f"{told['frames_heard']:,}"),
        *((f"faults: {kind}", f"{number:,}") for kind, number in told["faults"].items()),
    ]
    if recovery is not None:
        text = f"{recovery['p50']:.1f} / {recovery['max']:.1f} s, of {recovery['n']:,}"
        rows.append(("until a call is heard again, median / longest", text))
    rows.append(("rules broken", f"{len(told['violations']):,}"))
    for row in rows:
        shown.add_row(*row)
    return shown


def sentences(told: Told) -> Iterator[str]:
    """Each violation, and how to see it again."""
    for each in told["violations"]:
        yield f"seed {each['seed']}, {each['at_s']:.2f} s, {each['rule']}: {each['sentence']}"
        yield f"    {each['replay']}"
    if not told["whole"]:
        yield "stopped early: these are the figures of what was done until then"
