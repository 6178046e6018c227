"""Which key gives which order to the engine, in which state.

A key that does not fit the state does nothing: a letter typed a moment too late must not answer
a call or end one.

Must not know: how keys come in, how orders go out.
"""

from collections.abc import Iterator
from enum import StrEnum

from pymix_voice.cli.screen.facts import IN_CALL, WITH_SOMEBODY, Facts

LOUDEST, STEP = 200, 10
"""Per cent of the volume."""


class Ask(StrEnum):
    """What a key asks of the screen itself."""

    HELP = "help"
    PROMPT = "prompt"


def meaning(key: str, facts: Facts) -> str | Ask | None:
    """What a key means as things stand.

    Returns:
        An order for the engine, something for the screen, or None for nothing.
    """
    match key.lower():
        case "a" if facts.state == "incoming":
            return "answer"
        case "d" if facts.state == "idle":
            return Ask.PROMPT
        case "x" if facts.state in WITH_SOMEBODY:
            return _away(facts)
        case "m":
            return "unmute" if facts.muted else "mute"
        case "p":
            return "ptt off" if facts.push_to_talk else "ptt on"
        case " " if facts.push_to_talk:
            return "talk"
        case "+" | "=":
            return f"volume {min(LOUDEST, facts.volume + STEP)}"
        case "-" | "_":
            return f"volume {max(0, facts.volume - STEP)}"
        case "v" if facts.state in IN_CALL:
            return "unverify" if facts.verified else "verify"
        case "?" | "h":
            return Ask.HELP
        case "q":
            return _away(facts) if facts.state in WITH_SOMEBODY else "quit"
    return None


def _away(facts: Facts) -> str:
    return "decline" if facts.state == "incoming" else "hangup"


def hints(facts: Facts) -> Iterator[tuple[str, str]]:
    """The keys that fit the state, each with a word or two, the most wanted first."""
    if facts.state == "incoming":
        yield "a", "answer"
        yield "x", "decline"
    elif facts.state in WITH_SOMEBODY:
        yield "x", "hang up"
    elif facts.state == "idle":
        yield "d", "dial"
    if facts.push_to_talk and facts.state in IN_CALL:
        yield "space", "hold to talk"
    yield "m", "unmute" if facts.muted else "mute"
    yield "p", "talk freely" if facts.push_to_talk else "push-to-talk"
    if facts.state in IN_CALL:
        yield "+ -", "volume"
        yield "v", "not verified" if facts.verified else "same digits"
    yield "?", "help"
    if facts.state not in WITH_SOMEBODY:
        yield "q", "quit"


HELP = (
    ("a", "answer the call that comes in"),
    ("x", "decline it, or hang up"),
    ("d", "call somebody: a contact's name, or an address"),
    ("m", "mute or unmute your microphone"),
    ("p", "push-to-talk on or off"),
    ("space", "hold it to talk, while push-to-talk is on"),
    ("+ -", "louder or softer, here only"),
    ("v", "both have the same check digits; again: take that back"),
    ("?", "show or hide this"),
    ("q", "hang up; if no call is on, leave"),
    ("Ctrl-C", "hang up and leave; twice: at once"),
)
"""Every key, for who asks."""
