"""What the call screen shows: who, how things stand, and how good it is, in words."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from pymix_voice.cli.screen.facts import ALWAYS_THERE, CAN_BE_ABSENT, WITH_SOMEBODY
from pymix_voice.cli.screen.figures import FLOOR_DB, HOLD_S, SILENT_DB, Peak, bar, clock
from pymix_voice.cli.screen.view import HINT_S, STALE_S, STATES, View
from pymix_voice.client.states import State

TALKING: dict[str, Any] = {
    "event": "status",
    "t": 100.0,
    "state": "talking",
    "name": "bob",
    "check": "4821 0937 5560",
    "seconds": 192.4,
    "level_in": -30.0,
    "level_out": -20.0,
    "mouth_to_ear_ms": 312.0,
    "loss": 0.012,
    "loss_after": 0.0,
    "playout_ms": 60.0,
    "chain_loss": 0.001,
    "chain_ms": 181.0,
    "population": 12,
    "input": "USB headset",
    "output": "speakers",
}


def shown(view: View, width: int = 80, height: int | None = None, now: float = 100.0) -> str:
    console = Console(file=io.StringIO(), width=width, legacy_windows=False)
    with console.capture() as capture:
        console.print(view.render(width, now, height))
    return capture.get()


def seen(*events: dict[str, Any], now: float = 100.0) -> str:
    """All words on the screen after these events, on one line, a space apart."""
    view = View()
    for event in events:
        view.take(event)
    return " ".join(shown(view, now=now).replace("│", " ").split())


def test_every_state_of_the_client_has_its_words() -> None:
    assert {state.value for state in State} <= set(STATES)
    assert set(STATES) >= WITH_SOMEBODY


@pytest.mark.parametrize("state", STATES)
def test_the_state_is_told_in_words(state: str) -> None:
    assert STATES[state] in seen({"event": "status", "state": state})


def test_a_call_shows_who_how_long_and_how_good() -> None:
    told = seen(TALKING)
    for part in (
        "bob not verified",
        "03:12",
        "in call",
        "4821 0937 5560 read these aloud",
        "312 ms from mouth to ear, estimated; playout 60 ms",
        "1.2 % -> 0.0 % after repair",
        "181 ms through it, 0.1 % lost; measured by loop cells",
        "12 clients share it",
        "in: USB headset out: speakers",
        "-30 dB",
        "-20 dB",
    ):
        assert part in told
    for part in ("poor", "so-so", "overruns", "underruns", "silent"):
        assert part not in told


def test_somebody_who_is_no_contact_is_somebody_unknown() -> None:
    assert "somebody unknown" in seen({"event": "incoming", "name": None, "verified": False})
    assert "not verified" not in seen({"event": "incoming", "name": None, "verified": False})


def test_a_verified_contact_is_marked_with_a_word() -> None:
    told = seen(TALKING | {"verified": True})
    assert "bob ✓ verified" in told
    assert "4821 0937 5560 verified" in told
    assert "read these aloud" not in told


def test_events_change_the_state_before_the_next_status_does() -> None:
    assert STATES["online"] in seen({"event": "online"})
    assert STATES["idle"] in seen({"event": "online"}, {"event": "in zone", "population": 3})
    assert STATES["ringing"] in seen({"event": "ringing", "name": "bob", "verified": True})


def test_coming_online_again_does_not_end_a_call() -> None:
    assert "in call" in seen(TALKING, {"event": "online"}, {"event": "in zone", "population": 3})


def test_how_a_call_ended_stays_until_the_next_one() -> None:
    over = {"event": "ended", "t": 165.0, "reason": "the other side hung up", "name": "bob"}
    talking = {"event": "talking", "t": 100.0, "name": "bob", "verified": True}
    told = seen(talking, over)
    assert "bob (verified): 01:05, the other side hung up" in told
    assert "no call" in told
    assert "hung up" not in seen(talking, over, {"event": "incoming", "name": None})


def test_what_stays_in_the_terminal_tells_every_call() -> None:
    view = View()
    for event in (
        {"event": "dialing", "t": 1.0, "name": "carol", "verified": False},
        {"event": "ended", "t": 40.0, "reason": "nobody answered", "name": "carol"},
        {"event": "talking", "t": 50.0, "name": None, "verified": False},
        {"event": "ended", "t": 60.0, "reason": "you hung up"},
        {"event": "summary", "frames_sent": 9, "frames_heard": 8, "output": "b.wav"},
        {"event": "summary"},
    ):
        view.take(event)
    assert list(view.facts.afterwards) == [
        "call with carol: nobody answered",
        "call with somebody unknown: 00:10, you hung up",
        "9 frames sent, 8 frames heard, recorded in b.wav",
    ]


def test_poor_figures_are_poor_in_words() -> None:
    worse = {"mouth_to_ear_ms": 900.0, "loss": 0.3, "loss_after": 0.02, "chain_loss": 0.2}
    told = seen(TALKING | worse)
    assert "900 ms from mouth to ear, estimated (poor)" in told
    assert "30.0 % -> 2.0 % after repair (so-so)" in told
    assert "20.0 % lost (poor)" in told


def test_loss_without_repair_is_told_alone() -> None:
    assert "loss 30.0 % (poor)" in seen(TALKING | {"loss": 0.3, "loss_after": None})


def test_overruns_and_underruns_are_told_when_there_are_any() -> None:
    told = seen(TALKING | {"overruns": 3, "underruns": 2})
    assert "3 overruns of the microphone" in told
    assert "2 underruns of the speaker" in told


QUIET = TALKING | {"level_in": -80.0}
SILENCE = "your microphone has been silent for"


def test_a_microphone_that_hears_nothing_is_told_of() -> None:
    later = 100.0 + HINT_S
    assert SILENCE not in seen(QUIET, now=later - 0.1)
    assert f"{SILENCE} 5 s" in seen(QUIET, QUIET | {"t": later}, now=later)


@pytest.mark.parametrize(
    "between",
    [
        {"muted": True},
        {"level_in": -40.0},
        {"state": "reconnecting"},
        {"push_to_talk": True, "speaking": False},
        {"input": "nothing"},
    ],
)
def test_a_microphone_that_need_not_hear_anything_is_not(between: dict[str, object]) -> None:
    later = 100.0 + HINT_S
    events = (QUIET, QUIET | between | {"t": later}, QUIET | {"t": later + 1})
    assert SILENCE not in seen(*events, now=later + 1)


def test_muting_and_push_to_talk_are_told_beside_the_microphone() -> None:
    assert "muted" in seen(TALKING | {"muted": True})
    assert "space: talk" in seen(TALKING | {"push_to_talk": True})
    assert "speaking" in seen(TALKING | {"push_to_talk": True, "speaking": True})
    assert "in call; the other side is muted" in seen(TALKING | {"peer_muted": True})


def test_the_last_notes_are_shown_in_their_order() -> None:
    notes = [{"event": "note", "text": f"note {number}"} for number in range(5)]
    told = seen(*notes)
    assert "note 2 note 3 note 4" in told
    assert "note 1" not in told


def test_at_rest_the_line_that_others_type_is_shown() -> None:
    address = {"event": "address", "address": "pymix1abc", "call": "pymix-voice call pymix1abc"}
    at_rest = {"event": "status", "state": "idle"}
    assert "call me pymix-voice call pymix1abc" in seen(address, at_rest)
    assert "call me" not in seen(address, TALKING)
    assert "call me pymix1abc" in seen({"event": "address", "address": "pymix1abc"}, at_rest)


def test_an_address_is_not_in_a_repr() -> None:
    view = View()
    view.take({"event": "address", "address": "pymix1abc", "call": "pymix-voice call pymix1abc"})
    assert "pymix1abc" not in repr(view.facts)


def test_an_engine_that_tells_nothing_more_is_told_of() -> None:
    assert "told nothing" not in seen(TALKING, now=100.0 + STALE_S - 0.1)
    assert "the engine has told nothing for 3 s" in seen(TALKING, now=100.0 + STALE_S)


def test_what_a_name_holds_cannot_steer_the_terminal() -> None:
    told = seen(TALKING | {"name": "bob\x1b[2J\u202eeve"})
    assert "\x1b" not in told
    assert "\u202e" not in told


@pytest.mark.parametrize(
    "number",
    [10**400, -(10**400), float("inf"), float("nan"), True, "5"],
    ids=["huge", "low", "infinite", "nan", "flag", "text"],
)
def test_a_number_that_is_none_changes_nothing(number: object) -> None:
    told = {"t": number, "seconds": number, "level_in": number, "population": number}
    assert "bob" in seen(TALKING | told)
    assert "None" not in seen(TALKING | told)


def test_the_keys_that_fit_are_in_the_last_lines() -> None:
    view = View()
    view.take({"event": "incoming", "name": "bob", "verified": False})
    assert "a answer   x decline" in shown(view, height=24).splitlines()[23]
    assert len(shown(view, height=24).splitlines()) == 24


def test_what_does_not_fit_is_left_out_but_never_who_and_the_keys() -> None:
    view = View()
    view.take(TALKING)
    for height in range(6, 24):
        lines = shown(view, 60, height).splitlines()
        assert len(lines) == height
        assert "bob" in lines[1]
        assert "x hang up" in lines[-2] + lines[-1]
    assert "4821 0937 5560" in shown(view, 60, 12)
    assert "USB headset" not in shown(view, 60, 12)


def test_a_terminal_without_unicode_is_given_ascii() -> None:
    view = View()
    view.take(TALKING | {"name": "Zoë", "verified": True})
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    Console(file=file, width=60).print(view.render(60, 100.0))
    file.seek(0)
    told = file.read()
    assert "Zo?  * verified" in told
    assert "####" in told


def test_the_help_names_every_key() -> None:
    view = View()
    view.desk.press("?", 0.0)
    told = shown(view, 60)
    for key in ("a ", "x ", "d ", "m ", "p ", "space", "+ -", "v ", "?", "q ", "Ctrl-C"):
        assert f"│ {key}" in told
    view.desk.press("?", 0.0)
    assert "Ctrl-C" not in shown(view)


def test_the_prompt_shows_what_is_written_and_whom_it_may_mean() -> None:
    view = View()
    view.take({"event": "status", "state": "idle", "contacts": ["bob", "bobby", "carol"]})
    for key in "db":
        view.desk.press(key, 0.0)
    told = shown(view, 60)
    assert "call whom: b_" in told
    assert "contacts: bob, bobby " in told
    view.desk.press("z", 0.0)
    assert "none that begins like this" in shown(view, 60)


# ── figures ──────────────────────────────────────────────────────────────────────────────────


def test_a_bar_is_empty_at_the_floor_and_full_at_full_scale() -> None:
    assert bar(FLOOR_DB, SILENT_DB, 10).plain == "·" * 10
    assert bar(0.0, 0.0, 10).plain == "█" * 10
    assert bar(-30.0, -12.0, 10).plain == "█████··│··"


@given(st.floats(-200, 50), st.floats(-200, 50), st.integers(1, 60))
def test_a_bar_is_as_wide_as_asked_for(level: float, peak: float, cells: int) -> None:
    assert cell_len(bar(level, peak, cells).plain) == cells


def test_a_peak_stands_and_then_falls_slowly() -> None:
    peak = Peak()
    peak.take(-10.0, 5.0)
    peak.take(-40.0, 5.5)
    assert peak.at(5.0 + HOLD_S) == -10.0
    assert -40.0 < peak.at(5.0 + HOLD_S + 1) < -10.0
    assert peak.at(100.0) == SILENT_DB


def test_durations_are_minutes_and_seconds_and_hours_if_any() -> None:
    assert [clock(seconds) for seconds in (-1, 0, 59.9, 60, 3600)] == [
        *("00:00", "00:00", "00:59", "01:00", "1:00:00"),
    ]


# ── whatever an engine tells ─────────────────────────────────────────────────────────────────

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=40),
    st.lists(st.one_of(st.text(max_size=8), st.integers()), max_size=3),
    st.sampled_from(sorted(STATES)),
)
FIELDS = sorted({*CAN_BE_ABSENT, *ALWAYS_THERE, "t", "text", "reason", "address", "call"})
EVENTS = [*sorted(WITH_SOMEBODY), "status", "note", "address", "online", "in zone", "ended", "?"]
EVENT = st.builds(
    lambda event, more: {"event": event, **more},
    st.sampled_from(EVENTS),
    st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=8),
)


@pytest.mark.slow
@given(st.lists(EVENT, max_size=6), st.integers(20, 120), st.integers(6, 40))
def test_nothing_that_an_engine_tells_breaks_the_screen(
    events: list[dict[str, object]], width: int, height: int
) -> None:
    view = View()
    for event in events:
        view.take(event)
    lines = shown(view, width, height).splitlines()
    assert all(cell_len(line) <= width for line in lines)


def test_what_cannot_be_read_changes_nothing() -> None:
    view = View()
    view.take(TALKING | {"volume": 90})
    view.take({"event": "status", "volume": "loud", "muted": None, "contacts": "bob", "state": 3})
    facts = view.facts
    assert (facts.volume, facts.muted, facts.contacts, facts.state) == (90, False, (), "talking")
