"""Who plays in a simulated world: a zone with its keys, and the people at its clients.

Must not know: the network, what time it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pymix_voice.client.identity import Identity
from pymix_voice.client.machine import Client
from pymix_voice.client.states import Event, Heard, State
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.keyfile import KeyFile, new_key
from pymix_voice.zone.phantoms import Phantoms
from pymix_voice.zone.zonefile import GatewayEntry, MixEntry, Zone


def frame_of(name: str, index: int, size: int) -> bytes:
    """A body that says whose it is and which: Opus is stubbed here, nothing else."""
    return f"{name} {index} ".encode().ljust(size, b"\xa5")


@dataclass
class Person:
    """Who sits at a client, and what the client told them."""

    name: str
    machine: Client
    identity: Identity
    events: list[tuple[float, Event]]
    heard: list[tuple[float, Heard]]
    frames: int = 0
    muted: bool = False

    @property
    def states(self) -> list[State]:
        """The states the client went through."""
        return [event.state for _, event in self.events]


def cast(
    mix_names: Sequence[str],
    gateway_names: Sequence[str],
    clients: int,
    min_rows: int,
    dice: Dice,
    round_ms: int = 20,
    phantoms: Phantoms | None = None,
) -> tuple[Zone, dict[str, KeyFile]]:
    """A zone of these parts, and everybody's keys by name."""
    keys = {name: new_key("mix", name, dice) for name in mix_names}
    keys |= {name: new_key("gateway", name, dice) for name in gateway_names}
    mixes = [
        MixEntry(name, "sim", port, keys[name].link.public, keys[name].sign_public)
        for port, name in enumerate(mix_names, 1)
    ]
    gateways = [
        GatewayEntry(name, "sim", port, keys[name].link.public)
        for port, name in enumerate(gateway_names, len(mixes) + 1)
    ]
    zone = Zone(
        name="world",
        clients=clients,
        mixes=tuple(mixes),
        gateways=tuple(gateways),
        min_rows=min_rows,
        round_ms=round_ms,
        phantoms=phantoms,
    )
    return zone, keys
