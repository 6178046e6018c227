"""A mark: which round passed a place last, and when, so that a call's delay can be told by parts.

Rounds are public: marks say nothing that an observer of the links does not see.

Must not know: what passed.
"""

from typing import NamedTuple


class Mark(NamedTuple):
    """The newest round that passed.

    Attributes:
        round: its number; 0 before there was one.
        at: the instant, in seconds on the clock of whoever noted it.
    """

    round: int = 0
    at: float = 0.0

    def figures(self, name: str) -> dict[str, int | float]:
        """For an operator."""
        return {f"{name}_round": self.round, f"{name}_at": self.at}
