"""What a person does at the screen: keys come in, orders for the engine come out.

Must not know: how keys are read, how orders are sent, how anything is drawn.
"""

from pymix_voice.cli.screen.facts import WITH_SOMEBODY, Facts
from pymix_voice.cli.screen.keys import Ask, meaning
from pymix_voice.cli.screen.prompt import Prompt
from pymix_voice.cli.screen.strokes import Key, Paste


class Desk:
    """The person's side.

    Args:
        facts: how things stand; settings are noted there at once, before the engine tells them.

    Attributes:
        prompt: the line "call whom", while it is written.
        helping: whether the help is shown.
        leaving: whether the engine was asked to end.
    """

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.prompt: Prompt | None = None
        self.helping = False
        self.leaving = False

    def press(self, key: Key, now: float) -> str | None:
        """Take a key.

        Args:
            key: what was typed or pasted.
            now: monotonic seconds.

        Returns:
            An order for the engine, if it is one.
        """
        if self.prompt is not None:
            return self._write(self.prompt, key)
        if isinstance(key, Paste):
            # An address that was pasted a key too early; Enter is still to come.
            if self.facts.state == "idle":
                self.prompt = Prompt(self.facts.contacts, key.text)
            return None
        if key == "escape":
            self.helping = False
            return None
        meant = meaning(key, self.facts)
        if meant == Ask.HELP:
            self.helping = not self.helping
        elif meant == Ask.PROMPT:
            self.prompt = Prompt(self.facts.contacts)
        elif meant is not None:
            self._note(meant, now)
            return meant
        return None

    def leave(self) -> list[str]:
        """The orders that end it all in order."""
        self.prompt = None
        self.leaving = True
        return ["hangup", "quit"]

    def _write(self, prompt: Prompt, key: Key) -> str | None:
        whom = prompt.press(key)
        if prompt.done:
            self.prompt = None
        if whom is None:
            return None
        if self.facts.state in WITH_SOMEBODY:
            self.facts.note("not dialed: there is a call already")
            return None
        return f"dial {whom}"

    def _note(self, order: str, now: float) -> None:
        """What an order will change is shown, and counts for the next key, at once."""
        match order.split():
            case ["mute" | "unmute"]:
                self.facts.set(now, muted=order == "mute")
            case ["ptt", how]:
                self.facts.set(now, push_to_talk=how == "on")
            case ["volume", percent]:
                self.facts.set(now, volume=int(percent))
            case ["verify" | "unverify"]:
                self.facts.set(now, verified=order == "verify")
            case ["quit"]:
                self.leaving = True
