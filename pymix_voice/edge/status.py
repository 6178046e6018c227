"""Status: how a client's things stand, as figures for a screen or a script.

Must not know: how they are shown. It tells nothing that is an address, key or drop.
"""

from pymix_voice.client.machine import SEAL_AHEAD_S, Client
from pymix_voice.client.states import State
from pymix_voice.edge.acquaintance import Acquaintance
from pymix_voice.edge.sound import Sound
from pymix_voice.edge.talker import Talker
from pymix_voice.geometry import FRAME_S, SAMPLE_RATE
from pymix_voice.voice.opus import LOOKAHEAD_SAMPLES
from pymix_voice.voice.playout import Playout

LOOKAHEAD_S = LOOKAHEAD_SAMPLES / SAMPLE_RATE


def status_of(
    talker: Talker, known: Acquaintance, devices: tuple[str, str], now: float
) -> dict[str, object]:
    """All figures; what is not known is None.

    Args:
        talker: the client with its sound.
        known: who is who.
        devices: what speaks and what hears.
        now: seconds, monotonic.
    """
    client, sound = talker.client, talker.sound
    call = client.phone.call
    trip_s, lost = client.health.trip_s(), client.health.loss(now)
    return {
        "state": _state(client),
        **known.who(None if call is None else call.peer),
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
        **client.sent.figures("sent"),
        **client.came.figures("came"),
        "overruns": sound.mouth.trouble,
        "underruns": sound.ear.trouble,
        "input": devices[0],
        "output": devices[1],
        "contacts": [contact.name for contact in known.contacts],
    }


def _state(client: Client) -> str:
    """The call's state; without one, how far the client is into the zone."""
    if client.phone.state != State.IDLE:
        return client.phone.state.value
    if client.connection.session is None:
        return "offline"
    return "idle" if client.in_zone else "online"


def _playing(playout: Playout | None, sound: Sound, trip_s: float | None) -> dict[str, object]:
    """What is known only in a call."""
    if playout is None or playout.first_played is None:
        return {"mouth_to_ear_ms": None, "loss": None, "loss_after": None, "playout_ms": None}
    counts = playout.counts
    ear_s = None
    if trip_s is not None:
        # The peer's mouth is taken to be like one's own; a round's first frame waits for the rest.
        mouth_s = sound.mouth.delay_s + (sound.frames - 1) * FRAME_S
        ear_s = mouth_s + SEAL_AHEAD_S + trip_s + playout.delay_s + LOOKAHEAD_S
    return {
        "mouth_to_ear_ms": _ms(ear_s),
        "loss": round(counts.loss, 4),
        "loss_after": round(counts.loss_after_repair, 4),
        "playout_ms": _ms(playout.delay_s),
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
