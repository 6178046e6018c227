"""Who is who in a simulated zone: names of its parts, and who is linked with whom.

Gateways of several processes have several names: "gateway1.2" is the second process of the first.

Must not know: what the parts do, who the people are.
"""

from collections.abc import Sequence

from pymix_voice.geometry import MAX_WORKERS
from pymix_voice.lab.clocked import Clocked
from pymix_voice.mix.neighbours import DOWN


class Named(Clocked):
    """A network of named parts; arguments as of `Clocked`."""

    mix_names: list[str]
    """In the order of the chain."""
    gateway_names: list[str]
    _workers: int
    _numbers: dict[str, int]
    """How the first mix numbers each process of the gateways."""

    def name_parts(self, mixes: int, gateways: int, workers: int) -> None:
        """Give so many parts their names."""
        self.mix_names = [f"mix{number + 1}" for number in range(mixes)]
        self.gateway_names = [f"gateway{number + 1}" for number in range(gateways)]
        self._workers, self._numbers = workers, numbered(self.gateway_names, workers)

    def neighbours(self) -> list[tuple[str, str]]:
        """Who is linked with whom, upstream first."""
        chain = list(zip(self.mix_names, self.mix_names[1:], strict=False))
        return [(gateway, self.mix_names[0]) for gateway in self._numbers] + chain

    def _peer(self, me: str, other: str) -> int:
        """How a mix numbers a neighbour."""
        if other in self._numbers:
            return self._numbers[other]
        return DOWN if self.mix_names.index(other) > self.mix_names.index(me) else 0

    def _name_of(self, me: str, peer: int) -> str:
        """Which neighbour has this number at a mix."""
        if me == self.mix_names[0] and peer >= 0:
            return next(name for name, number in self._numbers.items() if number == peer)
        return self.mix_names[self.mix_names.index(me) + (1 if peer == DOWN else -1)]


def numbered(gateway_names: Sequence[str], workers: int) -> dict[str, int]:
    """The processes of all gateways, and how the first mix numbers each."""
    return {
        f"{name}.{worker + 1}" if worker else name: index * MAX_WORKERS + worker
        for index, name in enumerate(gateway_names)
        for worker in range(workers)
    }
