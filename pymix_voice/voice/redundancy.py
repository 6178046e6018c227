"""Redundancy: a cell carries the newest frame, and a small copy of the one two rounds before.

    body 111  =  frame 81  |  copy 30, of the frame two rounds back

Both are Opus, encoded from the same samples: 32.4 and 12 kbit/s. If a cell is lost and the one two
rounds later comes, the copy is decoded in the frame's place, by the same decoder. All cells are
alike, so nothing on the wire, and no work either, depends on what gets lost. Figures, and what else
was tried: the decision on copies in the cell (docs/decisions/0017-copies-in-the-cell.md).

Source: RFC 2198 (redundant audio) in idea.

Must not know: cells, rounds, playout, what time it is.
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import BadCell, Drop
from pymix_voice.geometry import BODY_BYTES
from pymix_voice.voice.opus import Encoder

COPY_BYTES = 30
"""12 kbit/s, the least that Opus makes wideband speech of."""
FRAME_BYTES = BODY_BYTES - COPY_BYTES
COPY_BACK = 2
"""Rounds from a frame to its copy: it outlives a burst of two, and costs 40 ms where one waits."""
NO_COPY = bytes(COPY_BYTES)
"""Where there is nothing to copy; no decoder takes it."""


class Unpacked(NamedTuple):
    """What a body holds."""

    frame: bytes
    copy: bytes

    def copies_of(self, number: int) -> Iterator[tuple[int, bytes]]:
        """The copies that came with a round's frame: their rounds, and they."""
        if self.copy != NO_COPY:
            yield number - COPY_BACK, self.copy


class Packer:
    """Samples to bodies.

    Raises:
        SoundError: if there is no codec.
    """

    def __init__(self) -> None:
        self._frames = Encoder(FRAME_BYTES)
        self._copies = Encoder(COPY_BYTES, wideband=True)
        self._earlier = deque([NO_COPY] * COPY_BACK, COPY_BACK)

    def begin(self) -> None:
        """Somebody begins to speak: nothing that was encoded before is known to the other side."""
        self._frames.reset()
        self._copies.reset()
        self._earlier.extend([NO_COPY] * COPY_BACK)

    def pack(self, pcm: NDArray[np.int16]) -> bytes:
        """The body for a round.

        Args:
            pcm: int16 [960], 48 kHz mono.

        Returns:
            111 bytes.
        """
        body = self._frames.encode(pcm) + self._earlier[0]
        self._earlier.append(self._copies.encode(pcm))
        return body


def unpack(body: bytes) -> Unpacked:
    """What a peer's body holds; whether it is Opus the decoder will see.

    Raises:
        BadCell: MALFORMED, if it has another length.
    """
    if len(body) != BODY_BYTES:
        raise BadCell(Drop.MALFORMED)
    return Unpacked(body[:FRAME_BYTES], body[FRAME_BYTES:])
