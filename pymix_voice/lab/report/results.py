"""What benchmarks found, as their `--json` gives it, and as a report keeps it: `results.json`.

A person may have edited such a file, or a run may have been cut off while it was written; so
every field is checked, and a field that is not known here is refused rather than lost. All times
are milliseconds unless their name says otherwise.

Must not know: how anything was measured, how it is shown.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from pymix_voice.edge.files import read_file
from pymix_voice.errors import ConfigError

MAX_RESULT_BYTES = 64 << 20
"""A run of every bench keeps some megabytes: all delays, one by one."""

Number = Annotated[float, msgspec.Meta(ge=-1e12, le=1e12)]
"""Finite, as no picture has room for anything else."""
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Size = Annotated[int, msgspec.Meta(ge=1, le=10**12)]


class _Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all shapes."""


class Spread(_Shape, frozen=True):
    """How a quantity is spread; None where there were no values.

    Attributes:
        p50: half of all values are below.
        p95: 95 in 100 are.
        p99: 99 in 100 are.
        n: how many values.
    """

    p50: Number | None
    p95: Number | None
    p99: Number | None
    n: Count


class Added(_Shape, frozen=True):
    """How much later speech came than in a direct call."""

    p50: Number | None
    p95: Number | None
    n: Count


class Machine(_Shape, frozen=True):
    """What it was measured on."""

    cpu: str
    cores: Count
    system: str
    python: str


class Noise(_Shape, frozen=True):
    """How long the same loop of work took, before and after the run."""

    before_ms: Number | None
    after_ms: Number | None


class _Bench(_Shape, frozen=True, kw_only=True):
    """What every bench tells of itself.

    Attributes:
        quick: a short run, with fewer values.
        whole: False if it was interrupted.
        measured_at: the day, as 2026-11-25.
    """

    quick: bool
    whole: bool
    measured_at: str
    machine: Machine
    noise: Noise | None = None


# ── latency ──────────────────────────────────────────────────────────────────────────────────


class Setup(_Shape, frozen=True):
    """Seconds from dialing to the other phone's ringing, and to the first speech."""

    ringing: Number | None
    speech: Number | None


class Run(_Shape, frozen=True):
    """Calls over one zone and network.

    Attributes:
        name: what people call it.
        round_ms: from one cell to the next.
        calls: how many.
        mouth_to_ear_ms: from the audio itself.
        values_ms: all of these delays.
        cell_ms: of cells on their way from client to client.
        parts_ms: what the delay is made of, in order; together about the median.
        loss: share of cells that did not come in time.
        loss_after_repair: share of frames that nothing could be played for.
        correlation: likeness of what was heard to what was said.
    """

    name: str
    mixes: Count
    clients: Count
    round_ms: Count
    network: str
    calls: Count
    mouth_to_ear_ms: Spread
    values_ms: list[Number]
    cell_ms: Spread
    parts_ms: dict[str, Number]
    jitter_ms: Number | None
    loss: Share
    loss_after_repair: Share
    setup_s: Setup
    correlation: Number


class Beside(_Shape, frozen=True):
    """Another scheme, measured on the same machine; `missing` says why it could not be."""

    scheme: str
    sentence: str
    mouth_to_ear_ms: Spread | None
    values_ms: list[Number]
    missing: str | None


class Published(_Shape, frozen=True):
    """A figure that others published: of another machine, and mostly of another scale."""

    scheme: str
    ms: Number
    sentence: str
    source: str


class Setups(_Shape, frozen=True):
    """From dialing to the first word heard, of all calls, and until it rang there before.

    Attributes:
        seconds: to the first word.
        epochs: the same in epochs of each zone.
        ringing_seconds: until it rang.
        ringing_epochs: the same in epochs.
    """

    seconds: Spread
    epochs: Spread
    ringing_seconds: Spread | None = None
    ringing_epochs: Spread | None = None


