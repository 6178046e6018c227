"""What a peer, or who would be one, can say: words, calls, a door, a dial; and its voice."""

from collections.abc import Sequence
from typing import cast

import numpy as np
from sizes import BODY_BYTES, CELL_BYTES

from fuzz.harness import Harness, Reader, refused
from pymix_voice.client.call import PAUSE, Call
from pymix_voice.client.callkeys import CallKeys, Path
from pymix_voice.client.dialing import ANSWER_BYTES, Knock
from pymix_voice.client.door import FIRST_TEXT_BYTES, Doorstep
from pymix_voice.client.identity import CALLEE, CALLER, Identity
from pymix_voice.client.words import Word, body_of, parse_word
from pymix_voice.errors import BadCell, Drop
from pymix_voice.geometry import DOOR_EVERY, FRAME_SAMPLES, Geometry
from pymix_voice.onion.cell import CellSealer, Kind, seal_dialing
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair, derive
from pymix_voice.voice.opus import Decoder
from pymix_voice.voice.playout import WINDOW, Playout
from pymix_voice.voice.redundancy import ONE_FRAME, Packer, unpack
from pymix_voice.voice.resample import make_resampler

GEOMETRY = Geometry(3, 20)
EPOCH = 450_000
FIRST = GEOMETRY.first_round(EPOCH)


def _person(number: int) -> Identity:
    dice = Dice.seeded(number)
    return Identity(KeyPair.draw(dice), dice.bytes(16), bytes(32))


ALICE, BOB = _person(1), _person(2)


def words(data: bytes) -> None:
    """A word is its first byte."""
    body = data[:BODY_BYTES].ljust(BODY_BYTES, b"\0")
    try:
        word = parse_word(body)
    except BadCell as bad:
        assert bad.reason == Drop.MALFORMED
        return
    assert body_of(word)[0] == body[0]


def peers(data: bytes) -> None:
    """Whatever a peer in a call says, the call has a word for it, and goes on or is over."""
    taken = Reader(data)
    caller = bool(taken.number(1) & 1)
    secret = bytes(range(32))
    call = Call(
        bytes(32), CallKeys(GEOMETRY, EPOCH, secret, caller=caller), caller=caller, number=0
    )
    theirs = [
        CellSealer(derive(secret, "pymix cell", bytes([caller, path])), BODY_BYTES) for path in Path
    ]
    number = FIRST
    while taken.left > 0:
        path, kind, size = Path(taken.number(1) & 1), taken.number(1), taken.number(1) % 4
        body = taken.take(size).ljust(BODY_BYTES, b"\0")
        number += 1
        junk = body.ljust(CELL_BYTES, b"\1")
        assert refused(call.hear, path, number, junk) == Drop.FORGED
        over = call.ending
        # Any byte stands where a kind is to be: whoever seals it does not look.
        cell = theirs[path].seal(number, cast(Kind, kind), body)
        try:
            frame = call.hear(path, number, cell)
        except BadCell as bad:
            assert bad.reason == Drop.MALFORMED
        else:
            assert frame is None or len(frame) in (0, BODY_BYTES)
            assert frame in (None, PAUSE) or (kind == Kind.VOICE and call.accepted)
        assert over is None or call.ending == over, "the first reason counts"
        assert call.word in Word
    assert len(call.say(Path.LINE, number + 1, bytes(BODY_BYTES))) == CELL_BYTES


def doors(data: bytes) -> None:
    """Whoever comes with whatever text: only a handshake that is right is met; and after junk
    the genuine guest still is."""
    taken = Reader(data)
    host = Doorstep(
        GEOMETRY, BOB, EPOCH, contacts=[ALICE.key.public], strangers=True, dice=Dice.seeded(3)
    )
    pair_key = ALICE.pair_key(BOB.key.public, caller=True, epoch=EPOCH)
    number = FIRST
    genuine = ALICE.handshake(EPOCH, KeyPair.draw(Dice.seeded(4)), BOB.key.public).write()
    while taken.left > 1:
        how = taken.number(1)
        text = taken.take(min(taken.left, FIRST_TEXT_BYTES - how % 97)).ljust(
            FIRST_TEXT_BYTES, b"\0"
        )
        if how & 1:  # the genuine text, with a byte changed
            at = text[0] % FIRST_TEXT_BYTES
            text = genuine[:at] + text[1:2] + genuine[at + 1 :]
        key = pair_key if how & 2 else BOB.address.door_key
        cell = seal_dialing(key, CALLER, bytes(16), number, text, CELL_BYTES)
        if text != genuine:
            assert refused(host.hear, number, cell) is not None
        number += DOOR_EVERY
    assert host.call is None
    host.hear(number, seal_dialing(pair_key, CALLER, bytes(16), number, genuine, CELL_BYTES))
    assert _peers(host) == [ALICE.key.public]


