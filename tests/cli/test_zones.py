"""Making and checking zones."""

import stat
from pathlib import Path

import pytest

from pymix_voice.cli import main
from pymix_voice.edge.files import read_key, read_zone
from pymix_voice.zone.phantoms import PRESETS
from pymix_voice.zone.zonefile import GatewayEntry, MixEntry, Zone


def told(capsys: pytest.CaptureFixture[str], words: list[str], code: int = 0) -> str:
    assert main(words) == code
    out, err = capsys.readouterr()
    if code:
        assert out == ""
        assert err.startswith("pymix-voice: ")
        assert err.count("\n") == 1
        return err
    return out


def entries(zone: Zone) -> list[MixEntry | GatewayEntry]:
    return [*zone.mixes, *zone.gateways]


def test_a_new_zone_has_all_its_keys_and_tells_how_to_start_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "my zone"
    text = told(capsys, ["zone", "new", str(folder), "--mixes", "2", "--gateways", "2"])
    zone = read_zone(folder / "zone.toml")
    assert [mix.port for mix in zone.mixes] == [7101, 7102]
    assert [gateway.port for gateway in zone.gateways] == [7000, 7001]
    for entry in entries(zone):
        path = folder / "keys" / f"{entry.name}.key"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert read_key(path).link.public == entry.link
        assert f"--port {entry.port} --zone '{folder}'" in text
    assert "pymix-voice listen" in text


def test_options_of_a_new_zone_are_written_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = "--name office --clients 40 --host mix.example.net --port 9000 --min-rows 8"
    more = ["--patience-ms", "12.5", "--phantoms", "few"]
    told(capsys, ["zone", "new", str(tmp_path / "z"), *options.split(), *more])
    zone = read_zone(tmp_path / "z" / "zone.toml")
    assert (zone.name, zone.clients, zone.min_rows, zone.patience_ms) == ("office", 40, 8, 12.5)
    assert {entry.host for entry in entries(zone)} == {"mix.example.net"}
    assert zone.mixes[0].port == 9101
    assert zone.phantoms == PRESETS["few"]


@pytest.mark.parametrize(
    ("choice", "told_of"),
    [
        ("off", "none: the last mix can count calls"),
        ("few", "180 lines and 60 doors of every mix but the last"),
    ],
)
def test_check_tells_of_phantoms(
    choice: str, told_of: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, ["zone", "new", str(tmp_path), "--phantoms", choice])
    assert f"phantoms   {told_of}" in told(capsys, ["zone", "check", str(tmp_path)])


def test_nothing_that_is_there_is_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, ["zone", "new", str(tmp_path)])
    before = (tmp_path / "zone.toml").read_bytes()
    assert "is there already" in told(capsys, ["zone", "new", str(tmp_path)], 1)
    (tmp_path / "zone.toml").unlink()
    assert "mix1.key is there already" in told(capsys, ["zone", "new", str(tmp_path)], 1)
    assert not (tmp_path / "zone.toml").exists()
    assert before


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--mixes 0", "the chain has 0 mixes, but 1 to 8 are possible"),
        ("--mixes 9", "the chain has 9 mixes"),
        ("--gateways 0", "0 gateways were asked for"),
        ("--gateways 101", "101 gateways were asked for"),
        ("--clients 0", "the zone is for 0 clients"),
        ("--port 0", "port 0 was asked for"),
        ("--port 65500", "port 65500 was asked for, but 1 to 65426"),
        ("--min-rows 999", "min_rows is 999"),
        ("--patience-ms 99", "patience_ms is 99"),
        ("--patience-ms nan", "patience_ms is nan"),
        ("--name Big_Zone", "name has 8 characters or others than allowed"),
        ("--host 300.1.1.1", "has a host that is no IP address"),
        ("--host a..b", "has a host that cannot be one"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    option: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["zone", "new", str(tmp_path / "z"), *option.split()]
    assert sentence in told(capsys, words, 1)
    assert not (tmp_path / "z").exists()


def test_the_last_possible_port_is_possible(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, ["zone", "new", str(tmp_path), "--port", "65426", "--mixes", "8"])


def test_an_operator_makes_their_own_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.key"
    text = told(capsys, ["zone", "key", str(path), "mix", "mix1"])
    assert "[[mixes]]" in text
    assert "sign = " in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "is there already" in told(capsys, ["zone", "key", str(path), "mix", "mix1"], 1)


def test_a_key_with_an_impossible_name_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["zone", "key", str(tmp_path / "m.key"), "gateway", "My Gateway"]
    assert "the name has 10 characters" in told(capsys, words, 1)


def test_a_zone_file_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, ["zone", "new", str(tmp_path)])
    text = told(capsys, ["zone", "check", str(tmp_path)])
    assert "the file is in order" in text
    assert "mix1 -> mix2 -> mix3" in text
    assert text == told(capsys, ["zone", "check", str(tmp_path / "zone.toml")])


def test_a_broken_zone_file_is_told_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, ["zone", "new", str(tmp_path)])
    path = tmp_path / "zone.toml"
    path.write_text(path.read_text().replace("clients", "cleints"))
    text = told(capsys, ["zone", "check", str(path)], 1)
    assert "unknown key 'cleints'; did you mean 'clients'?" in text
    assert str(path) in text


def test_sizes_can_be_looked_up(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, ["geometry", "--mixes", "3", "--clients", "500"])
    assert "1000" in text
    assert "the chain has 99 mixes" in told(capsys, ["geometry", "--mixes", "99"], 1)
