"""Who gets what when, in virtual time: the relay without its sockets."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymix_voice.lab.network import Law
from pymix_voice.lab.profiles import PROFILES, find
from pymix_voice.lab.relay.course import Course, Kind, Way
from pymix_voice.onion.dice import Dice

STILL = Law(0.01, jitter=0.0)


def way(law: Law, seed: int = 1, kind: Kind = "access") -> Way:
    return Way(kind, law, Dice.seeded(seed))


def all_due(course: Course[Way]) -> list[tuple[float, bytes]]:
    """Everything under way, each when it is due."""
    came = []
    while (now := course.deadline()) < math.inf:
        for handed in course.due(now):
            assert all(due <= now for due in handed.dues)
            came += list(zip(handed.dues, handed.datagrams, strict=True))
    return came


def test_nothing_is_due_before_its_time_and_all_of_it_then() -> None:
    course, one = Course[Way](), way(STILL)
    for number in range(3):
        course.take(one, bytes([number]), 1.0 + number / 1000)
    assert course.deadline() == 1.01
    assert course.due(1.009) == []
    [handed] = course.due(1.0115)
    assert (handed.way, handed.datagrams) == (one, [b"\0", b"\1"])
    assert course.waiting == 1
    assert course.due(2.0)[0].datagrams == [b"\2"]
    assert course.deadline() == math.inf


def test_ways_do_not_wait_for_each_other_and_each_keeps_its_order() -> None:
    course = Course[Way]()
    slow, fast = way(Law(0.05, jitter=0.0)), way(STILL, kind="chain")
    for number in range(4):
        course.take(slow if number % 2 else fast, bytes([number]), 0.0)
    assert [handed.datagrams for handed in course.due(0.02)] == [[b"\0", b"\2"]]
    assert [handed.datagrams for handed in course.due(0.06)] == [[b"\1", b"\3"]]
    assert (course.counts["access"].given, course.counts["chain"].given) == (2, 2)
    assert course.counts["access"].reordered == 0


def test_what_is_overtaken_is_counted_and_second_copies_are_not() -> None:
    course = Course[Way]()
    one = way(Law(0.01, jitter=0.0, reorder=0.1, duplicate=0.2))
    for number in range(5_000):
        course.take(one, number.to_bytes(2, "big"), number / 1000)
    came = [int.from_bytes(datagram, "big") for _, datagram in all_due(course)]
    counts = course.counts["access"]
    highest, overtaken, seen = -1, 0, set[int]()
    for number in came:
        overtaken += number < highest and number not in seen
        highest = max(highest, number)
        seen.add(number)
    assert counts.given == len(came)
    assert counts.copies == len(came) - len(seen) > 500
    assert counts.reordered == overtaken > 300


@pytest.mark.parametrize("name", PROFILES)
def test_each_profile_loses_on_access_links_what_it_says_and_nothing_in_the_chain(
    name: str,
) -> None:
    profile, course = find(name), Course[Way]()
    access, chain = way(profile.access), way(profile.chain, kind="chain")
    for number in range(20_000):
        course.take(access, b"cell", number * 0.02)
        course.take(chain, b"chunk", number * 0.02)
    all_due(course)
    lost = course.counts["access"].lost / 20_000
    assert lost == pytest.approx(profile.access.loss, abs=0.02)
    assert course.counts["chain"].lost == 0
    assert course.counts["chain"].given == 20_000
    assert course.counts["access"].came == 20_000


@given(
    st.lists(st.tuples(st.floats(0, 0.01), st.booleans(), st.binary(max_size=9)), max_size=100),
    st.integers(0, 99),
)
def test_everything_is_given_out_lost_or_dropped(
    sends: list[tuple[float, bool, bytes]], seed: int
) -> None:
    law = Law(0.01, loss=0.1, burst=2.0, wait=0.01, rate=2_000.0, queue=30.0, reorder=0.1)
    course, ways, now = Course[Way](), [way(law, seed), way(law, seed + 1, "chain")], 0.0
    for gap, which, datagram in sends:
        now += gap
        course.take(ways[which], datagram, now)
    dues = [due for due, _ in all_due(course)]
    assert dues == sorted(dues)
    for counts in course.counts.values():
        assert counts.came == counts.given + counts.lost + counts.dropped
