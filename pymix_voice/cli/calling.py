"""Commands of a person: be there for calls, call, try one's sound.

Must not know: rounds, cells.
"""

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pymix_voice.cli.finding import JsonOption, ProfileOption, ZoneOption, find_profile, find_zone
from pymix_voice.cli.screen import fits, screen
from pymix_voice.cli.sounding import SoundOptions
from pymix_voice.cli.telling import Teller
from pymix_voice.client.contacts import find_peer
from pymix_voice.client.identity import Identity
from pymix_voice.edge.acquaintance import Acquaintance
from pymix_voice.edge.files import read_zone
from pymix_voice.edge.outfit import Outfit, echo_outfit, outfit
from pymix_voice.edge.priority import ask_for_priority
from pymix_voice.edge.profile import locked, open_identity, read_contacts
from pymix_voice.edge.running import run
from pymix_voice.edge.stories import call_story, listen_story
from pymix_voice.edge.talk import Talk
from pymix_voice.errors import ConfigError, Misuse
from pymix_voice.zone.address import parse_address
from pymix_voice.zone.zonefile import Zone

SCREEN_STATUS_S = 0.2
"""How often a screen is told how things stand."""

Flag = Parameter(negative="")
NO_SOUND_OPTIONS = SoundOptions()


@Parameter(name="*")
@dataclass(frozen=True)
class PlaceOptions:
    """Which zone, and who one is in it."""

    zone: ZoneOption = None
    profile: ProfileOption = None
    gateway: Annotated[str | None, Parameter(help="Name in the zone file. Default: the first.")] = (
        None
    )
    contact: Annotated[
        list[str] | None,
        Parameter(
            negative="",
            help="Address of somebody who may call as a contact may; may be given often.",
        ),
    ] = None
    json: JsonOption = False
    plain: Annotated[
        bool, Parameter(negative="", help="Plain lines in place of the call screen.")
    ] = False
    status: Annotated[
        float,
        Parameter(help="With --json: tell levels, delay and loss every so many seconds; 0: never."),
    ] = 0.0


NO_PLACE_OPTIONS = PlaceOptions()


def listen(
    *,
    place: PlaceOptions = NO_PLACE_OPTIONS,
    sound: SoundOptions = NO_SOUND_OPTIONS,
    auto_answer: Annotated[bool, Flag] = False,
    once: Annotated[bool, Flag] = False,
    only_contacts: Annotated[bool, Flag] = False,
) -> int:
    """Be online, and answer calls, until Ctrl-C.

    In a terminal the call screen shows who calls and which keys do what. Elsewhere a line 'y' or
    'n' on standard input answers. A second call of one run is recorded beside the first: b.wav,
    b-2.wav.

    Args:
        auto_answer: answer every call. Who you answer can find you among all clients.
        once: end after the first answered call.
        only_contacts: let nobody else ring.
    """
    return _be_there(place, sound, only_contacts=only_contacts, auto_answer=auto_answer, once=once)


def phone(
    *,
    place: PlaceOptions = NO_PLACE_OPTIONS,
    sound: SoundOptions = NO_SOUND_OPTIONS,
    only_contacts: Annotated[bool, Flag] = False,
) -> int:
    """Stay online: wait for calls, dial, hang up and dial again, without leaving the zone.

    This is the way to live with it: nothing on the wire changes between calls. In a terminal,
    press d to dial. Elsewhere orders are lines on standard input: answer, decline, dial NAME,
    hangup, mute, unmute, ptt on, ptt off, talk, volume PERCENT, verify, quit.

    Args:
        only_contacts: let nobody else ring.
    """
    return _be_there(place, sound, only_contacts=only_contacts)


def echo(*, place: PlaceOptions = NO_PLACE_OPTIONS) -> int:
    """Run an echo test: it answers every call, and says what it hears a second later.

    Call it to hear how others would hear you. Whoever it answers can find its computer among all
    clients, so let it be one of its own.
    """
    return _be_there(place, None, auto_answer=True)


