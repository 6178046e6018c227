"""Files: permissions, whole or not at all, one clear sentence."""

import os
import stat
from pathlib import Path

import pytest
from zones import example_keys, example_zone

from pymix_voice.edge.files import (
    PRIVATE,
    SignedFile,
    make_folder,
    read_key,
    read_zone,
    write_file,
    write_key,
)
from pymix_voice.errors import ConfigError
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.keyfile import IDENTITY, new_key
from pymix_voice.zone.zonefile import render_zone

KEYS = example_keys()[0][0]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_zone_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "zone.toml"
    path.write_text(render_zone(example_zone()))
    assert read_zone(path).hash == example_zone().hash


def test_a_missing_file_is_told_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no zone file at"):
        read_zone(tmp_path / "zone.toml")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder, but a key file is wanted"):
        read_key(tmp_path)


def test_a_key_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "mix1.key"
    write_key(path, KEYS)
    assert mode(path) == PRIVATE
    assert read_key(path).link.public == KEYS.link.public
    assert [each.name for each in tmp_path.iterdir()] == ["mix1.key"]


@pytest.mark.parametrize("shared", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path, shared: int) -> None:
    path = tmp_path / "mix1.key"
    write_key(path, KEYS)
    path.chmod(shared)
    with pytest.raises(ConfigError, match="run: chmod 600 ") as told:
        read_key(path)
    assert str(path) in str(told.value)


def test_a_key_file_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "mix1.key"
    path.write_text("precious")
    with pytest.raises(ConfigError, match="is there already"):
        write_key(path, KEYS)
    assert path.read_text() == "precious"
    assert [each.name for each in tmp_path.iterdir()] == ["mix1.key"]


def test_what_a_killed_writer_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / f".mix1.key.{os.getpid()}.tmp").write_text("half")
    write_key(tmp_path / "mix1.key", KEYS)
    assert [each.name for each in tmp_path.iterdir()] == ["mix1.key"]


def test_a_file_in_no_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        write_file(tmp_path / "no" / "file", b"", PRIVATE)


def test_a_folder_in_place_of_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="is a file, but a folder is wanted"):
        make_folder(tmp_path / "file")
    with pytest.raises(ConfigError, match="cannot be made"):
        make_folder(tmp_path / "file" / "below")


def test_the_signed_epoch_is_kept_beside_the_key(tmp_path: Path) -> None:
    signed = SignedFile(tmp_path / "mix1.key")
    assert signed.read() == -1
    signed.write(41)
    signed.write(42)
    assert SignedFile(tmp_path / "mix1.key").read() == 42
    assert [each.name for each in tmp_path.iterdir()] == ["mix1.signed"]


@pytest.mark.parametrize("content", [b"", b"x", b"-1", b"1.5", b"9" * 30, b"\xff"])
def test_a_broken_record_of_signed_epochs_is_not_guessed(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mix1.signed").write_bytes(content)
    with pytest.raises(ConfigError, match="does not hold the number of an epoch"):
        SignedFile(tmp_path / "mix1.key").read()


def test_a_private_file_is_private_from_its_first_byte(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_key(tmp_path / "identity.key", new_key(IDENTITY, "me", Dice.seeded(3)))
    finally:
        os.umask(before)
    assert mode(tmp_path / "identity.key") == PRIVATE
