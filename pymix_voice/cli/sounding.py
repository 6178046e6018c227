"""What a person says about sound: recordings, devices, none.

Must not know: calls, rounds.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pymix_voice.edge.outfit import Choice
from pymix_voice.edge.plugs import Wanted
from pymix_voice.errors import ConfigError, SoundError
from pymix_voice.voice.recordings import read_recording


@Parameter(name="*")
@dataclass(frozen=True)
class SoundOptions:
    """How to speak and hear: by the default sound devices, if nothing is said."""

    input: Annotated[
        Path | None,
        Parameter(help="Recording to speak (WAV, FLAC) in place of a microphone."),
    ] = None
    output: Annotated[
        Path | None,
        Parameter(help="WAV file to record what is heard, in place of a loudspeaker."),
    ] = None
    input_device: Annotated[
        str | None, Parameter(help="Microphone: number or part of the name (`devices` lists them).")
    ] = None
    output_device: Annotated[
        str | None, Parameter(help="Loudspeaker: number or part of the name.")
    ] = None
    silent: Annotated[
        bool,
        Parameter(negative="", help="Use no sound devices: only the files given, else nothing."),
    ] = False
    echo_cancel: Annotated[
        bool,
        Parameter(
            negative="",
            help="For loudspeakers without a headset: take their echo out of the microphone.",
        ),
    ] = False

    def chosen(self) -> Choice:
        """What is to be used; that it can be is seen before anybody calls.

        Raises:
            ConfigError: two of the options exclude each other.
            SoundError: a file cannot be read, or not be written.
        """
        for side, file, device in (
            ("input", self.input, self.input_device),
            ("output", self.output, self.output_device),
        ):
            other = f"--{side}" if file is not None else "--silent"
            if device is not None and (file is not None or self.silent):
                raise ConfigError(
                    f"both --{side}-device and {other} were given; give one of the two"
                )
        output = self.output
        if output is not None and not output.parent.is_dir():
            raise SoundError(f"there is no folder {output.parent} for {output.name}; make it first")
        if output is not None and output.is_dir():
            raise SoundError(f"{output} is a folder, but a WAV file to write is wanted")
        return Choice(
            said=None if self.input is None else read_recording(self.input),
            output=output,
            silent=self.silent,
            wanted=Wanted(self.input_device, self.output_device),
            echo_cancel=self.echo_cancel,
        )
