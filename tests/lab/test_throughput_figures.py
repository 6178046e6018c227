"""The figures of a run: ratios, what is reckoned, what is missing, and how they are shown."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from trials import mix, zone

from pymix_voice.errors import ConfigError
from pymix_voice.lab.peers.measured import Measured
from pymix_voice.lab.throughput import shown
from pymix_voice.lab.throughput.figures import Found, summary
from pymix_voice.lab.throughput.idle import IdleTimer
from pymix_voice.lab.throughput.mixes import MixTrial


def found(*, quick: bool) -> Found:
    it = Found(quick=quick, whole=True, idle=IdleTimer(100, 0.1, 0.3))
    it.mixes = [mix(1_000, 1.0), mix(8_000, 6.0), mix(10_000, 9.0, loss_free=False)]
    it.gateways = [zone(1_500, 10), zone(2_000, 4_000), zone(2_500, 0, online=12)]
    it.zones = [zone(600, 10), zone(1_000, 900)]
    it.peers.c_mix = Measured.of("mix", "chacha20-poly1305", 8_800, 1_000_000, 0.5, 10)
    it.peers.naive_mix = Measured.of("mix", "chacha20-poly1305", 100, 1_000, 0.04, 10)
    it.steps = {"chacha20-poly1305": {"open": 200.0, "seal": 210.0}}
    return it


def test_the_largest_size_without_loss_counts() -> None:
    told = summary(found(quick=False))
    assert told["mix"]["circuits_per_core"] == told["mix"]["tried"] == 8_000
    assert told["gateway"]["circuits_per_core"] == 1_500
    assert (told["zone"]["clients"], told["zone"]["loss"]) == (600, 1e-4)


def test_a_quick_run_reckons_from_the_processors_time() -> None:
    told = summary(found(quick=True))
    assert told["mix"]["reckoned"]
    assert (
        told["mix"]["circuits_per_core"] == 10_000
    )  # 8,000 at 60 % of a core, 75 % of it reckoned
    assert told["mix"]["tried"] == 8_000


def test_ratios_are_of_cpu_time_a_cell() -> None:
    told = summary(found(quick=False))["mix"]
    assert told["ns_per_cell"] == round(6.0 / 8_800_000 * 1e9)
    assert told["share_of_c"] == pytest.approx(500 / (6.0 / 8_800_000 * 1e9), abs=1e-3)
    assert told["times_naive"] == pytest.approx(40_000 / (6.0 / 8_800_000 * 1e9), abs=1e-2)
    assert told["bytes_per_circuit"] == 15_000


def test_of_several_measurements_the_fastest_counts() -> None:
    it = found(quick=False)
    first = it.peers.c_mix
    assert first is not None
    slower, faster = (
        Measured.of("mix", "chacha20-poly1305", 8_800, 1_000_000, cpu_s, 10) for cpu_s in (0.6, 0.4)
    )
    for measured, kept in ((None, first), (slower, first), (faster, faster), (slower, faster)):
        it.peers.keep("c_mix", measured)
        assert it.peers.c_mix == kept
    it.peers.keep("sphinx", slower)
    assert it.peers.sphinx == slower
    for steps in ({"open": 199.0, "seal": 212.0}, {"open": 300.0}, {"open": 301.0}):
        it.keep_steps("chacha20-poly1305", steps)
    assert it.steps == {"chacha20-poly1305": {"open": 300.0}}
    it.keep_steps("aegis-128l", {"open": 900.0})
    assert it.steps["aegis-128l"] == {"open": 900.0}


def test_what_is_missing_is_told_as_missing() -> None:
    it = found(quick=False)
    told = summary(it)
    assert told["mix"]["times_sphinx"] is None
    assert told["mix_aegis"] is None
    assert told["peers"]["tor"] is None
    text = " ".join(shown.sentences(told))
    assert "sphinx" in text.split("Not measured here")[1]


def test_a_run_that_was_stopped_at_once_can_still_be_shown() -> None:
    told = summary(Found(quick=True))
    assert told["mix"] is told["gateway"] is told["zone"] is None
    Console(file=StringIO()).print(shown.table(told), *shown.sentences(told))


def test_the_table_has_the_ratios_first() -> None:
    out = StringIO()
    Console(file=out, width=120).print(shown.table(summary(found(quick=False))))
    first, second = out.getvalue().splitlines()[1:3]
    assert "of the same in C" in first
    assert "straightforward" in second


def test_punctuality_is_shown_for_less_load_too() -> None:
    it = found(quick=False)
    it.mixes += [mix(4_000, 2.0), mix(6_400, 4.0), mix(4_000, 1.0, links="aegis-128l")]
    it.gateways += [zone(750, 0)]
    told = summary(it)
    rows = [(row["part"], row["load"], row["clients"]) for row in told["punctuality"]]
    assert rows == [("mix", 0.5, 4_000), ("mix", 0.8, 6_400), ("gateway", 0.5, 750)]
    assert told["punctuality"][0]["tick_late_ms"] == {"p50": 0.5, "p99": 1.5}
    assert told["punctuality"][0]["done_ms"] == {"p50": 2.5, "p99": 6.5}
    out = StringIO()
    Console(file=out, width=160).print(shown.table(told))
    assert "begun after it was due, at 50% of it" in out.getvalue()


def test_punctuality_at_a_size_is_told_once_as_tried_last() -> None:
    it = found(quick=False)
    last = mix(4_000, 1.0)._replace(late_ms=(0.1, 0.2))
    it.mixes += [mix(4_000, 2.0), last]
    (row,) = summary(it)["punctuality"]
    assert row["tick_late_ms"] == {"p50": 0.1, "p99": 0.2}


def test_growth_is_drawn(tmp_path: Path) -> None:
    it = found(quick=False)
    it.mixes.append(MixTrial.none(20_000, aegis=False))
    shown.plot(it, tmp_path / "growth.png")
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ConfigError, match="cannot be written"):
        shown.plot(found(quick=False), tmp_path / "no folder" / "growth.png")
