"""Where corrupt mixes do better than chance, by how much, and what phantoms do to that.

These attacks work, and the threat model says so. They are tried here many times each, on what the
real switchboard joins and what real phantoms add:

    dropping    a client's set-up is stopped in some epochs: are there fewer pairs then?
    n-1         all set-ups but two clients' are held back: is there a pair?
    the peer    who hears when a client's cells are missing, and whose link lost them?
    the address when is the door there, and who was online then?

Whoever drops or holds back is given all else: that nobody else changes what they do meanwhile.

Sources: Serjantov, Dingledine, Syverson, "From a Trickle to a Flood" (IH 2002), n-1; van den Hooff
and others, "Vuvuzela" (SOSP 2015), counts at the switchboard; Neyman and Pearson, "On the Problem
of the Most Efficient Tests of Statistical Hypotheses" (1933), the best guess from them; Danezis and
Serjantov, "Statistical Disclosure or Intersection Attacks on Anonymity Systems" (IH 2004),
presence.

Must not know: how figures are shown.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pymix_voice.lab.privacy import Counts, count
from pymix_voice.lab.processes import Told
from pymix_voice.mix.phantoms import law_of
from pymix_voice.mix.switchboard import PAYLOAD_BYTES, join
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.setup import Flag
from pymix_voice.zone.phantoms import PRESETS, Phantoms

TRIALS: Final = 2000
EPOCHS: Final = (1, 3, 10, 30, 100)
SECONDS: Final = (1, 2, 5, 10, 30)
STAYS: Final = (1, 30, 100, 300, 900)
"""Epochs in which presence is watched."""
CROWDS: Final = (100, 1000)
CLIENTS: Final = 100
PAIRS: Final = 20
CELLS_A_SECOND: Final = 50
LOSS: Final = 0.01
STAY_EPOCHS: Final = 450.0
"""How long somebody is online, and away, in the mean: half an hour of epochs of 4 s."""


@dataclass(frozen=True)
class Limit:
    """How often one attack is right.

    Attributes:
        name: of the attack.
        among: how many clients.
        watched: how long, in `unit`s.
        unit: epochs or seconds.
        phantoms: which the zone has, by the word an operator chooses.
        success: how often it was right.
        null: how often chance is.
        trials: how often it was tried.
    """

    name: str
    among: int
    watched: int
    unit: str
    phantoms: str
    success: float
    null: float
    trials: int

    def told(self) -> Told:
        """As an object of plain values, with the 95 % interval of `success`."""
        from scipy.stats import binomtest

        right = round(self.success * self.trials)
        interval = binomtest(right, self.trials).proportion_ci(0.95, method="exact")
        return {
            **vars(self),
            "success": round(self.success, 4),
            "null": round(self.null, 4),
            "ci": [round(float(interval.low), 4), round(float(interval.high), 4)],
        }


def measure(dice: Dice, trials: int = TRIALS) -> Iterator[Limit]:
    """All of them, one after the other.

    Args:
        dice: for everything.
        trials: how often each is tried.
    """
    numbers = _numbers(dice)
    for word, phantoms in PRESETS.items():
        blur = Blur(phantoms, _numbers(dice.fork(word)))
        yield from _dropping(word, blur, numbers, trials)
        yield from _all_but_two(word, blur, numbers, trials)
    for crowd in CROWDS:
        yield from _peer(crowd, numbers, max(1, trials // 10))
    yield from _address(CLIENTS, numbers, max(1, trials // 10))


def _numbers(dice: Dice) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(dice.bytes(16), "little"))


# ── counts at the switchboard ────────────────────────────────────────────────────────────────


def counted(pairs: int, lone: int, dice: Dice) -> Counts:
    """What the switchboard makes of so many pairs and idle lines.

    Args:
        pairs: of lines that named one drop.
        lone: lines that named drops of their own.
        dice: for drops.
    """
    named = np.empty((2 * pairs + lone, PAYLOAD_BYTES), np.uint8)
    named[:, :-1] = dice.matrix(len(named), PAYLOAD_BYTES - 1)
    named[1 : 2 * pairs : 2, :-1] = named[0 : 2 * pairs : 2, :-1]
    named[:, -1] = Flag.PLAIN
    doors = np.empty((0, PAYLOAD_BYTES), np.uint8)
    return count(named, doors, join(named, doors, dice))


class Blur:
    """What one honest mix adds to the counts of joined pairs and of lone plains.

    Args:
        phantoms: of the zone; None for none.
        numbers: for how many there are in an epoch.
    """

    def __init__(self, phantoms: Phantoms | None, numbers: np.random.Generator) -> None:
        self._numbers = numbers
        self._chances = [np.ones(1), np.ones(1)]
        if phantoms is not None:
            laws = law_of(phantoms.joined_pairs), law_of(phantoms.lone_plains)
            weights = [np.array([each / law.total for each in law.weights]) for law in laws]
            self._chances = [each / each.sum() for each in weights]

    def draw(self, trials: int, epochs: int) -> NDArray[np.int64]:
        """How many of each kind there are: int64 [trials, epochs, 2]."""
        size = trials, epochs
        drawn = [self._numbers.choice(len(each), size, p=each) for each in self._chances]
        return np.stack(drawn, axis=-1).astype(np.int64)

    def log_chance(self, added: NDArray[np.int64]) -> NDArray[np.float64]:
        """How likely it is that in all epochs so many were added: float64 [trials], logarithms."""
        total = np.zeros(len(added))
        for kind, chances in enumerate(self._chances):
            some = added[..., kind]
            inside = (some >= 0) & (some < len(chances))
            logs = np.log(chances)[np.where(inside, some, 0)]
            total += np.where(inside, logs, -np.inf).sum(axis=1)
        return total


def _guess(
    talks: Counts,
    idles: Counts,
    epochs: int,
    blur: Blur,
    numbers: np.random.Generator,
    trials: int,
) -> float:
    """How often it is told rightly whether a client talks, from counts of so many epochs.

    Whoever counts knows the law of phantoms, which the zone file tells, and asks which is likelier
    to have made these counts: no other rule is right more often (Neyman and Pearson).
    """
    one, other = (np.array([each.joined_pairs, each.lone_plains]) for each in (talks, idles))
    truth = numbers.random(trials) < 0.5
    seen = np.where(truth[:, None, None], one, other) + blur.draw(trials, epochs)
    guessed = blur.log_chance(seen - one) > blur.log_chance(seen - other)
    return float((guessed == truth).mean())


def _dropping(word: str, blur: Blur, numbers: np.random.Generator, trials: int) -> Iterator[Limit]:
    """The victim's set-up is stopped: one who talks leaves a peer alone, one who idles nobody."""
    dice = Dice.seeded(0)
    left = CLIENTS - 2 * PAIRS
    talked = counted(PAIRS - 1, left + 1, dice)
    idled = counted(PAIRS, left - 1, dice)
    for epochs in EPOCHS:
        success = _guess(talked, idled, epochs, blur, numbers, trials)
        yield Limit("dropping", CLIENTS, epochs, "epochs", word, success, 0.5, trials)


