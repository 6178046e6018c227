"""Sound devices: which there are, and which one a person means.

PortAudio by sounddevice, imported here only and late: a mix or gateway runs without either.

Must not know: what is played, calls.
"""

import atexit
import importlib
import re
import shutil
import tempfile
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from pymix_voice.errors import SoundError

NO_PORTAUDIO = (
    "PortAudio was not found, which plays and records; install it with "
    "`apt-get install libportaudio2`, or use files: --input, --output, --silent"
)


class Side(StrEnum):
    """What a device is used for."""

    INPUT = "input"
    OUTPUT = "output"

    @property
    def thing(self) -> str:
        """What a person calls it."""
        return "microphone" if self == Side.INPUT else "loudspeaker"


class Device(NamedTuple):
    """One device, as PortAudio lists it."""

    number: int
    name: str
    host: str
    """The sound system that it is of, such as ALSA or JACK."""
    inputs: int
    outputs: int
    default_input: bool
    default_output: bool

    @property
    def dies_hard(self) -> bool:
        """Whether its streams cannot be closed once it is gone."""
        return self.host.startswith("JACK")

    def serves(self, side: Side) -> bool:
        """Whether it can be used for a side."""
        return (self.inputs if side == Side.INPUT else self.outputs) > 0

    def is_default(self, side: Side) -> bool:
        """Whether it is used when nobody says which."""
        return self.default_input if side == Side.INPUT else self.default_output


def portaudio() -> Any:  # noqa: ANN401 - an untyped library
    """The module sounddevice.

    Raises:
        SoundError: if it or PortAudio is missing, with the line that installs it.
    """
    try:
        return importlib.import_module("sounddevice")
    except ImportError as error:
        raise SoundError(
            "sounddevice was not found; install it with `pip install sounddevice`"
        ) from error
    except OSError as error:
        raise SoundError(NO_PORTAUDIO) from error
    except Exception as error:  # PortAudioError, of a module that is not there to name it
        raise SoundError(f"PortAudio does not start: {_told(error)}") from error


def devices() -> list[Device]:
    """All devices that PortAudio knew when it was last started.

    Raises:
        SoundError: if it is missing, or cannot say.
    """
    sd = portaudio()
    try:
        hosts = sd.query_hostapis()
        found = list(sd.query_devices())
        defaults = sd.default.device
    except sd.PortAudioError as error:
        raise SoundError(f"PortAudio cannot list the devices: {_told(error)}") from error
    return [
        Device(
            number,
            str(each["name"]),
            str(hosts[each["hostapi"]]["name"]),
            int(each["max_input_channels"]),
            int(each["max_output_channels"]),
            number == defaults[0],
            number == defaults[1],
        )
        for number, each in enumerate(found)
    ]


def choose(found: Sequence[Device], side: Side, wanted: str | None) -> Device:
    """The device that a person means.

    Args:
        found: all there are.
        side: what for.
        wanted: its number, or a part of its name in any case; None for the default.

    Raises:
        SoundError: there is none, or it is not clear which.
    """
    usable = [device for device in found if device.serves(side)]
    if not usable:
        raise SoundError(
            f"no {side.thing} was found; plug one in and see `pymix-voice devices`, or use a "
            f"file with --{side}, or --silent"
        )
    if wanted is None:
        return next((device for device in usable if device.is_default(side)), usable[0])
    if wanted.strip().isdecimal():
        matches = [device for device in usable if device.number == int(wanted)]
    else:
        part = wanted.strip().casefold()
        matches = [device for device in usable if part in device.name.casefold()]
        exact = [device for device in matches if device.name.casefold() == part]
        matches = exact[:1] or matches
    if len(matches) == 1:
        return matches[0]
    many = f"{len(matches)} {side} devices match" if matches else f"no {side} device matches"
    names = ", ".join(f"{device.number} ({device.name})" for device in matches or usable)
    raise SoundError(f"{many} '{wanted}'; give the number of one of these: {names}")


def restart() -> None:
    """Let PortAudio look anew which devices there are; all streams must be closed before.

    Raises:
        SoundError: if it does not start again.
    """
    sd = portaudio()
    try:
        while sd._initialized:
            sd._terminate()
        sd._initialize()
    except sd.PortAudioError as error:
        raise SoundError(f"the sound system does not start again: {_told(error)}") from error


_abandoned: list[object] = []
"""What must never be freed, since a sound system that is gone still holds it."""


def leave_behind(streams: Sequence[object]) -> None:
    """Never touch these streams again, nor end PortAudio when the program ends."""
    sd = portaudio()
    _abandoned.extend((streams, sd._lib))
    atexit.unregister(sd._exit_handler)


def abandon(streams: Sequence[object]) -> None:
    """Go on with a fresh copy of PortAudio, and never touch the present one again.

    When a JACK server goes away, PortAudio 19.6 hangs or aborts the process in whatever is called
    to close its streams, or to end itself at exit. So both are left behind as they are.

    Args:
        streams: that cannot be closed.

    Raises:
        SoundError: if it does not start again.
    """
    sd = portaudio()
    leave_behind(streams)
    with tempfile.TemporaryDirectory() as folder:
        # Under another name it is loaded once more, with a state of its own.
        copy = shutil.copy(_library_file(), Path(folder) / "portaudio-again.so")
        sd._lib = sd._ffi.dlopen(str(copy))
    sd._initialized = 0
    try:
        sd._initialize()
    except sd.PortAudioError as error:
        raise SoundError(f"the sound system does not start again: {_told(error)}") from error


def _library_file() -> str:
    """Where the loaded libportaudio is (Linux; elsewhere there is no JACK that goes away)."""
    try:
        maps = Path("/proc/self/maps").read_text()
    except OSError:
        maps = ""
    found = re.search(r"(/\S*libportaudio\S*)", maps)
    if found is None:
        raise SoundError("the sound system is gone; start the program again")
    return found.group(1)


def _told(error: Exception) -> str:
    """PortAudio's own words, without its error numbers."""
    return re.sub(r"\s*\[PaErrorCode.*", "", str(error)).strip() or "it does not say why"
