"""A neighbour's rounds: sealed once, opened by the other side only, and where it was heard."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zones import FUZZ

from pymix_voice.errors import BadCell, Drop, Misuse
from pymix_voice.geometry import CELL_BYTES, CHUNK_BYTES, Geometry
from pymix_voice.onion.chunk import LinkKeys
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.link import EARLY_UNIT_S, NOT_MEASURED, RoundLink, early_units, steer
from pymix_voice.zone.rounds import Inlet
from pymix_voice.zone.steering import Steering

GEOMETRY = Geometry(3, 20)
KEYS = LinkKeys(b"link", bytes([1] * 32), bytes([2] * 32))
ROUND = 90_000_000_000


def ends() -> tuple[RoundLink, RoundLink]:
    """Both ends of one link: the one toward the clients, and the one toward the switchboard."""
    dice = Dice.seeded(1)
    toward_clients = RoundLink(
        KEYS, upstream=False, inlet=Inlet(GEOMETRY, dice), source="downstream"
    )
    toward_switchboard = RoundLink(KEYS, upstream=True, inlet=Inlet(GEOMETRY, dice))
    return toward_clients, toward_switchboard


def cells(rows: int = 12, seed: int = 2) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return Dice.seeded(seed).matrix(rows, CELL_BYTES)


def test_what_one_end_seals_the_other_opens() -> None:
    above, below = ends()
    above.early = ROUND - 3, -77
    (burst,) = above.seal(ROUND, 2, cells(), flags=5)
    assert burst.destinations == "downstream"
    assert burst.via == "link"
    got = [below.open(datagram, "upstream", ROUND - 9) for datagram in burst.datagrams]
    assert np.array_equal(np.concatenate([part for _, part in got])[:12], cells())
    for chunk, (header, _) in enumerate(got):
        assert header == (ROUND, 2, chunk, -77, (ROUND - 3) & 0xFF, 5)


def test_both_directions_have_keys_of_their_own() -> None:
    above, below = ends()
    (burst,) = above.seal(ROUND, 1, cells())
    with pytest.raises(BadCell) as caught:
        above.open(burst.datagrams[0].copy(), "upstream", ROUND)
    assert caught.value.reason == Drop.FORGED
    below.open(burst.datagrams[0].copy(), "upstream", ROUND)
    (back,) = below.seal(ROUND, 1, cells())
    assert not np.array_equal(back.datagrams, burst.datagrams)
    above.open(back.datagrams[0], "downstream", ROUND)


def test_a_round_is_sealed_once_also_when_nobody_could_be_sent_it() -> None:
    above, below = ends()
    above.seal(ROUND, 1, cells())
    with pytest.raises(Misuse):
        above.seal(ROUND, 1, cells(seed=3))
    assert below.seal(ROUND, 1, cells()) == []
    with pytest.raises(Misuse):
        below.seal(ROUND, 1, cells(seed=3))


def test_a_round_long_past_cannot_be_sealed_any_more() -> None:
    above, _ = ends()
    above.seal(ROUND, 1, cells())
    above.seal(ROUND - 5, 1, cells())
    with pytest.raises(Misuse):
        above.seal(ROUND - 500, 1, cells())


def test_no_rows_are_one_datagram_of_the_same_size() -> None:
    above, below = ends()
    (burst,) = above.seal(ROUND, 0, cells(0))
    assert burst.datagrams.shape == (1, CHUNK_BYTES)
    below.open(burst.datagrams[0], "upstream", ROUND)


def test_where_the_neighbour_is_follows_its_newest_authentic_round_only() -> None:
    above, below = ends()
    sealed = [above.seal(ROUND + n, 1, cells(1))[0].datagrams[0] for n in range(3)]
    heard = [below.source]
    for datagram, source in ((sealed[1], "here"), (sealed[0], "too old"), (sealed[1], "a replay")):
        below.open(datagram.copy(), source, ROUND)
        heard.append(below.source)
    forged = sealed[2].copy()
    forged[-1] ^= 1
    with pytest.raises(BadCell):
        below.open(forged, "a forger", ROUND)
    heard.append(below.source)
    below.open(sealed[2].copy(), "there", ROUND)
    assert [*heard, below.source] == [None, "here", "here", "here", "here", "there"]


def test_a_neighbour_whose_place_is_known_stays_there() -> None:
    above, below = ends()
    below.source = "upstream"
    (burst,) = below.seal(ROUND, 1, cells(1))
    above.open(burst.datagrams[0], "elsewhere", ROUND)
    assert above.source == "downstream"


@FUZZ
@given(st.binary(max_size=CHUNK_BYTES + 3), st.integers(0, 2**62))
def test_any_bytes_are_a_bad_cell_and_teach_nothing(raw: bytes, near: int) -> None:
    _, below = ends()
    datagram = np.frombuffer(bytearray(b"link" + raw), np.uint8)
    with pytest.raises(BadCell):
        below.open(datagram, "a forger", near)
    assert below.source is None


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