def _all_but_two(
    word: str, blur: Blur, numbers: np.random.Generator, trials: int
) -> Iterator[Limit]:
    """Only two clients' set-ups get through: they are a pair, or they are not."""
    dice = Dice.seeded(0)
    pair, apart = counted(1, 0, dice), counted(0, 2, dice)
    for epochs in EPOCHS:
        success = _guess(pair, apart, epochs, blur, numbers, trials)
        yield Limit("n-1", CLIENTS, epochs, "epochs", word, success, 0.5, trials)


# ── the peer, the address ────────────────────────────────────────────────────────────────────


def _peer(crowd: int, numbers: np.random.Generator, trials: int) -> Iterator[Limit]:
    """Who hears gaps, and sees all losses on access links, looks for the client that fits best.

    A client that lost a cell where there was no gap is not the one. Of the others it is likeliest
    the one whose losses explain most gaps.
    """
    for seconds in SECONDS:
        rounds = seconds * CELLS_A_SECOND
        right = 0
        for _ in range(trials):
            lost = numbers.random((crowd, rounds), np.float32) < LOSS
            gaps = lost[0] | (numbers.random(rounds) < LOSS)  # and those of the peer's own link
            explained = np.where(lost[:, ~gaps].any(axis=1), -1, lost[:, gaps].sum(axis=1))
            right += _best(explained.astype(np.float64), numbers) == 0
        yield Limit("the peer", crowd, seconds, "seconds", "any", right / trials, 1 / crowd, trials)


def _address(crowd: int, numbers: np.random.Generator, trials: int) -> Iterator[Limit]:
    """Whose being online fits best to when a known address's door is there."""
    for epochs in STAYS:
        right = 0
        for _ in range(trials):
            online = _presence(crowd, epochs, numbers)
            right += _best((online == online[0]).sum(axis=1).astype(np.float64), numbers) == 0
        yield Limit(
            "the address", crowd, epochs, "epochs", "any", right / trials, 1 / crowd, trials
        )


def _presence(crowd: int, epochs: int, numbers: np.random.Generator) -> NDArray[np.bool_]:
    """Who is online when: bool [crowd, epochs]."""
    turns = numbers.random((crowd, epochs), np.float32) < 1 / STAY_EPOCHS
    turns[:, 0] = numbers.random(crowd) < 0.5
    return np.asarray(np.cumsum(turns, axis=1) % 2 == 1)


def _best(scores: NDArray[np.float64], numbers: np.random.Generator) -> int:
    """The place of the highest; of equal ones, any."""
    highest = np.flatnonzero(scores == scores.max())
    return int(numbers.choice(highest))


def sentences(limits: Sequence[Limit]) -> list[str]:
    """What it comes to, in plain words."""
    told = []
    for name in dict.fromkeys(each.name for each in limits):
        mine = [each for each in limits if each.name == name]
        for word in dict.fromkeys(each.phantoms for each in mine):
            row = [each for each in mine if each.phantoms == word and each.among == mine[0].among]
            figures = ", ".join(f"{each.success:.0%} after {each.watched}" for each in row)
            what = "" if word == "any" else f", phantoms {word}"
            told.append(f"{name}{what}: right {figures} {row[0].unit} (chance {row[0].null:.0%}).")
    return told
