"""A client's circuits: a list only with every signature, and layers that a chain takes off."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sizes import CELL_BYTES
from zones import FUZZ, example_keys, example_zone

from pymix_voice.client.circuits import Circuit, Circuits
from pymix_voice.errors import BadCell, Drop
from pymix_voice.onion.blocks import Blocks
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.keystream import BACKWARD, FORWARD, Keystream
from pymix_voice.onion.setup import Flag, HopKeys, Klass, open_onion, parse_payload
from pymix_voice.zone.descriptor import Descriptor, pieces_of, sign_list

ZONE = example_zone(mixes=3)
EPOCH = 450_000
FIRST = ZONE.geometry.first_round(EPOCH - 1)
ONION_KEYS = [KeyPair.draw(Dice.seeded(hop)) for hop in range(3)]
PIECES = ZONE.geometry.pieces


def listed(epoch: int = EPOCH, signers: Sequence[int] = (0, 1, 2), keys_of: int = 0) -> bytes:
    public = tuple(KeyPair.draw(Dice.seeded(keys_of + hop)).public for hop in range(3))
    first = ZONE.geometry.first_round(epoch)
    body = Descriptor(ZONE.hash, epoch, first, public).body
    keys, _ = example_keys(3)
    signatures = []
    for hop in signers:
        seed = keys[hop].sign
        assert seed is not None
        signatures.append(sign_list(body, seed.reveal()))
    return body + b"".join(signatures)


def fed(circuits: Circuits, raw: bytes, epoch: int = EPOCH, start: int = FIRST) -> list[Drop]:
    """One cycle of pieces beside rounds, from any round on; the reasons of drops."""
    pieces, drops = pieces_of(raw), []
    for number in range(start, start + PIECES):
        try:
            circuits.take_piece(number, epoch, pieces[number % PIECES])
        except BadCell as bad:
            drops.append(bad.reason)
    return drops


def circuits(seed: int = 4) -> Circuits:
    return Circuits(ZONE, Dice.seeded(seed))


@pytest.mark.parametrize("start", [FIRST, FIRST + 7, FIRST + 200])
def test_a_list_with_all_signatures_is_taken_from_any_round_on(start: int) -> None:
    mine = circuits()
    assert mine.ready_for == -1
    assert not mine.work()
    assert fed(mine, listed(), start=start) == []
    assert mine.epoch == mine.ready_for == EPOCH


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (listed(signers=(0, 1, 1)), Drop.FORGED),
        (listed(signers=(1, 0, 2)), Drop.FORGED),
        (listed()[:-1] + bytes([listed()[-1] ^ 1]), Drop.FORGED),
        (b"x" + listed()[1:], Drop.MALFORMED),
        (listed()[:20] + bytes([listed()[20] ^ 1]) + listed()[21:], Drop.REFUSED),
        (listed(EPOCH + 1), Drop.OTHER_EPOCH),
        (listed(EPOCH - 1), Drop.OTHER_EPOCH),
    ],
)
def test_a_list_with_anything_wrong_is_not_taken_and_the_right_one_after_it_is(
    raw: bytes, reason: Drop
) -> None:
    mine = circuits()
    assert fed(mine, raw) == [reason]
    assert mine.ready_for == -1
    fed(mine, listed(), start=FIRST + PIECES)
    assert mine.ready_for == EPOCH


def test_no_pieces_at_all_are_no_list() -> None:
    mine = circuits()
    for number in range(100):
        mine.take_piece(FIRST + number, EPOCH, bytes(16))
    assert mine.ready_for == -1


def test_a_second_list_for_the_same_epoch_is_not_even_looked_at() -> None:
    mine = circuits()
    fed(mine, listed())
    assert fed(mine, listed(keys_of=50), start=FIRST + PIECES) == []
    onions = mine.seal((b"l" * 16, Flag.PLAIN), (b"d" * 16, Flag.HOST))
    open_onion(onions[: len(onions) // 2], ONION_KEYS[0], hash_of(), 0, Klass.LINE)


def hash_of() -> bytes:
    return Descriptor(
        ZONE.hash,
        EPOCH,
        ZONE.geometry.first_round(EPOCH),
        tuple(key.public for key in ONION_KEYS),
    ).hash


def test_both_onions_open_along_the_chain_and_share_the_layers_of_the_circuits() -> None:
    mine = circuits()
    fed(mine, listed())
    slices = 0
    while mine.work():
        slices += 1
    assert slices <= 6
    onions = mine.seal((b"l" * 16, Flag.GUEST), (b"d" * 16, Flag.HOST))
    pair = mine.get(EPOCH)
    assert pair is not None
    assert mine.ready_for == -1
    half = len(onions) // 2
    number = ZONE.geometry.first_round(EPOCH) + 20
    cell = bytes(range(128))
    for klass, onion, circuit, every, named in (
        (Klass.LINE, onions[:half], pair.line, 1, (b"l" * 16, Flag.GUEST)),
        (Klass.DOOR, onions[half:], pair.door, 10, (b"d" * 16, Flag.HOST)),
    ):
        out = np.frombuffer(circuit.wrap(number, cell), np.uint8)
        back = np.frombuffer(cell, np.uint8)
        for hop, key in enumerate(ONION_KEYS):
            keys, onion = open_onion(onion, key, hash_of(), hop, klass)
            out = (
                out ^ Keystream([keys.forward], FORWARD, Blocks(CELL_BYTES)).row(number // every)[0]
            )
            back = (
                back
                ^ Keystream([keys.backward], BACKWARD, Blocks(CELL_BYTES)).row(number // every)[0]
            )
        assert parse_payload(onion) == named
        assert out.tobytes() == cell
        assert circuit.peel(number, back.tobytes()) == cell


def test_circuits_are_kept_until_they_are_forgotten() -> None:
    mine = circuits()
    fed(mine, listed())
    mine.seal((b"l" * 16, Flag.PLAIN), (b"d" * 16, Flag.HOST))
    mine.forget_before(EPOCH)
    assert mine.get(EPOCH) is not None
    assert mine.get(EPOCH - 1) is None
    mine.forget_before(EPOCH + 1)
    assert mine.get(EPOCH) is None


@FUZZ
@given(st.lists(st.integers(0, 600), max_size=40), st.integers(1, 4), st.sampled_from([1, 10]))
def test_layers_are_the_same_in_whatever_order_rounds_are_asked_for(
    offsets: list[int], hops: int, every: int
) -> None:
    dice = Dice.seeded(1)
    keys = [HopKeys(dice.bytes(32), dice.bytes(32)) for _ in range(hops)]
    kept = Circuit(keys, every, CELL_BYTES)
    cell = dice.bytes(128)
    for offset in offsets:
        number = FIRST + offset
        assert kept.wrap(number, cell) == Circuit(keys, every, CELL_BYTES).wrap(number, cell)
        assert kept.peel(number, cell) == Circuit(keys, every, CELL_BYTES).peel(number, cell)


def test_no_two_rounds_share_a_layer_in_either_direction() -> None:
    circuit = Circuit([HopKeys(bytes(32), bytes(32))], 1, CELL_BYTES)
    nothing = bytes(128)
    layers = [circuit.wrap(FIRST + n, nothing) for n in range(50)]
    layers += [circuit.peel(FIRST + n, nothing) for n in range(50)]
    assert len(set(layers)) == 100
