"""Recordings: any WAV or FLAC file in, 48 kHz mono WAV out.

Must not know: codecs, calls, what time it is.
"""

import contextlib
import importlib
import wave
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import soxr
from numpy.typing import NDArray

from pymix_voice.errors import Misuse, SoundError
from pymix_voice.geometry import SAMPLE_RATE

MAX_SECONDS = 3600
"""A longer recording is refused: it would be held in memory."""

RATES = range(4_000, 384_001)
"""Sample rates that a recording may have."""

LOUDEST = 1024.0
"""Samples of a file beyond this many full scales are not believed; one that is no number is 0."""

MAX_WRITTEN = 12 * 3600 * SAMPLE_RATE
"""Samples in a recording that we write: a WAV file holds 4 GiB, a little over 12 hours."""


def _soundfile() -> ModuleType:
    """Import soundfile here only: without libsndfile it raises OSError."""
    try:
        module = importlib.import_module("soundfile")
    except OSError as error:
        raise SoundError(
            "libsndfile was not found; install it with `apt-get install libsndfile1`"
        ) from error
    return module


def read_recording(path: Path | str) -> NDArray[np.int16]:
    """Read a recording of any rate and number of channels.

    Args:
        path: a WAV or FLAC file, or another kind that libsndfile knows.

    Returns:
        int16 [n], 48 kHz mono: the mean of all channels, resampled.

    Raises:
        SoundError: if the file is missing, not audio, empty or longer than an hour.
    """
    path = Path(path)
    soundfile = _soundfile()
    if path.suffix.lower() == ".raw":
        # libsndfile would ask for the rate of a headerless file, which nobody knows.
        raise SoundError(f"{path.name} has no header that tells its rate; convert it to WAV")
    try:
        # Opened here for the system's own word on what is wrong; read by its path, as a seek that
        # a broken file asks for would raise inside a callback, where nothing can catch it.
        with path.open("rb"), soundfile.SoundFile(path) as recording:
            _check(path.name, recording.samplerate, recording.frames)
            pieces = [_to_int16(piece) for piece in _resampled(recording)]
    except soundfile.LibsndfileError as error:
        raise SoundError(f"{path.name} is not a recording; give a WAV or FLAC file") from error
    except FileNotFoundError as error:
        raise SoundError(f"there is no file {path.name}; give a WAV or FLAC file") from error
    except OSError as error:
        raise SoundError(f"{path.name} cannot be read: {error.strerror}") from error
    pcm = np.concatenate(pieces)
    if not len(pcm):
        raise SoundError(f"{path.name} is empty; give a recording with sound in it")
    return pcm


def _check(name: str, rate: int, frames: int) -> None:
    """Refuse what cannot be a recording of speech, before it fills the memory."""
    if rate not in RATES:
        raise SoundError(f"{name} has {rate} samples a second, but 4,000 to 384,000 are possible")
    if frames <= 0:
        raise SoundError(f"{name} is empty; give a recording with sound in it")
    if frames > MAX_SECONDS * rate:
        raise SoundError(f"{name} lasts {frames / rate / 60:.0f} minutes, but 60 are the most")


def _resampled(recording: Any) -> Iterator[NDArray[np.float32]]:  # noqa: ANN401 - untyped library
    """The recording in mono at 48 kHz, a second at a time."""
    rate: int = recording.samplerate
    stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
    # By their number: some kinds (GSM) cannot tell how many are left, as one cannot seek in them.
    ways = {"blocksize": rate, "frames": recording.frames}
    for block in recording.blocks(**ways, dtype="float32", always_2d=True):
        # Before anything is added up: one value of a broken file must not spoil those around it.
        np.clip(np.nan_to_num(block, copy=False, nan=0.0), -LOUDEST, LOUDEST, out=block)
        mono = block.mean(axis=1, dtype=np.float32)
        yield mono if rate == SAMPLE_RATE else stream.resample_chunk(mono)
    if rate != SAMPLE_RATE:
        yield stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)


def _to_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Full scale is 32,768; what lies beyond is clipped."""
    scaled = np.rint(samples * 32768.0)
    clipped: NDArray[np.int16] = np.clip(scaled, -32768, 32767).astype(np.int16)
    return clipped


class Recorder:
    """Writes a recording beside its place, and moves it there when it is whole.

    An older file at the path stays as it is until `close`; if nothing was written, for good.

    Args:
        path: where the recording is to be, a WAV file.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._part = self._path.with_name(self._path.name + ".part")
        self._file: BinaryIO | None = None
        self._wave: wave.Wave_write | None = None
        self._closed = False
        self.samples = 0

    def write(self, pcm: NDArray[np.int16]) -> None:
        """Add samples; the file is a whole WAV file after every write.

        Should that fail, as on a full disk, what was written before is moved to its place.

        Args:
            pcm: int16 [n], 48 kHz mono.

        Raises:
            SoundError: if the file cannot be written, or is 12 hours long.
            Misuse: after `close`, or if the samples are not int16 in one dimension.
        """
        if self._closed:
            raise Misuse("a recording was written to after it was closed")
        if pcm.ndim != 1 or pcm.dtype != np.int16:
            raise Misuse(f"a recording is int16 in one dimension, not {pcm.shape} {pcm.dtype}")
        if self.samples + len(pcm) > MAX_WRITTEN:
            raise SoundError(f"{self._path.name} is 12 hours long, and a WAV file holds no more")
        try:
            with self._explained():
                if self._wave is None:
                    self._wave = self._begin()
                self._wave.writeframes(pcm.astype("<i2").tobytes())
        except SoundError:
            self._keep_what_is_there()
            raise
        self.samples += len(pcm)

    def close(self) -> None:
        """Move the recording to its place. Closing again does nothing.

        Raises:
            SoundError: if that cannot be done.
        """
        if self._closed:
            return
        self._closed = True
        with self._explained():
            if self._wave is not None:
                self._wave.close()
            if self._file is not None:
                self._file.close()
                self._part.replace(self._path)

    def _keep_what_is_there(self) -> None:
        """The header on the disk tells of as much as was written well."""
        self._closed = True
        for file in (self._wave, self._file):
            if file is not None:
                with contextlib.suppress(OSError):
                    file.close()  # it tries once more to write, and closes in any case
        with contextlib.suppress(OSError):
            if self.samples:
                self._part.replace(self._path)
            else:
                self._part.unlink(missing_ok=True)

    def _begin(self) -> wave.Wave_write:
        """Make the file with its header."""
        self._file = self._part.open("wb")
        writer = wave.open(self._file, "wb")  # noqa: SIM115 - `close` closes it
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(SAMPLE_RATE)
        return writer

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the system's error into a sentence."""
        try:
            yield
        except OSError as error:
            raise SoundError(f"{self._path.name} cannot be written: {error.strerror}") from error

    def __enter__(self) -> Self:
        """Nothing is made before the first write."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """What was recorded is kept, also after an error."""
        self.close()
