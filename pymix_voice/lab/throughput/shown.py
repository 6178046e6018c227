"""What a run of `bench throughput` found, as a person reads it: tables, and a plot of growth.

Must not know: how anything was measured.
"""

from collections.abc import Iterator
from pathlib import Path

from rich.table import Table

from pymix_voice.errors import ConfigError
from pymix_voice.lab.processes import Told
from pymix_voice.lab.throughput.figures import PUNCTUAL_SHARES, Found

MISSING = "missing"


def table(told: Told) -> Table:
    """Ratios first, then what they come from."""
    shown = Table(box=None, padding=(0, 3, 0, 0))
    shown.add_column()
    parts = [name for name in ("mix", "mix_aegis", "gateway") if told[name] is not None]
    titles = {"mix": "mix, ChaCha20 links", "mix_aegis": "mix, AEGIS links", "gateway": "gateway"}
    for name in parts:
        shown.add_column(titles[name], justify="right")
    for label, key, form in (
        ("of the same in C, by CPU time", "share_of_c", "{:.0%}"),
        ("times a straightforward version", "times_naive", "{:.0f}"),
        ("times a hop of Sphinx", "times_sphinx", "{:.0f}"),
        ("clients per core, each 55 cells/s each way", "circuits_per_core", "{:,}"),
        ("tried", "tried", "{:,}"),
        ("share of a core then", "share_of_core", "{:.0%}"),
        ("cells a second then", "cells_per_second", "{:,}"),
        ("CPU time a cell, everything in it", "ns_per_cell", "{:,} ns"),
        ("memory a circuit", "bytes_per_circuit", "{:,} B"),
    ):
        shown.add_row(label, *(_shown(form, told[name].get(key)) for name in parts))
    _add_tardiness(shown, "at that load", [told[name] for name in parts])
    for share in PUNCTUAL_SHARES:
        rows = {row["part"]: row for row in told["punctuality"] if row["load"] == share}
        if rows:
            _add_tardiness(shown, f"at {share:.0%} of it", [rows.get(name) for name in parts])
    return shown


def _add_tardiness(shown: Table, load: str, rows: list[Told | None]) -> None:
    """From due to begun, and to sent; median and 99 % of the rounds."""
    for label, key in (("begun", "tick_late_ms"), ("all sent", "done_ms")):
        form = "{p50:.1f}, {p99:.1f} ms"
        each = ["-" if row is None else form.format(**row[key]) for row in rows]
        shown.add_row(f"{label} after it was due, {load}: p50, p99", *each)


def sentences(told: Told) -> Iterator[str]:
    """What stands beside the table."""
    idle, zone = told["idle_timer_ms"], told["zone"]
    if told["quick"]:
        yield "Clients per core are reckoned from the processor's time at the size that was tried."
    if idle is not None:
        yield f"An idle timer woke {idle['p50']} ms late here, p99 {idle['p99']} ms."
    if zone is not None:
        yield (
            f"A whole zone on this computer: {zone['online']:,} of {zone['clients']:,} clients "
            f"online on {zone['sockets']} sockets, half of them in calls, {zone['seconds']} s: "
            f"{zone['loss']:.3%} of the cells late or lost, "
            f"{zone['delay_ms']['p50']:.0f} ms to the peer (p99 {zone['delay_ms']['p99']:.0f})."
        )
    for name, steps in told["steps_ns_per_cell"].items():
        parts = ", ".join(f"{step} {ns:.0f}" for step, ns in steps.items())
        yield f"A cell at a mix, {name} links, in ns of CPU time: {parts}."
    missing = [name for name, peer in told["peers"].items() if peer is None]
    if missing:
        yield f"Not measured here: {', '.join(missing)}."


def _shown(form: str, value: float | None) -> str:
    return "-" if value is None else form.format(value)


def plot(found: Found, path: Path) -> None:
    """CPU and memory a circuit at a middle mix, from few circuits to many, as a picture.

    Args:
        found: of a full run.
        path: .png or .svg.

    Raises:
        ConfigError: if the library for plots is missing, or the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ConfigError(
            "plots need matplotlib; install it with `pip install 'pymix-voice[bench]'`"
        ) from None
    by_links: dict[str, dict[int, tuple[float, float]]] = {}
    for trial in (each for each in found.mixes if each.seconds):
        point = trial.cpu_s / trial.seconds / trial.clients * 1e6, trial.resident_bytes / 2**20
        by_links.setdefault(trial.links, {})[trial.clients] = point
    figure = Figure(figsize=(9, 4), layout="constrained")
    work, memory = figure.subplots(1, 2)
    for links, points in by_links.items():
        sizes = sorted(points)
        work.plot(sizes, [points[size][0] for size in sizes], "o-", label=links)
        memory.plot(sizes, [points[size][1] for size in sizes], "o-", label=links)
    for axes, title in (
        (work, "CPU time per client and second, µs"),
        (memory, "memory of the mix, MiB"),
    ):
        axes.set(title=title, xscale="log", yscale="log", xlabel="clients of the zone")
        axes.grid(visible=True, which="both", alpha=0.3)
        axes.legend()
    try:
        figure.savefig(path)
    except (OSError, ValueError):
        raise ConfigError(f"{path} cannot be written; name a .png or .svg file") from None
