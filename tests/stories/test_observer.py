"""What an observer of all links sees, and what mixes are told, is the same whoever calls whom."""

from collections import Counter
from functools import cache

import numpy as np
import pytest
from calls import answer, dial, hang_up, online
from numpy.typing import NDArray
from sizes import BODY_BYTES, CHUNK_BYTES, DOWN_BYTES, UP_BYTES

from pymix_voice.client.call import PAUSE
from pymix_voice.client.states import State
from pymix_voice.lab.network import Law, Sent
from pymix_voice.lab.simulate.views import Viewed
from pymix_voice.lab.world import START, World
from pymix_voice.mix.circuits import Circuits
from pymix_voice.mix.machine import Mix

DIAL_AT, HANG_UP_AT = START + 5.0, START + 17.0
LIFE_S = 20.0
CALLEES = ("bob", "carol", None)


class Garbler(Mix):
    """A last mix that spoils rows: those that are joined, or those that are not."""

    joined: bool

    def _send_up(self, number: int, circuits: Circuits, cells: NDArray[np.uint8]) -> None:
        order = circuits._order(number)
        spoiled = (order != np.arange(len(order))) == self.joined
        cells[spoiled] ^= 1
        super()._send_up(number, circuits, cells)


class GarblesJoined(Garbler):
    joined = True


class GarblesLone(Garbler):
    joined = False


class Life(Viewed):
    """A world whose last mix may be dishonest, and whose people may shout."""

    last: type[Mix] = Mix
    loud = False

    def mix_kind(self, hop: int) -> type[Mix]:
        return self.last if hop == 2 else super().mix_kind(hop)

    def frame(self, name: str) -> bytes | None:
        frame = super().frame(name)
        return bytes(BODY_BYTES) if self.loud and frame else frame


class LifeJoined(Life):
    last = GarblesJoined


class LifeLone(Life):
    last = GarblesLone


class Betrayed(Life):
    """Once in a while, who talks says so."""

    def frame(self, name: str) -> bytes | None:
        person = self.people[name]
        if person.machine.phone.state == State.TALKING and person.frames % 50 == 0:
            self.post(name, "gateway1", bytes(UP_BYTES))
        return super().frame(name)


@cache
def life(
    callee: str | None,
    *,
    kind: type[Life] = Life,
    declines: bool = False,
    garble: bool = False,
    mutes: bool = False,
    loud: bool = False,
    drops: bool = False,
    redials: bool = False,
) -> Life:
    """Twenty seconds of three people, of whom Alice may call one. It is lived once.

    Args:
        callee: whom she calls.
        kind: of world.
        declines: whether the callee does.
        garble: whether the last mix spoils every third datagram.
        mutes: whether Alice is muted by turns.
        loud: whether frames are other ones.
        drops: whether the gateway drops some of Alice's cells, and Bob's set-ups, in the call.
        redials: whether the callee hangs up early, and Alice dials again and again.
    """
    world = kind(seed=5, access=Law(0.005, 0.004, loss=0.01), chain=Law(0.002, 0.001))
    people = {name: world.join(name) for name in ("alice", "bob", "carol")}
    world.trace, world.loud = [], loud
    setup_bytes, turn = world.zone.geometry.setup_bytes, Counter[str]()

    def tap(source: str, destination: str, raw: bytes) -> bytes | None:
        turn[source] += 1
        if garble and source == "mix3" and turn[source] % 3 == 0:
            return raw[:200] + bytes([raw[200] ^ 1]) + raw[201:]
        if drops and world.now > DIAL_AT + 8:
            cell = source == "alice" and len(raw) == UP_BYTES and turn[source] % 5 == 0
            setup = source == "bob" and len(raw) == setup_bytes
            return None if cell or setup else raw
        return raw

    world.tap = tap
    with world.joining():
        world.run(DIAL_AT - START)
        if callee is not None:
            dial(world, people["alice"], people[callee])
        for half_second in range(int(2 * (LIFE_S - (DIAL_AT - START)))):
            world.run(0.5)
            people["alice"].muted = mutes and half_second % 2 == 0
            for name in ("bob", "carol"):
                if people[name].machine.phone.state == State.INCOMING:
                    (hang_up if declines else answer)(world, people[name])
            if callee is not None and redials and half_second == 18:
                hang_up(world, people[callee])
            if callee is not None and redials and half_second in (20, 22):
                dial(world, people["alice"], people[callee])
            if callee is not None and world.now > HANG_UP_AT:
                hang_up(world, people["alice"])
    plain = not (declines or garble or drops or kind is not Life)
    if callee is not None and plain:
        assert len(people[callee].heard) > (100 if redials else 150)
    return world


def trace(world: World) -> list[Sent]:
    assert world.trace is not None
    return world.trace


