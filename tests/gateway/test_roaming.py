"""Roaming: where a client's datagrams go while it is on the move."""

import pytest
from entries import ROUND, client, entry, hear, snapshot, upward
from hypothesis import given
from hypothesis import strategies as st
from zones import FUZZ

from pymix_voice.errors import BadCell, Drop
from pymix_voice.gateway.entry import Entry
from pymix_voice.gateway.sessions import SILENT_ROUNDS, Session
from pymix_voice.zone import access
from pymix_voice.zone.drain import Address

PLACES = st.sampled_from([b"home", b"train", b"ship"])


def where_to(at: Entry, session: Session) -> Address | None:
    """Where the next datagram for a client goes; None if none may go now."""
    slots, where = at.destinations(ROUND)
    to = dict(zip(slots.tolist(), where.tolist(), strict=True))
    return to.get(session.slot)


def where_of(at: Entry, people: list[Session]) -> list[Address | None]:
    """Where one round's datagrams go."""
    slots, where = at.destinations(ROUND)
    assert slots.tolist() == sorted(set(slots.tolist()))
    to = dict(zip(slots.tolist(), where.tolist(), strict=True))
    return [to.get(each.slot) for each in people]


def test_a_client_that_is_heard_from_home_is_answered_there() -> None:
    at = entry()
    _, session = client(at)
    assert where_to(at, session) is None
    hear(at, session, ROUND, b"home")
    assert at.sessions.confirmed[session.slot]
    assert [where_to(at, session) for _ in range(3)] == [b"home"] * 3


def test_elsewhere_gets_one_datagram_for_one_until_the_challenge_comes_back() -> None:
    at = entry()
    _, session = client(at)
    hear(at, session, ROUND, b"home")
    hear(at, session, ROUND + 1, b"elsewhere")
    challenge = session.challenge
    assert len(challenge) == access.CHALLENGE_BYTES
    assert [where_to(at, session) for _ in range(2)] == [b"elsewhere", None]
    hear(at, session, ROUND + 2, b"elsewhere")
    assert session.challenge == challenge
    assert [where_to(at, session) for _ in range(2)] == [b"elsewhere", None]
    at.answer_challenge(session.slot, challenge, b"elsewhere")
    assert [where_to(at, session) for _ in range(3)] == [b"elsewhere"] * 3
    assert session.challenge == b""
    assert not at.sessions.moving


def test_a_challenge_counts_only_whole_from_there_and_while_it_is_asked() -> None:
    at = entry()
    _, session = client(at)
    for answer, source in ((b"", b"home"), (bytes(8), b"home")):
        with pytest.raises(BadCell):
            at.answer_challenge(session.slot, answer, source)
    hear(at, session, ROUND, b"elsewhere")
    challenge = session.challenge
    for answer, source in ((challenge, b"home"), (bytes(8), b"elsewhere"), (b"", b"elsewhere")):
        with pytest.raises(BadCell) as caught:
            at.answer_challenge(session.slot, answer, source)
        assert caught.value.reason == Drop.UNEXPECTED
    assert at.sessions.sources[session.slot] == b"home"


def test_who_is_heard_at_home_again_has_not_moved() -> None:
    at = entry()
    _, session = client(at)
    hear(at, session, ROUND, b"elsewhere")
    challenge = session.challenge
    hear(at, session, ROUND + 1, b"home")
    assert where_to(at, session) == b"home"
    with pytest.raises(BadCell):
        at.answer_challenge(session.slot, challenge, b"elsewhere")


def test_an_older_round_from_elsewhere_moves_nobody() -> None:
    at = entry()
    _, session = client(at)
    hear(at, session, ROUND + 5, b"home")
    hear(at, session, ROUND + 4, b"elsewhere")
    hear(at, session, ROUND + 5, b"elsewhere")
    assert not session.candidate
    assert where_to(at, session) == b"home"


def test_a_copy_said_from_elsewhere_moves_nobody_even_in_the_same_drain() -> None:
    """Whoever copies datagrams on their way could else draw a client's answers away."""
    at = entry()
    _, session = client(at)
    copied = upward((session, ROUND, b"home"), (session, ROUND, b"elsewhere"))
    at.heard(copied, ROUND)
    assert not session.candidate
    at.heard(upward((session, ROUND + 2, b"home"), (session, ROUND + 1, b"elsewhere")), ROUND)
    assert not session.candidate
    assert where_to(at, session) == b"home"


