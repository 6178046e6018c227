"""Redundancy: a cell carries the newest frames, and small copies of those some rounds before.

    one frame a round      body 111  =  frame 81    |  copy 30, of the frame two rounds back
    two                    body 179  =  2 frames 59 |  2 copies 30, of the round before   | 0
    three                  body 247  =  3 frames 52 |  3 copies 30, of the round before   | 0

All are Opus, a frame and its copy encoded from the same samples: 32.4 (23.6, 20.8) and 12 kbit/s.
If a cell is lost and the one with its copies comes, they are decoded in the frames' place, by the
same decoder. All cells are alike, so nothing on the wire, and no work either, depends on what gets
lost. Figures, and what else was tried: the decisions on copies in the cell and on longer rounds
(docs/decisions/0017-copies-in-the-cell.md, 0032-longer-rounds.md).

Source: RFC 2198 (redundant audio) in idea.

Must not know: cells, playout, what time it is.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import BadCell, Drop
from pymix_voice.geometry import FRAME_SAMPLES, body_bytes_of
from pymix_voice.voice.opus import Encoder

COPY_BYTES = 30
"""12 kbit/s, the least that Opus makes wideband speech of."""
NO_COPY = bytes(COPY_BYTES)
"""Where there is nothing to copy; no decoder takes it."""
LEAST_FRAMES_BACK = 2
"""From a frame to its copy at the least: it outlives a burst of two where a round is one frame, and
costs 40 ms where one waits."""


@dataclass(frozen=True)
class Layout:
    """How a round's voice is laid into a body.

    Args:
        frames: how many of 20 ms.
    """

    frames: int = 1

    @property
    def body_bytes(self) -> int:
        """All of it."""
        return body_bytes_of(self.frames)

    @property
    def frame_bytes(self) -> int:
        """One frame: what the copies leave, shared equally."""
        return self.body_bytes // self.frames - COPY_BYTES

    @property
    def frames_back(self) -> int:
        """From a frame to its copy: whole rounds, as few as outlive two frames."""
        return self.frames * -(-LEAST_FRAMES_BACK // self.frames)


ONE_FRAME = Layout()


class Unpacked(NamedTuple):
    """What a body holds: frames in their order, and as many copies, each so many frames back."""

    frames: Sequence[bytes]
    copies: Sequence[bytes]
    frames_back: int

    def copies_of(self, number: int) -> Iterator[tuple[int, bytes]]:
        """The copies that came in a round: the numbers of their frames, and they."""
        first = number * len(self.frames) - self.frames_back
        for frame, copy in enumerate(self.copies, first):
            if copy != NO_COPY:
                yield frame, copy


class Packer:
    """Samples to bodies.

    Args:
        layout: of the zone's rounds.

    Raises:
        SoundError: if there is no codec.
    """

    def __init__(self, layout: Layout = ONE_FRAME) -> None:
        self._layout = layout
        self._frames = Encoder(layout.frame_bytes)
        self._copies = Encoder(COPY_BYTES, wideband=True)
        self._earlier = deque([NO_COPY] * layout.frames_back, layout.frames_back)

    def begin(self) -> None:
        """Somebody begins to speak: nothing that was encoded before is known to the other side."""
        self._frames.reset()
        self._copies.reset()
        self._earlier.extend([NO_COPY] * self._layout.frames_back)

    def pack(self, pcm: NDArray[np.int16]) -> bytes:
        """The body for a round.

        Args:
            pcm: int16 [frames · 960], 48 kHz mono.

        Returns:
            A whole body.
        """
        pieces = pcm.reshape(-1, FRAME_SAMPLES)
        copies = [self._earlier[place] for place in range(len(pieces))]
        frames = [self._frames.encode(piece) for piece in pieces]
        self._earlier.extend([self._copies.encode(piece) for piece in pieces])
        return b"".join(frames + copies).ljust(self._layout.body_bytes, b"\0")


def unpack(body: bytes, layout: Layout = ONE_FRAME) -> Unpacked:
    """What a peer's body holds; whether it is Opus the decoder will see.

    Raises:
        BadCell: MALFORMED, if it has another length.
    """
    if len(body) != layout.body_bytes:
        raise BadCell(Drop.MALFORMED)
    end = layout.frames * layout.frame_bytes
    return Unpacked(
        _pieces(body, 0, layout.frame_bytes, layout.frames),
        _pieces(body, end, COPY_BYTES, layout.frames),
        layout.frames_back,
    )


def _pieces(body: bytes, start: int, size: int, count: int) -> list[bytes]:
    return [body[at : at + size] for at in range(start, start + count * size, size)]
