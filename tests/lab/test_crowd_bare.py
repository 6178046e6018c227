"""Bare clients: cells and onions of the right size, with nothing in them."""

import numpy as np
from sizes import TWENTY
from zones import example_zone

from pymix_voice.lab.crowd.bare import BareKit
from pymix_voice.lab.crowd.cells import Cells
from pymix_voice.lab.crowd.circuits import peers_of
from pymix_voice.lab.crowd.kit import Senders
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.access import Kind

DICE = Dice.seeded(12)
ZONE = example_zone()
NUMBER = 6_200
EPOCH = 30
PEERS = peers_of(6, 0.0)
EVERYBODY = np.arange(6)
PIECE = b"a piece of 16 B."


def test_the_first_piece_of_a_list_is_enough() -> None:
    kit = BareKit(ZONE, PEERS, DICE)
    assert kit.hear(NUMBER, EPOCH, bytes(16)) is None
    mint = kit.hear(NUMBER, EPOCH, PIECE)
    assert mint is not None
    assert (mint.circuits.epoch, kit.listed) == (EPOCH, EPOCH)
    assert kit.hear(NUMBER, EPOCH, PIECE) is None
    kit.forget_all()
    assert kit.hear(NUMBER, EPOCH - 9, PIECE) is not None


def test_onions_have_their_size_and_are_given_once() -> None:
    mint = BareKit(ZONE, PEERS, DICE).hear(NUMBER, EPOCH, PIECE)
    assert mint is not None
    mint.want(range(6))
    mint.allow(1)
    assert not mint.step()
    onions = [mint.take(client) for client in (0, 4)]
    assert {len(each or b"") for each in onions} == {2 * ZONE.geometry.onion_bytes}
    assert onions[0] != onions[1]
    assert mint.take(4) is None
    assert mint.circuits.made.tolist() == [True, False, False, False, True, False]


def test_a_cell_that_comes_home_is_right_and_filler_is_none() -> None:
    mint = BareKit(ZONE, PEERS, DICE).hear(NUMBER, EPOCH, PIECE)
    assert mint is not None
    for client in range(5):
        mint.take(client)
    cells, circuits = Cells(TWENTY, PEERS, DICE), mint.circuits
    # As they lie in datagrams.
    room = np.zeros((6, 152), np.uint8)
    out = room[:, 8:136]
    cells.seal(out, Kind.LINE, NUMBER, Senders(slice(0, 6), EVERYBODY), circuits)
    out[3] = DICE.matrix(1, 128)
    heard = cells.read(out, Kind.LINE, NUMBER, EVERYBODY, circuits)
    assert heard is not None
    assert heard.places.tolist() == heard.senders.tolist() == [0, 1, 2, 4]
    assert heard.right.all()


def test_a_cell_of_another_sender_or_round_is_not_right() -> None:
    mint = BareKit(ZONE, PEERS, DICE).hear(NUMBER, EPOCH, PIECE)
    assert mint is not None
    for client in range(6):
        mint.take(client)
    cells, circuits = Cells(TWENTY, PEERS, DICE), mint.circuits
    out = np.zeros((6, 128), np.uint8)
    for kind in (Kind.LINE, Kind.DOOR):
        cells.seal(out, kind, NUMBER, Senders(slice(0, 6), EVERYBODY), circuits)
        swapped = cells.read(out[[1, 0, 2]], kind, NUMBER, EVERYBODY[:3], circuits)
        late = cells.read(out, kind, NUMBER + 1, EVERYBODY, circuits)
        assert swapped is not None
        assert late is not None
        assert swapped.right.tolist() == [False, False, True]
        assert not late.right.any()
