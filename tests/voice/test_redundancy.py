"""Copies in the cell: a lost frame is in the cell two rounds later too, only smaller."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sizes import BODY_BYTES

from pymix_voice.errors import BadCell, Drop
from pymix_voice.geometry import FRAME_SAMPLES
from pymix_voice.voice.opus import Decoder, Encoder
from pymix_voice.voice.recordings import read_recording
from pymix_voice.voice.redundancy import (
    COPY_BYTES,
    NO_COPY,
    ONE_FRAME,
    Packer,
    unpack,
)

FRAME_BYTES = ONE_FRAME.frame_bytes

BACK = ONE_FRAME.frames_back

SAMPLES = Path(__file__).parents[2] / "samples"


def speech(rounds: int, skip: int = 50) -> np.ndarray:
    """Real speech, a row a round."""
    pcm = read_recording(SAMPLES / "austen-selfish.wav")[skip * FRAME_SAMPLES :]
    return pcm[: rounds * FRAME_SAMPLES].reshape(rounds, FRAME_SAMPLES)


def test_a_body_is_a_frame_and_a_copy_of_the_one_two_rounds_before() -> None:
    packer, frames, copies = (
        Packer(),
        Encoder(FRAME_BYTES),
        Encoder(COPY_BYTES, wideband=True),
    )
    said = speech(10)
    bodies = [packer.pack(pcm) for pcm in said]
    assert {len(body) for body in bodies} == {BODY_BYTES}
    assert [unpack(body).frames[0] for body in bodies] == [frames.encode(pcm) for pcm in said]
    wanted = [NO_COPY] * BACK + [copies.encode(pcm) for pcm in said]
    assert [unpack(body).copies[0] for body in bodies] == wanted[:10]


def test_a_copy_tells_which_round_it_is_of() -> None:
    packer = Packer()
    told = [
        list(unpack(packer.pack(pcm)).copies_of(100 + place)) for place, pcm in enumerate(speech(5))
    ]
    assert [[number for number, _ in copies] for copies in told] == [[], [], [100], [101], [102]]


def test_who_begins_to_speak_sends_nothing_of_what_was_encoded_before() -> None:
    used, new = Packer(), Packer()
    for pcm in speech(10, 20):
        used.pack(pcm)
    used.begin()
    assert [used.pack(pcm) for pcm in speech(5)] == [new.pack(pcm) for pcm in speech(5)]


def test_where_there_is_nothing_to_copy_no_decoder_takes_it() -> None:
    with pytest.raises(BadCell):
        Decoder().decode(NO_COPY)


def test_a_copy_stands_in_for_its_frame() -> None:
    bodies = [unpack(body) for body in map(Packer().pack, speech(40))]
    whole, repaired, guessed = Decoder(), Decoder(), Decoder()
    for number in range(30):
        wanted = whole.decode(bodies[number].frames[0])
        if number % 6 == 5:
            copied = repaired.decode(bodies[number + BACK].copies[0])
            guess = guessed.conceal()
            assert np.corrcoef(wanted, copied)[0, 1] > 0.6
            assert np.abs(copied - wanted).mean() < np.abs(guess - wanted).mean()
        else:
            repaired.decode(bodies[number].frames[0])
            guessed.decode(bodies[number].frames[0])


@given(st.binary(min_size=BODY_BYTES, max_size=BODY_BYTES), st.integers(0, 2**62))
def test_any_body_of_the_right_length_is_unpacked_into_its_parts(body: bytes, number: int) -> None:
    unpacked = unpack(body)
    assert unpacked.frames[0] + unpacked.copies[0] == body
    assert len(unpacked.copies[0]) == COPY_BYTES
    for earlier, copy in unpacked.copies_of(number):
        assert (earlier, copy) == (number - BACK, body[-COPY_BYTES:])


@pytest.mark.parametrize("length", [0, 1, BODY_BYTES - 1, BODY_BYTES + 1])
def test_a_body_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(BadCell) as caught:
        unpack(bytes(length))
    assert caught.value.reason is Drop.MALFORMED
