"""What a person is told about calls: sentences on stderr, or JSON lines on stdout.

Must not know: where events come from.
"""

import sys
from collections.abc import Mapping

from pymix_voice.edge.clock import Clock
from pymix_voice.edge.report import write_line

SENTENCES: Mapping[str, str] = {
    "online": "connected to the gateway",
    "in zone": "in the zone: you can be called, and call ({population} clients in it)",
    "dialing": "dialing ...",
    "ringing": "it rings there ...",
    "incoming": "{who} calls",
    "connecting": "answered; connecting ...",
    "talking": "talking with {who}; both see the check digits {check}, if nobody is between you",
    "reconnecting": "{who} is not heard; waiting ...",
    "ended": "ended: {reason}",
    "note": "{text}",
}
STRANGER = "somebody unknown"


class Teller:
    """Tells events.

    Args:
        as_json: JSON lines on stdout in place of sentences on stderr.
        asks: whether an incoming call is put to the person.
    """

    def __init__(self, *, as_json: bool, asks: bool = False) -> None:
        self._as_json = as_json
        self._asks = asks

    def tell(self, event: str, more: Mapping[str, object]) -> None:
        """Something happened."""
        if self._as_json:
            write_line({"event": event, "t": Clock.now(), **more})
        else:
            self._say(event, more)

    def note(self, text: str) -> None:
        """Something that a person should know."""
        self.tell("note", {"text": text})

    def address(self, text: str, line: str) -> None:
        """Who the person is to others, and what others type."""
        if self._as_json:
            self.tell("address", {"address": text, "call": line})
        else:
            print(f"your address: {text}", flush=True)
            print(f"others call you with:  {line}", file=sys.stderr, flush=True)

    def _say(self, event: str, more: Mapping[str, object]) -> None:
        if event == "summary":
            text = _summary(more)
        else:
            text = SENTENCES.get(event, event).format(**{**more, "who": _who(more)})
        if event == "incoming" and self._asks:
            text += "; answer? [y/n]"
        print(text, file=sys.stderr, flush=True)


def _who(more: Mapping[str, object]) -> str:
    """What a person calls the other side."""
    name = more.get("name")
    if name is None:
        return STRANGER
    return f"{name} (verified)" if more.get("verified") else str(name)


TROUBLES = {
    "frames_repaired": "{} frames repaired",
    "mouth_trouble": "{} times no sound of the microphone",
    "ear_trouble": "{} times no sound for the loudspeaker",
}
"""Told only if there was any."""


def _summary(more: Mapping[str, object]) -> str:
    parts = [f"{more[f'frames_{what}']} frames {what}" for what in ("sent", "heard", "concealed")]
    parts += [text.format(more[name]) for name, text in TROUBLES.items() if more.get(name)]
    if more["output"] is not None:
        parts.append(f"recorded in {more['output']}")
    return ", ".join(parts)
