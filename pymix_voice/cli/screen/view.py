"""What a person sees of a call: who, how things stand, levels, quality, and the keys that fit.

Pure: events and instants come in, something that rich can draw comes out.

Must not know: the terminal, the engine's process.
"""

from collections.abc import Iterable, Iterator, Mapping

from rich.cells import cell_len
from rich.text import Text

from pymix_voice.cli.screen.desk import Desk
from pymix_voice.cli.screen.facts import IN_CALL, STARTING, WITH_SOMEBODY, Facts
from pymix_voice.cli.screen.figures import (
    CHAIN_LOSS,
    CHECK,
    DELAY_MS,
    LOSS,
    LOSS_AFTER,
    TOO_LOUD_DB,
    Peak,
    bar,
    clock,
    decibels,
    judged,
    percent,
)
from pymix_voice.cli.screen.frame import EDGES, LABEL_COLUMNS, Frame, Row
from pymix_voice.cli.screen.keys import HELP, hints
from pymix_voice.cli.screen.prompt import Prompt

TITLE = "pymix-voice"
STATES: Mapping[str, str] = {
    STARTING: "starting ...",
    "offline": "not connected; looking for the gateway ...",
    "online": "connected to the gateway; waiting for a place in the zone ...",
    "idle": "in the zone: you can be called, and call",
    "dialing": "dialing ...",
    "ringing": "it rings there ...",
    "incoming": "calls you; answer?",
    "connecting": "answered; connecting ...",
    "talking": "in call",
    "reconnecting": "not heard just now; reconnecting ...",
}
"""Every state in words."""
HINT_S = 5.0
"""A microphone that has been silent for so long is told of."""
STALE_S = 3.0
"""An engine that has told nothing for so long is told of."""
NOTES_SHOWN = 3
BAR_CELLS = range(10, 41)


