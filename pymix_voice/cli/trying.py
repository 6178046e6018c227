"""Commands to try things: the demo, and the doctor.

Must not know: zones, rounds.
"""

import platform
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pymix_voice.cli.finding import JsonOption
from pymix_voice.edge.udp import CHUNK_CHARGE, CLIENT_CHARGE, LEAST_BUFFER, Port
from pymix_voice.errors import PymixError, SoundError

OPTIONAL = {"PortAudio", "echo"}
"""Recordings can be spoken and heard without the one, headsets used without the other."""
RMEM_MAX = Path("/proc/sys/net/core/rmem_max")


def demo(
    *,
    json: JsonOption = False,
    out: Annotated[Path | None, Parameter(name="--out", help="Folder for the recordings.")] = None,
) -> int:
    """Run a whole zone and a call on this computer: recordings in, recordings out."""
    from pymix_voice.lab.demo import demo as run_demo

    return run_demo(as_json=json, out=out)


def doctor() -> int:
    """Say what is installed, what is missing, and the line that installs it."""
    checks: dict[str, Callable[[], str]] = {
        "python": _python,
        "libsodium": _libsodium,
        "libopus": _libopus,
        "libsndfile": _libsndfile,
        "samplerate": _samplerate,
        "PortAudio": _portaudio,
        "echo": _echo,
        "UDP buffer": _buffer,
    }
    missing = 0
    for name, check in checks.items():
        try:
            print(f"  ok       {name:<12}{check()}")
        except PymixError as error:
            missing += name not in OPTIONAL
            print(f"  {'optional' if name in OPTIONAL else 'MISSING ':<9}{name:<12}{error}")
    print("all is there" if not missing else f"{missing} missing; mixes and gateways need no sound")
    return 1 if missing else 0


def _python() -> str:
    return f"{platform.python_version()} on {platform.system()} {platform.machine()}"


def _libsodium() -> str:
    return f"PyNaCl {metadata.version('PyNaCl')}, self-test passed"


def _libopus() -> str:
    from pymix_voice.voice import opus
    from pymix_voice.voice.redundancy import ONE_FRAME

    version = opus.load().version
    opus.Encoder(ONE_FRAME.frame_bytes)
    inside = opus.bundled()
    return f"{version}{', wheel opuslib-next-bundled is there' if inside else ''}"


def _libsndfile() -> str:
    try:
        import soundfile
    except (ImportError, OSError):
        raise SoundError(
            "libsndfile was not found; install it with `apt-get install libsndfile1`"
        ) from None
    return f"{soundfile.__libsndfile_version__}"


def _samplerate() -> str:
    from pymix_voice.voice.resample import make_resampler

    make_resampler()
    return metadata.version("samplerate")


def _portaudio() -> str:
    from pymix_voice.edge.devices import devices

    return f"{len(devices())} sound devices (`pymix-voice devices` lists them)"


def _echo() -> str:
    from pymix_voice.voice.echo import EchoCanceller

    EchoCanceller()
    return f"pywebrtc-audio {metadata.version('pywebrtc-audio')}, for --echo-cancel"


def _buffer() -> str:
    port = Port(("127.0.0.1", 0), 4 * LEAST_BUFFER)
    held = port.buffer_bytes
    port.close()
    text = f"{held // CLIENT_CHARGE} client or {held // CHUNK_CHARGE} chunk datagrams"
    if sys.platform == "linux" and RMEM_MAX.exists():
        text += f" (net.core.rmem_max is {int(RMEM_MAX.read_text()):,})"
    return text
