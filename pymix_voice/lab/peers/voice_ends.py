"""Two ends that talk without a zone: a call's own sound, over whatever carries a round.

    python -m pymix_voice.lab.peers.voice_ends SAID HEARD HUM_ROUNDS CARRIER
    CARRIER  =  udp PORT PEER_PORT  |  listen PORT  |  socks SOCKS_PORT HOST PORT

Mouth, packing, playout and ear are a client's (`edge/sound.py`): only what is between differs. As
in a zone, both hum before they talk, for some seconds, so that playout knows the way by then; an
idle client's loop cells do that for it.

    record 120  =  kind 1 | round 8 | body 111

Rounds are each end's own, every 20 ms from when it began.

Must not know: what is between, what is made of it.
"""

import gc
import sys
from collections.abc import Awaitable, Callable
from enum import IntEnum
from functools import partial
from pathlib import Path
from struct import Struct, error

import trio

from pymix_voice.client.call import PAUSE
from pymix_voice.edge.alarm import Alarm
from pymix_voice.edge.clock import Clock, sleep_until
from pymix_voice.edge.ears import RecordingEar
from pymix_voice.edge.mouths import RecordedMouth
from pymix_voice.edge.priority import ask_for_priority
from pymix_voice.edge.report import write_line
from pymix_voice.edge.running import run
from pymix_voice.edge.sound import CallSound, Sound
from pymix_voice.edge.talk import LEAVING_S
from pymix_voice.errors import Misuse
from pymix_voice.geometry import FRAME_S
from pymix_voice.lab.peers.carriers import Carrier, Datagrams, Stream, accepted
from pymix_voice.lab.peers.sizes import BODY_BYTES
from pymix_voice.lab.peers.socks import connected
from pymix_voice.voice.recordings import read_recording

NO_BODY = bytes(BODY_BYTES)
Reach = Callable[[], Awaitable[Carrier]]
_RECORD = Struct(f"<BQ{BODY_BYTES}s")


class Kind(IntEnum):
    """What a round's record is."""

    HUM = 0
    VOICE = 1
    FINISHED = 2


def pack(kind: Kind, number: int, body: bytes) -> bytes:
    """A record, 120 bytes."""
    return _RECORD.pack(kind, number, body)


def unpack(record: bytes) -> tuple[Kind, int, bytes] | None:
    """Kind, round and body; None if it is no record."""
    try:
        kind, number, body = _RECORD.unpack(record)
        return Kind(kind), number, body
    except (error, ValueError):
        return None


class Chat:
    """What a client's sound asks of a call."""

    caller = True

    def __init__(self) -> None:
        self.talking = True
        self.finished_there = False
        self.frames_sent = 0


class End:
    """One end: records in, records out, by instants that it is told.

    Args:
        sound: what it says and hears.
        now: its first round is due now.
        hum_rounds: so many rounds of the other's hum are heard before this end begins to talk.

    Attributes:
        outgoing: records to be sent; whoever sends them clears it.
        ended: how it sounded, once all was said and heard on both sides.
        over: whether the other end knows that as well.
    """

    def __init__(self, sound: Sound, now: float, hum_rounds: int) -> None:
        self._sound = sound
        self._began_at = now
        self._number = 0
        self._to_hear = hum_rounds
        self._chat: Chat | None = None
        self._leaves_at = float("inf")
        self.outgoing: list[bytes] = []
        self.ended: CallSound | None = None
        self.over = False

    def deadline(self) -> float:
        """When something is due next."""
        return min(self._tick_at, self._sound.deadline())

    @property
    def _tick_at(self) -> float:
        return self._began_at + self._number * FRAME_S

    def handle_deadline(self, now: float) -> None:
        """Do what is due: rounds first."""
        while self._tick_at <= now:
            self._say(self._number, now)
            self._number += 1
        self._sound.pull(now)
        self._look(now)

    def _say(self, number: int, now: float) -> None:
        body = self._sound.frame(number, now)
        if self._chat is None:
            assert body is not None, "an idle client hums"
            kind = Kind.HUM
        elif body is None or self.ended is not None:
            kind, body = Kind.FINISHED, NO_BODY
        else:
            kind = Kind.VOICE
            self._chat.frames_sent += 1
        self.outgoing.append(pack(kind, number, body))

    def take(self, record: bytes, now: float) -> None:
        """A record came; what is none is forgotten."""
        known = unpack(record)
        if known is None:
            return
        kind, number, body = known
        if self._chat is None:
            self._sound.push_loop(number, body, now)
            self._to_hear -= 1
            if self._to_hear <= 0:
                self._chat = Chat()
                self._sound.begin(self._chat, now)
        elif kind == Kind.FINISHED:
            self._chat.finished_there = True
            self._sound.push(number, PAUSE, now)
        elif kind == Kind.VOICE:
            self._sound.push(number, body, now)
        else:
            self._sound.push(number, PAUSE, now)

    def _look(self, now: float) -> None:
        chat, sound = self._chat, self._sound
        if chat is None:
            return
        if self.ended is None and chat.finished_there and sound.finished and sound.dry:
            self.ended = sound.end(now)
            self._leaves_at = now + LEAVING_S
        self.over = now >= self._leaves_at


async def talk(reach: Reach, said: Path, heard: Path, hum_rounds: int) -> None:
    """Be one end, until both have said all; tells a summary as a client does.

    Args:
        reach: makes what brings records there and back. Only then does the other end send: what
            would wait here while this one gets ready would look like a way with much jitter.
        said: a recording to speak.
        heard: where to record what is heard.
        hum_rounds: see `End`.
    """
    mouth, ear = RecordedMouth(read_recording(said)), RecordingEar(heard)
    sound, alarm = Sound(mouth, ear, 1), Alarm()
    gc.collect()
    gc.freeze()
    carrier = await reach()
    end = End(sound, Clock.now(), hum_rounds)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(carrier.run, lambda record: end.take(record, Clock.now()))
        while not end.over:
            await _until(alarm, end.deadline())
            end.handle_deadline(Clock.now())
            for record in end.outgoing:
                carrier.send(record)
            end.outgoing.clear()
        nursery.cancel_scope.cancel()
    alarm.close()
    assert end.ended is not None
    write_line({"event": "summary", "t": Clock.now(), **end.ended.summary(None, mouth, ear)})


async def _until(alarm: Alarm, instant: float) -> None:
    """As exactly as a client waits."""
    if alarm.works:
        alarm.set(instant)
        await alarm.ring()
    else:
        await sleep_until(instant)


async def _carrier(words: list[str]) -> Carrier:
    """What the command line names."""
    match words:
        case ["udp", port, peer]:
            return Datagrams(int(port), int(peer))
        case ["listen", port]:
            listening = partial(write_line, {"event": "listening"})
            return Stream(await accepted(int(port), listening))
        case ["socks", socks_port, host, port]:
            return Stream(await connected(int(socks_port), host, int(port)))
    raise Misuse(f"no carrier is {' '.join(words)!r}")


def main(said: str, heard: str, hum_rounds: str, *words: str) -> None:
    """Be one end."""

    async def whole() -> None:
        await talk(partial(_carrier, list(words)), Path(said), Path(heard), int(hum_rounds))

    ask_for_priority()
    run(whole)


if __name__ == "__main__":
    main(*sys.argv[1:])