class View:
    """The screen of one engine.

    Attributes:
        facts: what the engine has told.
        desk: what the person is doing.
    """

    def __init__(self) -> None:
        self.facts = Facts()
        self.desk = Desk(self.facts)

    def take(self, event: Mapping[str, object]) -> None:
        """The engine told something."""
        self.facts.take(event)

    def render(self, width: int, now: float, height: int | None = None) -> Frame:
        """The picture at an instant.

        Args:
            width: columns of the terminal.
            now: monotonic seconds, on the clock of the events' "t".
            height: lines of the terminal; None for as many as it takes.
        """
        rows = _help() if self.desk.helping else self._rows(width, now)
        return Frame(TITLE, tuple(rows), tuple(self._below(width)), height)

    def _rows(self, width: int, now: float) -> Iterator[Row]:
        facts = self.facts
        yield self._who()
        yield Row(Text.assemble((self._state(), "bold")))
        yield from self._warnings(now)
        yield _BLANK
        if facts.state == "idle":
            yield from self._at_rest()
        yield self._meter("you", facts.level_in, facts.peak_in, width, now)
        yield self._meter("them", facts.level_out, facts.peak_out, width, now)
        yield _BLANK
        yield from self._check()
        yield from self._quality()
        yield from self._surroundings()
        notes = list(facts.notes)[-NOTES_SHOWN:]
        if notes:
            yield _BLANK
        for age, note in zip(range(len(notes) - 1, -1, -1), notes, strict=True):
            yield Row(Text(note), spare=(1, 4, 5)[age])

    def _who(self) -> Row:
        facts = self.facts
        if facts.state not in WITH_SOMEBODY:
            return Row(Text.assemble(("no call", "dim")))
        who = Text.assemble((facts.who, "bold cyan"))
        if facts.verified:
            who.append(f"  {CHECK} verified", "green")
        elif facts.name:
            who.append("  not verified", "yellow")
        lasted = "" if facts.seconds is None else clock(facts.seconds)
        return Row(who, right=Text.assemble((lasted, "bold")))

    def _state(self) -> str:
        facts = self.facts
        if self.desk.leaving:
            return "leaving ..."
        words = STATES.get(facts.state, facts.state)
        if facts.state == "talking" and facts.peer_muted:
            words += "; the other side is muted"
        return words

    def _warnings(self, now: float) -> Iterator[Row]:
        """What a person should do something about."""
        facts = self.facts
        if facts.told_at is not None and now - facts.told_at >= STALE_S:
            yield _warning(f"the engine has told nothing for {now - facts.told_at:.0f} s")
        since = facts.silent_since
        if since is not None and now - since >= HINT_S and not self.desk.leaving:
            yield _warning(f"your microphone has been silent for {now - since:.0f} s")
        if facts.overruns:
            yield Row(Text.assemble((f"{facts.overruns} overruns of the microphone", "yellow")))
        if facts.underruns:
            yield Row(Text.assemble((f"{facts.underruns} underruns of the speaker", "yellow")))

    def _at_rest(self) -> Iterator[Row]:
        facts = self.facts
        if facts.ending:
            yield Row(Text(facts.ending), "last")
        if facts.call or facts.address:
            yield Row(Text(facts.call or facts.address or ""), "call me", spare=2)
        if facts.ending or facts.call or facts.address:
            yield _BLANK

    def _meter(self, who: str, level: float, peak: Peak, width: int, now: float) -> Row:
        facts = self.facts
        mine = who == "you"
        lit = facts.state in IN_CALL and not (mine and (facts.muted or self._key_is_up))
        room = width - EDGES - LABEL_COLUMNS - 24
        cells = min(max(room, BAR_CELLS[0]), BAR_CELLS[-1])
        shown = peak.at(now)
        text = bar(level, shown, cells, lit=lit)
        text.append(decibels(level), "" if lit else "dim")
        if mine:
            text.append_text(self._microphone())
        elif facts.volume != 100:
            text.append(f"  volume {facts.volume} %", "dim")
        if lit and shown >= TOO_LOUD_DB:
            text.append("  too loud", "red")
        return Row(text, who, spare=1)

    @property
    def _key_is_up(self) -> bool:
        return self.facts.push_to_talk and not self.facts.speaking

    def _microphone(self) -> Text:
        facts = self.facts
        if facts.muted:
            return Text.assemble(("  muted", "bold yellow"))
        if not facts.push_to_talk:
            return Text()
        if facts.speaking:
            return Text.assemble(("  speaking", "bold green"))
        return Text.assemble(("  space: talk", "yellow"))

    def _check(self) -> Iterator[Row]:
        facts = self.facts
        if not facts.check or facts.state not in IN_CALL:
            return
        if facts.verified:
            yield Row(Text.assemble((f"{facts.check}  verified", "dim")), "check", spare=6)
        else:
            text = Text.assemble(
                (facts.check, "bold"), "  read these aloud; v if both have the same"
            )
            yield Row(text, "check", spare=1)

    def _quality(self) -> Iterator[Row]:
        facts = self.facts
        if facts.mouth_to_ear_ms is not None:
            ms = facts.mouth_to_ear_ms
            text = judged(f"{ms:.0f} ms from mouth to ear, estimated", ms, DELAY_MS)
            if facts.playout_ms is not None:
                text.append(f"; playout {facts.playout_ms:.0f} ms", "dim")
            yield Row(text, "delay", spare=2)
        elif facts.playout_ms is not None:
            text = Text.assemble((f"playout {facts.playout_ms:.0f} ms", "dim"))
            yield Row(text, "delay", spare=2)
        if facts.loss is not None and facts.loss_after is not None:
            words = f"{percent(facts.loss)} -> {percent(facts.loss_after)} after repair"
            yield Row(judged(words, facts.loss_after, LOSS_AFTER), "loss", spare=2)
        elif facts.loss is not None:
            yield Row(judged(percent(facts.loss), facts.loss, LOSS), "loss", spare=2)

    def _surroundings(self) -> Iterator[Row]:
        facts = self.facts
        chain = []
        if facts.chain_ms is not None:
            chain.append(Text.assemble((f"{facts.chain_ms:.0f} ms through it", "dim")))
        if facts.chain_loss is not None:
            chain.append(judged(f"{percent(facts.chain_loss)} lost", facts.chain_loss, CHAIN_LOSS))
        if chain:
            text = (
                Text.assemble((", ", "dim")).join(chain).append("; measured by loop cells", "dim")
            )
            yield Row(text, "chain", spare=6)
        if facts.population:
            words = f"{facts.population} clients share it"
            yield Row(Text.assemble((words, "dim")), "zone", spare=7)
        devices = {"in": facts.input, "out": facts.output}
        words = "   ".join(f"{way}: {name}" for way, name in devices.items() if name)
        if words:
            yield Row(Text.assemble((words, "dim")), "sound", spare=8)

    def _below(self, width: int) -> Iterable[Text]:
        prompt = self.desk.prompt
        return _wrapped_hints(self.facts, width) if prompt is None else _prompted(prompt)


_BLANK = Row(Text(), spare=9)


def _warning(words: str) -> Row:
    return Row(Text.assemble((words, "yellow")))


def _help() -> Iterator[Row]:
    for key, words in HELP:
        yield Row(Text(words), key)


def _prompted(prompt: Prompt) -> Iterator[Text]:
    names = ", ".join(prompt.matching) or "none that begins like this"
    yield Text.assemble(("call whom: ", "bold"), prompt.text, ("_", "blink"))
    yield Text.assemble(("contacts: ", "dim"), names)
    yield Text.assemble(("Enter calls, Tab completes a name, Esc cancels", "dim"))


def _wrapped_hints(facts: Facts, width: int) -> Iterator[Text]:
    """Lines of hints; none is torn apart."""
    line = Text()
    for key, word in hints(facts):
        hint = Text.assemble((key, "bold"), f" {word}")
        if line and cell_len(line.plain) + 3 + cell_len(hint.plain) > width:
            yield line
            line = Text()
        line.append("   " if line else "").append_text(hint)
    yield line
