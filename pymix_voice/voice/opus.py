"""Opus: 20 ms of mono speech to a frame of a fixed size and back (RFC 6716).

The one place that touches libopus, through the ctypes declarations of `opuslib.api`. Constant bit
rate and no DTX, so that a frame's length never tells speech from silence. The traps of opuslib
3.0.1 that this module steps around: its `encode` reads past a short buffer, its `dtx` property
never reaches libopus, its `decode` goes through Python lists, and its variadic calls have no
argument types.

Must not know: rounds, cells, time, sound devices.
"""

import ctypes
import ctypes.util
import functools
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import BadCell, Drop, Misuse, SoundError
from pymix_voice.geometry import FRAME_SAMPLES, SAMPLE_RATE

LOOKAHEAD_SAMPLES = 312
"""The decoder gives a sample 6.5 ms after the encoder took it (a test measures it)."""

LEAST_FRAME_BYTES, MOST_FRAME_BYTES = 10, 160
"""Sizes that an encoder is asked for here: 4 to 64 kbit/s."""

COMPLEXITY = 10
"""The encoder's effort; see `Encoder`."""

MAX_FRAME_BYTES = 1275
"""RFC 6716, section 3.2.1: no frame is longer."""

MISSING = (
    "libopus was not found; install it with `apt-get install libopus0`, `brew install opus` "
    "or `pip install opuslib-next-bundled`"
)


class Library(NamedTuple):
    """The modules of opuslib, with a libopus behind them."""

    encoder: ModuleType
    decoder: ModuleType
    ctl: ModuleType
    constants: ModuleType
    version: str


@functools.cache
def load() -> Library:
    """Find libopus: the one in the wheel `opuslib-next-bundled` (1.6), else the system's.

    The wheel's is newer than what long-lived systems have, and encodes in a third of the time.

    Returns:
        What `Encoder` and `Decoder` work with. Found once, kept for the process.

    Raises:
        SoundError: if there is no libopus; the text has the line that installs it.
    """
    places = [place for place in (bundled(), ctypes.util.find_library("opus")) if place]
    for place in places:
        try:
            ctypes.CDLL(place)
        except OSError:
            continue  # found, but for another machine or half installed
        return _import_opuslib(place)
    raise SoundError(MISSING)


def bundled() -> str | None:
    """Path of the wheel's library; the wheel's own package is never imported (it clashes)."""
    spec = importlib.util.find_spec("opuslib_next")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for name in ("libopus.so", "libopus.dylib", "opus.dll"):
            path = Path(folder) / "_native" / name
            if path.is_file():
                return str(path)
    return None


def _import_opuslib(place: str) -> Library:
    """Import opuslib with this library; it asks `find_library` once, when it is imported."""
    find_library = ctypes.util.find_library
    ctypes.util.find_library = lambda name: place if name == "opus" else find_library(name)
    try:
        import opuslib.api.ctl
        import opuslib.api.decoder
        import opuslib.api.encoder
        import opuslib.constants
    except ImportError as error:
        raise SoundError("opuslib was not found; install it with `pip install opuslib`") from error
    except Exception as error:
        # opuslib raises a plain Exception when it finds no libopus: nothing narrower to catch.
        raise SoundError(MISSING) from error
    finally:
        ctypes.util.find_library = find_library
    api = opuslib.api
    # Without these, Apple's arm64 passes the variadic arguments where libopus does not look.
    api.encoder.libopus_ctl.argtypes = (api.encoder.EncoderPointer, ctypes.c_int)
    api.decoder.libopus_ctl.argtypes = (api.decoder.DecoderPointer, ctypes.c_int)
    api.libopus.opus_get_version_string.restype = ctypes.c_char_p
    version = api.libopus.opus_get_version_string().decode()
    return Library(api.encoder, api.decoder, api.ctl, opuslib.constants, version)


def _pointer(samples: NDArray[np.int16]) -> Any:  # noqa: ANN401 - ctypes makes this class at run time
    """Where libopus finds the samples; the array must outlive it."""
    return samples.ctypes.data_as(ctypes.POINTER(ctypes.c_int16))


