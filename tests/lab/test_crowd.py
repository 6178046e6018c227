"""A crowd against a zone that is one mirror."""

from collections import Counter

import pytest
from crowdmirror import FIRST, HERE, Mirror, Play
from sizes import DOWN_BYTES, UP_BYTES

from pymix_voice.errors import BadCell
from pymix_voice.lab.crowd.tally import Sort, percentiles_ms
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.setup import Flag, Klass
from pymix_voice.zone import access
from pymix_voice.zone.drain import Drain
from pymix_voice.zone.epochs import Outlook

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def played() -> Play:
    """Three epochs, of which two have circuits."""
    play = Play(Mirror())
    play.run(3 * play.mirror.geometry.epoch_rounds)
    return play


def test_every_client_has_a_session_of_its_own(played: Play) -> None:
    assert played.crowd.joined == len(played.mirror.seats) == 12
    assert played.totals()["hellos"] == played.totals()["sessions"] == 12


def test_onions_open_at_every_hop_and_all_have_rows(played: Play) -> None:
    assert played.crowd.in_zone == 12
    assert all(len(seat.hops) == 2 * 3 for seat in played.mirror.seats.values())


def test_a_pair_meets_at_a_plain_drop_and_doors_are_host_at_their_own(played: Play) -> None:
    epoch = max(epoch for seat in played.mirror.seats.values() for epoch, _ in seat.named)
    seats = played.mirror.seats.values()
    lines = Counter(seat.named[epoch, Klass.LINE] for seat in seats)
    doors = Counter(seat.named[epoch, Klass.DOOR] for seat in seats)
    assert sorted(lines.values()) == [1] * 6 + [2] * 3
    assert list(doors.values()) == [1] * 12
    assert {flag for _, flag in lines} == {Flag.PLAIN}
    assert {flag for _, flag in doors} == {Flag.HOST}


def test_whoever_is_expected_to_hear_hears(played: Play) -> None:
    crowd, totals = played.crowd, played.totals()
    assert totals["missed"] == totals["wrong"] == totals["surplus"] == totals["rowless"] == 0
    rounds = played.mirror.geometry.epoch_rounds
    assert (crowd.tally.heard > 1.8 * rounds).all()
    assert (crowd.tally.expected - crowd.tally.heard <= 4).all()
    assert (crowd.tally.door_heard > 0.17 * rounds).all()
    assert not crowd.tally.drops


def test_delays_are_from_instant_to_arrival(played: Play) -> None:
    delays = played.crowd.tally.delays
    for sort in Sort:
        middle, _, most = percentiles_ms(delays.counts[sort])
        # Sent some 8 ms before its round is due, and 10 ms on the way back.
        assert 14 < middle < 22
        assert most < 35


def test_cells_are_of_the_sizes_of_the_access_link(played: Play) -> None:
    setup_bytes = played.mirror.geometry.setup_bytes
    wanted = {access.HELLO_BYTES, UP_BYTES, setup_bytes}
    assert set(played.mirror.sizes) == wanted
    assert DOWN_BYTES == 176


def test_set_ups_go_out_at_their_own_instant_and_again_until_acknowledged(played: Play) -> None:
    geometry = played.mirror.geometry
    for session, seat in played.mirror.seats.items():
        own = geometry.setup_at(int.from_bytes(session, "little"))
        epochs = Counter(datagram[5:8] for _, datagram in seat.setups)
        assert len(epochs) == len({datagram for _, datagram in seat.setups}) == 3
        assert max(epochs.values()) == 1
        # It comes in some milliseconds before the round that it went out with.
        assert all(abs(geometry.within(number) - own) <= 1 for number, _ in seat.setups)


def test_set_ups_end_at_the_cut_off_if_nobody_acknowledges_them() -> None:
    play = Play(Mirror(), clients=4)
    geometry = play.mirror.geometry
    play.run(geometry.setup_from - geometry.within(FIRST) - 1)
    taken: list[tuple[int, int]] = []
    genuine = play.mirror.take

    def deaf(datagram: bytes, now: float) -> bytes | None:
        if len(datagram) == geometry.setup_bytes:
            taken.append((geometry.within(play.mirror.last + 1), hash(datagram)))
            return None
        return genuine(datagram, now)

    play.mirror.take = deaf  # type: ignore[method-assign]
    play.run(geometry.cutoff_at - geometry.setup_from + 20)
    sent = Counter(datagram for _, datagram in taken)
    assert len(sent) == 4
    assert all(3 <= times <= 6 for times in sent.values())
    assert max(within for within, _ in taken) <= geometry.cutoff_at


def test_an_extended_epoch_goes_on_with_the_old_circuits() -> None:
    play = Play(Mirror(), clients=4)
    geometry = play.mirror.geometry
    play.run(geometry.epoch_rounds + 50)
    old, heard = dict(play.crowd.told.epochs), play.crowd.tally.heard.copy()
    play.mirror.outlook = Outlook.EXTEND
    listed = geometry.epoch_of(play.mirror.last)
    genuine = play.mirror.turn
    play.mirror.turn = lambda kind, epoch, number: genuine(kind, listed, number)  # type: ignore[method-assign]
    play.run(geometry.epoch_rounds)
    assert listed in old
    assert play.totals()["missed"] == 0
    assert (play.crowd.tally.heard - heard > geometry.epoch_rounds - 10).all()


