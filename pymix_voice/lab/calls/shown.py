"""What a run of `bench latency` or `bench cost` found, as a person reads it.

Must not know: how anything was measured.
"""

from collections.abc import Iterator

from rich.table import Table

from pymix_voice.lab.processes import Told


def table(told: Told) -> Table:
    """A line for each setting, then one for each other scheme."""
    shown = Table(box=None, padding=(0, 2, 0, 0))
    shown.add_column("a call over", no_wrap=True)
    for heading in ("mouth to ear", "95 %", "n", "cells", "jitter", "missing", "guessed", "set-up"):
        shown.add_column(heading, justify="right")
    for run in told["runs"]:
        ear, cell = run["mouth_to_ear_ms"], run["cell_ms"]
        setup = run["setup_s"]["speech"]
        shown.add_row(
            run["name"],
            *(_ms(ear["p50"]), _ms(ear["p95"]), str(ear["n"]), _ms(cell["p50"])),
            *(_ms(run["jitter_ms"]), f"{run['loss']:.1%}", f"{run['loss_after_repair']:.1%}"),
            "-" if setup is None else f"{setup:.1f} s",
        )
    for other in told["beside"]:
        ear = other["mouth_to_ear_ms"]
        if ear is not None:
            shown.add_row(other["scheme"], _ms(ear["p50"]), _ms(ear["p95"]), str(ear["n"]))
    return shown


def sentences(told: Told) -> Iterator[str]:
    """What stands beside the table."""
    added, setups, noise = told["added_ms"], told["setups"], told["noise"]
    if added is not None and added["p50"] is not None:
        yield f"The chain of 3 mixes adds {added['p50']:.0f} ms to the same voice sent directly."
    for run in told["runs"][:1]:
        parts = ", ".join(f"{name} {ms:.1f}" for name, ms in run["parts_ms"].items())
        if parts:
            yield f"Of {run['name']}, in ms: {parts}."
    for until, seconds, epochs in (
        ("it rings", setups["ringing_seconds"], setups["ringing_epochs"]),
        ("the first word", setups["seconds"], setups["epochs"]),
    ):
        if epochs["n"]:
            yield (
                f"From dialing until {until}: {seconds['p50']:.1f} s, 95 % under "
                f"{seconds['p95']:.1f} s ({epochs['p95']:.2f} epochs); {epochs['n']} calls."
            )
    for name, why in told["failed"].items():
        yield f"Not measured: {name}: {why.splitlines()[0]}."
    for other in told["beside"]:
        if other["missing"]:
            yield f"Not measured: {other['scheme']}: {other['missing'].splitlines()[0]}."
    for other in told["published"]:
        yield f"Reported by others: {other['scheme']} {other['ms']:.0f} ms ({other['sentence']})."
    if noise["before_ms"] and noise["after_ms"]:
        yield (
            f"The same loop of work took {noise['before_ms']:.2f} ms before and "
            f"{noise['after_ms']:.2f} ms after: so steady was this computer."
        )


def cost_table(told: Told) -> Table:
    """A line for each population."""
    shown = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("clients", "gateway CPU", "mix CPU", "mix memory", "gateway memory"):
        shown.add_column(heading, justify="right")
    for row in told["rows"]:
        shown.add_row(
            f"{row['clients']:,}",
            *(_us(row["gateway_us_per_client_second"]), _us(row["mix_us_per_client_second"])),
            *(f"{row['mix_bytes_per_circuit']:,} B", f"{row['gateway_bytes_per_client']:,} B"),
        )
    return shown


def cost_sentences(told: Told) -> Iterator[str]:
    """What stands beside the table."""
    client = told["client"]
    if client is not None:
        yield (
            f"A client, in a call or not: {client['kbit_s_up']} kbit/s up and "
            f"{client['kbit_s_down']} kbit/s down with IPv4 and UDP headers, "
            f"{client['bytes_per_day'] / 1e6:,.0f} MB a day."
        )
    yield "CPU is per client and second, memory per circuit at the mix and per client there."


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"


def _us(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f} µs"
