"""What the bench of quality found: figures for programs, a table for people.

Must not know: how anything was measured.
"""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from rich.table import Table

from pymix_voice.lab import emodel
from pymix_voice.lab.hearing import Scheme
from pymix_voice.lab.quality_bench import Condition, Score

LEGEND = """\
PESQ     how it sounds, 1 bad to 4.6 unharmed; STOI  what is understood of it, 0
         to 1; both: mean ± standard deviation of n recordings and draws
delay    from mouth to ear: a frame's 20 ms, Opus, the way, playout, 20 ms card
R, MOS   E-model (G.107) of that delay and of what was missing in time: 93 and
         4.4 are the best, below R 60 nearly all are dissatisfied
copies is what this project sends; opus are plain frames, lost ones concealed.
All is played in virtual time: a busy computer changes no figure."""


class Spread(NamedTuple):
    """Scores, summed up."""

    mean: float
    sd: float | None
    """Standard deviation; None of a single score."""
    n: int


class Row(NamedTuple):
    """One scheme under one condition."""

    scheme: str
    kbit_s: float
    loss: float
    """Share of rounds that are lost on the way, 0 to 1."""
    pattern: str
    pesq: Spread
    stoi: Spread
    delay_ms: float | None
    """From mouth to ear; the median over all scores. None if nothing was heard."""
    missing: float
    """Share of rounds that nothing was there for in time."""
    burst_ratio: float
    """How much longer their runs are than by chance."""
    r: float | None
    mos: float | None

    def told(self) -> dict[str, object]:
        """For programs."""
        spreads = {"pesq": self.pesq._asdict(), "stoi": self.stoi._asdict()}
        return {**self._asdict(), **spreads}


def rows(measured: Sequence[Score]) -> list[Row]:
    """The figures for programs, in the order measured."""
    found: dict[tuple[Condition, Scheme], list[Score]] = {}
    for each in measured:
        found.setdefault((each.condition, each.scheme), []).append(each)
    return [_row(*which, some) for which, some in found.items()]


def _row(condition: Condition, scheme: Scheme, some: Sequence[Score]) -> Row:
    delays = [each.delay_ms for each in some if each.delay_ms is not None]
    delay_ms = round(statistics.median(delays), 1) if delays else None
    rounds, missing = sum(each.rounds for each in some), sum(each.missing for each in some)
    bursts = emodel.burst_ratio(missing, sum(each.runs for each in some), rounds)
    r = None if delay_ms is None else emodel.rating(delay_ms, missing / rounds, bursts)
    return Row(
        scheme=scheme.name,
        kbit_s=scheme.kbit_s,
        loss=condition.loss,
        pattern=condition.pattern,
        pesq=_spread([each.pesq for each in some]),
        stoi=_spread([each.stoi for each in some]),
        delay_ms=delay_ms,
        missing=round(missing / rounds, 5),
        burst_ratio=round(bursts, 2),
        r=None if r is None else round(r, 1),
        mos=None if r is None else round(emodel.mos(r), 2),
    )


def _spread(values: Sequence[float]) -> Spread:
    sd = round(statistics.stdev(values), 3) if len(values) > 1 else None
    return Spread(round(statistics.fmean(values), 3), sd, len(values))


def table(found: Sequence[Row]) -> Table:
    """The figures for people, a line for each row; the way is named once."""
    shown = Table(box=None, padding=(0, 1, 0, 0))
    shown.add_column("lost", justify="right", no_wrap=True)
    shown.add_column("way", no_wrap=True)
    shown.add_column("sent", no_wrap=True)
    for heading in ("PESQ", "STOI", "delay", "missing", "R", "MOS", "n"):
        shown.add_column(heading, justify="right", no_wrap=True)
    named: tuple[float, str] | None = None
    for row in found:
        way = row.loss, row.pattern
        loss, pattern = ("", "") if way == named else (f"{row.loss:.0%}", row.pattern)
        named = way
        shown.add_row(
            *(loss, pattern, row.scheme, _shown(row.pesq), _shown(row.stoi)),
            "-" if row.delay_ms is None else f"{row.delay_ms:.0f} ms",
            f"{row.missing:.1%}",
            "-" if row.r is None else f"{row.r:.0f}",
            "-" if row.mos is None else f"{row.mos:.1f}",
            str(row.pesq.n),
        )
    return shown


def _shown(spread: Spread) -> str:
    return f"{spread.mean:.2f}" + ("" if spread.sd is None else f"±{spread.sd:.2f}")
