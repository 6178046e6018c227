import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import madeup
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from webpage import seen

from pymix_voice.errors import ConfigError
from pymix_voice.lab.report import drawing, writing
from pymix_voice.lab.report.results import read, rendered, taken

# ── files that are not what they should be ───────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "truncated"),
        (b"\xff\xfe", "malformed"),
        (b"[]", "Expected `object`"),
        (b'{"speed": 1}', "unknown field `speed`"),
        (b'{"cost": {"bench": "cost"}}', "missing required field"),
        (b'{"latency": {"bench": "cost"}}', "Invalid enum value 'cost'"),
        (b"[" * 100_000, "Expected `object`"),
    ],
)
def test_a_file_without_results_is_told_in_one_sentence(
    tmp_path: Path, raw: bytes, said: str
) -> None:
    path = tmp_path / "results.json"
    path.write_bytes(raw)
    with pytest.raises(ConfigError, match=said) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_was_cut_off_anywhere_is_told(tmp_path: Path) -> None:
    whole = rendered(taken({"cost": madeup.cost()})).strip()
    path = tmp_path / "results.json"
    for size in range(0, len(whole), 13):
        path.write_bytes(whole[:size])
        with pytest.raises(ConfigError, match="does not hold results"):
            read(path)


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e300, "5", None, True])
def test_a_figure_that_is_none_is_refused(value: Any) -> None:
    told = madeup.cost()
    told["client"] = told["client"] | {"kbit_s_up": value}
    with pytest.raises(ConfigError, match=r"kbit_s_up"):
        taken({"cost": told})


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot be written as JSON"):
        taken({"cost": object()})
    with pytest.raises(ConfigError, match="cannot be written as JSON"):
        taken({"cost": "\ud800"})


# ── any result ───────────────────────────────────────────────────────────────────────────────

WORDS = st.text(st.characters(codec="utf-8"), max_size=30)
FIGURES = st.one_of(st.floats(-1e3, 1e5), st.sampled_from([0.0, -1e12, 1e12, 1e-9]))
MAYBE = st.none() | FIGURES
SHARES = st.floats(0, 1)
SPREADS = st.fixed_dictionaries({"p50": MAYBE, "p95": MAYBE, "p99": MAYBE, "n": st.integers(0, 9)})
VALUES = st.lists(FIGURES, max_size=3) | st.lists(FIGURES, min_size=31, max_size=33)
SCORES = st.fixed_dictionaries({"mean": FIGURES, "sd": FIGURES, "n": st.integers(0, 3)})


def several(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.fixed_dictionaries(fields), max_size=3)


LATENCIES = st.fixed_dictionaries(
    {
        "whole": st.booleans(),
        "mouth_to_ear_ms": SPREADS,
        "direct_ms": st.none() | SPREADS,
        "added_ms": st.none()
        | st.fixed_dictionaries({"p50": MAYBE, "p95": MAYBE, "n": st.just(1)}),
        "runs": st.lists(
            st.fixed_dictionaries(
                {
                    "name": WORDS,
                    "mouth_to_ear_ms": SPREADS,
                    "values_ms": VALUES,
                    "parts_ms": st.dictionaries(WORDS, FIGURES, max_size=4),
                    "loss": SHARES,
                }
            ).map(lambda told: madeup.run("", 100, 1) | told),
            max_size=3,
        ),
        "beside": several(
            scheme=WORDS,
            sentence=WORDS,
            mouth_to_ear_ms=st.none() | SPREADS,
            values_ms=VALUES,
            missing=st.none() | WORDS,
        ),
        "published": several(scheme=WORDS, ms=FIGURES, sentence=WORDS, source=WORDS),
    }
).map(lambda told: madeup.latency() | told)
QUALITIES = several(
    scheme=WORDS,
    kbit_s=FIGURES,
    loss=SHARES,
    pattern=st.sampled_from(["random", "bursty", ""]),
    pesq=st.none() | SCORES,
    stoi=st.none() | SCORES,
    delay_ms=MAYBE,
    r=MAYBE,
    mos=MAYBE,
).map(lambda rows: madeup.quality() | {"quality": rows})
COSTS = several(
    clients=st.integers(1, 10**12),
    gateway_us_per_client_second=MAYBE,
    mix_us_per_client_second=MAYBE,
    mix_bytes_per_circuit=MAYBE,
    gateway_bytes_per_client=MAYBE,
).map(lambda rows: madeup.cost() | {"rows": rows})


@pytest.mark.slow
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.fixed_dictionaries(
        {
            "latency": st.none() | LATENCIES,
            "quality": st.none() | QUALITIES,
            "cost": st.none() | COSTS,
        }
    )
)
def test_any_result_makes_a_page(told: dict[str, Any]) -> None:
    results = taken(told)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(drawing, "PNG_DPI", 20)  # nobody looks at these
        made = writing.made(results)
    seen(made)
    assert all(content for content in made.values())
    for name in writing.TABLES:
        if name in made:
            assert list(csv.reader(io.StringIO(made[name].decode(), newline="")))


@pytest.mark.slow
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.fixed_dictionaries({"latency": LATENCIES, "cost": COSTS}))
def test_any_result_can_be_read_again(told: dict[str, Any]) -> None:
    results = taken(told)
    assert taken(json.loads(rendered(results))) == results
