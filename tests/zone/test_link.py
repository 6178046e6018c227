"""A neighbour's rounds: sealed once, opened by the other side only, and where it was heard."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sizes import CELL_BYTES, CHUNK_BYTES
from zones import FUZZ

from pymix_voice.errors import Drop, Drops, Misuse
from pymix_voice.geometry import Geometry
from pymix_voice.onion.chunk import Chunks, LinkKeys
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.sodium import AEGIS
from pymix_voice.zone.drain import ADDRESS, NOWHERE, Burst, Drain
from pymix_voice.zone.link import (
    EARLY_UNIT_S,
    NOT_MEASURED,
    RoundLink,
    early_units,
    steer,
    whole_chunks,
)
from pymix_voice.zone.rounds import Inlet
from pymix_voice.zone.steering import Steering

GEOMETRY = Geometry(3, 20)
KEYS = LinkKeys(b"link", bytes([1] * 32), bytes([2] * 32))
ROUND = 90_000_000_000


def ends(keys: LinkKeys = KEYS) -> tuple[RoundLink, RoundLink]:
    """Both ends of one link: the one toward the clients, and the one toward the switchboard."""
    dice = Dice.seeded(1)
    toward_clients = RoundLink(
        keys, upstream=False, inlet=Inlet(GEOMETRY, dice), source=b"downstream"
    )
    toward_switchboard = RoundLink(keys, upstream=True, inlet=Inlet(GEOMETRY, dice))
    return toward_clients, toward_switchboard


def cells(rows: int = 12, seed: int = 2) -> NDArray[np.uint8]:
    return Dice.seeded(seed).matrix(rows, CELL_BYTES)


def hear(
    link: RoundLink, datagrams: NDArray[np.uint8], source: bytes, near: int = ROUND
) -> tuple[list[Chunks], Drops]:
    """What a link makes of datagrams that all came from one source."""
    drops, sources = Drops(), np.full(len(datagrams), source, ADDRESS)
    return list(link.open(datagrams.copy(), sources, near, drops)), drops


def one_burst(bursts: list[Burst]) -> Burst:
    (burst,) = bursts
    return burst


@pytest.mark.parametrize(
    "keys",
    [KEYS, LinkKeys(b"link", bytes([1] * 16), bytes([2] * 16), AEGIS)],
    ids=["chacha", "aegis"],
)
def test_what_one_end_seals_the_other_opens(keys: LinkKeys) -> None:
    above, below = ends(keys)
    above.early = ROUND - 3, -77
    burst = one_burst(above.seal(ROUND, 2, cells(), flags=5))
    assert burst.to == b"downstream"
    assert burst.via == "link"
    (got,), drops = hear(below, burst.datagrams, b"upstream", ROUND - 9)
    assert np.array_equal(got.cells.reshape(-1, CELL_BYTES)[:12], cells())
    assert (got.round, got.age) == (ROUND, 2)
    assert got.numbers.tolist() == [0, 1]
    assert got.beside == (-77, (ROUND - 3) & 0xFF, 5)
    assert not drops


def test_both_directions_have_keys_of_their_own() -> None:
    above, below = ends()
    burst = one_burst(above.seal(ROUND, 1, cells()))
    assert hear(above, burst.datagrams, b"upstream") == ([], {Drop.FORGED: 2})
    assert not hear(below, burst.datagrams, b"upstream")[1]
    back = one_burst(below.seal(ROUND, 1, cells()))
    assert not np.array_equal(back.datagrams, burst.datagrams)
    assert not hear(above, back.datagrams, b"downstream")[1]


def test_a_round_is_sealed_once_also_when_nobody_could_be_sent_it() -> None:
    above, below = ends()
    above.seal(ROUND, 1, cells())
    with pytest.raises(Misuse):
        above.seal(ROUND, 1, cells(seed=3))
    assert below.seal(ROUND, 1, cells()) == []
    with pytest.raises(Misuse):
        below.seal(ROUND, 1, cells(seed=3))


def test_a_round_is_sealed_once_also_after_its_room_was_used_again() -> None:
    above, _ = ends()
    above.seal(ROUND, 1, cells())
    above.reuse()
    with pytest.raises(Misuse):
        above.seal(ROUND, 1, cells(seed=3))


def test_a_round_long_past_cannot_be_sealed_any_more() -> None:
    above, _ = ends()
    above.seal(ROUND, 1, cells())
    above.seal(ROUND - 5, 1, cells())
    with pytest.raises(Misuse):
        above.seal(ROUND - 500, 1, cells())


def test_bursts_of_several_rounds_hold_until_all_have_left() -> None:
    above, below = ends()
    bursts = [one_burst(above.seal(ROUND + n, 1, cells(seed=n))) for n in range(4)]
    for number, burst in enumerate(bursts):
        (got,), _ = hear(below, burst.datagrams, b"upstream")
        assert got.round == ROUND + number
        assert np.array_equal(got.cells.reshape(-1, CELL_BYTES)[:12], cells(seed=number))
    above.reuse()
    later = one_burst(above.seal(ROUND + 4, 1, cells()))
    assert np.shares_memory(later.datagrams, bursts[0].datagrams)


def test_no_rows_are_one_datagram_of_the_same_size() -> None:
    above, below = ends()
    burst = one_burst(above.seal(ROUND, 0, cells(0)))
    assert burst.datagrams.shape == (1, CHUNK_BYTES)
    (got,), _ = hear(below, burst.datagrams, b"upstream")
    assert (got.round, got.age) == (ROUND, 0)


def test_where_the_neighbour_is_follows_its_newest_authentic_round_only() -> None:
    above, below = ends()
    sealed = [one_burst(above.seal(ROUND + n, 1, cells(1))).datagrams for n in range(3)]
    heard = [below.source]
    for datagrams, source in (
        (sealed[1], b"here"),
        (sealed[0], b"too old"),
        (sealed[1], b"a replay"),
    ):
        hear(below, datagrams, source)
        heard.append(below.source)
    forged = sealed[2].copy()
    forged[0, -1] ^= 1
    assert hear(below, forged, b"a forger") == ([], {Drop.FORGED: 1})
    heard.append(below.source)
    hear(below, sealed[2], b"there")
    assert [*heard, below.source] == [NOWHERE, b"here", b"here", b"here", b"here", b"there"]


def test_of_many_that_come_at_once_the_newest_authentic_one_tells_where_it_is() -> None:
    above, below = ends()
    sealed = [one_burst(above.seal(ROUND + n, 1, cells(1))).datagrams for n in range(4)]
    drain = np.concatenate([sealed[1], sealed[3], sealed[2], sealed[0]])
    drain[1, 500] ^= 1
    sources = np.array([b"second", b"a forger", b"third", b"first"], ADDRESS)
    got = list(below.open(drain, sources, ROUND, Drops()))
    assert [each.round for each in got] == [ROUND, ROUND + 1, ROUND + 2]
    assert below.newest == ROUND + 2
    assert below.source == b"third"


def test_a_neighbour_whose_place_is_known_stays_there() -> None:
    above, below = ends()
    below.source = b"upstream"
    burst = one_burst(below.seal(ROUND, 1, cells(1)))
    hear(above, burst.datagrams, b"elsewhere")
    assert above.newest == ROUND
    assert above.source == b"downstream"


def test_nothing_that_came_teaches_nothing() -> None:
    _, below = ends()
    assert hear(below, np.zeros((0, CHUNK_BYTES), np.uint8), b"nobody") == ([], {})
    assert (below.newest, below.source) == (-1, NOWHERE)


@FUZZ
@given(st.lists(st.binary(max_size=CHUNK_BYTES - 4), max_size=4), st.integers(0, 2**62))
def test_any_bytes_are_counted_and_teach_nothing(bodies: list[bytes], near: int) -> None:
    _, below = ends()
    drain = Drain.of([b"link" + body for body in bodies], [b"a forger"] * len(bodies), 0.0, 2048)
    got, drops = hear(below, drain.cells[:, :CHUNK_BYTES], b"a forger", near)
    assert got == []
    assert drops.total() == drops[Drop.FORGED] == len(bodies)
    assert (below.newest, below.source) == (-1, NOWHERE)


@FUZZ
@given(
    st.lists(
        st.sampled_from([0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2048]), max_size=9
    )
)
def test_only_datagrams_of_the_one_length_can_be_chunks_and_others_are_counted(
    lengths: list[int],
) -> None:
    datagrams = [bytes([number]) * length for number, length in enumerate(lengths)]
    sources = [bytes([65 + number]) for number in range(len(lengths))]
    drops = Drops()
    whole = whole_chunks(Drain.of(datagrams, sources, 3.5, 2048), CHUNK_BYTES, drops)
    fits = [number for number, length in enumerate(lengths) if length == CHUNK_BYTES]
    assert whole.cells.shape == (len(fits), CHUNK_BYTES)
    assert [bytes(whole.datagram(k)) for k in range(len(fits))] == [datagrams[k] for k in fits]
    assert [whole.source(k) for k in range(len(fits))] == [sources[k] for k in fits]
    assert whole.came == 3.5
    assert drops.total() == drops[Drop.MALFORMED] == len(lengths) - len(fits)


@FUZZ
@given(st.floats(-1e6, 1e6))
def test_earliness_travels_as_sixteen_bits_and_never_looks_like_no_measurement(
    early_s: float,
) -> None:
    units = early_units(early_s)
    assert NOT_MEASURED < units <= 32_767
    if abs(early_s) < 2.0:
        assert units * EARLY_UNIT_S == pytest.approx(early_s, abs=EARLY_UNIT_S)


def test_steering_does_not_believe_a_measurement_that_was_never_made() -> None:
    steering = Steering(GEOMETRY)
    steering.start(0, 10.0)
    steering.sent(0, 9.98)
    before = steering.send_at(5)
    steer(steering, 0, NOT_MEASURED)
    assert steering.send_at(5) == before
    steer(steering, 0, early_units(-0.030))
    assert steering.send_at(5) == pytest.approx(before - 0.036, abs=1e-4)
