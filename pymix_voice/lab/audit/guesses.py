"""What attacks guess, and how often they are right.

    linking    who of all candidates is each target's partner?     success: the best guess is it
    telling    in each case, is it so?                             success: the area under the ROC

The null is the same attack with shuffled labels: what it gets by guessing. Beside it stands how
much the scores tell at all, in bits: a single factor turns them into likelihoods, chosen with
hindsight so that the truth is likeliest, which flatters the attacker.

Sources: Serjantov and Danezis, "Towards an Information Theoretic Metric for Anonymity", PET 2002
(effective anonymity set); Hanley and McNeil, Radiology 143, 1982 (the area under the ROC curve);
Phipson and Smyth, "Permutation P-values Should Never Be Zero", 2010.

Must not know: what was recorded, what the scores are made of.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.onion.dice import Dice

SHUFFLES = 2000
"""Of labels, for the null; and of clients, for the interval of an area."""
CONFIDENCE = 0.95
NO_FACTOR = 1e-9
"""As good as zero, but what cannot be stays so."""


class Linking(NamedTuple):
    """Scores of one recording; the higher, the likelier.

    Attributes:
        scores: float64 [targets, candidates]; -inf where somebody cannot be the partner.
        truth: intp [targets], the candidate that is it.
    """

    scores: NDArray[np.float64]
    truth: NDArray[np.intp]


class Telling(NamedTuple):
    """Scores of one recording; the higher, the likelier that it is so.

    Attributes:
        scores: float64 [cases].
        truth: bool [cases].
        groups: intp [cases], whose case it is: cases of one client are not drawn apart. Those of
            all clients are best at the same instants, in the same order: see `judge`.
    """

    scores: NDArray[np.float64]
    truth: NDArray[np.bool_]
    groups: NDArray[np.intp]


Guess = Linking | Telling


class Judged(NamedTuple):
    """How well an attack did.

    Attributes:
        success: how often it was right, or the area under its ROC.
        null: the same with shuffled labels, in the mean.
        low: of the confidence interval of `success`.
        high: likewise.
        p: how likely shuffled labels do as well.
        n: targets or cases.
        entropy: bits that the attacker still lacks, in the mean.
        anonymity_set: among how many equally likely ones the right one still hides.
    """

    success: float
    null: float
    low: float
    high: float
    p: float
    n: int
    entropy: float
    anonymity_set: float

    @property
    def advantage(self) -> float:
        """From 0 (no better than the null) to 1 (always right)."""
        return (self.success - self.null) / (1 - self.null) if self.null < 1 else 0.0


def judge(guesses: Sequence[Guess], dice: Dice, *, confidence: float = CONFIDENCE) -> Judged | None:
    """How well an attack did over some recordings.

    Args:
        guesses: of one attack, so all of one sort; one for each recording.
        dice: for shuffles, ties and resampling.
        confidence: of the interval.

    Returns:
        None where there was nothing to guess. Whole clients of one recording exchange their labels
        for the null, so that neither what is alike in all cases of a client nor what happens to
        all clients at one time passes for success.
    """
    numbers = np.random.default_rng(int.from_bytes(dice.bytes(16), "little"))
    links = [guess for guess in guesses if isinstance(guess, Linking) and len(guess.truth)]
    if links:
        return _judge_links(links, numbers, confidence)
    tellings = [guess for guess in guesses if isinstance(guess, Telling)]
    cases = _together(tellings) if tellings else None
    if cases is None or cases.truth.all() or not cases.truth.any():
        return None
    return _judge_tellings(cases, numbers, confidence)


# ── linking ──────────────────────────────────────────────────────────────────────────────


def _judge_links(
    links: Sequence[Linking], numbers: np.random.Generator, confidence: float
) -> Judged:
    from scipy.stats import binomtest

    guessed = [_best(link.scores, numbers) for link in links]
    right = sum(int((best == link.truth).sum()) for best, link in zip(guessed, links, strict=True))
    # With labels that mean nothing, each candidate is as likely to be the one.
    chances = np.concatenate([1 / np.isfinite(link.scores).sum(axis=1) for link in links])
    n = len(chances)
    shuffled = (numbers.random((SHUFFLES, n)) < chances).sum(axis=1)
    interval = binomtest(right, n).proportion_ci(confidence, method="exact")
    entropy = _link_entropy(links)
    return Judged(
        right / n,
        float(chances.mean()),
        float(interval.low),
        float(interval.high),
        _p(shuffled, right),
        n,
        entropy,
        2.0**entropy,
    )


def _best(scores: NDArray[np.float64], numbers: np.random.Generator) -> NDArray[np.intp]:
    """The likeliest candidate of each target; of equal ones, any."""
    order = numbers.permuted(np.tile(np.arange(scores.shape[1]), (len(scores), 1)), axis=1)
    best = np.take_along_axis(scores, order, axis=1).argmax(axis=1)
    return np.asarray(order[np.arange(len(order)), best], np.intp)


def _link_entropy(links: Sequence[Linking]) -> float:
    """Bits that one factor on the (scaled) scores leaves open, in the mean over all targets."""
    scaled = [_scaled(link.scores) for link in links]

    def lacking(factor: float) -> float:
        bits = [
            -_log2_softmax(factor * scores)[np.arange(len(link.truth)), link.truth]
            for scores, link in zip(scaled, links, strict=True)
        ]
        return float(np.concatenate(bits).mean())

    return _least(lacking)


def _scaled(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each target's scores with mean 0 and deviation 1; what cannot be stays -inf."""
    possible = np.where(np.isfinite(scores), scores, np.nan)
    spread = np.nanstd(possible, axis=1, keepdims=True)
    centred = possible - np.nanmean(possible, axis=1, keepdims=True)
    scaled = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
    return np.where(np.isfinite(scores), scaled, -np.inf)


