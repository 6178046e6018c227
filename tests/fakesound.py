"""A sounddevice module without PortAudio: devices are what a test says, and a test is the card."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pymix_voice.edge.clock import Clock
from pymix_voice.geometry import SAMPLE_RATE

BLOCK = SAMPLE_RATE // 100
BLOCK_S = BLOCK / SAMPLE_RATE


class FakePortAudioError(Exception):
    """As PortAudio's, with a number that nobody wants to see."""

    def __init__(self, words: str = "it is so") -> None:
        super().__init__(f"{words} [PaErrorCode -9997]")


def device(name: str, inputs: int = 1, outputs: int = 1, host: int = 0) -> dict[str, Any]:
    """A device as sounddevice lists it."""
    return {
        "name": name,
        "hostapi": host,
        "max_input_channels": inputs,
        "max_output_channels": outputs,
    }


class FakeStream:
    """A stream whose card is the test.

    Attributes:
        settings: what it was opened with.
        calls: what was done to it.
    """

    latency: Any = 0.012

    def __init__(self, sound: "FakeSound", kind: str, settings: dict[str, Any]) -> None:
        self.kind = kind
        self.settings = settings
        self.calls: list[str] = []
        self._sound = sound
        self._callback: Callable[[Any, int, Any, Any], None] = settings["callback"]
        if sound.refuses == "open":
            raise FakePortAudioError("Invalid sample rate")
        sound.streams.append(self)

    def start(self) -> None:
        if self._sound.refuses == "start":
            raise FakePortAudioError("Device unavailable")
        self.calls.append("start")

    def abort(self) -> None:
        if self._sound.hangs:
            self.calls.append("abort that hangs")
            self._sound.let_go.wait(10)
        self.calls.append("abort")

    def close(self) -> None:
        self.calls.append("close")

    def hear(self, pcm: NDArray[np.int16], status: bool = False) -> None:
        """The microphone heard something."""
        self._callback(memoryview(pcm.tobytes()), len(pcm), None, status)

    def want(self, count: int = BLOCK, status: bool = False) -> NDArray[np.int16]:
        """The loudspeaker wants samples; what it is given."""
        block = bytearray(b"\x55" * 2 * count)
        self._callback(block, count, None, status)
        return np.frombuffer(bytes(block), np.int16)

    def ask(self) -> None:
        """One block passes, of silence."""
        if self.kind == "input":
            self.hear(np.zeros(BLOCK, np.int16))
        else:
            self.want()


class FakeSound(ModuleType):
    """The module.

    Attributes:
        found: the devices that are plugged in; PortAudio knows of them from its next start on.
        streams: all that were ever opened.
        refuses: what goes wrong: "list", "open", "start" or "initialize".
        hangs: whether closing never comes back, until `let_go` is set.
        starts: how often PortAudio was started.
    """

    PortAudioError = FakePortAudioError

    def __init__(self, *found: dict[str, Any]) -> None:
        super().__init__("sounddevice")
        self.found = list(found)
        self.hosts = ["ALSA", "JACK Audio Connection Kit"]
        self.streams: list[FakeStream] = []
        self.refuses = ""
        self.hangs = False
        self.let_go = threading.Event()
        self.starts = 0
        self.default = SimpleNamespace(device=[0, 0])
        self.copies: list[str] = []
        self._lib: Any = "the library"
        self._ffi = SimpleNamespace(dlopen=self._dlopen)
        self._initialized = 0
        self._initialize()

    @property
    def library(self) -> str:
        """Which copy of PortAudio is used."""
        return str(self._lib)

    def _dlopen(self, path: str) -> str:
        self.copies.append(path)
        return f"copy {len(self.copies)} of the library"

    def _initialize(self) -> None:
        if self.refuses == "initialize":
            raise FakePortAudioError("Error initializing PortAudio")
        self.starts += 1
        self._initialized += 1
        self._known = list(self.found)

    def _terminate(self) -> None:
        if not self._initialized:
            raise FakePortAudioError("PortAudio not initialized")
        self._initialized -= 1

    def _exit_handler(self) -> None:
        """What the real one does when the program ends."""

    def query_hostapis(self) -> list[dict[str, Any]]:
        return [{"name": name} for name in self.hosts]

    def query_devices(self) -> list[dict[str, Any]]:
        if self.refuses == "list":
            raise FakePortAudioError("Internal error")
        return self._known

    def RawInputStream(self, **settings: Any) -> FakeStream:
        return FakeStream(self, "input", settings)

    def RawOutputStream(self, **settings: Any) -> FakeStream:
        return FakeStream(self, "output", settings)

    def open_streams(self) -> list[FakeStream]:
        return [stream for stream in self.streams if "close" not in stream.calls]


def use(monkeypatch: pytest.MonkeyPatch, *found: dict[str, Any]) -> FakeSound:
    """Let the program find these devices, and no real ones."""
    sound = FakeSound(*found)
    monkeypatch.setitem(sys.modules, "sounddevice", sound)
    return sound


class Wall:
    """The clock on the wall, which a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(Clock, "now", staticmethod(lambda: self.now))

    def pass_by(self, *streams: FakeStream, blocks: int = 1) -> None:
        """Time passes, while cards ask for sound."""
        for _ in range(blocks):
            self.now += BLOCK_S
            for stream in streams:
                stream.ask()


@contextmanager
def running(sound: FakeSound, heard: NDArray[np.int16]) -> Iterator[None]:
    """All streams ask for sound in real time; each microphone hears a block over and over."""
    ended = threading.Event()

    def run() -> None:
        while not ended.is_set():
            for stream in list(sound.streams):
                if "start" in stream.calls and "close" not in stream.calls:
                    if stream.kind == "input":
                        stream.hear(heard)
                    else:
                        stream.want()
            time.sleep(BLOCK_S / 2)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