class Latency(_Bench, frozen=True, kw_only=True):
    """How late speech comes; `failed` says why some runs are not there."""

    bench: Literal["latency"]
    mouth_to_ear_ms: Spread
    direct_ms: Spread | None
    added_ms: Added | None
    runs: list[Run]
    beside: list[Beside]
    published: list[Published]
    setups: Setups | None = None
    failed: dict[str, str] = {}


# ── quality ──────────────────────────────────────────────────────────────────────────────────


class Score(_Shape, frozen=True):
    """The mean of n scores, and their standard deviation."""

    mean: Number
    sd: Number
    n: Count


class Heard(_Shape, frozen=True):
    """One scheme under one loss.

    Attributes:
        loss: share of cells.
        pattern: how they get lost: `random`, `bursty`.
        pesq: 1 to 4.6.
        stoi: 0 to 1.
        delay_ms: mouth to ear, as the E-model takes it.
        r: the E-model's rating, 0 to 100.
        mos: what follows from it, 1 to 4.5.
    """

    scheme: str
    kbit_s: Number
    loss: Share
    pattern: str
    pesq: Score | None
    stoi: Score | None
    delay_ms: Number | None
    r: Number | None
    mos: Number | None
    missing: Share | None = None
    burst_ratio: Number | None = None


class Quality(_Bench, frozen=True, kw_only=True):
    """How good speech sounds."""

    bench: Literal["quality"]
    quality: list[Heard]
    seeds: Count | None = None


# ── cost ─────────────────────────────────────────────────────────────────────────────────────


class ClientCost(_Shape, frozen=True):
    """What a client sends and receives, call or not."""

    kbit_s_up: Number
    kbit_s_down: Number
    bytes_per_second_up: Number
    bytes_per_second_down: Number
    bytes_per_day: Number


class Population(_Shape, frozen=True):
    """What a zone of so many clients takes: microseconds of CPU time, bytes of memory."""

    clients: Size
    gateway_us_per_client_second: Number | None
    mix_us_per_client_second: Number | None
    mix_bytes_per_circuit: Number | None
    gateway_bytes_per_client: Number | None


class Cost(_Bench, frozen=True, kw_only=True):
    """What it takes."""

    bench: Literal["cost"]
    client: ClientCost
    rows: list[Population]


# ── all of it ────────────────────────────────────────────────────────────────────────────────


class Results(_Shape, frozen=True):
    """What a report shows; None for what was not measured."""

    latency: Latency | None = None
    quality: Quality | None = None
    cost: Cost | None = None


_DECODER: Final = msgspec.json.Decoder(Results)


def read(path: Path) -> Results:
    """The results in a file that `write` left, or that somebody made alike.

    Raises:
        ConfigError: if it cannot be read, or does not hold results; in one sentence.
    """
    raw = read_file(path, "file of results", most=MAX_RESULT_BYTES)
    if len(raw) > MAX_RESULT_BYTES:
        most = MAX_RESULT_BYTES >> 20
        raise ConfigError(f"{path} is larger than {most} MiB, so no results; give a results.json")
    return _decoded(raw, str(path))


def taken(told: Mapping[str, Any]) -> Results:
    """The same from plain objects, as the benchmarks tell them.

    Args:
        told: `latency`, `quality` and `cost`, or some of them.

    Raises:
        ConfigError: if one has not the shape it should have.
    """
    try:
        # By way of JSON: what a page is made of can then always be read again.
        raw = msgspec.json.encode(told)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"the results cannot be written as JSON: {error}") from None
    return _decoded(raw, "what was measured")


def rendered(results: Results) -> bytes:
    """The same as JSON that people can read, too; `read` takes it."""
    return msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n"


def _decoded(raw: bytes, what: str) -> Results:
    try:
        return _DECODER.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        said = " ".join(str(error).split())
        advice = "measure again, or mend that place"
        raise ConfigError(f"{what} does not hold results of benchmarks: {said}; {advice}") from None
