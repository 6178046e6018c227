"""Two phones on a stubbed chain: drops join them, cells come back a round trip later."""

from itertools import pairwise

import pytest
from sizes import BODY_BYTES

from pymix_voice.client.call import PAUSE, Ending
from pymix_voice.client.callkeys import Path
from pymix_voice.client.identity import Identity
from pymix_voice.client.phone import Phone, loop_name
from pymix_voice.client.states import State
from pymix_voice.geometry import Geometry, is_door_round
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.setup import Flag

GEOMETRY = Geometry(3, 20)
EPOCH = 450_000
FIRST = GEOMETRY.first_round(EPOCH)
FRAME = b"\xa5" * BODY_BYTES
ROUNDS = GEOMETRY.epoch_rounds

Named = tuple[tuple[bytes, Flag], tuple[bytes, Flag]]


class End:
    """A phone, what it named for each epoch, and what it said in each round."""

    def __init__(self, seed: int, setup_at: int, strangers: bool = True) -> None:
        dice = Dice.seeded(seed)
        self.identity = Identity(KeyPair.draw(dice), dice.bytes(16), bytes(32))
        self.phone = Phone(
            GEOMETRY, self.identity, contacts=[], strangers=strangers, dice=dice.fork("phone")
        )
        self.setup_at = setup_at
        self.named: dict[int, Named] = {}
        self.said: dict[int, tuple[bytes, bytes | None]] = {}
        self.frame: bytes | None = FRAME

    def states(self) -> list[State]:
        return [event.state for event in self.phone.events]


class Zone:
    """A chain of nothing but a switchboard, with a round trip of so many rounds."""

    def __init__(self, lag: int, *ends: End) -> None:
        self.lag = lag
        self.ends = ends
        self.number = FIRST

    def run(self, rounds: int) -> None:
        for _ in range(rounds):
            self._round(self.number)
            self.number += 1

    def run_until(self, end: End, state: State, limit: int = 4 * ROUNDS) -> None:
        for _ in range(limit):
            if end.phone.state == state:
                return
            self.run(1)
        raise AssertionError(f"{end.phone.state} after {limit} rounds, {end.states()}")

    def _round(self, number: int) -> None:
        epoch, within = GEOMETRY.epoch_of(number), GEOMETRY.within(number)
        for end in self.ends:
            line = end.phone.say_line(epoch, number, end.frame)
            door = end.phone.say_door(epoch, number, end.frame) if is_door_round(number) else None
            if line is not None:
                end.said[number] = line, door
            if within == end.setup_at:
                end.named[epoch + 1] = end.phone.name_drops(epoch + 1)
            if within == GEOMETRY.keys_until:
                end.phone.forget_before(epoch)
            end.phone.pass_round(number)
        if number - self.lag >= FIRST + ROUNDS:
            self._come_back(number - self.lag)

    def _come_back(self, number: int) -> None:
        epoch = GEOMETRY.epoch_of(number)
        for end in self.ends:
            line = self._partner(end, 0, epoch)
            end.phone.hear_line(epoch, number, self._cell(number, *line))
            if is_door_round(number):
                door = self._partner(end, 1, epoch)
                end.phone.hear_door(epoch, number, self._cell(number, *door))

    def _cell(self, number: int, end: End, which: int) -> bytes:
        if which == 1 and not is_door_round(number):
            return bytes(128)
        cell = end.said[number][which]
        assert cell is not None
        return cell

    def _partner(self, end: End, which: int, epoch: int) -> tuple[End, int]:
        """Whose cell comes: the partner's, or one's own."""
        drop, flag = end.named[epoch][which]
        wanted = {Flag.HOST: Flag.GUEST, Flag.GUEST: Flag.HOST, Flag.PLAIN: Flag.PLAIN}[flag]
        for other in self.ends:
            for place in (0, 1):
                if (other, place) != (end, which) and other.named[epoch][place] == (drop, wanted):
                    return other, place
        return end, which


def both(lag: int, alice_at: int = 110, bob_at: int = 115) -> tuple[Zone, End, End]:
    alice, bob = End(1, alice_at), End(2, bob_at)
    zone = Zone(lag, alice, bob)
    zone.run(ROUNDS + 20)
    return zone, alice, bob


def dialed(lag: int, alice_at: int = 110, bob_at: int = 115) -> tuple[Zone, End, End]:
    zone, alice, bob = both(lag, alice_at, bob_at)
    alice.phone.dial(bob.identity.address, zone.number)
    zone.run_until(bob, State.INCOMING)
    return zone, alice, bob


