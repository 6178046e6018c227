"""Commands of a person: be called, call, know one's address.

Must not know: rounds, cells.
"""

import shlex
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from numpy.typing import NDArray

from pymix_voice.cli.finding import JsonOption, ProfileOption, ZoneOption, find_profile, find_zone
from pymix_voice.cli.telling import Teller
from pymix_voice.client.identity import Identity
from pymix_voice.edge.files import locked, open_identity, read_zone
from pymix_voice.edge.priority import ask_for_priority
from pymix_voice.edge.running import run
from pymix_voice.edge.stories import call_story, listen_story
from pymix_voice.edge.talk import Talk
from pymix_voice.errors import ConfigError, Misuse, SoundError
from pymix_voice.voice.recordings import read_recording
from pymix_voice.zone.address import parse_address
from pymix_voice.zone.zonefile import Zone

GatewayOption = Annotated[
    str | None, Parameter(name="--gateway", help="Name in the zone file. Default: the first.")
]
InputOption = Annotated[
    Path | None, Parameter(name="--input", help="Recording to speak (WAV, FLAC). Default: nothing.")
]
OutputOption = Annotated[
    Path | None, Parameter(name="--output", help="WAV file to record what is heard.")
]
ContactOption = Annotated[
    list[str] | None,
    Parameter(name="--contact", negative="", help="Address of somebody you know; may come often."),
]
Flag = Parameter(negative="")


def me(*, profile: ProfileOption = None) -> int:
    """Print your address: what others need to call you.

    Whoever has it can see whether you are online. A new profile is a new address.
    """
    print(open_identity(find_profile(profile)).address.text)
    return 0


def listen(
    *,
    zone: ZoneOption = None,
    profile: ProfileOption = None,
    gateway: GatewayOption = None,
    input: InputOption = None,
    output: OutputOption = None,
    auto_answer: Annotated[bool, Flag] = False,
    once: Annotated[bool, Flag] = False,
    only_contacts: Annotated[bool, Flag] = False,
    contact: ContactOption = None,
    json: JsonOption = False,
) -> int:
    """Be online, and answer calls, until Ctrl-C.

    Asks "answer? [y/n]" when somebody calls; the answer is a line on standard input. A second
    call of one run is recorded beside the first: b.wav, b-2.wav.

    Args:
        auto_answer: answer every call. Who you answer can find you among all clients.
        once: end after the first answered call.
        only_contacts: let nobody else ring.
    """
    folder = find_profile(profile)
    zone_path = find_zone(zone)
    found = read_zone(zone_path)
    teller = Teller(as_json=json, asks=not auto_answer)
    talk = partial(
        Talk,
        found,
        find_gateway(found, gateway),
        contacts=_contacts(contact),
        strangers=not only_contacts,
        pcm=_check_sound(input, output),
        output=output,
        tell=teller.tell,
    )
    with locked(folder):
        me = _identity(folder, found)
        line = f"pymix-voice call {me.address.text} --zone {shlex.quote(str(zone_path))}"
        teller.address(me.address.text, line)
        make = partial(talk, me=me)
        ask_for_priority()
        return run(partial(listen_story, make, teller.note, auto_answer=auto_answer, once=once))


def call(
    address: str,
    /,
    *,
    zone: ZoneOption = None,
    profile: ProfileOption = None,
    gateway: GatewayOption = None,
    input: InputOption = None,
    output: OutputOption = None,
    now: Annotated[bool, Flag] = False,
    duration: float | None = None,
    contact: ContactOption = None,
    json: JsonOption = False,
) -> int:
    """Call somebody. Ctrl-C hangs up.

    Coming online just to call, and leaving right after, would show the call to whoever watches.
    So this is online for one to three epochs (of some 4 seconds) at random before it dials, and
    again after the end. With recordings on both sides it hangs up when both are over.

    Args:
        address: of the other side, as `pymix-voice me` prints it there.
        now: dial at once and leave at once; shows an observer that you came to call.
        duration: hang up after so many seconds of talking.
    """
    folder = find_profile(profile)
    peer = parse_address(address)
    found = read_zone(find_zone(zone))
    if duration is not None and not 0 < duration < float("inf"):
        raise ConfigError(f"a duration of {duration:g} seconds is not possible; give more than 0")
    teller = Teller(as_json=json)
    talk = partial(
        Talk,
        found,
        find_gateway(found, gateway),
        contacts=[peer.identity, *_contacts(contact)],
        strangers=True,
        pcm=_check_sound(input, output),
        output=output,
        tell=teller.tell,
    )
    with locked(folder):
        me = _identity(folder, found)
        if peer.identity == me.address.identity:
            raise ConfigError("this is your own address; give another --profile to call yourself")
        if json:
            teller.tell("address", {"address": me.address.text})
        make = partial(talk, me=me)
        ask_for_priority()
        return run(partial(call_story, make, teller.note, peer, now=now, duration=duration))


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


def _check_sound(input: Path | None, output: Path | None) -> NDArray[np.int16] | None:
    """The recording to speak; whether the other can be written is seen before anybody calls."""
    if output is not None and not output.parent.is_dir():
        raise SoundError(f"there is no folder {output.parent} for {output.name}; make it first")
    if output is not None and output.is_dir():
        raise SoundError(f"{output} is a folder, but a WAV file to write is wanted")
    return None if input is None else read_recording(input)
