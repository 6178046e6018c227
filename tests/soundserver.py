"""Sound cards for tests: JACK servers with a dummy driver, and a rig in the place of a person.

A server is a program of its own, of which a client sees one microphone and one loudspeaker, through
PortAudio as any other. A `Rig` (`soundrig.py`) speaks into the one and records the other, each
sample at a known instant.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.geometry import SAMPLE_RATE

PERIOD = SAMPLE_RATE // 100
PERIOD_S = PERIOD / SAMPLE_RATE
READY_S = 15.0
GRACE_S = 5.0
NEAR = SAMPLE_RATE // 2
"""Cycles so near to a frame tell when it was."""


class SoundServerError(AssertionError):
    """There is no sound to be had."""


class SoundServer:
    """A JACK server.

    Args:
        name: distinguishes it from others of the same test.
        folder: for what it writes.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = f"pymix-{name}-{os.getpid()}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._rigs = 0

    @property
    def variables(self) -> dict[str, str]:
        """What a program's environment needs, so that it finds this server's devices only."""
        return {"JACK_DEFAULT_SERVER": self.name, "JACK_NO_START_SERVER": "1"}

    def command(self, *words: str) -> tuple[str, ...]:
        """A command that runs at this server."""
        return ("env", *(f"{name}={value}" for name, value in self.variables.items()), *words)

    def start(self) -> None:
        """Start it, anew too, and wait until it has its devices."""
        for program in ("jackd", "jack_lsp"):
            if shutil.which(program) is None:
                raise SoundServerError(
                    f"{program} was not found, which these tests need for sound cards; install it "
                    "with `apt-get install jackd2 libportaudio2`"
                )
        # It waits for its clients, as a real sound card would not: a busy machine loses nothing.
        server = f"jackd -n {self.name} -r -S -d dummy -r {SAMPLE_RATE} -p {PERIOD} -C 1 -P 1"
        # Ended by SIGTERM even if we are killed: it has shared memory to give back.
        command = f"setpriv --pdeathsig TERM {_priority()} {server}"
        log = self._folder / f"{self.name}.log"
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                command.split(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        end = time.monotonic() + READY_S
        while "system:capture_1" not in self.ports():
            if self._process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise SoundServerError(f"no JACK server came up: {log.read_text().strip()}")
            time.sleep(0.02)

    def ports(self) -> list[str]:
        """What it and its clients have; nothing while it does not run."""
        done = subprocess.run(self.command("jack_lsp"), capture_output=True, text=True, check=False)
        return done.stdout.split()

    def kill(self) -> None:
        """End it at once: all who use it lose their devices."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def end(self) -> None:
        """End it in order; who used it should have ended before."""
        if not self._end_in_order():
            # A killed one keeps its place among the eight that there can be. One more of the
            # same name takes that over, and gives it back.
            self.start()
            self._end_in_order()
        for path in Path("/dev/shm").glob(f"jack*_{self.name}_*"):
            path.unlink(missing_ok=True)

    def _end_in_order(self) -> bool:
        """Whether it did so."""
        if self._process is None:
            return True
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_S)
        self.kill()
        return self._process.returncode != -signal.SIGKILL

    @contextmanager
    def rig(self, client: str = "PortAudio") -> Iterator["Rig"]:
        """Somebody at the devices of a client that has opened them."""
        self._rigs += 1
        rig = Rig(self, self._folder / f"{self.name}-{self._rigs}")
        try:
            rig.attach(client)
            yield rig
        finally:
            rig.leave()


def _priority() -> str:
    """As much as the programs of a zone have, where they get it, or they would keep it waiting."""
    wish = "chrt --rr 1"
    given = subprocess.run([*wish.split(), "true"], capture_output=True, check=False)
    return wish if given.returncode == 0 else ""


@contextmanager
def sound_server(name: str, folder: Path) -> Iterator[SoundServer]:
    """A JACK server while the context lasts.

    Args:
        name: distinguishes it from others of the same test; there can be eight.
        folder: for what it writes.
    """
    server = SoundServer(name, folder)
    server.start()
    try:
        yield server
    finally:
        server.end()


class Rig:
    """Somebody who speaks into a client's microphone, and hears its loudspeaker.

    Args:
        server: where.
        path: for files, without an ending.
    """

    def __init__(self, server: SoundServer, path: Path) -> None:
        self._path = path
        program = str(Path(__file__).with_name("soundrig.py"))
        with path.with_suffix(".log").open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, program, server.name, str(path.with_suffix(".npz"))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._said = 0
        self._expect("ready")

    def attach(self, client: str) -> None:
        """Take the microphone and the loudspeaker of a JACK client."""
        self._order(f"attach {client}")

    def play(self, pcm: NDArray[np.int16]) -> None:
        """Begin to speak int16 [n], 48 kHz mono."""
        self._said += 1
        path = self._path.with_name(f"{self._path.name}-said-{self._said}.npy")
        np.save(path, pcm)
        self._order(f"play {path}")

    def wait(self) -> None:
        """Come back when it has been spoken."""
        self._order("wait")

    def _order(self, line: str) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        self._expect("done")

    def _expect(self, answer: str) -> None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if line != answer:
            log = self._path.with_suffix(".log").read_text().strip()
            raise SoundServerError(f"the rig has an answer '{line}': {log}")

    def leave(self) -> None:
        """Go away from the server; must be done before it ends."""
        if self._process.returncode is not None:
            return
        try:
            self._process.communicate(timeout=GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def recording(self) -> "Recording":
        """What was heard and said, after leaving."""
        with np.load(self._path.with_suffix(".npz")) as file:
            return Recording(file["heard"], file["frames"], file["instants"], file["spoken"])


class Recording(NamedTuple):
    """What a rig heard, and when it spoke."""

    heard: NDArray[np.int16]
    """Samples from the first cycle on."""
    frames: NDArray[np.int64]
    """The first frame of each cycle, by the server's clock."""
    instants: NDArray[np.float64]
    """When the rig was told of each, monotonic seconds."""
    spoken: NDArray[np.int64]
    """The frame at which each speech began."""

    def instant(self, frame: int) -> float:
        """When a cycle with this frame began: as the most punctual cycle near it tells."""
        near = np.abs(self.frames - frame) <= NEAR
        return float(np.min(self.instants[near] - (self.frames[near] - frame) / SAMPLE_RATE))

    @property
    def heard_at(self) -> float:
        """When the first sample was heard: a sound card plays in the next cycle."""
        return self.instant(int(self.frames[0])) + PERIOD_S

    def spoken_at(self, index: int = 0) -> float:
        """When a speech's first sample was spoken: a sound card gives what it heard before."""
        return self.instant(int(self.spoken[index])) - PERIOD_S

    def since(self, instant: float) -> NDArray[np.int16]:
        """What was heard from an instant on."""
        return self.heard[max(0, int((instant - self.heard_at) * SAMPLE_RATE)) :]

    @property
    def skipped(self) -> int:
        """Cycles that the server did without the rig."""
        return int(np.sum(np.diff(self.frames) // PERIOD - 1))
