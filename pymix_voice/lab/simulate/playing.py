"""People and faults of a scenario, played in a world.

Must not know: what must hold.
"""

from collections import Counter, deque
from functools import partial

from pymix_voice.client.states import State
from pymix_voice.lab.simulate.observed import Observed
from pymix_voice.lab.simulate.scenario import Act, Do, Draw, Fault, Guest, Kind, Scenario
from pymix_voice.mix.machine import Mix

LOOK_S = 0.5
"""How often rules look, and people see whether it rings."""
REMEMBERED = 400
"""So many datagrams are kept, to be said again."""
_JUNK_SIZES = (0, 1, 7, 8, 24, 120, 152, 152, 176, 346, 1199, 1200, 1200, 1400)


class Play:
    """What a scenario makes of a world.

    Args:
        scenario: what happens.
        world: where; it has run for no time yet.

    Attributes:
        faults: how often each kind came.
    """

    def __init__(self, scenario: Scenario, world: Observed) -> None:
        self._scenario = scenario
        self._world = world
        self._draw = Draw(world.dice.fork("play"))
        self._junk = Draw(world.dice.fork("junk"))
        self._recent: deque[tuple[str, str, bytes]] = deque(maxlen=REMEMBERED)
        self.faults = Counter[str]()
        self._guests = {guest.name: guest for guest in scenario.guests}
        self._away: dict[str, float] = {}
        self._ringing: dict[str, float] = {}
        self._down: set[str] = set()
        begin = world.began
        for guest in scenario.guests:
            world.at(begin + guest.joins_at, partial(self._join, guest))
        for act in scenario.acts:
            world.at(begin + act.at, partial(self._do, act))
        for fault in scenario.faults:
            world.at(begin + fault.at, partial(self._strike, fault))
        if any(fault.kind == Kind.REPLAY for fault in scenario.faults):
            world.tap = self._remember
        self._look()

    def _remember(self, source: str, destination: str, datagram: bytes) -> bytes:
        self._recent.append((source, destination, datagram))
        return datagram

    def _look(self) -> None:
        self._answer()
        self._world.look()
        self._world.at(self._world.now + LOOK_S, self._look)

    # ── people ───────────────────────────────────────────────────────────────────────────

    def _join(self, guest: Guest) -> None:
        world = self._world
        if guest.name in world.parts:
            return
        contacts = list(world.people.values()) if self._scenario.contacts else []
        world.join(
            guest.name,
            gateway=guest.gateway,
            worker=guest.worker,
            contacts=[person for person in contacts if person.name != guest.name],
            strangers=guest.strangers,
        )

    def _do(self, act: Act) -> None:
        world = self._world
        if act.who not in world.parts:
            return
        person = world.people[act.who]
        phone, number = person.machine.phone, person.machine.number
        match act.what:
            case Do.DIAL if act.whom in world.people and phone.call is None and number > 0:
                phone.dial(world.people[act.whom].identity.address, number)
            case Do.DIAL if act.at < self._scenario.seconds - self._scenario.calm_s - 1:
                # Not yet: in a second.
                self._world.at(world.now + 1.0, partial(self._do, act._replace(at=act.at + 1)))
                return
            case Do.HANG_UP:
                phone.hang_up(number)
            case Do.MUTE:
                person.muted = not person.muted
            case Do.LEAVE:
                world.kill(act.who)
                world.at(world.now + act.seconds, partial(self._join, self._guests[act.who]))
                return
            case _:
                return
        if not world.is_stalled(act.who):
            world.touch(act.who)

    def _answer(self) -> None:
        """Whoever it rings for answers or declines, after some seconds."""
        world = self._world
        for name, guest in self._guests.items():
            if name not in world.parts or world.is_stalled(name):
                continue
            phone = world.people[name].machine.phone
            if phone.state != State.INCOMING:
                self._ringing.pop(name, None)
            elif name not in self._ringing:
                self._ringing[name] = world.now + self._draw.between(0.3, 4.0)
            elif world.now >= self._ringing[name]:
                number = world.people[name].machine.number
                if self._draw.chance(guest.answers):
                    phone.accept(number)
                else:
                    phone.hang_up(number)
                world.touch(name)

    # ── faults ───────────────────────────────────────────────────────────────────────────

    def _strike(self, fault: Fault) -> None:
        world = self._world
        over = world.now + fault.seconds
        self.faults[fault.kind.value] += 1
        match fault.kind:
            case Kind.PARTITION:
                ends = self._ends(fault.names)
                self._cut(ends, True)
                world.at(over, partial(self._cut, ends, False))
            case Kind.CONTROL:
                world.cut_control((fault.names[0], fault.names[1]))
                world.at(over, partial(world.mend_control, (fault.names[0], fault.names[1])))
            case Kind.CRASH:
                for name in fault.names:
                    if name in world.parts:
                        self._down.add(name)
                        world.kill(name)
                        world.at(over, partial(self._back, name, fault.amount))
            case Kind.STALL:
                if not world.is_stalled(fault.names[0]):
                    world.stall(fault.names[0], fault.seconds)
            case Kind.CLOCK:
                self._set_clock(fault.names[0], fault.amount)
                world.at(over, partial(self._set_clock, fault.names[0], 0.0))
            case Kind.JUNK | Kind.REPLAY:
                for number in range(int(fault.amount * fault.seconds) + 1):
                    world.at(world.now + number / fault.amount, partial(self._throw, fault))
            case Kind.ROAM:
                name = fault.names[0]
                world.seen_as[name] = f"{name}-{self.faults[fault.kind.value]}"

    def _ends(self, names: tuple[str, ...]) -> tuple[str, str]:
        one, other = names
        if not other:
            guest = self._guests[one]
            worker = f".{guest.worker + 1}" if guest.worker else ""
            other = f"gateway{guest.gateway + 1}{worker}"
        return one, other

    def _cut(self, ends: tuple[str, str], cut: bool) -> None:
        for pair in (ends, ends[::-1]):
            self._world.link(*pair).cut = cut

    def _back(self, name: str, skew: float) -> None:
        if name in self._down:
            self._down.discard(name)
            self._world.unix_skew[name] = skew
            self._world.restart(name)

    def _set_clock(self, name: str, skew: float) -> None:
        self._world.unix_skew[name] = skew
        part = self._world.parts.get(name)
        if isinstance(part, Mix):
            part.set_clock(self._world.time_of(name), self._world.unix_of(name))

    def calm(self) -> None:
        """No fault is left: all clocks are set right."""
        for name in self._world.mix_names:
            self._set_clock(name, 0.0)

    def _throw(self, fault: Fault) -> None:
        """Junk, or something that was said before, and maybe a bit of it is turned."""
        world, junk, target = self._world, self._junk, fault.names[0]
        if fault.kind == Kind.JUNK:
            source = junk.pick(["a stranger", *world.mix_names, *world.people])
            world.deliver(source, target, junk.dice.bytes(junk.pick(_JUNK_SIZES)))
        elif self._recent:
            source, destination, raw = self._recent[junk.dice.below(len(self._recent))]
            if raw and junk.chance(0.3):
                turned = bytearray(raw)
                turned[junk.dice.below(len(raw))] ^= 1 << junk.dice.below(8)
                raw = bytes(turned)
            if junk.chance(0.3):
                source = "a thief"
            world.deliver(source, destination, raw)
