"""Who a mix is linked with: by id, by place, and keys that outlive a broken link."""

import numpy as np
import pytest
from zones import example_zone

from pymix_voice.errors import BadCell, Drop
from pymix_voice.geometry import CHUNK_BYTES
from pymix_voice.mix.neighbours import DOWN, Neighbours
from pymix_voice.onion.chunk import LinkKeys
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.rounds import Inlet

ZONE = example_zone(mixes=3, gateways=2)
INLET = Inlet(ZONE.geometry, Dice.seeded(1))


def keys(name: bytes) -> LinkKeys:
    return LinkKeys(name, bytes(32), bytes(32))


def datagram(name: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.frombuffer(name.ljust(CHUNK_BYTES, b"\0"), np.uint8)


def test_neighbours_are_named_as_in_the_zone_file() -> None:
    first, middle = Neighbours(ZONE, 0), Neighbours(ZONE, 1)
    assert [first.name_of(peer) for peer in (0, 1, DOWN)] == ["gateway-0", "gateway-1", "mix-1"]
    assert [middle.name_of(peer) for peer in (0, DOWN)] == ["mix-0", "mix-2"]


def test_a_datagram_is_found_by_its_link_id() -> None:
    near = Neighbours(ZONE, 0)
    near.link_up(0, keys(b"gat0"), INLET, None)
    near.link_up(DOWN, keys(b"down"), INLET, "mix-1")
    peer, link = near.find(datagram(b"down"))
    assert peer == DOWN
    assert link is near.link(DOWN)
    with pytest.raises(BadCell) as caught:
        near.find(datagram(b"none"))
    assert caught.value.reason == Drop.UNKNOWN_SESSION


def test_new_keys_take_the_place_of_the_old() -> None:
    near = Neighbours(ZONE, 0)
    near.link_up(0, keys(b"old."), INLET, None)
    near.link_up(0, keys(b"new."), INLET, None)
    assert near.find(datagram(b"new."))[0] == 0
    with pytest.raises(BadCell):
        near.find(datagram(b"old."))


def test_keys_live_on_when_the_control_link_breaks() -> None:
    near = Neighbours(ZONE, 0)
    assert near.link(0) is None
    near.link_up(0, keys(b"keys"), INLET, None)
    assert near.linked == {0}
    near.link_down(0)
    near.link_down(1)
    assert near.linked == set()
    assert near.find(datagram(b"keys"))[1] is near.link(0)
