from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymix_voice.errors import BadCell, Drop, Misuse
from pymix_voice.geometry import Geometry
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.noise import Handshake, Pattern
from pymix_voice.onion.setup import (
    Flag,
    HopKeys,
    Klass,
    OnionMaker,
    OnionOpener,
    hop_keys,
    open_onion,
    parse_payload,
    prologue,
)

MIXES = [KeyPair.draw(Dice.seeded(number)) for number in range(3)]
LIST = bytes(range(32))
DROP = bytes(range(16))


def maker(klass: Klass = Klass.LINE, mixes: int = 3, seed: int = 9) -> OnionMaker:
    return OnionMaker([key.public for key in MIXES[:mixes]], LIST, klass, Dice.seeded(seed))


@pytest.mark.parametrize("mixes", [1, 2, 3])
@pytest.mark.parametrize("klass", list(Klass))
@pytest.mark.parametrize("flag", list(Flag))
def test_each_mix_opens_its_layer_and_shares_the_clients_keys(
    mixes: int, klass: Klass, flag: Flag
) -> None:
    made, geometry = maker(klass, mixes), Geometry(mixes, 10)
    onion, opened = made.seal(DROP, flag), []
    for hop in range(mixes):
        assert len(onion) == geometry.onion_bytes_at(hop)
        keys, onion = open_onion(onion, MIXES[hop], LIST, hop, klass)
        opened.append(keys)
    assert parse_payload(onion) == (DROP, flag)
    assert opened == made.hops
    assert len({key for keys in opened for key in keys}) == 2 * mixes


def test_in_slices_or_at_once_the_onion_is_the_same() -> None:
    slices, at_once = maker(), maker()
    assert [slices.step() for _ in range(4)] == [True, True, False, False]
    assert slices.seal(DROP, Flag.PLAIN) == at_once.seal(DROP, Flag.PLAIN)
    assert slices.hops == at_once.hops


def test_a_mixs_own_onion_starts_at_the_next_hop_and_has_the_same_length() -> None:
    publics = [key.public for key in MIXES[1:]]
    own = OnionMaker(publics, LIST, Klass.DOOR, Dice.seeded(4), first_hop=1)
    onion = own.seal(DROP, Flag.HOST)
    _, theirs = open_onion(maker(Klass.DOOR).seal(DROP, Flag.HOST), MIXES[0], LIST, 0, Klass.DOOR)
    assert len(onion) == len(theirs)
    first, onion = open_onion(onion, MIXES[1], LIST, 1, Klass.DOOR)
    last, payload = open_onion(onion, MIXES[2], LIST, 2, Klass.DOOR)
    assert parse_payload(payload) == (DROP, Flag.HOST)
    assert own.hops == [first, last]


def test_an_onion_opens_at_one_place_only() -> None:
    onion = maker().seal(DROP, Flag.PLAIN)
    wrong = [
        (MIXES[1], LIST, 0, Klass.LINE),
        (MIXES[0], LIST[::-1], 0, Klass.LINE),
        (MIXES[0], LIST, 1, Klass.LINE),
        (MIXES[0], LIST, 0, Klass.DOOR),
    ]
    for key, listed, hop, klass in wrong:
        with pytest.raises(BadCell, match=Drop.FORGED):
            open_onion(onion, key, listed, hop, klass)


def test_one_opener_opens_a_batch_and_a_broken_onion_spoils_none() -> None:
    opener = OnionOpener(MIXES[0], LIST, 0, Klass.LINE)
    for seed in range(4):
        onion = maker(seed=seed).seal(DROP, Flag.GUEST)
        for broken in (onion[:-1], onion[1:], bytes(len(onion)), b"", onion[::-1]):
            with pytest.raises(BadCell):
                opener.open(broken)
        assert opener.open(onion) == open_onion(onion, MIXES[0], LIST, 0, Klass.LINE)


def test_both_ends_of_a_hop_derive_the_same_layer_keys() -> None:
    start = prologue(LIST, 0, Klass.DOOR)
    ephemeral, mix = KeyPair.draw(Dice.seeded(3)), MIXES[0]
    client = Handshake(Pattern.N, True, start, ephemeral=ephemeral, remote_static=mix.public)
    keys, inner = OnionOpener(mix, LIST, 0, Klass.DOOR).open(client.write(b"inside"))
    assert (keys, inner) == (hop_keys(client), b"inside")


def test_an_onion_is_sealed_once_and_its_keys_come_after() -> None:
    made = maker()
    with pytest.raises(Misuse):
        _ = made.hops
    with pytest.raises(Misuse):
        made.seal(DROP[1:], Flag.PLAIN)
    made.seal(DROP, Flag.PLAIN)
    with pytest.raises(Misuse):
        made.seal(DROP, Flag.PLAIN)


def test_other_dice_or_another_drop_give_other_keys() -> None:
    seen = set()
    for seed, drop in ((1, DROP), (2, DROP), (1, DROP[::-1])):
        made = maker(seed=seed)
        made.seal(drop, Flag.PLAIN)
        seen.add(made.hops[0].forward)
    assert len(seen) == 3


@given(onion=st.binary(max_size=200))
def test_any_bytes_are_a_bad_cell(onion: bytes) -> None:
    with pytest.raises(BadCell):
        open_onion(onion, MIXES[0], LIST, 0, Klass.LINE)


@given(place=st.integers(0, 48 * 3 + 16), bit=st.integers(0, 7))
def test_a_flipped_bit_anywhere_is_noticed_by_the_first_mix(place: int, bit: int) -> None:
    onion = bytearray(maker().seal(DROP, Flag.PLAIN))
    onion[place] ^= 1 << bit
    # X25519 (RFC 7748) ignores the top bit of a public key; the hash of the handshake does not.
    with pytest.raises(BadCell):
        open_onion(bytes(onion), MIXES[0], LIST, 0, Klass.LINE)


@given(payload=st.binary(max_size=20) | st.binary(min_size=17, max_size=17))
def test_any_payload_parses_or_is_a_bad_cell(payload: bytes) -> None:
    with suppress(BadCell):
        drop, flag = parse_payload(payload)
        assert drop + bytes([flag]) == payload


def test_a_mix_without_a_usable_key_is_a_bad_cell_and_no_mix_our_bug() -> None:
    with pytest.raises(BadCell):
        OnionMaker([bytes(32)], LIST, Klass.LINE, Dice.seeded(1)).seal(DROP, Flag.PLAIN)
    with pytest.raises(Misuse):
        OnionMaker([], LIST, Klass.LINE, Dice.seeded(1))
    with pytest.raises(Misuse):
        open_onion(bytes(65), MIXES[0], LIST[1:], 0, Klass.LINE)


def test_keys_do_not_show_themselves() -> None:
    opener = OnionOpener(MIXES[0], LIST, 0, Klass.LINE)
    shown = repr(HopKeys(bytes(32), bytes(32))) + repr(maker()) + repr(opener)
    assert shown == "HopKeys()OnionMaker()OnionOpener()"
