"""Network profiles by name: what a zone's links are like, in the simulated world and the relay.

Two laws each: access links join clients and gateways, the chain's links join gateways and mixes.
Mixes stand in data centres, so the chain has a delay and nothing else, unless somebody asks for it
(`changed`); access links have a profile's loss and jitter. Delays are for one direction of one
link. Both directions of each access link lose on their own: a voice passes two of them.

Source: ITU-T G.1050 (11/2007), delays of the core in its severities A to C, as spandsp's model has
them (regional 4, 8, 16 ms; intercontinental 16, 32, 64 ms), and appendix II; 3GPP TS 23.203, table
6.1.7, QCI 1 (voice over LTE: 1 % lost, 98 % within 100 ms); da Conceição and others, "Is IEEE
802.11 ready for VoIP?" (MMSP 2006); Zhou, Van Mieghem, "Reordering of IP packets in Internet" (PAM
2004). What is our own choice, each says.

Must not know: who uses them.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pymix_voice.errors import ConfigError, Misuse
from pymix_voice.lab.network import Law


@dataclass(frozen=True)
class Profile:
    """What the links of a zone are like.

    Attributes:
        name: what a person types.
        sentence: for people, what it stands for.
        source: where the figures are from, and which are our own choice.
        access: of links between clients and gateways.
        chain: of links between gateways and mixes, and of control links' delay.
    """

    name: str
    sentence: str
    source: str
    access: Law
    chain: Law


def _still(delay: float) -> Law:
    """A link with a delay and nothing else."""
    return Law(delay, jitter=0.0)


REGION_S, CONTINENT_S, INTERCONTINENTAL_S = 0.005, 0.015, 0.06
ACCESS_S = 0.005
"""From a client to a gateway that is near."""

_ALL: Final = (
    Profile(
        "none",
        "No network at all: everything arrives at once.",
        "For comparison.",
        access=_still(0.0),
        chain=_still(0.0),
    ),
    Profile(
        "lan",
        "All in one house.",
        "G.1050, appendix II: up to 1.5 ms in a LAN. Mean wait and delays are our choice.",
        access=Law(0.0003, jitter=0.0, wait=0.0003, memory=0.05),
        chain=_still(0.0002),
    ),
    Profile(
        "region",
        "Mixes and clients of one region.",
        "5 ms a link is our choice; G.1050 has 4 ms for a regional core in severity A.",
        access=_still(ACCESS_S),
        chain=_still(REGION_S),
    ),
    Profile(
        "continent",
        "Mixes all over a continent, clients near their gateway: the project's target is for it.",
        "15 and 5 ms are our choice; G.1050 has 16 ms for a regional core in severity C.",
        access=_still(ACCESS_S),
        chain=_still(CONTINENT_S),
    ),
    Profile(
        "intercontinental",
        "Each mix on another continent than the next, clients near their gateway.",
        "60 ms is our choice; G.1050 has 64 ms for an intercontinental core in severity C.",
        access=_still(ACCESS_S),
        chain=_still(INTERCONTINENTAL_S),
    ),
    Profile(
        "mobile",
        "Clients on the road, mixes of a continent: jitter, and short losses in a row.",
        "TS 23.203: 98 % within 100 ms, 1 % lost. Ours: 25 ms and a wait of 10 ms (98 % within "
        "64 ms), 2 % lost three in a row.",
        access=Law(0.025, jitter=0.0, wait=0.01, memory=0.2, loss=0.02, burst=3.0),
        chain=_still(CONTINENT_S),
    ),
    Profile(
        "wifi",
        "Clients on a crowded Wi-Fi, mixes of a continent: a tenth is lost, in bursts.",
        "da Conceição et al. found bursts to be what hurts voice on Wi-Fi. All figures are our "
        "choice: 10 % lost, three in a row, a wait of 5 ms.",
        access=Law(ACCESS_S, jitter=0.0, wait=0.005, memory=0.1, loss=0.1, burst=3.0),
        chain=_still(CONTINENT_S),
    ),
    Profile(
        "reordering",
        "Access links on which datagrams overtake each other, mixes of a continent.",
        "Zhou and Van Mieghem saw it in every second stream of 50 datagrams, mostly one or two "
        "of them. Ours: 3 %, by up to 30 ms.",
        access=Law(ACCESS_S, jitter=0.0, reorder=0.03),
        chain=_still(CONTINENT_S),
    ),
)

PROFILES: Final = {profile.name: profile for profile in _ALL}
"""All profiles by name, the kindest first."""


def find(name: str) -> Profile:
    """The profile of that name.

    Raises:
        ConfigError: if there is none; names those that are.
    """
    if name not in PROFILES:
        raise ConfigError(f"there is no network profile '{name}'; there are {', '.join(PROFILES)}")
    return PROFILES[name]


def changed(law: Law, words: Iterable[str]) -> Law:
    """A law with some of its values replaced.

    Args:
        law: the law.
        words: such as "loss=0.05" and "burst=3"; seconds, bytes, and shares from 0 to 1.

    Raises:
        ConfigError: if a word is none, or no link can be like that.
    """
    known = [each.name for each in dataclasses.fields(law)]
    values: dict[str, float] = {}
    for word in words:
        name, _, text = word.partition("=")
        if name not in known:
            raise ConfigError(f"'{word}' changes nothing of a link; it has {', '.join(known)}")
        try:
            values[name] = float(text)
        except ValueError:
            raise ConfigError(f"'{word}' has no number; wanted is such as {name}=0.01") from None
    try:
        return dataclasses.replace(law, **values)
    except Misuse as error:
        raise ConfigError(f"no link can be like that: {error}") from None
