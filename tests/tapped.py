"""Links of a made-up zone as an observer has them: steady cells, jitter, and calls of chance.

Nothing that is on these links depends on the calls. Tests plant what does.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pymix_voice.lab.audit.attack import Attack, Recording, attempt
from pymix_voice.lab.audit.capture import Call, Capture, Truth
from pymix_voice.lab.audit.guesses import Judged
from pymix_voice.lab.audit.insiders import Insiders
from pymix_voice.onion.dice import Dice

ROUND_S, EPOCH_S, BEGIN = 0.02, 4.0, 1000.0
CELL_UP, CELL_DOWN, SETUP, HELLO = 152, 176, 420, 500
DELAY_S = 0.1
"""From one client's link to its peer's."""
JITTER_S = 0.001


Instants = NDArray[np.float64]


@dataclass
class Side:
    """One client's link in one direction."""

    at: Instants
    sizes: NDArray[np.intp]
    lost: NDArray[np.bool_]

    @staticmethod
    def of(at: Instants, size: int) -> "Side":
        return Side(at, np.full(len(at), size), np.zeros(len(at), np.bool_))

    def drop(self, which: NDArray[np.bool_]) -> None:
        """These were never sent."""
        self.at, self.sizes, self.lost = self.at[~which], self.sizes[~which], self.lost[~which]

    def add(self, at: Instants, size: int) -> None:
        """These were sent as well."""
        self.at = np.concatenate([self.at, at])
        order = np.argsort(self.at, kind="stable")
        self.at = self.at[order]
        self.sizes = np.concatenate([self.sizes, np.full(len(at), size)])[order]
        self.lost = np.concatenate([self.lost, np.zeros(len(at), np.bool_)])[order]

    def in_rounds_of(self, instants: Instants) -> NDArray[np.bool_]:
        """Which datagrams are within half a round of any of these instants."""
        if not len(instants):
            return np.zeros(len(self.at), np.bool_)
        ordered = np.sort(instants)
        place = np.clip(np.searchsorted(ordered, self.at), 1, max(1, len(ordered) - 1))
        before = np.abs(self.at - ordered[place - 1])
        after = np.abs(self.at - ordered[np.minimum(place, len(ordered) - 1)])
        return np.asarray(np.minimum(before, after) < ROUND_S / 2)


@dataclass
class Tap:
    """One recording in the making; `ups` is what each client sent, `downs` what it was sent."""

    numbers: np.random.Generator
    seconds: float
    calls: list[Call]
    ups: list[Side]
    downs: list[Side]

    @property
    def clients(self) -> int:
        return len(self.ups)

    def in_call(self, client: int, at: Instants) -> NDArray[np.bool_]:
        """At which of these instants it is."""
        spans = [(at >= call.begin) & (at < call.end) for call in self.calls if client in call[:2]]
        return np.any(spans, axis=0) if spans else np.zeros(len(at), np.bool_)

    def ways(self) -> list[tuple[Call, int, int]]:
        """For each call both directions: who speaks, who hears."""
        return [(call, *pair) for call in self.calls for pair in (call[:2], call[1::-1])]

    def instants(self, count: int) -> Instants:
        """So many, drawn."""
        return BEGIN + np.sort(self.numbers.uniform(0, self.seconds, count))

    def recording(self, insiders: Insiders | None = None) -> Recording:
        """All of it in order of time; end 0 is the gateway, and ends are not in clients' order."""
        ends = self.numbers.permutation(self.clients) + 1
        sides = [*self.ups, *self.downs]
        lengths = [len(side.at) for side in sides]
        gateway = np.zeros(self.clients, np.intp)
        sources = np.repeat(np.concatenate([ends, gateway]), lengths)
        destinations = np.repeat(np.concatenate([gateway, ends]), lengths)
        at = np.concatenate([side.at for side in sides])
        order = np.argsort(at, kind="stable")
        capture = Capture(
            ["gateway", *(f"client {end}" for end in range(1, self.clients + 1))],
            ends.astype(np.intp),
            at[order],
            sources[order].astype(np.intp),
            destinations[order].astype(np.intp),
            np.concatenate([side.sizes for side in sides])[order],
            round_s=ROUND_S,
            epoch_s=EPOCH_S,
            epoch_at=BEGIN,
            begin=BEGIN,
            end=BEGIN + self.seconds,
            lost=np.concatenate([side.lost for side in sides])[order],
        )
        return Recording(capture, Truth(tuple(self.calls)), insiders)


def tap(seed: int, clients: int = 40, seconds: float = 25.0, pairs: int = 12) -> Tap:
    """A zone whose links do not depend on its calls, which are drawn apart."""
    numbers = np.random.default_rng(seed)
    shuffled = numbers.permutation(clients)
    calls = []
    for one, other in shuffled[: 2 * pairs].reshape(pairs, 2).tolist():
        begin = BEGIN + seconds * numbers.uniform(0.05, 0.45)
        calls.append(Call(one, other, begin, begin + seconds * numbers.uniform(0.3, 0.5)))
    rounds = BEGIN + ROUND_S * np.arange(round(seconds / ROUND_S))
    sent = np.where(np.arange(len(rounds)) % 10, 1, 2)  # a door's cell goes along with the line's
    ups, downs = [], []
    for phase in numbers.uniform(0.0, ROUND_S, clients).tolist():
        jitter = numbers.normal(0, JITTER_S, len(rounds))
        ups.append(Side.of(np.sort(np.repeat(rounds + phase + jitter, sent)), CELL_UP))
        setup = BEGIN + 2.2 + numbers.integers(16) * ROUND_S + phase
        ups[-1].add(np.arange(setup, rounds[-1], EPOCH_S), SETUP)
        burst = rounds + 0.012 + np.abs(numbers.normal(0, 0.0002, len(rounds)))
        downs.append(Side.of(np.repeat(burst, sent), CELL_DOWN))
    return Tap(numbers, seconds, calls, ups, downs)


def tried(attack: Attack, *recordings: Recording) -> Judged:
    """How an attack did; it must have found something to guess."""
    judged = attempt(attack, recordings, Dice.seeded(1))
    assert judged is not None
    assert 0 <= judged.success <= 1
    return judged


def near_chance(judged: Judged) -> bool:
    """Whether it did no better than with shuffled labels."""
    return judged.p > 0.01 and judged.low <= judged.null + 0.02
