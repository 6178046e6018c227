"""Call keys: a chain that only goes forward, apart by direction and path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zones import FUZZ

from pymix_voice.client.callkeys import LINGER_ROUNDS, MAX_STEPS, CallKeys, Path
from pymix_voice.errors import BadCell, Drop, Misuse
from pymix_voice.geometry import Geometry
from pymix_voice.onion.cell import Kind
from pymix_voice.onion.keys import derive

GEOMETRY = Geometry(3, 20)
E = 450_000
FIRST = GEOMETRY.first_round(E)
NEXT = GEOMETRY.first_round(E + 1)
BODY = bytes(range(111))
SECRET = bytes([7] * 32)


def both() -> tuple[CallKeys, CallKeys]:
    return (
        CallKeys(GEOMETRY, E, SECRET, caller=True),
        CallKeys(GEOMETRY, E, SECRET, caller=False),
    )


@FUZZ
@given(st.integers(FIRST, FIRST + 40 * GEOMETRY.epoch_rounds), st.sampled_from(Path))
def test_each_opens_what_the_other_sealed(number: int, path: Path) -> None:
    alice, bob = both()
    for one, other in ((alice, bob), (bob, alice)):
        cell = one.seal(path, number, Kind.VOICE, BODY)
        assert other.open(path, number, cell) == (Kind.VOICE, BODY)


@pytest.mark.parametrize("path", Path)
def test_ones_own_cell_come_back_does_not_open(path: Path) -> None:
    for keys in both():
        cell = keys.seal(path, FIRST, Kind.VOICE, BODY)
        with pytest.raises(BadCell) as caught:
            keys.open(path, FIRST, cell)
        assert caught.value.reason == Drop.FORGED


def test_a_cell_opens_on_its_own_path_in_its_own_round_only() -> None:
    alice, bob = both()
    cell = alice.seal(Path.LINE, FIRST + 10, Kind.CONTROL, BODY)
    for path, number in ((Path.DOOR, FIRST + 10), (Path.LINE, FIRST + 11), (Path.LINE, NEXT + 10)):
        with pytest.raises(BadCell):
            bob.open(path, number, cell)
    assert bob.open(Path.LINE, FIRST + 10, cell)


def test_a_round_is_sealed_once_on_each_path() -> None:
    alice, _ = both()
    alice.seal(Path.LINE, FIRST + 5, Kind.VOICE, BODY)
    alice.seal(Path.DOOR, FIRST + 5, Kind.VOICE, BODY)
    for number in (FIRST + 5, FIRST + 4):
        with pytest.raises(Misuse):
            alice.seal(Path.LINE, number, Kind.VOICE, bytes(111))


def test_the_chain_is_that_of_the_protocol_page() -> None:
    link = SECRET
    for _ in range(3):
        link = derive(link, "pymix next")
    alice, bob = both()
    assert alice.drop(E + 3) == bob.drop(E + 3) == derive(link, "pymix drop", size=16)


def test_every_epoch_has_a_drop_of_its_own() -> None:
    alice, _ = both()
    assert len({alice.drop(E + number) for number in range(30)}) == 30


def test_the_epoch_before_can_be_opened_for_25_rounds_and_not_later() -> None:
    alice, bob = both()
    late = [alice.seal(Path.LINE, NEXT - 2 + n, Kind.VOICE, BODY) for n in range(2)]
    for number in range(NEXT, NEXT + LINGER_ROUNDS):
        bob.open(Path.LINE, number, alice.seal(Path.LINE, number, Kind.VOICE, BODY))
    assert bob.open(Path.LINE, NEXT - 2, late[0]) == (Kind.VOICE, BODY)
    number = NEXT + LINGER_ROUNDS
    bob.open(Path.LINE, number, alice.seal(Path.LINE, number, Kind.VOICE, BODY))
    with pytest.raises(BadCell) as caught:
        bob.open(Path.LINE, NEXT - 1, late[1])
    assert caught.value.reason == Drop.OTHER_EPOCH


def test_old_links_are_wiped_also_when_the_call_slept_for_epochs() -> None:
    alice, bob = both()
    cell = alice.seal(Path.LINE, FIRST, Kind.VOICE, BODY)
    later = GEOMETRY.first_round(E + 50) + LINGER_ROUNDS
    # Nobody's cell tells the round as well as the peer's does.
    with pytest.raises(BadCell):
        bob.open(Path.LINE, later, bytes(128))
    for epoch in (E, E + 1, E + 49):
        with pytest.raises(BadCell):
            bob.drop(epoch)
    with pytest.raises(BadCell):
        bob.open(Path.LINE, FIRST, cell)
    assert alice.drop(E + 50) == bob.drop(E + 50)


def test_the_chain_is_not_wound_on_without_end() -> None:
    alice, _ = both()
    with pytest.raises(BadCell) as caught:
        alice.drop(E + MAX_STEPS + 1)
    assert caught.value.reason == Drop.OTHER_EPOCH
    assert alice.drop(E)


def test_before_the_call_there_is_nothing_to_open() -> None:
    alice, _ = both()
    with pytest.raises(BadCell):
        alice.open(Path.LINE, FIRST - 1, bytes(128))


def test_after_wiping_nothing_can_be_sealed_or_opened() -> None:
    alice, bob = both()
    cell = bob.seal(Path.LINE, FIRST, Kind.VOICE, BODY)
    alice.seal(Path.LINE, FIRST, Kind.VOICE, BODY)
    alice.wipe()
    for attempt in (
        lambda: alice.seal(Path.LINE, FIRST + 1, Kind.VOICE, BODY),
        lambda: alice.open(Path.LINE, FIRST, cell),
        lambda: alice.drop(E),
    ):
        with pytest.raises(Misuse, match="wiped"):
            attempt()


@FUZZ
@given(st.binary(max_size=130), st.integers(FIRST, NEXT + 500), st.sampled_from(Path))
def test_any_bytes_are_a_bad_cell(cell: bytes, number: int, path: Path) -> None:
    _, bob = both()
    with pytest.raises(BadCell):
        bob.open(path, number, cell)