@pytest.mark.parametrize("bob_at", [110, 125])
@pytest.mark.parametrize("lag", [3, 10, 20, 24])
def test_a_call_comes_to_stand_whatever_the_round_trip(lag: int, bob_at: int) -> None:
    zone, alice, bob = dialed(lag, bob_at=bob_at)
    bob.phone.accept(zone.number)
    zone.run_until(alice, State.TALKING)
    zone.run_until(bob, State.TALKING)
    zone.run(2 * lag)
    before = len(alice.phone.heard)
    zone.run(2 * ROUNDS)
    assert len(alice.phone.heard) - before == 2 * ROUNDS
    alice.phone.hang_up(zone.number)
    zone.run_until(bob, State.IDLE)


def talking(lag: int) -> tuple[Zone, End, End]:
    zone, alice, bob = dialed(lag)
    bob.phone.accept(zone.number)
    zone.run_until(alice, State.TALKING)
    zone.run_until(bob, State.TALKING)
    return zone, alice, bob


def test_both_sides_of_a_call_have_the_same_check_digits_and_another_call_has_others() -> None:
    digits = []
    zone, alice, bob = talking(10)
    for _ in range(2):
        assert alice.phone.call is not None
        assert bob.phone.call is not None
        assert alice.phone.call.check == bob.phone.call.check
        digits.append(alice.phone.call.check)
        alice.phone.hang_up(zone.number)
        zone.run_until(bob, State.IDLE)
        bob.phone.dial(alice.identity.address, zone.number)
        zone.run_until(alice, State.INCOMING)
        zone.run_until(bob, State.RINGING)
    assert digits[0] != digits[1]


def test_who_is_muted_is_known_to_be_and_is_heard_again() -> None:
    zone, alice, bob = talking(10)
    alice.frame = PAUSE
    zone.run(30)
    bob.phone.heard.clear()
    zone.run(20)
    assert [heard.frame for heard in bob.phone.heard] == [PAUSE] * 20
    assert bob.phone.call is not None
    assert bob.phone.call.muted_there
    assert bob.phone.state == State.TALKING
    alice.frame = FRAME
    zone.run(30)
    assert bob.phone.heard[-1].frame == FRAME
    assert not bob.phone.call.muted_there


def test_loops_that_come_back_are_told_but_not_those_of_a_knock_at_the_own_door() -> None:
    zone, alice, _ = both(5)
    alice.phone.loops_said.clear()
    alice.phone.loops_back.clear()
    zone.run(16 * ROUNDS)
    said, back = set(alice.phone.loops_said), set(alice.phone.loops_back)
    assert len(said) > 14 * ROUNDS
    late = {loop_name(path, zone.number - round) for path in Path for round in range(1, 6)}
    assert said - back <= late


@pytest.mark.parametrize("setup_at", range(1, 100, 7))
def test_a_call_comes_to_stand_wherever_the_set_up_falls_into_the_dial(setup_at: int) -> None:
    """The next epoch's line may be at the door again when the answer comes: it must go quiet."""
    zone, alice, bob = dialed(10, alice_at=setup_at, bob_at=setup_at)
    bob.phone.accept(zone.number)
    zone.run_until(alice, State.TALKING)
    zone.run_until(bob, State.TALKING)


def test_each_state_is_told_once_on_the_way_to_talking_though_hearing_trails_saying() -> None:
    zone, alice, bob = dialed(20)
    bob.phone.accept(zone.number)
    zone.run_until(alice, State.TALKING)
    zone.run_until(bob, State.TALKING)
    for end in (alice, bob):
        told = end.states()
        assert told.count(State.RECONNECTING) <= 1, "a person is not told to and fro"
        assert all(one != two for one, two in pairwise(told))


def test_a_person_is_told_once_that_the_peer_is_gone() -> None:
    zone, alice, bob = dialed(20)
    bob.phone.accept(zone.number)
    zone.run_until(alice, State.TALKING)
    zone.run_until(bob, State.TALKING)
    bob.named = {epoch: (named[1], named[1]) for epoch, named in bob.named.items()}
    alice.phone.events.clear()
    zone.run(150)
    assert alice.states() == [State.RECONNECTING]


def test_nobody_at_home_is_told_after_two_empty_epochs() -> None:
    zone, alice, _ = both(5)
    alice.phone.dial(End(9, 110).identity.address, zone.number)
    zone.run_until(alice, State.IDLE)
    assert alice.phone.events[-1].ending == Ending.ABSENT


def test_declining_and_giving_up_are_told_to_the_other_side() -> None:
    zone, alice, bob = dialed(5)
    bob.phone.hang_up(zone.number)
    assert bob.phone.events[-1].ending == Ending.DECLINED_HERE
    zone.run_until(alice, State.IDLE)
    assert alice.phone.events[-1].ending == Ending.DECLINED_THERE
