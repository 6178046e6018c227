"""Where things are when nobody says: the zone file, the profile.

Must not know: what is in them.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import platformdirs
from cyclopts import Parameter

from pymix_voice.errors import ConfigError

ZONE_FILE = "zone.toml"
ZONE_VARIABLE = "PYMIX_VOICE_ZONE"

ZoneOption = Annotated[
    Path | None,
    Parameter(
        name="--zone",
        help="Zone file, or the folder with zone.toml. Default: $PYMIX_VOICE_ZONE, "
        "./zone.toml, or zone.toml in your configuration folder.",
    ),
]
ProfileOption = Annotated[
    Path | None,
    Parameter(
        name="--profile",
        help="Folder with your identity; made at first use. Default: one in your home folder.",
    ),
]
JsonOption = Annotated[
    bool,
    Parameter(name="--json", negative="", help="One JSON object a line on stdout, for programs."),
]


def find_zone(option: Path | None, environment: Mapping[str, str] = os.environ) -> Path:
    """The zone file.

    Args:
        option: what the person gave, a file or a folder.
        environment: the process's.

    Raises:
        ConfigError: if none was given and none is in the usual places.
    """
    if option is None and environment.get(ZONE_VARIABLE):
        option = Path(environment[ZONE_VARIABLE])
    if option is not None:
        return option / ZONE_FILE if option.is_dir() else option
    places = [Path(ZONE_FILE), Path(platformdirs.user_config_dir("pymix-voice")) / ZONE_FILE]
    for place in places:
        if place.is_file():
            return place
    raise ConfigError(
        f"there is no zone file here; give one with --zone or ${ZONE_VARIABLE}, "
        "or make one with `pymix-voice zone new DIR`"
    )


def find_profile(option: Path | None) -> Path:
    """The folder with a person's identity."""
    if option is not None:
        return option
    return Path(platformdirs.user_data_dir("pymix-voice")) / "me"
