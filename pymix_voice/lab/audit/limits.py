"""Where corrupt mixes do better than chance, by how much, and what phantoms do to that.

These attacks work, and the threat model says so. They are tried here many times each, on what the
real switchboard joins and what real phantoms add:

    dropping    a client's set-up is stopped in some epochs: are there fewer pairs then?
    n-1         all set-ups but two clients' are held back: is there a pair?
    the peer    who hears when a client's cells are missing, and whose link lost them?
    the address when is the door there, and who was online then?

Whoever drops or holds back is given all else: that nobody else changes what they do meanwhile.

Sources: Serjantov, Dingledine, Syverson, "From a Trickle to a Flood" (IH 2002), n-1; van den Hooff
and others, "Vuvuzela" (SOSP 2015), counts at the switchboard; Danezis and Serjantov, "Statistical
Disclosure or Intersection Attacks on Anonymity Systems" (IH 2004), presence.

Must not know: how figures are shown.
"""

from collections.abc import Callable, Iterator, Sequence
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

Noise = Callable[[int], NDArray[np.int64]]
"""How many phantoms of two kinds (joined pairs, lone plains) in so many epochs: int64 [n, 2]."""


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
    numbers = np.random.default_rng(int.from_bytes(dice.bytes(16), "little"))
    for word, phantoms in PRESETS.items():
        noise = _noise(phantoms, dice.fork(word))
        yield from _dropping(word, noise, numbers, trials)
        yield from _all_but_two(word, noise, numbers, trials)
    for crowd in CROWDS:
        yield from _peer(crowd, numbers, max(1, trials // 10))
    yield from _address(CLIENTS, numbers, max(1, trials // 100))


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


def _noise(phantoms: Phantoms | None, dice: Dice) -> Noise:
    """What one honest mix adds, as the zone says."""
    if phantoms is None:
        return lambda epochs: np.zeros((epochs, 2), np.int64)
    laws = law_of(phantoms.joined_pairs), law_of(phantoms.lone_plains)
    weights = [np.array(law.weights, np.float64) / float(law.total) for law in laws]
    numbers = np.random.default_rng(int.from_bytes(dice.bytes(16), "little"))

    def draw(epochs: int) -> NDArray[np.int64]:
        drawn = [numbers.choice(len(each), epochs, p=each / each.sum()) for each in weights]
        return np.stack(drawn, axis=1)

    return draw


def _lean(seen: NDArray[np.float64], with_it: Counts, without: Counts) -> NDArray[np.bool_]:
    """Whether mean counts are nearer to those of the one than of the other; [trials]."""
    one, other = (np.array([c.joined_pairs, c.lone_plains], float) for c in (with_it, without))
    # A pair more is two lone lines fewer: both are weighed by how much they change.
    return np.asarray((seen - (one + other) / 2) @ (one - other) > 0)


def _guess(
    talks: Counts,
    idles: Counts,
    epochs: int,
    noise: Noise,
    numbers: np.random.Generator,
    trials: int,
) -> float:
    """How often it is told rightly whether a client talks, from counts of so many epochs."""
    truth = numbers.random(trials) < 0.5
    counts = np.where(
        truth[:, None],
        [talks.joined_pairs, talks.lone_plains],
        [idles.joined_pairs, idles.lone_plains],
    )
    added = noise(trials * epochs).reshape(trials, epochs, 2)
    usual = added.mean(axis=(0, 1))
    guessed = _lean(counts + added.mean(axis=1) - usual, talks, idles)
    return float((guessed == truth).mean())


def _dropping(
    word: str, noise: Noise, numbers: np.random.Generator, trials: int
) -> Iterator[Limit]:
    """The victim's set-up is stopped: one who talks leaves a peer alone, one who idles nobody."""
    dice = Dice.seeded(0)
    left = CLIENTS - 2 * PAIRS
    talked = counted(PAIRS - 1, left + 1, dice)
    idled = counted(PAIRS, left - 1, dice)
    for epochs in EPOCHS:
        success = _guess(talked, idled, epochs, noise, numbers, trials)
        yield Limit("dropping", CLIENTS, epochs, "epochs", word, success, 0.5, trials)


def _all_but_two(
    word: str, noise: Noise, numbers: np.random.Generator, trials: int
) -> Iterator[Limit]:
    """Only two clients' set-ups get through: they are a pair, or they are not."""
    dice = Dice.seeded(0)
    pair, apart = counted(1, 0, dice), counted(0, 2, dice)
    for epochs in EPOCHS:
        success = _guess(pair, apart, epochs, noise, numbers, trials)
        yield Limit("n-1", CLIENTS, epochs, "epochs", word, success, 0.5, trials)


# ── the peer, the address ────────────────────────────────────────────────────────────────────


def _peer(crowd: int, numbers: np.random.Generator, trials: int) -> Iterator[Limit]:
    """Who hears gaps, and sees all losses on access links, looks for the client that fits best."""
    for seconds in SECONDS:
        rounds = seconds * CELLS_A_SECOND
        right = 0
        for _ in range(trials):
            lost = numbers.random((crowd, rounds)) < LOSS
            gaps = lost[0] | (numbers.random(rounds) < LOSS)  # and those of the peer's own link
            right += _best(lost.astype(np.float64) @ (2.0 * gaps - LOSS), numbers) == 0
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
    turns = numbers.random((crowd, epochs)) < 1 / STAY_EPOCHS
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
