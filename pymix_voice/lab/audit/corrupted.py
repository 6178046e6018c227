"""A corrupt gateway or mix as a program, or an honest mix whose order is noted for labels.

    python -m pymix_voice.lab.audit.corrupted gateway1 ZONE-FOLDER --page FILE
    python -m pymix_voice.lab.audit.corrupted mix1 ZONE-FOLDER --page FILE

It is the real program but for what `corrupt` says: the first mix of three and the last are corrupt,
and so is the gateway. The first sends every 23rd round twice; the last spoils some rows in every
fourth epoch. At SIGINT or SIGTERM it writes its page.

Must not know: what attacks make of it.
"""

import argparse
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import trio

from pymix_voice.edge.clock import Clock, system_dice
from pymix_voice.edge.files import SignedFile, read_key, read_zone
from pymix_voice.edge.places import Place, place_of, resolve
from pymix_voice.edge.priority import ask_for_priority
from pymix_voice.edge.report import Report
from pymix_voice.edge.running import run
from pymix_voice.edge.serve import serve_gateway, serve_mix
from pymix_voice.errors import PymixError
from pymix_voice.gateway.machine import Gateway
from pymix_voice.lab.audit.corrupt import (
    REPLAYS_EVERY,
    CorruptFirst,
    CorruptGateway,
    CorruptLast,
    spoil,
)
from pymix_voice.lab.audit.notes import Pad, write_page
from pymix_voice.mix.machine import Mix
from pymix_voice.zone.zonefile import Zone, parse_place

T = TypeVar("T", bound=Mix | Gateway)

CHAIN: Final = (CorruptFirst, Mix, CorruptLast)
LOOK_S: Final = 0.1
"""Much less than an epoch."""
SPOILT_EVERY: Final = 4
"""Epochs; in the others nothing is spoilt, so that clients can be compared with themselves."""
TELL_S: Final = 1.0


@dataclass(frozen=True)
class Options:
    """What is asked for; see `options`."""

    part: str
    folder: Path
    page: Path
    listen: str | None


def options(words: list[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m pymix_voice.lab.audit.corrupted")
    parser.add_argument("part", help="which, by its name in the zone file")
    parser.add_argument("folder", type=Path, help="with zone.toml and keys/")
    parser.add_argument("--page", type=Path, required=True, help="where notes are written")
    parser.add_argument("--listen", metavar="HOST:PORT", help="if not as the zone file says")
    return Options(**vars(parser.parse_args(words)))


class HeardGateway(CorruptGateway):
    """Calls clients by their ports, as the audience and the relay do."""

    def name_of(self, source: bytes) -> str:
        """See `CorruptGateway`."""
        return f":{place_of(source)[1]}"


class Program:
    """One part, and the taking of notes beside it.

    Raises:
        ConfigError: if the zone file or the key is no good, or no part has that name.
    """

    def __init__(self, wanted: Options) -> None:
        self._wanted = wanted
        self._zone = read_zone(wanted.folder / "zone.toml")
        self._dice = system_dice()
        self._pad: Pad | None = None

    async def run(self) -> None:
        """Serve until a signal says to end; then write the page."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._look)
            await self._serve()
            nursery.cancel_scope.cancel()
        if self._pad is not None:
            write_page(self._pad.page(), self._wanted.page)

    def _serve(self) -> Awaitable[None]:
        wanted, zone = self._wanted, self._zone
        key = wanted.folder / "keys" / f"{wanted.part}.key"
        keys, report = read_key(key), Report(wanted.part, as_json=True, every_s=TELL_S)
        here = None if wanted.listen is None else _place(wanted.listen)
        names = [entry.name for entry in zone.mixes]
        if wanted.part in names:
            hop, signed = names.index(wanted.part), SignedFile(key)
            kind = partial(self._noted, CHAIN[hop])
            return serve_mix(zone, hop, keys, signed, Clock(), report, here, kind=lambda hop: kind)
        index = [entry.name for entry in zone.gateways].index(wanted.part)
        return serve_gateway(
            zone, index, keys, Clock(), report, here=here, kind=partial(self._noted, HeardGateway)
        )

    def _noted(self, kind: Callable[..., T], *words: object, **more: object) -> T:
        """The part, of which notes are taken from now on."""
        part = kind(*words, **more)
        self._pad = Pad(part)
        return part

    async def _look(self) -> None:
        while True:
            await trio.sleep(LOOK_S)
            if self._pad is not None:
                self._act(self._pad, self._zone)

    def _act(self, pad: Pad, zone: Zone) -> None:
        """Take notes, and do what only corrupt mixes do."""
        part = pad.part
        if isinstance(part, Gateway):
            return
        number = part.now_round(Clock.now())
        new = pad.look(zone.geometry.epoch_of(number))
        if isinstance(part, CorruptFirst):
            part.again_in.add(number - number % REPLAYS_EVERY + REPLAYS_EVERY)
        elif isinstance(part, CorruptLast):
            for epoch in new:
                if epoch % SPOILT_EVERY == 0:
                    spoil(part, epoch, self._dice)


def _place(text: str) -> Place:
    host, port = parse_place(text)
    return resolve(host, port, "--listen")


def main(words: list[str]) -> None:
    """Run the program."""
    wanted = options(words)
    ask_for_priority()
    run(Program(wanted).run)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except PymixError as error:
        sys.exit(str(error))
