"""Rule: what a part holds does not grow while it lives.

Must not know: what it holds.
"""

from pymix_voice.lab.simulate.observed import Rule
from pymix_voice.lab.simulate.walking import sizes
from pymix_voice.lab.world import Part

SETTLED_EPOCHS = 5
"""A part has its full size after so many epochs: it remembers some rounds up to three of them."""
LEAST_EPOCHS = 2
"""It is compared with how it was so many epochs ago at least."""


class Memory(Rule):
    """The sizes of all containers of every part, early and late in its life.

    Args:
        allowance: items by which any of them may grow meanwhile: rounds that were under way.
        factor: and how many times.
    """

    name = "memory"

    def __init__(self, allowance: int = 600, factor: float = 1.5) -> None:
        super().__init__()
        self._allowance, self._factor = allowance, factor
        self._begun: dict[str, float] = {}
        self._settled: dict[str, tuple[float, dict[str, int]]] = {}

    def begun(self, name: str, part: Part) -> None:
        """It begins anew."""
        self._begun[name] = self.world.now
        self._settled.pop(name, None)

    def ended(self, name: str) -> None:
        """Nothing is left of it."""
        self._begun.pop(name, None)
        self._settled.pop(name, None)

    def look(self) -> None:
        """Take the size of whoever has settled."""
        epoch_s = self.world.zone.geometry.epoch_s
        for name, begun in self._begun.items():
            old = self.world.now - begun >= SETTLED_EPOCHS * epoch_s
            if old and name not in self._settled and name in self.world.parts:
                self._settled[name] = self.world.now, sizes(self.world.parts[name])

    def close(self) -> None:
        """Compare."""
        least = LEAST_EPOCHS * self.world.zone.geometry.epoch_s
        for name, (at, before) in self._settled.items():
            if name not in self.world.parts or self.world.now - at < least:
                continue
            for where, size in sizes(self.world.parts[name]).items():
                old = before.get(where, 0)
                if size > self._factor * old + self._allowance:
                    self.broken(f"{where} of {name} has grown from {old} to {size}")