def test_who_was_elsewhere_and_came_home_within_one_drain_has_not_moved() -> None:
    at = entry()
    _, session = client(at)
    hear(at, session, ROUND, b"home")
    at.heard(upward((session, ROUND + 1, b"elsewhere"), (session, ROUND + 2, b"home")), ROUND)
    assert not session.candidate
    assert not at.sessions.moving
    assert where_to(at, session) == b"home"


def test_each_move_has_a_challenge_of_its_own() -> None:
    at = entry()
    _, session = client(at)
    hear(at, session, ROUND, b"one")
    first = session.challenge
    hear(at, session, ROUND + 1, b"two")
    assert session.challenge != first
    with pytest.raises(BadCell):
        at.answer_challenge(session.slot, first, b"one")


def test_several_move_in_one_drain_each_for_itself() -> None:
    at = entry()
    people = [client(at, b"home %d" % seed, seed)[1] for seed in range(4)]
    one, two, three, four = people
    at.heard(upward(*((each, ROUND, b"home %d" % seed) for seed, each in enumerate(people))), ROUND)
    moves = [
        (one, ROUND + 1, b"train"),
        (two, ROUND + 1, b"home 1"),
        (three, ROUND + 1, b"ship"),
        (one, ROUND + 2, b"train"),
        (four, ROUND + 1, b"ship"),
    ]
    at.heard(upward(*moves), ROUND)
    assert set(at.sessions.moving) == {one.slot, three.slot, four.slot}
    challenges = {each.challenge for each in (one, three, four)}
    assert len(challenges) == 3
    assert [each.allowance for each in (one, three, four)] == [2, 1, 1]
    homes = [b"train", b"home 1", b"ship", b"ship"]
    assert [where_of(at, people) for _ in range(3)] == [
        homes,
        [b"train", b"home 1", None, None],
        [None, b"home 1", None, None],
    ]
    with pytest.raises(BadCell):
        at.answer_challenge(four.slot, three.challenge, b"ship")
    at.answer_challenge(three.slot, three.challenge, b"ship")
    assert where_of(at, people) == [None, b"home 1", b"ship", None]


def test_who_is_silent_uses_up_no_allowance_and_who_is_forgotten_moves_no_more() -> None:
    at = entry()
    _, session = client(at)
    hear(at, session, ROUND, b"elsewhere")
    slots, _ = at.destinations(ROUND + SILENT_ROUNDS + 1)
    assert len(slots) == 0
    assert where_to(at, session) == b"elsewhere"
    at.sessions.remove(session)
    assert not at.sessions.moving
    _, after = client(at, b"new home", seed=5)
    assert after.slot == session.slot
    hear(at, after, ROUND, b"new home")
    assert where_to(at, after) == b"new home"


@FUZZ
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 12)), max_size=40))
def test_an_unproved_place_never_gets_more_than_came_from_it(steps: list[tuple[bool, int]]) -> None:
    at = entry()
    _, session = client(at)
    up = down = 0
    for says, offset in steps:
        if says:
            hear(at, session, ROUND + offset, b"elsewhere")
            up += 1
        else:
            down += where_to(at, session) == b"elsewhere"
    assert down <= up


@FUZZ
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), PLACES), max_size=6), max_size=6
    )
)
def test_a_drain_moves_whom_its_datagrams_would_move_one_by_one(
    drains: list[list[tuple[int, int, Address]]],
) -> None:
    one, other = entry(), entry()
    people = [[client(at, seed=seed)[1] for seed in (2, 3, 4)] for at in (one, other)]
    for last, drain in enumerate(drains, ROUND):
        one.heard(upward(*((people[0][who], ROUND + n, at) for who, n, at in drain)), last)
        for who, offset, at in drain:
            other.heard(upward((people[1][who], ROUND + offset, at)), last)
        assert snapshot(one) == snapshot(other)
        for mine, same in zip(*people, strict=True):
            assert (mine.candidate, mine.challenge, mine.allowance) == (
                same.candidate,
                same.challenge,
                same.allowance,
            )
        assert where_of(one, people[0]) == where_of(other, people[1])
