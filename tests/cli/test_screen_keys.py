"""Keys at the call screen become orders, each only where it fits."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymix_voice.cli.screen.desk import Desk
from pymix_voice.cli.screen.facts import MINE_S, WITH_SOMEBODY, Facts
from pymix_voice.cli.screen.keys import Ask, hints, meaning
from pymix_voice.cli.screen.prompt import MOST_CHARS, Prompt
from pymix_voice.cli.screen.strokes import Key, Paste, Strokes
from pymix_voice.cli.screen.view import STATES

CONTACTS = ("bob", "Bobby", "carol", "Zoë")


def facts(state: str = "idle", **more: Any) -> Facts:
    return Facts(state=state, contacts=CONTACTS, **more)


@pytest.mark.parametrize(
    ("key", "stand", "order"),
    [
        ("a", facts("incoming"), "answer"),
        ("A", facts("incoming"), "answer"),
        ("a", facts("talking"), None),
        ("a", facts("idle"), None),
        ("x", facts("incoming"), "decline"),
        ("x", facts("dialing"), "hangup"),
        ("x", facts("talking"), "hangup"),
        ("x", facts("idle"), None),
        ("d", facts("idle"), Ask.PROMPT),
        ("d", facts("talking"), None),
        ("d", facts("offline"), None),
        ("m", facts("talking"), "mute"),
        ("m", facts("talking", muted=True), "unmute"),
        ("p", facts("idle"), "ptt on"),
        ("p", facts("talking", push_to_talk=True), "ptt off"),
        (" ", facts("talking", push_to_talk=True), "talk"),
        (" ", facts("talking"), None),
        ("+", facts("talking"), "volume 110"),
        ("=", facts("talking"), "volume 110"),
        ("+", facts("talking", volume=195), "volume 200"),
        ("-", facts("talking"), "volume 90"),
        ("-", facts("talking", volume=4), "volume 0"),
        ("v", facts("talking"), "verify"),
        ("v", facts("talking", verified=True), "unverify"),
        ("v", facts("incoming"), None),
        ("?", facts("talking"), Ask.HELP),
        ("q", facts("talking"), "hangup"),
        ("q", facts("incoming"), "decline"),
        ("q", facts("idle"), "quit"),
        ("q", facts("offline"), "quit"),
        ("z", facts("talking"), None),
        ("enter", facts("incoming"), None),
    ],
)
def test_a_key_means_something_only_where_it_fits(
    key: str, stand: Facts, order: str | Ask | None
) -> None:
    assert meaning(key, stand) == order


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("push_to_talk", [False, True])
def test_every_key_that_is_hinted_at_does_something(state: str, push_to_talk: bool) -> None:
    stand = facts(state, push_to_talk=push_to_talk)
    for keys, _ in hints(stand):
        for key in keys.replace("space", "SPACE").split():
            assert meaning(key.replace("SPACE", " "), stand) is not None


# ── bytes to keys ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"am+", ["a", "m", "+"]),
        ("ë".encode(), ["ë"]),
        (b"\r\n\t\x7f\x08\x15", ["enter", "enter", "tab", "backspace", "backspace", "clear"]),
        (b"\x01\x04\x00", []),
        (b"\x1b[A\x1b[1;5Cm", ["m"]),  # arrows: the A is not an answer
        (b"\x1bOAm", ["m"]),
        (b"\x1bam", ["m"]),  # Alt-a
        (b"\x1b[200~pymix1qax\n\x1b[201~m", [Paste("pymix1qax\n"), "m"]),
    ],
)
def test_bytes_become_keys(data: bytes, keys: list[Key]) -> None:
    assert Strokes().feed(data) == keys


def test_escape_is_a_key_once_nothing_follows_it() -> None:
    strokes = Strokes()
    assert strokes.feed(b"\x1b") == []
    assert strokes.waiting
    assert strokes.flush() == ["escape"]
    assert strokes.flush() == []
    assert strokes.feed(b"\x1b[") == []
    assert strokes.flush() == []
    assert strokes.feed(b"\x1b\x1b[A") == ["escape"]


@given(st.text(alphabet="am \x1b[O1;~ë\r", max_size=30), st.lists(st.integers(0, 30), max_size=6))
def test_it_does_not_matter_how_bytes_are_cut(text: str, cuts: list[int]) -> None:
    data = text.encode()
    whole, cut = Strokes(), Strokes()
    places = [0, *sorted(min(each, len(data)) for each in cuts), len(data)]
    keys = [key for begin, end in pairwise(places) for key in cut.feed(data[begin:end])]
    assert keys == whole.feed(data)


@given(st.lists(st.binary(max_size=20), max_size=5))
def test_no_bytes_break_the_keys(pieces: list[bytes]) -> None:
    strokes = Strokes()
    for piece in pieces:
        strokes.feed(piece)
    strokes.flush()


def test_a_paste_that_is_too_long_still_has_an_end() -> None:
    strokes = Strokes()
    keys = strokes.feed(b"\x1b[200~")
    for _ in range(40):
        keys += strokes.feed(b"q" * 1000)
    keys += strokes.feed(b"\x1b[20")
    keys += strokes.feed(b"1~m")
    (paste, key) = keys
    assert isinstance(paste, Paste)
    assert len(paste.text) < 5000
    assert key == "m"


# ── the line "call whom" ─────────────────────────────────────────────────────────────────────


def written(*keys: Key) -> tuple[str, str | None]:
    prompt = Prompt(CONTACTS)
    answers = [prompt.press(key) for key in keys]
    return prompt.text, answers[-1] if answers else None


def test_a_line_is_written_corrected_and_sent() -> None:
    assert written(*"carp", "backspace", *"ol", "enter") == ("carol", "carol")
    assert written(*"carp", "clear", *"bob", "enter") == ("bob", "bob")


def test_an_empty_line_calls_nobody() -> None:
    assert written("enter") == ("", None)
    assert written(" ", "enter") == (" ", None)


def test_tab_completes_as_far_as_the_contacts_agree() -> None:
    assert written("c", "tab")[0] == "carol"
    assert written("B", "tab")[0] == "bob"
    assert written(*"bobb", "tab")[0] == "Bobby"
    assert written("z", "tab")[0] == "Zoë"
    assert written("x", "tab")[0] == "x"
    assert written("tab")[0] == ""


def test_a_pasted_address_is_one_line() -> None:
    assert written(Paste("pymix1abc\r\ndef\x1b[A"), "enter")[1] == "pymix1abcdef[A"
    assert len(written(Paste("x" * 9999))[0]) == MOST_CHARS


# ── the desk ─────────────────────────────────────────────────────────────────────────────────


def pressed(desk: Desk, *keys: Key) -> list[str]:
    orders = [desk.press(key, 10.0) for key in keys]
    return [order for order in orders if order is not None]


def test_dialing_is_a_line_of_its_own() -> None:
    desk = Desk(facts())
    assert pressed(desk, *"dca", "tab", "enter") == ["dial carol"]
    assert desk.prompt is None
    assert pressed(desk, *"dx", "escape") == []
    assert desk.prompt is None


def test_letters_in_the_line_are_no_orders() -> None:
    desk = Desk(facts())
    assert pressed(desk, *"dmpqxa") == []
    assert desk.prompt is not None


def test_a_call_that_comes_while_a_line_is_written_is_not_answered_by_it() -> None:
    stand = facts()
    desk = Desk(stand)
    pressed(desk, "d")
    stand.take({"event": "incoming", "name": "bob", "verified": True})
    assert pressed(desk, *"anna", "enter") == []
    assert stand.notes[-1] == "not dialed: there is a call already"
    assert pressed(desk, "a") == ["answer"]


def test_a_paste_without_a_line_opens_one_and_calls_nobody() -> None:
    desk = Desk(facts())
    assert pressed(desk, Paste("pymix1qxa\n")) == []
    assert pressed(desk, "enter") == ["dial pymix1qxa"]
    desk = Desk(facts("talking"))
    assert pressed(desk, Paste("xxqqmm")) == []
    assert desk.prompt is None


def test_a_setting_counts_at_once_even_against_an_older_status() -> None:
    stand = facts("talking")
    desk = Desk(stand)
    older = {"event": "status", "t": 10.1, "volume": 100, "muted": False, "verified": False}
    assert pressed(desk, "+") == ["volume 110"]
    stand.take(older)
    assert pressed(desk, *"+mv") == ["volume 120", "mute", "verify"]
    stand.take(older)
    assert (stand.volume, stand.muted, stand.verified) == (120, True, True)
    stand.take(older | {"t": 10.1 + MINE_S})
    assert (stand.volume, stand.muted, stand.verified) == (100, False, False)


def test_leaving_hangs_up_first_and_forgets_the_line() -> None:
    desk = Desk(facts())
    pressed(desk, *"dbo")
    assert desk.leave() == ["hangup", "quit"]
    assert desk.prompt is None
    assert desk.leaving


ORDERS = {"answer", "decline", "dial", "hangup", "mute", "unmute", "ptt", "talk", "volume"}
ORDERS |= {"verify", "unverify", "quit"}
KEY = st.one_of(
    st.characters(codec="utf-8"),
    st.sampled_from([*"adxmpv+-?q ", "enter", "escape", "tab", "backspace", "clear"]),
    st.builds(Paste, st.text(max_size=20)),
)


@given(st.lists(st.tuples(KEY, st.sampled_from(sorted(STATES))), max_size=30))
def test_whatever_is_typed_gives_orders_of_one_line(strokes: list[tuple[Key, str]]) -> None:
    stand = facts()
    desk = Desk(stand)
    for key, state in strokes:
        stand.state = state
        order = desk.press(key, 0.0)
        if order is not None:
            assert order.split()[0] in ORDERS
            assert order.splitlines() == [order]
            assert 0 <= stand.volume <= 200
            assert order != "quit" or state not in WITH_SOMEBODY


def test_an_escape_sequence_without_end_is_passed_over_in_pieces() -> None:
    """Each byte of it would else be looked at again with every one that follows."""
    strokes = Strokes()
    keys = strokes.feed(b"\x1b[")
    for _ in range(1000):
        keys += strokes.feed(b"1" * 40)
    assert len(strokes._rest) < 64
    assert set(keys) == {"1"}