def _peers(host: Doorstep) -> list[bytes]:
    """Whom it has met."""
    return [] if host.call is None else [host.call.peer]


def dials(data: bytes) -> None:
    """Whatever comes back on a dial: no call stands but by the handshake's second text."""
    taken = Reader(data)
    knock = Knock(GEOMETRY, ALICE, BOB.address, EPOCH, Dice.seeded(3))
    pair_key = ALICE.pair_key(BOB.key.public, caller=True, epoch=EPOCH)
    number = FIRST
    text = knock.say(number, None)
    while taken.left > 1:
        how = taken.number(1)
        body = taken.take(min(taken.left, ANSWER_BYTES)).ljust(FIRST_TEXT_BYTES, b"\0")
        key = pair_key if how & 1 else BOB.address.door_key
        cell = (
            seal_dialing(key, CALLEE, bytes(16), number, body, CELL_BYTES)
            if how & 2
            else body + text[96:]
        )
        assert refused(knock.hear, number, cell) is not None
        assert knock.call is None
        number += DOOR_EVERY
        text = knock.say(number, None)
    assert len(text) == CELL_BYTES


# ── voice ────────────────────────────────────────────────────────────────────────────────────


def bodies(data: bytes) -> None:
    """A body is a frame and a copy, of one size each."""
    try:
        found = unpack(data)
    except BadCell as bad:
        assert bad.reason == Drop.MALFORMED
        assert len(data) != BODY_BYTES
        return
    assert b"".join((*found.frames, *found.copies)) == data
    assert all(number == 10 - ONE_FRAME.frames_back for number, _ in found.copies_of(10))


def opus_frames(data: bytes) -> None:
    """Any bytes are safe to give to the decoder: 20 ms of sound, or refused."""
    taken, decoder = Reader(data), Decoder()
    while taken.left > 0:
        frame = taken.text()
        if not frame:
            sound = decoder.conceal()
        elif refused(decoder.decode, frame) is None:
            sound = decoder.decode(frame)
        else:
            continue
        assert sound.shape == (FRAME_SAMPLES,)
        assert sound.dtype == np.int16


def playouts(data: bytes) -> None:
    """Bodies of any rounds at any instants: as many samples as were wanted, in bounded room."""
    taken = Reader(data)
    playout = Playout(Decoder(), make_resampler(), ONE_FRAME.frames_back)
    number, now = FIRST, 100.0
    while taken.left > 0:
        step, wait, how = taken.signed(1), taken.number(1), taken.number(1)
        number = max(0, number + (step if how & 1 else step << 16))
        now += wait / 2000
        body = taken.take(8).ljust(BODY_BYTES, bytes([how]))
        if how & 2:
            body = SPOKEN[how % len(SPOKEN)]
        found = unpack(body)
        frames = [PAUSE] if how & 12 == 12 else found.frames
        playout.push(number, frames, now, found.copies_of(number))
        assert len(playout._frames) <= WINDOW
        assert len(playout._copies) <= WINDOW
        sound = playout.render(480, now + 0.01, now)
        assert sound.shape == (480,)
        assert sound.dtype == np.int16


def _spoken() -> list[bytes]:
    packer = Packer()
    waves = np.sin(np.arange(6 * FRAME_SAMPLES) / 17) * 8000
    return [packer.pack(part) for part in waves.astype(np.int16).reshape(-1, FRAME_SAMPLES)]


SPOKEN = _spoken()


def _calls() -> Sequence[bytes]:
    said = [bytes([0, Kind.CONTROL, 1, word]) for word in Word]
    voice = bytes([0, Kind.VOICE, 0])
    return [side + each + voice for each in said for side in (b"\0", b"\1")]


def _frames() -> Sequence[bytes]:
    frames = [body[: ONE_FRAME.frame_bytes - 1] for body in SPOKEN]
    return [bytes([ONE_FRAME.frame_bytes // 2]) + frame for frame in frames] + [b"\0\0\0"]


def _playouts() -> Sequence[bytes]:
    steady = b"".join(bytes([1, 40, 3]) + bytes(8) for _ in range(12))
    return [steady, steady + bytes([9, 200, 3]) + bytes(8) + steady]


HARNESSES = (
    Harness(words, lambda: [bytes([word]) for word in Word], 1500, 8),
    Harness(peers, _calls, 20, 64, 240),
    Harness(doors, lambda: [bytes([how]) + bytes(96) for how in range(4)], 8, 200, 80),
    Harness(dials, lambda: [bytes([how]) + bytes(48) for how in range(4)], 10, 200, 80),
    Harness(bodies, lambda: SPOKEN, 1500, 120),
    Harness(opus_frames, _frames, 40, 600, 400),
    Harness(playouts, _playouts, 3, 400, 120),
)
