from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zones import FUZZ, example_keys, example_zone

from pymix_voice.errors import BadCell, Drop
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.descriptor import (
    Descriptor,
    PieceCollector,
    parse_descriptor,
    parse_list,
    pieces_of,
    sign_list,
)
from pymix_voice.zone.zonefile import Zone

ZONE = example_zone(3)


def signed(epoch: int = 77, zone: Zone = ZONE) -> Descriptor:
    dice = Dice.seeded(epoch)
    keys = tuple(dice.bytes(32) for _ in zone.mixes)
    body = Descriptor(zone.hash, epoch, zone.geometry.first_round(epoch), keys)
    return replace(body, signatures=signatures(body))


def signatures(unsigned: Descriptor) -> tuple[bytes, ...]:
    seeds = [key.sign for key in example_keys(len(unsigned.onion_keys))[0]]
    return tuple(sign_list(unsigned.body, seed.reveal()) for seed in seeds if seed is not None)


def reason(raw: bytes, zone: Zone = ZONE) -> Drop:
    with pytest.raises(BadCell) as caught:
        parse_descriptor(raw, zone)
    return caught.value.reason


@pytest.mark.parametrize("mixes", [1, 3, 8])
def test_signed_descriptor_reads_back_as_it_was(mixes: int) -> None:
    zone = example_zone(mixes)
    descriptor = signed(zone=zone)
    assert parse_descriptor(descriptor.encode(), zone) == descriptor
    assert len(descriptor.encode()) == zone.geometry.descriptor_bytes


def test_layout_is_the_one_of_the_protocol() -> None:
    raw = signed().encode()
    assert raw[:16] == b"pymix descriptor"
    assert raw[16:48] == ZONE.hash
    assert raw[48:56] == (77).to_bytes(8, "little")
    assert raw[56:64] == (77 * ZONE.geometry.epoch_rounds).to_bytes(8, "little")
    assert raw[64:96] == signed().onion_keys[0]
    assert raw[160:224] == signed().signatures[0]


def test_hash_is_that_of_the_list_and_not_of_its_signatures() -> None:
    assert signed().hash == replace(signed(), signatures=()).hash
    assert len(signed().hash) == 32
    assert signed(77).hash != signed(78).hash


def test_unsigned_list_reads_back_for_signing() -> None:
    unsigned = replace(signed(), signatures=())
    assert parse_list(unsigned.body, ZONE) == unsigned


def test_lists_for_another_zone_or_first_round_are_refused() -> None:
    descriptor = signed()
    wrong = replace(descriptor, first_round=descriptor.first_round + 1)
    assert reason(replace(wrong, signatures=signatures(wrong)).encode()) is Drop.REFUSED
    foreign = replace(descriptor, zone_hash=bytes(32))
    assert reason(replace(foreign, signatures=signatures(foreign)).encode()) is Drop.REFUSED


def test_every_mix_must_have_signed_at_its_place() -> None:
    descriptor = signed()
    one, two, three = descriptor.signatures
    for wrong in ((two, one, three), (one, two, two), (one, two, bytes(64))):
        assert reason(replace(descriptor, signatures=wrong).encode()) is Drop.FORGED


def test_no_list_can_be_signed_key_by_key() -> None:
    # A gateway that swaps in one key of its own breaks all signatures, not just one.
    descriptor = signed()
    keys = (*descriptor.onion_keys[:2], bytes(32))
    assert reason(replace(descriptor, onion_keys=keys).encode()) is Drop.FORGED


@FUZZ
@given(st.data())
def test_any_flipped_bit_is_found(draw: st.DataObject) -> None:
    raw = bytearray(signed().encode())
    raw[draw.draw(st.integers(0, len(raw) - 1))] ^= 1 << draw.draw(st.integers(0, 7))
    assert reason(bytes(raw)) in (Drop.MALFORMED, Drop.REFUSED, Drop.FORGED)


@FUZZ
@given(st.binary(max_size=400) | st.binary(min_size=352, max_size=352))
def test_any_bytes_are_bad(raw: bytes) -> None:
    assert reason(raw) is Drop.MALFORMED
    assert reason(b"pymix descriptor" + raw) in (Drop.MALFORMED, Drop.REFUSED)


def test_repr_shows_no_keys() -> None:
    assert repr(signed()) == f"Descriptor(epoch=77, first_round={signed().first_round})"


# ── pieces ───────────────────────────────────────────────────────────────────────────────


@FUZZ
@given(st.randoms(use_true_random=False), st.sampled_from([1, 3, 8]))
def test_pieces_in_any_order_and_doubled_give_the_descriptor_once(
    random: Random, mixes: int
) -> None:
    zone = example_zone(mixes)
    raw = signed(zone=zone).encode()
    pieces = list(enumerate(pieces_of(raw))) * 2
    random.shuffle(pieces)
    collector = PieceCollector(zone.geometry)
    offered = [whole for index, piece in pieces if (whole := collector.add(index, piece))]
    assert offered == [raw]


def test_empty_pieces_mean_that_nothing_is_there_yet() -> None:
    collector = PieceCollector(ZONE.geometry)
    pieces = pieces_of(signed().encode())
    for index, piece in enumerate(pieces[:-1]):
        assert collector.add(index, piece) is None
    assert collector.add(len(pieces) - 1, bytes(16)) is None
    assert collector.add(len(pieces) - 1, pieces[-1]) == signed().encode()


def test_next_epochs_pieces_take_over_the_old_ones() -> None:
    collector = PieceCollector(ZONE.geometry)
    for index, piece in enumerate(pieces_of(signed(77).encode())):
        collector.add(index, piece)
    offered = [collector.add(i, piece) for i, piece in enumerate(pieces_of(signed(78).encode()))]
    found = [whole for whole in offered if whole is not None]
    assert all(reason(whole) in (Drop.REFUSED, Drop.FORGED) for whole in found[:-1])
    assert parse_descriptor(found[-1], ZONE).epoch == 78


def test_cleared_collector_begins_anew() -> None:
    collector = PieceCollector(ZONE.geometry)
    pieces = pieces_of(signed().encode())
    for index, piece in enumerate(pieces[:-1]):
        collector.add(index, piece)
    collector.clear()
    assert collector.add(len(pieces) - 1, pieces[-1]) is None


@pytest.mark.parametrize(("index", "size"), [(-1, 16), (22, 16), (0, 15), (0, 17)])
def test_pieces_without_a_place_or_of_another_length_are_malformed(index: int, size: int) -> None:
    assert ZONE.geometry.pieces == 22
    with pytest.raises(BadCell, match="malformed"):
        PieceCollector(ZONE.geometry).add(index, b"x" * size)
