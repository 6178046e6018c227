"""Zones, keys and chunks that tests share; everything is drawn from seeds."""

from collections.abc import Sequence

import numpy as np
from hypothesis import settings
from numpy.typing import NDArray
from sizes import CHUNK_BODY_BYTES

from pymix_voice.geometry import DROP_BYTES
from pymix_voice.onion.chunk import Beside, Chunks
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.setup import Flag
from pymix_voice.zone.keyfile import GATEWAY, MIX, KeyFile, new_key
from pymix_voice.zone.zonefile import GatewayEntry, MixEntry, Zone

Named = tuple[bytes, Flag]
"""What a circuit's innermost layer says: its drop, and how it meets there."""

FUZZ = settings(max_examples=100, deadline=None, derandomize=True, database=None)


def example_keys(
    mixes: int = 3, gateways: int = 1, seed: int = 1
) -> tuple[list[KeyFile], list[KeyFile]]:
    """Key files of mixes and gateways; the same for the same seed."""
    dice = Dice.seeded(seed).fork("example keys")
    return (
        [new_key(MIX, f"mix-{number}", dice) for number in range(mixes)],
        [new_key(GATEWAY, f"gateway-{number}", dice) for number in range(gateways)],
    )


def example_zone(mixes: int = 3, gateways: int = 1, clients: int = 20, seed: int = 1) -> Zone:
    """A zone on documentation addresses, made of `example_keys`."""
    mix_keys, gateway_keys = example_keys(mixes, gateways, seed)
    return Zone(
        name="example",
        clients=clients,
        mixes=tuple(
            MixEntry(key.name, f"mix{number}.example.net", 5000, key.link.public, key.sign_public)
            for number, key in enumerate(mix_keys)
        ),
        gateways=tuple(
            GatewayEntry(key.name, f"2001:db8::{number + 1:x}", 6000, key.link.public)
            for number, key in enumerate(gateway_keys)
        ),
    )


def chunks_of(number: int, numbers: Sequence[int], cells: NDArray[np.uint8] | int) -> Chunks:
    """Authentic chunks of a round: with these cells, or all of one byte."""
    bodies = np.empty((len(numbers), CHUNK_BODY_BYTES), np.uint8)
    bodies[:] = cells
    return Chunks(number, 1, Beside(), np.array(numbers, np.int64), bodies)


def payloads(named: Sequence[Named]) -> NDArray[np.uint8]:
    """What the last mix finds innermost: uint8 [n, 17]."""
    raw = b"".join(drop + bytes([flag]) for drop, flag in named)
    return np.frombuffer(raw, np.uint8).reshape(-1, DROP_BYTES + 1)
