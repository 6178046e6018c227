"""What is under way between the parts of a simulated world, and what waits to be taken.

Datagrams that reach one part at one instant come together, and a gateway gathers its clients' for
some milliseconds, each with the instant at which it came: as at the real edge
(`edge/datapath.py`), and since many cost little more than one.

Must not know: what a datagram is, what a part does with it.
"""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable
from functools import partial

from pymix_voice.lab.agenda import Agenda
from pymix_voice.lab.network import Came, Law, Link, Sent, drain_of
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.drain import Drain


class Traffic(Agenda, ABC):
    """All links, and each part's socket.

    Args:
        now: the first instant, in seconds.
        dice: what links do follows from it.
        gather_s: how long a gateway gathers its clients' datagrams after the first of them; it
            takes them with whatever else comes or is due before.
    """

    def __init__(self, now: float, dice: Dice, gather_s: float) -> None:
        super().__init__(now)
        self.dice = dice
        self._gather_s = gather_s
        self._links: dict[tuple[str, str], Link] = {}
        self._under_way: dict[tuple[float, str], list[Came]] = {}
        self._waiting: defaultdict[str, list[Came]] = defaultdict(list)
        self.trace: list[Sent] | None = None
        self.tap: Callable[[str, str, bytes], bytes | None] | None = None
        """A dishonest link: sees (source, destination, datagram), may change or swallow it."""
        self.seen_as: dict[str, str] = {}
        """The source that others see for a part, if it is not its name: as behind a NAT."""

    @abstractmethod
    def law_of(self, source: str, destination: str) -> Law:
        """How the link between two parts treats datagrams."""

    @abstractmethod
    def gathers(self, name: str, source: str) -> bool:
        """Whether a part lets datagrams from there wait for others."""

    @abstractmethod
    def turn(self, name: str) -> None:
        """A part takes what waits for it, if it can."""

    def link(self, source: str, destination: str) -> Link:
        """One direction between two parts."""
        if (source, destination) not in self._links:
            dice = self.dice.fork(f"net {source} {destination}")
            law = self.law_of(source, destination)
            self._links[source, destination] = Link(law, dice)
        return self._links[source, destination]

    def post(self, source: str, destination: str, datagram: bytes) -> None:
        """Put a datagram on its link."""
        if self.trace is not None:
            self.trace.append(Sent(self.now, source, destination, len(datagram)))
        changed = datagram if self.tap is None else self.tap(source, destination, datagram)
        for arrival in self.link(source, destination).arrivals(self.now, len(datagram)):
            if changed is not None:
                self.bring(arrival, source, destination, changed)

    def bring(self, at: float, source: str, destination: str, datagram: bytes) -> None:
        """A datagram will arrive at an instant."""
        name = self._behind(destination)
        together = self._under_way.setdefault((at, name), [])
        if not together:
            self.at(at, partial(self._arrive, at, name))
        together.append(Came(self.seen_as.get(source, source), datagram, at))

    def deliver(self, source: str, destination: str, datagram: bytes) -> None:
        """A datagram is there, and is taken at once."""
        name = self._behind(destination)
        self._waiting[name].append(Came(self.seen_as.get(source, source), datagram, self.now))
        self.turn(name)

    def taken(self, name: str) -> list[Came]:
        """What waited for a part, in order; it waits no longer."""
        return self._waiting.pop(name, [])

    def drain(self, came: list[Came]) -> Drain:
        """What came, in order, as a part takes it."""
        return drain_of(came)

    def _behind(self, seen: str) -> str:
        """The part that others see under this name."""
        return next((name for name, other in self.seen_as.items() if other == seen), seen)

    def _arrive(self, at: float, name: str) -> None:
        came, waiting = self._under_way.pop((at, name)), self._waiting[name]
        waiting += came
        if not all(self.gathers(name, each.source) for each in came):
            self.turn(name)
        elif waiting[0] is came[0]:
            self.at(self.now + self._gather_s, partial(self._gathered, name, came[0]))

    def _gathered(self, name: str, first: Came) -> None:
        """If it has not been taken meanwhile."""
        if any(each is first for each in self._waiting[name][:1]):
            self.turn(name)
