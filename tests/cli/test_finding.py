"""Where the zone file and the profile are, when nobody says."""

from pathlib import Path

import platformdirs
import pytest

from pymix_voice.cli.finding import ZONE_VARIABLE, find_profile, find_zone
from pymix_voice.errors import ConfigError


def test_a_folder_means_the_zone_file_in_it(tmp_path: Path) -> None:
    assert find_zone(tmp_path, {}) == tmp_path / "zone.toml"
    assert find_zone(tmp_path / "other.toml", {}) == tmp_path / "other.toml"


def test_the_option_counts_more_than_the_environment(tmp_path: Path) -> None:
    environment = {ZONE_VARIABLE: str(tmp_path)}
    assert find_zone(None, environment) == tmp_path / "zone.toml"
    assert find_zone(Path("given.toml"), environment) == Path("given.toml")


def test_the_usual_places_are_here_and_the_configuration_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, config = tmp_path / "here", tmp_path / "config"
    here.mkdir()
    config.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(platformdirs, "user_config_dir", lambda name: str(config))
    with pytest.raises(ConfigError, match="there is no zone file here; give one with --zone"):
        find_zone(None, {})
    (config / "zone.toml").touch()
    assert find_zone(None, {}) == config / "zone.toml"
    (here / "zone.toml").touch()
    assert find_zone(None, {}) == Path("zone.toml")


def test_a_profile_is_a_folder(tmp_path: Path) -> None:
    assert find_profile(tmp_path) == tmp_path
    assert find_profile(None).parts[-2:] == ("pymix-voice", "me")
