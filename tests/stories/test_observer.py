"""What an observer of every link sees does not depend on who talks with whom."""

from collections import Counter
from functools import cache

import pytest
from calls import answer, dial, hang_up, online
from sizes import CHUNK_BYTES, DOWN_BYTES, UP_BYTES

from pymix_voice.client.call import PAUSE
from pymix_voice.client.states import State
from pymix_voice.lab.network import Law, Sent
from pymix_voice.lab.world import START, World

DIAL_AT, HANG_UP_AT = START + 5.0, START + 17.0


@cache
def life(
    callee: str | None,
    *,
    declines: bool = False,
    garble: bool = False,
    mutes: bool = False,
) -> World:
    """Twenty seconds of three people, of whom Alice may call one. It is lived once."""
    world = World(seed=5, access=Law(0.005, 0.004, loss=0.01), chain=Law(0.002, 0.001))
    people = {name: world.join(name) for name in ("alice", "bob", "carol")}
    world.trace = []
    if garble:
        # The last mix spoils rows as it likes: every third datagram back has a bit turned.
        turn = Counter[str]()

        def spoil(source: str, destination: str, raw: bytes) -> bytes:
            turn[source] += 1
            if source == "mix3" and turn[source] % 3 == 0:
                return raw[:200] + bytes([raw[200] ^ 1]) + raw[201:]
            return raw

        world.tap = spoil
    world.run(DIAL_AT - START)
    if callee is not None:
        dial(world, people["alice"], people[callee])
    for half_second in range(30):
        world.run(0.5)
        people["alice"].muted = mutes and half_second % 2 == 0
        for name in ("bob", "carol"):
            if people[name].machine.phone.state == State.INCOMING:
                (hang_up if declines else answer)(world, people[name])
        if callee is not None and world.now > HANG_UP_AT:
            hang_up(world, people["alice"])
    if callee is not None and not declines and not garble:
        assert len(people[callee].heard) > 150
    return world


def trace(world: World) -> list[Sent]:
    assert world.trace is not None
    return world.trace


@pytest.mark.parametrize("garble", [False, True])
def test_the_trace_is_the_same_whether_alice_calls_bob_or_carol_or_nobody(garble: bool) -> None:
    worlds = [life(callee, garble=garble) for callee in ("bob", "carol", None)]
    first = trace(worlds[0])
    assert len(first) > 8_000
    assert all(trace(world) == first for world in worlds[1:])


def test_the_trace_is_the_same_when_a_call_is_declined() -> None:
    assert trace(life("bob", garble=False, declines=True)) == trace(life(None, garble=False))


def test_the_trace_is_the_same_when_somebody_mutes_and_speaks_by_turns() -> None:
    muting = life("bob", garble=False, mutes=True)
    heard = [heard.frame for _, heard in muting.people["bob"].heard]
    assert PAUSE in heard
    assert any(frame != PAUSE for frame in heard)
    assert trace(muting) == trace(life(None, garble=False))


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
    world, (begin, seconds) = life("bob", garble=False), (DIAL_AT, 14)
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
    world = life("bob", garble=False)
    for source, destination in (("mix1", "mix2"), ("mix2", "mix1"), ("mix1", "gateway1")):
        sizes = Counter(
            sent.size
            for sent in trace(world)
            if (sent.source, sent.destination) == (source, destination) and sent.at >= DIAL_AT
        )
        assert list(sizes) == [CHUNK_BYTES]
