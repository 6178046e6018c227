"""The builds that are audited: the project as it is, and others with one thing broken.

Must not know: how a life is lived, how an attack works.
"""

from typing import Final, NamedTuple

from pymix_voice.client.machine import Client
from pymix_voice.errors import ConfigError
from pymix_voice.gateway.machine import Gateway
from pymix_voice.lab.audit import broken, corrupt
from pymix_voice.mix.machine import Mix


class Variant(NamedTuple):
    """One build.

    Attributes:
        name: short, as in figures.
        words: what is different, in plain words.
        client: what clients are.
        gateway: what gateways are; all of them are corrupt.
        mixes: what the first mix, the honest one and the last are.
    """

    name: str
    words: str
    client: type[Client] = Client
    gateway: type[Gateway] = corrupt.CorruptGateway
    mixes: tuple[type[Mix], type[Mix], type[Mix]] = (
        corrupt.CorruptFirst,
        Mix,
        corrupt.CorruptLast,
    )


_FIRST, _HONEST, _LAST = Variant._field_defaults["mixes"]
_MARKING = (broken.MarkingFirst, broken.Marking, broken.MarkingLast)

HEALTHY: Final = Variant("as it is", "nothing: the project, as it stands here")
BROKEN: Final = (
    Variant(
        "dtx",
        "clients send no voice while nobody speaks, as Internet phones do to save bytes",
        client=broken.Dtx,
    ),
    Variant(
        "no-healing",
        "what is missing stays missing on its way: the peer's client gets nothing in that round",
        gateway=broken.UnhealedGateway,
        mixes=_MARKING,
    ),
    Variant(
        "free-clocks",
        "clients send by clocks of their own, which no two computers have alike",
        client=broken.FreeClock,
    ),
    Variant(
        "hop-tags",
        "every hop can tell a cell from what stands in for one, as with a tag for each layer",
        gateway=broken.TaggedGateway,
        mixes=_MARKING,
    ),
    Variant(
        "row-order",
        "the honest mix sends rows on in the order in which they came",
        mixes=(_FIRST, broken.KeepsOrder, _LAST),
    ),
    Variant(
        "takes-twice",
        "the honest mix takes a round a second time, when one row of it has been changed",
        mixes=(_FIRST, broken.TakesTwice, _LAST),
    ),
    Variant(
        "loop-reconnect",
        "a client that does not see its own cells come back seeks a new session",
        client=broken.Reconnecting,
    ),
    Variant(
        "one-circuit",
        "a client has one circuit: while it talks on it, it is not found at its address",
        client=broken.OneCircuit,
    ),
    Variant(
        "call-timing",
        "cells leave some tenths of a millisecond later during a call, as there is more to do",
        client=broken.LateInCalls,
    ),
)


def find(name: str) -> Variant:
    """The variant of a name.

    Raises:
        ConfigError: if there is none.
    """
    for variant in (HEALTHY, *BROKEN):
        if variant.name == name:
            return variant
    names = ", ".join(variant.name for variant in (HEALTHY, *BROKEN))
    raise ConfigError(f"there is no build '{name}'; there are {names}")
