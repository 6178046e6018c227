"""The tables of the page: what was measured as headings and rows of short words.

Must not know: HTML, files.
"""

from typing import NamedTuple

from pymix_voice.lab.report.drawing import percent
from pymix_voice.lab.report.results import (
    ClientCost,
    Cost,
    Heard,
    Latency,
    Quality,
    Run,
    Score,
    Spread,
)

NONE = "–"
"""Where nothing was measured."""
MIB = 1 << 20


class Grid(NamedTuple):
    """One table.

    Attributes:
        title: what it holds.
        head: a heading for each column.
        rows: words for each; the first is the row's name.
        words: columns from here on to the right hold words, not figures.
    """

    title: str
    head: list[str]
    rows: list[list[str]]
    words: int = 99


def of_latency(latency: Latency) -> list[Grid]:
    """Runs, the parts of their delay, and what stands beside them."""
    parts = list(dict.fromkeys(part for run in latency.runs for part in run.parts_ms))
    head = ["", "mouth to ear, ms: middle", "95 % within", "99 % within", "values"]
    return [
        Grid(
            "Our runs: how late",
            [*head, "cells on their way, ms: middle", "95 % within", "jitter, ms"],
            [_late(run) for run in latency.runs],
        ),
        Grid(
            "Our runs: what was lost, how long it rang, and over what",
            [
                *("", "lost", "lost after repair", "rings after, s", "speech after, s"),
                *("likeness", "mixes", "clients", "calls", "round, ms", "network"),
            ],
            [_over(run) for run in latency.runs],
            words=10,
        ),
        Grid(
            "What the delay is made of, in ms",
            ["", *parts],
            [
                [run.name, *(shown(run.parts_ms.get(part)) for part in parts)]
                for run in latency.runs
                if run.parts_ms
            ],
        ),
        Grid(
            "Beside us, on the same machine",
            [*head, "what it is"],
            [
                [each.scheme, *_spread(each.mouth_to_ear_ms), _why(each.sentence, each.missing)]
                for each in latency.beside
            ],
            words=5,
        ),
    ]


def of_quality(quality: Quality) -> list[Grid]:
    """A row for each scheme under each loss."""
    head = ["", "kbit/s", "lost", "how", "PESQ", "n", "STOI", "delay, ms", "R (E-model)", "MOS"]
    return [Grid("Quality of speech", head, [_heard(row) for row in quality.quality])]


def of_cost(cost: Cost) -> list[Grid]:
    """What a client costs, and a row for each population."""
    head = ["clients", "gateway, µs per client and second", "a mix, µs per client and second"]
    head += ["a mix, bytes per circuit", "gateway, bytes per client"]
    rows = [
        [
            f"{row.clients:,}",
            shown(row.gateway_us_per_client_second),
            shown(row.mix_us_per_client_second),
            shown(row.mix_bytes_per_circuit, 0),
            shown(row.gateway_bytes_per_client, 0),
        ]
        for row in cost.rows
    ]
    return [Grid("A zone as it grows", head, rows)]


def of_client(client: ClientCost) -> str:
    """A sentence: what being online takes."""
    return (
        f"A client sends {client.kbit_s_up:,.1f} kbit/s and receives {client.kbit_s_down:,.1f} "
        f"kbit/s ({client.bytes_per_second_up:,.0f} and {client.bytes_per_second_down:,.0f} bytes "
        f"a second) for as long as it is online, in a call or not: "
        f"{client.bytes_per_day / MIB:,.0f} MiB a day."
    )


def shown(value: float | None, digits: int = 1) -> str:
    """A figure, or a dash."""
    return NONE if value is None else f"{value:,.{digits}f}"


def _late(run: Run) -> list[str]:
    spreads = (*_spread(run.mouth_to_ear_ms), *_spread(run.cell_ms)[:2])
    return [run.name, *spreads, shown(run.jitter_ms)]


def _over(run: Run) -> list[str]:
    return [
        run.name,
        percent(run.loss),
        percent(run.loss_after_repair),
        shown(run.setup_s.ringing),
        shown(run.setup_s.speech),
        shown(run.correlation, 3),
        *(f"{count:,}" for count in (run.mixes, run.clients, run.calls, run.round_ms)),
        run.network,
    ]


def _spread(spread: Spread | None) -> list[str]:
    if spread is None:
        return [NONE] * 4
    return [*(shown(value) for value in (spread.p50, spread.p95, spread.p99)), f"{spread.n:,}"]


def _why(sentence: str, missing: str | None) -> str:
    return sentence if missing is None else f"{sentence} Not measured: {missing}".strip()


def _heard(row: Heard) -> list[str]:
    pesq, stoi = _score(row.pesq, 2), _score(row.stoi, 3)
    count = NONE if row.pesq is None else f"{row.pesq.n:,}"
    ratings = [shown(row.delay_ms, 0), shown(row.r, 0), shown(row.mos, 2)]
    how = row.pattern if row.loss else NONE
    return [row.scheme, f"{row.kbit_s:g}", percent(row.loss), how, pesq, count, stoi, *ratings]


def _score(score: Score | None, digits: int) -> str:
    if score is None or not score.n:
        return NONE
    return f"{score.mean:.{digits}f} ± {score.sd:.{digits}f}"
