"""What `listen` and `call` refuse, and what they say first."""

import json
from pathlib import Path

import numpy as np
import pytest

from pymix_voice.cli import main
from pymix_voice.edge.profile import locked
from pymix_voice.voice.recordings import Recorder


@pytest.fixture
def zone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["zone", "new", str(tmp_path / "z"), "--port", "23200"]) == 0
    capsys.readouterr()
    return tmp_path / "z"


@pytest.fixture
def bob(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["me", "--profile", str(tmp_path / "bob")]) == 0
    return capsys.readouterr().out.strip()


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main([str(word) for word in words]) == 1
    err = capsys.readouterr().err
    last: str = err.splitlines()[-1]
    assert last.startswith("pymix-voice: ")
    return last


def test_a_mistyped_address_is_told_without_repeating_it(
    zone: Path, bob: str, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = bob[:-1] + ("a" if bob[-1] != "a" else "b")
    for address in (wrong, bob[:-3], "bob", ""):
        text = refused(capsys, "call", address, "--zone", zone, "--profile", zone / "alice")
        assert not address or address not in text


def test_nobody_calls_themselves(
    zone: Path, bob: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = refused(capsys, "call", bob, "--zone", zone, "--profile", tmp_path / "bob")
    assert "this is your own address" in text


@pytest.mark.parametrize("duration", ["0", "-1", "nan", "inf"])
def test_an_impossible_duration_is_refused(
    duration: str, zone: Path, bob: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--zone", zone, "--profile", zone / "alice", "--duration", duration)
    assert "is not possible; give more than 0" in refused(capsys, "call", bob, *words)


def test_an_unknown_gateway_is_told_with_those_that_are(
    zone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--zone", zone, "--profile", zone / "alice", "--gateway", "west")
    assert "no gateway 'west'; it has gateway1" in refused(capsys, "listen", *words)


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--input no.wav", "there is no file no.wav"),
        ("--input zone.toml", "zone.toml is not a recording"),
        ("--output no/b.wav", "there is no folder no for b.wav"),
        ("--output keys", "keys is a folder"),
        ("--contact pymix1abc", "this address is too short"),
        ("--zone no.toml", "there is no zone file at no.toml"),
        ("--profile zone.toml", "zone.toml is a file, but a folder is wanted"),
    ],
)
def test_what_listen_cannot_use_is_told_in_one_sentence(
    option: str,
    sentence: str,
    zone: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(zone)
    words = ["listen", "--silent", *option.split()]
    if "--profile" not in words:
        words += ["--profile", "alice"]
    assert sentence in refused(capsys, *words)


@pytest.mark.parametrize("other", ["--input b.wav", "--silent"])
def test_a_device_and_something_in_its_place_exclude_each_other(
    other: str, zone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("listen", "--zone", zone, *other.split(), "--input-device", "2")
    assert f"both --input-device and {other.split()[0]} were given" in refused(capsys, *words)


def test_a_status_goes_with_json(zone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("listen", "--silent", "--zone", zone, "--profile", zone / "a", "--status", "1")
    assert "goes with --json" in refused(capsys, *words)


def test_an_unknown_name_is_told_with_how_to_make_it_known(
    zone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--zone", zone, "--profile", zone / "alice")
    assert "contacts add" in refused(capsys, "call", "Bob", *words)


def test_a_profile_in_use_is_refused(zone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with locked(zone / "alice"):
        words = ("--silent", "--zone", zone, "--profile", zone / "alice")
        text = refused(capsys, "listen", *words)
    assert "another program uses the profile" in text


@pytest.mark.slow
def test_a_gateway_that_is_not_there_is_told_after_a_while(
    zone: Path,
    bob: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pymix_voice.edge.stories.NO_GATEWAY_S", 0.3)
    speech, heard = zone / "speech.wav", zone / "heard.wav"
    with Recorder(speech) as recorder:
        recorder.write(np.zeros(4800, np.int16))
    heard.write_bytes(b"of yesterday")
    words = ["call", bob, "--zone", zone, "--profile", zone / "alice", "--now", "--json"]
    words += ["--silent", "--input", speech, "--output", heard]
    assert main([str(word) for word in words]) == 1
    out, err = capsys.readouterr()
    assert "the gateway does not answer" in err
    assert err.count("\n") == 1
    assert [json.loads(line)["event"] for line in out.splitlines()] == ["address"]
    assert heard.read_bytes() == b"of yesterday"
