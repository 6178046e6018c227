"""Lead: how far ahead of being heard sound is asked for, at the most.

A card asks for blocks; frames are longer. So how far ahead a frame is wanted wanders within one
block, as the two clocks drift past each other, over minutes or hours: a whole block is expected
from the first. What lies beyond was one late moment, or a card that asks in bursts: it is
remembered for a minute or two.

Must not know: frames, devices, what time it is.
"""

REMEMBERED = 3000
"""Frames, a minute: what was seen in this and the last such spell counts."""


class Lead:
    """The most that is to be expected."""

    def __init__(self) -> None:
        self._spells: list[tuple[float, float]] = []
        """Least and most of the last spell and of this one."""
        self._frames = 0

    def take(self, ahead_s: float) -> None:
        """A frame was wanted so long before it will be heard, in seconds."""
        if self._frames % REMEMBERED == 0:
            self._spells = [*self._spells[-1:], (ahead_s, ahead_s)]
        self._frames += 1
        least, most = self._spells[-1]
        self._spells[-1] = min(least, ahead_s), max(most, ahead_s)

    def most(self, block_s: float) -> float:
        """The most to be expected, in seconds, of a card that asks for such blocks."""
        if not self._spells:
            return 0.0
        least = min(spell[0] for spell in self._spells)
        most = max(spell[1] for spell in self._spells)
        return max(most, least + block_s)