class Encoder:
    """Speech to frames of one size.

    Application AUDIO with a voice signal. What a cell is filled with and why it is this mode, with
    figures, is in the decision on redundancy (docs/decisions/0017-copies-in-the-cell.md).

    Args:
        size: bytes of each frame; with constant bit rate 400 bit/s a byte.
        wideband: keep to 8 kHz, also where the rate would let libopus choose less or more: a frame
            that is decoded among those of another encoder must have the same inner rate.

    Raises:
        SoundError: if there is no libopus, or it does not do as it was told.
    """

    def __init__(self, size: int, *, wideband: bool = False) -> None:
        if not LEAST_FRAME_BYTES <= size <= MOST_FRAME_BYTES:
            raise Misuse(f"a frame of {size} bytes is not possible")
        library = load()
        self.size = size
        self._library = library
        self._encode = library.encoder.libopus_encode
        self._destroy = library.encoder.destroy
        application = library.constants.APPLICATION_AUDIO
        self._state = library.encoder.create_state(SAMPLE_RATE, 1, application)
        self._tell(library)
        if wideband:
            bandwidth = library.constants.BANDWIDTH_WIDEBAND
            library.encoder.encoder_ctl(self._state, library.ctl.set_bandwidth, bandwidth)
        self._pcm: NDArray[np.int16] = np.zeros(FRAME_SAMPLES, dtype=np.int16)
        self._pcm_pointer = _pointer(self._pcm)
        self._frame = ctypes.create_string_buffer(size)

    def reset(self) -> None:
        """Forget all that was encoded, as a decoder that begins knows none of it."""
        self._library.encoder.encoder_ctl(self._state, self._library.ctl.reset_state)

    def _tell(self, library: Library) -> None:
        """Set what must hold, and read it back: a wrong setting would show on the wire."""
        ctl, tell = library.ctl, functools.partial(library.encoder.encoder_ctl, self._state)
        wanted = (
            ("vbr", ctl.set_vbr, ctl.get_vbr, 0),
            ("dtx", ctl.set_dtx, ctl.get_dtx, 0),
            ("in-band FEC", ctl.set_inband_fec, ctl.get_inband_fec, 0),
            ("bit rate", ctl.set_bitrate, ctl.get_bitrate, self.bit_rate),
            ("signal", ctl.set_signal, ctl.get_signal, library.constants.SIGNAL_VOICE),
            ("complexity", ctl.set_complexity, ctl.get_complexity, COMPLEXITY),
        )
        for name, setter, getter, value in wanted:
            tell(setter, value)
            found = tell(getter)
            if found != value:
                raise SoundError(f"libopus has {name} {found}, but {value} is needed; update it")

    @property
    def bit_rate(self) -> int:
        """Bits a second."""
        return self.size * 8 * SAMPLE_RATE // FRAME_SAMPLES

    def encode(self, pcm: NDArray[np.int16]) -> bytes:
        """Encode the next 20 ms.

        Args:
            pcm: int16 [960], 48 kHz mono.

        Returns:
            Exactly `size` bytes, whatever the samples are.

        Raises:
            Misuse: if the array is not 960 int16 samples, or libopus gives another length.
        """
        if pcm.shape != (FRAME_SAMPLES,) or pcm.dtype != np.int16:
            raise Misuse(f"a frame is {FRAME_SAMPLES} int16 samples, not {pcm.shape} {pcm.dtype}")
        self._pcm[:] = pcm
        size = self._encode(self._state, self._pcm_pointer, FRAME_SAMPLES, self._frame, self.size)
        if size != self.size:
            raise Misuse(f"libopus made a frame of {size} bytes, not {self.size}")
        return self._frame.raw

    def __del__(self) -> None:
        if hasattr(self, "_state"):
            self._destroy(self._state)


class Decoder:
    """Frames to speech, and a guess where a frame is missing.

    Raises:
        SoundError: if there is no libopus.
    """

    def __init__(self) -> None:
        library = load()
        self._decode = library.decoder.libopus_decode
        self._samples_in = library.decoder.libopus_get_nb_samples
        self._destroy = library.decoder.destroy
        self._state = library.decoder.create_state(SAMPLE_RATE, 1)
        self._pcm: NDArray[np.int16] = np.zeros(FRAME_SAMPLES, dtype=np.int16)
        self._pcm_pointer = _pointer(self._pcm)

    def decode(self, frame: bytes) -> NDArray[np.int16]:
        """Decode one frame.

        Args:
            frame: what the peer sent; any bytes are safe to give.

        Returns:
            int16 [960], 48 kHz mono, the caller's own.

        Raises:
            BadCell: MALFORMED, if it is no Opus frame of exactly 20 ms.
        """
        size = len(frame)
        # An empty frame would be taken as a lost one; a longer duration would not fit our buffer.
        if not 1 <= size <= MAX_FRAME_BYTES or (
            self._samples_in(self._state, frame, size) != FRAME_SAMPLES
        ):
            raise BadCell(Drop.MALFORMED)
        count = self._decode(self._state, frame, size, self._pcm_pointer, FRAME_SAMPLES, 0)
        if count != FRAME_SAMPLES:
            raise BadCell(Drop.MALFORMED)
        return self._pcm.copy()

    def conceal(self) -> NDArray[np.int16]:
        """Guess 20 ms from what was heard before; fades out over about 100 ms of loss.

        Returns:
            int16 [960], 48 kHz mono, the caller's own.

        Raises:
            Misuse: if libopus does not do it, which it never refuses.
        """
        count = self._decode(self._state, None, 0, self._pcm_pointer, FRAME_SAMPLES, 0)
        if count != FRAME_SAMPLES:
            raise Misuse(f"libopus concealed {count} samples, not {FRAME_SAMPLES}")
        return self._pcm.copy()

    def __del__(self) -> None:
        if hasattr(self, "_state"):
            self._destroy(self._state)
