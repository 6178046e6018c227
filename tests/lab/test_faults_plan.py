"""Faults: which there are, what strangers throw, what a log must not say, what a person reads."""

import signal
import socket
import sys
import time
from io import StringIO

import numpy as np
import pytest
from rich.console import Console
from zones import example_zone

from pymix_voice.edge.clock import Clock
from pymix_voice.errors import ConfigError
from pymix_voice.lab.faults import part, shown
from pymix_voice.lab.faults.bench import Found, all_well, summary
from pymix_voice.lab.faults.hellos import hello
from pymix_voice.lab.faults.inflicting import ALL, QUICK_NAMES, chosen, path_of
from pymix_voice.lab.faults.junk import for_gateway, for_mix
from pymix_voice.lab.faults.watching import leaks
from pymix_voice.lab.processes import Told
from pymix_voice.onion.dice import Dice
from pymix_voice.zone import access
from pymix_voice.zone.access import Kind

ZONE = example_zone(mixes=3, clients=12)
ROUND = 90_000_000


def test_every_part_is_killed_and_stopped() -> None:
    for name in ("kill", "stop-1s", "stop-3s"):
        parts = {fault.part for fault in ALL if fault.name == name}
        assert parts == {"mix 1", "mix 2", "mix 3", "gateway", "caller"}
    assert len({path_of(fault) for fault in ALL}) == len(ALL)


def test_a_quick_run_is_a_part_of_all_and_names_choose() -> None:
    assert [path_of(fault) for fault in chosen(None, quick=False)] == list(map(path_of, ALL))
    assert {path_of(fault) for fault in chosen(None, quick=True)} == set(QUICK_NAMES)
    assert [path_of(fault) for fault in chosen(["disk", "kill/mix 2"], quick=True)] == [
        "kill/mix 2",
        "disk/caller",
    ]
    with pytest.raises(ConfigError, match=r"no fault 'kil'; there are none, kill, stop-1s"):
        chosen(["kil"], quick=False)


def test_junk_for_a_gateway_has_all_sizes_and_looks_real() -> None:
    made = for_gateway(ZONE, ROUND, Dice.seeded(1))
    sizes = {rows.shape[1] for rows in made}
    assert {ZONE.geometry.up_bytes, access.HELLO_BYTES, ZONE.geometry.setup_bytes} < sizes
    heads = [access.HEADER.unpack(rows[0, :8].tobytes()) for rows in made]
    kinds = {kind for (_, kind, low) in heads if low == ROUND.to_bytes(8, "little")[:3]}
    assert kinds == {Kind.LINE, Kind.DOOR}
    assert any(head == (access.NO_SESSION, Kind.HELLO, b"\0\0\0") for head in heads)
    assert len({rows[0].tobytes() for rows in made}) == len(made)


def test_junk_for_a_mix_has_wrong_sizes_and_rounds_of_now() -> None:
    made = for_mix(ZONE, ROUND, Dice.seeded(1))
    assert {rows.shape[1] == ZONE.geometry.chunk_bytes for rows in made} == {True, False}
    rounds = {
        int.from_bytes(rows[0, 4:8].tobytes(), "little") for rows in made if rows.shape[1] > 8
    }
    assert ROUND in rounds
    assert all(rows.dtype == np.uint8 for rows in made)


def test_each_hello_of_a_flood_is_one_that_a_gateway_reads() -> None:
    first, second = (hello(ZONE, Dice.seeded(seed)) for seed in (1, 2))
    assert len(first) == access.HELLO_BYTES
    assert access.HEADER.unpack(first[:8])[:2] == (access.NO_SESSION, Kind.HELLO)
    assert first != second


@pytest.mark.parametrize(
    ("sentence", "what"),
    [
        ("a datagram of 192.168.1.7 was odd", ["an address"]),
        ("[fe80::1] is gone", ["an address"]),
        ("session 8f3a2b1c ended", ["a number like a key's"]),
        ("key abcdefghijklmnopqrstuvwxyz234567abcd", ["a key's word"]),
        ("their word is opensesame", ["the word"]),
        ('  File "machine.py", line 3', ["a traceback"]),
        ("circuits of a new epoch: 12 lines", []),
        (
            "the UDP receive buffer holds 2 datagrams; run: sysctl -w net.core.rmem_max=212992000",
            [],
        ),
        ("waiting for mix2", []),
    ],
)
def test_a_leak_in_a_log_is_seen(sentence: str, what: list[str]) -> None:
    assert leaks([sentence], {"the word": "opensesame"}) == what


def told_by(told: Told) -> str:
    console = Console(file=StringIO(), width=220)
    console.print(shown.table(told))
    for sentence in shown.sentences(told):
        console.print(sentence)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def made_up(*, ok: bool) -> Told:
    return {
        "fault": "kill",
        "part": "mix 2",
        "gap_s": 6.22,
        "recovery_s": None,
        "bystander_gap_s": 5.5,
        "bystander_recovery_s": 5.0,
        "frames_lost": 300,
        "bystander_frames_lost": 271,
        "lines": 4,
        "memory_mb": {"mix 2": [48.0, 50.0], "mix 1": [0.0, 48.0]},
        "ok": ok,
        "failed": [] if ok else ["the call did not recover"],
        "notes": ["gone"],
    }


def test_what_was_found_is_told_in_a_table_and_sentences() -> None:
    found = Found(quick=True, rows=[made_up(ok=False)], leaks=["mix 1 logged a key's word"])
    found.failed["hellos/gateway"] = "it was not 'thrown' within 15 s\n  more"
    told = summary(found)
    text = told_by(told)
    for words in (
        "6.22 s",
        "NO",
        "the call did not recover; gone",
        "more than 2 MB",
        "LEAK: mix 1",
    ):
        assert words in text
    assert "Not measured: hellos/gateway: it was not 'thrown' within 15 s." in text
    assert not all_well(told)


@pytest.mark.parametrize("broken", ["leaks", "failed", "rows", None])
def test_all_is_well_only_if_nothing_is_wrong(broken: str | None) -> None:
    told = summary(Found(quick=True, rows=[made_up(ok=broken != "rows")]))
    if broken in ("leaks", "failed"):
        told[broken] = {"kill/mix 2": "no"}
    assert all_well(told) == (broken is None)
    assert "No log of a gateway or mix" in told_by(told) or broken == "leaks"


@pytest.mark.skipif(sys.platform != "linux", reason="the clock is set back by a signal")
def test_a_part_can_be_given_less(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        assert part.least(sock, 1 << 20) < 10_000
    monkeypatch.setattr(Clock, "unix", Clock.unix)  # and as before afterwards
    before = signal.getsignal(part.SET_BACK)
    try:
        part.let_clock_go_back()
        assert Clock().unix() == pytest.approx(time.time(), abs=5)
        signal.raise_signal(part.SET_BACK)
        assert Clock(7.0).unix() == pytest.approx(time.time() + 7 - part.BACK_S, abs=5)
    finally:
        signal.signal(part.SET_BACK, before)
