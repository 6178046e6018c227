"""Knocking at a door: who opens what, how often strangers' cells go out, and an empty door."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sizes import BODY_BYTES
from zones import FUZZ

from pymix_voice.client.callkeys import Path
from pymix_voice.client.dialing import NOBODY_ROUNDS, STRANGER_CELLS, Knock
from pymix_voice.client.door import Doorstep
from pymix_voice.client.identity import CALLEE, CALLER, Identity
from pymix_voice.errors import BadCell
from pymix_voice.geometry import Geometry
from pymix_voice.onion.cell import Kind, open_dialing
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair

GEOMETRY = Geometry(3, 20)
E = 450_000
FIRST = GEOMETRY.first_round(E)
ROUNDS = range(FIRST, FIRST + GEOMETRY.epoch_rounds, 10)
FRAME = b"\xa5" * BODY_BYTES


def person(number: int) -> Identity:
    dice = Dice.seeded(number)
    return Identity(KeyPair.draw(dice), dice.bytes(16), bytes(32))


ALICE, BOB, CAROL = person(1), person(2), person(3)


def knock(me: Identity = ALICE, peer: Identity = BOB, epoch: int = E, seed: int = 1) -> Knock:
    return Knock(GEOMETRY, me, peer.address, epoch, Dice.seeded(seed))


def doorstep(
    me: Identity = BOB, epoch: int = E, strangers: bool = True, *known: Identity
) -> Doorstep:
    contacts = [each.key.public for each in known]
    return Doorstep(
        GEOMETRY, me, epoch, contacts=contacts, strangers=strangers, dice=Dice.seeded(2)
    )


def meet(guest: Knock, host: Doorstep, numbers: range | list[int]) -> None:
    """Door rounds in which both are joined; a host with nothing to say sends noise."""
    for number in numbers:
        up = guest.say(number, FRAME)
        down = host.say(number, FRAME) or Dice.seeded(number).bytes(128)
        for hearer, cell in ((host, up), (guest, down)):
            with suppress(BadCell):
                hearer.hear(number, cell)


@pytest.mark.parametrize("known", [True, False])
def test_in_a_handful_of_door_rounds_both_have_a_call_with_each_other(known: bool) -> None:
    guest = knock()
    host = doorstep(BOB, E, True, *([ALICE] if known else [CAROL]))
    meet(guest, host, list(ROUNDS)[: 4 if known else 5])
    assert guest.call is not None
    assert host.call is not None
    assert guest.call.confirmed
    assert host.call.confirmed
    assert (guest.call.peer, host.call.peer) == (BOB.key.public, ALICE.key.public)
    assert (guest.call.caller, host.call.caller) == (True, False)
    assert guest.call.keys.drop(E + 1) == host.call.keys.drop(E + 1)
    assert not guest.nobody_there


def test_the_call_does_not_ring_before_a_cell_under_its_keys_was_opened() -> None:
    guest, host = knock(), doorstep(BOB, E, True, ALICE)
    host.hear(FIRST, guest.say(FIRST, FRAME))
    assert host.call is not None
    assert not host.call.confirmed
    for number in ROUNDS[1:4]:
        with pytest.raises(BadCell):
            host.hear(number, guest.say(number, FRAME))
    assert not host.call.confirmed


def test_a_stranger_is_not_answered_where_only_contacts_may_call() -> None:
    guest, host = knock(), doorstep(BOB, E, False, CAROL)
    meet(guest, host, ROUNDS)
    assert host.call is None
    assert guest.call is None
    assert host.say(FIRST + 1000, FRAME) is None


def test_at_most_four_cells_an_epoch_go_under_the_door_key_each_way() -> None:
    guest = knock()
    said = {number: guest.say(number, FRAME) for number in ROUNDS}
    under_door = []
    for number, cell in said.items():
        try:
            open_dialing(BOB.address.door_key, CALLER, number, cell)
        except BadCell:
            continue
        under_door.append(number)
    assert under_door == list(ROUNDS[1 : 2 * STRANGER_CELLS : 2])
    host = doorstep()
    host.hear(under_door[0], said[under_door[0]])
    answers = [host.say(number, FRAME) for number in ROUNDS]
    assert [answer is not None for answer in answers] == [True] * 4 + [False] * (len(ROUNDS) - 4)
    for number, answer in zip(ROUNDS[:4], answers, strict=False):
        assert answer is not None
        assert open_dialing(BOB.address.door_key, CALLEE, number, answer)


def test_a_contact_is_answered_under_the_pair_key_as_long_as_it_takes() -> None:
    guest, host = knock(), doorstep(BOB, E, True, ALICE)
    host.hear(FIRST, guest.say(FIRST, FRAME))
    answers = [host.say(number, FRAME) for number in ROUNDS]
    assert all(answers)
    assert len(set(answers)) == len(answers), "each under a salt of its own"
    pair_key = ALICE.pair_key(BOB.key.public, caller=True, epoch=E)
    texts = {
        open_dialing(pair_key, CALLEE, number, answer or b"")
        for number, answer in zip(ROUNDS, answers, strict=True)
    }
    assert len(texts) == 1, "the same ephemeral gets the same answer"


def test_ones_own_cell_back_three_times_means_that_nobody_is_there() -> None:
    guest = knock()
    for count, number in enumerate(ROUNDS[:NOBODY_ROUNDS], 1):
        assert not guest.nobody_there
        guest.hear(number, guest.say(number, FRAME))
        assert guest.nobody_there == (count == NOBODY_ROUNDS)
    assert guest.call is None


def test_one_own_cell_said_back_three_times_counts_once() -> None:
    guest = knock()
    cell = guest.say(FIRST, FRAME)
    guest.hear(FIRST, cell)
    for number in (FIRST, FIRST + 10, FIRST + 10):
        with pytest.raises(BadCell):
            guest.hear(number, cell)
    assert not guest.nobody_there


def test_lost_and_garbled_cells_do_not_mean_that_nobody_is_there() -> None:
    guest = knock()
    for number in ROUNDS:
        guest.say(number, FRAME)
        with pytest.raises(BadCell):
            guest.hear(number, Dice.seeded(number).bytes(128))
    assert not guest.nobody_there
    assert guest.used


def test_an_answer_that_garbles_the_handshake_leaves_room_for_the_true_one() -> None:
    """Whoever holds the door key can seal answers; only the callee can make one that opens."""
    from_mallory, guest, host = person(9), knock(), doorstep()
    assert from_mallory
    for number in ROUNDS[:2]:
        cell = guest.say(number, FRAME)
    host.hear(number, cell)
    false = doorstep(Identity(person(9).key, BOB.address.door_key, bytes(32)))
    with pytest.raises(BadCell):
        false.hear(number, cell)
    answer = host.say(ROUNDS[2], FRAME)
    assert answer is not None
    garbled = bytes([answer[0] ^ 1]) + answer[1:]
    guest.say(ROUNDS[2], FRAME)
    with pytest.raises(BadCell):
        guest.hear(ROUNDS[2], garbled)
    guest.hear(ROUNDS[2], answer)
    assert guest.call is not None


def test_a_knock_of_another_epoch_zone_or_at_another_door_is_not_answered() -> None:
    elsewhere = Identity(ALICE.key, bytes(16), b"z" * 32)
    for guest in (knock(epoch=E + 1), knock(elsewhere), knock(peer=CAROL)):
        host = doorstep(BOB, E, True, ALICE)
        meet(guest, host, ROUNDS)
        assert host.call is None
        assert guest.call is None


def test_the_call_that_follows_goes_on_at_the_door() -> None:
    guest, host = knock(), doorstep(BOB, E, True, ALICE)
    meet(guest, host, ROUNDS[:4])
    assert host.call is not None
    cell = host.say(ROUNDS[5], FRAME)
    assert cell is not None
    assert guest.call is not None
    assert guest.call.keys.open(Path.DOOR, ROUNDS[5], cell)[0] == Kind.CONTROL


@FUZZ
@given(st.binary(max_size=130), st.sampled_from(ROUNDS))
def test_any_bytes_are_a_bad_cell_for_both_sides(cell: bytes, number: int) -> None:
    guest = knock()
    guest.say(number, FRAME)
    for hearer in (guest, doorstep(BOB, E, True, ALICE)):
        with pytest.raises(BadCell):
            hearer.hear(number, cell)
    assert guest.call is None
