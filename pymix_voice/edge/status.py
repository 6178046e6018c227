"""Status: how a client's things stand, as figures for a screen or a script.

Must not know: how they are shown. It tells nothing that is an address, key or drop.
"""

from typing import TYPE_CHECKING

from pymix_voice.client.machine import SEAL_AHEAD_S
from pymix_voice.client.states import State
from pymix_voice.edge.sound import Sound
from pymix_voice.voice.opus import LOOKAHEAD_SAMPLES
from pymix_voice.voice.playout import Playout

if TYPE_CHECKING:
    from pymix_voice.edge.talk import Talk

LOOKAHEAD_S = LOOKAHEAD_SAMPLES / 48_000


def status_of(talk: "Talk", now: float) -> dict[str, object]:
    """All figures; what is not known is None.

    Args:
        talk: the client.
        now: seconds, monotonic.
    """
    client, talker, sound = talk.client, talk.talker, talk.talker.sound
    call = client.phone.call
    trip_s, lost = client.health.trip_s(), client.health.loss(now)
    speaks, hears = talk.outfit.names
    return {
        "state": _state(talk),
        **talk.known.who(None if call is None else call.peer),
        "check": None if call is None else call.check,
        "seconds": None if talker.talking_since is None else round(now - talker.talking_since, 1),
        "level_in": round(sound.level_in.look(), 1),
        "level_out": round(sound.level_out.look(), 1),
        **_playing(None if sound.call is None else sound.call.playout, sound, trip_s),
        "muted": sound.muted,
        "push_to_talk": sound.push_to_talk,
        "speaking": sound.speaks(now),
        "peer_muted": call is not None and call.muted_there,
        "volume": sound.volume,
        "population": client.population,
        "chain_loss": None if lost is None else round(lost, 4),
        "chain_ms": _ms(trip_s),
        "overruns": sound.mouth.trouble,
        "underruns": sound.ear.trouble,
        "input": speaks,
        "output": hears,
        "contacts": [contact.name for contact in talk.known.contacts],
    }


def _state(talk: "Talk") -> str:
    """The call's state; without one, how far the client is into the zone."""
    if talk.state != State.IDLE:
        return talk.state.value
    if not talk.online:
        return "offline"
    return "idle" if talk.client.in_zone else "online"


def _playing(playout: Playout | None, sound: Sound, trip_s: float | None) -> dict[str, object]:
    """What is known only in a call."""
    if playout is None or playout.first_played is None:
        return {"mouth_to_ear_ms": None, "loss": None, "loss_after": None, "playout_ms": None}
    counts = playout.counts
    ear_s = None
    if trip_s is not None:
        # The peer's mouth is taken to be like one's own.
        ear_s = sound.mouth.delay_s + SEAL_AHEAD_S + trip_s + playout.delay_s + LOOKAHEAD_S
    return {
        "mouth_to_ear_ms": _ms(ear_s),
        "loss": round(counts.loss, 4),
        "loss_after": round(counts.loss_after_repair, 4),
        "playout_ms": _ms(playout.delay_s),
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
