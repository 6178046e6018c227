"""The line "call whom": typed, pasted or completed to the name of a contact.

Must not know: how a call is made, how the line is drawn.
"""

from collections.abc import Sequence
from itertools import takewhile

from pymix_voice.cli.screen.strokes import Key, Paste

MOST_CHARS = 300
"""An address has ninety, and people's mail programs put something between."""


class Prompt:
    """One line being written.

    Args:
        contacts: names that can be completed to.
        text: what it begins with.

    Attributes:
        text: what is written so far.
        done: whether it was sent off or given up.
    """

    def __init__(self, contacts: Sequence[str], text: str = "") -> None:
        self._contacts = contacts
        self.text = ""
        self.done = False
        self._add(text)

    @property
    def matching(self) -> list[str]:
        """Contacts that begin like this, in any case."""
        begin = self.text.casefold()
        return [name for name in self._contacts if name.casefold().startswith(begin)]

    def press(self, key: Key) -> str | None:
        """Take a key.

        Returns:
            Whom to call, once that is settled.
        """
        match key:
            case Paste(text):
                self._add(text)
            case "enter":
                self.done = True
                return self.text.strip() or None
            case "escape":
                self.done = True
            case "backspace":
                self.text = self.text[:-1]
            case "clear":
                self.text = ""
            case "tab":
                self._complete()
            case _:
                self._add(key)
        return None

    def _add(self, text: str) -> None:
        """An address may come in several lines; an order is one line."""
        self.text = (self.text + "".join(c for c in text if c.isprintable()))[:MOST_CHARS]

    def _complete(self) -> None:
        """As far as all that match agree."""
        matching = self.matching
        if len(matching) == 1:
            self.text = matching[0]
        elif matching:
            self.text = matching[0][: _agreed([name.casefold() for name in matching])]


def _agreed(names: Sequence[str]) -> int:
    """In how many letters all of them are the same."""
    columns = zip(*names, strict=False)
    return sum(1 for _ in takewhile(lambda letters: len(set(letters)) == 1, columns))
