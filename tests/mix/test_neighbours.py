"""Who a mix is linked with: by id, by place, and keys that outlive a broken link."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sizes import CHUNK_BYTES
from zones import FUZZ, example_zone

from pymix_voice.errors import Drop, Drops
from pymix_voice.geometry import MAX_WORKERS
from pymix_voice.mix.neighbours import DOWN, Neighbours
from pymix_voice.onion.chunk import LinkKeys
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.drain import NOWHERE, Drain
from pymix_voice.zone.rounds import Inlet

ZONE = example_zone(mixes=3, gateways=2)
INLET = Inlet(ZONE.geometry, Dice.seeded(1))


def keys(name: bytes) -> LinkKeys:
    return LinkKeys(name, bytes(32), bytes(32))


def drain_of(*names: bytes) -> Drain:
    """A datagram for each of these links, with its number in its body and as its source."""
    datagrams = [
        (name + bytes([number])).ljust(CHUNK_BYTES, b"\0") for number, name in enumerate(names)
    ]
    return Drain.of(datagrams, [bytes([65 + n]) for n in range(len(names))], 7.5, 2048)


def sorted_out(near: Neighbours, drain: Drain) -> tuple[dict[int, Drain], Drops]:
    drops = Drops()
    parts = {}
    for peer, link, part in near.sort(drain, drops):
        assert link is near.link(peer)
        parts[peer] = part
    return parts, drops


def test_neighbours_are_named_as_in_the_zone_file() -> None:
    first, middle = Neighbours(ZONE, 0), Neighbours(ZONE, 1)
    names = [first.name_of(peer) for peer in (0, MAX_WORKERS, DOWN)]
    assert names == ["gateway-0", "gateway-1", "mix-1"]
    assert [middle.name_of(peer) for peer in (0, DOWN)] == ["mix-0", "mix-2"]


def test_workers_of_a_gateway_are_neighbours_of_its_name_and_a_number() -> None:
    first = Neighbours(ZONE, 0)
    peers = (1, MAX_WORKERS - 1, MAX_WORKERS + 2)
    names = ["gateway-0 (worker 2)", "gateway-0 (worker 16)", "gateway-1 (worker 3)"]
    assert [first.name_of(peer) for peer in peers] == names


def test_a_datagram_is_found_by_its_link_id() -> None:
    near = Neighbours(ZONE, 0)
    near.link_up(0, keys(b"gat0"), INLET, NOWHERE)
    near.link_up(DOWN, keys(b"down"), INLET, b"mix-1")
    parts, drops = sorted_out(near, drain_of(b"down"))
    assert list(parts) == [DOWN]
    assert not drops
    assert sorted_out(near, drain_of(b"none")) == ({}, {Drop.UNKNOWN_SESSION: 1})


def test_of_one_drain_each_neighbour_gets_its_own_part_in_order() -> None:
    near = Neighbours(ZONE, 0)
    for peer, name in ((0, b"gat0"), (1, b"gat1"), (DOWN, b"down")):
        near.link_up(peer, keys(name), INLET, NOWHERE)
    names = [b"down", b"gat1", b"gat1", b"none", b"down", b"gat1"]
    parts, drops = sorted_out(near, drain_of(*names))
    assert {peer: part.cells[:, 4].tolist() for peer, part in parts.items()} == {
        DOWN: [0, 4],
        1: [1, 2, 5],
    }
    assert parts[1].sources.tolist() == [b"B", b"C", b"F"]
    assert {part.came for part in parts.values()} == {7.5}
    assert drops == {Drop.UNKNOWN_SESSION: 1}


def test_rows_that_follow_one_another_are_opened_where_they_lie() -> None:
    """As nearly all do: a neighbour sends its round in one go."""
    near = Neighbours(ZONE, 0)
    near.link_up(0, keys(b"gat0"), INLET, NOWHERE)
    near.link_up(1, keys(b"gat1"), INLET, NOWHERE)
    drain = drain_of(b"gat0", b"gat0", b"gat1", b"gat1", b"gat1")
    parts, _ = sorted_out(near, drain)
    assert all(np.shares_memory(part.cells, drain.cells) for part in parts.values())


@FUZZ
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=64),
            st.tuples(
                st.sampled_from([b"gat0", b"gat1", b"down", b"none"]),
                st.sampled_from([CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1]),
            ).map(lambda named: named[0].ljust(named[1], b"\1")),
        ),
        max_size=8,
    )
)
def test_whatever_comes_goes_to_the_neighbour_it_names_or_is_counted(
    datagrams: list[bytes],
) -> None:
    near, of = Neighbours(ZONE, 0), {b"gat0": 0, b"gat1": 1, b"down": DOWN}
    for name, peer in of.items():
        near.link_up(peer, keys(name), INLET, NOWHERE)
    # As wide as the longest of them, which may be shorter than any chunk.
    drain = Drain.of(datagrams, [b"x"] * len(datagrams), 0.0)
    parts, drops = sorted_out(near, drain)
    whole = [each for each in datagrams if len(each) == CHUNK_BYTES]
    for name, peer in of.items():
        expected = [each for each in whole if each[:4] == name]
        found = [row.tobytes() for row in parts[peer].cells] if peer in parts else []
        assert found == expected
    assert drops[Drop.MALFORMED] == len(datagrams) - len(whole)
    assert drops[Drop.UNKNOWN_SESSION] == len([each for each in whole if each[:4] not in of])


def test_new_keys_take_the_place_of_the_old() -> None:
    near = Neighbours(ZONE, 0)
    near.link_up(0, keys(b"old."), INLET, NOWHERE)
    near.link_up(0, keys(b"new."), INLET, NOWHERE)
    parts, drops = sorted_out(near, drain_of(b"new.", b"old."))
    assert parts[0].cells[:, 4].tolist() == [0]
    assert drops == {Drop.UNKNOWN_SESSION: 1}


def test_keys_live_on_when_the_control_link_breaks() -> None:
    near = Neighbours(ZONE, 0)
    assert near.link(0) is None
    near.link_up(0, keys(b"keys"), INLET, NOWHERE)
    assert near.linked == {0}
    near.link_down(0)
    near.link_down(1)
    assert near.linked == set()
    assert list(sorted_out(near, drain_of(b"keys"))[0]) == [0]


def test_bursts_of_all_neighbours_have_left_at_once() -> None:
    near = Neighbours(ZONE, 0)
    near.link_up(0, keys(b"gat0"), INLET, b"there")
    near.link_up(DOWN, keys(b"down"), INLET, b"mix-1")
    rows = Dice.seeded(2).matrix(9, 128)
    links = [link for link in (near.link(0), near.link(DOWN)) if link is not None]
    before = [link.seal(5, 1, rows)[0].datagrams for link in links]
    near.reuse()
    after = [link.seal(6, 1, rows)[0].datagrams for link in links]
    assert [np.shares_memory(*pair) for pair in zip(before, after, strict=True)] == [True, True]