def _log2_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import log_softmax

    return np.asarray(log_softmax(logits, axis=1) / np.log(2))


# ── telling ──────────────────────────────────────────────────────────────────────────────


class _Cases(NamedTuple):
    """The cases of all recordings, and whose they are."""

    scores: NDArray[np.float64]
    truth: NDArray[np.bool_]
    members: list[NDArray[np.intp]]
    """For each client of each recording, its cases in their order."""
    alike: list[list[int]]
    """Those of `members` that are of one recording and equally long."""


def _together(tellings: Sequence[Telling]) -> _Cases:
    members: list[NDArray[np.intp]] = []
    alike: dict[tuple[int, int], list[int]] = {}
    first = 0
    for number, telling in enumerate(tellings):
        for group in np.unique(telling.groups):
            member = np.flatnonzero(telling.groups == group) + first
            alike.setdefault((number, len(member)), []).append(len(members))
            members.append(member)
        first += len(telling.truth)
    scores = np.concatenate([each.scores for each in tellings])
    truth = np.concatenate([each.truth for each in tellings])
    return _Cases(scores, truth, members, list(alike.values()))


def _judge_tellings(cases: _Cases, numbers: np.random.Generator, confidence: float) -> Judged:
    ranks = _ranks(cases.scores)
    success = float(_area(ranks[cases.truth].sum(), cases.truth))
    shuffled = _area(_exchanged(ranks, cases, numbers), cases.truth)
    areas = _redrawn(cases, numbers)
    low, high = np.quantile(areas, ((1 - confidence) / 2, (1 + confidence) / 2))
    entropy = _telling_entropy(cases)
    return Judged(
        success,
        float(shuffled.mean()),
        float(min(low, success)),
        float(max(high, success)),
        _p(shuffled, success),
        len(cases.truth),
        entropy,
        2.0**entropy,
    )


def _ranks(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.stats import rankdata

    return np.asarray(rankdata(scores), np.float64)


def _area(
    yes_ranks: NDArray[np.float64] | np.float64, truth: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """How likely a case that is so has the higher score than one that is not.

    Args:
        yes_ranks: the sum of the ranks of those that are so, or many such sums.
        truth: bool [cases].
    """
    yes, no = int(truth.sum()), int((~truth).sum())
    return np.asarray((yes_ranks - yes * (yes + 1) / 2) / (yes * no))


def _exchanged(
    ranks: NDArray[np.float64], cases: _Cases, numbers: np.random.Generator
) -> NDArray[np.float64]:
    """Sums of the ranks of those that are so, after clients exchanged their labels.

    Whole clients do, those of one recording with equally many cases among each other: what is
    alike in all clients at one time, or in all cases of one client, then stays so.

    Returns:
        float64 [shuffles].
    """
    sums = np.zeros(SHUFFLES)
    for alike in cases.alike:
        mine = ranks[np.stack([cases.members[index] for index in alike])]
        labels = cases.truth[np.stack([cases.members[index] for index in alike])]
        sum_with = mine @ labels.T.astype(np.float64)
        places = np.arange(len(alike))
        others = numbers.permuted(np.tile(places, (SHUFFLES, 1)), axis=1)
        sums += sum_with[places, others].sum(axis=1)
    return sums


def _redrawn(cases: _Cases, numbers: np.random.Generator) -> NDArray[np.float64]:
    """Areas over clients drawn with replacement, where cases of both sorts were drawn."""
    count = len(cases.members)
    owners = np.zeros(len(cases.truth), np.intp)
    for index, member in enumerate(cases.members):
        owners[member] = index
    higher = cases.scores[cases.truth]
    wins = np.zeros((count, count))  # of each client's yes over each client's no
    for index, member in enumerate(cases.members):
        lower = np.sort(cases.scores[member][~cases.truth[member]])
        won = np.searchsorted(lower, higher, "left") + np.searchsorted(lower, higher, "right")
        wins[:, index] = np.bincount(owners[cases.truth], won / 2, count)
    chosen = numbers.integers(count, size=(SHUFFLES, count)) + count * np.arange(SHUFFLES)[:, None]
    drawn = np.bincount(chosen.ravel(), minlength=SHUFFLES * count).reshape(SHUFFLES, count) * 1.0
    yes = drawn @ np.bincount(owners[cases.truth], minlength=count)
    no = drawn @ np.bincount(owners[~cases.truth], minlength=count)
    both = yes * no > 0
    return np.asarray((((drawn @ wins) * drawn).sum(axis=1)[both]) / (yes * no)[both])


def _telling_entropy(cases: _Cases) -> float:
    """Bits that one factor on the scores leaves open, beside what the share of yes tells."""
    from scipy.special import expit, logit

    spread = cases.scores.std()
    scaled = (cases.scores - cases.scores.mean()) / spread if spread > 0 else 0 * cases.scores
    base = logit(cases.truth.mean())

    def lacking(factor: float) -> float:
        yes = np.clip(expit(base + factor * scaled), 1e-12, 1 - 1e-12)
        return float(-np.log2(np.where(cases.truth, yes, 1 - yes)).mean())

    return _least(lacking)


# ── both ─────────────────────────────────────────────────────────────────────────────────


def _p(shuffled: NDArray[np.float64], found: float) -> float:
    """How likely the null does as well; never zero."""
    return float((np.sum(shuffled >= found - 1e-12) + 1) / (len(shuffled) + 1))


def _least(lacking: Callable[[float], float]) -> float:
    """The least that any factor leaves open."""
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(lacking, bounds=(0.0, 60.0), method="bounded")
    return float(min(found.fun, lacking(NO_FACTOR)))
