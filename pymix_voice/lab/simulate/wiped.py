"""Rule: no key outlives its epoch.

What the code promises to wipe is followed from outside: the rule remembers the memory that keys
lie in, sees when its owner lets go of it, and looks whether it is zero then; and that the owner
does let go of it in time. A part that is killed is no owner any more.

    mixes      layer keys once their circuits have drained, or were never used; onion keys from
               their epoch's first round on; keystream that was given back
    clients    circuits of epochs that have drained, one-time keys, loops; a call's keys when
               nothing uses them any more
    gateways   keys of sessions that are forgotten

Source: the project's protocol page, sections "Epoch descriptor", "An epoch's timetable".

Must not know: what the keys seal.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from pymix_voice.client import circuits as client_circuits
from pymix_voice.client.callkeys import CallKeys
from pymix_voice.client.machine import Client
from pymix_voice.client.uses import Use
from pymix_voice.gateway.machine import Gateway
from pymix_voice.lab.simulate.observed import Rule
from pymix_voice.lab.world import Part
from pymix_voice.mix.circuits import Circuits
from pymix_voice.mix.machine import Mix
from pymix_voice.onion.keys import Secret
from pymix_voice.zone.epochs import outlived

LATE_S = 1.5
"""Rounds may jump ahead, where a first mix starts with its clock ahead: then all have as long."""
SLACK_ROUNDS = 100
"""Parts sweep twice a second, and are looked at as often."""


class Kept(NamedTuple):
    """Memory with keys in it that somebody still holds."""

    what: str
    token: int
    """Tells it from others; `held` keeps it alive, so that no other gets its number."""
    is_zero: Callable[[], bool]
    held: object
    too_long: bool
    """Whether it should be gone by now."""


class Wiped(Rule):
    """All keys of all parts."""

    name = "wiped"

    def __init__(self) -> None:
        super().__init__()
        self._held: defaultdict[str, dict[int, Kept]] = defaultdict(dict)
        self._late: dict[tuple[str, int], float] = {}
        self._present: dict[str, tuple[int, int]] = {}

    def begun(self, name: str, part: Part) -> None:
        """Nothing is known of it."""
        self._forget(name)

    def ended(self, name: str) -> None:
        """What it held is gone with its process."""
        self._forget(name)

    def _forget(self, name: str) -> None:
        self._held.pop(name, None)
        self._present.pop(name, None)
        for late in [each for each in self._late if each[0] == name]:
            del self._late[late]

    def look(self) -> None:
        """See what is still held, what no longer is, and whether that is zero."""
        for name, part in self.world.parts.items():
            if self.world.is_stalled(name):
                continue
            kept = {each.token: each for each in self._kept(name, part)}
            for each in kept.values():
                self._check_late(name, each)
            before = self._held[name]
            for token, each in before.items():
                if token not in kept and not each.is_zero():
                    self.broken(f"{name} let go of {each.what} without wiping")
            self._held[name] = kept

    def _check_late(self, name: str, kept: Kept) -> None:
        if not kept.too_long:
            self._late.pop((name, kept.token), None)
        elif self.world.now >= self._late.setdefault((name, kept.token), self.world.now) + LATE_S:
            self.broken(f"{name} still holds {kept.what}")

    def close(self) -> None:
        """Keystream that was given back is zero."""
        for name, part in self.world.parts.items():
            if isinstance(part, Mix) and not self.world.is_stalled(name):
                part.work()
                if any(buffer.any() for buffer in part._blocks._free):
                    self.broken(f"{name} keeps keystream that nobody uses")

    def _kept(self, name: str, part: Part) -> Iterator[Kept]:
        if isinstance(part, Mix):
            yield from self._kept_by_mix(name, part)
        elif isinstance(part, Gateway):
            self._check_sessions(name, part)
        else:
            yield from self._kept_by_client(name, part)

    # ── mixes ────────────────────────────────────────────────────────────────────────────

    def _kept_by_mix(self, name: str, mix: Mix) -> Iterator[Kept]:
        geometry, live = self.world.zone.geometry, mix._live
        number = mix.now_round(self.world.time_of(name))
        drained = number - live.since >= geometry.keys_until + SLACK_ROUNDS
        before = max((each for each in live._by_epoch if each < live.epoch), default=0)
        for epoch, circuits in live._by_epoch.items():
            over = epoch < before or outlived(geometry, number - SLACK_ROUNDS, epoch)
            yield _of_circuits(circuits, over or (epoch < live.epoch and drained))
        coming = mix.coming.circuits
        if coming is not None:
            begin = geometry.first_round(coming.epoch)
            yield _of_circuits(coming, number >= begin + geometry.keys_until + SLACK_ROUNDS)
        for epoch, pair in mix.coming._signer._keys.items():
            late = number >= geometry.first_round(epoch) + SLACK_ROUNDS
            yield _of_secret("an onion key", pair.private, too_long=late)

    # ── gateways ─────────────────────────────────────────────────────────────────────────

    def _check_sessions(self, name: str, gateway: Gateway) -> None:
        sessions = gateway._entry.sessions
        free = sessions._free
        if sessions.up[free].any() or sessions.down[free].any():
            self.broken(f"{name} keeps keys of sessions that are gone")

    # ── clients ──────────────────────────────────────────────────────────────────────────

    def _kept_by_client(self, name: str, client: Client) -> Iterator[Kept]:
        due = self._forgotten_before(name, client)
        for epoch, pair in client._circuits._pairs.items():
            for circuit in pair:
                yield Kept("a circuit", id(circuit), _is_clear(circuit), circuit, epoch < due)
        phone = client.phone
        calls = {phone.call}
        for epoch, use in phone._uses.items():
            calls |= {use.call, use.doorstep.call, use.knock.call if use.knock else None}
            for what, secret in _secrets_of(use):
                yield _of_secret(what, secret, too_long=epoch < due)
        for call in calls - {None}:
            if call is not None:
                keys = call.keys
                yield Kept("a call's keys", id(keys), _is_over(keys), keys, False)

    def _forgotten_before(self, name: str, client: Client) -> int:
        """Epochs before this one must be forgotten by now."""
        geometry, number = client._geometry, client.number
        if number < 0:
            return 0
        present = client._reign.circuit_epoch or geometry.epoch_of(number)
        known, since = self._present.get(name, (-1, 0))
        if present != known:
            since = number
            self._present[name] = present, since
        within = geometry.within(since)
        wait = (geometry.keys_until - within) % geometry.epoch_rounds
        return present if number >= since + wait + SLACK_ROUNDS else 0


def _of_circuits(circuits: Circuits, too_long: bool) -> Kept:
    streams = (circuits._forward, circuits._backward)
    keys = [part._keys for each in streams for part in (each._lines, each._doors)]

    def is_zero() -> bool:
        return not any(np.any(each) for each in keys)

    return Kept("layer keys", id(circuits), is_zero, circuits, too_long)


def _of_secret(what: str, secret: Secret, *, too_long: bool) -> Kept:
    return Kept(what, id(secret), lambda: secret._value is None, secret, too_long)


def _secrets_of(use: Use) -> Iterator[tuple[str, Secret]]:
    yield "a door's one-time key", use.doorstep._ephemeral.private
    if use.knock is not None:
        yield "a dial's one-time key", use.knock._ephemeral.private
    for loop in (use.line_loop, use.door_loop):
        yield "a loop's key", loop._sealer._key


def _is_clear(circuit: client_circuits.Circuit) -> Callable[[], bool]:
    return lambda: not circuit._keys and not any(np.any(b) for b in circuit._blocks.values())


def _is_over(keys: CallKeys) -> Callable[[], bool]:
    def is_over() -> bool:
        sealers = [sealer._key for sealer in keys._sealers.values()]
        return all(secret._value is None for secret in [*keys._links.values(), *sealers])

    return is_over
