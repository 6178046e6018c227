"""What a mix or gateway refuses before it starts, in one sentence."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from zones import example_zone

from pymix_voice.cli import main
from pymix_voice.cli.serving import by_port
from pymix_voice.errors import ConfigError
from pymix_voice.geometry import MAX_WORKERS

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="workers need Linux")

KEY_VANISHES = """
import os, sys
from pymix_voice.cli import main, serving
key, *sys.argv[1:] = sys.argv[1:]
run = serving.run_workers
async def then(*all):
    os.unlink(key)
    await run(*all)
serving.run_workers = then
sys.exit(main())
"""


@pytest.fixture
def zone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """On ports that `lab/zoning.py` gives to no zone that may be running meanwhile."""
    assert main(["zone", "new", str(tmp_path / "z"), "--port", "13000"]) == 0
    capsys.readouterr()
    return tmp_path / "z"


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main([str(word) for word in words]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    last = err.splitlines()[-1]
    assert last.startswith("pymix-voice: ")
    return last


def test_an_unknown_port_is_told_with_those_that_are(
    zone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = refused(capsys, "mix", "--port", 5, "--zone", zone)
    assert "no mix with port 5; it has 13101 (mix1), 13102 (mix2), 13103 (mix3)" in text
    text = refused(capsys, "gateway", "--port", 13101, "--zone", zone)
    assert "no gateway with port 13101; it has 13000 (gateway1)" in text


def test_a_missing_zone_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = refused(capsys, "mix", "--port", 5, "--zone", tmp_path / "no.toml")
    assert "there is no zone file at" in text


def test_a_missing_key_file_is_told(zone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (zone / "keys" / "mix1.key").unlink()
    text = refused(capsys, "mix", "--port", 13101, "--zone", zone)
    assert "there is no key file at" in text


def test_a_key_file_that_others_can_read_is_refused(
    zone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (zone / "keys" / "mix1.key").chmod(0o644)
    text = refused(capsys, "mix", "--port", 13101, "--zone", zone)
    assert "run: chmod 600" in text


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("mix2.key", "are not those of 'mix1' in the zone file"),
        ("gateway1.key", "is the key file of a gateway, but a mix's is wanted"),
    ],
)
def test_somebody_elses_key_is_refused(
    key: str, sentence: str, zone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = zone / "keys" / key
    assert sentence in refused(capsys, "mix", "--port", 13101, "--zone", zone, "--key", path)


def test_a_broken_record_of_signed_epochs_stops_a_mix(
    zone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (zone / "keys" / "mix1.signed").write_text("?")
    text = refused(capsys, "mix", "--port", 13101, "--zone", zone)
    assert "does not hold the number of an epoch" in text


@pytest.mark.parametrize(
    ("command", "port", "kind"),
    [
        ("mix", 13101, socket.SOCK_DGRAM),
        ("mix", 13101, socket.SOCK_STREAM),
        ("gateway", 13000, socket.SOCK_DGRAM),
        pytest.param("gateway --workers 2", 13000, socket.SOCK_DGRAM, marks=on_linux),
    ],
)
def test_a_port_in_use_is_told(
    command: str,
    port: int,
    kind: socket.SocketKind,
    zone: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", port))
        if kind == socket.SOCK_STREAM:
            sock.listen(1)
        text = refused(capsys, *command.split(), "--port", port, "--zone", zone)
    assert f"port {port} is in use on this computer" in text


@pytest.mark.parametrize("workers", ["0", str(MAX_WORKERS + 1), "many"])
def test_as_many_workers_as_there_can_be_and_no_more(
    workers: str, zone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["gateway", "--port", "13000", "--zone", str(zone), "--workers", workers]
    assert main(words) == 2
    assert "--workers" in capsys.readouterr().err


def test_what_workers_are_told_by_their_parent_is_not_for_people(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["gateway", "--help"]) == 0
    told = capsys.readouterr().out
    assert "--workers" in told
    assert "--worker " not in told
    assert "--socket" not in told


@on_linux
@pytest.mark.patient
@pytest.mark.slow
def test_of_a_gateway_whose_workers_cannot_run_each_tells_why_and_it_ends(
    zone: Path, tmp_path: Path
) -> None:
    """The parent could start; by the time its workers look, the key is gone."""
    words = ["gateway", "--port", "13000", "--zone", str(zone), "--workers", "2"]
    done = subprocess.run(
        [sys.executable, "-c", KEY_VANISHES, str(zone / "keys" / "gateway1.key"), *words],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 1
    told = done.stderr.splitlines()
    assert "there is no key file at" in told[0]
    assert told[-1] in {
        f"pymix-voice: worker {number} cannot run; why, it has said above" for number in (1, 2)
    }


def test_of_several_with_one_port_the_key_tells_which() -> None:
    mixes = example_zone().mixes  # all on port 5000, of different machines
    with pytest.raises(ConfigError, match="add --key FILE to say which one this is"):
        by_port(mixes, 5000, "mix")
    assert by_port(mixes, 5000, "mix", mixes[2].link) == 2


@pytest.mark.parametrize("command", ["mix --port 13101", "gateway --port 13000"])
@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("7000", "it has no port, but"),
        ("here:http", "it has a port that is not a number"),
        ("127.0.0.1:0", "it has a port that is not possible"),
        ("::1:7000", "it has a host that is no IP address"),
        ("x..y:7000", "it has a host that cannot be one"),
    ],
)
def test_a_place_to_listen_that_is_none_is_a_matter_of_usage(
    command: str, place: str, sentence: str, zone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command.split(), "--zone", str(zone), "--listen", place]) == 2
    told = capsys.readouterr().err
    assert "--listen" in told
    assert sentence in told
    assert '"[IPv6]:port" is wanted' in told


@pytest.mark.parametrize("command", ["mix --port 13101", "gateway --port 13000"])
def test_a_place_to_listen_that_is_not_of_this_computer_is_told(
    command: str, zone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*command.split(), "--zone", zone, "--listen", "[2001:db8::1]:7000"]
    assert "2001:db8::1, which is no address of this computer" in refused(capsys, *words)
    words[-1] = "no.invalid:7000"
    assert "the host of --listen has no address" in refused(capsys, *words)


@pytest.mark.parametrize(
    "command",
    [
        "mix --port 13101",
        "gateway --port 13000",
        pytest.param("gateway --workers 2 --port 13000", marks=on_linux),
    ],
)
def test_it_is_the_place_to_listen_that_is_opened(
    command: str, zone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is in use, and the one in the zone file is not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        words = [*command.split(), "--zone", zone, "--listen", f"127.0.0.1:{port}"]
        assert f"port {port} is in use" in refused(capsys, *words)
