"""What an attack is, and the verdict over all of them.

Each attack takes one recording and guesses; it says in plain words what it tries and what it means
if it succeeds. Many attacks are tried at once, so some would seem to succeed by luck: the
verdict allows for that.

Source: Holm, "A Simple Sequentially Rejective Multiple Test Procedure", 1979.

Must not know: how a recording was made, how figures are shown.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.lab.audit.capture import Capture, Instants, Truth
from pymix_voice.lab.audit.guesses import CONFIDENCE, Guess, Judged, judge
from pymix_voice.lab.audit.insiders import Insiders
from pymix_voice.onion.dice import Dice


class Watcher(StrEnum):
    """Who attacks."""

    OUTSIDE = "outside"
    """Sees when and how much is sent on every link, and may delay or drop it."""
    INSIDE = "inside"
    """Runs gateways and all mixes but one as well."""


class Watermark(NamedTuple):
    """What an active observer did to the datagrams that one client sent.

    Attributes:
        client: its place in `Capture.clients`.
        drops: whether datagrams were dropped; else they were delayed.
        at: when each slot began, in seconds, float64 [k].
        slot_s: how long each was.
        struck: in which slots it was done, bool [k].
    """

    client: int
    drops: bool
    at: Instants
    slot_s: float
    struck: NDArray[np.bool_]


@dataclass(frozen=True)
class Recording:
    """One run of one zone, as all watchers together have it.

    Attributes:
        capture: of all links.
        truth: what really happened; only for labels.
        insiders: what corrupt mixes and gateways know beside; None where nobody was corrupt.
        watermarks: what was done to links on purpose.
    """

    capture: Capture
    truth: Truth
    insiders: Insiders | None = None
    watermarks: tuple[Watermark, ...] = ()

    def until(self, share: float) -> "Recording":
        """As it was when only a share of the time had passed, from 0 to 1."""
        begin, end = self.capture.begin, self.capture.end
        stop = begin + share * (end - begin)
        insiders = None if self.insiders is None else self.insiders.until(stop)
        return replace(self, capture=self.capture.until(stop), insiders=insiders)


class Attack(NamedTuple):
    """One way to find something out.

    Attributes:
        name: short, as in figures: "correlation".
        watcher: who can do it.
        wants: what is to be found out, in plain words, as the end of a sentence.
        way: how, in a sentence or two of plain words.
        source: where it was published.
        guess: takes a recording and dice; None where the recording has nothing for it. It may
            look at `truth` for labels only.
    """

    name: str
    watcher: Watcher
    wants: str
    way: str
    source: str
    guess: Callable[[Recording, Dice], Guess | None]


def attempt(
    attack: Attack,
    recordings: Sequence[Recording],
    dice: Dice,
    *,
    confidence: float = CONFIDENCE,
) -> Judged | None:
    """How an attack does over some recordings of one variant; None if it found nothing to guess."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # matrices are small: threads would only wait for one another
        guesses = [
            attack.guess(recording, dice.fork(f"{attack.name} {number}"))
            for number, recording in enumerate(recordings)
        ]
    found = [guess for guess in guesses if guess is not None]
    return judge(found, dice.fork(f"{attack.name} judged"), confidence=confidence)


def caught(judged: Mapping[str, Judged], level: float = 1 - CONFIDENCE) -> dict[str, bool]:
    """Which attacks succeed beyond luck, allowing for how many were tried.

    Args:
        judged: all attacks on one variant, by name.
        level: how likely it may be that any of them seems to succeed by luck.
    """
    found: dict[str, bool] = {}
    for done, name in enumerate(sorted(judged, key=lambda each: judged[each].p)):
        still = all(found.values())
        found[name] = still and judged[name].p <= level / (len(judged) - done)
    return found
