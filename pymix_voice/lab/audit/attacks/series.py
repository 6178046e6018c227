"""What clients' links look like over time: matrices of one row a client.

Each client sends and is sent something every round, at its own instant in it. A *slot* is such a
round of one client: it begins half a round before its usual instant, so that one datagram falls
into each, jitter or not.

Must not know: who talks with whom.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.lab.audit.capture import Capture, Way

Matrix = NDArray[np.float64]
"""[clients, bins], or [clients, clients]."""

RARE = 0.02
"""Sizes of fewer datagrams than this share: set-ups, which everybody sends."""


class Links(NamedTuple):
    """All datagrams of all clients' links in one direction, in one span of time."""

    clients: int
    owners: NDArray[np.intp]
    """Whose link, intp [n]; those of one client are together, and in order of time."""
    at: NDArray[np.float64]
    """Seconds since the span began, float64 [n]."""
    sizes: NDArray[np.intp]
    lost: NDArray[np.bool_]
    round_s: float
    span_s: float
    """How long the span is."""

    def offsets(self) -> NDArray[np.float64]:
        """Seconds from its client's usual instant in the round, float64 [n], -½ to ½ round."""
        turns = np.exp(2j * np.pi * self.at / self.round_s)
        usual = per_client(self, turns)[self.owners]
        return np.asarray(np.angle(turns * usual.conj()) * self.round_s / (2 * np.pi))

    def common_sizes(self) -> NDArray[np.float64]:
        """Bytes, float64 [n]; the rarest sizes count as the nearest of the others."""
        if not len(self.sizes):
            return np.zeros(0)
        low, high = np.quantile(self.sizes, (RARE, 1 - RARE), method="nearest")
        return np.clip(self.sizes.astype(np.float64), low, high)

    def usual_size(self) -> int:
        """The size that most datagrams have."""
        values, counts = np.unique(self.sizes, return_counts=True)
        return int(values[counts.argmax()]) if len(values) else 0


def per_client(links: Links, values: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """The sum over each client's datagrams, [clients]."""
    real, imaginary = (
        np.bincount(links.owners, part, links.clients) for part in (values.real, values.imag)
    )
    return np.asarray(real + 1j * imaginary, np.complex128)


def sent(capture: Capture, span: tuple[float, float] | None = None) -> Links:
    """What clients sent, while the recording is attacked or in another span."""
    ways = [capture.up(client) for client in range(len(capture.clients))]
    return _links(capture, ways, span or (capture.begin, capture.end))


def received(capture: Capture, span: tuple[float, float] | None = None) -> Links:
    """What was sent to clients, likewise."""
    ways = [capture.down(client) for client in range(len(capture.clients))]
    return _links(capture, ways, span or (capture.begin, capture.end))


def _links(capture: Capture, ways: Sequence[Way], span: tuple[float, float]) -> Links:
    begin, end = span
    parts = [way.between(begin, end) for way in ways]
    owners = np.repeat(np.arange(len(parts)), [len(part.at) for part in parts])
    none = Way(np.zeros(0), np.zeros(0, np.intp), np.zeros(0, np.bool_))
    at, sizes, lost = (np.concatenate(column) for column in zip(none, *parts, strict=True))
    return Links(len(ways), owners, at - begin, sizes, lost, capture.round_s, end - begin)


# ── in bins ──────────────────────────────────────────────────────────────────────────────────


def bins_in(links: Links, width_s: float) -> int:
    """How many whole bins there are."""
    return int(links.span_s / width_s + 1e-9)


def summed(links: Links, width_s: float, values: Matrix | None = None) -> Matrix:
    """The sum of `values` of the datagrams in each bin, or how many there are."""
    bins = bins_in(links, width_s)
    places = (links.at / width_s).astype(np.intp)
    inside = places < bins
    places = (links.owners * bins + places)[inside]
    weights = np.ones(len(places)) if values is None else values[inside]
    totals = np.bincount(places, weights, links.clients * bins)
    return totals.astype(np.float64).reshape(links.clients, bins)


def averaged(links: Links, width_s: float, values: Matrix) -> Matrix:
    """The mean of `values` of the datagrams in each bin; where there are none, of all bins."""
    return mean_where(summed(links, width_s, values), summed(links, width_s))


def mean_where(totals: Matrix, counts: Matrix) -> Matrix:
    """Totals by counts; where nothing was counted, the mean of the rest of the row."""
    whole = np.divide(
        totals.sum(axis=1, keepdims=True),
        counts.sum(axis=1, keepdims=True),
        out=np.zeros((len(totals), 1)),
        where=counts.sum(axis=1, keepdims=True) > 0,
    )
    everywhere = np.tile(whole, (1, totals.shape[1]))
    return np.asarray(np.divide(totals, counts, out=everywhere, where=counts > 0), np.float64)


# ── in slots ─────────────────────────────────────────────────────────────────────────────────


class Slots(NamedTuple):
    """What each client's rounds held, in one direction; bool [clients, rounds] each."""

    missing: NDArray[np.bool_]
    """Nothing, or nothing that arrived."""
    odd: NDArray[np.bool_]
    """Something of another size than most datagrams have."""


def slots(links: Links) -> Slots:
    """What each round of each client held."""
    turns = np.exp(2j * np.pi * links.at / links.round_s)
    usual = np.angle(per_client(links, turns)) * links.round_s / (2 * np.pi)
    numbers = np.floor((links.at - usual[links.owners]) / links.round_s + 0.5).astype(np.intp)
    rounds = max(0, bins_in(links, links.round_s) - 1)
    inside = (numbers >= 0) & (numbers < rounds)
    shape = links.clients, rounds

    def count(which: NDArray[np.bool_]) -> NDArray[np.intp]:
        places = (links.owners * rounds + numbers)[inside & which]
        return np.bincount(places, minlength=shape[0] * rounds).reshape(shape)

    return Slots(count(~links.lost) == 0, count(links.sizes != links.usual_size()) > 0)


def per_bin(which: NDArray[np.bool_], links: Links, width_s: float) -> Matrix:
    """How many of the slots in each bin are such; bins are whole rounds."""
    bins, each = bins_in(links, width_s), round(width_s / links.round_s)
    whole = np.zeros((len(which), bins * each))
    inside = which[:, : bins * each]
    whole[:, : inside.shape[1]] = inside
    return np.asarray(whole.reshape(len(which), bins, each).sum(axis=2), np.float64)


# ── plain figures ────────────────────────────────────────────────────────────────────────────


def against_others(matrix: Matrix) -> Matrix:
    """Each bin without what all clients have in common in it, each row with mean 0."""
    own = matrix - np.median(matrix, axis=0, keepdims=True)
    return np.asarray(own - own.mean(axis=1, keepdims=True))


def unit(matrix: Matrix) -> Matrix:
    """Each row with length 1; rows in which nothing happens are 0."""
    length = np.linalg.norm(matrix, axis=1, keepdims=True)
    scaled = np.divide(matrix, length, out=np.zeros_like(matrix), where=length > 1e-9)
    return np.asarray(scaled, np.float64)


def spread(values: NDArray[np.float64]) -> float:
    """The deviation of most of them, as of a normal law; of all, where most are the same."""
    if not values.size:
        return 0.0
    robust = 1.4826 * float(np.median(np.abs(values - np.median(values))))
    return robust if robust > 1e-12 else float(values.std())
