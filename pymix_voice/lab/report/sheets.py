"""The raw figures as CSV, one table for each bench, for spreadsheets and other programs.

A cell is empty where nothing was measured. Single delays are only in the JSON.

Must not know: pages, pictures, files.
"""

import csv
from collections.abc import Iterable, Mapping
from io import StringIO
from typing import Any

import msgspec

from pymix_voice.lab.report.results import Cost, Latency, Quality, Run, Score, Spread

Record = dict[str, Any]


def latency_csv(latency: Latency) -> str:
    """A line for each run, for each scheme beside it, and for each published figure."""
    records: list[Record] = [_run(run) for run in latency.runs]
    if latency.direct_ms is not None:
        records.append({"kind": "direct"} | _spread("mouth_to_ear", latency.direct_ms))
    for each in latency.beside:
        told = {"sentence": each.sentence, "missing": each.missing}
        spread = _spread("mouth_to_ear", each.mouth_to_ear_ms)
        records.append({"kind": "beside", "name": each.scheme} | spread | told)
    for figure in latency.published:
        told = {"sentence": figure.sentence, "source": figure.source}
        middle = {"mouth_to_ear_p50_ms": None, "published_ms": figure.ms}
        records.append({"kind": "published", "name": figure.scheme} | middle | told)
    return rendered(records, first=("kind", "name", "mouth_to_ear_p50_ms"))


def quality_csv(quality: Quality) -> str:
    """A line for each scheme under each loss."""
    records = []
    for row in quality.quality:
        record = msgspec.structs.asdict(row)
        scores = _score("pesq", row.pesq) | _score("stoi", row.stoi)
        del record["pesq"], record["stoi"]
        records.append(record | scores)
    return rendered(records, first=("scheme", "kbit_s", "loss", "pattern"))


def cost_csv(cost: Cost) -> str:
    """A line for each population; what a client sends and receives is the same in all of them."""
    client = {f"client_{k}": v for k, v in msgspec.structs.asdict(cost.client).items()}
    rows: list[Record] = [msgspec.structs.asdict(row) for row in cost.rows]
    return rendered([row | client for row in rows or [{}]], first=("clients",))


def rendered(records: Iterable[Mapping[str, Any]], first: Iterable[str]) -> str:
    """CSV with a line of headings: all keys there are, in the order in which they came up."""
    records = list(records)
    headings = list(dict.fromkeys([*first, *(key for record in records for key in record)]))
    out = StringIO()
    writer = csv.DictWriter(out, headings, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return out.getvalue()


def _run(run: Run) -> Record:
    whole = msgspec.structs.asdict(run)
    for several in ("mouth_to_ear_ms", "values_ms", "cell_ms", "parts_ms", "setup_s"):
        del whole[several]
    return (
        {"kind": "run"}
        | whole
        | _spread("mouth_to_ear", run.mouth_to_ear_ms)
        | _spread("cell", run.cell_ms)
        | {"setup_ringing_s": run.setup_s.ringing, "setup_speech_s": run.setup_s.speech}
        | {f"part {part}, ms": ms for part, ms in run.parts_ms.items()}
    )


def _spread(name: str, spread: Spread | None) -> Record:
    points = {f"p{point}": getattr(spread, f"p{point}", None) for point in (50, 95, 99)}
    told = {f"{name}_{point}_ms": value for point, value in points.items()}
    return told | {f"{name}_n": None if spread is None else spread.n}


def _score(name: str, score: Score | None) -> Record:
    return {f"{name}_{part}": getattr(score, part, None) for part in ("mean", "sd", "n")}
