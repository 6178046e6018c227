"""A program at a JACK server that speaks into a client's microphone and records its loudspeaker.

    python soundrig.py SERVER RECORDING

It is a program of its own since libjack can be at one server only in each process, and so that
nothing keeps it from answering the server in time. It obeys lines on standard input, and answers
each with a line:

    attach CLIENT    be the microphone of PortAudio's CLIENT, and hear what it plays
    play FILE        speak the samples in FILE, int16 [n] as numpy writes them
    wait             answer when they have been spoken

When there are no more lines, RECORDING is written (`soundserver.py` reads it), and it ends.
"""

import sys
import threading
import time
from pathlib import Path

import jack
import numpy as np
from numpy.typing import NDArray

from pymix_voice.edge.priority import ask_for_priority, share_priority

LONGEST_S = 120
START_S = 10
FULL_SCALE = np.float32(32768.0)


class Rig:
    """A client of a JACK server.

    Attributes:
        heard: float32 samples, by the server's frame clock.
        cycles: for each cycle of the server its first frame, and when we were told of it.
        spoken: the frames at which something began to be spoken.
    """

    def __init__(self, server: str) -> None:
        self._client = jack.Client("rig", servername=server, no_start_server=True)
        self._mouth = self._client.outports.register("mouth")
        self._ear = self._client.inports.register("ear")
        self.heard = np.zeros(LONGEST_S * self._client.samplerate, np.float32)
        self.cycles: list[tuple[int, float]] = []
        self.spoken: list[int] = []
        self._speech: NDArray[np.float32] = np.zeros(0, np.float32)
        self._speaking = False
        self._ended = threading.Event()
        self._client.set_process_callback(self._process)
        ask_for_priority()
        self._client.activate()

    def _process(self, frames: int) -> None:
        """One cycle, in JACK's thread. A place in the speech follows from the frame clock."""
        at = self._client.last_frame_time
        if not self.cycles:
            share_priority()
        self.cycles.append((at, time.monotonic()))
        place = at - self.cycles[0][0]
        if place + frames <= len(self.heard):
            self.heard[place : place + frames] = self._ear.get_array()
        mouth = self._mouth.get_array()
        mouth[:] = 0
        speech = self._speech
        if not len(speech):
            return
        if not self._speaking:
            self.spoken.append(at)
        self._speaking = True
        first = at - self.spoken[-1]
        piece = speech[first : first + frames]
        mouth[: len(piece)] = piece
        if first + frames >= len(speech):
            self._speech = np.zeros(0, np.float32)
            self._ended.set()

    def attach(self, client: str) -> None:
        # PortAudio connects its ports when streams are started, each in its turn.
        self._until_connected("system:capture_1", f"{client}:in_0")
        self._until_connected("system:playback_1", f"{client}:out_0")
        self._client.disconnect("system:capture_1", f"{client}:in_0")
        self._client.connect(self._mouth, f"{client}:in_0")
        self._client.connect(f"{client}:out_0", self._ear)

    def _until_connected(self, port: str, other: str) -> None:
        end = time.monotonic() + START_S
        while other not in (each.name for each in self._client.get_all_connections(port)):
            if time.monotonic() > end:
                raise TimeoutError(f"nobody uses {port} as {other}")
            time.sleep(0.01)

    def play(self, pcm: NDArray[np.int16]) -> None:
        self._ended.clear()
        self._speaking = False
        self._speech = pcm.astype(np.float32) / FULL_SCALE

    def wait(self) -> None:
        if not self._ended.wait(LONGEST_S):
            raise TimeoutError("the JACK server asks for no more samples")

    def write(self, path: Path) -> None:
        self._client.deactivate()
        self._client.close()
        heard = self.heard[: self.cycles[-1][0] - self.cycles[0][0]]
        np.savez(
            path,
            heard=np.clip(np.rint(heard * FULL_SCALE), -32768, 32767).astype(np.int16),
            frames=np.array([frame for frame, _ in self.cycles], np.int64),
            instants=np.array([instant for _, instant in self.cycles]),
            spoken=np.array(self.spoken, np.int64),
        )


def obey(rig: Rig, line: str) -> None:
    match line.split(" ", 1):
        case ["attach", client]:
            rig.attach(client)
        case ["play", path]:
            rig.play(np.load(path))
        case ["wait"]:
            rig.wait()
        case _:
            raise ValueError(f"no order: {line}")


def main() -> None:
    rig = Rig(sys.argv[1])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        try:
            obey(rig, line.rstrip("\n"))
            answer = "done"
        except (jack.JackError, OSError, ValueError) as error:
            answer = f"failed: {error}"
        sys.stdout.write(answer + "\n")
        sys.stdout.flush()
    rig.write(Path(sys.argv[2]))


if __name__ == "__main__":
    main()
