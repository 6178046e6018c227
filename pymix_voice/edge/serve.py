"""Running a mix or a gateway: which sockets, which neighbours, which keys.

Source: the project's protocol page, sections "Access link" and "Mix links".

Must not know: what rounds carry, which client is which.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import NamedTuple

import trio

from pymix_voice.edge import udp
from pymix_voice.edge.clock import Clock, system_dice
from pymix_voice.edge.control import listen
from pymix_voice.edge.datapath import Inlet
from pymix_voice.edge.files import SignedFile
from pymix_voice.edge.places import Place, address_of, prefix_of, resolve, wildcard
from pymix_voice.edge.report import Report
from pymix_voice.edge.service import Post, Service
from pymix_voice.edge.suite import prefers_aegis
from pymix_voice.edge.udp import Port, open_port
from pymix_voice.errors import ConfigError, Misuse
from pymix_voice.gateway.intake import capacity_of
from pymix_voice.gateway.machine import Gateway
from pymix_voice.geometry import MAX_WORKERS
from pymix_voice.mix.first import FirstMix
from pymix_voice.mix.machine import Mix
from pymix_voice.mix.neighbours import DOWN, Said
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.zone.control import ControlLink
from pymix_voice.zone.drain import NOWHERE, Via
from pymix_voice.zone.keyfile import KeyFile
from pymix_voice.zone.zonefile import GatewayEntry, MixEntry, Zone


def check_key(keys: KeyFile, role: str, entry: MixEntry | GatewayEntry, file: str) -> None:
    """Refuse a key file that is not this mix's or gateway's.

    Args:
        keys: what the file holds.
        role: 'mix' or 'gateway'.
        entry: what the zone file says.
        file: the key file's name, for the error.

    Raises:
        ConfigError: if they do not fit.
    """
    if keys.role != role:
        raise ConfigError(f"{file} is the key file of a {keys.role}, but a {role}'s is wanted")
    fits = keys.link.public == entry.link
    if isinstance(entry, MixEntry):
        fits = fits and keys.sign_public == entry.sign
    if not fits:
        raise ConfigError(
            f"the keys in {file} are not those of '{entry.name}' in the zone file; give its own "
            "with --key, or put the lines that `pymix-voice zone key` printed into the zone file"
        )


def _open(
    place: Place,
    datagrams: int,
    charge: int,
    report: Report,
    *,
    size: int | None = None,
    sock: socket.socket | None = None,
) -> Port:
    """A port whose buffer holds so many datagrams, or a warning."""
    port = open_port(place, datagrams * charge, size=size, sock=sock)
    warning = udp.buffer_warning(port.buffer_bytes, datagrams, charge)
    if warning is not None:
        report.note(f"warning: {warning}")
    return port


def _place_of(entry: MixEntry | GatewayEntry) -> Place:
    return resolve(entry.host, entry.port, entry.name)


# ── a mix ────────────────────────────────────────────────────────────────────────────────────

CLOCK_LOOK_S = 1.0
"""How often a mix is told the time of day, which may have been set."""


MixMaker = Callable[..., Mix]
"""Makes a mix of what `Mix` takes."""


def mix_at(hop: int) -> MixMaker:
    """What makes the mix at a place of the chain."""
    return FirstMix if hop == 0 else Mix


async def serve_mix(
    zone: Zone,
    hop: int,
    keys: KeyFile,
    signed: SignedFile,
    clock: Clock,
    report: Report,
    here: Place | None = None,
    kind: Callable[[int], MixMaker] = mix_at,
) -> None:
    """Run a mix until SIGINT or SIGTERM.

    Args:
        zone: the zone file.
        hop: which mix, from 0.
        keys: its key file, checked.
        signed: what it signed before, and where that is kept.
        clock: tells the time.
        report: for the operator.
        here: where it listens, if not at its address in the zone file.
        kind: what makes the mix at a place.

    Raises:
        ConfigError: if its ports or files cannot be used.
    """
    dice = system_dice()
    here = here or _place_of(zone.mixes[hop])
    after = zone.mixes[hop + 1] if hop + 1 < len(zone.mixes) else None
    down = None if after is None else _place_of(after)
    befores = _upstream_keys(zone, hop)
    aegis = prefers_aegis()
    machine = _make_mix(kind(hop), zone, hop, keys, signed.read(), clock, dice, down)

    def answer() -> ControlLink:
        ephemeral = KeyPair.draw(dice)
        return ControlLink(False, zone.hash, keys.link, ephemeral, 0, befores, aegis=aegis)

    def call() -> ControlLink:
        peers = [] if after is None else [after.link]
        ephemeral = KeyPair.draw(dice)
        return ControlLink(True, zone.hash, keys.link, ephemeral, 0, peers, aegis=aegis)

    # Rounds come from both sides, except at the last mix; from below with this mix's phantoms.
    geometry, sides = zone.geometry, (hop,) if after is None else (hop, hop + 1)
    datagrams = 2 * sum(geometry.chunks(geometry.rows_at(side)) for side in sides)
    size = geometry.chunk_bytes
    with _open(here, datagrams, udp.CHUNK_CHARGE, report, size=size) as port:
        listener = listen(here)
        post = Post(machine.link_up, machine.link_down, machine.receive_control, machine.said)
        inlet = Inlet(port, machine.receive, before_due=True)
        service = Service(
            machine,
            post,
            {"link": inlet},
            machine.work,
            signed.write,
            report,
            interrupts=hop == 0,
        )
        report.note(f"mix {hop + 1} of {len(zone.mixes)} of the zone '{zone.name}' is up")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(service.desk.keep_listening, listener, answer)
            if after is not None and down is not None:
                nursery.start_soon(service.desk.keep_dialing, down, call, after.name, DOWN, dice)
            nursery.start_soon(_look_at_clock, machine, clock)
            await service.run(nursery, zone.geometry.epoch_s)


def _upstream_keys(zone: Zone, hop: int) -> list[bytes]:
    """The link keys of those upstream, by the number that each gives: see `mix.neighbours`."""
    if hop > 0:
        return [zone.mixes[hop - 1].link]
    return [entry.link for entry in zone.gateways for _ in range(MAX_WORKERS)]


async def _look_at_clock(machine: Mix, clock: Clock) -> None:
    while True:
        await trio.sleep(CLOCK_LOOK_S)
        machine.set_clock(clock.now(), clock.unix())


def _make_mix(
    kind: MixMaker,
    zone: Zone,
    hop: int,
    keys: KeyFile,
    signed: int,
    clock: Clock,
    dice: Dice,
    down: Place | None,
) -> Mix:
    if keys.sign is None:
        raise Misuse("a mix needs a key to sign with")
    return kind(
        zone,
        hop,
        keys.sign.reveal(),
        dice=dice,
        now=clock.now(),
        unix=clock.unix(),
        signed=signed,
        down=NOWHERE if down is None else address_of(down),
    )


# ── a gateway ────────────────────────────────────────────────────────────────────────────────


class Worker(NamedTuple):
    """Which of the processes that are one gateway together this is."""

    number: int = 0
    of: int = 1
    sock: socket.socket | None = None
    """Its share of the port for clients, bound already; None where there is one process only."""


ALONE = Worker()


async def serve_gateway(
    zone: Zone,
    index: int,
    keys: KeyFile,
    clock: Clock,
    report: Report,
    worker: Worker = ALONE,
    here: Place | None = None,
    kind: Callable[..., Gateway] = Gateway,
) -> None:
    """Run a gateway, or a worker of one, until SIGINT or SIGTERM.

    Args:
        zone: the zone file.
        index: which gateway, from 0.
        keys: its key file, checked.
        clock: tells the time.
        report: for the operator.
        worker: which part of the gateway this process is.
        here: where clients' datagrams come in, if not at its address in the zone file.
        kind: what makes the gateway.

    Raises:
        ConfigError: if its ports cannot be used.
    """
    dice = system_dice()
    aegis = prefers_aegis()
    me, first = zone.gateways[index], zone.mixes[0]
    here, mix = here or _place_of(me), _place_of(first)
    machine = kind(
        zone,
        index,
        keys.link,
        prefix_of=prefix_of,
        dice=dice,
        now=clock.now(),
        unix=clock.unix(),
        mix=address_of(mix),
        worker=worker.number,
        workers=worker.of,
    )
    number = index * MAX_WORKERS + worker.number

    def call() -> ControlLink:
        ephemeral, peers = KeyPair.draw(dice), [first.link]
        return ControlLink(True, zone.hash, keys.link, ephemeral, number, peers, aegis=aegis)

    with ExitStack() as stack:
        access, link = (
            stack.enter_context(port) for port in _gateway_ports(zone, here, mix, report, worker)
        )
        inlets: dict[Via, Inlet] = {
            "access": Inlet(access, machine.receive_clients, before_due=True),
            "link": Inlet(link, machine.receive_link, before_due=True),
        }
        post = _gateway_post(machine)
        service = Service(machine, post, inlets, lambda: False, _never_signs, report)
        part = "" if worker.of == 1 else f", worker {worker.number + 1} of {worker.of},"
        report.note(f"gateway '{me.name}'{part} of the zone '{zone.name}' is up")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(service.desk.keep_dialing, mix, call, first.name, DOWN, dice)
            await service.run(nursery, zone.geometry.epoch_s)


def _gateway_ports(
    zone: Zone, here: Place, mix: Place, report: Report, worker: Worker
) -> Iterator[Port]:
    """The port for clients, and any port for the first mix."""
    clients = capacity_of(zone, worker.of)
    # In two rounds each client sends two cells, in one of them a door's too, and a set-up.
    yield _open(here, 4 * clients, udp.CLIENT_CHARGE, report, sock=worker.sock)
    any_port = wildcard(mix[0]), 0
    datagrams, size = 2 * zone.geometry.chunks(2 * clients), zone.geometry.chunk_bytes
    yield _open(any_port, datagrams, udp.CHUNK_CHARGE, report, size=size)


def _gateway_post(machine: Gateway) -> Post:
    """A gateway has one neighbour only, the first mix."""
    return Post(
        lambda _, keys, now: machine.link_up(keys, now),
        lambda _, now: machine.link_down(now),
        lambda _, record, now: machine.receive_control(record, now),
        lambda: Said(None, [(DOWN, record) for record in machine.said()]),
    )


def _never_signs(epoch: int) -> None:
    raise Misuse("a gateway signs nothing")
