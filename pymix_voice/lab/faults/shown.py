"""What a run of `bench faults` found, as a person reads it.

Must not know: how anything was found.
"""

from collections.abc import Iterator

from rich.table import Table

from pymix_voice.lab.processes import Told


def table(told: Told) -> Table:
    """A line for each fault."""
    shown = Table(box=None, padding=(0, 2, 0, 0))
    shown.add_column("fault", no_wrap=True)
    shown.add_column("part", no_wrap=True)
    for heading in ("gap", "heard again", "bystanders' gap", "frames lost", "theirs"):
        shown.add_column(heading, justify="right")
    shown.add_column("ok")
    for each in told["rows"]:
        shown.add_row(
            each["fault"],
            each["part"],
            *(_s(each[name]) for name in ("gap_s", "recovery_s", "bystander_gap_s")),
            *(str(each[name]) for name in ("frames_lost", "bystander_frames_lost")),
            "yes" if each["ok"] else "NO",
        )
    return shown


def sentences(told: Told) -> Iterator[str]:
    """What stands beside the table."""
    yield (
        "gap: the longest time in which speech was not heard, in the worse direction; heard again: "
        "after the fault was over; frames: of speech, 20 ms each, both directions."
    )
    for each in told["rows"]:
        if notes := [*each["failed"], *each["notes"]]:
            yield f"{each['fault']}, {each['part']}: {'; '.join(notes)}."
    grown = [
        after - before
        for each in told["rows"]
        for before, after in each["memory_mb"].values()
        if before and after
    ]
    if grown:
        yield (
            f"No part took more than {max(grown):.0f} MB of memory in a fault, or said more than "
            f"{max(each['lines'] for each in told['rows'])} sentences."
        )
    if told["rows"] and not told["leaks"]:
        yield "No log of a gateway or mix has an address, a key or a session in it."
    for leak in told["leaks"]:
        yield f"LEAK: {leak}."
    for name, why in told["failed"].items():
        yield f"Not measured: {name}: {why.splitlines()[0]}."
    noise = told["noise"]
    if noise["before_ms"] and noise["after_ms"]:
        yield (
            f"The same loop of work took {noise['before_ms']:.2f} ms before and "
            f"{noise['after_ms']:.2f} ms after: so steady was this computer."
        )


def _s(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"
