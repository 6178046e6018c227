"""Hellos in a crowd: cookies that only their true source has."""

from collections import Counter

import pytest

from pymix_voice.errors import BadCell, Drop
from pymix_voice.gateway.porter import (
    AT_ONCE_S,
    COOKIE_SLOT_S,
    FREE_HELLOS,
    MOST_ASKED,
    MOST_AT_ONCE,
    Porter,
)
from pymix_voice.geometry import ACCESS_HEADER_BYTES
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.zone import access
from pymix_voice.zone.drain import Address

NO_COOKIE = bytes(access.COOKIE_BYTES)


def porter() -> Porter:
    dice = Dice.seeded(2)
    return Porter(KeyPair.draw(dice), b"prologue", dice)


def crowd(at: Porter, now: float) -> None:
    """So many that cookies are asked for from now on."""
    for number in range(FREE_HELLOS):
        before = now - 1.1 * (FREE_HELLOS - number) * AT_ONCE_S / MOST_AT_ONCE
        assert at.check_load(NO_COOKIE, b"crowd %d" % number, before) is None


def cookie_for(at: Porter, source: Address, now: float) -> bytes:
    retry = at.check_load(NO_COOKIE, source, now)
    assert retry is not None
    assert len(retry) == access.RETRY_BYTES
    return retry[ACCESS_HEADER_BYTES:]


def test_a_few_hellos_a_second_need_no_cookie() -> None:
    at = porter()
    for step in range(500):
        assert at.check_load(NO_COOKIE, b"anybody", 1000.0 + step / (FREE_HELLOS - 1)) is None


def test_in_a_crowd_a_cookie_is_asked_for_and_taken_from_its_source_only() -> None:
    at = porter()
    crowd(at, 1000.0)
    cookie = cookie_for(at, b"alice", 1000.1)
    assert at.check_load(cookie, b"alice", 1000.2) is None
    assert at.check_load(cookie, b"bob", 1000.2) is not None
    assert at.check_load(bytes([cookie[0] ^ 1]) + cookie[1:], b"alice", 1000.2) is not None
    assert at.check_load(cookie[:-1], b"alice", 1000.2) is not None


@pytest.mark.parametrize(("later", "valid"), [(COOKIE_SLOT_S, True), (2 * COOKIE_SLOT_S, False)])
def test_a_cookie_lives_for_its_slot_and_the_one_after(later: float, valid: bool) -> None:
    at = porter()
    crowd(at, 1000.0)
    cookie = cookie_for(at, b"alice", 1000.0)
    crowd(at, 1000.0 + later)
    assert (at.check_load(cookie, b"alice", 1000.0 + later) is None) == valid


def outcome(at: Porter, cookie: bytes, source: Address, now: float) -> str:
    """What becomes of a hello."""
    try:
        return "answered" if at.check_load(cookie, source, now) is None else "asked"
    except BadCell as bad:
        return bad.reason


def test_few_hellos_are_answered_within_a_round_be_there_as_many_cookies_as_may() -> None:
    at = porter()
    crowd(at, 999.5)
    sources = [b"many %d" % number for number in range(1000)]
    cookies = [cookie_for(at, source, 999.5 + n / 2500) for n, source in enumerate(sources)]
    found = Counter(
        outcome(at, cookies[step], sources[step], 1000.1 + step / 4000) for step in range(1000)
    )
    assert set(found) == {"answered", Drop.BUSY}
    most = 0.25 / AT_ONCE_S * MOST_AT_ONCE
    assert found["answered"] == pytest.approx(most, abs=MOST_AT_ONCE)
    assert outcome(at, cookies[0], sources[0], 1000.45) == "answered"


@pytest.mark.parametrize("cookie", [NO_COOKIE, b"made up by them!"])
def test_not_all_of_a_flood_are_asked_for_a_cookie(cookie: bytes) -> None:
    at = porter()
    crowd(at, 1000.0)
    instants = [1000.0 + step / 20_000 for step in range(2000)]
    found = Counter(outcome(at, cookie, b"flood", now) for now in instants)
    assert set(found) == {"asked", Drop.BUSY}
    assert found["asked"] == pytest.approx(0.1 / AT_ONCE_S * MOST_ASKED, abs=MOST_ASKED)


def test_another_gateway_takes_no_cookie_of_this_one() -> None:
    at, other = porter(), Porter(KeyPair.draw(Dice.seeded(5)), b"prologue", Dice.seeded(6))
    crowd(at, 1000.0)
    crowd(other, 1000.0)
    cookie = cookie_for(at, b"alice", 1000.0)
    assert other.check_load(cookie, b"alice", 1000.0) is not None


def test_hellos_that_are_sent_back_do_not_lengthen_the_crowd() -> None:
    at = porter()
    crowd(at, 1000.0)
    for step in range(100):
        assert at.check_load(NO_COOKIE, b"flood", 1000.0 + step / 120) is not None
    assert at.check_load(NO_COOKIE, b"alice", 1001.001) is None


@pytest.mark.parametrize("now", [0.0, 5.0, 15.0])
def test_a_gateway_can_be_asked_in_the_first_seconds_of_its_clock(now: float) -> None:
    """The monotonic clock of a machine starts near zero; a service starts soon after it."""
    assert porter().check_load(NO_COOKIE, b"alice", now) is None
