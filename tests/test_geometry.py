"""Sizes and timetables of every zone that is possible."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zones import FUZZ

from pymix_voice import geometry
from pymix_voice.errors import ConfigError
from pymix_voice.geometry import (
    DOOR_EVERY,
    EPOCH_UNIT,
    MAX_MIXES,
    MAX_ROWS,
    RESEND_ROUNDS,
    ROUNDS_MS,
    SPREAD_ROUNDS,
    Geometry,
)
from pymix_voice.zone import access

zones = st.builds(
    Geometry,
    mixes=st.integers(1, MAX_MIXES),
    clients=st.integers(1, MAX_ROWS // 2),
    round_ms=st.sampled_from(ROUNDS_MS),
)
blurred = st.builds(
    Geometry,
    mixes=st.integers(1, MAX_MIXES),
    clients=st.integers(1, 8_000),
    round_ms=st.sampled_from(ROUNDS_MS),
    phantom_lines=st.integers(0, 2_000),
    phantom_doors=st.integers(0, 1_400),
)
"""Zones with phantoms; these are the most that all fit."""


def test_a_usual_zone_has_the_timetable_of_the_protocol_page() -> None:
    usual = Geometry(3, 500)
    assert usual.epoch_rounds == 200
    assert (usual.keys_until, usual.setup_from, usual.cutoff_at, usual.decide_at) == (
        30,
        110,
        140,
        175,
    )
    assert usual.open_rounds == 10
    assert usual.onion_bytes == 48 * 3 + 17
    assert usual.descriptor_bytes == 64 + 96 * 3
    assert usual.epoch_s == 4.0


def test_sizes_on_the_wire_are_those_of_the_protocol_page() -> None:
    short, middle, long = (Geometry(3, 100, round_ms) for round_ms in geometry.ROUNDS_MS)
    assert [each.frames for each in (short, middle, long)] == [1, 2, 3]
    assert [each.body_bytes for each in (short, middle, long)] == [111, 179, 247]
    assert [each.cell_bytes for each in (short, middle, long)] == [128, 196, 264]
    assert [(each.up_bytes, each.down_bytes) for each in (short, middle, long)] == [
        (152, 176),
        (220, 244),
        (288, 312),
    ]
    assert short.chunk_bytes == 16 + 9 * 128 + 32 == 1200
    assert middle.chunk_bytes == 16 + 5 * 196 + 32 <= 1200
    assert long.chunk_bytes == 16 + 4 * 264 + 32 <= 1200


@FUZZ
@given(zones | blurred)
def test_the_instants_of_an_epoch_come_in_order_and_all_fit(zone: Geometry) -> None:
    instants = [
        0,
        zone.keys_until,
        zone.setup_from,
        zone.setup_at(SPREAD_ROUNDS - 1),
        zone.cutoff_at,
        zone.cutoff_at + zone.mixes * zone.open_rounds,
        zone.decide_at,
        zone.epoch_rounds,
    ]
    assert instants == sorted(set(instants))


@FUZZ
@given(zones | blurred)
def test_an_epoch_is_the_shortest_whole_number_of_door_keystream_blocks(zone: Geometry) -> None:
    assert zone.epoch_rounds % EPOCH_UNIT == 0
    assert zone.epoch_rounds >= EPOCH_UNIT
    ahead = max(2.5 * zone.pieces, zone.make_rounds)
    needed = zone.epoch_rounds - zone.setup_from + zone.keys_until + ahead
    assert needed <= zone.epoch_rounds < needed + EPOCH_UNIT


@FUZZ
@given(zones | blurred)
def test_every_client_has_time_for_the_whole_descriptor_twice(zone: Geometry) -> None:
    assert zone.setup_from - zone.keys_until >= 2 * zone.pieces


@FUZZ
@given(zones | blurred, st.integers(0, 2**32 - 1))
def test_every_session_can_send_its_set_up_three_times(zone: Geometry, session: int) -> None:
    at = zone.setup_at(session)
    assert zone.setup_from <= at < zone.setup_from + SPREAD_ROUNDS
    assert at + 2 * RESEND_ROUNDS < zone.cutoff_at


@FUZZ
@given(zones | blurred)
def test_a_mix_has_at_least_a_hundred_microseconds_for_every_onion_at_half_a_core(
    zone: Geometry,
) -> None:
    assert zone.open_rounds * zone.round_s * 0.5 >= zone.most_rows * 100e-6 - 1e-9


@FUZZ
@given(zones | blurred)
def test_from_the_decision_to_the_switch_a_third_of_a_core_makes_the_first_keystreams(
    zone: Geometry,
) -> None:
    assert zone.switch_notice * zone.round_s / 3 >= zone.most_rows * 6e-6
    assert zone.switch_notice * zone.round_s >= 0.5, "everyone hears of it"


@FUZZ
@given(zones)
def test_onions_lose_one_layer_a_hop_and_end_as_drop_and_flag(zone: Geometry) -> None:
    sizes = [zone.onion_bytes_at(hop) for hop in range(zone.mixes + 1)]
    assert [one - two for one, two in pairwise(sizes)] == [48] * zone.mixes
    assert sizes[-1] == 17
    assert zone.setup_bytes == 8 + 2 * sizes[0] + 16


@FUZZ
@given(zones)
def test_set_ups_and_descriptors_fit_datagrams_and_records(zone: Geometry) -> None:
    assert zone.setup_bytes < 1200
    assert zone.pieces * geometry.PIECE_BYTES >= zone.descriptor_bytes
    assert (zone.pieces - 1) * geometry.PIECE_BYTES < zone.descriptor_bytes <= 1024


@FUZZ
@given(zones, st.integers(0, 2**62))
def test_a_round_lies_in_its_epoch(zone: Geometry, number: int) -> None:
    epoch = zone.epoch_of(number)
    assert zone.first_round(epoch) + zone.within(number) == number
    assert zone.first_round(epoch) <= number < zone.first_round(epoch + 1)
    assert geometry.is_door_round(zone.first_round(epoch))


@FUZZ
@given(zones, st.integers(0, MAX_ROWS))
def test_chunks_hold_all_rows_and_none_is_empty_but_the_only_one(zone: Geometry, rows: int) -> None:
    count = zone.chunks(rows)
    assert (count - 1) * zone.chunk_cells < max(1, rows) <= count * zone.chunk_cells
    assert zone.chunk_bytes <= geometry.MOST_CHUNK_BYTES < zone.chunk_bytes + zone.cell_bytes
    assert count < 1 << 16


@FUZZ
@given(zones)
def test_no_two_datagrams_that_are_told_apart_by_their_lengths_have_one(zone: Geometry) -> None:
    up = {zone.up_bytes, zone.setup_bytes, access.HELLO_BYTES}
    down = {zone.down_bytes, access.WELCOME_BYTES, access.RETRY_BYTES}
    assert len(up) == len(down) == 3


@pytest.mark.parametrize("round_ms", ROUNDS_MS)
def test_a_client_needs_the_less_the_longer_its_rounds_are(round_ms: int) -> None:
    zone, headers = Geometry(3, 100, round_ms), 28
    up, down = (
        (size + headers) * 8 * (1 + 1 / DOOR_EVERY) / round_ms
        for size in (zone.up_bytes, zone.down_bytes)
    )
    up += (zone.setup_bytes + headers) * 8 / 1000 / zone.epoch_s
    most = {20: 90, 40: 60, 60: 50}
    assert up < down < most[round_ms], "kbit/s, with IPv4 and UDP"


@FUZZ
@given(zones, st.sampled_from([0.5, 1.0, 2.0, 45.0, 60.0]))
def test_a_time_is_the_nearest_number_of_rounds(zone: Geometry, seconds: float) -> None:
    assert abs(zone.rounds_in(seconds) * zone.round_s - seconds) <= zone.round_s / 2 + 1e-9


def test_every_tenth_round_is_a_door_round() -> None:
    assert [n for n in range(40) if geometry.is_door_round(n)] == [0, 10, 20, 30]
    assert DOOR_EVERY == 10


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"mixes": 0, "clients": 5}, "0 mixes"),
        ({"mixes": 9, "clients": 5}, "9 mixes"),
        ({"mixes": 3, "clients": 0}, "0 clients"),
        ({"mixes": 3, "clients": 20_001}, "20001 clients"),
        ({"mixes": 3, "clients": 5, "round_ms": 30}, "write round_ms = 20, 40 or 60"),
        ({"mixes": 3, "clients": 5, "patience_ms": 0.9}, "0.9"),
        ({"mixes": 3, "clients": 5, "patience_ms": 40.1}, "40.1"),
        ({"mixes": 3, "clients": 5, "patience_ms": float("nan")}, "nan"),
        ({"mixes": 3, "clients": 20_000, "phantom_lines": 1}, "could get 40002 rows"),
        ({"mixes": 8, "clients": 10_000, "phantom_doors": 2_858}, "lower the means of phantoms"),
    ],
)
def test_a_zone_that_cannot_work_is_refused_with_its_number(
    arguments: dict[str, float], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        Geometry(**arguments)  # type: ignore[arg-type]  # a table of wrong values


def test_a_larger_zone_gets_longer_epochs_and_keeps_its_instants() -> None:
    lengths = [Geometry(8, clients).epoch_rounds for clients in (10, 1000, 10_000, 20_000)]
    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[-1]


@FUZZ
@given(blurred)
def test_before_set_ups_come_a_mix_has_half_a_core_to_make_its_phantoms(zone: Geometry) -> None:
    layers = (zone.phantom_lines + zone.phantom_doors) * (zone.mixes - 1)
    assert (zone.setup_from - zone.keys_until) * zone.round_s * 0.5 >= layers * 150e-6


@FUZZ
@given(blurred)
def test_rows_grow_by_one_mixs_phantoms_a_hop_and_are_the_clients_own_at_the_first(
    zone: Geometry,
) -> None:
    rows = [zone.rows_at(hop) for hop in range(zone.mixes)]
    assert rows[0] == zone.rows == 2 * zone.clients
    more = zone.phantom_lines + zone.phantom_doors
    assert [two - one for one, two in pairwise(rows)] == [more] * (zone.mixes - 1)
    assert all(zone.lines_at(hop) + zone.doors_at(hop) == rows[hop] for hop in range(zone.mixes))
    assert zone.most_rows == rows[-1] <= MAX_ROWS


def test_a_chain_of_one_mix_has_no_phantoms() -> None:
    alone = Geometry(1, 20_000, phantom_lines=5_000, phantom_doors=5_000)
    assert alone.most_rows == alone.rows
    assert alone.make_rounds == 0


def test_a_few_phantoms_leave_the_usual_timetable_as_it_is() -> None:
    assert Geometry(3, 100, phantom_lines=240, phantom_doors=80).setup_from == 110
    assert Geometry(3, 100, phantom_lines=240, phantom_doors=80).epoch_rounds == 200
