"""The E-model: how a planner of telephone networks would rate a call, from delay and loss alone.

    R  =  93.2  -  what delay takes away  -  what codec and loss take away        100 best, 50 poor

All else (levels, noise, echo) is as in the standard's default call, and echo is not heard at all.
A sentence's sound is never looked at: PESQ does that, and knows nothing of delay. The scale is
that of narrowband telephony, so a wideband codec is rated no better than an old telephone.

Source: ITU-T G.107 (06/2015), 7.1 (R), 7.4 (delay; `sT` 1 and `mT` 100 ms, its defaults), 7.5
(codec and loss), annex B (MOS). Opus: `OPUS`.

Must not know: rounds, sound, playout.
"""

import math
from typing import NamedTuple

BEST = 93.2
"""R of the standard's default call."""
NOTICED_MS = 100.0
"""Delay below this harms nothing."""


class Codec(NamedTuple):
    """What the model knows of a codec, on the narrowband scale."""

    impairment: float
    """Ie: what it takes away where nothing is lost."""
    robustness: float
    """Bpl: at so many percent of random loss half of what is left is gone."""


OPUS = Codec(impairment=0.0, robustness=11.5)
"""Assumed for all rates here, because ITU-T G.113 has no Opus and nobody has these on this scale.

Nearest are Alahmadi, Pocta, Melvin (ACM TOMM 17(4), 133, 2021; figures from the code beside it).
Narrowband, constant rate: Ie falls from 6.2 at 10 to 2.0 at 11 kbit/s, so none is taken from 16 on.
Super-wideband, constant rate, 31 kbit/s, random loss: Bpl 11.51, 10.0 to 13.3 at 16 to 40 kbit/s.
"""


def rating(delay_ms: float, loss: float, burst_ratio: float = 1.0, codec: Codec = OPUS) -> float:
    """R of a call.

    Args:
        delay_ms: from mouth to ear, one way.
        loss: share of packets that were not there in time, 0 to 1.
        burst_ratio: how much longer runs of lost packets are than random ones; 1 for random.
        codec: its constants.

    Returns:
        93.2 (best) downward; below 0 for what nobody would call a call.
    """
    return BEST - by_delay(delay_ms) - by_loss(loss, burst_ratio, codec)


def by_delay(delay_ms: float) -> float:
    """What delay alone takes away (Idd)."""
    if delay_ms <= NOTICED_MS:
        return 0.0
    octaves = math.log2(delay_ms / NOTICED_MS)
    near, far = (math.pow(1 + math.pow(each, 6), 1 / 6) for each in (octaves, octaves / 3))
    return 25 * (near - 3 * far + 2)


def by_loss(loss: float, burst_ratio: float, codec: Codec) -> float:
    """What codec and loss take away (Ie,eff)."""
    percent = 100 * loss
    share = percent / (percent / burst_ratio + codec.robustness)
    return codec.impairment + (95 - codec.impairment) * share


def burst_ratio(lost: int, bursts: int, count: int) -> float:
    """How much longer runs of losses are than they would be by chance (BurstR); at least 1.

    Args:
        lost: packets that were lost.
        bursts: runs that they came in.
        count: all packets.
    """
    return max(1.0, lost / bursts * (1 - lost / count)) if bursts else 1.0


def mos(r: float) -> float:
    """The mean opinion of a jury who talked over such a call, 1 (bad) to 4.5."""
    if r >= 100:
        return 4.5
    # For R below 6.5 the standard's curve falls below the scale on which it is.
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6) if r > 0 else 1.0