def call(
    who: str,
    /,
    *,
    place: PlaceOptions = NO_PLACE_OPTIONS,
    sound: SoundOptions = NO_SOUND_OPTIONS,
    now: Annotated[bool, Flag] = False,
    duration: float | None = None,
) -> int:
    """Call somebody. Ctrl-C hangs up.

    Coming online just to call, and leaving right after, would show the call to whoever watches.
    So this is online for one to three epochs (of some 4 seconds) at random before it dials, and
    again after the end. With recordings on both sides it hangs up when both are over. Who calls
    often uses `pymix-voice phone`, and stays online.

    Args:
        who: a contact's name, or an address as `pymix-voice me` prints it there.
        now: dial at once and leave at once; shows an observer that you came to call.
        duration: hang up after so many seconds of talking.
    """
    folder = find_profile(place.profile)
    peer, _ = find_peer(who, read_contacts(folder))
    if duration is not None and not 0 < duration < float("inf"):
        raise ConfigError(f"a duration of {duration:g} seconds is not possible; give more than 0")
    if _wants_screen(place):
        return screen(_again())
    found = read_zone(find_zone(place.zone))
    teller = Teller(as_json=place.json)
    make = _maker(place, found, teller)
    choice = sound.chosen()
    with locked(folder):
        me = _identity(folder, found)
        if peer.identity == me.address.identity:
            raise ConfigError("this is your own address; give another --profile to call yourself")
        if place.json:
            teller.tell("address", {"address": me.address.text})
        known = Acquaintance(folder, (peer.identity, *_contacts(place.contact)))
        talk = partial(
            make, me=me, known=known, strangers=True, outfit=outfit(choice, found.geometry.frames)
        )
        ask_for_priority()
        return run(partial(call_story, talk, teller.note, peer, now=now, duration=duration))


def _be_there(
    place: PlaceOptions,
    sound: SoundOptions | None,
    *,
    only_contacts: bool = False,
    auto_answer: bool = False,
    once: bool = False,
) -> int:
    """Be online for calls, with sound as chosen, or as an echo."""
    if _wants_screen(place):
        return screen(_again())
    folder = find_profile(place.profile)
    zone_path = find_zone(place.zone)
    found = read_zone(zone_path)
    teller = Teller(as_json=place.json, asks=not auto_answer)
    make = _maker(place, found, teller)
    make_outfit: Callable[[int], Outfit] = echo_outfit
    if sound is not None:
        make_outfit = partial(outfit, sound.chosen())
    with locked(folder):
        me = _identity(folder, found)
        known = Acquaintance(folder, tuple(_contacts(place.contact)))
        worn = make_outfit(found.geometry.frames)
        talk = partial(make, me=me, known=known, strangers=not only_contacts, outfit=worn)
        line = f"pymix-voice call {me.address.text} --zone {shlex.quote(str(zone_path))}"
        teller.address(me.address.text, line)
        if not (auto_answer or place.json or os.isatty(0)):
            teller.note("calls are answered by a line 'y' or 'n' on standard input")
        ask_for_priority()
        return run(partial(listen_story, talk, teller.note, auto_answer=auto_answer, once=once))


def _maker(place: PlaceOptions, zone: Zone, teller: Teller) -> Callable[..., Talk]:
    """Makes clients at this place; what is wrong with it is seen before anything is opened."""
    gateway = find_gateway(zone, place.gateway)
    return partial(Talk, zone, gateway, tell=teller.tell, status_s=_status(place))


def _wants_screen(place: PlaceOptions) -> bool:
    return not place.json and not place.plain and fits()


def _again() -> list[str]:
    """This very command once more, as the program that a screen shows."""
    return [
        *(sys.executable, "-m", "pymix_voice", *sys.argv[1:]),
        *("--json", "--status", str(SCREEN_STATUS_S)),
    ]


def _status(place: PlaceOptions) -> float:
    if not 0 <= place.status < float("inf") or (place.status and not place.json):
        raise ConfigError("--status wants a number of seconds from 0 on, and goes with --json")
    return place.status


def find_gateway(zone: Zone, name: str | None) -> int:
    """Which gateway has this name.

    Raises:
        ConfigError: none; the sentence lists those that are.
    """
    names = [gateway.name for gateway in zone.gateways]
    if name is None:
        return 0
    if name not in names:
        raise ConfigError(f"the zone has no gateway '{name}'; it has {', '.join(names)}")
    return names.index(name)


def _identity(folder: Path, zone: Zone) -> Identity:
    keys = open_identity(folder)
    if keys.door is None:
        raise Misuse("an identity without a door")
    return Identity(keys.link, keys.door.reveal(), zone.hash)


def _contacts(addresses: Sequence[str] | None) -> list[bytes]:
    return [parse_address(text).identity for text in addresses or ()]