def test_a_retry_is_honoured() -> None:
    play = Play(Mirror(free=2), clients=6)
    play.run(30)
    assert play.crowd.joined == 6
    assert play.mirror.sizes[access.HELLO_BYTES] == 6 + 4


def test_cells_that_do_not_open_are_missed() -> None:
    play = Play(Mirror(), clients=4)
    play.run(play.mirror.geometry.epoch_rounds)
    play.mirror.garble = True
    play.run(200)
    totals = play.totals()
    assert totals["missed"] > 4 * 100
    assert totals["wrong"] == 0


def test_replayed_forged_and_foreign_datagrams_change_nothing() -> None:
    play = Play(Mirror(), clients=4)
    play.run(60)
    down = play.mirror.reflect(play.mirror.last - 2)
    forged = [each[:-1] + bytes([each[-1] ^ 1]) for each in down]
    stranger = Drain.of(down, [b"stranger"] * len(down), play.now)
    came = play.crowd.tally.came.copy()
    for drain in (
        Drain.of(down, [HERE] * len(down), play.now),
        Drain.of(forged, [HERE] * len(down), play.now, 1280),
        stranger,
        Drain.of([b"", bytes(7), bytes(80), bytes(24), bytes(DOWN_BYTES)], [HERE] * 5, play.now),
    ):
        play.crowd.receive(drain, play.now)
    assert (play.crowd.tally.came == came).all()
    assert sum(play.crowd.tally.drops.values()) == 3 * len(down) + 5


def test_a_datagram_twice_in_one_drain_counts_once() -> None:
    play = Play(Mirror(), clients=4)
    play.run(60)
    play.mirror.last += 40
    down = play.mirror.reflect(play.mirror.last - 2)
    came = play.crowd.tally.came.copy()
    play.crowd.receive(Drain.of(down * 2, [HERE] * 2 * len(down), play.now), play.now)
    assert (play.crowd.tally.came == came + 1).all()


def forget(play: Play) -> None:
    """The mirror loses all sessions, and does not know their datagrams any more."""
    play.mirror.seats.clear()
    genuine = play.mirror.take

    def forgetful(datagram: bytes, now: float) -> bytes | None:
        try:
            return genuine(datagram, now)
        except KeyError:
            return None

    play.mirror.take = forgetful  # type: ignore[method-assign]


def test_clients_whose_sessions_break_come_back() -> None:
    play = Play(Mirror(), clients=6)
    play.run(2 * play.mirror.geometry.epoch_rounds)
    forget(play)
    play.run(play.mirror.geometry.epoch_rounds * 2)
    assert len(play.mirror.seats) == 6
    assert play.totals()["sessions"] == 12
    assert play.crowd.in_zone == 6


@pytest.mark.parametrize("rounds", [-5000, 5000])
def test_a_crowd_goes_along_when_rounds_jump(rounds: int) -> None:
    play = Play(Mirror(), clients=6)
    play.run(play.mirror.geometry.epoch_rounds + 50)
    forget(play)
    play.jump(rounds)
    play.run(2 * play.mirror.geometry.epoch_rounds)
    assert abs(play.crowd.told.newest - play.mirror.last) < 3
    assert play.crowd.in_zone == 6


def test_after_a_stall_old_rounds_are_left_out() -> None:
    play = Play(Mirror(), clients=4)
    play.run(60)
    sent = play.totals()["sent"]
    play.now += 0.3
    play.run(30)
    totals = play.totals()
    assert 10 <= totals["skipped"] <= 16
    assert totals["sent"] - sent == pytest.approx(4 * (30 + 15) - 4 * totals["skipped"], abs=8)
    assert totals["sessions"] == 4


def test_whatever_is_random_follows_from_the_seed() -> None:
    one, other = Play(Mirror(), clients=4), Play(Mirror(), clients=4)
    one.run(250)
    other.run(250)
    assert one.totals() == other.totals()
    assert list(one.mirror.seats) == list(other.mirror.seats)


def test_bad_cells_never_leave_the_crowd() -> None:
    play = Play(Mirror(), clients=2)
    dice = Dice.seeded(9)
    sizes = [access.WELCOME_BYTES, access.RETRY_BYTES, DOWN_BYTES, 5, 0]
    try:
        for _ in range(50):
            rubbish = [dice.bytes(size) for size in sizes]
            zeros = [bytes(4) + bytes([9]) + bytes(75), bytes(4) + bytes([10]) + bytes(19)]
            datagrams = rubbish + zeros
            drain = Drain.of(datagrams, [HERE] * len(datagrams), play.now)
            play.crowd.receive(drain, play.now)
            play.run(1)
    except BadCell:
        pytest.fail("a bad datagram got through")
    play.run(100)
    assert play.crowd.joined == 2
