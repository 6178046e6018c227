"""A call as people make it: every line typed in a terminal of its own, real processes, real UDP."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trio

from pymix_voice.lab.measure import correlation, delays
from pymix_voice.lab.processes import Part, Parts, parts_in
from pymix_voice.voice.recordings import read_recording

pytestmark = pytest.mark.live

SAMPLES = Path(__file__).parents[2] / "samples"
MIXES = (101, 102, 103)


def free_port() -> int:
    """A first port with which all ports of a new zone are free."""
    for first in range(31_000, 60_000, 137):
        try:
            for port in (first, *(first + offset for offset in MIXES)):
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    with socket.socket(socket.AF_INET, kind) as sock:
                        sock.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise AssertionError("no ports are free")


def new_zone(folder: Path, port: int) -> None:
    words = ["zone", "new", str(folder), "--port", str(port), "--clients", "20"]
    subprocess.run([sys.executable, "-m", "pymix_voice", *words], check=True, capture_output=True)


def address_of(profile: Path) -> str:
    words = [sys.executable, "-m", "pymix_voice", "me", "--profile", str(profile)]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def start_chain(parts: Parts, folder: Path, port: int) -> list[Part]:
    zone = ("--zone", str(folder), "--json")
    gateway = parts.start("gateway1", "gateway", "--port", str(port), *zone)
    mixes = [
        parts.start(f"mix{number}", "mix", "--port", str(port + offset), *zone)
        for number, offset in enumerate(MIXES, 1)
    ]
    return [gateway, *mixes]


def lines_of(folder: Path) -> str:
    """All that all parts have written."""
    return "".join(path.read_text() for path in folder.iterdir())


@pytest.mark.slow
async def test_two_people_call_each_other_over_three_mixes(tmp_path: Path) -> None:
    zone, logs, port = tmp_path / "zone", tmp_path / "logs", free_port()
    logs.mkdir()
    new_zone(zone, port)
    heard_by_bob, heard_by_alice = tmp_path / "bob.wav", tmp_path / "alice.wav"
    said_by_bob, said_by_alice = SAMPLES / "austen-selfish.wav", SAMPLES / "austen-amiable.wav"
    bob_words = f"--zone {zone} --profile {tmp_path / 'bob'} --auto-answer --once --json"
    alice_words = f"--zone {zone} --profile {tmp_path / 'alice'} --now --json"
    with trio.fail_after(75):
        async with parts_in(logs) as parts:
            chain = start_chain(parts, zone, port)
            sounds = ("--input", str(said_by_bob), "--output", str(heard_by_bob))
            bob = parts.start("bob", "listen", "--silent", *bob_words.split(), *sounds, lasts=False)
            address = (await bob.until("address", within_s=15))["address"]
            await bob.until("in zone", within_s=30)
            sounds = ("--input", str(said_by_alice), "--output", str(heard_by_alice))
            words = (address, *alice_words.split(), *sounds)
            alice = parts.start("alice", "call", "--silent", *words, lasts=False)
            await alice.until("talking", within_s=30)
            await alice.finished(within_s=30)
            await bob.finished(within_s=10)
            for part in chain:
                assert part.running
                part.no_longer_needed()
                part.signal(signal.SIGTERM)
            for part in chain:
                await part.finished(within_s=5)
    alices, bobs = alice.all_told("summary")[0], bob.all_told("summary")[0]
    assert (alices["role"], bobs["role"]) == ("caller", "callee")
    assert_heard(said_by_alice, alices["t0"], heard_by_bob, bobs["s0"])
    assert_heard(said_by_bob, bobs["t0"], heard_by_alice, alices["s0"])
    for part in chain:
        last = part.all_told("figures")[-1]
        assert last["rounds"] > 200
        assert_tells_nothing(json.dumps(part.told), address)
    assert "127.0.0.1" not in lines_of(logs)


def assert_heard(said: Path, t0: float, heard: Path, s0: float) -> None:
    """What was heard is what was said, and came soon."""
    spoken, recorded = read_recording(said), read_recording(heard)
    assert correlation(spoken, recorded) > 0.9
    assert 0.03 < float(np.median(delays(spoken, t0, recorded, s0))) < 0.4


def assert_tells_nothing(words: str, address: str) -> None:
    """No place, key or address of anybody in what a mix or gateway tells."""
    for secret in ("127.0.0.1", "pymix1", address[6:40]):
        assert secret not in words


@pytest.mark.slow
async def test_a_call_to_somebody_who_is_not_there_ends_with_a_sentence(tmp_path: Path) -> None:
    zone, logs, port = tmp_path / "zone", tmp_path / "logs", free_port()
    logs.mkdir()
    new_zone(zone, port)
    address = address_of(tmp_path / "bob")
    with trio.fail_after(60):
        async with parts_in(logs) as parts:
            start_chain(parts, zone, port)
            options = f"--zone {zone} --profile {tmp_path / 'alice'} --now --json"
            alice = parts.start("alice", "call", "--silent", address, *options.split(), lasts=False)
            alice.no_longer_needed()
            ended = await alice.until("ended", within_s=45)
            await alice.finished(within_s=5)
    assert ended["reason"] == "nobody is there: the other side is not online"
    assert (logs / "alice.log").read_text() == (
        "pymix-voice: nobody is there: the other side is not online\n"
    )