def same(*worlds: Life) -> bool:
    """Whether neither the observer of all links nor any part but clients can tell them apart."""
    first, *others = worlds
    assert len(trace(first)) > 8_000
    names = ["gateway1", *first.mix_names]
    assert all(len(first.views[name]) > 1_000 for name in names)
    return all(
        trace(world) == trace(first) and all(world.view(name) == first.view(name) for name in names)
        for world in others
    )


def test_all_is_the_same_whether_alice_calls_bob_or_carol_or_nobody() -> None:
    assert same(*(life(callee) for callee in CALLEES))


def test_all_is_the_same_when_the_last_mix_garbles_every_third_datagram() -> None:
    assert same(life("bob", garble=True), life(None, garble=True))


def test_the_last_mix_sees_that_somebody_calls_but_not_who() -> None:
    by_bob, by_carol, by_nobody = (life(callee).joins for callee in CALLEES)
    assert by_bob == by_carol
    assert max(joins.lines_joined for joins in by_bob.values()) == 1
    assert all(joins.lines_joined == 0 for joins in by_nobody.values())
    rows = {epoch: (joins.lines, joins.doors) for epoch, joins in by_bob.items()}
    assert rows == {epoch: (joins.lines, joins.doors) for epoch, joins in by_nobody.items()}


def test_all_is_the_same_when_a_call_is_declined() -> None:
    assert same(life("bob", declines=True), life(None))


def test_all_is_the_same_when_the_other_side_hangs_up_and_is_dialed_again_and_again() -> None:
    redialing = life("bob", redials=True)
    states = redialing.people["alice"].states
    assert State.IDLE in states[states.index(State.TALKING) :]
    assert states.count(State.DIALING) == 3
    assert same(redialing, life(None))


def test_all_is_the_same_when_somebody_mutes_and_speaks_by_turns_and_says_other_things() -> None:
    muting = life("bob", mutes=True, loud=True)
    assert {heard.frame for _, heard in muting.people["bob"].heard} == {PAUSE, bytes(BODY_BYTES)}
    assert same(muting, life(None))


@pytest.mark.parametrize("kind", [LifeJoined, LifeLone])
def test_all_is_the_same_when_the_last_mix_garbles_joined_or_lone_rows_only(
    kind: type[Life],
) -> None:
    called, quiet = life("bob", kind=kind), life(None, kind=kind)
    assert same(called, quiet)
    # It did what it could: who is in a call hears nothing, who is not gets no cell of their own.
    if kind is LifeJoined:
        assert not called.people["bob"].heard
        assert quiet.people["carol"].machine.loops_back > 300
    else:
        assert quiet.people["carol"].machine.loops_back == 0


def test_all_is_the_same_when_the_gateway_drops_the_callers_cells_and_the_callees_setups() -> None:
    dropped = life("bob", drops=True)
    assert State.TALKING in dropped.people["bob"].states
    assert same(dropped, life(None, drops=True))


def test_a_client_that_gives_its_call_away_is_seen() -> None:
    """The comparison can fail: a datagram more, now and then, from who talks."""
    assert not same(life("bob", kind=Betrayed), life(None))


def test_the_same_seed_gives_the_same_bytes() -> None:
    def record(seed: int) -> list[tuple[str, str, bytes]]:
        seen: list[tuple[str, str, bytes]] = []
        world = World(seed=seed, access=Law(0.005, 0.004, loss=0.01, reorder=0.02))

        def tap(source: str, destination: str, raw: bytes) -> bytes:
            seen.append((source, destination, raw))
            return raw

        world.tap = tap
        alice, bob = world.join("alice"), world.join("bob")
        online(world, alice, bob)
        dial(world, alice, bob)
        world.run(6)
        return seen

    once = record(7)
    assert once == record(7)
    assert once != record(8)


def test_every_client_sends_and_gets_cells_of_one_size_at_one_rate() -> None:
    world, (begin, seconds) = life("bob"), (DIAL_AT, 14)
    setup_bytes = world.zone.geometry.setup_bytes
    for name in ("alice", "bob", "carol"):
        steady = [sent for sent in trace(world) if begin <= sent.at < begin + seconds]
        up = Counter(sent.size for sent in steady if sent.source == name)
        down = Counter(sent.size for sent in steady if sent.destination == name)
        assert set(up) == {UP_BYTES, setup_bytes}
        assert set(down) == {DOWN_BYTES}
        assert up[UP_BYTES] == pytest.approx(seconds * 55, abs=2)
        assert down[DOWN_BYTES] == pytest.approx(seconds * 55, abs=3)


def test_every_mix_sends_whole_rounds_of_one_size_each_way() -> None:
    world = life("bob")
    for source, destination in (("mix1", "mix2"), ("mix2", "mix1"), ("mix1", "gateway1")):
        sizes = Counter(
            sent.size
            for sent in trace(world)
            if (sent.source, sent.destination) == (source, destination) and sent.at >= DIAL_AT
        )
        assert list(sizes) == [CHUNK_BYTES]
